"""The inside of the guard: `python -m mailboxes.parsing.guarded JOB OPTIONS < input > answer`."""

import json
import resource
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mailboxes.parsing.guard import CPU_SECONDS, MEMORY, to_plain
from mailboxes.parsing.values import Unparsable


def _mail(payload: bytes) -> Any:
    from mailboxes.parsing.mail import read_mail
    from mailboxes.parsing.text import render_html

    return read_mail(payload, render=render_html)


def _html(payload: bytes) -> Any:
    from mailboxes.parsing.text import render_html

    return render_html(payload.decode())


def _calendar(payload: bytes, *, now: str, history_from: str | None, timezone: str) -> Any:
    from mailboxes.parsing.calendar import read_calendar

    start = datetime.fromisoformat(history_from) if history_from else None
    return read_calendar(payload, now=datetime.fromisoformat(now), history_from=start, timezone=timezone)


# Each imports its parser when called: the limits below come first.
JOBS: dict[str, Callable[..., Any]] = {"mail": _mail, "html": _html, "calendar": _calendar}


def main(job: str, options: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer = JOBS[job](sys.stdin.buffer.read(), **json.loads(options))
        reply = {"answer": to_plain(answer)}
    except Unparsable as refusal:
        reply = {"refused": str(refusal)}
    json.dump(reply, sys.stdout, default=datetime.isoformat)


if __name__ == "__main__":
    main(*sys.argv[1:])
