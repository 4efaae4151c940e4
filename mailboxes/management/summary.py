"""What reading a mailbox came to, as the commands print it."""

import json
from collections.abc import Mapping
from typing import Any

from mailboxes.models import Mailbox, SyncStream
from mailboxes.reading import Counts


def read_errors(mailbox: Mailbox) -> list[str]:
    """What its streams last failed with."""
    failed = SyncStream.objects.filter(mailbox=mailbox).exclude(last_error="")
    return list(failed.values_list("last_error", flat=True))


def summarised(mailbox: Mailbox, counts: Mapping[str, Counts], *, as_json: bool) -> str:
    """By kind of stream: one JSON object, or a line for each."""
    told = {kind: _report(done) for kind, done in counts.items()}
    if as_json:
        return json.dumps({"mailbox": mailbox.address, **told, "errors": read_errors(mailbox)})
    return "\n".join([mailbox.address, *(_line(kind, done) for kind, done in told.items())])


def _report(counts: Counts) -> dict[str, Any]:
    return {
        "fetched": counts.fetched,
        "stored": counts.stored,
        "skipped": dict(sorted(counts.skipped.items())),
        "quarantined": counts.quarantined,
        "removed": counts.removed,
    }


def _line(kind: str, done: dict[str, Any]) -> str:
    skipped = ", ".join(f"{number} {reason}" for reason, number in done["skipped"].items()) or "0"
    return (
        f"{kind}: {done['fetched']} fetched, {done['stored']} stored, skipped: {skipped}, "
        f"{done['quarantined']} quarantined, {done['removed']} removed"
    )
