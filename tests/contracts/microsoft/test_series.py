"""The fake of Microsoft Graph: iCalendar resources and recurrence rules, as Graph would show them."""

from datetime import datetime, time

import pytest
from dateutil.rrule import rrulestr

from tests.contracts.microsoft.asking import ADA, BEN, LASTING, get, values
from tests.fakes.graph_events import Calendar
from tests.fakes.graph_recurrence import complete, starts
from tests.fakes.microsoft import Microsoft

YEAR = {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z", "top": 500}


def resource(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tests//EN"]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            "UID:u-1@example.com",
            "DTSTAMP:20260101T000000Z",
            *event.split("\n"),
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def weekly(*more: str) -> str:
    times = ["DTSTART;TZID=Europe/Berlin:20260302T090000", "DTEND;TZID=Europe/Berlin:20260302T100000"]
    return "\n".join([*times, *more])


def year(fake: Microsoft, token: str, **more: object) -> list[dict]:
    return values(get(fake, token, "/me/calendarView", prefer=LASTING, **(YEAR | more)))


def event(fake: Microsoft, token: str, id: str, **more: object) -> dict:
    return dict(get(fake, token, f"/me/events/{id}", prefer=LASTING, **more).json())


def pattern(fake: Microsoft, token: str, rule: str, start: str = "20260302T090000") -> dict:
    times = f"DTSTART;TZID=Europe/Berlin:{start}\nDTEND;TZID=Europe/Berlin:{start}\nRRULE:{rule}"
    (id,) = fake.calendar(ADA).import_ics(resource(times))
    found = event(fake, token, id)["recurrence"]["pattern"]
    meaningless = {"month": 0, "dayOfMonth": 0, "index": "first", "firstDayOfWeek": "sunday"}
    return {name: value for name, value in found.items() if value != meaningless.get(name)}


def test_a_resource_is_shown_in_graphs_words(fake: Microsoft, calendar: Calendar, token: str) -> None:
    lines = [
        "SUMMARY:Plan",
        "LOCATION:Room 1",
        "DESCRIPTION:a < b",
        "CLASS:CONFIDENTIAL",
        "TRANSP:TRANSPARENT",
        "SEQUENCE:4",
        "LAST-MODIFIED:20260215T100000Z",
        f"ORGANIZER;CN=Ben:mailto:{BEN}",
        f"ATTENDEE;CN=Ada;PARTSTAT=TENTATIVE:MAILTO:{ADA}",
        "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=DECLINED:mailto:cleo@contoso.example",
        "ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room@contoso.example",
        "ATTENDEE;CUTYPE=RESOURCE:mailto:beamer@contoso.example",
    ]
    (id,) = calendar.import_ics(resource(weekly(*lines)))

    shown = event(fake, token, id)

    assert (shown["iCalUId"], shown["subject"], shown["location"]["displayName"]) == (
        "u-1@example.com", "Plan", "Room 1"
    )  # fmt: skip
    assert (shown["sensitivity"], shown["showAs"], shown["type"]) == (
        "confidential",
        "free",
        "singleInstance",
    )
    assert shown["start"] == {"dateTime": "2026-03-02T08:00:00.0000000", "timeZone": "UTC"}
    assert shown["originalStartTimeZone"] == "W. Europe Standard Time"
    assert shown["organizer"]["emailAddress"] == {"name": "Ben", "address": BEN}
    assert [
        (one["emailAddress"]["address"].partition("@")[0], one["type"], one["status"]["response"])
        for one in shown["attendees"]
    ] == [
        ("ada", "required", "tentativelyAccepted"),
        ("cleo", "optional", "declined"),
        ("room", "resource", "accepted"),
        ("beamer", "resource", "none"),
    ]
    assert (shown["responseStatus"]["response"], shown["isOrganizer"]) == ("tentativelyAccepted", False)
    assert shown["lastModifiedDateTime"] == "2026-02-15T10:00:00Z"
    assert shown["bodyPreview"] == "a < b"


@pytest.mark.parametrize(
    ("lines", "response"),
    [
        (f"ORGANIZER:mailto:{ADA}\nATTENDEE:mailto:{BEN}", "organizer"),
        (f"ORGANIZER:mailto:{BEN}\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{ADA}", "notResponded"),
        (f"ORGANIZER:mailto:{BEN}\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{ADA}", "accepted"),
        (f"ORGANIZER:mailto:{BEN}\nATTENDEE:mailto:cleo@contoso.example", "none"),
        ("SUMMARY:Alone", "organizer"),
    ],
)
def test_own_answers_are_told_apart(
    fake: Microsoft, calendar: Calendar, token: str, lines: str, response: str
) -> None:
    (id,) = calendar.import_ics(resource(weekly(lines)))

    assert event(fake, token, id)["responseStatus"]["response"] == response


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("STATUS:CANCELLED", "isCancelled", True),
        ("STATUS:TENTATIVE", "showAs", "tentative"),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", "showAs", "oof"),
        ("TRANSP:OPAQUE", "showAs", "busy"),
        ("CLASS:PUBLIC", "sensitivity", "normal"),
        ("CLASS:PRIVATE", "sensitivity", "private"),
        ("CLASS:X-SECRET", "sensitivity", "private"),
        ("CLASS:X-PERSONAL", "sensitivity", "personal"),
    ],
)
def test_states_are_carried_over(
    fake: Microsoft, calendar: Calendar, token: str, lines: str, name: str, value: object
) -> None:
    (id,) = calendar.import_ics(resource(weekly(lines)))

    assert event(fake, token, id)[name] == value


