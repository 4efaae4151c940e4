"""The fake of Microsoft Graph's calendars: lists, views, zones, series."""

from urllib.parse import quote

import pytest

from tests.contracts.microsoft.asking import (
    ADA,
    BEN,
    DAILY,
    LASTING,
    MARCH,
    TIMES,
    code,
    follow,
    get,
    kinds,
    refused,
    starts,
    values,
    view,
)
from tests.fakes.graph_events import Calendar
from tests.fakes.graph_people import attendee
from tests.fakes.microsoft import CALENDAR, Microsoft


def test_calendars_are_listed_with_their_owner(fake: Microsoft, calendar: Calendar, token: str) -> None:
    team = fake.add_calendar(ADA, "Team")
    listed = values(get(fake, token, "/me/calendars"))

    assert [(one["name"], one["isDefaultCalendar"]) for one in listed] == [
        ("Calendar", True),
        ("Team", False),
    ]
    assert listed[0]["owner"] == {"name": "Ada Lovelace", "address": ADA}
    assert get(fake, token, f"/me/calendars/{team.id}", select="name").json() == {
        "id": team.id,
        "name": "Team",
    }
    assert get(fake, token, "/me/calendar").json()["id"] == calendar.id
    assert refused(get(fake, token, "/me/calendars/AAMknone")) == (404, "ErrorItemNotFound")
    fake.remove_calendar(ADA, "Team")
    assert len(values(get(fake, token, "/me/calendars"))) == 1


