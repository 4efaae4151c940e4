"""One sync run, from cursor to cursor.

List what changed and queue it; then fetch, newest first, a page at a time, until nothing is left
or the slice is over. No transaction or lock is held while a provider is being asked.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import inf
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from crm.mistakes import log_mistake
from crm.statements import execute, fetch
from crm.statistics import gather_statistics
from mailboxes.accounts.archives import forget_read
from mailboxes.accounts.failing import ask_to_reconnect, tell_of_failure
from mailboxes.accounts.opening import open_provider
from mailboxes.leasing import (
    BACKOFF_CAP,
    LEASE_SECONDS,
    POLL_SECONDS,
    Lease,
    LostLease,
    give_back,
    pause_after,
    renew,
)
from mailboxes.listing import LAST, move_cursor, store_listing
from mailboxes.models import Mailbox, MailboxKind, SyncStream
from mailboxes.progress import announce_progress
from mailboxes.providers.base import (
    AtWork,
    AuthExpired,
    CursorExpired,
    Fetched,
    Provider,
    ProviderError,
    QuotaReached,
    Refused,
    ServerWrong,
    TryLater,
)
from mailboxes.reading import Counts, Outdated, Page, Reader, reader, store_page

logger = logging.getLogger(__name__)

OUR_MISTAKE = "Something went wrong here, not at your provider. It is tried again; nothing is lost."

SLICE_SECONDS = 60.0
PAGE_ITEMS = 500
PAGE_BYTES = 32 * 2**20
# While a part of a page is parsed and stored, a provider that asks ahead fetches the next.
PART_ITEMS = 250
# From here on, tables that a first backfill fills are looked at each time it has doubled.
FIRST_LOOK = 500
# An item that was being read when its worker died is tried again in ever smaller company, so that
# the third death names the culprit.
PAGE_ITEMS_BY_ATTEMPT = {0: PAGE_ITEMS, 1: 25, 2: 1}
MAX_ATTEMPTS = 3
FAILED = "Reading it failed three times."
REFUSED_FOR = timedelta(hours=12)

TAKE_PAGE = """
    WITH first AS (
        SELECT attempts FROM mailboxes_pendingitem WHERE stream_id = %(stream)s
        ORDER BY "order" DESC, id LIMIT 1
    ),
    page AS (
        SELECT p.id FROM mailboxes_pendingitem p, first
        WHERE p.stream_id = %(stream)s AND p.attempts = first.attempts
        ORDER BY p."order" DESC, p.id
        LIMIT (SELECT CASE attempts WHEN 0 THEN %(many)s WHEN 1 THEN %(few)s ELSE 1 END FROM first)
    )
    UPDATE mailboxes_pendingitem p SET attempts = p.attempts + 1
    FROM page WHERE p.id = page.id
    RETURNING p.provider_id, p.version, p.is_removal, p.attempts, p.refused_since IS NOT NULL
"""

# What was refused waits behind everything else, also behind what is to be taken away and what was refused
# before, and says whether it has been refused for too long.
REFUSE = """
    UPDATE mailboxes_pendingitem
    SET "order" = %(last)s - (1e6 * date_part('epoch', clock_timestamp()))::bigint,
        attempts = greatest(attempts - 1, 0),
        refused_since = coalesce(refused_since, now())
    WHERE stream_id = %(stream)s AND provider_id = ANY(%(ids)s)
    RETURNING provider_id, version, refused_since < now() - %(patience)s
"""

PUT_BACK = """
    UPDATE mailboxes_pendingitem SET attempts = greatest(attempts - 1, 0)
    WHERE stream_id = %(stream)s AND provider_id = ANY(%(ids)s)