def test_whole_days_floating_times_and_durations_are_understood(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    calendar.import_ics(resource("DTSTART;VALUE=DATE:20260310"))
    (day,) = year(fake, token)
    calendar.import_ics(resource("DTSTART:20260310T090000\nDURATION:PT90M"))
    (floating,) = year(fake, token)

    assert (day["isAllDay"], day["start"]["dateTime"][:10], day["end"]["dateTime"][:10]) == (
        True, "2026-03-10", "2026-03-11"
    )  # fmt: skip
    assert (floating["start"]["dateTime"][:16], floating["end"]["dateTime"][:16]) == (
        "2026-03-10T08:00", "2026-03-10T09:30"
    )  # fmt: skip


def test_series_keep_the_hour_when_the_clocks_change(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.import_ics(resource(weekly("RRULE:FREQ=WEEKLY;COUNT=5")))

    assert [row["start"]["dateTime"][5:16] for row in year(fake, token)] == [
        "03-02T08:00", "03-09T08:00", "03-16T08:00", "03-23T08:00", "03-30T07:00"
    ]  # fmt: skip


def test_exceptions_and_gaps_are_carried_over(fake: Microsoft, calendar: Calendar, token: str) -> None:
    series = weekly(
        "SUMMARY:Weekly", "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20260309T090000"
    )
    moved = "RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000\nDTSTART:20260317T120000Z\nDTEND:20260317T130000Z\nSUMMARY:Moved"
    called_off = (
        "RECURRENCE-ID:20260323T080000Z\nDTSTART:20260323T080000Z\nDTEND:20260323T090000Z\nSTATUS:CANCELLED"
    )
    (id,) = calendar.import_ics(resource(series, moved, called_off))

    rows = year(fake, token, select="subject,start,type,isCancelled,originalStart,iCalUId")
    master = event(fake, token, id, select="cancelledOccurrences")

    assert [(row["type"], row["start"]["dateTime"][5:16], row["isCancelled"]) for row in rows] == [
        ("occurrence", "03-02T08:00", False),
        ("exception", "03-17T12:00", False),
        ("exception", "03-23T08:00", True),
        ("occurrence", "03-30T07:00", False),
    ]
    assert (rows[1]["subject"], rows[1]["originalStart"]) == ("Moved", "2026-03-16T08:00:00Z")
    assert master["cancelledOccurrences"] == [f"OID.{id}.2026-03-09"]
    assert rows[1]["iCalUId"][32:40] == "07EA0310"
    assert bytes.fromhex(rows[1]["iCalUId"][80:]) == b"vCal-Uid\x01\0\0\0u-1@example.com\0"


def test_series_of_whole_days_are_carried_over(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.import_ics(
        resource(
            "DTSTART;VALUE=DATE:20260327\nRRULE:FREQ=DAILY;UNTIL=20260330\nEXDATE;VALUE=DATE:20260328",
            "RECURRENCE-ID;VALUE=DATE:20260329\nDTSTART;VALUE=DATE:20260401\nSUMMARY:Moved",
        )
    )

    rows = year(fake, token, select="start,end,type,originalStart")

    assert [(row["type"], row["start"]["dateTime"][5:10], row["end"]["dateTime"][5:10]) for row in rows] == [
        ("occurrence", "03-27", "03-28"), ("occurrence", "03-30", "03-31"), ("exception", "04-01", "04-02")
    ]  # fmt: skip
    assert rows[2]["originalStart"] == "2026-03-29T00:00:00Z"


def test_an_occurrence_without_its_series_is_an_event_of_its_own(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    calendar.import_ics(
        resource("RECURRENCE-ID:20260316T080000Z\nDTSTART:20260317T080000Z\nDTEND:20260317T090000Z")
    )

    (row,) = year(fake, token)

    assert (row["type"], row["seriesMasterId"], row["iCalUId"][32:40]) == ("singleInstance", None, "07EA0310")


def test_a_resource_of_a_known_uid_replaces_the_event(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    (first,) = calendar.import_ics(resource(weekly("RRULE:FREQ=WEEKLY;COUNT=5", "SUMMARY:Old")))
    (second,) = calendar.import_ics(resource(weekly("SUMMARY:New")))

    assert first == second
    assert [(row["subject"], row["type"]) for row in year(fake, token)] == [("New", "singleInstance")]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=3", "20260302T090000", {"type": "daily", "interval": 3}),
        (
            "FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=2",
            "20260302T090000",
            {
                "type": "weekly",
                "interval": 2,
                "daysOfWeek": ["monday", "wednesday"],
                "firstDayOfWeek": "monday",
            },
        ),
        (
            "FREQ=WEEKLY;WKST=SU",
            "20260303T090000",
            {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        ),
        ("FREQ=MONTHLY", "20260315T090000", {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15}),
        (
            "FREQ=MONTHLY;BYMONTHDAY=2;INTERVAL=3",
            "20260302T090000",
            {"type": "absoluteMonthly", "interval": 3, "dayOfMonth": 2},
        ),
        (
            "FREQ=MONTHLY;BYDAY=2TU",
            "20260310T090000",
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"},
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "20260331T090000",
            {
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "index": "last",
            },
        ),
        (
            "FREQ=YEARLY",
            "20260315T090000",
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 15, "month": 3},
        ),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
            "20260329T090000",
            {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["sunday"], "index": "last", "month": 3},
        ),
    ],
)
def test_rules_become_patterns_that_mean_the_same(
    fake: Microsoft, token: str, rule: str, start: str, expected: dict
) -> None:
    found = pattern(fake, token, rule, start)
    first = datetime.strptime(start, "%Y%m%dT%H%M%S")
    recurrence = complete(
        {"pattern": found, "range": {"type": "noEnd", "startDate": first.date().isoformat()}}
    )

    ours = [at for at, _ in zip(starts(recurrence, first.time()), range(30), strict=False)]
    theirs = [at for at, _ in zip(rrulestr(rule, dtstart=first), range(30), strict=False)]

    assert found == expected
    assert ours == theirs


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("", {"type": "noEnd", "endDate": "0001-01-01", "numberOfOccurrences": 0}),
        (";COUNT=4", {"type": "numbered", "endDate": "0001-01-01", "numberOfOccurrences": 4}),
        (";UNTIL=20260316T080000Z", {"type": "endDate", "endDate": "2026-03-16", "numberOfOccurrences": 0}),
        (";UNTIL=20260316T075959Z", {"type": "endDate", "endDate": "2026-03-15", "numberOfOccurrences": 0}),
        (";UNTIL=20260315T233000Z", {"type": "endDate", "endDate": "2026-03-15", "numberOfOccurrences": 0}),
    ],
)
def test_ends_of_rules_become_ranges(
    fake: Microsoft, calendar: Calendar, token: str, end: str, expected: dict
) -> None:
    (id,) = calendar.import_ics(resource(weekly(f"RRULE:FREQ=WEEKLY{end}")))

    found = event(fake, token, id)["recurrence"]["range"]

    assert found == expected | {"startDate": "2026-03-02", "recurrenceTimeZone": "W. Europe Standard Time"}


