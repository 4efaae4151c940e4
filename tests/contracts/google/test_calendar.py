"""The fake of Google Calendar: lists of calendars, listings of events, sync tokens, what is hidden."""

from urllib.parse import quote

import pytest

from tests.contracts.google.asking import ADA, BEN, get, ids, only, reason, sync_token
from tests.fakes.google import CALENDAR, MAIL, Google
from tests.fakes.google_events import Calendar

LIST = "/calendar/v3/users/me/calendarList"
EVENTS = "/calendar/v3/calendars/primary/events"


def test_calendar_list_tells_what_is_so_and_leaves_out_what_is_not(fake: Google, token: str) -> None:
    fake.add_calendar(ADA, "team@group.calendar.google.com", summary="Team", selected=False)
    fake.add_calendar(ADA, "hidden@group.calendar.google.com", hidden=True)

    items = get(fake, token, LIST).json()["items"]

    assert [one["id"] for one in items] == [ADA, "team@group.calendar.google.com"]
    primary, team = items
    assert (primary["primary"], primary["selected"], primary["accessRole"]) == (True, True, "owner")
    assert primary["timeZone"] == "Europe/Berlin"
    assert {"selected", "primary", "hidden", "deleted"} & set(team) == set()
    assert len(ids(get(fake, token, LIST, showHidden="true"))) == 3


def test_calendar_list_pages_end_in_a_sync_token(fake: Google, token: str) -> None:
    fake.add_calendar(ADA, "b@group.calendar.google.com")
    fake.add_calendar(ADA, "c@group.calendar.google.com", role="reader")

    first = get(fake, token, LIST, maxResults=2)
    after = first.json()["nextPageToken"]
    last = get(fake, token, LIST, maxResults=2, pageToken=after)
    fake.calendars.lists[ADA].change("b@group.calendar.google.com", deleted=True)
    changed = get(fake, token, LIST, syncToken=last.json()["nextSyncToken"])

    assert "nextSyncToken" not in first.json()
    assert ids(first) + ids(last) == [ADA, "b@group.calendar.google.com", "c@group.calendar.google.com"]
    assert [(one["id"], one["deleted"]) for one in changed.json()["items"]] == [
        ("b@group.calendar.google.com", True)
    ]
    assert ids(get(fake, token, LIST)) == [ADA, "c@group.calendar.google.com"]
    assert ids(get(fake, token, LIST, minAccessRole="writer")) == [ADA]
    assert get(fake, token, LIST, maxResults=1, pageToken=after).status_code == 400
    assert get(fake, token, LIST, maxResults=251).status_code == 400


def test_calendar_list_sync_tokens_exclude_filters_and_expire(fake: Google, token: str) -> None:
    sync = sync_token(fake, token, LIST)

    filters = [{"minAccessRole": "reader"}, {"showDeleted": "false"}, {"showHidden": "false"}]
    wrong = [get(fake, token, LIST, syncToken=sync, **one) for one in filters]
    right = get(fake, token, LIST, syncToken=sync)
    fake.calendars.lists[ADA].expire_sync_tokens()
    gone = get(fake, token, LIST, syncToken=sync)

    assert [one.status_code for one in wrong] == [400, 400, 400]
    assert (right.status_code, gone.status_code, reason(gone)) == (200, 410, "fullSyncRequired")


def test_calendars_are_found_only_in_ones_own_list(fake: Google, token: str) -> None:
    fake.add_calendar(BEN, "#bens/own@group.calendar.google.com")
    shared = quote("#bens/own@group.calendar.google.com", safe="")
    path = f"/calendar/v3/calendars/{shared}/events"

    before = get(fake, token, path)
    calendar = fake.calendar(BEN, "#bens/own@group.calendar.google.com")
    fake.calendars.share(calendar, ADA, role="reader")

    assert (before.status_code, reason(before)) == (404, "notFound")
    assert get(fake, token, path).json()["accessRole"] == "reader"
    assert get(fake, token, f"{LIST}/{shared}").json()["id"] == calendar.id
    assert get(fake, token, f"{LIST}/nobody").status_code == 404


def test_scopes_of_events_and_of_the_list_are_two(fake: Google, token: str) -> None:
    events, lists = (fake.grant(ADA, scope).access_token for scope in CALENDAR[3:])

    assert [get(fake, events, path).status_code for path in (EVENTS, LIST)] == [200, 403]
    assert [get(fake, lists, path).status_code for path in (EVENTS, LIST)] == [403, 200]
    assert get(fake, fake.grant(ADA, *MAIL).access_token, EVENTS).status_code == 403


