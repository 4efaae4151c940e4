"""The due-table: who may read which stream, and when it is next looked at.

The queue is a hint, PostgreSQL is the truth. A lease lasts minutes and is renewed with every page;
taking one raises the epoch, and every write of a run says `WHERE epoch = mine`. All times here are
the database's.
"""

import random
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


PICK_DUE = f"""
    UPDATE mailboxes_syncstream s
    SET epoch = s.epoch + 1, lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE s.id IN (
        SELECT d.id FROM mailboxes_syncstream d
        JOIN mailboxes_mailbox m ON m.id = d.mailbox_id AND m.state = 'active'
        WHERE d.due_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
          AND (%(stream)s::bigint IS NULL OR d.id = %(stream)s)
        ORDER BY d.due_at LIMIT %(limit)s
        FOR UPDATE OF d SKIP LOCKED
    )
    RETURNING s.id, s.epoch
"""

TAKE = f"""
    UPDATE mailboxes_syncstream
    SET epoch = epoch + 1, lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id = %(stream)s
      AND (epoch = %(epoch)s OR (%(epoch)s::bigint IS NULL AND (lease_until IS NULL OR lease_until < now())))
    RETURNING epoch
"""

RENEW = f"""
    UPDATE mailboxes_syncstream SET lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id = %(stream)s AND epoch = %(epoch)s
"""

GIVE_BACK = """
    UPDATE mailboxes_syncstream
    SET lease_until = NULL, last_run_at = now(), failures = %(failures)s, last_error = %(error)s,
        due_at = now() + %(seconds)s * interval '1 second'
    WHERE id = %(stream)s AND epoch = %(epoch)s
"""


def pick_due(*, stream_id: int | None = None, limit: int = 100) -> list[Lease]:
    """Lease the streams that are due, or the one asked for if it is; each is to be handed to a
    worker as (stream, epoch)."""
    return [Lease(*row) for row in fetch(PICK_DUE, stream=stream_id, limit=limit)]


def seconds_until_due(stream_id: int) -> float | None:
    """None when it is not due by itself, or somebody is at it."""
    rows = fetch(
        "SELECT extract(epoch FROM due_at - now())::float8 FROM mailboxes_syncstream s"
        " JOIN mailboxes_mailbox m ON m.id = s.mailbox_id AND m.state = 'active'"
        " WHERE s.id = %(stream)s AND s.lease_until IS NULL AND s.due_at IS NOT NULL",
        stream=stream_id,
    )
    return rows[0][0] if rows else None


def take(stream_id: int, epoch: int | None = None) -> Lease | None:
    """Begin a run: with the epoch that was handed out (once: a duplicate task gets None), or
    without one if nobody else is at it."""
    rows = fetch(TAKE, stream=stream_id, epoch=epoch)
    return Lease(stream_id, rows[0][0]) if rows else None


def renew(lease: Lease) -> None:
    if not execute(RENEW, stream=lease.stream_id, epoch=lease.epoch):
        raise LostLease


def give_back(lease: Lease, *, seconds: float | None, failures: int = 0, error: str = "") -> None:
    """End a run. `seconds` until the next one; None = not before somebody asks."""
    execute(
        GIVE_BACK,
        stream=lease.stream_id,
        epoch=lease.epoch,
        seconds=seconds,
        failures=failures,
        error=error,
    )


def pause_after(failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the n-th failure in a row: what the provider asked for, else full
    jitter over an exponential (base 30 s, cap 1 h)."""
    if retry_after is not None:
        return min(max(retry_after, 1.0), BACKOFF_CAP)
    ceiling = min(BACKOFF_BASE * 2 ** min(failures - 1, 10), BACKOFF_CAP)
    return random.uniform(BACKOFF_BASE / 2, ceiling)  # noqa: S311 (spreads load, guards nothing)
