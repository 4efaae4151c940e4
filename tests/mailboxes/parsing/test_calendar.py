from datetime import UTC, datetime, timedelta

import pytest

from mailboxes.parsing.calendar import split_calendar
from mailboxes.parsing.values import NamedAddress, ParsedAttendee, ParsedCalendar, ParsedEvent, Unparsable
from tests.mailboxes.parsing.calendartexts import START, calendar, event, only, read, single

NORMAL = calendar(
    event(
        "DTSTAMP:20260901T080000Z",
        "DTSTART;TZID=Europe/Berlin:20261105T100000",
        "DTEND;TZID=Europe/Berlin:20261105T113000",
        "SUMMARY:Review\\, part\\n two",
        "LOCATION:Room 4\\; Berlin",
        "DESCRIPTION:Agenda:\\n1. numbers\\nJoin: https://acme.zoom.us/j/123?pw",
        " d=a.b.",
        "STATUS:TENTATIVE",
        "SEQUENCE:3",
        "LAST-MODIFIED:20260902T101112Z",
        'ORGANIZER;CN="Lovelace, Ada":MAILTO:Ada@Rapport.test',
        "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=TENTATIVE;CN=Jane Doe:mailto:",
        " jane%2Ework@acme.test",
        "ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room4@rapport.test",
        "BEGIN:VALARM",
        "TRIGGER:-PT10M",
        "DESCRIPTION:not this one",
        "END:VALARM",
    )
)


# One event


def test_calendar_reads_everything_of_a_normal_event():
    parsed = read(NORMAL)

    assert parsed == ParsedCalendar(
        events=(
            ParsedEvent(
                uid="one@acme.test",
                recurrence_id=None,
                organiser=NamedAddress("ada@rapport.test", "Lovelace, Ada"),
                title="Review, part two",
                location="Room 4; Berlin",
                description="Agenda:\n1. numbers\nJoin: https://acme.zoom.us/j/123?pwd=a.b.",
                conference_url="https://acme.zoom.us/j/123?pwd=a.b",
                starts_at=datetime(2026, 11, 5, 9, tzinfo=UTC),
                ends_at=datetime(2026, 11, 5, 10, 30, tzinfo=UTC),
                all_day=False,
                timezone="Europe/Berlin",
                status="tentative",
                sequence=3,
                last_modified=datetime(2026, 9, 2, 10, 11, 12, tzinfo=UTC),
                attendees=(
                    ParsedAttendee("jane.work@acme.test", "Jane Doe", "tentative", True),
                    ParsedAttendee("ada@rapport.test", "Lovelace, Ada", "accepted"),
                ),
            ),
        )
    )


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\r\n"])
def test_calendar_reads_every_kind_of_line_end(line_end):
    parsed = read(NORMAL.replace(b"\r\n", line_end))

    assert parsed == read(NORMAL)


def test_calendar_unfolds_in_the_middle_of_a_letter():
    raw = single("SUMMARY:Café").replace(b"\xc3\xa9", b"\xc3\r\n \xa9")

    assert only(raw).title == "Café"


