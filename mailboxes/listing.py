"""What a provider's listing means for what is stored: which items to fetch, which to take away.

Listed items wait as PendingItem rows, newest first, so that the cursor can move on in the same
transaction and a long backfill survives any interruption.
"""

from crm.statements import arrays, execute, fetch
from mailboxes.models import StreamKind, SyncStream
from mailboxes.providers.base import Listing

STORED_TABLE = {
    StreamKind.MAIL: "mailboxes_messagecopy",
    StreamKind.CALENDAR: "mailboxes_calendarsource",
}

# Mail never changes, so what is stored under its id is known whatever the version.
IS_STORED = {
    StreamKind.MAIL: """EXISTS (SELECT FROM mailboxes_messagecopy s
        WHERE s.mailbox_id = %(mailbox)s AND s.provider_id = l.provider_id)""",
    StreamKind.CALENDAR: """EXISTS (SELECT FROM mailboxes_calendarsource s
        WHERE s.mailbox_id = %(mailbox)s AND s.provider_id = l.provider_id
          AND s.version = l.version)""",
}

QUEUE_NEW = """
    INSERT INTO mailboxes_pendingitem AS p
        (workspace_id, stream_id, provider_id, version, "order", is_removal, attempts)
    SELECT %(workspace)s, %(stream)s, l.provider_id, l.version, l."order", false, 0
    FROM unnest(%(ids)s::text[], %(orders)s::bigint[], %(versions)s::text[])
         AS l(provider_id, "order", version)
    WHERE NOT {is_stored}
      AND NOT EXISTS (SELECT FROM mailboxes_skippeditem k WHERE k.stream_id = %(stream)s
                      AND k.provider_id = l.provider_id AND k.version = l.version)
      AND NOT EXISTS (SELECT FROM mailboxes_quarantineditem q WHERE q.stream_id = %(stream)s
                      AND q.provider_id = l.provider_id AND q.version = l.version)
    ON CONFLICT (stream_id, provider_id) DO UPDATE
    SET version = excluded.version, is_removal = false, "order" = excluded."order", refused_since = NULL,
        attempts = 0
    WHERE (p.version, p.is_removal) IS DISTINCT FROM (excluded.version, false)
"""

# It was gone and has come back before that was noticed here, as with what is taken out of the bin again.
KEEP_AFTER_ALL = """
    DELETE FROM mailboxes_pendingitem
    WHERE stream_id = %(stream)s AND is_removal AND provider_id = ANY(%(ids)s)
"""

GONE_FROM_SNAPSHOT = """
    SELECT s.provider_id FROM {table} s
    WHERE s.mailbox_id = %(mailbox)s AND starts_with(s.provider_id, %(prefix)s)
      AND NOT s.provider_id = ANY(%(ids)s)
"""

FORGET_GONE = """
    DELETE FROM {table} x
    WHERE x.stream_id = %(stream)s AND starts_with(x.provider_id, %(prefix)s)
      AND NOT x.provider_id = ANY(%(ids)s) {more}
"""

QUEUE_REMOVALS = """
    INSERT INTO mailboxes_pendingitem AS p
        (workspace_id, stream_id, provider_id, version, "order", is_removal, attempts)
    SELECT %(workspace)s, %(stream)s, l, '', %(order)s, true, 0 FROM unnest(%(ids)s::text[]) AS l
    ON CONFLICT (stream_id, provider_id) DO UPDATE
    SET is_removal = true, version = '', "order" = excluded."order",
        attempts = CASE WHEN p.is_removal THEN p.attempts ELSE 0 END
"""

REMEMBER_CURSOR = """
    UPDATE mailboxes_syncstream s
    SET cursor = %(cursor)s,
        total = CASE WHEN s.backfilled_at IS NULL THEN s.done + (
            SELECT count(*) FROM mailboxes_pendingitem p WHERE p.stream_id = s.id) ELSE s.total END
    WHERE s.id = %(stream)s AND s.epoch = %(epoch)s
"""

FIRST, LAST = 2**62, -(2**62)


def fetching_again(rows: str) -> str:
    """A statement that queues what is known and stored no more, or not to the end: `rows` is a query of
    workspace, stream, id and version. It takes `order`; what is queued already stays where it is."""
    return f"""
        INSERT INTO mailboxes_pendingitem
            (workspace_id, stream_id, provider_id, version, "order", is_removal, attempts)
        SELECT again.*, %(order)s, false, 0 FROM ({rows}) AS again
        ON CONFLICT (stream_id, provider_id) DO NOTHING
    """


def store_listing(stream: SyncStream, listing: Listing) -> None:
    """Queue what is new and what is gone. Call inside a transaction; moving the cursor is
    `move_cursor`, last."""
    added = _queue_new(stream, listing)
    removed = set(listing.removed)
    if listing.snapshot_of is not None:
        removed |= _gone_from_snapshot(stream, listing, listing.snapshot_of)
    # A message that was moved, or whose folder was renumbered, should be held by its new copy before
    # it loses the old one, or everything that hangs on it would be lost in between. Only a long
    # backfill must not keep waiting what is gone.
    is_renumbered = added and added >= len(removed) // 2
    order = LAST if stream.backfilled_at or is_renumbered else FIRST
    execute(
        QUEUE_REMOVALS,
        workspace=stream.workspace_id,
        stream=stream.pk,
        ids=sorted(removed),
        order=order,
    )


def move_cursor(stream: SyncStream, cursor: str, *, epoch: int) -> bool:
    """False when the lease has been lost."""
    return bool(execute(REMEMBER_CURSOR, stream=stream.pk, epoch=epoch, cursor=cursor))


def _queue_new(stream: SyncStream, listing: Listing) -> int:
    rows = {item.provider_id: (item.provider_id, item.order, item.version) for item in listing.items}
    execute(KEEP_AFTER_ALL, stream=stream.pk, ids=list(rows))
    return execute(
        QUEUE_NEW.format(is_stored=IS_STORED[StreamKind(stream.kind)]),
        workspace=stream.workspace_id,
        mailbox=stream.mailbox_id,
        stream=stream.pk,
        **arrays(rows.values(), "ids", "orders", "versions"),
    )


def _gone_from_snapshot(stream: SyncStream, listing: Listing, prefix: str) -> set[str]:
    present = [item.provider_id for item in listing.items]
    for table, more in (
        ("mailboxes_skippeditem", ""),
        ("mailboxes_quarantineditem", ""),
        ("mailboxes_pendingitem", "AND NOT x.is_removal"),
    ):
        execute(
            FORGET_GONE.format(table=table, more=more),
            stream=stream.pk,
            prefix=prefix,
            ids=present,
        )
    gone = fetch(
        GONE_FROM_SNAPSHOT.format(table=STORED_TABLE[StreamKind(stream.kind)]),
        mailbox=stream.mailbox_id,
        prefix=prefix,
        ids=present,
    )
    return {row[0] for row in gone}
