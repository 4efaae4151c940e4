"""Google Calendar through the real engine, against the strict fake."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine

from mailboxes.models import EventCopy, Mailbox, SkippedItem
from mailboxes.providers.webapi import Request
from mailboxes.running import run_now
from tests.desk import NOW
from tests.fakes.google import Google
from tests.fakes.google_events import Calendar
from tests.mailboxes.consentrig import google_set_up, occurrences, read_well
from tests.mailboxes.letters import stream_of

pytestmark = pytest.mark.django_db
ADA = "ada@halyard.example"
EVENTS = "/calendar/v3/calendars/.../events"
GUESTS = [
    {"email": ADA, "responseStatus": "accepted"},
    {"email": "bob@acme.example", "responseStatus": "tentative", "displayName": "Bob Doe"},
]


@pytest.fixture
def fake() -> Iterator[Google]:
    with time_machine.travel(NOW, tick=True), google_set_up() as fake:
        fake.add_user(ADA)
        yield fake


@pytest.fixture
def calendar(fake: Google) -> Calendar:
    return fake.calendar(ADA)


def test_an_event_is_read_with_everybodys_answer(box: Mailbox, calendar: Calendar) -> None:
    calendar.add(
        "Review",
        attendees=[
            *GUESTS,
            {"email": "room@halyard.example", "resource": True, "responseStatus": "accepted"},
        ],
        start="2026-11-25T10:00:00",
        end="2026-11-25T11:30:00",
        location="Room; 4, upstairs",
        description="First line\nsecond, line",
        hangoutLink="https://meet.google.com/abc",
    )

    read_well(box, "calendar")

    event = EventCopy.objects.get()
    assert (event.title, event.location, event.description) == (
        "Review",
        "Room; 4, upstairs",
        "First line\nsecond, line",
    )
    assert (event.starts_at, event.ends_at) == (
        datetime(2026, 11, 25, 9, tzinfo=UTC),
        datetime(2026, 11, 25, 10, 30, tzinfo=UTC),
    )
    assert (event.timezone, event.conference_url, event.is_organiser) == (
        "Europe/Berlin",
        "https://meet.google.com/abc",
        True,
    )
    assert len(event.attendees) == 2


def test_a_series_with_its_exceptions_is_one_resource(box: Mailbox, calendar: Calendar) -> None:
    series = calendar.add(
        "Weekly",
        attendees=GUESTS,
        start="2026-10-12T10:00:00",
        end="2026-10-12T10:30:00",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"],
    )
    calendar.move_occurrence(
        series, "2026-10-26T10:00:00", start="2026-10-27T15:00:00", end="2026-10-27T15:30:00"
    )
    calendar.cancel_occurrence(series, "2026-11-02T10:00:00")

    read_well(box, "calendar")

    assert occurrences() == [
        ("Weekly", "10-12 08:00", "confirmed"),
        ("Weekly", "10-19 08:00", "confirmed"),
        ("Weekly", "10-27 14:00", "confirmed"),
        ("Weekly", "11-02 09:00", "cancelled"),
        ("Weekly", "11-09 09:00", "confirmed"),
    ]


def test_a_change_of_one_occurrence_reads_its_series_again(
    box: Mailbox, calendar: Calendar, fake: Google
) -> None:
    series = calendar.add(
        "Weekly",
        attendees=GUESTS,
        start="2026-11-02T10:00:00",
        end="2026-11-02T10:30:00",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
    )
    read_well(box, "calendar")
    fake.log.clear()
    calendar.move_occurrence(series, "2026-11-09T10:00:00", summary="Moved")

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["Weekly", "Moved", "Weekly"]
    assert len(fake.log.calls) == 4  # the list of calendars, what changed, the series, its exceptions


def test_a_deleted_event_goes(box: Mailbox, calendar: Calendar) -> None:
    gone = calendar.add("Gone", attendees=GUESTS)
    kept_details = calendar.add("Gone too", attendees=GUESTS)
    series = calendar.add("Series", attendees=GUESTS, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    calendar.add("Kept", attendees=GUESTS)
    read_well(box, "calendar")
    calendar.cancel(gone)
    calendar.cancel(kept_details, keeps_details=True)
    calendar.cancel(series)

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["Kept"]


def test_an_old_token_is_compared_with_what_is_stored(box: Mailbox, calendar: Calendar, fake: Google) -> None:
    gone = calendar.add("Gone", attendees=GUESTS)
    calendar.add("Kept", attendees=GUESTS)
    read_well(box, "calendar")
    calendar.cancel(gone)
    calendar.purge(gone)
    calendar.add("New", attendees=GUESTS, id="new00001")
    calendar.expire_sync_tokens()

    read_well(box, "calendar")

    assert {title for title, *_ in occurrences()} == {"Kept", "New"}


def test_empty_pages_are_followed_to_the_token(box: Mailbox, calendar: Calendar, fake: Google) -> None:
    calendar.add("First", attendees=GUESTS)
    fake.faults.on("GET", EVENTS, call=1, page="empty")
    read_well(box, "calendar")
    calendar.add("Second", attendees=GUESTS)
    fake.faults.on("GET", EVENTS, call=1, page="empty")

    read_well(box, "calendar")

    assert {title for title, *_ in occurrences()} == {"First", "Second"}


def test_calendars_that_are_shown_are_read(box: Mailbox, calendar: Calendar, fake: Google) -> None:
    team = fake.add_calendar(ADA, "team@group.calendar.google.com", summary="Team")
    hidden = fake.add_calendar(ADA, "hidden@group.calendar.google.com", summary="Hidden", selected=False)
    busy = fake.add_calendar(ADA, "busy@group.calendar.google.com", role="freeBusyReader")
    for one in (calendar, team, hidden, busy):
        one.add(f"In {one.summary}", attendees=GUESTS)
    read_well(box, "calendar")
    before = {title for title, *_ in occurrences()}
    fake.calendars.lists[ADA].change(team.id, deleted=True)

    read_well(box, "calendar")

    assert before == {f"In {ADA}", "In Team"}
    assert {title for title, *_ in occurrences()} == {f"In {ADA}"}


def test_private_events_and_the_owners_own_day_are_not_stored(box: Mailbox, calendar: Calendar) -> None:
    calendar.add("Private", attendees=GUESTS, visibility="private")
    calendar.add("Confidential", attendees=GUESTS, visibility="confidential")
    calendar.add("Focus", attendees=GUESTS, eventType="focusTime")
    series = calendar.add(
        "Secret series", attendees=GUESTS, visibility="private", recurrence=["RRULE:FREQ=DAILY;COUNT=2"]
    )
    calendar.move_occurrence(series, "2026-01-06T10:00:00", summary="Secret exception")

    read_well(box, "calendar")

    assert occurrences() == []
    reasons = SkippedItem.objects.order_by("reason").values_list("reason", flat=True)
    assert list(reasons) == ["empty", "private", "private", "private"]


def test_attendees_that_google_leaves_out_are_not_gone(box: Mailbox, calendar: Calendar) -> None:
    event = calendar.add(
        "Review", attendees=[*GUESTS, {"email": "eve@acme.example", "responseStatus": "accepted"}]
    )
    read_well(box, "calendar")
    calendar.change(event, attendees=GUESTS, attendeesOmitted=True, summary="Review, moved")

    read_well(box, "calendar")

    copy = EventCopy.objects.get()
    assert (copy.title, len(copy.attendees)) == ("Review, moved", 3)
    calendar.change(event, attendees=GUESTS, attendeesOmitted=None)
    read_well(box, "calendar")
    assert len(EventCopy.objects.get().attendees) == 2


def test_all_day_events_are_dates(box: Mailbox, calendar: Calendar) -> None:
    calendar.add("Fair", attendees=GUESTS, start="2026-11-30", end="2026-12-02")

    read_well(box, "calendar")

    event = EventCopy.objects.get()
    assert event.all_day
    assert (event.starts_at, event.ends_at) == (
        datetime(2026, 11, 30, tzinfo=UTC),
        datetime(2026, 12, 2, tzinfo=UTC),
    )


def test_a_poll_that_finds_nothing_is_two_requests(box: Mailbox, calendar: Calendar, fake: Google) -> None:
    calendar.add("One", attendees=GUESTS)
    read_well(box, "calendar")
    fake.log.clear()

    read_well(box, "calendar")

    assert len(fake.log.calls) == 2


def test_reading_many_events_again_lists_them_rather_than_asking_for_each(
    box: Mailbox, calendar: Calendar, fake: Google
) -> None:
    for number in range(60):
        calendar.add(f"E{number}", attendees=GUESTS)
    fake.faults.on("GET", EVENTS, call=1)  # counts only

    read_well(box, "calendar")

    assert EventCopy.objects.count() == 60
    assert len(fake.log.of("GET", EVENTS)) == 1


def test_a_calendar_that_goes_while_calendars_are_read_keeps_nobody_from_the_others(
    box: Mailbox, calendar: Calendar, fake: Google
) -> None:
    team = fake.add_calendar(ADA, "team@group.calendar.google.com", summary="Team")
    for one in (calendar, team):
        one.add(f"In {one.summary}", attendees=GUESTS)
    fake.faults.on("GET", EVENTS, call=1, status=404)

    read_well(box, "calendar")
    before = {title for title, *_ in occurrences()}
    read_well(box, "calendar")

    assert before == {"In Team"}
    assert {title for title, *_ in occurrences()} == {f"In {ADA}", "In Team"}


@pytest.mark.parametrize("status", [500, 400])
def test_an_event_that_is_refused_keeps_nobody_from_the_others(
    box: Mailbox, calendar: Calendar, fake: Google, status: int
) -> None:
    read_well(box, "calendar")
    odd = calendar.add("Odd", attendees=GUESTS)
    for title in ("One", "Two"):
        calendar.add(title, attendees=GUESTS)
    fake.faults.on("GET", f"{EVENTS}/...", when=lambda asked: asked.path.endswith(f"/{odd}"), status=status)

    read_well(box, "calendar")

    assert {title for title, *_ in occurrences()} == {"One", "Two"}
    fake.faults.clear()
    read_well(box, "calendar")
    assert {title for title, *_ in occurrences()} == {"Odd", "One", "Two"}


def test_an_empty_list_of_calendars_takes_nothing_away(
    box: Mailbox, calendar: Calendar, fake: Google
) -> None:
    calendar.add("Kept", attendees=GUESTS)
    read_well(box, "calendar")
    fake.faults.on("GET", "/calendar/v3/users/me/calendarList", status=200, body=b'{"items": []}')

    run_now(stream_of(box, "calendar"))

    assert "lists no calendars" in stream_of(box, "calendar").last_error
    assert [title for title, *_ in occurrences()] == ["Kept"]


def test_an_occurrence_without_its_series_is_followed(box: Mailbox, calendar: Calendar) -> None:
    """Whoever is invited to one date alone has the occurrence, and not the series that it names."""
    series = calendar.add(
        "Weekly",
        attendees=GUESTS,
        start="2026-11-23T10:00:00",
        end="2026-11-23T11:00:00",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
    )
    one = calendar.move_occurrence(series, "2026-11-30T10:00:00")
    calendar.leave_occurrences(series)
    read_well(box, "calendar")
    before = [title for title, *_ in occurrences()]
    calendar.change(one, summary="Renamed")

    read_well(box, "calendar")

    assert before == ["Weekly"]
    assert [title for title, *_ in occurrences()] == ["Renamed"]


def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(
    fake: Google, box: Mailbox, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailboxes.providers.google.calendar.PAGE", 30)
    monkeypatch.setattr("mailboxes.providers.webapi.Request", partial(Request, limit=40_000))
    for number in range(30):
        calendar.add(f"Meeting {number:02}", attendees=GUESTS, description="x" * 2_000)

    read_well(box, "calendar")

    listed = [call.param("maxResults") for call in fake.log.of("GET", EVENTS)]
    assert listed == ["30", *["3"] * 10]
    assert len(occurrences()) == 30


def test_an_id_of_any_length_is_read_and_followed(box: Mailbox, calendar: Calendar) -> None:
    long = calendar.add("Long", attendees=GUESTS, id="a" * 900)
    read_well(box, "calendar")
    calendar.change(long, summary="Longer")

    read_well(box, "calendar")

    assert [title for title, *_ in occurrences()] == ["Longer"]