"""


class Due(NamedTuple):
    """An item whose turn it is. `attempts` counts this one."""

    provider_id: str
    version: str
    is_removal: bool
    attempts: int
    was_refused: bool


def run(lease: Lease, *, slice_seconds: float | None = SLICE_SECONDS) -> Counts:
    """Read the leased stream for `slice_seconds` (None = to the end) and its first page, give the lease back
    with the next due time, and say what was done. What goes wrong ends in the stream's row."""
    stream = SyncStream.objects.select_related("mailbox__workspace").get(pk=lease.stream_id)
    counts = Counts()
    try:
        more = _run(stream, lease, counts, slice_seconds)
    except LostLease:
        return counts
    except ProviderError as error:
        _give_up(stream, lease, error)
        return counts
    except Exception as error:
        log_mistake(logger, f"reading stream {stream.pk}", error)
        _give_up(stream, lease, TryLater(OUR_MISTAKE))
        return counts
    give_back(lease, seconds=0 if more else _until_next_poll(stream.mailbox))
    if stream.last_error:
        announce_progress(stream.workspace_id)
    forget_read(stream.mailbox)
    return counts


def _run(stream: SyncStream, lease: Lease, counts: Counts, slice_seconds: float | None) -> bool:
    """Whether something is left to fetch."""
    provider = open_provider(stream)
    try:
        _list(stream, lease, provider)
        return _fetch_pages(stream, lease, provider, counts=counts, slice_seconds=slice_seconds)
    finally:
        provider.close()


def _list(stream: SyncStream, lease: Lease, provider: Provider) -> None:
    try:
        _store_listings(stream, lease, provider, stream.cursor)
    except CursorExpired:
        _store_listings(stream, lease, provider, "")


def _store_listings(stream: SyncStream, lease: Lease, provider: Provider, cursor: str) -> None:
    for listing in provider.list_changes(cursor):
        with transaction.atomic():
            store_listing(stream, listing)
            if listing.items or listing.removed:
                announce_progress(stream.workspace_id)
            if not move_cursor(stream, listing.cursor, epoch=lease.epoch):
                raise LostLease
        renew(lease)


def _fetch_pages(
    stream: SyncStream,
    lease: Lease,
    provider: Provider,
    *,
    counts: Counts,
    slice_seconds: float | None,
) -> bool:
    page_reader = reader(stream.mailbox_id, timezone.now())
    looked_at, ends = FIRST_LOOK // 2, 0.0
    refused: dict[str, str] = {}
    while rows := _take_page(stream):
        if again := [row for row in rows if row.provider_id in refused]:
            _put_back(stream, again)
            rows = [row for row in rows if row.provider_id not in refused]
        if not rows:
            break
        try:
            refused |= _fetch_page(stream, lease, provider, rows=rows, reader=page_reader, counts=counts)
        except Outdated:
            _put_back(stream, rows)
            page_reader = reader(stream.mailbox_id, timezone.now())
        except ProviderError:
            _put_back(stream, rows)
            raise
        renew(lease)
        if counts.stored >= looked_at * 2:
            looked_at = counts.stored
            gather_statistics(looked_at)
        # An archive is read through before its first page, in every slice: the time begins after that.
        ends = ends or time.monotonic() + (slice_seconds or inf)
        if time.monotonic() > ends:
            return True
    _finish_backfill(stream)
    return False


def _take_page(stream: SyncStream) -> list[Due]:
    rows = fetch(TAKE_PAGE, stream=stream.pk, many=PAGE_ITEMS, few=PAGE_ITEMS_BY_ATTEMPT[1])
    return [Due(*row) for row in rows]


def _put_back(stream: SyncStream, rows: Sequence[Due]) -> None:
    execute(PUT_BACK, stream=stream.pk, ids=[row.provider_id for row in rows])