@pytest.mark.parametrize(
    ("lines", "starts_at", "ends_at", "all_day"),
    [
        (("DTSTART;VALUE=DATE:20261105",), "2026-11-05 00:00", "2026-11-06 00:00", True),
        (("DTSTART;VALUE=DATE:20261105", "DTEND;VALUE=DATE:20261108"), "2026-11-05 00:00", "2026-11-08 00:00", True),
        (("DTSTART;VALUE=DATE:20261105", "DURATION:P2D"), "2026-11-05 00:00", "2026-11-07 00:00", True),
        (("DTSTART;VALUE=DATE:20261105", "DTEND;VALUE=DATE:20261105"), "2026-11-05 00:00", "2026-11-06 00:00", True),
        (("DTSTART:20261105T100000Z", "DURATION:PT1H30M"), "2026-11-05 10:00", "2026-11-05 11:30", False),
        (("DTSTART:20261105T100000Z",), "2026-11-05 10:00", "2026-11-05 10:00", False),
        (("DTSTART:20261105T100000Z", "DTEND:20261105T090000Z"), "2026-11-05 10:00", "2026-11-05 10:00", False),
        (("DTSTART:20261105T100000Z", "DTEND:nonsense"), "2026-11-05 10:00", "2026-11-05 10:00", False),
        (("DTSTART;TZID=Europe/Berlin:20261105T100000", "DTEND:20261105T120000Z"), "2026-11-05 09:00", "2026-11-05 12:00", False),
        # A day later by the clock on the wall, which is 25 hours when summer time ends.
        (("DTSTART;TZID=Europe/Berlin:20261024T200000", "DURATION:P1D"), "2026-10-24 18:00", "2026-10-25 19:00", False),
    ],
)  # fmt: skip
def test_event_lasts_as_long_as_it_says(lines, starts_at, ends_at, all_day):
    found = only(single(*lines))

    assert f"{found.starts_at:%Y-%m-%d %H:%M}" == starts_at
    assert f"{found.ends_at:%Y-%m-%d %H:%M}" == ends_at
    assert found.all_day is all_day


@pytest.mark.parametrize(
    ("lines", "head", "status"),
    [
        ((), "", "confirmed"),
        (("STATUS:CONFIRMED",), "", "confirmed"),
        (("STATUS:tentative",), "", "tentative"),
        (("STATUS:CANCELLED",), "", "cancelled"),
        ((), "METHOD:CANCEL\r\n", "cancelled"),
        ((), "METHOD:REQUEST\r\n", "confirmed"),
    ],
)
def test_event_has_the_status_it_or_its_calendar_says(lines, head, status):
    assert only(calendar(event(START, *lines), head=head)).status == status


def test_calendar_ignores_tasks_journals_and_free_busy():
    others = "".join(
        f"BEGIN:{name}\r\nUID:{name}\r\nDTSTART:20261101T090000Z\r\nCLASS:PRIVATE\r\nEND:{name}\r\n"
        for name in ("VTODO", "VJOURNAL", "VFREEBUSY")
    )

    assert read(calendar(others)) == ParsedCalendar(events=())
    assert only(calendar(others, event(START))).uid == "one@acme.test"


def test_calendar_reads_all_events_of_several_uids():
    parsed = read(calendar(*(event(START, f"SUMMARY:{uid}", uid=uid) for uid in ("a", "b", "c"))))

    assert [(one.uid, one.title) for one in parsed.events] == [("a", "a"), ("b", "b"), ("c", "c")]


def test_event_before_the_history_limit_is_left_out():
    raw = single("DTSTART:20261102T090000Z")

    assert read(raw, since=datetime(2026, 11, 3, tzinfo=UTC)).events == ()
    assert len(read(raw, since=datetime(2026, 11, 2, tzinfo=UTC)).events) == 1


def test_single_event_is_kept_however_far_ahead():
    assert only(single("DTSTART:20350101T090000Z")).starts_at == datetime(2035, 1, 1, 9, tzinfo=UTC)


# People


@pytest.mark.parametrize(
    ("parameter", "response"),
    [
        ("", "needs_action"),
        (";PARTSTAT=NEEDS-ACTION", "needs_action"),
        (";PARTSTAT=accepted", "accepted"),
        (";PARTSTAT=DECLINED", "declined"),
        (";PARTSTAT=TENTATIVE", "tentative"),
        (";PARTSTAT=DELEGATED", "needs_action"),
        (";PARTSTAT=X-MAYBE", "needs_action"),
    ],
)
def test_attendee_has_the_response_of_his_partstat(parameter, response):
    (attendee,) = only(single(f"ATTENDEE{parameter}:mailto:jane@acme.test")).attendees

    assert attendee == ParsedAttendee("jane@acme.test", "", response)


