"""From fetched bytes to stored messages and events: parse, screen, store, match, tell.

One page is one transaction: what was read, what it means, and what is no longer waiting commit
together or not at all.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from crm.locking import lock_workspace_for_storing
from crm.statements import arrays, execute, fetch
from mailboxes import screening
from mailboxes.blocklists import Blocklist
from mailboxes.ingesting.events import SourceItem, store_events
from mailboxes.ingesting.mail import MailItem, mail_item, store_mail
from mailboxes.leasing import LEASE_SECONDS, Lease, LostLease
from mailboxes.matching import create_from_contact
from mailboxes.models import Mailbox, SkipReason, StreamKind, SyncStream
from mailboxes.parsing.calendar import parse_calendar
from mailboxes.parsing.mail import parse_mail
from mailboxes.parsing.prescan import MAX_MESSAGE
from mailboxes.parsing.values import ParsedCalendar, ParsedEvent, ParsedMail, Unparsable
from mailboxes.progress import announce_progress
from mailboxes.providers.base import Fetched, FetchedCalendar, FetchedMail, Missing, Unreadable
from mailboxes.removing import remove_mail, remove_sources
from mailboxes.screening import Insiders
from mailboxes.signals import communication_changed

logger = logging.getLogger(__name__)

WINDOW = timedelta(days=365)
# Birthdays of 1604 and dates that somebody made up are no meetings.
EARLIEST_MEETING = date(1970, 1, 1)


@dataclass(slots=True)
class Counts:
    """What a run did: `skipped` by reason."""

    fetched: int = 0
    stored: int = 0
    removed: int = 0
    quarantined: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


class Skipped(NamedTuple):
    """An item left out; `entry` of the blocklist where that is why."""

    provider_id: str
    version: str
    reason: SkipReason
    entry: int | None = None


@dataclass(slots=True)
class Page:
    """A page of items, read and sorted by what becomes of each."""

    mail: list[MailItem] = field(default_factory=list)
    sources: list[SourceItem] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    # Stored, but for occurrences that the blocklist keeps out.
    partly: list[Skipped] = field(default_factory=list)
    quarantined: list[tuple[str, str, str, int]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Outdated(Exception):
    """Items were screened by what no longer holds: read them again."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading one mailbox needs to know."""

    mailbox: Mailbox
    own_emails: frozenset[str]
    insiders: Insiders
    now: datetime
    blocklist: Blocklist

    def still_true(self) -> "Reader":
        """The same, as things and the clock stand under the workspace's lock. Raises Outdated when the
        blocklist, the history limit or who is a colleague has changed since."""
        today = reader(self.mailbox.pk, timezone.now())
        is_same = replace(today, now=self.now) == self
        if not is_same or today.mailbox.history_from != self.mailbox.history_from:
            raise Outdated
        return today

    def read(self, items: Iterable[Fetched]) -> Page:
        page = Page()
        for item in items:
            try:
                self._read_one(item, page)
            except Unparsable as error:
                page.quarantined.append(_quarantine(item, str(error)))
            except Exception as error:
                # A parser's own mistake costs the item, not the mailbox. Never log content.
                logger.warning("item of mailbox %s: %s", self.mailbox.pk, type(error).__name__)
                page.quarantined.append(_quarantine(item, "It could not be read."))
        return page

    def _read_one(self, item: Fetched, page: Page) -> None:
        match item:
            case FetchedMail():
                self._read_mail(item, page)
            case FetchedCalendar():
                self._read_calendar(item, page)
            case Unreadable():
                page.quarantined.append(_quarantine(item, item.reason))
            case Missing():
                page.gone.append(item.provider_id)

    def _read_mail(self, item: FetchedMail, page: Page) -> None:
        mail = _marked_as_cut(parse_mail(item.raw), item)
        read = mail_item(
            mail,
            mailbox=self.mailbox,
            own_emails=self.own_emails,
            provider_id=item.provider_id,
            size=item.size,
            by_provider=item.received_at,
            now=self.now,
        )
        reason = screening.screen_mail(mail, self.insiders)
        entry = self.blocklist.match(screening.participants(mail), self.insiders)
        if self.mailbox.history_from and read.occurred_at.date() < self.mailbox.history_from:
            reason = SkipReason.OLD
        if entry and not reason:
            reason = SkipReason.BLOCKED
        if reason:
            page.skipped.append(Skipped(item.provider_id, "", reason, entry))
        else:
            page.mail.append(read)

    def _read_calendar(self, item: FetchedCalendar, page: Page) -> None:
        limit = max(self.mailbox.history_from or EARLIEST_MEETING, EARLIEST_MEETING)
        since = datetime.combine(limit, time(), UTC)
        calendar = parse_calendar(item.raw, now=self.now, history_from=since, timezone=item.timezone)
        screened = [(event, screening.screen_event(event, self.insiders)) for event in calendar.events]
        hits = [(event, self._blocks(event)) for event, reason in screened if reason is None]
        kept = tuple(event for event, entry in hits if entry is None)
        entry = next((entry for _, entry in hits if entry), None)
        if calendar.errors and not calendar.events:
            page.quarantined.append(_quarantine(item, " ".join(calendar.errors)))
        elif kept:
            page.sources.append(self._source(item, calendar, kept, is_whole=entry is None))
            if entry:
                page.partly.append(Skipped(item.provider_id, item.version, SkipReason.BLOCKED, entry))
        elif entry:
            page.skipped.append(Skipped(item.provider_id, item.version, SkipReason.BLOCKED, entry))
        else:
            reasons = [reason for _, reason in screened if reason]
            reason = reasons[0] if reasons else self._why_nothing(calendar)
            page.skipped.append(Skipped(item.provider_id, item.version, reason))

    def _blocks(self, event: ParsedEvent) -> int | None:
        return self.blocklist.match((one.email for one in event.attendees), self.insiders)

    def _why_nothing(self, calendar: ParsedCalendar) -> SkipReason:
        if calendar.private:
            return SkipReason.PRIVATE
        return SkipReason.OLD if self.mailbox.history_from else SkipReason.EMPTY

    def _source(
        self, item: FetchedCalendar, calendar: ParsedCalendar, kept: tuple, *, is_whole: bool
    ) -> SourceItem:
        return SourceItem(
            provider_id=item.provider_id,
            version=item.version,
            # Private and blocked events are not stored at all, so neither is the text that has one.
            raw=item.raw if is_whole and not calendar.private else b"",
            timezone=item.timezone,
            events=kept,
            read_until=(self.now + WINDOW).date() if calendar.goes_on else None,
        )


