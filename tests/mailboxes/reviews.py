"""Bob's review with Ada and Ben, as calendars hold it and as somebody reads it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm.models import Member
from mailboxes.correspondence.meetings import Guest, ShownEvent, find_event
from mailboxes.models import BlocklistEntry, CalendarEvent, EventCopy, MailboxState
from mailboxes.parsing.values import ParsedEvent
from tests.desk import NOW, Desk, meeting

ADA, BEN, BOB = "ada@halyard.example", "ben@halyard.example", "bob@acme.example"
SOON = NOW + timedelta(days=1)
WEEK = timedelta(days=7)


def review(**fields: Any) -> ParsedEvent:
    """Bob's review with Ada and Ben, unless `fields` say otherwise."""
    people = fields.pop("responses", {BOB: "accepted", ADA: "accepted", BEN: "tentative"})
    return replace(meeting("u1", BOB, people, at=fields.pop("at", SOON)), **fields)


def event() -> CalendarEvent:
    return CalendarEvent.objects.get()


def shown(member: Member) -> ShownEvent:
    return find_event(member, event().pk, now=NOW)


def guests(one: ShownEvent) -> dict[str, Guest]:
    sides = (*one.outside, *one.colleagues)
    return {guest.email: guest for side in sides for guest in (*side.shown, *side.folded)}


def answers(one: ShownEvent) -> dict[str, str]:
    return {email: str(guest.response) for email, guest in guests(one).items()}


def block(desk: Desk, name: str) -> None:
    """The event leaves this member's mailbox; the purge has not come by yet."""
    mailbox = desk.mailboxes[name]
    entry = BlocklistEntry.objects.create(workspace=desk.workspace, mailbox=mailbox, value="acme.example")
    EventCopy.objects.filter(mailbox=mailbox).update(blocked_by=entry)


def remove(desk: Desk, name: str) -> None:
    mailbox = desk.mailboxes[name]
    mailbox.state = MailboxState.REMOVING
    mailbox.save(update_fields=["state"])


def occurrences(desk: Desk, name: str, *weeks: int) -> list[int]:
    days = [SOON + WEEK * week for week in weeks]
    desk.schedule(name, *(review(at=day, recurrence_id=day) for day in days))
    return list(CalendarEvent.objects.order_by("starts_at").values_list("pk", flat=True))


HIDING = pytest.mark.parametrize("hide", [block, remove])
