"""Series of an Exchange calendar: rules, occurrences that stand out, occurrences that are gone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailboxes.parsing.calendar import parse_calendar
from mailboxes.parsing.values import ParsedEvent
from mailboxes.providers.base import FetchedCalendar, Unreadable
from mailboxes.providers.exchange.calendar import ExchangeCalendars
from mailboxes.providers.icswriting import Event, resource
from tests.fakes.ews_calendar import Calendar, invited
from tests.fakes.ews_soap import message, t
from tests.fakes.exchange import Exchange
from tests.mailboxes.providers.exchange.rig import (
    ADA,
    account,
    answer,
    fetched,
    ids,
    items,
    listings,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
GUEST = invited("bob@acme.example", response="Accept")


def resource_of(fake: Exchange) -> FetchedCalendar:
    """The only item there is."""
    calendars = ExchangeCalendars(**account(fake))
    (wanted,) = ids(listings(calendars))
    found = fetched(calendars, [wanted])[wanted]
    assert isinstance(found, FetchedCalendar), found
    return found


def read(fake: Exchange) -> list[ParsedEvent]:
    return occurrences(resource_of(fake).raw)


def occurrences(raw: bytes) -> list[ParsedEvent]:
    parsed = parse_calendar(raw, now=NOW, history_from=None, timezone="UTC")
    assert (parsed.errors, parsed.flags) == ((), ())
    return sorted(parsed.events, key=lambda event: event.starts_at)


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=BERLIN)


RULES = [
    (at(1, 5), "FREQ=DAILY;INTERVAL=3;COUNT=40"),
    (at(1, 5), "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=40"),
    (at(1, 5), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;WKST=SU;COUNT=40"),
    (at(1, 5), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;WKST=MO;COUNT=40"),
    (at(1, 5), "FREQ=WEEKLY;UNTIL=20260630T215959Z"),
    (at(1, 5), "FREQ=WEEKLY"),
    (at(1, 15), "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15;COUNT=9"),
    (at(1, 31), "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=20"),
    (at(1, 30), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1;COUNT=20"),
    (at(1, 13), "FREQ=MONTHLY;BYDAY=2TU;COUNT=15"),
    (at(1, 30), "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=15"),
    (at(1, 3), "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1;COUNT=15"),
    (at(3, 17), "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=17"),
    (at(3, 29), "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
    (datetime(2022, 2, 5, 10, tzinfo=BERLIN), "FREQ=YEARLY;INTERVAL=2"),
]


@pytest.mark.parametrize(("start", "rule"), RULES, ids=[rule for _, rule in RULES])
def test_rule_means_the_same_here_as_there(
    fake: Exchange, calendar: Calendar, start: datetime, rule: str
) -> None:
    calendar.add("Series", start, start + HOUR, rule=rule, attendees=GUEST)
    plain = resource([Event("uid", start, start + HOUR, rules=[f"RRULE:{rule}"])])

    found = [(event.starts_at, event.ends_at) for event in read(fake)]

    assert found == [(event.starts_at, event.ends_at) for event in occurrences(plain)]
    assert len(found) > 1


def test_last_day_of_a_month_is_meant_where_there_is_no_31st(fake: Exchange, calendar: Calendar) -> None:
    calendar.add(
        "Close", at(1, 31), at(1, 31, 11), rule="FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", attendees=GUEST
    )

    days = [event.starts_at.date().isoformat() for event in read(fake)]

    assert days == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


def test_series_keeps_its_hour_when_clocks_change(fake: Exchange, calendar: Calendar) -> None:
    calendar.add("Weekly", at(10, 19), at(10, 19, 11), rule="FREQ=WEEKLY;COUNT=2", attendees=GUEST)

    assert [event.starts_at for event in read(fake)] == [
        datetime(2026, 10, 19, 8, tzinfo=UTC),
        datetime(2026, 10, 26, 9, tzinfo=UTC),
    ]


def test_changed_and_deleted_occurrences_stand_in_their_series(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Weekly", at(10, 5), at(10, 5, 11), rule="FREQ=WEEKLY;COUNT=5", attendees=GUEST)
    calendar.delete_occurrence(item, at(10, 19))
    calendar.change_occurrence(item, at(10, 12), start=at(10, 13, 15), end=at(10, 13, 17), subject="Longer")
    calendar.change_occurrence(item, at(10, 26), attendees=(*GUEST, *invited("eve@acme.example")))

    found = read(fake)

    assert [(event.title, event.starts_at, event.ends_at, event.recurrence_id) for event in found] == [
        ("Weekly", at(10, 5), at(10, 5, 11), at(10, 5)),
        ("Longer", at(10, 13, 15), at(10, 13, 17), at(10, 12)),
        ("Weekly", at(10, 26), at(10, 26, 11), at(10, 26)),
        ("Weekly", at(11, 2), at(11, 2, 11), at(11, 2)),
    ]
    assert [len(event.attendees) for event in found] == [2, 2, 3, 2]
    assert len({event.uid for event in found}) == 1
    assert {event.organiser.email for event in found} == {ADA}


def test_whole_days_recur_as_dates(fake: Exchange, calendar: Calendar) -> None:
    start = at(10, 5, 0)
    item = calendar.add(
        "Fair",
        start,
        start + timedelta(days=2),
        all_day=True,
        rule="FREQ=WEEKLY;UNTIL=20261026",
        attendees=GUEST,
    )
    calendar.delete_occurrence(item, at(10, 12, 0))
    calendar.change_occurrence(item, at(10, 19, 0), start=at(10, 20, 0), end=at(10, 21, 0))

    found = [(event.starts_at.date().day, (event.ends_at - event.starts_at).days) for event in read(fake)]

    assert found == [(5, 2), (20, 1), (26, 2)]
    assert {event.all_day for event in read(fake)} == {True}
    assert b"RECURRENCE-ID;VALUE=DATE:20261019" in resource_of(fake).raw


def test_exception_of_a_private_series_is_private(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add(
        "Doctor", at(10, 5), at(10, 5, 11), rule="FREQ=WEEKLY;COUNT=3", attendees=GUEST, sensitivity="Private"
    )
    calendar.change_occurrence(item, at(10, 12), sensitivity="Normal")

    assert read(fake) == []


def test_private_exception_of_a_series_is_private_alone(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Weekly", at(10, 5), at(10, 5, 11), rule="FREQ=WEEKLY;COUNT=3", attendees=GUEST)
    calendar.change_occurrence(item, at(10, 12), sensitivity="Private")

    assert [event.starts_at for event in read(fake)] == [at(10, 5), at(10, 19)]


def test_changed_occurrence_that_cannot_be_read_keeps_its_time(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Weekly", at(10, 5), at(10, 5, 11), rule="FREQ=WEEKLY;COUNT=2", attendees=GUEST)
    calendar.change_occurrence(item, at(10, 12), start=at(10, 13), end=at(10, 13, 11), subject="Other")
    fake.on(
        "GetItem", call=2, status=200, body=answer("GetItem", message("GetItem", code="ErrorItemNotFound"))
    )

    found = [(event.title, event.starts_at, event.recurrence_id) for event in read(fake)]

    assert found == [("Weekly", at(10, 5), at(10, 5)), ("Weekly", at(10, 13), at(10, 12))]


def test_series_costs_one_more_request_however_many_occurrences_stand_out(
    fake: Exchange, calendar: Calendar
) -> None:
    item = calendar.add("Daily", at(10, 1), at(10, 1, 11), rule="FREQ=DAILY;COUNT=60", attendees=GUEST)
    for day in range(2, 22):
        calendar.change_occurrence(item, at(10, day), subject=f"Day {day}")

    found = read(fake)

    assert (len(found), len({event.title for event in found})) == (60, 21)
    assert len(fake.calls("GetItem")) == 2


def test_one_occurrence_that_somebody_is_invited_to_is_that_one(fake: Exchange, calendar: Calendar) -> None:
    calendar.add(
        "Just this",
        at(10, 13),
        at(10, 13, 11),
        uid="series",
        recurrence_id=at(10, 12),
        organizer=("Bob", "bob@acme.example"),
        attendees=invited(ADA),
    )

    found = [(event.uid, event.recurrence_id, event.starts_at) for event in read(fake)]

    assert found == [("series", at(10, 12), at(10, 13))]


def test_rule_that_nobody_knows_is_not_guessed_at(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Weekly", at(10, 5), at(10, 5, 11), attendees=GUEST)
    told = t(
        "CalendarItem",
        t("ItemId", Id=item, ChangeKey="CQ"),
        t("UID", "weekly"),
        t("Start", "2026-10-05T08:00:00Z"),
        t("End", "2026-10-05T09:00:00Z"),
        t(
            "Recurrence",
            t("LunarRecurrence", t("Interval", "1")),
            t("NoEndRecurrence", t("StartDate", "2026-10-05+02:00")),
        ),
    )
    fake.on("GetItem", status=200, body=answer("GetItem", items(told)))
    calendars = ExchangeCalendars(**account(fake))
    (wanted,) = ids(listings(calendars))

    found = fetched(calendars, [wanted])[wanted]

    assert (type(found), found.reason, found.version) == (
        Unreadable,
        "The Exchange server described this event in a way that cannot be read.",
        "CQ",
    )
