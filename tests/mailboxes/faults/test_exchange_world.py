"""The world of `test_world` on an Exchange server, read with a password or by a service account; and
what a reading without a fault comes to there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from intelligence.verifying import differences
from mailboxes import syncing
from mailboxes.models import MailboxKind
from mailboxes.providers.exchange import asking as exchange_asking
from mailboxes.providers.exchange import calendar as exchange_calendar
from mailboxes.providers.exchange import fetching as exchange_fetching
from tests.desk import NOW
from tests.fakes.ews_calendar import Calendar, invited
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_meetings import Attendee
from tests.fakes.exchange import Exchange, exchange
from tests.fakes.faults import Call
from tests.mailboxes.consentrig import places
from tests.mailboxes.faults.test_account import Account, Clean, read_twice, today
from tests.mailboxes.faults.test_content import unlike
from tests.mailboxes.faults.test_world import ADA, PEOPLE, Side, text
from tests.mailboxes.letters import letter

pytestmark = pytest.mark.django_db
__all__ = ["today"]

USER, SERVICE = "CORP\\ada", "CORP\\rapport"
BERLIN = ZoneInfo("Europe/Berlin")
# How many items an answer to GetItem has, and one to SyncFolderItems.
BATCH, PAGE = 10, 7


@dataclass
class ExchangeAccount(Account):
    """`acts_for`: a service account signs in, and acts for Ada."""

    acts_for: bool = False

    @property
    def username(self) -> str:
        return SERVICE if self.acts_for else USER

    def settings(self) -> dict[str, dict[str, Any]]:
        login = {"address": ADA, "username": self.username, "endpoint": self.fake.url, "auth": "basic"}
        return {self.side.stream: login | {"impersonate": self.acts_for}}

    def consented(self) -> dict[str, str]:
        """The password, as its owner knows it."""
        return {self.side.stream: self.fake.account(self.username).password}

    def asked(self) -> list[Call]:
        return list(self.fake.log.calls)


@contextmanager
def exchange_account(side: Side, *, acts_for: bool = False) -> Iterator[ExchangeAccount]:
    """On a fake that is filled. What it does to the database is undone afterwards."""
    with side.set_up() as fake, transaction.atomic():
        fake.clock.freeze(NOW - timedelta(days=2))
        fake.add_user(ADA, password="s3cret-of-ada", username=USER, name="Ada Lovelace")
        fake.add_service_account(SERVICE, "s3cret-of-all", may_impersonate=True)
        side.fill(fake)
        fake.clock.freeze(NOW)
        yield ExchangeAccount(side, fake, acts_for=acts_for)
        transaction.set_rollback(True)


@contextmanager
def exchange_set_up() -> Iterator[Exchange]:
    with exchange() as fake, override_settings(EGRESS_ALLOWED_NETWORKS=places(fake.url)):
        yield fake


@cache
def clean_exchange(name: str) -> Clean:
    """Read once in a session, inside whichever test asks first, with short pages."""
    with exchange_account(EXCHANGE_SIDES[name]) as one:
        return read_twice(one)


@pytest.fixture
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small world takes several answers to list and to fetch."""
    monkeypatch.setattr(exchange_asking, "_MOST_CHANGES", PAGE)
    monkeypatch.setattr(exchange_fetching, "_BATCH_MESSAGES", BATCH)
    monkeypatch.setattr(exchange_calendar, "_BATCH", BATCH)
    monkeypatch.setattr(syncing, "PAGE_ITEMS", 25)


# Mail. “Old” is a folder, or a calendar, that a fault may take away: no change touches it.


def fill_mail(fake: Exchange) -> None:
    box = fake.mailbox(ADA)
    for name in ("Clients", "Old"):
        box.add_folder(name)
    for number in range(40):
        kind, raw = text(number)
        folder = "sentitems" if kind == "sent" else "Clients" if number % 10 == 8 else "inbox"
        box.deliver(raw, folder, at=NOW - timedelta(minutes=100 - number))
    for number in (60, 61, 62, 64, 68):
        # As old as those above, some older and some newer than each.
        at = NOW - timedelta(minutes=100 - (number - 60) * 5)
        box.deliver(letter(number, sender=PEOPLE[number % 3]).encode(), "Old", at=at)
    for number, folder in enumerate(("drafts", "drafts", "junkemail", "deleteditems"), start=50):
        box.deliver(letter(number).encode(), folder)


def change_mail(fake: Exchange) -> None:
    box = fake.mailbox(ADA)
    box.delete(letter_in(box, 0))
    box.trash(letter_in(box, 4))
    for number, folder in ((6, "junkemail"), (9, "Clients"), (18, "inbox"), (52, "inbox")):
        box.move(letter_in(box, number), folder)
    box.mark_read(letter_in(box, 10))
    box.touch(letter_in(box, 11))
    for number in range(100, 108):
        box.deliver(text(number)[1])


def letter_in(box: Mailbox, number: int) -> str:
    ids = [id for folder in box.folders.values() for id in folder.items]
    return next(id for id in ids if box.mail(id).head["Subject"] == f"SUBJECT{number}")


# Events.


def guests(number: int) -> tuple[Attendee, ...]:
    other = ("bob@acme.example", "eve@acme.example", "carl@quiet.example")[number % 3]
    return (*invited(other, response=("Accept", "Tentative")[number % 2]), *invited(ADA, response="Accept"))


