"""Take stored mail and events away again, and leave nothing of them behind."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.auditing import audit
from crm.locking import Taken, lock_workspace, take_turn
from crm.mistakes import log_mistake
from crm.models import Member
from crm.statements import execute, fetch
from mailboxes.accounts import uploads
from mailboxes.accounts.consenting import give_back_grant
from mailboxes.ingesting.events import elect
from mailboxes.ingesting.mail import summarise
from mailboxes.models import (
    CONSENTED,
    CalendarSource,
    Mailbox,
    MailboxState,
    MessageCopy,
    SyncStream,
)
from mailboxes.progress import announce_hidden, announce_progress
from mailboxes.sharing.upkeep import end_requests_to, forget_mailbox
from mailboxes.signals import communication_changed

logger = logging.getLogger(__name__)

DELETE_COPIES = """
    WITH gone AS (
        DELETE FROM mailboxes_messagecopy
        WHERE mailbox_id = %(mailbox)s AND provider_id = ANY(%(provider_ids)s)
        RETURNING id, message_id
    ),
    words AS (DELETE FROM mailboxes_messagecontent c USING gone WHERE c.copy_id = gone.id)
    SELECT DISTINCT message_id FROM gone
"""

HELD_BY_NOBODY = """
    SELECT m.id, m.thread_id FROM mailboxes_emailmessage m
    WHERE m.id = ANY(%(ids)s)
      AND NOT EXISTS (SELECT FROM mailboxes_messagecopy c WHERE c.message_id = m.id)
"""

DELETE_THREADS = """
    DELETE FROM mailboxes_thread t WHERE t.id = ANY(%(ids)s)
    AND NOT EXISTS (SELECT FROM mailboxes_emailmessage m WHERE m.thread_id = t.id)
"""

DELETE_SOURCES = """
    WITH gone AS (
        DELETE FROM mailboxes_calendarsource
        WHERE mailbox_id = %(mailbox)s AND provider_id = ANY(%(provider_ids)s)
        RETURNING id
    )
    DELETE FROM mailboxes_eventcopy c USING gone WHERE c.source_id = gone.id
    RETURNING c.event_id
"""

# Whether a member has written to somebody is told by what is still there.
HAS_BEEN_CONTACTED = """(
    EXISTS (SELECT FROM mailboxes_participant p
            JOIN mailboxes_messagecopy c ON c.message_id = p.message_id
            WHERE p.address_id = a.id AND p.role IN (3, 4) AND c.is_sent AND c.category = 'contact')
    OR EXISTS (SELECT FROM mailboxes_attendee t
               JOIN mailboxes_eventcopy c ON c.event_id = t.event_id AND c.is_organiser
               WHERE t.address_id = a.id)
)"""
FORGET_CONTACT = f"""
    UPDATE crm_address a SET is_contacted = false
    WHERE a.id = ANY(%(ids)s) AND a.is_contacted AND NOT {HAS_BEEN_CONTACTED}
"""

DELETE_UNUSED_ADDRESSES = """
    DELETE FROM crm_address a
    WHERE a.id = ANY(%(ids)s) AND a.person_id IS NULL AND a.member_id IS NULL
      AND NOT EXISTS (SELECT FROM mailboxes_participant p WHERE p.address_id = a.id)
      AND NOT EXISTS (SELECT FROM mailboxes_attendee t WHERE t.address_id = a.id)
      AND NOT EXISTS (SELECT FROM mailboxes_mailboxaddress m WHERE m.address_id = a.id)
      -- a copy that does not speak now may speak later
      AND NOT EXISTS (SELECT FROM mailboxes_eventcopy c WHERE c.workspace_id = a.workspace_id
          AND c.attendees @> jsonb_build_array(jsonb_build_object('address', a.id)))
"""


@dataclass(frozen=True, slots=True)
class Traces:
    """Messages and events that lost a copy, and the addresses they mentioned."""

    message_ids: list[int]
    event_ids: list[int]
    address_ids: list[int]


def remove_mail(mailbox: Mailbox, provider_ids: Sequence[str], *, now: datetime) -> None:
    """Call inside a transaction that holds the workspace's lock, as for all of this module."""
    lost = [row[0] for row in fetch(DELETE_COPIES, mailbox=mailbox.pk, provider_ids=list(provider_ids))]
    mentioned = fetch(
        "SELECT DISTINCT address_id FROM mailboxes_participant WHERE message_id = ANY(%(ids)s)",
        ids=lost,
    )
    orphans = fetch(HELD_BY_NOBODY, ids=lost)
    _delete_messages([row[0] for row in orphans])
    execute(DELETE_THREADS, ids=[row[1] for row in orphans])
    summarise(lost)
    _tell(mailbox, Traces(lost, [], [row[0] for row in mentioned]), now)


def remove_sources(mailbox: Mailbox, provider_ids: Sequence[str], *, now: datetime) -> None:
    rows = fetch(DELETE_SOURCES, mailbox=mailbox.pk, provider_ids=list(provider_ids))
    forget_events(mailbox, {row[0] for row in rows}, now=now)


def forget_events(mailbox: Mailbox, event_ids: Iterable[int], *, now: datetime) -> None:
    """Events that lost a copy: another copy speaks for them, or they go."""
    lost = sorted(event_ids)
    mentioned = fetch(
        "SELECT DISTINCT address_id FROM mailboxes_attendee WHERE event_id = ANY(%(ids)s)", ids=lost
    )
    elect(lost)
    _tell(mailbox, Traces([], lost, [row[0] for row in mentioned]), now)


