"""The due-table: who may read which stream, and when it is next looked at.

The queue is a hint, PostgreSQL is the truth. A worker leases what has been due longest when it begins, so
that streams take turns however long the queue is. A lease lasts minutes and is renewed while it is read;
taking one raises the epoch, and every write of a run says `WHERE epoch = mine`. All times here are the
database's.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

from crm.statements import execute, fetch

LEASE_SECONDS = 180
POLL_SECONDS = 300
BACKOFF_BASE, BACKOFF_CAP = 30.0, 3600.0


class LostLease(Exception):
    """Another worker has taken over: stop, and write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    stream_id: int
    epoch: int


# Of a stream `s`: its mailbox is active, its owner still here, and it is switched on (see Mailbox.reads).
MAY_BE_READ = """EXISTS (
    SELECT FROM mailboxes_mailbox b JOIN crm_member o ON o.id = b.member_id AND o.is_active
    WHERE b.id = s.mailbox_id AND b.state = 'active' AND (b.kind = 'archive' OR b.settings ? (
        CASE WHEN b.kind <> 'imap' THEN s.kind WHEN s.kind = 'mail' THEN 'imap' ELSE 'caldav' END))
)"""

_IS_DUE = f"s.due_at <= now() AND (s.lease_until IS NULL OR s.lease_until < now()) AND {MAY_BE_READ}"

COUNT_DUE = f"SELECT count(*) FROM (SELECT FROM mailboxes_syncstream s WHERE {_IS_DUE} LIMIT %(limit)s) due"

PICK_DUE = f"""
    UPDATE mailboxes_syncstream
    SET epoch = epoch + 1, lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id IN (
        SELECT s.id FROM mailboxes_syncstream s
        WHERE {_IS_DUE} AND (%(stream)s::bigint IS NULL OR s.id = %(stream)s)
        ORDER BY s.due_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, epoch
"""

TAKE = f"""
    UPDATE mailboxes_syncstream
    SET epoch = epoch + 1, lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id = %(stream)s AND (lease_until IS NULL OR lease_until < now())
    RETURNING epoch
"""

RENEW = f"""
    UPDATE mailboxes_syncstream SET lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id = %(stream)s AND epoch = %(epoch)s
"""

GIVE_BACK = """
    UPDATE mailboxes_syncstream
    SET lease_until = NULL, last_run_at = now(), failures = %(failures)s, last_error = %(error)s,
        failing_since = CASE WHEN %(failures)s > 0 THEN
            CASE WHEN failures > 0 THEN coalesce(failing_since, now()) ELSE now() END END,
        owner_told_at = CASE WHEN %(failures)s > 0 AND failures > 0 THEN owner_told_at END,
        due_at = now() + %(seconds)s * interval '1 second'
    WHERE id = %(stream)s AND epoch = %(epoch)s
"""

# What was being read when its worker died waits for somebody else from the end of its lease on.
SECONDS_OVERDUE = f"""
    SELECT coalesce(max(extract(epoch FROM now() - greatest(s.due_at, s.lease_until))), 0)::bigint
    FROM mailboxes_syncstream s WHERE {_IS_DUE}
"""

SECONDS_IDLE = f"""
    SELECT CASE WHEN bool_or(lease_until >= now()) THEN 0
        ELSE least(({SECONDS_OVERDUE}), extract(epoch FROM now() - max(last_run_at)))::bigint END
    FROM mailboxes_syncstream
"""

DUE_NOW = f"UPDATE mailboxes_syncstream s SET due_at = now() WHERE s.id = ANY(%(ids)s) AND {MAY_BE_READ}"


def due_now(stream_ids: Collection[int]) -> None:
    """Have them read soon, if they may be read at all."""
    execute(DUE_NOW, ids=list(stream_ids))


def count_due(*, limit: int) -> int:
    return int(fetch(COUNT_DUE, limit=limit)[0][0])


def seconds_overdue() -> int:
    """How long what is due longest has been waiting, in all workspaces."""
    return int(fetch(SECONDS_OVERDUE)[0][0])


def seconds_idle() -> int:
    """How long nobody has read anything although something was due: no worker runs, or nobody tells it to.
    Where there is only much to read, that is none."""
    return int(fetch(SECONDS_IDLE)[0][0])


def pick_due(*, stream_id: int | None = None, limit: int = 100) -> list[Lease]:
    """Begin runs of the streams that have been due longest, or of the one asked for if it is due."""
    return [Lease(*row) for row in fetch(PICK_DUE, stream=stream_id, limit=limit)]


def seconds_until_due(stream_id: int) -> float | None:
    """None when it is not due by itself, or somebody is at it."""
    rows = fetch(
        "SELECT extract(epoch FROM s.due_at - now())::float8 FROM mailboxes_syncstream s"
        f" WHERE s.id = %(stream)s AND s.lease_until IS NULL AND s.due_at IS NOT NULL AND {MAY_BE_READ}",
        stream=stream_id,
    )
    return rows[0][0] if rows else None


def take(stream_id: int) -> Lease | None:
    """Begin a run of this stream, due or not, unless somebody is at it."""
    rows = fetch(TAKE, stream=stream_id)
    return Lease(stream_id, rows[0][0]) if rows else None


def renew(lease: Lease) -> None:
    if not execute(RENEW, stream=lease.stream_id, epoch=lease.epoch):
        raise LostLease


def give_back(lease: Lease, *, seconds: float | None, failures: int = 0, error: str = "") -> bool:
    """End a run, and say whether it was still ours to end. `seconds` until the next one; None = not before
    somebody asks."""
    values = {"seconds": seconds, "failures": failures, "error": error}
    return bool(execute(GIVE_BACK, stream=lease.stream_id, epoch=lease.epoch, **values))


def pause_after(failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the n-th failure in a row: what the provider asked for, else full
    jitter over an exponential (base 30 s, cap 1 h)."""
    if retry_after is not None:
        return min(max(retry_after, 1.0), BACKOFF_CAP)
    ceiling = min(BACKOFF_BASE * 2 ** min(failures - 1, 10), BACKOFF_CAP)
    return random.uniform(BACKOFF_BASE / 2, ceiling)  # noqa: S311 (spreads load, guards nothing)
