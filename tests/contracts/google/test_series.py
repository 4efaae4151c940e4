"""The fake of Google Calendar: series, their exceptions and occurrences, whole days, windows of time."""

from tests.contracts.google.asking import get, ids, only, sync_token
from tests.fakes.google import Google
from tests.fakes.google_events import Calendar

EVENTS = "/calendar/v3/calendars/primary/events"
WEEKLY = {"start": "2026-03-16T10:00", "end": "2026-03-16T11:00", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
STAMPS = [("20260316", "09"), ("20260323", "09"), ("20260330", "08"), ("20260406", "08")]


def test_series_are_masters_with_exceptions_or_occurrences(
    fake: Google, calendar: Calendar, token: str
) -> None:
    series = calendar.add("Weekly", **WEEKLY)
    moved = calendar.move_occurrence(
        series, "2026-03-23T10:00", start="2026-03-24T14:00", end="2026-03-24T15:00"
    )
    dropped = calendar.cancel_occurrence(series, "2026-04-06T10:00")

    whole = get(fake, token, EVENTS).json()["items"]
    single = get(fake, token, EVENTS, singleEvents="true", orderBy="startTime").json()["items"]

    assert [one["id"] for one in whole] == [series, moved, dropped]
    assert whole[0]["recurrence"] == WEEKLY["recurrence"]
    assert whole[2] == {
        "id": f"{series}_20260406T080000Z",
        "status": "cancelled",
        "recurringEventId": series,
        "originalStartTime": {"dateTime": "2026-04-06T10:00:00+02:00", "timeZone": "Europe/Berlin"},
    }
    assert [(one["start"]["dateTime"], one["originalStartTime"]["dateTime"]) for one in single] == [
        ("2026-03-16T10:00:00+01:00", "2026-03-16T10:00:00+01:00"),
        ("2026-03-24T14:00:00+01:00", "2026-03-23T10:00:00+01:00"),
        ("2026-03-30T10:00:00+02:00", "2026-03-30T10:00:00+02:00"),
    ]
    assert single[0]["id"] == f"{series}_20260316T090000Z"
    assert {one["recurringEventId"] for one in single} == {series}
    assert len({one["iCalUID"] for one in single}) == 1
    assert not any("recurrence" in one for one in single)


def test_cancelled_series_take_their_exceptions_along(fake: Google, calendar: Calendar, token: str) -> None:
    series = calendar.add("Weekly", **WEEKLY)
    calendar.move_occurrence(series, "2026-03-23T10:00", summary="Other")
    whole, single = sync_token(fake, token), sync_token(fake, token, singleEvents="true")
    calendar.cancel(series)

    tombstones = get(fake, token, EVENTS, singleEvents="true", syncToken=single).json()["items"]

    assert only(get(fake, token, EVENTS, syncToken=whole)) == {"id": series, "status": "cancelled"}
    assert {(one["status"], one["recurringEventId"]) for one in tombstones} == {("cancelled", series)}
    assert len(tombstones) == 4
    assert ids(get(fake, token, EVENTS)) == []


def test_whole_days_end_before_their_end(fake: Google, calendar: Calendar, token: str) -> None:
    calendar.add("Fair", start="2026-03-10", end="2026-03-12")

    def found(low: str, high: str) -> int:
        return len(ids(get(fake, token, EVENTS, timeMin=low, timeMax=high)))

    assert only(get(fake, token, EVENTS))["end"] == {"date": "2026-03-12"}
    assert found("2026-03-11T23:00:00+01:00", "2026-03-20T00:00:00Z") == 1
    assert found("2026-03-12T00:00:00+01:00", "2026-03-20T00:00:00Z") == 0
    assert found("2026-03-01T00:00:00Z", "2026-03-10T00:00:00+01:00") == 0


def test_windows_find_series_by_their_occurrences(fake: Google, calendar: Calendar, token: str) -> None:
    series = calendar.add("Weekly", **WEEKLY)

    def found(low: str, **params: object) -> list[str]:
        return ids(get(fake, token, EVENTS, timeMin=low, timeMax="2026-05-01T00:00:00Z", **params))

    assert found("2026-04-06T00:00:00Z") == [series]
    assert found("2026-04-06T00:00:00Z", singleEvents="true") == [f"{series}_20260406T080000Z"]
    assert found("2026-04-07T00:00:00Z") == []


def test_other_rules_and_hours_take_occurrences_away(fake: Google, calendar: Calendar, token: str) -> None:
    series = calendar.add("Weekly", **WEEKLY)
    moved = calendar.move_occurrence(series, "2026-04-06T10:00", summary="Other")
    whole, single = sync_token(fake, token), sync_token(fake, token, singleEvents="true")
    calendar.change(series, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])

    masters = get(fake, token, EVENTS, syncToken=whole).json()["items"]
    answer = get(fake, token, EVENTS, singleEvents="true", syncToken=single).json()
    calendar.change(series, **WEEKLY)
    back = get(fake, token, EVENTS, singleEvents="true", syncToken=answer["nextSyncToken"]).json()["items"]

    assert [(one["id"], one["status"]) for one in masters] == [(series, "confirmed"), (moved, "cancelled")]
    stamps = [f"{series}_{stamp}T{hour}0000Z" for stamp, hour in STAMPS]
    assert {one["id"]: one["status"] for one in answer["items"]} == dict(
        zip(stamps, ["confirmed", "confirmed", "cancelled", "cancelled"], strict=True)
    )
    assert {one["id"]: one["status"] for one in back} == dict(
        zip(stamps, ["confirmed", "confirmed", "confirmed", "cancelled"], strict=True)
    )