@pytest.mark.parametrize(
    ("line", "people"),
    [
        ("ATTENDEE:MailTo:Jane@Acme.TEST", [("jane@acme.test", "")]),
        ("ATTENDEE:jane@acme.test", [("jane@acme.test", "")]),
        ("ATTENDEE;CN=Jane:mailto:jane%2Bnews@acme.test?subject=x", [("jane+news@acme.test", "Jane")]),
        ("ATTENDEE;EMAIL=jane@acme.test;CN=Jane:/aMTk/principal/", [("jane@acme.test", "Jane")]),
        ('ATTENDEE;EMAIL="jane@acme.test":urn:uuid:6ba7b810', [("jane@acme.test", "")]),
        ("ATTENDEE;CN=\"Doe; Jane: ^'x^'\":mailto:jane@acme.test", [("jane@acme.test", 'Doe; Jane: "x"')]),
        ("ATTENDEE;CN=jane@acme.test:mailto:jane@acme.test", [("jane@acme.test", "")]),
        ("ATTENDEE;CUTYPE=GROUP:mailto:team@acme.test", [("team@acme.test", "")]),
        ("ATTENDEE;CUTYPE=RESOURCE:mailto:beamer@acme.test", []),
        ("ATTENDEE;CUTYPE=Room:mailto:room@acme.test", []),
        ("ATTENDEE;CN=Nobody:invalid:nomail", []),
        ("ATTENDEE", []),
    ],
)
def test_attendee_needs_a_usable_address(line, people):
    assert [(one.email, one.name) for one in only(single(line)).attendees] == people


def test_attendee_listed_twice_is_one_with_the_first_answer_and_name():
    found = only(
        single(
            "ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Jane:mailto:jane@acme.test",
            "ATTENDEE;PARTSTAT=DECLINED:mailto:JANE@acme.test",
            "ATTENDEE;PARTSTAT=ACCEPTED;CN=J. Doe:mailto:jane@acme.test",
        )
    )

    assert found.attendees == (ParsedAttendee("jane@acme.test", "Jane", "declined"),)


@pytest.mark.parametrize(
    ("lines", "response"),
    [
        ((), "accepted"),
        (("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ada@rapport.test",), "accepted"),
        (("ATTENDEE;PARTSTAT=DECLINED:mailto:ada@rapport.test",), "declined"),
    ],
)
def test_organiser_is_among_the_attendees(lines, response):
    found = only(single("ORGANIZER;CN=Ada:mailto:ada@rapport.test", *lines))

    assert found.attendees == (ParsedAttendee("ada@rapport.test", "Ada", response),)


def test_organiser_without_a_usable_address_is_nobody():
    found = only(single("ORGANIZER;CN=Somebody:invalid:nomail"))

    assert (found.organiser, found.attendees) == (None, ())


# Privacy


@pytest.mark.parametrize("value", ["PRIVATE", "private", "CONFIDENTIAL", "X-SECRET"])
def test_private_event_is_counted_and_left_out(value):
    parsed = read(single(f"CLASS:{value}", "SUMMARY:Doctor"))

    assert parsed == ParsedCalendar(events=(), private=1)


def test_public_event_is_read():
    assert read(single("CLASS:PUBLIC")).private == 0
    assert only(single("CLASS:PUBLIC")).uid == "one@acme.test"


def test_private_event_that_cannot_be_read_keeps_its_title_to_itself():
    parsed = read(calendar(event("CLASS:PRIVATE", "SUMMARY:Doctor")))

    assert parsed == ParsedCalendar(
        events=(), errors=("An event could not be read: it does not say when it starts.",), private=1
    )


def test_private_event_before_the_history_limit_is_counted_too():
    parsed = read(single("CLASS:PRIVATE"), since=datetime(2026, 11, 3, tzinfo=UTC))

    assert parsed == ParsedCalendar(events=(), private=1)


