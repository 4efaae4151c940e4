"""The world in which accounts read by consent meet faults: some forty letters or twenty-five events, and
what changes between two readings."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from mailboxes.models import MailboxKind
from tests.desk import NOW
from tests.fakes import google as google_fake
from tests.fakes import microsoft as microsoft_fake
from tests.mailboxes.consentrig import google_set_up, microsoft_set_up
from tests.mailboxes.letters import letter

ADA = "ada@halyard.example"
Fake = Any
PEOPLE = ("Bob Doe <bob@acme.example>", "Eve <eve@acme.example>", "Carl <carl@quiet.example>")


@dataclass(frozen=True)
class Side:
    """One kind of stream of one provider, and how a test fills and changes what it reads."""

    name: str
    kind: MailboxKind
    stream: str
    scopes: tuple[str, ...]
    identity: str
    set_up: Callable[[], AbstractContextManager[Fake]]
    fill: Callable[[Fake], None]
    change: Callable[[Fake], None]

    @property
    def token_path(self) -> str:
        return "/token" if self.kind == MailboxKind.GOOGLE else "/.../oauth2/v2.0/token"


# Mail.


def text(number: int) -> tuple[str, bytes]:
    """What kind of letter it is, and the letter."""
    if number % 10 == 3:
        sent = letter(number, sender="Ada <ada@halyard.example>", hour=number % 24)
        return "sent", sent.replace(
            "To: Ada <ada@halyard.example>", "To: Bob Doe <bob@acme.example>"
        ).encode()
    if number % 10 == 7:
        return "inbox", letter(number, sender="Ben <ben@halyard.example>").encode()
    found = letter(number, sender=PEOPLE[number % 3], day=1 + number % 20)
    answered = f"In-Reply-To: <m{number - 1}@acme.example>\n" if number % 10 == 5 else ""
    return "inbox", (answered + found).encode()


def fill_gmail(fake: Fake) -> None:
    mail = fake.mailbox(ADA)
    for number in range(40):
        kind, raw = text(number)
        mail.deliver(raw, labels=["SENT"] if kind == "sent" else ["INBOX", "UNREAD"])
    for number, label in enumerate(("DRAFT", "DRAFT", "CHAT", "SPAM", "TRASH"), start=50):
        mail.deliver(letter(number).encode(), labels=[label])


def change_gmail(fake: Fake) -> None:
    mail = fake.mailbox(ADA)
    ids = list(mail.mails)
    mail.delete(ids[0])
    mail.trash(ids[4])
    mail.relabel(ids[8], add=["SPAM"])
    mail.relabel(ids[9], remove=["INBOX"], add=["STARRED"])
    mail.relabel(ids[43], add=["INBOX"], remove=["SPAM"])
    mail.delete(ids[40])
    for number in range(100, 106):
        mail.deliver(text(number)[1])


def fill_outlook(fake: Fake) -> None:
    mail = fake.mailbox(ADA)
    mail.add_folder("Clients")
    for number in range(40):
        kind, raw = text(number)
        folder = "sentitems" if kind == "sent" else "Clients" if number % 10 == 8 else "inbox"
        # The newest of a folder come first, so they have to be told apart.
        mail.deliver(raw, folder=folder, at=NOW - timedelta(minutes=100 - number))
    for number, folder in enumerate(("drafts", "drafts", "junkemail", "deleteditems"), start=50):
        mail.deliver(letter(number).encode(), folder=folder)


def change_outlook(fake: Fake) -> None:
    mail = fake.mailbox(ADA)
    ids = list(mail.mails)
    mail.delete(ids[0])
    mail.move(ids[4], "deleteditems")
    mail.move(ids[6], "junkemail")
    mail.move(ids[9], "Clients")
    mail.move(ids[18], "inbox")
    mail.move(ids[42], "inbox")
    mail.change(ids[10], is_read=True)
    for number in range(100, 108):
        mail.deliver(text(number)[1])


# Events.


def day(number: int) -> tuple[str, str]:
    return f"2026-11-{1 + number:02}T10:00:00", f"2026-11-{1 + number:02}T11:00:00"


def google_guests(number: int) -> list[dict[str, Any]]:
    others = ("bob@acme.example", "eve@acme.example", "carl@quiet.example")
    answers = ("accepted", "tentative", "declined")
    guests = [{"email": others[number % 3], "responseStatus": answers[number % 2]}]
    return [{"email": ADA, "responseStatus": "accepted"}, *guests]


def fill_google(fake: Fake) -> None:
    calendar = fake.calendar(ADA)
    team = fake.add_calendar(ADA, "team@group.calendar.google.com", summary="Team", selected=True)
    for number in range(22):
        begins, ends = day(number)
        where = team if number >= 17 else calendar
        hidden = {"visibility": "private"} if number in (3, 18) else {}
        where.add(f"Meeting {number}", attendees=google_guests(number), start=begins, end=ends, **hidden)
    calendar.add("Fair", attendees=google_guests(1), start="2026-11-30", end="2026-12-02")
    for number in (5, 12, 19):
        begins, ends = f"2026-10-{number:02}T14:00:00", f"2026-10-{number:02}T15:00:00"
        rule = ["RRULE:FREQ=WEEKLY;COUNT=5"]
        about: dict[str, Any] = {
            "id": f"series{number:02}",
            "attendees": google_guests(number),
            "recurrence": rule,
        }
        series = calendar.add(f"Weekly {number}", start=begins, end=ends, **about)
        calendar.move_occurrence(series, f"2026-10-{number + 7:02}T14:00:00", summary=f"Moved {number}")
    calendar.cancel_occurrence("series05", "2026-10-19T14:00:00")


def change_google(fake: Fake) -> None:
    calendar, team = fake.calendar(ADA), fake.calendar(ADA, "team@group.calendar.google.com")
    ids = list(calendar.events)
    calendar.change(ids[0], summary="Another title")
    calendar.change(ids[1], start="2026-12-01T08:00:00", end="2026-12-01T09:00:00")
    calendar.cancel(ids[2])
    calendar.change(ids[3], visibility="default")
    calendar.cancel(ids[5], keeps_details=True)
    calendar.cancel("series12")
    calendar.cancel_occurrence("series05", "2026-10-26T14:00:00")
    calendar.move_occurrence("series19", "2026-11-02T14:00:00", summary="Moved again")
    for number in range(3):
        begins, ends = day(number)
        calendar.add(
            f"New {number}", attendees=google_guests(number), start=begins, end=ends, id=f"new{number}"
        )
    team.cancel(next(iter(team.events)))
    team.add("New in Team", attendees=google_guests(2), id="team9")


def outlook_guests(number: int) -> list[dict[str, Any]]:
    other = ("bob@acme.example", "eve@acme.example", "carl@quiet.example")[number % 3]
    response = ("accepted", "tentativelyAccepted")[number % 2]
    address = {"address": other, "name": other.partition("@")[0]}
    return [{"emailAddress": address, "status": {"response": response}, "type": "required"}]


def weekly(first: str) -> dict[str, Any]:
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"}
    return {"pattern": pattern, "range": {"type": "numbered", "startDate": first, "numberOfOccurrences": 5}}


def occurrence(calendar: Any, series: str, on: str) -> str:
    instances = calendar.instances(calendar.find(series))
    return next(one.lasting for one in instances if one.original.date().isoformat() == on)


def fill_graph(fake: Fake) -> None:
    calendar, team = fake.calendar(ADA), fake.add_calendar(ADA, "Team")
    for number in range(22):
        begins, ends = day(number)
        hidden = {"sensitivity": "private"} if number in (3, 18) else {}
        where = team if number >= 17 else calendar
        where.add(
            subject=f"Meeting {number}", attendees=outlook_guests(number), start=begins, end=ends, **hidden
        )
    whole = {"isAllDay": True, "start": "2026-11-30T00:00:00", "end": "2026-12-02T00:00:00"}
    calendar.add(subject="Fair", attendees=outlook_guests(1), **whole)
    for number in (5, 12, 19):
        first = f"2026-10-{number:02}"
        about: dict[str, Any] = {"attendees": outlook_guests(number), "recurrence": weekly(first)}
        series = calendar.add(
            subject=f"Weekly {number}", start=f"{first}T14:00:00", end=f"{first}T15:00:00", **about
        )
        moved = occurrence(calendar, series, f"2026-10-{number + 7:02}")
        calendar.change(moved, subject=f"Moved {number}")
        if number == 5:
            calendar.delete(occurrence(calendar, series, "2026-10-19"))


def change_graph(fake: Fake) -> None:
    calendar, team = fake.calendar(ADA), fake.calendar(ADA, "Team")
    ids = list(calendar.events)
    first, second, third = ids[-3:]
    calendar.change(ids[0], subject="Another title")
    calendar.change(ids[1], start="2026-12-01T08:00:00", end="2026-12-01T09:00:00")
    calendar.delete(ids[2])
    calendar.change(ids[3], sensitivity="normal")
    calendar.change(ids[5], start="2022-12-01T08:00:00", end="2022-12-01T09:00:00")
    calendar.delete(second)
    calendar.delete(occurrence(calendar, first, "2026-10-26"))
    calendar.change(occurrence(calendar, third, "2026-11-02"), subject="Moved again")
    for number in range(3):
        begins, ends = day(number)
        calendar.add(subject=f"New {number}", attendees=outlook_guests(number), start=begins, end=ends)
    team.delete(next(iter(team.events)))
    team.add(subject="New in Team", attendees=outlook_guests(2), start=day(8)[0], end=day(8)[1])


# Sides.

_AT_GOOGLE = "https://accounts.google.com 113000000000000000000"
_AT_MICROSOFT = "https://login.microsoftonline.example/tenant/v2.0 ada"
SIDES = {
    side.name: side
    for side in (
        Side("gmail", MailboxKind.GOOGLE, "mail", google_fake.MAIL, _AT_GOOGLE, google_set_up, fill_gmail, change_gmail),
        Side("google calendar", MailboxKind.GOOGLE, "calendar", google_fake.CALENDAR, _AT_GOOGLE, google_set_up, fill_google, change_google),
        Side("graph mail", MailboxKind.MICROSOFT, "mail", microsoft_fake.MAIL, _AT_MICROSOFT, microsoft_set_up, fill_outlook, change_outlook),
        Side("graph calendar", MailboxKind.MICROSOFT, "calendar", microsoft_fake.CALENDAR, _AT_MICROSOFT, microsoft_set_up, fill_graph, change_graph),
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ["gmail", "graph mail"])
def test_the_world_of_letters_has_all_kinds(name: str) -> None:
    with SIDES[name].set_up() as fake:
        fake.add_user(ADA)
        SIDES[name].fill(fake)
        before = set(fake.mailbox(ADA).mails)
        SIDES[name].change(fake)
        after = set(fake.mailbox(ADA).mails)

    assert len(before) == {"gmail": 45, "graph mail": 44}[name]
    assert (len(after - before), len(before - after)) == {"gmail": (6, 2), "graph mail": (8, 1)}[name]


@pytest.mark.parametrize("name", ["google calendar", "graph calendar"])
def test_the_world_of_events_has_two_calendars(name: str) -> None:
    other = {"google calendar": "team@group.calendar.google.com", "graph calendar": "Team"}[name]
    with SIDES[name].set_up() as fake:
        fake.add_user(ADA)
        SIDES[name].fill(fake)
        own, team = fake.calendar(ADA), fake.calendar(ADA, other)
        sizes = len(own.events), len(team.events)

    # Google has exceptions beside their series.
    assert sizes == {"google calendar": (25, 5), "graph calendar": (21, 5)}[name]