def _delete_messages(message_ids: list[int]) -> None:
    execute("DELETE FROM mailboxes_participant WHERE message_id = ANY(%(ids)s)", ids=message_ids)
    execute("DELETE FROM mailboxes_emailmessage WHERE id = ANY(%(ids)s)", ids=message_ids)


def _tell(mailbox: Mailbox, traces: Traces, now: datetime) -> None:
    communication_changed.send(
        sender=Mailbox,
        workspace_id=mailbox.workspace_id,
        message_ids=traces.message_ids,
        event_ids=traces.event_ids,
        now=now,
    )
    execute(FORGET_CONTACT, ids=traces.address_ids)
    execute(DELETE_UNUSED_ADDRESSES, ids=traces.address_ids)


PURGE_ITEMS = 500


@dataclass(frozen=True, slots=True)
class WhatGoes:
    """What removing a mailbox takes away, in numbers."""

    emails: int
    events: int
    companies: int
    people: int


_WHAT_GOES = """
    WITH party AS (
        SELECT p.address_id FROM mailboxes_messagecopy c
        JOIN mailboxes_participant p ON p.message_id = c.message_id WHERE c.mailbox_id = %(mailbox)s
        UNION
        SELECT t.address_id FROM mailboxes_eventcopy e
        JOIN mailboxes_attendee t ON t.event_id = e.event_id WHERE e.mailbox_id = %(mailbox)s
    )
    SELECT (SELECT count(*) FROM mailboxes_messagecopy WHERE mailbox_id = %(mailbox)s),
           (SELECT count(*) FROM mailboxes_eventcopy WHERE mailbox_id = %(mailbox)s),
           count(DISTINCT coalesce(d.company_id, n.company_id)), count(DISTINCT a.person_id)
    FROM party JOIN crm_address a ON a.id = party.address_id
    LEFT JOIN crm_person n ON n.id = a.person_id
    LEFT JOIN crm_companydomain d ON d.workspace_id = a.workspace_id AND d.domain = a.domain
"""


def what_goes(mailbox: Mailbox) -> WhatGoes:
    return WhatGoes(*fetch(_WHAT_GOES, mailbox=mailbox.pk)[0])


def remove(mailbox: Mailbox, *, by: Member) -> None:
    """Safe to call twice. Raises PermissionDenied for anybody but its owner."""
    mailbox.refuse_others(by)
    with transaction.atomic():
        begin_removal(mailbox)
        audit("mailbox_removed", by=by, owner=by, mailbox=mailbox.pk)
        transaction.on_commit(_purge_soon, robust=True)


def _purge_soon() -> None:
    from mailboxes.tasks import purge_removed

    purge_removed.delay()


def begin_removal(mailbox: Mailbox) -> None:
    """Stop reading, forget the password, hide it. What it held is purged afterwards, in batches; a
    grant that a provider gave is kept so long, to be given back."""
    with transaction.atomic():
        mailbox.state = MailboxState.REMOVING
        if mailbox.kind not in CONSENTED:
            mailbox.credential = b""
        mailbox.settings = {}
        mailbox.save(update_fields=["state", "credential", "settings"])
        # A run under way loses its lease: removal wins.
        SyncStream.objects.filter(mailbox=mailbox).update(epoch=F("epoch") + 1, due_at=None, cursor="")
        announce_hidden(mailbox.workspace_id)


def purge_removed() -> None:
    for mailbox in Mailbox.objects.filter(state=MailboxState.REMOVING):
        take_away(mailbox, purge)


def take_away(mailbox: Mailbox, purge: Callable[[Mailbox], None]) -> None:
    """Unless somebody is at it; and what goes wrong with one mailbox stops no other."""
    try:
        purge(mailbox)
    except Taken:
        return
    except Exception as error:
        log_mistake(logger, f"taking away from mailbox {mailbox.pk}", error)


def purge(mailbox: Mailbox, *, now: datetime | None = None) -> None:
    """Take away everything a mailbox being removed holds, then the mailbox. Interrupted, it goes
    on where it stopped. Without `now` values are those of the moment of each batch. Raises Taken."""
    give_back_grant(mailbox)
    while _purge_batch(mailbox, now):
        pass
    with transaction.atomic():
        take_turn(mailbox.pk)
        lock_workspace(mailbox.workspace_id)
        forget_mailbox(mailbox.pk, mailbox.member_id)
        end_requests_to(mailbox.member_id, workspace_id=mailbox.workspace_id)
        uploads.forget(mailbox)
        mailbox.delete()
        announce_progress(mailbox.workspace_id)


def _purge_batch(mailbox: Mailbox, now: datetime | None) -> bool:
    """Whether there may be more."""
    with transaction.atomic():
        take_turn(mailbox.pk)
        lock_workspace(mailbox.workspace_id)
        now = now or timezone.now()
        copies = _some(MessageCopy.objects.filter(mailbox=mailbox))
        sources = _some(CalendarSource.objects.filter(mailbox=mailbox))
        if copies:
            remove_mail(mailbox, copies, now=now)
        if sources:
            remove_sources(mailbox, sources, now=now)
        announce_progress(mailbox.workspace_id)
    return bool(copies or sources)


def _some(stored: Any) -> list[str]:
    return list(stored.order_by("pk").values_list("provider_id", flat=True)[:PURGE_ITEMS])