def test_calendars_have_views_of_their_own(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(subject="Mine", start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    team = fake.add_calendar(ADA, "Team")
    team.add(subject="Ours", start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")

    def subjects(path: str) -> list[str]:
        return [one["subject"] for one in values(view(fake, token, path=path))]

    assert subjects("/me") == subjects("/me/calendar") == ["Mine"]
    assert subjects(f"/me/calendars/{team.id}") == subjects(f"/me/calendars('{team.id}')") == ["Ours"]
    assert values(view(fake, fake.grant(BEN, *CALENDAR).access_token)) == []


def test_views_need_a_window(fake: Microsoft, token: str) -> None:
    begin, end = MARCH["startDateTime"], MARCH["endDateTime"]
    wrong: list[dict] = [
        {},
        {"startDateTime": begin},
        {"startDateTime": begin, "endDateTime": "tomorrow"},
        {"startDateTime": end, "endDateTime": begin},
        {"startDateTime": begin, "endDateTime": "2031-03-01T00:00:00Z"},
    ]

    found = [get(fake, token, "/me/calendarView", **window) for window in wrong]

    assert [one.status_code for one in found] == [400] * 5
    assert code(found[0]) == "ErrorInvalidParameter"
    assert get(fake, token, "/me/calendarView/delta").status_code == 400
    plus = f"{fake.graph_url}/v1.0/me/calendarView?startDateTime=2026-03-01T00:00:00+01:00&endDateTime={end}"
    assert follow(token, plus).status_code == 400
    assert follow(token, plus.replace("+", "%2B")).status_code == 200
    lower = f"{fake.graph_url}/v1.0/me/calendarview?startdatetime={quote(begin)}&enddatetime={quote(end)}"
    assert follow(token, lower).status_code == 200


def test_views_hold_what_overlaps_their_window(fake: Microsoft, calendar: Calendar, token: str) -> None:
    for start, end in (
        ("2026-02-28T22:00:00", "2026-03-01T01:00:00"),
        ("2026-02-28T22:00:00", "2026-03-01T02:00:00"),
        ("2026-04-01T01:00:00", "2026-04-01T03:00:00"),
        ("2026-04-01T02:00:00", "2026-04-01T03:00:00"),
    ):
        calendar.add(start=start, end=end)

    assert starts(values(view(fake, token))) == ["2026-02-28T21:00", "2026-03-31T23:00"]


def test_views_come_in_pages(fake: Microsoft, calendar: Calendar, token: str) -> None:
    for day in range(1, 13):
        calendar.add(start=f"2026-03-{day:02}T09:00:00", end=f"2026-03-{day:02}T10:00:00")

    first = view(fake, token, select="start")
    second = follow(token, first.json()["@odata.nextLink"])

    assert (len(values(first)), len(values(second))) == (10, 2)
    assert set(values(second)[0]) == {"@odata.etag", "id", "start"}
    assert "@odata.nextLink" not in second.json()
    assert len(values(view(fake, token, top=50))) == 12
    assert view(fake, token, filter="isCancelled eq true").status_code == 400
    assert view(fake, fake.grant(BEN, *CALENDAR).access_token, select="id,summary").status_code == 400


def test_times_are_in_utc_or_the_zone_asked_for(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    calendar.add(
        start={"dateTime": "2026-03-03T09:00:00", "timeZone": "Pacific Standard Time"},
        end={"dateTime": "2026-03-03T10:00:00", "timeZone": "Pacific Standard Time"},
    )

    usual = values(view(fake, token))
    berlin = view(fake, token, prefer='outlook.timezone="Europe/Berlin"')
    windows = values(view(fake, token, prefer='outlook.timezone="Tokyo Standard Time"'))

    assert [one["start"]["dateTime"] for one in usual] == [
        "2026-03-02T08:00:00.0000000",
        "2026-03-03T17:00:00.0000000",
    ]
    assert {one["start"]["timeZone"] for one in usual} == {"UTC"}
    assert [one["originalStartTimeZone"] for one in usual] == [
        "W. Europe Standard Time",
        "Pacific Standard Time",
    ]
    assert starts(values(berlin)) == ["2026-03-02T09:00", "2026-03-03T18:00"]
    assert berlin.headers["preference-applied"] == 'outlook.timezone="Europe/Berlin"'
    assert windows[0]["start"] == {
        "dateTime": "2026-03-02T17:00:00.0000000",
        "timeZone": "Tokyo Standard Time",
    }
    assert code(view(fake, token, prefer='outlook.timezone="Mars"')) == "TimeZoneNotSupportedException"


def test_whole_days_are_midnight_to_midnight_in_any_zone(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    calendar.add(start="2026-03-10T00:00:00", end="2026-03-12T00:00:00", isAllDay=True)

    for prefer in ("", 'outlook.timezone="America/New_York"'):
        (one,) = values(view(fake, token, prefer=prefer))
        assert (one["start"]["dateTime"][:19], one["end"]["dateTime"][:19], one["isAllDay"]) == (
            "2026-03-10T00:00:00", "2026-03-12T00:00:00", True
        )  # fmt: skip


def test_an_event_is_shown_with_its_people(fake: Microsoft, calendar: Calendar, token: str) -> None:
    id = calendar.add(
        subject="Plan",
        organizer={"emailAddress": {"name": "Ben", "address": BEN}},
        attendees=[attendee(ADA, "tentativelyAccepted"), attendee("room@contoso.example", kind="resource")],
        responseStatus={"response": "tentativelyAccepted", "time": "2026-03-01T00:00:00Z"},
        sensitivity="private",
        body={"contentType": "html", "content": "<p>Agenda</p>"},
    )
    own = calendar.add()

    shown = get(fake, token, f"/me/events/{id}", prefer=LASTING).json()
    plain = get(fake, token, f"/me/events/{id}", prefer=f'{LASTING}, outlook.body-content-type="text"').json()
    mine = get(fake, token, f"/me/events/{own}", prefer=LASTING).json()

    assert (shown["type"], shown["isOrganizer"], shown["sensitivity"]) == ("singleInstance", False, "private")
    assert shown["responseStatus"]["response"] == "tentativelyAccepted"
    assert [(one["type"], one["status"]["response"]) for one in shown["attendees"]] == [
        ("required", "tentativelyAccepted"), ("resource", "none")
    ]  # fmt: skip
    assert (shown["body"]["content"], plain["body"]) == (
        "<p>Agenda</p>",
        {"contentType": "text", "content": "Agenda"},
    )
    assert (mine["isOrganizer"], mine["responseStatus"]["response"]) == (True, "organizer")
    assert {"originalStart", "cancelledOccurrences"} & set(shown) == set()


def test_what_graph_would_not_show_cannot_be_added(calendar: Calendar) -> None:
    for wrong in (
        {"summary": "Google's word"},
        {"sensitivity": "secret"},
        {"showAs": "away"},
        {"attendees": [attendee(BEN, "yes")]},
        {"start": "2026-03-02T10:00:00", "end": "2026-03-02T09:00:00"},
        {"start": "2026-03-02T10:00:00", "end": "2026-03-03T00:00:00", "isAllDay": True},
        {"recurrence": {"pattern": {"type": "hourly"}, "range": DAILY["range"]}},
    ):
        with pytest.raises(ValueError, match=r"."):
            calendar.add(wrong)


def test_views_show_occurrences_and_no_masters(fake: Microsoft, calendar: Calendar, token: str) -> None:
    master = calendar.add(TIMES, recurrence=DAILY, subject="Stand-up")

    rows = values(view(fake, token, prefer=LASTING))
    listed = values(get(fake, token, "/me/events", prefer=LASTING))
    one = get(fake, token, f"/me/events/{rows[1]['id']}", prefer=LASTING).json()
    shown = get(fake, token, f"/me/events/{master}", prefer=LASTING).json()

    assert kinds(rows) == ["occurrence"] * 3
    assert {row["seriesMasterId"] for row in rows} == {master}
    assert rows[1]["occurrenceId"] == f"OID.{master}.2026-03-03"
    assert (rows[0]["subject"], rows[0]["recurrence"]) == ("Stand-up", None)
    assert {name: value for name, value in one.items() if name != "@odata.context"} == rows[1]
    assert [(row["id"], row["type"]) for row in listed] == [(master, "seriesMaster")]
    assert shown["recurrence"]["range"] == {
        "type": "numbered", "startDate": "2026-03-02", "endDate": "0001-01-01", "numberOfOccurrences": 3,
        "recurrenceTimeZone": "UTC",
    }  # fmt: skip


def test_uids_of_occurrences_have_their_day_in_them(fake: Microsoft, calendar: Calendar, token: str) -> None:
    master = calendar.add(TIMES, recurrence=DAILY)
    uid = get(fake, token, f"/me/events/{master}", prefer=LASTING).json()["iCalUId"]

    uids = [row["iCalUId"] for row in values(view(fake, token))]

    assert uid[32:40] == "00000000"
    assert [one[32:40] for one in uids] == ["07EA0302", "07EA0303", "07EA0304"]
    assert {one[:32] + "00000000" + one[40:] for one in uids} == {uid}


def test_occurrences_can_be_changed_and_deleted_one_by_one(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    master = calendar.add(TIMES, recurrence=DAILY)
    first, second, third = (row["id"] for row in values(view(fake, token, prefer=LASTING)))
    calendar.change(second, start="2026-03-20T15:00:00", end="2026-03-20T16:00:00", subject="Later")
    calendar.delete(third)
    calendar.cancel(first)
    select = "start,type,isCancelled,originalStart"

    rows = values(view(fake, token, prefer=LASTING, select=select))
    asked = "subject,cancelledOccurrences,exceptionOccurrences"
    path = f"/me/events/{master}"
    shown = get(fake, token, path, select=asked, expand="exceptionOccurrences", prefer=LASTING).json()

    assert [(row["id"], row["type"], row["isCancelled"]) for row in rows] == [
        (first, "exception", True), (second, "exception", False)
    ]  # fmt: skip
    assert rows[1]["start"]["dateTime"] == "2026-03-20T14:00:00.0000000"
    assert rows[1]["originalStart"] == "2026-03-03T08:00:00Z"
    assert shown["cancelledOccurrences"] == [f"OID.{master}.2026-03-04"]
    assert [one["subject"] for one in shown["exceptionOccurrences"]] == ["Meeting", "Later"]
    assert {"cancelledOccurrences", "exceptionOccurrences"} & set(
        get(fake, token, path, prefer=LASTING).json()
    ) == set()
    assert refused(get(fake, token, f"/me/events/{third}", prefer=LASTING)) == (404, "ErrorItemNotFound")


def test_series_are_called_off_as_a_whole(fake: Microsoft, calendar: Calendar, token: str) -> None:
    master = calendar.add(TIMES, recurrence=DAILY)
    second = values(view(fake, token, prefer=LASTING))[1]["id"]
    calendar.change(second, subject="Another")
    calendar.cancel(master)

    rows = values(view(fake, token, select="isCancelled,subject"))

    assert [(row["isCancelled"], row["subject"]) for row in rows] == [
        (True, "Meeting"), (True, "Another"), (True, "Meeting")
    ]  # fmt: skip


def test_instances_are_of_a_series_within_a_window(fake: Microsoft, calendar: Calendar, token: str) -> None:
    master, single = calendar.add(TIMES, recurrence=DAILY), calendar.add()
    window = {"startDateTime": "2026-03-03T00:00:00Z", "endDateTime": "2026-03-04T00:00:00Z"}
    path = f"/me/events/{master}/instances"

    assert starts(values(get(fake, token, path, prefer=LASTING, **window))) == ["2026-03-03T08:00"]
    assert get(fake, token, path, prefer=LASTING).status_code == 400
    assert get(fake, token, f"/me/events/{single}/instances", prefer=LASTING, **window).status_code == 400


def test_ids_are_understood_as_they_are_asked_for(fake: Microsoft, calendar: Calendar, token: str) -> None:
    lasting = calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    (row,) = values(view(fake, token))

    assert row["id"] != lasting
    assert get(fake, token, f"/me/events/{row['id']}").json()["id"] == row["id"]
    assert refused(get(fake, token, f"/me/events/{lasting}")) == (404, "ErrorItemNotFound")
    assert refused(get(fake, token, "/me/events/17")) == (400, "ErrorInvalidIdMalformed")


def test_basic_scope_hides_what_events_say(fake: Microsoft, calendar: Calendar) -> None:
    calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00", subject="Plan")
    token = fake.grant(ADA, "Calendars.ReadBasic").access_token

    (row,) = values(view(fake, token))

    assert (row["subject"], {"body", "bodyPreview"} & set(row)) == ("Plan", set())
    assert refused(view(fake, token, select="body")) == (403, "ErrorAccessDenied")
