"""Calendars of Exchange on premises, against the strict fake: which, what of an event, what changes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailboxes.parsing.calendar import parse_calendar
from mailboxes.parsing.values import ParsedAttendee, ParsedEvent
from mailboxes.providers.base import FetchedCalendar, Missing, TryLater, Unreadable
from mailboxes.providers.exchange.account import Checked, check
from mailboxes.providers.exchange.calendar import ExchangeCalendars
from mailboxes.providers.exchange.folders import prefix_of
from tests.fakes.ews_calendar import Calendar, invited
from tests.fakes.ews_meetings import Attendee
from tests.fakes.ews_soap import m, message, t
from tests.fakes.exchange import Exchange
from tests.mailboxes.providers.exchange.rig import (
    ADA,
    account,
    answer,
    fetched,
    ids,
    items,
    last_cursor,
    listings,
    own,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 2, 10, 0, tzinfo=BERLIN)
END = datetime(2026, 11, 2, 11, 30, tzinfo=ZoneInfo("Europe/London"))
BOB = ("Bob", "bob@acme.example")


def provider(fake: Exchange, **other: object) -> ExchangeCalendars:
    return ExchangeCalendars(**account(fake, **other))


def read(fake: Exchange, item: str) -> list[ParsedEvent]:
    """What our own parser makes of one item."""
    calendars = provider(fake)
    (wanted,) = (one for one in ids(listings(calendars)) if own(one) == item)
    found = fetched(calendars, [wanted])[wanted]
    assert isinstance(found, FetchedCalendar), found
    parsed = parse_calendar(found.raw, now=NOW, history_from=None, timezone=found.timezone)
    assert parsed.errors == ()
    return list(parsed.events)


def test_event_is_read_with_all_that_is_known_of_it(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add(
        "Offer; part 1, “final”",
        START,
        END,
        uid="one",
        organizer=BOB,
        attendees=(
            *invited(ADA, response="Accept"),
            Attendee("eve@acme.example", "Eve", "optional"),
            Attendee("room@corp.example", "Room 1", "resource"),
        ),
        location="Room 1",
        body=("Text", "See https://acme.zoom.us/j/123\nbye"),
        sequence=3,
    )

    (event,) = read(fake, item)

    assert (event.uid, event.title, event.location) == ("one", "Offer; part 1, “final”", "Room 1")
    assert (event.starts_at, event.ends_at, event.timezone) == (START, END, "Europe/Berlin")
    assert (event.status, event.sequence, event.all_day, event.recurrence_id) == ("confirmed", 3, False, None)
    assert (event.organiser.email, event.organiser.name) == (BOB[1], "Bob")
    assert event.attendees == (
        ParsedAttendee(ADA, "Ada", "accepted"),
        ParsedAttendee("eve@acme.example", "Eve", "needs_action", optional=True),
        ParsedAttendee(BOB[1], "Bob", "accepted"),
    )
    assert event.description == "See https://acme.zoom.us/j/123\nbye"
    assert event.conference_url == "https://acme.zoom.us/j/123"
    assert event.last_modified == fake.mailbox(ADA).item(item).modified.replace(microsecond=0)


@pytest.mark.parametrize(
    ("answered", "read_as"),
    [
        ("Accept", "accepted"),
        ("Tentative", "tentative"),
        ("Decline", "declined"),
        ("Unknown", "needs_action"),
        ("NoResponseReceived", "needs_action"),
    ],
)
def test_answers_are_the_organisers_to_know_and_ones_own(
    fake: Exchange, calendar: Calendar, answered: str, read_as: str
) -> None:
    asked = calendar.add(
        "Asked", START, END, organizer=BOB, attendees=(*invited(ADA, "eve@acme.example", response=answered),)
    )
    asking = calendar.add("Asking", START, END, attendees=invited(BOB[1], response=answered))

    answers = [{one.email: one.response for one in read(fake, item)[0].attendees} for item in (asked, asking)]

    assert answers == [
        {ADA: read_as, "eve@acme.example": "needs_action", BOB[1]: "accepted"},
        {BOB[1]: read_as, ADA: "accepted"},
    ]


def test_who_was_invited_as_one_of_a_list_is_there_with_her_answer(
    fake: Exchange, calendar: Calendar
) -> None:
    item = calendar.add("All hands", START, END, organizer=BOB, attendees=invited("team@corp.example"))
    told = appointment(t("ItemId", Id=item, ChangeKey="CQ"), answer="Decline", attendee="team@corp.example")
    fake.on("GetItem", status=200, body=answer("GetItem", items(told)))

    (event,) = read(fake, item)

    assert {one.email: one.response for one in event.attendees} == {
        "team@corp.example": "needs_action",
        ADA: "declined",
        BOB[1]: "accepted",
    }


def appointment(id: object, *, answer: str = "Accept", attendee: str = ADA, zone: object = None) -> object:
    def mailbox(email: str) -> object:
        return t("Mailbox", t("Name", email), t("EmailAddress", email), t("RoutingType", "SMTP"))

    return t(
        "CalendarItem",
        id,
        t("Subject", "Told"),
        t("UID", "told"),
        t("Start", "2026-11-02T23:00:00Z"),
        t("End", "2026-11-03T23:00:00Z"),
        t("IsAllDayEvent", "true" if zone is not None else "false"),
        t("MyResponseType", answer),
        t("Organizer", mailbox(BOB[1])),
        t("RequiredAttendees", t("Attendee", mailbox(attendee), t("ResponseType", "Unknown"))),
        zone,
    )


def test_people_who_have_left_are_not_there_under_the_directorys_name(
    fake: Exchange, calendar: Calendar
) -> None:
    item = calendar.add(
        "Old", START, END, organizer=("Gone", "gone@corp.example"), attendees=invited(ADA, BOB[1])
    )
    fake.depart("gone@corp.example")

    (event,) = read(fake, item)

    assert (event.organiser, {one.email for one in event.attendees}) == (None, {ADA, BOB[1]})


@pytest.mark.parametrize("sensitivity", ["Private", "Confidential"])
def test_private_event_is_marked_private(fake: Exchange, calendar: Calendar, sensitivity: str) -> None:
    item = calendar.add("Doctor", START, END, sensitivity=sensitivity, attendees=invited(BOB[1]))

    assert read(fake, item) == []


def test_personal_event_is_a_normal_one(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Lunch", START, END, sensitivity="Personal", attendees=invited(BOB[1]))

    assert [event.title for event in read(fake, item)] == ["Lunch"]


def test_cancelled_event_is_cancelled(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Off", START, END, organizer=BOB, attendees=invited(ADA))
    calendar.cancel(item)

    assert [event.status for event in read(fake, item)] == ["cancelled"]


@pytest.fixture(params=["America/New_York", "Pacific/Auckland"])
def elsewhere(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """This machine stands in another part of the world."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("days", [1, 3])
def test_whole_days_are_dates_of_their_zone_and_the_end_is_exclusive(
    fake: Exchange, calendar: Calendar, zone: str, days: int
) -> None:
    start = datetime(2026, 11, 2, tzinfo=ZoneInfo(zone))
    item = calendar.add("Fair", start, start + timedelta(days=days), all_day=True, attendees=invited(BOB[1]))

    (event,) = read(fake, item)

    assert (event.all_day, event.starts_at, event.ends_at) == (
        True,
        datetime(2026, 11, 2, tzinfo=UTC),
        datetime(2026, 11, 2 + days, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("id", "name", "timezone"),
    [
        ("tzone://Microsoft/Custom", "", "UTC"),
        ("tzone://Microsoft/Custom", "Europe/Vienna", "Europe/Vienna"),
        ("Customized Time Zone", "W. Europe Standard Time", "Europe/Berlin"),
        ("../../etc/passwd", "(UTC+01:00) Amsterdam, Berlin", "UTC"),
    ],
)
def test_zone_that_came_with_an_invitation_is_known_by_its_name_or_not_at_all(
    fake: Exchange, calendar: Calendar, id: str, name: str, timezone: str
) -> None:
    item = calendar.add("Told", START, END, organizer=BOB, attendees=invited(ADA))
    told = appointment(t("ItemId", Id=item, ChangeKey="CQ"), zone=t("StartTimeZone", Id=id, Name=name))
    fake.on("GetItem", status=200, body=answer("GetItem", items(told)))
    calendars = provider(fake)
    (wanted,) = ids(listings(calendars))

    found = fetched(calendars, [wanted])[wanted]
    (event,) = parse_calendar(found.raw, now=NOW, history_from=None, timezone="UTC").events

    assert (found.timezone, event.starts_at) == (timezone, datetime(2026, 11, 3, tzinfo=UTC))


HEX = "040000008200E00074C5B7101A82E008"
FOREIGN = b"abc-123@google.com"


@pytest.mark.parametrize(
    ("said", "uid"),
    [
        ("plain@acme.example", "plain@acme.example"),
        (HEX + "07EA0B02" + "00" * 20 + "ABCD", HEX + "00000000" + "00" * 20 + "ABCD"),
        (HEX + "00" * 24 + (b"vCal-Uid\1\0\0\0" + FOREIGN + b"\0").hex().upper(), FOREIGN.decode()),
        (HEX + "not hexadecimal", HEX + "not hexadecimal"),
    ],
)
def test_uid_is_as_the_organisers_server_has_it(
    fake: Exchange, calendar: Calendar, said: str, uid: str
) -> None:
    item = calendar.add("One", START, END, uid=said, attendees=invited(BOB[1]))

    assert [event.uid for event in read(fake, item)] == [uid]


def test_calendars_are_all_read_but_deleted_ones_birthdays_and_those_left_out(
    fake: Exchange, calendar: Calendar
) -> None:
    box = fake.mailbox(ADA)
    team, left_out = fake.add_calendar(ADA, "Team"), fake.add_calendar(ADA, "Family")
    box.add_folder("Old", under="deleteditems", folder_class="IPF.Appointment")
    box.add_folder("Birthdays", folder_class="IPF.Appointment.Birthday")
    wanted = [one.add("One", START, END, attendees=invited(BOB[1])) for one in (calendar, team)]
    for folder in (left_out.folder, "Old"):
        fake.calendar(ADA, folder).add("Two", START, END)
    calendars = provider(fake, left_out=[left_out.folder])

    found = ids(listings(calendars))

    assert [own(one) for one in found] == wanted
    assert [folder.name for folder in calendars.folders()] == ["Calendar", "Team"]


def test_changes_are_told_with_their_version(fake: Exchange, calendar: Calendar) -> None:
    kept, changed, gone = (calendar.add(f"E{n}", START, END, attendees=invited(BOB[1])) for n in range(3))
    first = {own(item.provider_id): item for one in listings(provider(fake)) for item in one.items}
    cursor = last_cursor(provider(fake))
    calendar.change(changed, subject="Moved")
    calendar.delete(gone)
    new = calendar.add("New", START, END, attendees=invited(BOB[1]))
    calendars = provider(fake)

    (listing,) = listings(calendars, cursor)

    told = {own(item.provider_id): item.version for item in listing.items}
    assert (set(told), listing.removed) == ({changed, new}, [first[gone].provider_id])
    assert "" != told[changed] != first[changed].version
    found = fetched(calendars, [first[changed].provider_id, first[gone].provider_id])
    assert found[first[gone].provider_id] == Missing(first[gone].provider_id)
    assert found[first[changed].provider_id].version == told[changed]
    assert (
        first[kept].version == fetched(calendars, [first[kept].provider_id])[first[kept].provider_id].version
    )


def test_forgotten_position_is_a_snapshot_of_the_calendar(fake: Exchange, calendar: Calendar) -> None:
    gone = calendar.add("One", START, END)
    calendar.add("Two", START, END)
    cursor = last_cursor(provider(fake))
    calendar.delete(gone)
    fake.mailbox(ADA).forget_state()

    (listing,) = listings(provider(fake), cursor)

    assert (len(listing.items), listing.snapshot_of) == (1, prefix_of(calendar.folder))


def test_calendar_left_out_later_goes(fake: Exchange, calendar: Calendar) -> None:
    team = fake.add_calendar(ADA, "Team")
    team.add("One", START, END)
    cursor = last_cursor(provider(fake))

    (listing,) = listings(provider(fake, left_out=[team.folder]), cursor)

    assert (listing.items, listing.snapshot_of) == ((), prefix_of(team.folder))


def test_events_come_fifty_at_a_time(fake: Exchange, calendar: Calendar) -> None:
    for number in range(60):
        calendar.add(f"E{number}", START, END, attendees=invited(BOB[1]))
    calendars = provider(fake)
    wanted = ids(listings(calendars))
    fake.log.clear()

    found = fetched(calendars, wanted)

    assert ({type(one) for one in found.values()}, len(found)) == ({FetchedCalendar}, 60)
    assert [call.detail for call in fake.log.calls] == ["GetItem", "GetItem"]


def test_event_that_cannot_be_read_costs_no_other(fake: Exchange, calendar: Calendar) -> None:
    broken, refused, good = (calendar.add(f"E{n}", START, END, attendees=invited(BOB[1])) for n in range(3))
    calendars = provider(fake)
    by_own = {own(one): one for one in ids(listings(calendars))}
    told = answer(
        "GetItem",
        items(t("CalendarItem", t("ItemId", Id=broken, ChangeKey="CQ"), t("UID", "x"), t("Start", "soon"))),
        message("GetItem", code="ErrorCorruptData"),
        items(appointment(t("ItemId", Id=good, ChangeKey="CQ"))),
    )
    fake.on("GetItem", status=200, body=told)

    found = [
        fetched(calendars, [by_own[one] for one in (broken, refused, good)])[by_own[one]]
        for one in (broken, refused, good)
    ]

    assert [type(one) for one in found] == [Unreadable, Unreadable, FetchedCalendar]
    assert [one.reason for one in found[:2]] == [
        "The Exchange server described this event in a way that cannot be read.",
        "The Exchange server could not hand over this event (ErrorCorruptData).",
    ]


def test_busy_server_is_left_alone_for_as_long_as_it_says(fake: Exchange, calendar: Calendar) -> None:
    calendar.add("One", START, END)
    calendars = provider(fake)
    wanted = ids(listings(calendars))
    fake.fails("GetItem", "ErrorServerBusy", back_off=45_000)

    with pytest.raises(TryLater) as caught:
        list(calendars.fetch(wanted))

    assert caught.value.retry_after == 45.0


def test_what_is_no_appointment_is_not_listed(fake: Exchange, calendar: Calendar) -> None:
    def made(id: str, kind: str) -> object:
        return t("Create", t("CalendarItem", t("ItemId", Id=id, ChangeKey="CQ"), t("ItemClass", kind)))

    made_up = [made("a", "IPM.Appointment"), made("b", "IPM.Appointment.Live Meeting"), made("c", "IPM.Note")]
    state = [m("SyncState", "s"), m("IncludesLastItemInRange", "true"), m("Changes", *made_up)]
    fake.on("SyncFolderItems", status=200, body=answer("SyncFolderItems", message("SyncFolderItems", *state)))

    assert sorted(map(own, ids(listings(provider(fake))))) == ["a", "b"]


def test_first_look_reads_one_event(fake: Exchange, calendar: Calendar) -> None:
    calendar.add("One", START, END)

    looked = check("calendar", **account(fake))

    assert looked == Checked(fake.url, ("Calendar",), 1, has_read=True)
