"""Endless series are read again as time passes, so that there is always a year ahead."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from crm.locking import lock_workspace
from mailboxes.models import CalendarSource, Mailbox, MailboxState
from mailboxes.providers.base import FetchedCalendar
from mailboxes.reading import WINDOW, reader, store_values

# Once a month is often enough for a window of twelve.
SLACK = timedelta(days=30)
BATCH = 200


def extend(now: datetime) -> int:
    """Returns how many resources were read again."""
    short = CalendarSource.objects.filter(
        read_until__lt=(now + WINDOW - SLACK).date(), mailbox__state=MailboxState.ACTIVE
    ).exclude(raw=b"")
    mailbox_ids = list(short.order_by().values_list("mailbox_id", flat=True).distinct())
    return sum(_extend_mailbox(pk, short.filter(mailbox_id=pk), now) for pk in mailbox_ids)


def _extend_mailbox(mailbox_id: int, short: QuerySet[CalendarSource], now: datetime) -> int:
    mailbox = Mailbox.objects.select_related("workspace").get(pk=mailbox_id)
    sources = list(short.order_by("pk")[:BATCH])
    page_reader = reader(mailbox, now)
    page = page_reader.read(
        FetchedCalendar(s.provider_id, bytes(s.raw), s.version, s.timezone) for s in sources
    )
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        store_values(page_reader, page)
    return len(sources)
