from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.parsing.calendar import is_suspicious, parse_calendar, read_calendar, split_calendar
from mailboxes.parsing.values import ParsedCalendar, Unparsable
from tests.mailboxes.parsing.calendartexts import NOW, START, calendar, event, only, read, single
from tests.mailboxes.parsing.mailtexts import cpu

# Built to hurt


def crowd(count: int) -> list[str]:
    return [f"ATTENDEE;CN=Person {n}:mailto:p{n}@acme.test" for n in range(count)]


def zone(rule: str) -> str:
    return (
        "BEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n"
        f"TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nRRULE:{rule}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )


SECOND = timedelta(seconds=1)
MANY_DATES = ",".join(f"{datetime(2026, 1, 1) + n * SECOND:%Y%m%dT%H%M%SZ}" for n in range(200_000))
SINCE_1970 = "DTSTART:19700101T090000Z"
FOLLOWING = [
    event(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE:{datetime(2000, 1, 1) + timedelta(days=n):%Y%m%d}T090000Z",
        START,
    )
    for n in range(2_000)
]

# (bytes, how many events are read, flags)
HOSTILE = {
    "every second": (single("RRULE:FREQ=SECONDLY"), 1, ("rule_refused",)),
    "every minute": (single("RRULE:FREQ=MINUTELY;INTERVAL=15"), 1, ("rule_refused",)),
    "every hour": (single("RRULE:FREQ=HOURLY"), 1, ("rule_refused",)),
    "24 times a day since 1970": (
        single(SINCE_1970, "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))), 1, ("rule_refused",),
    ),
    "interval 0": (single("RRULE:FREQ=DAILY;INTERVAL=0"), 1, ("rule_refused",)),
    "no rule at all": (single("RRULE:FREQ=;;=,"), 1, ("rule_refused",)),
    "100 rules": (single(*["RRULE:FREQ=DAILY"] * 100), 1, ("rule_refused",)),
    "every day since year 1": (single("DTSTART:00010101T000000Z", "RRULE:FREQ=DAILY"), 1, ("rule_refused",)),
    "every day since 1969": (single("DTSTART:19691231T090000Z", "RRULE:FREQ=DAILY"), 1, ("rule_refused",)),
    "every day since 1970": (single(SINCE_1970, "RRULE:FREQ=DAILY"), 8_000, ("series_cut",)),
    "a rule without dates": (single(SINCE_1970, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), 1, ()),
    "200,000 added dates": (single(f"RDATE:{MANY_DATES}"), 1, ("dates_cut",)),
    "200,000 added dates, each on a line": (single(*["RDATE:20261101T090000Z"] * 200_000), 1, ("dates_cut",)),
    "200,000 dates left out": (single("RRULE:FREQ=DAILY", f"EXDATE:{MANY_DATES}"), 1, ("dates_cut",)),
    "100,000 attendees": (single(*crowd(100_000)), 1, ("attendees_cut",)),
    "1,000 attendees every day": (
        single(SINCE_1970, "RRULE:FREQ=DAILY", "DESCRIPTION:" + "x" * 100_000, *crowd(1_000)),
        8_000, ("attendees_cut", "series_cut"),
    ),
    # Those after the last override are a day apart from its date on, up to the window's end.
    "2,000 overrides of all that follow": (
        calendar(event("DTSTART:20000101T090000Z", "RRULE:FREQ=DAILY"), *FOLLOWING), 2_000 + 366, (),
    ),
    "one line of 20 MB": (single("SUMMARY:" + "x" * 20_000_000), 1, ()),
    "20 MB without a line": (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + b"x" * 20_000_000, 0, ()),
    "a million line ends": (b"BEGIN:VCALENDAR" + b"\r" * 1_000_000 + b"\n", 0, ()),
    "alarms 1,000 deep": (single(*["BEGIN:VALARM"] * 1_000, "UID:no", *["END:VALARM"] * 1_000), 1, ()),
    "events 16,000 deep": (
        b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 16_000 + b"END:VEVENT\r\n" * 16_000, 0, (),
    ),
    "an alarm that repeats": (
        single("BEGIN:VALARM", "REPEAT:1000000000", "DURATION:PT1S", "TRIGGER:-PT1S", "END:VALARM"), 1, (),
    ),
    "a zone that changes every second": (
        calendar(zone("FREQ=SECONDLY"), event("DTSTART;TZID=Own:20261102T090000")), 1, (),
    ),
    "parameters without an end": (
        single("ATTENDEE" + ';CN="a' * 50_000 + ":mailto:jane@acme.test", "ATTENDEE" + ";" * 100_000), 1, (),
    ),
    "a text full of links": (single("DESCRIPTION:" + "https://zoom.us@" * 8_000), 1, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_calendar_is_read_within_five_seconds_and_flagged(name):
    raw, events, flags = HOSTILE[name]
    before = cpu()

    parsed = read(raw)

    assert cpu() - before < 5
    assert (len(parsed.events), parsed.flags) == (events, flags)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_export_is_split_within_five_seconds(name):
    before = cpu()

    try:
        parts = split_calendar(HOSTILE[name][0])
    except Unparsable:
        parts = []

    assert cpu() - before < 5
    assert len(parts) <= 1


def test_crowd_is_cut_to_a_thousand_and_the_organiser():
    found = only(single(*crowd(1_500), "ORGANIZER:mailto:ada@rapport.test"))

    assert len(found.attendees) == 1_001
    assert found.attendees[-1].email == "ada@rapport.test"


def test_crowd_of_a_long_series_is_cut_but_not_by_the_organiser():
    parsed = read(single(SINCE_1970, "RRULE:FREQ=DAILY", *crowd(300), "ORGANIZER:mailto:ada@rapport.test"))

    assert {len(one.attendees) for one in parsed.events} == {25}
    assert parsed.events[0].attendees[-1].email == "ada@rapport.test"


def test_export_of_many_series_does_not_become_larger_than_it_should():
    shared = "X-WR-CALDESC:" + "x" * 100_000 + "\r\n"
    raw = calendar(*(event(START, uid=str(n)) for n in range(1_000)), head=shared)

    parts = split_calendar(raw)

    assert len(parts) == 1_000
    assert sum(len(part) for _, part in parts) < 2 * len(raw)


# The guard


def test_only_what_is_large_or_full_of_rules_goes_to_the_guard():
    series = calendar(*(zone("FREQ=YEARLY") for _ in range(2)), event(START, "RRULE:FREQ=DAILY"))

    assert not is_suspicious(series)
    assert is_suspicious(calendar(*(event(START, "RRULE:FREQ=DAILY", uid=str(n)) for n in range(6))))
    assert is_suspicious(single("DESCRIPTION:" + "x" * 600_000))
    assert is_suspicious(single(*["COMMENT:"] * 20_000))


def test_guard_reads_the_same_as_we_do():
    parts = [event("DTSTART;VALUE=DATE:20261102", "RRULE:FREQ=WEEKLY;COUNT=3", *crowd(3))]
    many = [*parts, *(event(START, "RRULE:FREQ=HOURLY", f"SUMMARY:é{n}", uid=str(n)) for n in range(7))]

    here, guarded = read(calendar(*parts)), read(calendar(*many))

    assert guarded.events[:3] == here.events
    assert [one.title for one in guarded.events[3:]] == [f"é{n}" for n in range(7)]
    assert guarded.flags == ("rule_refused",)


# Damaged


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (b"a\x00b", "a\ufffdb"),
        (b"a\rb", "a b"),
        (b"a\\nATTENDEE:mailto:x@y.test", "a ATTENDEE:mailto:x@y.test"),
        (b"Caf\xc3\xa9 \xff", "Café \ufffd"),
        (b"Caf\xe9 Z\xfcrich", "Café Zürich"),
        (b"a\xed\xa0\x80b\xc3\xa9", "a\ufffd\ufffd\ufffdbé"),
        (b"a\x1b[31m\xe2\x80\xaeb", "a [31mb"),
        (b"x" * 5_000, "x" * 1_000),
    ],
)
def test_title_is_safe_to_store(given, title):
    found = only(single("SUMMARY:?", "LOCATION:?").replace(b"?", given))

    assert (found.title, found.location) == (title, title)


def test_description_is_safe_to_store():
    found = only(single("DESCRIPTION:?").replace(b"?", b"a\x00b\\n\r\\r" + b"x" * 120_000))

    assert found.description[:7] == "a\ufffdb\n\nrx"
    assert len(found.description) == 100_000


def test_uid_of_any_length_stays_apart_from_others():
    long = "x" * 5_000
    parsed = read(calendar(event(START, uid=long + "1"), event(START, uid=long + "2")))

    first, second = (one.uid for one in parsed.events)
    assert first != second
    assert max(len(first), len(second)) <= 1_000


def test_calendar_that_stops_in_the_middle_keeps_what_is_whole():
    raw = calendar(event(START, uid="a"), event(START, "SUMMARY:Cut", "CLASS:PRIVATE", uid="b"))

    parsed = read(raw[: raw.index(b"CLASS")])

    assert [one.uid for one in parsed.events] == ["a"]
    assert parsed.errors == ("The event “Cut” could not be read: it has no end.",)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("SUMMARY:Bad",), "it does not say when it starts"),
        (("SUMMARY:Bad", "DTSTART:tomorrow"), "“tomorrow” is no date"),
        (("SUMMARY:Bad", "DTSTART:20261332T090000Z"), "“20261332T090000Z” is no date"),
        (("SUMMARY:Bad", "DTSTART:99990101T090000Z"), "its date, 9999-01-01, is out of range"),
        (("SUMMARY:Bad", "DTSTART;TZID=Asia/Tokyo:00010101T000000"), "its date, 0001-01-01, is out of range"),
    ],
)
def test_one_bad_event_costs_only_itself(lines, why):
    raw = calendar(event(START, uid="a"), event(*lines, uid="b"), event(START, uid="c"))

    parsed = read(raw)

    assert [one.uid for one in parsed.events] == ["a", "c"]
    assert parsed.errors == (f"The event “Bad” could not be read: {why}.",)


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 100, b"<html>Sign in</html>", b"BEGIN:VCARD\r\nEND:VCARD\r\n"]
)
def test_what_is_no_calendar_is_refused(raw):
    with pytest.raises(Unparsable, match="no calendar"):
        read(raw)