def test_events_are_shown_as_on_this_calendar(fake: Google, calendar: Calendar, token: str) -> None:
    people = [{"email": ADA, "responseStatus": "accepted"}, {"email": BEN, "responseStatus": "needsAction"}]
    event = calendar.add("Lunch", attendees=people, hangoutLink="https://meet.google.com/abc")

    shown = only(get(fake, token, EVENTS))

    assert (shown["kind"], shown["id"], shown["status"]) == ("calendar#event", event, "confirmed")
    assert shown["start"] == {"dateTime": "2026-01-05T10:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert shown["attendees"] == [people[0] | {"self": True}, people[1]]
    assert shown["organizer"] == {"email": ADA, "self": True}
    assert (shown["sequence"], shown["eventType"]) == (0, "default")
    assert get(fake, token, f"{EVENTS}/{event}").json() == shown
    assert get(fake, token, f"{EVENTS}/unknown").status_code == 404


def test_calendars_hold_only_what_google_could(calendar: Calendar) -> None:
    wrong: list[dict] = [
        {"title": "Lunch"},
        {"eventType": "lunch"},
        {"visibility": "secret"},
        {"start": "2026-01-05", "end": "2026-01-05T10:00"},
        {"start": "2026-01-06T10:00", "end": "2026-01-05T10:00"},
        {"attendees": [{"email": BEN}]},
        {"recurrence": ["RRULE:FREQ=DAILY"], "start": {"dateTime": "2026-01-05T10:00:00Z"}},
    ]

    for fields in wrong:
        with pytest.raises(ValueError):
            calendar.add(**fields)

    assert calendar.events == {}


def test_too_many_attendees_leave_the_participant(fake: Google, calendar: Calendar, token: str) -> None:
    people = [{"email": f"{name}@x.example", "responseStatus": "accepted"} for name in "abc"]
    calendar.add("Party", attendees=[*people, {"email": ADA, "responseStatus": "accepted"}])

    few = only(get(fake, token, EVENTS, maxAttendees=3))
    enough = only(get(fake, token, EVENTS, maxAttendees=4))

    assert ([one["email"] for one in few["attendees"]], few["attendeesOmitted"]) == ([ADA], True)
    assert (len(enough["attendees"]), "attendeesOmitted" in enough) == (4, False)


@pytest.mark.parametrize(
    ("role", "sees_open", "sees_private"),
    [
        ("owner", True, True),
        ("writer", True, True),
        ("writerWithoutPrivateAccess", True, False),
        ("reader", True, False),
        ("freeBusyReader", False, False),
    ],
)
def test_details_are_hidden_from_those_who_may_not_see_them(
    fake: Google, role: str, sees_open: bool, sees_private: bool
) -> None:
    calendar = fake.add_calendar(BEN, "team@group.calendar.google.com")
    fake.calendars.share(calendar, ADA, role=role)
    calendar.add("Open")
    calendar.add("Private", visibility="private", description="Secret")
    token = fake.grant(ADA, *CALENDAR).access_token

    items = get(fake, token, "/calendar/v3/calendars/team%40group.calendar.google.com/events").json()["items"]

    assert [one.get("summary") for one in items] == [
        "Open" if sees_open else None,
        "Private" if sees_private else None,
    ]
    assert ["description" in one for one in items] == [False, sees_private]
    assert items[1]["visibility"] == "private"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"maxResults": 2501}, "invalid"),
        ({"maxResults": 0}, "invalid"),
        ({"singleEvents": "1"}, "invalid"),
        ({"orderBy": "summary"}, "invalid"),
        ({"orderBy": "startTime"}, "badRequest"),
        ({"timeMin": "2026-01-05T10:00:00"}, "badRequest"),
        ({"timeMin": "2026-01-05"}, "badRequest"),
        ({"timeMin": "2026-01-06T00:00:00Z", "timeMax": "2026-01-06T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeZone": "Berlin"}, "invalid"),
        ({"eventTypes": "meeting"}, "invalid"),
        ({"maxAttendees": 0}, "invalid"),
        ({"calendarId": "primary"}, "invalid"),
        ({"pageToken": "2"}, "invalid"),
        ({"syncToken": "2"}, "invalid"),
    ],
)
def test_listing_refuses_malformed_requests(fake: Google, token: str, params: dict, expected: str) -> None:
    wrong = get(fake, token, EVENTS, **params)
    right = get(fake, token, EVENTS, maxResults=2500, singleEvents="true", orderBy="startTime")

    assert (wrong.status_code, reason(wrong)) == (400, expected)
    assert right.status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2026-01-01T00:00:00Z"},
        {"updatedMin": "2026-02-28T00:00:00Z"},
        {"q": "lunch"},
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"showDeleted": "false"},
        {"singleEvents": "true"},
        {"maxAttendees": 5},
        {"timeZone": "UTC"},
    ],
)
def test_sync_tokens_go_with_the_first_request_alone(fake: Google, token: str, params: dict) -> None:
    sync = sync_token(fake, token, timeMin="2026-01-01T00:00:00Z")

    assert get(fake, token, EVENTS, syncToken=sync, **params).status_code == 400
    assert get(fake, token, EVENTS, syncToken=sync, maxResults=5, showDeleted="true").status_code == 200


@pytest.mark.parametrize("params", [{"q": "x"}, {"orderBy": "updated"}, {"timeMax": "2027-01-01T00:00:00Z"}])
def test_restricted_listings_give_no_sync_token(fake: Google, token: str, params: dict) -> None:
    assert "nextSyncToken" not in get(fake, token, EVENTS, **params).json()
    assert "nextSyncToken" in get(fake, token, EVENTS, singleEvents="true").json()


