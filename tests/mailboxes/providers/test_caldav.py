"""The CalDAV provider against a real server."""

import pytest

from mailboxes.providers.base import (
    AuthExpired,
    CursorExpired,
    Fetched,
    FetchedCalendar,
    Listing,
    Missing,
    SetupWrong,
)
from mailboxes.providers.caldav.provider import CalDavCalendar, Checked, check, prefix
from tests.servers.loopback import free_port
from tests.servers.radicale import (
    PASSWORD,
    CalendarUser,
    calendar,
    event,
    event_lines,
    radicale,
    recording,
    requests,
)

SERIES = """\
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
DTSTART:20260105T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=5
SUMMARY:Weekly
END:VEVENT
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
RECURRENCE-ID:20260112T100000
DTSTART:20260112T140000
DURATION:PT1H
SUMMARY:Later that day
END:VEVENT
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
RECURRENCE-ID:20260119T100000
DTSTART:20260120T100000
DURATION:PT1H
SUMMARY:A day later – ausnahmsweise
END:VEVENT
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


@pytest.fixture
def ada(server, request):
    """Someone new in every test, with one calendar."""
    user = server.add_user(f"ada{len(server.users)}")
    user.make_calendar("work")
    return user


@pytest.mark.parametrize("path", ["", "{home}", "{home}work/", "{home}work", ".well-known/caldav"])
def test_calendars_are_found_from_any_address_of_the_server(ada, path):
    ada.put("work/one.ics", event("one"))

    listings = changes(ada, "", path=path.format(home=ada.home[1:]))

    assert [shown(listing, ada) for listing in listings] == [({"work/one.ics"}, set(), "work/")]


def test_named_calendar_is_the_only_one(ada):
    ada.make_calendar("private")
    ada.put("work/one.ics", event("one"))
    ada.put("private/two.ics", event("two"))

    listings = changes(ada, "", path=f"{ada.home}private/")

    assert [shown(listing, ada) for listing in listings] == [({"private/two.ics"}, set(), "private/")]


def test_series_with_its_overrides_is_one_item(ada):
    ada.put("work/weekly.ics", calendar(SERIES))
    listed = changes(ada, "")[0].items

    fetched = fetch(ada, [item.provider_id for item in listed])

    assert [type(item) for item in fetched] == [FetchedCalendar]
    assert fetched[0].provider_id == listed[0].provider_id
    assert fetched[0].version == listed[0].version != ""
    assert fetched[0].raw.count(b"BEGIN:VEVENT") == 3
    assert fetched[0].raw.count(b"RECURRENCE-ID") == 2
    assert b"ausnahmsweise" in fetched[0].raw
    assert fetched[0].timezone == "UTC"


@pytest.mark.parametrize(
    ("zone", "file_zone", "read_in"),
    [
        ("Europe/Vienna", "", "Europe/Vienna"),
        ("W. Europe Standard Time", "", "Europe/Berlin"),
        ("/softwarestudio.org/Olson_1/America/Argentina/Salta", "", "America/Argentina/Salta"),
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("Europe/Vienna", "Asia/Tokyo", "Europe/Vienna"),
        ("../../etc/passwd", "Nowhere/Land", "UTC"),
    ],
)
def test_floating_times_are_read_in_the_calendars_zone(ada, zone, file_zone, read_in):
    ada.make_calendar("travel", zone=zone)
    head = f"X-WR-TIMEZONE:{file_zone}\n" if file_zone else ""
    ada.put("travel/one.ics", calendar(head + event_lines("one")))
    travel = next(listing for listing in changes(ada, "") if listing.items)

    fetched = fetch(ada, [travel.items[0].provider_id])

    assert [item.timezone for item in fetched] == [read_in]


def test_changes_and_deletions_are_listed_from_the_cursor_on(ada):
    for name in ("one", "two", "three"):
        ada.put(f"work/{name}.ics", event(name))
    first = changes(ada, "")
    ada.put("work/two.ics", event("two", "Moved"))
    ada.put("work/four.ics", event("four"))
    ada.delete("work/one.ics")

    listings = changes(ada, first[-1].cursor)

    assert [shown(listing, ada) for listing in listings] == [
        ({"work/two.ics", "work/four.ics"}, {"work/one.ics"}, None)
    ]
    assert versions(first)["work/two.ics"] != versions(listings)["work/two.ics"]
    assert [type(item) for item in fetch(ada, [item.provider_id for item in first[0].items])] == [
        Missing,
        FetchedCalendar,
        FetchedCalendar,
    ]


def test_old_deletions_are_no_part_of_a_first_listing(ada):
    ada.put("work/one.ics", event("one"))
    ada.put("work/two.ics", event("two"))
    changes(ada, "")
    ada.delete("work/one.ics")

    listings = changes(ada, "")

    assert [shown(listing, ada) for listing in listings] == [({"work/two.ics"}, set(), "work/")]


def test_lost_token_lists_the_calendar_anew_as_everything_there_is(ada):
    ada.make_calendar("private")
    ada.put("private/other.ics", event("other"))
    for name in ("one", "two"):
        ada.put(f"work/{name}.ics", event(name))
    first = changes(ada, "")
    ada.delete("work/one.ics")
    ada.put("work/three.ics", event("three"))
    ada.forget_tokens()

    listings = changes(ada, first[-1].cursor)

    assert [shown(listing, ada) for listing in listings] == [
        ({"work/two.ics", "work/three.ics"}, set(), "work/")
    ]
    assert changes(ada, listings[-1].cursor) == []


def test_new_and_removed_calendars_are_snapshots_of_their_own(ada):
    ada.put("work/one.ics", event("one"))
    cursor = changes(ada, "")[-1].cursor
    ada.make_calendar("travel")
    ada.put("travel/two.ics", event("two"))
    ada.delete("work/")

    listings = changes(ada, cursor)

    assert [shown(listing, ada) for listing in listings] == [
        ({"travel/two.ics"}, set(), "travel/"),
        (set(), set(), "work/"),
    ]
    assert changes(ada, listings[-1].cursor) == []


def test_account_without_calendars_yet_lists_nothing(server):
    eve = server.add_user("eve")
    first = changes(eve, "")
    eve.make_calendar("work")
    eve.put("work/one.ics", event("one"))

    listings = changes(eve, first[-1].cursor)

    assert [shown(listing, eve) for listing in first] == [(set(), set(), None)]
    assert [shown(listing, eve) for listing in listings] == [({"work/one.ics"}, set(), "work/")]


def test_tasks_are_left_out(ada):
    ada.make_calendar("todo", components=("VTODO",))
    ada.make_calendar("mixed", components=("VEVENT", "VTODO"))
    todo = "BEGIN:VTODO\nUID:task\nDTSTAMP:20260101T000000Z\nSUMMARY:Do it\nEND:VTODO\n"
    ada.put("todo/task.ics", calendar(todo))
    ada.put("mixed/task.ics", calendar(todo))
    ada.put("mixed/one.ics", event("one"))

    listings = changes(ada, "")

    assert {snapshot: items for items, _, snapshot in (shown(one, ada) for one in listings)} == {
        "mixed/": {"mixed/one.ics"},
        "work/": set(),
    }
    with pytest.raises(SetupWrong, match="no events"):
        changes(ada, "", path=f"{ada.home}todo/")


def test_idle_poll_is_one_request_and_a_change_one_more(ada):
    ada.make_calendar("private")
    ada.put("work/one.ics", event("one"))
    with recording(ada.server) as heard:
        cursor = changes(ada, "", port=heard.port)[-1].cursor
        before = len(requests(heard))

        idle = changes(ada, cursor, port=heard.port)
        ada.put("work/two.ics", event("two"))
        changes(ada, cursor, port=heard.port)

        poll, report = f"PROPFIND {ada.home}", f"REPORT {ada.home}work/"
        assert idle == []
        assert requests(heard)[before:] == [poll, poll, report]


def test_many_resources_are_read_fifty_at_a_time(ada):
    for number in range(150):
        ada.put(f"work/{number}.ics", event(str(number)))
    with recording(ada.server) as heard:
        provider = connect(ada, port=heard.port)
        listed = {item.provider_id: item.version for item in next(provider.list_changes("")).items}
        before = len(requests(heard))

        fetched = list(provider.fetch([*listed, "nosuch/1.ics"]))

        provider.close()
        assert requests(heard)[before:] == [f"REPORT {ada.home}work/"] * 3
    assert {item.provider_id: item.version for item in fetched if isinstance(item, FetchedCalendar)} == listed
    assert [item for item in fetched if isinstance(item, Missing)] == [Missing("nosuch/1.ics")]
    assert len(listed) == 150


def test_names_of_any_kind_lead_back_to_their_resource(ada):
    names = ["ü & <b>.ics", "a@b.example.ics", "50%.ics", "x" * 180 + ".ics", "ö" * 100 + ".ics"]
    for number, name in enumerate(names):
        ada.put(f"work/{name.replace('%', '%25')}", event(str(number)))
    listed = [item.provider_id for item in changes(ada, "")[0].items]

    fetched = fetch(ada, listed)

    assert sorted(uid(item) for item in fetched) == ["0", "1", "2", "3", "4"]
    assert max(map(len, listed)) <= 500
    assert sum("#" in provider_id for provider_id in listed) == 1


def test_events_that_are_too_many_for_one_report_are_read_one_by_one(tmp_path):
    with radicale(tmp_path, events_per_report=3) as server:
        ben = server.add_user("ben")
        ben.make_calendar("work")
        for name in ("one", "two", "three", "four"):
            ben.put(f"work/{name}.ics", event(name))
        listed = {item.provider_id: item.version for item in changes(ben, "")[0].items}

        fetched = fetch(ben, [*listed, f"{prefix('/ben/work/')}nosuch.ics"])

    assert {one.provider_id: one.version for one in fetched if isinstance(one, FetchedCalendar)} == listed
    assert fetched[4:] == [Missing(f"{prefix('/ben/work/')}nosuch.ics")]
    assert sorted(uid(one) for one in fetched[:4]) == ["four", "one", "three", "two"]


def test_wrong_password_asks_to_reconnect(ada):
    provider = connect(ada, password="wrong")

    with pytest.raises(AuthExpired, match="did not accept"):
        list(provider.list_changes(""))


@pytest.mark.parametrize(
    "cursor", ["nonsense", "[]", "{}", '{"url": 1}', '{"homes": {"/": "x"}}', "1" * 9999]
)
def test_cursor_that_cannot_be_read_is_void(ada, cursor):
    with pytest.raises(CursorExpired):
        changes(ada, cursor)


def test_other_address_of_the_same_account_keeps_what_is_known(ada):
    ada.make_calendar("private")
    ada.put("work/one.ics", event("one"))
    cursor = changes(ada, "")[-1].cursor

    listings = changes(ada, cursor, path=f"{ada.home}work/")

    assert [shown(listing, ada) for listing in listings] == [(set(), set(), "private/")]


def test_named_calendar_that_is_gone_lets_no_other_in(ada):
    ada.make_calendar("private")
    cursor = changes(ada, "", path=f"{ada.home}work/")[-1].cursor
    ada.delete("work/")

    with pytest.raises(SetupWrong, match=r"404 Not Found” for /ada\d+/work/"):
        changes(ada, cursor, path=f"{ada.home}work/")


def test_address_of_nobody_is_refused(ada):
    with pytest.raises(SetupWrong, match="403 Forbidden"):
        changes(ada, "", path="somebody/else/")


def test_check_reads_one_event(ada):
    ada.make_calendar("private", title="Privat & geheim")
    ada.put("work/one.ics", event("one"))

    checked = look(ada)

    assert checked == Checked(("Privat & geheim", "work"), has_read=True)


def test_check_without_events_finds_the_calendars(ada):
    assert look(ada) == Checked(("work",), has_read=False)


def test_check_names_what_failed(ada):
    wrong = look(ada, password="wrong")
    closed = free_port()

    assert wrong == Checked(failed="sign in", problem="The server did not accept the user name and password.")
    assert look(ada, port=closed) == Checked(
        failed="find the calendars",
        problem=f"The server 127.0.0.1 does not answer on port {closed}.",
    )
    assert look(ada, password="a\r\nb").failed == "find the calendars"


def connect(user: CalendarUser, *, path: str = "", port: int = 0, password: str = PASSWORD) -> CalDavCalendar:
    return CalDavCalendar(**_account(user, path, port, password))


def look(user: CalendarUser, *, port: int = 0, password: str = PASSWORD) -> Checked:
    return check(**_account(user, "", port, password))


def _account(user: CalendarUser, path: str, port: int, password: str) -> dict:
    url = f"http://127.0.0.1:{port or user.server.port}/{path.lstrip('/')}"
    egress = user.server.egress(port)
    return {"url": url, "username": user.name, "password": password, "egress": egress}


def changes(user: CalendarUser, cursor: str, *, path: str = "", port: int = 0) -> list[Listing]:
    provider = connect(user, path=path, port=port)
    try:
        return list(provider.list_changes(cursor))
    finally:
        provider.close()


def fetch(user: CalendarUser, provider_ids: list[str]) -> list[Fetched]:
    provider = connect(user)
    try:
        return list(provider.fetch(provider_ids))
    finally:
        provider.close()


def shown(listing: Listing, user: CalendarUser) -> tuple[set[str], set[str], str | None]:
    """Items, removals and the snapshot's calendar, by the path below the user's collection."""
    names = ("work/", "private/", "travel/", "mixed/")
    calendars = {prefix(user.home + name): name for name in names}
    named = {key + rest: name + rest for key, name in calendars.items() for rest in _rests(listing)}
    items = {named[item.provider_id] for item in listing.items}
    removed = {named[provider_id] for provider_id in listing.removed}
    return items, removed, None if listing.snapshot_of is None else calendars[listing.snapshot_of]


def _rests(listing: Listing) -> list[str]:
    ids = (*(item.provider_id for item in listing.items), *listing.removed)
    return [provider_id.partition("/")[2] for provider_id in ids]


def versions(listings: list[Listing]) -> dict[str, str]:
    return {f"work/{i.provider_id.partition('/')[2]}": i.version for one in listings for i in one.items}


def uid(item: Fetched) -> str:
    assert isinstance(item, FetchedCalendar)
    return next(line[4:] for line in item.raw.decode().splitlines() if line.startswith("UID:"))