# Where one joins


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://video.acme.test/7", "https://video.acme.test/7"),
        ("CONFERENCE;VALUE=URI:tel:+49-30-1234", ""),
        ("X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij", "https://meet.google.com/abc-defg-hij"),
        ("X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/1", "https://teams.microsoft.com/l/1"),
        ("URL:https://acme.webex.com/acme/j.php?MTID=m1", "https://acme.webex.com/acme/j.php?MTID=m1"),
        ("URL:https://www.acme.test/events/1", ""),
        ("LOCATION:Zoom (https://us02web.zoom.us/j/1)", "https://us02web.zoom.us/j/1"),
        ('DESCRIPTION:<a href="https://whereby.com/ada">here</a>', "https://whereby.com/ada"),
        ("DESCRIPTION:See https://acme.test\\nand https://meet.jit.si/Ada.", "https://meet.jit.si/Ada"),
        ("LOCATION:javascript:alert(1)//zoom.us", ""),
        ("LOCATION:https://zoom.us@evil.test/j/1", ""),
        ("LOCATION:https://evil.test?x=.zoom.us", ""),
        ("LOCATION:https://notzoom.us/j/1", ""),
        ("CONFERENCE:ftp://video.acme.test", ""),
    ],
)  # fmt: skip
def test_conference_url_is_where_one_joins(line, url):
    assert only(single(line)).conference_url == url


def test_conference_url_in_the_location_counts_before_one_in_the_description():
    found = only(single("DESCRIPTION:https://zoom.us/j/2", "LOCATION:https://zoom.us/j/1"))

    assert found.conference_url == "https://zoom.us/j/1"


# Exports


ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    "TZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


def test_split_gives_every_uid_a_calendar_of_its_own():
    series = event("DTSTART;TZID=Office:20261102T090000", "RRULE:FREQ=DAILY;COUNT=3", uid="a")
    override = event(
        "RECURRENCE-ID;TZID=Office:20261103T090000", "DTSTART;TZID=Office:20261103T150000", uid="a"
    )
    other = event(START, "BEGIN:VALARM", "UID:alarm", "END:VALARM", uid="b")
    raw = calendar(ZONE, series, other, override, head="METHOD:PUBLISH\r\n")

    parts = dict(split_calendar(raw))

    assert parts == {
        "a": calendar(ZONE, series, override, head="METHOD:PUBLISH\r\n"),
        "b": calendar(other, head="METHOD:PUBLISH\r\n"),
    }
    hours = [one.starts_at.hour for one in read(parts["a"]).events]
    assert hours == [6, 12, 6]


def test_split_gives_an_event_without_uid_one_that_says_what_it_is():
    first = event(START, "SUMMARY:a", "DTSTAMP:20260101T000000Z", uid="")
    again = event(START, "SUMMARY:a", "DTSTAMP:20260707T000000Z", uid="")
    other = event(START, "SUMMARY:b", uid="")

    parts = split_calendar(calendar(first, other))

    assert [uid for uid, _ in parts] == [only(part).uid for _, part in parts]
    assert parts[0][0] != parts[1][0]
    assert split_calendar(calendar(again))[0][0] == parts[0][0]
    assert only(calendar(first)).uid == parts[0][0]


def test_split_loses_only_the_event_that_is_broken():
    broken = event(START, "SUMMARY:Bad", uid="b").replace("END:VEVENT\r\n", "")
    raw = calendar(event(START, uid="a"), broken, event(START, uid="c"))

    parts = split_calendar(raw)

    assert [uid for uid, _ in parts] == ["a", "b", "c"]
    assert [len(read(part).events) for _, part in parts] == [1, 0, 1]
    assert read(parts[1][1]).errors == ("The event “Bad” could not be read: it has no end.",)


@pytest.mark.parametrize("raw", [b"", b"hello", calendar(), calendar("BEGIN:VTODO\r\nEND:VTODO\r\n")])
def test_split_refuses_what_holds_no_event(raw):
    with pytest.raises(Unparsable, match="There is no event"):
        split_calendar(raw)


def test_split_time_grows_with_the_size_of_the_export():
    raw = calendar(*(event(START, uid=str(n)) for n in range(20_000)))
    before = datetime.now()

    parts = split_calendar(raw)

    assert len(parts) == 20_000
    assert datetime.now() - before < timedelta(seconds=10)