def test_sync_tokens_are_of_one_user_and_calendar(fake: Google, token: str) -> None:
    fake.add_calendar(ADA, "b@group.calendar.google.com")
    sync = sync_token(fake, token)
    ben = fake.grant(BEN, *CALENDAR).access_token

    assert get(fake, ben, EVENTS, syncToken=sync).status_code == 400
    other = "/calendar/v3/calendars/b%40group.calendar.google.com/events"
    assert get(fake, token, other, syncToken=sync).status_code == 400


def test_incremental_listings_tell_changes_and_tombstones(
    fake: Google, calendar: Calendar, token: str
) -> None:
    kept, changed, gone, own = (calendar.add(name) for name in ("kept", "changed", "gone", "own"))
    sync = sync_token(fake, token)
    calendar.cancel(gone)
    calendar.cancel(own, keeps_details=True)
    calendar.change(changed, summary="other")
    new = calendar.add("new")

    answer = get(fake, token, EVENTS, syncToken=sync)

    items = {one["id"]: one for one in answer.json()["items"]}
    assert list(items) == [gone, own, changed, new]
    assert items[gone] == {"id": gone, "status": "cancelled"}
    assert (items[own]["status"], items[own]["summary"]) == ("cancelled", "own")
    assert (items[changed]["summary"], items[changed]["sequence"]) == ("other", 1)
    assert ids(get(fake, token, EVENTS, syncToken=answer.json()["nextSyncToken"])) == []
    assert ids(get(fake, token, EVENTS)) == [kept, changed, new]
    assert set(ids(get(fake, token, EVENTS, showDeleted="true"))) == {kept, changed, gone, own, new}


def test_changes_between_pages_are_not_lost(fake: Google, calendar: Calendar, token: str) -> None:
    one, two, three = (calendar.add(name) for name in "abc")

    first = get(fake, token, EVENTS, maxResults=2)
    calendar.cancel(one)
    calendar.change(two, summary="changed")
    after = first.json()["nextPageToken"]
    last = get(fake, token, EVENTS, maxResults=2, pageToken=after)

    assert "nextSyncToken" not in first.json()
    assert (ids(first), ids(last)) == ([one, two], [three])
    assert ids(get(fake, token, EVENTS, syncToken=last.json()["nextSyncToken"])) == [one, two]
    assert get(fake, token, EVENTS, maxResults=3, pageToken=after).status_code == 400
    assert get(fake, token, EVENTS, maxResults=2, showDeleted="true", pageToken=after).status_code == 400


def test_expired_sync_tokens_ask_for_everything_again(fake: Google, calendar: Calendar, token: str) -> None:
    sync = sync_token(fake, token)
    calendar.expire_sync_tokens()

    gone = get(fake, token, EVENTS, syncToken=sync)

    assert (gone.status_code, reason(gone)) == (410, "fullSyncRequired")
    assert "status" not in gone.json()["error"]
    assert get(fake, token, EVENTS, syncToken=sync_token(fake, token)).status_code == 200
    too_old = get(fake, token, EVENTS, updatedMin="2020-01-01T00:00:00Z")
    assert (too_old.status_code, reason(too_old)) == (410, "updatedMinTooLongAgo")


def test_empty_pages_lead_on(fake: Google, calendar: Calendar, token: str) -> None:
    event = calendar.add()
    fake.faults.on("GET", EVENTS, call=1, page="empty")

    first = get(fake, token, EVENTS).json()
    last = get(fake, token, EVENTS, pageToken=first["nextPageToken"])

    assert (first["items"], "nextSyncToken" in first) == ([], False)
    assert (ids(last), "nextSyncToken" in last.json()) == ([event], True)


def test_types_and_zones_are_as_asked(fake: Google, calendar: Calendar, token: str) -> None:
    calendar.add("Home", eventType="workingLocation", workingLocationProperties={"type": "homeOffice"})
    calendar.add("Lunch")

    lunch = only(get(fake, token, EVENTS, eventTypes=["default", "fromGmail"], timeZone="America/New_York"))

    assert (lunch["summary"], lunch["start"]["dateTime"]) == ("Lunch", "2026-01-05T04:00:00-05:00")
    assert len(ids(get(fake, token, EVENTS))) == 2


def test_quota_counts_requests_within_a_minute(fake: Google, token: str) -> None:
    fake.calendars.quota.limit = 2

    statuses = [get(fake, token, EVENTS).status_code for _ in range(2)]
    over = get(fake, token, EVENTS)
    fake.calendars.over_quota = 429
    statuses.append(get(fake, token, LIST).status_code)
    fake.clock.advance(seconds=60)

    assert statuses == [200, 200, 429]
    assert (over.status_code, reason(over)) == (403, "rateLimitExceeded")
    assert over.json()["error"]["errors"][0]["domain"] == "usageLimits"
    assert get(fake, token, EVENTS).status_code == 200
