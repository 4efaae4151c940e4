"""Calendars of Microsoft 365 through the real engine, against the strict fake of Graph."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mailboxes.models import CalendarEvent, EventCopy, Mailbox, SkippedItem
from mailboxes.running import run_now
from tests.desk import NOW
from tests.fakes.graph_events import Calendar
from tests.fakes.microsoft import Microsoft
from tests.mailboxes.consentrig import microsoft_set_up, occurrences, read_well
from tests.mailboxes.letters import stream_of

pytestmark = pytest.mark.django_db
ADA = "ada@halyard.example"
VIEW = "/v1.0/me/calendars/.../calendarView/delta"


def guest(email: str, response: str = "none", **more: str) -> dict[str, object]:
    return {
        "emailAddress": {"address": email, "name": email.partition("@")[0]},
        "status": {"response": response},
    } | {
        "type": "required",
        **more,
    }


GUESTS = [guest("bob@acme.example", "tentativelyAccepted"), guest("room@halyard.example", type="resource")]
WEEKLY = {
    "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"},
    "range": {"type": "numbered", "startDate": "2026-10-12", "numberOfOccurrences": 5},
}


@pytest.fixture
def fake() -> Iterator[Microsoft]:
    with time_machine.travel(NOW, tick=True), microsoft_set_up() as fake:
        fake.add_tenant("halyard.example")
        fake.add_user(ADA, name="Ada Lovelace")
        yield fake


@pytest.fixture
def calendar(fake: Microsoft) -> Calendar:
    return fake.calendar(ADA)


def weekly(calendar: Calendar) -> str:
    return calendar.add(
        subject="Weekly",
        attendees=GUESTS,
        start="2026-10-12T10:00:00",
        end="2026-10-12T10:30:00",
        recurrence=WEEKLY,
    )


def single(calendar: Calendar, subject: str, day: str = "2026-11-25") -> str:
    return calendar.add(subject=subject, attendees=GUESTS, start=f"{day}T10:00:00", end=f"{day}T11:00:00")


def test_an_event_is_read_with_everybodys_answer(box: Mailbox, calendar: Calendar) -> None:
    single(calendar, "Review")

    read_well(box, "calendar")

    event = EventCopy.objects.get()
    assert (event.title, event.is_organiser, event.timezone) == ("Review", True, "Europe/Berlin")
    assert (event.starts_at, event.ends_at) == (
        datetime(2026, 11, 25, 9, tzinfo=UTC),
        datetime(2026, 11, 25, 10, tzinfo=UTC),
    )
    assert sorted(one["response"] for one in event.attendees) == ["accepted", "tentative"]


def test_a_series_keeps_its_hour_and_its_exceptions(box: Mailbox, calendar: Calendar) -> None:
    series = weekly(calendar)
    ids = {one.original.date().isoformat(): one.lasting for one in calendar.instances(calendar.find(series))}
    calendar.change(ids["2026-10-26"], start="2026-10-27T15:00:00", end="2026-10-27T15:30:00")
    calendar.delete(ids["2026-11-02"])

    read_well(box, "calendar")

    assert occurrences() == [
        ("Weekly", "10-12 08:00", "confirmed"),
        ("Weekly", "10-19 08:00", "confirmed"),
        ("Weekly", "10-27 14:00", "confirmed"),
        ("Weekly", "11-09 09:00", "confirmed"),
    ]


@pytest.mark.parametrize("shows_masters", [True, False])
def test_changes_of_single_occurrences_are_noticed(
    box: Mailbox, calendar: Calendar, shows_masters: bool
) -> None:
    calendar.shows_masters = shows_masters
    series = weekly(calendar)
    read_well(box, "calendar")
    ids = {one.original.date().isoformat(): one.lasting for one in calendar.instances(calendar.find(series))}
    calendar.change(ids["2026-10-19"], subject="Changed")
    read_well(box, "calendar")
    changed = [title for title, *_ in occurrences()]
    calendar.delete(ids["2026-10-26"])

    read_well(box, "calendar")

    assert changed == ["Weekly", "Changed", "Weekly", "Weekly", "Weekly"]
    assert [at for _, at, _ in occurrences()] == ["10-12 08:00", "10-19 08:00", "11-02 09:00", "11-09 09:00"]


def test_a_deleted_event_goes_and_one_that_left_the_view_does_not(box: Mailbox, calendar: Calendar) -> None:
    gone, moved = single(calendar, "Gone"), single(calendar, "Moved")
    read_well(box, "calendar")
    calendar.delete(gone)
    calendar.change(moved, start="2023-05-02T10:00:00", end="2023-05-02T11:00:00")

    read_well(box, "calendar")

    assert occurrences() == [("Moved", "05-02 08:00", "confirmed")]


def test_old_events_are_read_once(box: Mailbox, calendar: Calendar) -> None:
    single(calendar, "Long ago", "2019-03-04")
    single(calendar, "Now")

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["Long ago", "Now"]


def test_a_lost_state_is_compared_with_what_is_stored(box: Mailbox, calendar: Calendar) -> None:
    gone = single(calendar, "Gone")
    single(calendar, "Kept")
    read_well(box, "calendar")
    calendar.delete(gone)
    calendar.forget_state()
    single(calendar, "New")

    read_well(box, "calendar")

    assert {title for title, *_ in occurrences()} == {"Kept", "New"}


def test_the_view_begins_again_after_a_week(box: Mailbox, calendar: Calendar, fake: Microsoft) -> None:
    single(calendar, "Now")
    read_well(box, "calendar")
    before = stream_of(box, "calendar").cursor
    fake.log.clear()

    with time_machine.travel(NOW + timedelta(days=8), tick=True):
        fake.expire_access(ADA)
        read_well(box, "calendar")

    begun = [call for call in fake.log.of("GET", VIEW) if call.param("startDateTime")]
    assert [call.param("endDateTime") for call in begun] == ["2027-12-02T09:00:00Z"]
    assert stream_of(box, "calendar").cursor != before
    assert len(fake.log.of("POST", "/v1.0/$batch")) == 0  # nothing is read again that has not changed


def test_private_events_are_not_stored(box: Mailbox, calendar: Calendar) -> None:
    for number, sensitivity in enumerate(("private", "confidential", "personal")):
        day = f"2026-11-2{number}"
        calendar.add(
            subject=sensitivity,
            attendees=GUESTS,
            start=f"{day}T10:00:00",
            end=f"{day}T11:00:00",
            sensitivity=sensitivity,
        )

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["personal"]
    assert list(SkippedItem.objects.values_list("reason", flat=True)) == ["private", "private"]


def test_all_day_events_are_dates(box: Mailbox, calendar: Calendar) -> None:
    calendar.add(
        subject="Fair",
        attendees=GUESTS,
        isAllDay=True,
        start="2026-11-30T00:00:00",
        end="2026-12-02T00:00:00",
    )

    read_well(box, "calendar")

    event = EventCopy.objects.get()
    assert event.all_day
    assert (event.starts_at, event.ends_at) == (
        datetime(2026, 11, 30, tzinfo=UTC),
        datetime(2026, 12, 2, tzinfo=UTC),
    )


def test_ones_own_answer_counts_on_ones_own_copy(box: Mailbox, calendar: Calendar) -> None:
    ics = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:theirs@acme.example\r\nDTSTAMP:20261101T090000Z\r\n"
        "DTSTART:20261125T090000Z\r\nDTEND:20261125T100000Z\r\nSUMMARY:Theirs\r\nORGANIZER:mailto:bob@acme.example\r\n"
        f"ATTENDEE;PARTSTAT=DECLINED:mailto:{ADA}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@acme.example\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    calendar.import_ics(ics.encode())

    read_well(box, "calendar")

    event = EventCopy.objects.get()
    assert (event.title, event.is_organiser) == ("Theirs", False)
    assert sorted(one["response"] for one in event.attendees) == ["accepted", "accepted", "declined"]


def test_a_calendar_that_is_gone_takes_its_events_along(box: Mailbox, fake: Microsoft) -> None:
    single(fake.add_calendar(ADA, "Team"), "In Team")
    single(fake.calendar(ADA), "In Calendar")
    read_well(box, "calendar")
    fake.remove_calendar(ADA, "Team")

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["In Calendar"]


EVENTS = "/v1.0/me/calendars/.../events"


@pytest.mark.parametrize("path", [VIEW, EVENTS])
@pytest.mark.parametrize("status", [403, 404])
def test_a_calendar_that_is_closed_to_us_keeps_nobody_from_the_others(
    box: Mailbox, fake: Microsoft, path: str, status: int
) -> None:
    """As with one that somebody else shares, or that goes while calendars are read."""
    single(fake.calendar(ADA), "In Calendar")
    single(fake.add_calendar(ADA, "Team"), "In Team")
    fake.faults.on("GET", path, call=1, status=status)

    read_well(box, "calendar")
    before = [title for title, *_ in occurrences()]
    read_well(box, "calendar")

    assert before == ["In Team"]
    assert [title for title, *_ in occurrences()] == ["In Calendar", "In Team"]


def test_when_all_calendars_are_closed_it_is_said(box: Mailbox, fake: Microsoft) -> None:
    single(fake.calendar(ADA), "In Calendar")
    fake.faults.on("GET", VIEW, status=403)

    run_now(stream_of(box, "calendar"))

    assert "Reconnect the account" in stream_of(box, "calendar").last_error
    assert stream_of(box, "calendar").due_at is None


def test_an_empty_list_of_calendars_takes_nothing_away(box: Mailbox, fake: Microsoft) -> None:
    single(fake.calendar(ADA), "In Calendar")
    read_well(box, "calendar")
    fake.faults.on("GET", "/v1.0/me/calendars", status=200, body=b'{"value": []}')

    run_now(stream_of(box, "calendar"))

    assert "lists no calendars" in stream_of(box, "calendar").last_error
    assert [title for title, *_ in occurrences()] == ["In Calendar"]


def test_two_occurrences_of_somebodys_series_are_two_meetings(box: Mailbox, calendar: Calendar) -> None:
    """Whoever is invited to some dates alone has each of them by itself, under an id with its day."""
    head, rest = "040000008200E00074C5B7101A82E008", "00" * 8 + "10000000" + "AB" * 16
    for day, spelt in (("2026-11-23", "07EA0B17"), ("2026-11-30", "07EA0B1E")):
        calendar.add(
            subject=f"On {day}",
            attendees=GUESTS,
            start=f"{day}T10:00:00",
            end=f"{day}T11:00:00",
            iCalUId=head + spelt + rest,
        )

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["On 2026-11-23", "On 2026-11-30"]
    assert CalendarEvent.objects.count() == 2
