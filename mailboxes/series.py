"""Endless series are read again as time passes, so that there is always a year ahead."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from crm.locking import lock_workspace
from crm.mistakes import log_mistake
from crm.statements import execute
from mailboxes.listing import fetching_again
from mailboxes.models import CalendarSource, EventCopy, MailboxState
from mailboxes.providers.base import FetchedCalendar
from mailboxes.reading import WINDOW, Outdated, Page, Reader, reader, store_values

logger = logging.getLogger(__name__)

# Once a month is often enough for a window of twelve.
SLACK = timedelta(days=30)
BATCH = 200


# Of a series with a private or a blocked date the text is not kept: whoever has it is asked.
ASK_AGAIN = fetching_again("""
    SELECT c.workspace_id, s.id, c.provider_id, c.version
    FROM mailboxes_calendarsource c
    JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.state = 'active' AND b.kind <> 'archive'
    JOIN mailboxes_syncstream s ON s.mailbox_id = c.mailbox_id AND s.kind = 'calendar'
    WHERE c.read_until < %(until)s AND c.raw = '' AND NOT EXISTS (
        SELECT FROM mailboxes_quarantineditem q WHERE q.stream_id = s.id AND q.provider_id = c.provider_id)
""")


def extend(now: datetime) -> int:
    """Returns how many resources were read again; others are read by the next run of their stream."""
    execute(ASK_AGAIN, until=(now + WINDOW - SLACK).date(), order=0)
    hidden = EventCopy.objects.filter(source=OuterRef("pk"), blocked_by__isnull=False)
    short = CalendarSource.objects.filter(
        ~Exists(hidden),
        read_until__lt=(now + WINDOW - SLACK).date(),
        mailbox__state=MailboxState.ACTIVE,
    ).exclude(raw=b"")
    mailbox_ids = list(short.order_by().values_list("mailbox_id", flat=True).distinct())
    return sum(_try_to_extend(pk, short.filter(mailbox_id=pk), now) for pk in mailbox_ids)


def _try_to_extend(mailbox_id: int, short: QuerySet[CalendarSource], now: datetime) -> int:
    """What goes wrong with one mailbox, as when it is removed meanwhile, stops no other."""
    try:
        return _extend_mailbox(mailbox_id, short, now)
    except Exception as error:
        log_mistake(logger, f"reading series of mailbox {mailbox_id} again", error)
        return 0


def _extend_mailbox(mailbox_id: int, short: QuerySet[CalendarSource], now: datetime) -> int:
    sources = list(short.order_by("read_until", "pk")[:BATCH])
    page_reader = reader(mailbox_id, now)
    page = page_reader.read(
        FetchedCalendar(s.provider_id, bytes(s.raw), s.version, s.timezone) for s in sources
    )
    with transaction.atomic():
        lock_workspace(page_reader.mailbox.workspace_id)
        try:
            page_reader = page_reader.still_true()
        except Outdated:
            return 0
        _store(page_reader, page, unchanged=_unchanged(sources))
    return len(sources)


def _unchanged(sources: Sequence[CalendarSource]) -> set[str]:
    """Those that the provider has neither changed nor taken away since they were read."""
    stored = CalendarSource.objects.filter(pk__in=[one.pk for one in sources])
    versions = dict(stored.values_list("pk", "version"))
    return {one.provider_id for one in sources if versions.get(one.pk) == one.version}


def _store(reader: Reader, page: Page, *, unchanged: set[str]) -> None:
    page.sources = [one for one in page.sources if one.provider_id in unchanged]
    store_values(reader, page)
    # What gives no event now gives others their turn.
    left = unchanged - {one.provider_id for one in page.sources}
    CalendarSource.objects.filter(mailbox=reader.mailbox, provider_id__in=left).update(
        read_until=(reader.now + WINDOW).date()
    )