# Anything at all

RICH = calendar(
    zone("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
    event(
        "DTSTART;TZID=Own:20261101T090000",
        "DTEND;TZID=Own:20261101T100000",
        "RRULE:FREQ=MONTHLY;BYDAY=1MO;UNTIL=20270301T000000Z",
        "EXDATE;TZID=Own:20261207T090000",
        "RDATE;VALUE=PERIOD:20261110T090000Z/PT2H",
        "SUMMARY:Café",
        "ORGANIZER;CN=Ada:mailto:ada@rapport.test",
        "ATTENDEE;PARTSTAT=DECLINED;CN=Jane:mailto:jane@acme.test",
    ),
    event("RECURRENCE-ID;RANGE=THISANDFUTURE:20270104T080000Z", "DTSTART:20270104T110000Z", "DURATION:P1D"),
)


def reads_or_refuses(raw: bytes) -> None:
    """Other exceptions reach the test: parse_calendar would turn them into refusals."""
    try:
        parsed = read_here(raw)
    except Unparsable:
        return
    assert "\x00" not in repr(parsed)
    repr(parsed).encode()
    for one in parsed.events:
        assert one.starts_at <= one.ends_at
        assert one.starts_at.utcoffset() == timedelta(0)


def read_here(raw: bytes) -> ParsedCalendar:
    return read_calendar(raw, now=NOW, history_from=None, timezone="Europe/Berlin")


QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=150, **QUIET)
@given(st.binary(max_size=2_000))
def test_random_bytes_are_read_or_refused(raw):
    reads_or_refuses(raw)
    reads_or_refuses(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261101\n" + raw + b"\nEND:VEVENT\n")


@settings(max_examples=500, **QUIET)
@given(st.data())
def test_mutated_calendar_is_read_or_refused(data):
    raw = RICH
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        new = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"99999999", b";", b":", b",", b"-", b"\r\n", b"Z"])
        )
        raw = raw[:at] + new + raw[at + data.draw(st.integers(0, 12)) :]

    reads_or_refuses(raw)


@settings(max_examples=200, **QUIET)
@given(st.permutations(RICH.split(b"\r\n")))
def test_calendar_in_any_order_is_read_refused_and_split(lines):
    raw = b"\r\n".join(lines)

    reads_or_refuses(raw)
    try:
        parts = split_calendar(raw)
    except Unparsable:
        return
    for _, part in parts:
        reads_or_refuses(part)
        parse_calendar(part, now=NOW, history_from=None, timezone="UTC")