def _marked_as_cut(mail: ParsedMail, item: FetchedMail) -> ParsedMail:
    """Of a huge message a provider hands over the headers alone; the owner should know."""
    if item.size <= MAX_MESSAGE or "too_large" in mail.flags:
        return mail
    return replace(mail, flags=(*mail.flags, "too_large"))


_KNOWN = """
    SELECT ARRAY(SELECT a.email FROM mailboxes_mailboxaddress o JOIN crm_address a ON a.id = o.address_id
                 WHERE o.mailbox_id = %(mailbox)s),
           ARRAY(SELECT email FROM crm_address WHERE workspace_id = %(workspace)s AND member_id IS NOT NULL),
           ARRAY(SELECT domain FROM crm_internaldomain WHERE workspace_id = %(workspace)s),
           ARRAY(SELECT value FROM mailboxes_blocklistentry WHERE mailbox_id = %(mailbox)s ORDER BY id),
           ARRAY(SELECT id FROM mailboxes_blocklistentry WHERE mailbox_id = %(mailbox)s ORDER BY id)
"""


def reader(mailbox_id: int, now: datetime) -> Reader:
    """Two statements."""
    mailbox = Mailbox.objects.select_related("workspace").get(pk=mailbox_id)
    rows = fetch(_KNOWN, mailbox=mailbox_id, workspace=mailbox.workspace_id)
    own, emails, domains, values, entries = rows[0]
    insiders = Insiders(emails=frozenset(emails), domains=frozenset(domains))
    blocklist = Blocklist(dict(zip(values, entries, strict=True)))
    return Reader(mailbox, frozenset(own), insiders, now, blocklist)


def store_page(
    stream: SyncStream, lease: Lease, reader: Reader, *, page: Page, removed: Sequence[str] = ()
) -> Counts:
    """Stores nothing and raises LostLease when another worker has taken over, or Outdated."""
    mailbox = reader.mailbox
    with transaction.atomic():
        lock_workspace_for_storing(mailbox.workspace_id)
        handled = _finish_items(stream, lease, page, removed)
        reader = reader.still_true()
        counts = Counts(
            fetched=handled - len(removed),
            removed=len(removed) + len(page.gone),
            quarantined=len(page.quarantined),
            skipped=Counter(str(one.reason) for one in page.skipped),
        )
        _keep_aside(stream, page)
        announce_progress(mailbox.workspace_id)
        counts.stored = store_values(reader, page)
        _remove(stream, mailbox, [*removed, *page.gone, *_replaced(stream, page)], reader.now)
    return counts


