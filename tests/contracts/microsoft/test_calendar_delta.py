"""The fake of Microsoft Graph's calendars: delta queries."""

import httpx

from tests.contracts.microsoft.asking import (
    DAILY,
    LASTING,
    MARCH,
    TIMES,
    code,
    every,
    follow,
    get,
    kinds,
    refused,
    starts,
    values,
    view,
)
from tests.fakes.graph_events import Calendar
from tests.fakes.microsoft import Microsoft


def delta(fake: Microsoft, token: str, *, prefer: str = "", path: str = "/me") -> httpx.Response:
    return get(fake, token, f"{path}/calendarView/delta", prefer=prefer, **MARCH)


def test_events_are_told_in_rounds(fake: Microsoft, calendar: Calendar, token: str) -> None:
    ids = [
        calendar.add(start=f"2026-03-0{day}T09:00:00", end=f"2026-03-0{day}T10:00:00") for day in range(1, 6)
    ]
    prefer = f"{LASTING}, odata.maxpagesize=2"

    first = delta(fake, token, prefer=prefer)
    rows, link = every(token, first, prefer=prefer)
    calendar.change(ids[0], subject="Changed")
    calendar.delete(ids[1])
    changed, again = every(token, follow(token, link, prefer=prefer), prefer=prefer)

    assert len(values(first)) == 2 and "@odata.deltaLink" not in first.json()
    assert {row["id"] for row in rows} == set(ids)
    assert [(row["id"], row.get("subject")) for row in changed] == [(ids[0], "Changed"), (ids[1], None)]
    assert kinds(changed) == ["singleInstance", "deleted"]
    assert every(token, follow(token, again))[0] == []


def test_rounds_take_no_parameters_but_the_window(fake: Microsoft, token: str) -> None:
    path = "/me/calendarView/delta"
    for name in ("select", "filter", "orderby", "expand", "search", "top"):
        assert get(fake, token, path, **MARCH, **{name: "id"}).status_code == 400
    link = delta(fake, token).json()["@odata.deltaLink"]
    assert follow(token, f"{link}&startDateTime={MARCH['startDateTime']}").status_code == 400
    assert code(get(fake, token, "/me/events/delta")) == "ErrorInvalidRequest"


def test_rounds_tell_little_of_occurrences_and_all_of_their_master(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    calendar.add(TIMES, recurrence=DAILY)
    second = values(view(fake, token, prefer=LASTING))[1]["id"]
    calendar.change(second, subject="Another")

    rows, _ = every(token, delta(fake, token))

    assert kinds(rows) == ["seriesMaster", "occurrence", "exception", "occurrence"]
    assert set(rows[1]) == {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}
    assert (rows[0]["recurrence"]["pattern"]["type"], rows[2]["subject"]) == ("daily", "Another")
    calendar.shows_masters = False
    assert kinds(every(token, delta(fake, token))[0]) == ["occurrence", "exception", "occurrence"]


def test_series_are_not_divided_between_pages(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(TIMES, recurrence=DAILY)
    calendar.add(TIMES, recurrence=DAILY)

    first = delta(fake, token, prefer="odata.maxpagesize=2")

    assert kinds(values(first)) == ["seriesMaster", "occurrence", "occurrence", "occurrence"]
    assert len(every(token, first)[0]) == 8


def test_deleted_occurrences_are_silently_missing(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(TIMES, recurrence=DAILY)
    second = values(view(fake, token, prefer=LASTING))[1]["id"]
    _, link = every(token, delta(fake, token))
    calendar.delete(second)

    rows, _ = every(token, follow(token, link))

    assert kinds(rows) == ["seriesMaster", "occurrence", "occurrence"]
    assert starts(rows[1:]) == ["2026-03-02T08:00", "2026-03-04T08:00"]


def test_deleted_series_are_told_by_their_master(fake: Microsoft, calendar: Calendar, token: str) -> None:
    master = calendar.add(TIMES, recurrence=DAILY)
    _, link = every(token, delta(fake, token))
    calendar.delete(master)

    rows, _ = every(token, follow(token, link, prefer=LASTING))

    assert [(row["id"], row["@removed"]) for row in rows] == [(master, {"reason": "deleted"})]


def test_changes_outside_the_window_are_told_as_removed(
    fake: Microsoft, calendar: Calendar, token: str
) -> None:
    inside = calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    calendar.add(start="2026-07-01T09:00:00", end="2026-07-01T10:00:00")
    rows, link = every(token, delta(fake, token, prefer=LASTING), prefer=LASTING)
    calendar.change(inside, start="2026-06-02T09:00:00", end="2026-06-02T10:00:00")
    new = calendar.add(start="2026-08-01T09:00:00", end="2026-08-01T10:00:00")

    later, _ = every(token, follow(token, link, prefer=LASTING), prefer=LASTING)

    assert [row["id"] for row in rows] == [inside]
    assert [(row["id"], row["@removed"]["reason"]) for row in later] == [
        (inside, "deleted"),
        (new, "deleted"),
    ]
    assert get(fake, token, f"/me/events/{inside}", prefer=LASTING).status_code == 200


def test_lost_state_of_a_calendar_begins_anew(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    _, link = every(token, delta(fake, token))
    calendar.forget_state()

    gone = follow(token, link)
    rows, again = every(token, follow(token, gone.headers["location"]))
    calendar.forget_state(status=404, code="syncStateNotFound")

    assert refused(gone) == (410, "SyncStateNotFound")
    assert len(rows) == 1
    assert refused(follow(token, again)) == (404, "syncStateNotFound")


def test_pages_of_a_view_can_be_empty_or_doubled(fake: Microsoft, calendar: Calendar, token: str) -> None:
    calendar.add(start="2026-03-02T09:00:00", end="2026-03-02T10:00:00")
    fake.faults.on("GET", "/v1.0/me/calendarView/delta", call=1, page="empty")
    fake.faults.on("GET", "/v1.0/me/calendarView", call=1, page="duplicated")

    empty = delta(fake, token)

    assert values(empty) == []
    assert len(every(token, empty)[0]) == 1
    assert len(values(view(fake, token))) == 2
