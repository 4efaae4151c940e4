"""Runs a parser on hostile input in a process of its own that can be killed.

A time limit inside our own process does not stop C code, and a memory limit there hits everybody.
The child has no credentials in its environment, and its answer comes back as JSON: whatever the
input manages to do to it, it can only hand over strings and numbers.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from mailboxes.parsing.values import Unparsable

CPU_SECONDS = 5
WALL_SECONDS = 25  # on a busy machine 5 s of CPU take longer
MEMORY = 300 * 1024 * 1024

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parents[2]
_TOO_MUCH = "This item was built in a way that takes too much time or memory to read."


def run(job: str, payload: bytes, answer: type[T], **options: Any) -> T:
    """The answer of `mailboxes.parsing.guarded.JOBS[job]`; Unparsable when it died or refused."""
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mailboxes.parsing.guarded",
                job,
                json.dumps(options, default=datetime.isoformat),
            ],
            input=payload,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            cwd=_ROOT,
            env=_environment(),
            start_new_session=True,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise Unparsable(_TOO_MUCH) from error
    if done.returncode != 0:
        raise Unparsable(_TOO_MUCH)
    reply = json.loads(done.stdout)
    if "refused" in reply:
        raise Unparsable(reply["refused"])
    return from_plain(answer, reply["answer"])


def _environment() -> dict[str, str]:
    needed = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return {**needed, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


# An answer may have a hundred thousand values of five types.
_hints = lru_cache(maxsize=None)(get_type_hints)


def to_plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def from_plain(hint: Any, data: Any) -> Any:
    """The inverse of `to_plain` after a trip through JSON, for the types in `values`."""
    if data is None or hint in (str, int, bool):
        return data
    if hint is datetime:
        return datetime.fromisoformat(data)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        return hint(**{field.name: from_plain(hints[field.name], data[field.name]) for field in fields(hint)})
    inner = next(part for part in get_args(hint) if part not in (type(None), Ellipsis))
    return (
        tuple(from_plain(inner, item) for item in data) if isinstance(data, list) else from_plain(inner, data)
    )