def store_values(reader: Reader, page: Page) -> int:
    """Store a page's messages and events with all that follows, and return how many items that
    were. Call inside a transaction that holds the workspace's lock."""
    if not (page.mail or page.sources):
        return 0
    mailbox, insiders, now = reader.mailbox, reader.insiders, reader.now
    mail = store_mail(mailbox, page.mail, insiders)
    events = store_events(mailbox, page.sources, insiders, own_emails=reader.own_emails, now=now)
    created = create_from_contact(mailbox.workspace, [*mail.address_ids, *events.address_ids])
    communication_changed.send(
        sender=Mailbox,
        workspace_id=mailbox.workspace_id,
        message_ids=mail.message_ids,
        event_ids=events.event_ids,
        company_ids=created.company_ids,
        person_ids=created.person_ids,
        now=now,
    )
    return mail.copies + len(page.sources)


# What is kept aside from now on is written afterwards.
FINISH = f"""
    WITH pending AS (
        DELETE FROM mailboxes_pendingitem WHERE stream_id = %(stream)s AND provider_id = ANY(%(ids)s)
    ),
    skipped AS (
        DELETE FROM mailboxes_skippeditem WHERE stream_id = %(stream)s AND provider_id = ANY(%(ids)s)
    ),
    aside AS (
        DELETE FROM mailboxes_quarantineditem WHERE stream_id = %(stream)s AND provider_id = ANY(%(ids)s)
    )
    UPDATE mailboxes_syncstream
    SET done = done + %(count)s, began_at = CASE WHEN done = 0 THEN %(now)s ELSE began_at END,
        lease_until = now() + interval '{LEASE_SECONDS} seconds'
    WHERE id = %(stream)s AND epoch = %(epoch)s
"""


def _finish_items(stream: SyncStream, lease: Lease, page: Page, removed: Sequence[str]) -> int:
    ids = [
        *(item.provider_id for item in page.mail),
        *(item.provider_id for item in page.sources),
        *(item[0] for item in page.skipped),
        *(item[0] for item in page.quarantined),
        *page.gone,
        *removed,
    ]
    values = {"stream": stream.pk, "epoch": lease.epoch, "now": timezone.now()}
    if not execute(FINISH, ids=ids, count=len(ids), **values):
        raise LostLease
    return len(ids)


KEEP_SKIPPED = """
    INSERT INTO mailboxes_skippeditem (workspace_id, stream_id, provider_id, version, reason, entry_id)
    SELECT %(workspace)s, %(stream)s, u.*
    FROM unnest(%(ids)s::text[], %(versions)s::text[], %(reasons)s::text[], %(entries)s::bigint[]) AS u
    ON CONFLICT (stream_id, provider_id) DO UPDATE
    SET version = excluded.version, reason = excluded.reason, entry_id = excluded.entry_id
"""

KEEP_QUARANTINED = """
    INSERT INTO mailboxes_quarantineditem
        (workspace_id, stream_id, provider_id, version, reason, size, created_at)
    SELECT %(workspace)s, %(stream)s, u.*, now() FROM unnest(%(ids)s::text[], %(versions)s::text[],
        %(reasons)s::text[], %(sizes)s::bigint[]) AS u
    ON CONFLICT (stream_id, provider_id) DO UPDATE
    SET version = excluded.version, reason = excluded.reason, size = excluded.size
"""


def _keep_aside(stream: SyncStream, page: Page) -> None:
    kept_out = [*page.skipped, *page.partly]
    skipped = arrays(kept_out, "ids", "versions", "reasons", "entries")
    quarantined = arrays(page.quarantined, "ids", "versions", "reasons", "sizes")
    common = {"workspace": stream.workspace_id, "stream": stream.pk}
    if kept_out:
        execute(KEEP_SKIPPED, **common, **skipped)
    if page.quarantined:
        execute(KEEP_QUARANTINED, **common, **quarantined)


def _replaced(stream: SyncStream, page: Page) -> list[str]:
    """A calendar resource that was stored and is now left out. What can no longer be read stays as it was."""
    if stream.kind != StreamKind.CALENDAR:
        return []
    return [item[0] for item in page.skipped]


def _remove(stream: SyncStream, mailbox: Mailbox, provider_ids: Sequence[str], now: datetime) -> None:
    if provider_ids:
        remove = remove_mail if stream.kind == StreamKind.MAIL else remove_sources
        remove(mailbox, provider_ids, now=now)


def _quarantine(item: Fetched, reason: str) -> tuple[str, str, str, int]:
    size = getattr(item, "size", 0) or len(getattr(item, "raw", b""))
    return item.provider_id, getattr(item, "version", ""), reason, size
