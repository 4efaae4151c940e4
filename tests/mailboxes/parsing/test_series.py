from datetime import UTC, datetime, timedelta

import pytest

from mailboxes.parsing.icsuids import known_uid
from mailboxes.parsing.values import ParsedAttendee, ParsedCalendar
from tests.mailboxes.parsing.calendartexts import NOW, calendar, event, only, read, recurrences, starts

DAILY = ("DTSTART:20261101T090000Z", "DTEND:20261101T100000Z", "RRULE:FREQ=DAILY;COUNT=4")
BERLIN = "DTSTART;TZID=Europe/Berlin:20261101T090000"


def series(*lines: str, overrides: tuple[str, ...] = ()) -> bytes:
    return calendar(event(*lines), *overrides)


def days(*lines: str) -> list[str]:
    return [text[5:10] for text in starts(read(series(*lines)))]


# When


def test_weekly_series_keeps_its_wall_clock_through_both_changes_of_a_year():
    raw = series("DTSTART;TZID=Europe/Berlin:20260105T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=52")

    parsed = read(raw)

    mondays = [datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=n) for n in range(52)]
    # Clocks change on March 29 and October 25, 2026.
    hours = [8] * 12 + [7] * 30 + [8] * 10
    expected = [monday + timedelta(hours=hour) for monday, hour in zip(mondays, hours, strict=True)]
    assert [one.starts_at for one in parsed.events] == expected
    assert [one.recurrence_id for one in parsed.events] == expected
    assert {one.ends_at - one.starts_at for one in parsed.events} == {timedelta(hours=1)}
    assert (mondays[12].month, mondays[12].day, mondays[42].month, mondays[42].day) == (3, 30, 10, 26)
    assert not parsed.goes_on


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", ["11-01", "11-02", "11-03"]),
        ("FREQ=DAILY;INTERVAL=2;UNTIL=20261105", ["11-01", "11-03", "11-05"]),
        ("FREQ=DAILY;UNTIL=20261103T080000Z", ["11-01", "11-02", "11-03"]),
        ("FREQ=DAILY;UNTIL=20261103T075959Z", ["11-01", "11-02"]),
        ("FREQ=DAILY;UNTIL=20261103T090000", ["11-01", "11-02", "11-03"]),
        ("FREQ=DAILY;UNTIL=20261103T083000", ["11-01", "11-02"]),
        ("FREQ=DAILY;UNTIL=20200101", ["11-01"]),
        ("FREQ=WEEKLY;BYDAY=SU,WE;COUNT=4", ["11-01", "11-04", "11-08", "11-11"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE;WKST=SU;COUNT=4", ["11-01", "11-04", "11-15", "11-18"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE;WKST=MO;COUNT=4", ["11-01", "11-11", "11-15", "11-25"]),
        ("FREQ=MONTHLY;BYDAY=1SU;COUNT=3", ["11-01", "12-06", "01-03"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", ["11-01", "11-30", "12-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1;COUNT=4", ["11-01", "11-30", "12-01", "12-31"]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;COUNT=1", ["11-01"]),
        ("FREQ=DAILY;COUNT=1", ["11-01"]),
        ("freq=daily;count=2", ["11-01", "11-02"]),
    ],
)
def test_series_takes_place_when_its_rule_says(rule, expected):
    assert days(BERLIN, f"RRULE:{rule}") == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("EXDATE:20261102T090000Z,20261104T090000Z",), ["11-01", "11-03"]),
        (("EXDATE;TZID=Europe/Berlin:20261102T100000",), ["11-01", "11-03", "11-04"]),
        (("EXDATE;VALUE=DATE:20261103",), ["11-01", "11-02", "11-04"]),
        (("EXDATE:20261101T090000Z",), ["11-02", "11-03", "11-04"]),
        (("EXDATE:20261102T093000Z",), ["11-01", "11-02", "11-03", "11-04"]),
        (("RDATE:20261110T090000Z", "RDATE:20261102T090000Z"), ["11-01", "11-02", "11-03", "11-04", "11-10"]),
        (("RDATE:nonsense,20261110T090000Z",), ["11-01", "11-02", "11-03", "11-04", "11-10"]),
        (("EXRULE:FREQ=DAILY;INTERVAL=2",), ["11-02", "11-04"]),
    ],
)
def test_series_with_dates_added_and_left_out(lines, expected):
    assert days(*DAILY, *lines) == expected