@pytest.mark.parametrize(
    "lines",
    [
        "RRULE:FREQ=HOURLY",
        "RRULE:FREQ=DAILY;BYHOUR=9,15",
        "RRULE:FREQ=DAILY;INTERVAL=2;BYDAY=MO",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=2,16",
        "RRULE:FREQ=MONTHLY;BYDAY=5MO",
        "RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO",
        "RRULE:FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1",
        "RRULE:FREQ=MONTHLY;BYDAY=MO",
        "RRULE:FREQ=YEARLY;BYDAY=1MO",
        "RRULE:FREQ=YEARLY;BYWEEKNO=10",
        "RRULE:FREQ=WEEKLY;BYDAY=TU",
        "RRULE:FREQ=WEEKLY\nRRULE:FREQ=MONTHLY",
        "RRULE:FREQ=WEEKLY\nRDATE:20260304T080000Z",
    ],
)
def test_rules_that_graph_cannot_say_are_refused(calendar: Calendar, lines: str) -> None:
    with pytest.raises(NotImplementedError):
        calendar.import_ics(resource(weekly(lines)))


def test_days_that_some_months_lack_are_refused(calendar: Calendar) -> None:
    start = "DTSTART:20260131T090000Z\nDTEND:20260131T100000Z\n"

    for rule in ("FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=31"):
        with pytest.raises(NotImplementedError):
            calendar.import_ics(resource(f"{start}RRULE:{rule}"))


def test_exceptions_of_nothing_or_of_all_that_follows_are_refused(calendar: Calendar) -> None:
    series = weekly("RRULE:FREQ=WEEKLY;COUNT=3")
    nothing = "RECURRENCE-ID:20260304T080000Z\nDTSTART:20260304T080000Z\nDTEND:20260304T090000Z"
    following = (
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260309T080000Z\nDTSTART:20260309T080000Z\nDTEND:20260309T090000Z"
    )

    for override in (nothing, following):
        with pytest.raises(NotImplementedError):
            calendar.import_ics(resource(series, override))


def test_the_last_day_stands_in_for_days_that_a_month_lacks() -> None:
    monthly = {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}
    bounds = {"type": "numbered", "startDate": "2026-01-31", "numberOfOccurrences": 4}

    found = [f"{at:%m-%d}" for at in starts(complete({"pattern": monthly, "range": bounds}), time(9))]

    assert found == ["01-31", "02-28", "03-31", "04-30"]