def _fetch_page(
    stream: SyncStream,
    lease: Lease,
    provider: Provider,
    *,
    rows: Sequence[Due],
    reader: Reader,
    counts: Counts,
) -> dict[str, str]:
    """Returns what was refused, with the reasons. Raises TryLater when that is all there is and some of it
    was never refused before: it will hardly be for the items."""
    removed = [row.provider_id for row in rows if row.is_removal]
    poison = [row for row in rows if row.attempts > MAX_ATTEMPTS and not row.is_removal]
    wanted = [row.provider_id for row in rows if row.attempts <= MAX_ATTEMPTS and not row.is_removal]
    page = Page(quarantined=[(row.provider_id, row.version, FAILED, 0) for row in poison])
    refused: dict[str, str] = {}
    for chunk, is_last in _chunks(provider, lease, wanted):
        refused |= {item.provider_id: item.reason for item in chunk if isinstance(item, Refused)}
        read = reader.read(item for item in chunk if not isinstance(item, Refused))
        read.quarantined += page.quarantined
        page = Page()
        done = store_page(stream, lease, reader, page=read, removed=removed if is_last else ())
        _add(counts, done)
    is_new = any(row.provider_id in refused and not row.was_refused for row in rows)
    if is_new and len(refused) == len(wanted) and (len(wanted) > 1 or not counts.fetched):
        raise TryLater(min(refused.values()))
    if refused:
        aside = _put_last(stream, refused, may_give_up=counts.fetched > 0)
        if aside:
            counts.quarantined += len(aside)
            store_page(stream, lease, reader, page=Page(quarantined=aside))
    return refused


def _put_last(
    stream: SyncStream, refused: Mapping[str, str], *, may_give_up: bool
) -> list[tuple[str, str, str, int]]:
    """Returns what has been refused for too long, to be kept aside. Only while others are handed over is it
    known to be for the item."""
    values = {"ids": list(refused), "last": LAST, "patience": REFUSED_FOR}
    rows = fetch(REFUSE, stream=stream.pk, **values)
    return [(pid, version, refused[pid], 0) for pid, version, is_late in rows if is_late and may_give_up]


def _chunks(provider: Provider, lease: Lease, wanted: list[str]) -> Iterator[tuple[list[Fetched], bool]]:
    """Fetched items in chunks of bounded size in memory, with a mark on the last. What was there
    before a provider failed is handed on first: it has been paid for. A slow provider may take longer
    than a lease lasts."""
    chunk: list[Fetched] = []
    size, renewed = 0, time.monotonic()
    try:
        for item in provider.fetch(wanted) if wanted else ():
            if time.monotonic() - renewed > LEASE_SECONDS / 3:
                renew(lease)
                renewed = time.monotonic()
            if isinstance(item, AtWork):
                continue
            if size > PAGE_BYTES or len(chunk) == PART_ITEMS:
                yield chunk, False
                chunk, size = [], 0
            chunk.append(item)
            size += len(getattr(item, "raw", b""))
    except ProviderError:
        yield chunk, False
        raise
    yield chunk, True


def _add(counts: Counts, done: Counts) -> None:
    counts.fetched += done.fetched
    counts.stored += done.stored
    counts.removed += done.removed
    counts.quarantined += done.quarantined
    counts.skipped += done.skipped


def _finish_backfill(stream: SyncStream) -> None:
    unfinished = SyncStream.objects.filter(pk=stream.pk, backfilled_at__isnull=True)
    if unfinished.update(backfilled_at=timezone.now()):
        announce_progress(stream.workspace_id)


def _until_next_poll(mailbox: Mailbox) -> float | None:
    return None if mailbox.kind == MailboxKind.ARCHIVE else POLL_SECONDS


def _give_up(stream: SyncStream, lease: Lease, error: ProviderError) -> None:
    """A pause that a provider's limits ask for is no failure: it has words, and is not counted."""
    failures = 0 if isinstance(error, QuotaReached) else stream.failures + 1
    seconds = _pause(failures, error)
    is_ours = give_back(lease, seconds=seconds, failures=failures, error=str(error))
    if is_ours and isinstance(error, AuthExpired):
        ask_to_reconnect(stream.mailbox_id)
    elif is_ours and failures:
        tell_of_failure(stream.pk, stream.mailbox_id)
    announce_progress(stream.workspace_id)


def _pause(failures: int, error: ProviderError) -> float | None:
    """Seconds until the next try; None where the owner has to act first."""
    if isinstance(error, TryLater):
        return pause_after(failures, error.retry_after)
    return BACKOFF_CAP if isinstance(error, ServerWrong) else None