def test_exdate_without_a_zone_is_in_the_zone_of_the_series():
    assert days(BERLIN, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261102T090000") == ["11-01", "11-03"]


def test_added_period_lasts_as_long_as_it_says():
    raw = series(*DAILY[:2], "RDATE;VALUE=PERIOD:20261105T090000Z/PT3H,20261106T090000Z/20261106T091500Z")

    lengths = [one.ends_at - one.starts_at for one in read(raw).events]

    assert lengths == [timedelta(hours=1), timedelta(hours=3), timedelta(minutes=15)]


def test_all_day_series_is_at_midnight_utc_of_its_dates():
    raw = series(
        "DTSTART;VALUE=DATE:20261030", "RRULE:FREQ=DAILY;UNTIL=20261102", "EXDATE;VALUE=DATE:20261031"
    )

    parsed = read(raw, timezone="America/New_York")

    assert starts(parsed) == ["2026-10-30 00:00", "2026-11-01 00:00", "2026-11-02 00:00"]
    assert recurrences(parsed) == starts(parsed)
    assert {(one.all_day, one.ends_at - one.starts_at) for one in parsed.events} == {
        (True, timedelta(days=1))
    }


def test_occurrences_have_sequence_and_last_modified_of_their_series():
    parsed = read(series(*DAILY, "SEQUENCE:4", "LAST-MODIFIED:20260101T000000Z"))

    assert {(one.sequence, one.last_modified) for one in parsed.events} == {
        (4, datetime(2026, 1, 1, tzinfo=UTC))
    }


# The window


def test_endless_series_ends_a_year_from_now_and_goes_on():
    parsed = read(series("DTSTART:20261101T090000Z", "RRULE:FREQ=WEEKLY"))

    assert (len(parsed.events), starts(parsed)[-1]) == (53, "2027-10-31 09:00")
    assert parsed.goes_on


def test_series_starts_at_the_history_limit():
    parsed = read(series(*DAILY), since=datetime(2026, 11, 3, tzinfo=UTC))

    assert starts(parsed) == ["2026-11-03 09:00", "2026-11-04 09:00"]


def test_series_of_more_than_8000_keeps_the_first_and_the_newest_7999():
    parsed = read(series("DTSTART:20000101T090000Z", "RRULE:FREQ=DAILY"))

    assert (len(parsed.events), parsed.flags) == (8000, ("series_cut",))
    assert starts(parsed)[0] == "2000-01-01 09:00"
    assert starts(parsed)[-1] == "2027-11-03 09:00"
    assert parsed.events[1].starts_at == parsed.events[-1].starts_at - timedelta(days=7998)


def test_series_that_starts_after_the_window_keeps_its_first_and_goes_on():
    parsed = read(series("DTSTART:20280101T090000Z", "RRULE:FREQ=DAILY"))

    assert (starts(parsed), parsed.goes_on) == (["2028-01-01 09:00"], True)


def test_rare_series_goes_on():
    assert read(series("DTSTART:20240229T090000Z", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")).goes_on


# Overrides


def override(*lines: str) -> str:
    return event(*lines)


def test_override_stands_in_for_one_occurrence():
    moved = override(
        "RECURRENCE-ID;TZID=Europe/Berlin:20261102T100000",
        "DTSTART:20261102T150000Z",
        "SUMMARY:Moved",
        "SEQUENCE:2",
    )

    parsed = read(series(*DAILY, "SUMMARY:Usual", overrides=(moved,)))

    assert starts(parsed) == ["2026-11-01 09:00", "2026-11-02 15:00", "2026-11-03 09:00", "2026-11-04 09:00"]
    assert [one.title for one in parsed.events] == ["Usual", "Moved", "Usual", "Usual"]
    assert [one.sequence for one in parsed.events] == [0, 2, 0, 0]
    assert parsed.events[1].recurrence_id == datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_override_may_name_its_occurrence_by_date():
    moved = override("RECURRENCE-ID;VALUE=DATE:20261102", "DTSTART:20261102T150000Z")

    parsed = read(series(*DAILY, overrides=(moved,)))

    assert recurrences(parsed)[1] == "2026-11-02 09:00"
    assert len(parsed.events) == 4


def test_override_that_is_cancelled_is_returned_as_cancelled():
    gone = override("RECURRENCE-ID:20261102T090000Z", "DTSTART:20261102T090000Z", "STATUS:CANCELLED")

    parsed = read(series(*DAILY, overrides=(gone,)))

    assert [one.status for one in parsed.events] == ["confirmed", "cancelled", "confirmed", "confirmed"]


def test_override_of_which_there_are_two_is_the_newer_one():
    older, newer = (
        override("RECURRENCE-ID:20261102T090000Z", f"DTSTART:20261102T1{n}0000Z", f"SEQUENCE:{n}")
        for n in (1, 2)
    )

    assert starts(read(series(*DAILY, overrides=(newer, older))))[1] == "2026-11-02 12:00"


@pytest.mark.parametrize("own", [(), ("CLASS:PRIVATE",)])
def test_override_is_as_private_as_its_series(own):
    moved = override("RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T090000Z", "DTSTART:20261102T150000Z", *own)

    parsed = read(series(*DAILY, "CLASS:CONFIDENTIAL", overrides=(moved,)))

    assert parsed == ParsedCalendar(events=(), private=4)


def test_override_alone_may_be_private_or_public():
    private = override("RECURRENCE-ID:20261102T090000Z", "DTSTART:20261102T090000Z", "CLASS:PRIVATE")
    public = override("RECURRENCE-ID:20261102T090000Z", "DTSTART:20261102T090000Z", "CLASS:PUBLIC")

    one_hidden = read(series(*DAILY, overrides=(private,)))
    one_shown = read(series(*DAILY, "CLASS:PRIVATE", overrides=(public,)))

    assert (len(one_hidden.events), one_hidden.private) == (3, 1)
    assert (recurrences(one_shown), one_shown.private) == (["2026-11-02 09:00"], 3)


def test_private_override_outside_the_window_is_counted():
    private = override("RECURRENCE-ID:20261101T090000Z", "DTSTART:20261101T090000Z", "CLASS:PRIVATE")

    parsed = read(series(*DAILY, overrides=(private,)), since=datetime(2026, 11, 3, tzinfo=UTC))

    assert (len(parsed.events), parsed.private) == (2, 1)


def test_override_without_people_has_those_of_its_series():
    people = ("ORGANIZER:mailto:ada@rapport.test", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:jane@acme.test")
    bare = override("RECURRENCE-ID:20261102T090000Z", "DTSTART:20261102T150000Z")
    own = override(
        "RECURRENCE-ID:20261103T090000Z", "DTSTART:20261103T150000Z", "ATTENDEE:mailto:joe@acme.test"
    )

    parsed = read(series(*DAILY, *people, overrides=(bare, own)))

    assert parsed.events[1].attendees == (
        ParsedAttendee("jane@acme.test", "", "accepted"),
        ParsedAttendee("ada@rapport.test", "", "accepted"),
    )
    assert parsed.events[2].attendees == (ParsedAttendee("joe@acme.test"),)


def test_override_of_all_that_follow_moves_them_as_far():
    moved = override(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261103T090000Z",
        "DTSTART:20261103T110000Z",
        "DTEND:20261103T113000Z",
        "SUMMARY:Later",
    )

    parsed = read(series(*DAILY, "SUMMARY:Usual", overrides=(moved,)))

    assert starts(parsed) == ["2026-11-01 09:00", "2026-11-02 09:00", "2026-11-03 11:00", "2026-11-04 11:00"]
    assert recurrences(parsed)[2:] == ["2026-11-03 09:00", "2026-11-04 09:00"]
    assert [one.title for one in parsed.events] == ["Usual", "Usual", "Later", "Later"]
    assert parsed.events[3].ends_at - parsed.events[3].starts_at == timedelta(minutes=30)


def test_override_moves_occurrences_into_the_window_and_out_of_it():
    endless = ("DTSTART:20260801T090000Z", "RRULE:FREQ=MONTHLY;UNTIL=20271231")
    back = override("RECURRENCE-ID:20271201T090000Z", "DTSTART:20271101T150000Z")
    away = override("RECURRENCE-ID:20261001T090000Z", "DTSTART:20271215T090000Z")
    earlier = override("RECURRENCE-ID:20261101T090000Z", "DTSTART:20260815T090000Z")

    parsed = read(series(*endless, overrides=(back, away, earlier)), since=datetime(2026, 9, 1, tzinfo=UTC))

    assert starts(parsed)[:2] == ["2026-09-01 09:00", "2026-12-01 09:00"]
    assert starts(parsed)[-2:] == ["2027-11-01 09:00", "2027-11-01 15:00"]
    assert recurrences(parsed)[-1] == "2027-12-01 09:00"
    assert parsed.goes_on


def test_overrides_without_their_series_are_occurrences_each():
    alone = (
        override("RECURRENCE-ID:20261102T090000Z", "DTSTART:20261102T150000Z"),
        override("RECURRENCE-ID;VALUE=DATE:20261105", "DTSTART;VALUE=DATE:20261106"),
    )

    parsed = read(calendar(*alone))

    assert starts(parsed) == ["2026-11-02 15:00", "2026-11-06 00:00"]
    assert recurrences(parsed) == ["2026-11-02 09:00", "2026-11-05 00:00"]


def test_overrides_without_their_series_go_on_behind_the_window():
    near, far, farther = (
        override(f"RECURRENCE-ID:{year}1102T090000Z", f"DTSTART:{year}1102T090000Z")
        for year in (2026, 2028, 2029)
    )

    parsed = read(calendar(far, near, farther))

    assert (starts(parsed), parsed.goes_on) == (["2026-11-02 09:00"], True)
    assert starts(read(calendar(farther, far))) == ["2028-11-02 09:00"]


def test_series_that_is_there_twice_is_the_newer_one():
    older, newer = (event(*DAILY, f"SUMMARY:{n}", f"SEQUENCE:{n}") for n in (9, 10))
    changed = event(*DAILY, "SUMMARY:11", "SEQUENCE:10", "LAST-MODIFIED:20260101T000000Z")

    assert {one.title for one in read(calendar(older, newer)).events} == {"10"}
    assert {one.title for one in read(calendar(older, newer, changed)).events} == {"11"}


# Zones


@pytest.mark.parametrize(
    ("zone", "hour", "name"),
    [
        ("Europe/Berlin", 8, "Europe/Berlin"),
        ("W. Europe Standard Time", 8, "Europe/Berlin"),
        ("/mozilla.org/20050126_1/America/Argentina/Buenos_Aires", 12, "America/Argentina/Buenos_Aires"),
        ("UTC", 9, "UTC"),
        ("Nowhere/At_All", 14, "America/New_York"),
        ("localtime", 14, "America/New_York"),
        ("../../etc/passwd", 14, "America/New_York"),
    ],
)
def test_zone_is_found_by_its_name(zone, hour, name):
    found = only(series(f"DTSTART;TZID={zone}:20261105T090000"), timezone="America/New_York")

    assert (found.starts_at.hour, found.timezone) == (hour, name)


@pytest.mark.parametrize(
    ("timezone", "hour", "name"), [("Asia/Tokyo", 0, "Asia/Tokyo"), ("Neverland", 9, "UTC")]
)
def test_floating_time_is_in_the_zone_given(timezone, hour, name):
    found = only(series("DTSTART:20261105T090000"), timezone=timezone)

    assert (found.starts_at.hour, found.timezone) == (hour, name)


OWN_ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Our Office\r\n"
    "BEGIN:STANDARD\r\nDTSTART:16011028T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"
    "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n"
    "BEGIN:DAYLIGHT\r\nDTSTART:16010325T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n"
    "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
)


@pytest.mark.parametrize("local", ["09:00", "02:30", "03:00", "01:59"])
def test_zone_defined_by_the_calendar_is_like_the_real_one(local):
    lines = ("{}:20260101T" + local.replace(":", "") + "00", "RRULE:FREQ=DAILY;COUNT=365")
    own = calendar(OWN_ZONE, event(lines[0].format("DTSTART;TZID=Our Office"), lines[1]))
    real = calendar(event(lines[0].format("DTSTART;TZID=Europe/Berlin"), lines[1]))

    assert starts(read(own)) == starts(read(real))
    assert {one.timezone for one in read(own).events} == {"UTC"}
    assert len(read(own).events) == 365


def test_window_ends_the_same_in_a_zone_of_the_calendars_own():
    raw = calendar(OWN_ZONE, event("DTSTART;TZID=Our Office:20261101T130000", "RRULE:FREQ=DAILY"))

    last = read(raw).events[-1].starts_at

    assert last == NOW + timedelta(days=365)


@pytest.mark.parametrize(
    ("uid", "known"),
    [
        # Somebody else's UID, as Exchange keeps it: [MS-OXCICAL] 2.1.3.1.1.20.26.
        (
            "040000008200E00074C5B7101A82E00800000000000000000000000000000000000000001B000000"
            + (b"vCal-Uid\x01\0\0\0" + b"abc@google.com\0").hex(),
            "abc@google.com",
        ),
        # Its own: with the day of an occurrence, and in small letters.
        (
            "040000008200e00074c5b7101a82e00807ea0a1a3aba61c9752126e2000000000000000010000000c0216b7a",
            "040000008200E00074C5B7101A82E008000000003ABA61C9752126E2000000000000000010000000C0216B7A",
        ),
        ("040000008200E00074C5B7101A82E008 and no number", "040000008200E00074C5B7101A82E008 and no number"),
    ],
)
def test_a_global_object_id_is_read_as_what_it_stands_for(uid: str, known: str) -> None:
    assert known_uid(uid) == known