def meet(calendar: Calendar, subject: str, number: int, **about: Any) -> str:
    """Every third one is Bob's own."""
    organiser: dict[str, Any] = {"organizer": ("Bob", "bob@acme.example")} if number % 3 == 1 else {}
    start = datetime(2026, 11, 1 + number, 10, tzinfo=BERLIN)
    end = start + timedelta(hours=1)
    return calendar.add(
        subject, **organiser | {"start": start, "end": end, "attendees": guests(number)} | about
    )


def fill_calendars(fake: Exchange) -> None:
    calendar, team = fake.calendar(ADA), fake.add_calendar(ADA, "Team")
    old = fake.add_calendar(ADA, "Old")
    for number in range(22):
        hidden = {"sensitivity": "Private"} if number in (3, 18) else {}
        meet(team if number >= 17 else calendar, f"Meeting {number}", number, **hidden)
    for number in (4, 8, 10):
        meet(old, f"Old {number}", number)
    begins, ends = (datetime(2026, *on, tzinfo=BERLIN) for on in ((11, 30), (12, 2)))
    meet(calendar, "Fair", 0, start=begins, end=ends, all_day=True)
    for number in (5, 12, 19):
        first = occurrence(number)
        rule = {"start": first, "end": first + timedelta(hours=1), "rule": "FREQ=WEEKLY;COUNT=5"}
        series = meet(calendar, f"Weekly {number}", number, **rule)
        calendar.change_occurrence(series, occurrence(number + 7), subject=f"Moved {number}")
    calendar.delete_occurrence(event_in(calendar, "Weekly 5"), occurrence(19))


def change_calendars(fake: Exchange) -> None:
    calendar, team = fake.calendar(ADA), Calendar(fake.mailbox(ADA), fake.mailbox(ADA).folder("Team").id)
    later = datetime(2026, 12, 1, 8, tzinfo=UTC)
    calendar.change(event_in(calendar, "Meeting 0"), subject="Another title")
    calendar.change(event_in(calendar, "Meeting 1"), start=later, end=later + timedelta(hours=1))
    calendar.delete(event_in(calendar, "Meeting 2"))
    calendar.change(event_in(calendar, "Meeting 3"), sensitivity="Normal")
    calendar.cancel(event_in(calendar, "Meeting 5"))
    calendar.answer(event_in(calendar, "Meeting 6"), "bob@acme.example", "Decline")
    calendar.delete(event_in(calendar, "Weekly 12"))
    calendar.delete_occurrence(event_in(calendar, "Weekly 5"), occurrence(26))
    calendar.change_occurrence(event_in(calendar, "Weekly 19"), occurrence(33), subject="Moved again")
    for number in range(3):
        meet(calendar, f"New {number}", number)
    team.delete(event_in(team, "Meeting 17"))
    meet(team, "New in Team", 8)


def occurrence(day: int) -> datetime:
    """In the afternoon of a day, counted from the beginning of October."""
    return datetime(2026, 10, 1, 14, tzinfo=BERLIN) + timedelta(days=day - 1)


def event_in(calendar: Calendar, subject: str) -> str:
    ids = calendar.box.folders[calendar.folder].items
    return next(id for id in ids if calendar.item(id).meeting.subject == subject)


def _side(name: str, stream: str, fill: Any, change: Any) -> Side:
    return Side(name, MailboxKind.EXCHANGE, stream, (), "", exchange_set_up, fill, change)


EXCHANGE_SIDES = {
    "exchange mail": _side("exchange mail", "mail", fill_mail, change_mail),
    "exchange calendar": _side("exchange calendar", "calendar", fill_calendars, change_calendars),
}


@pytest.mark.usefixtures("today", "short_answers")
@pytest.mark.parametrize(("name", "acts_for"), [("exchange mail", True), ("exchange calendar", False)])
def test_two_clean_readings_of_exchange_are_equal_and_differ_by_what_changed(
    name: str, acts_for: bool
) -> None:
    wanted = clean_exchange(name)

    with exchange_account(EXCHANGE_SIDES[name], acts_for=acts_for) as one:
        found = read_twice(one)
        wrong = list(differences(one.mailbox.workspace_id, now=timezone.now()))

    assert (unlike(found.first, wanted.first), unlike(found.content, wanted.content), wrong) == ([], [], [])
    assert (found.asked_first, found.asked) == (wanted.asked_first, wanted.asked)
    part = "copies" if EXCHANGE_SIDES[name].stream == "mail" else "event copies"
    assert wanted.first[part] != wanted.content[part]


@pytest.mark.usefixtures("today", "short_answers")
def test_nothing_that_counts_is_missing_from_the_world_of_exchange() -> None:
    letters, events = (clean_exchange(name).content for name in EXCHANGE_SIDES)

    of_mail = {"threads", "messages", "participants", "copies"}
    of_events = {"sources", "events", "event copies", "attendees"}
    assert {part for part, rows in letters.items() if not rows} == {"quarantined", "pending"} | of_events
    assert {part for part, rows in events.items() if not rows} == {"quarantined", "pending"} | of_mail
    assert (len(letters["copies"]), len(events["sources"]), len(events["event copies"])) == (46, 29, 35)
