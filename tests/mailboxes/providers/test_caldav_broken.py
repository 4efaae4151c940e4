"""The CalDAV provider against servers that are broken, overloaded or simple."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mailboxes.providers.base import (
    FetchedCalendar,
    ListedItem,
    Missing,
    SetupWrong,
    TryLater,
    Unreadable,
)
from tests.servers.scripteddav import (
    ABOUT,
    HOME,
    IN_WORK,
    LISTED,
    WORK,
    Asked,
    answer,
    calendars,
    everything,
    has,
    ids,
    is_,
    item,
    multistatus,
    server,
    text,
)


def test_well_behaved_server_is_read():
    with server() as there:
        provider = there.provider()
        listings = list(provider.list_changes(""))
        fetched = list(provider.fetch(ids("one.ics", "two.ics")))

    assert [listing.items for listing in listings] == [
        [ListedItem(IN_WORK + "one.ics", 0, "1"), ListedItem(IN_WORK + "two.ics", 0, "1")]
    ]
    assert [listing.snapshot_of for listing in listings] == [IN_WORK]
    assert [one.provider_id for one in fetched] == ids("one.ics", "two.ics")
    assert there.keys == ["PROPFIND 0", "PROPFIND 1", "REPORT sync-collection", "REPORT calendar-multiget"]


def test_answer_about_something_else_does_not_stand_in_for_an_event():
    with server(calendar_multiget=multistatus(text("three"), text("two"), text("two"))) as there:
        fetched = list(there.provider().fetch(ids("one.ics", "two.ics")))

    assert [one.provider_id for one in fetched] == ids("two.ics", "one.ics")
    assert there.keys[-2:] == ["REPORT calendar-multiget", "GET"]


@pytest.mark.parametrize("when", ["propfind_0", "propfind_1", "sync_collection", "calendar_multiget"])
@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_busy_server_is_tried_later_when_it_said(when, status):
    with server(**{when: answer(status, b"", "Retry-After: 120")}) as there:
        with pytest.raises(TryLater, match="busy") as caught:
            everything(there.provider())

    assert caught.value.retry_after == 120


def test_time_to_come_back_may_be_a_date_or_nonsense():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=9), usegmt=True)

    assert 80 < (retry_after(date) or 0) <= 90
    assert retry_after(past) == 0
    assert [retry_after(value) for value in ("soon", "-5", "1e9", "²", "")] == [None] * 5


def test_fault_of_the_server_is_tried_later():
    with server(propfind_1=answer("500 Internal Server Error")) as there:
        with pytest.raises(TryLater, match="500 Internal Server Error” for /ada/"):
            list(there.provider().list_changes(""))


def test_calendars_that_are_all_refused_are_a_mistake_of_the_owner():
    def refused(asked: Asked) -> bytes:
        return answer("403 Forbidden") if asked.path == WORK else calendars()

    with server(propfind_1=refused, sync_collection=answer("403 Forbidden")) as there:
        with pytest.raises(SetupWrong, match="403 Forbidden” for /ada/work/"):
            list(there.provider().list_changes(""))


def test_one_broken_calendar_does_not_keep_the_others_from_being_read():
    play = has(
        "/ada/play/",
        "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><s:getctag>p</s:getctag>",
    )

    def broken(asked: Asked) -> bytes:
        is_play = asked.path == "/ada/play/"
        return answer("207 Multi-Status", "<garbage") if is_play else calendars(more=play)

    with server(propfind_1=broken) as there:
        listings = list(there.provider().list_changes(""))
        again = list(there.provider().list_changes(listings[-1].cursor))

    assert [listing.snapshot_of for listing in listings] == [IN_WORK]
    assert again == []
    assert [asked.path for asked in there.asked[-2:]] == [HOME, "/ada/play/"]


@pytest.mark.parametrize("status", ["403 Forbidden", "412 Precondition Failed", "409 Conflict", "410 Gone"])
def test_void_token_lists_anew(status):
    def by_token(asked: Asked) -> bytes:
        void = answer(status, '<e:error xmlns:e="DAV:"><e:valid-sync-token/></e:error>')
        return void if "<d:sync-token>t0<" in asked.body else LISTED

    with server(sync_collection=by_token) as there:
        listings = list(there.provider().list_changes(there.cursor(token="t0")))

    assert [(listing.snapshot_of, len(listing.items)) for listing in listings] == [(IN_WORK, 2)]
    assert there.keys == ["PROPFIND 1", "REPORT sync-collection", "REPORT sync-collection"]


def test_listing_in_pieces_is_one_snapshot():
    pages = {
        "": multistatus(item("one.ics"), item("two.ics"), is_(WORK, "507 Insufficient Storage"), token="p1"),
        "p1": multistatus(item("three.ics"), is_(f"{WORK}one.ics", "404 Not Found"), token="t1"),
    }
    with server(sync_collection=lambda asked: pages[token_in(asked)]) as there:
        listings = list(there.provider().list_changes(""))
        again = list(there.provider().list_changes(listings[-1].cursor))

    assert [[one.provider_id for one in listing.items] for listing in listings] == [
        ids("two.ics", "three.ics")
    ]
    assert listings[0].snapshot_of == IN_WORK
    assert again == []


def test_changes_in_pieces_move_the_cursor_piece_by_piece():
    pages = {
        "t0": multistatus(item("one.ics"), is_(WORK, "507 Insufficient Storage"), token="p1"),
        "p1": multistatus(is_(f"{WORK}two.ics", "404 Not Found"), token="t1"),
    }
    with server(sync_collection=lambda asked: pages[token_in(asked)]) as there:
        listings = list(there.provider().list_changes(there.cursor(token="t0")))
        resumed = list(there.provider().list_changes(listings[0].cursor))

    assert [(len(listing.items), list(listing.removed)) for listing in listings] == [
        (1, []),
        (0, ids("two.ics")),
    ]
    assert [listing.snapshot_of for listing in listings] == [None, None]
    assert resumed == listings[1:]


def test_pieces_that_never_end_are_given_up():
    def endless(asked: Asked) -> bytes:
        return multistatus(is_(WORK, "507 Insufficient Storage"), token=f"x{time.monotonic_ns()}")

    def whole(asked: Asked) -> bytes:
        return multistatus(item("one.ics")) if asked.path == WORK else calendars()

    with server(sync_collection=endless, propfind_1=whole) as there:
        listings = list(there.provider().list_changes(""))

    assert [(len(listing.items), listing.snapshot_of) for listing in listings] == [(1, IN_WORK)]
    assert there.keys.count("REPORT sync-collection") == 1


@pytest.mark.parametrize(
    "status", ["501 Not Implemented", "415 Unsupported Media Type", "500 Oops", "507 Full"]
)
def test_server_that_cannot_list_by_token_is_listed_whole_whenever_something_changed(status):
    def plain(asked: Asked) -> bytes:
        return multistatus(has(WORK, ""), item("one.ics")) if asked.path == WORK else calendars(ctag=ctag)

    ctag = "c1"
    with server(sync_collection=answer(status), propfind_1=plain) as there:
        first = list(there.provider().list_changes(""))
        idle = list(there.provider().list_changes(first[-1].cursor))
        ctag = "c2"
        second = list(there.provider().list_changes(first[-1].cursor))

    assert [(listing.snapshot_of, len(listing.items)) for listing in first + second] == [(IN_WORK, 1)] * 2
    assert idle == []


def test_server_without_tokens_is_listed_whole_whenever_something_changed():
    def plain(asked: Asked) -> bytes:
        if asked.path != WORK:
            return calendars(token="", ctag="c1")
        modified = "<d:getlastmodified>Mon, 05 Jan 2026 10:00:00 GMT</d:getlastmodified>"
        return multistatus(item("one.ics"), has(f"{WORK}two.ics", f"<d:getetag>W/2</d:getetag>{modified}"))

    with server(propfind_1=plain) as there:
        listings = list(there.provider().list_changes(""))
        idle = list(there.provider().list_changes(listings[-1].cursor))

    assert [(listing.snapshot_of, listing.items) for listing in listings] == [
        (IN_WORK, [ListedItem(ids("two.ics")[0], 1767607200, "2"), ListedItem(ids("one.ics")[0], 0, "1")])
    ]
    assert idle == []
    assert there.keys == ["PROPFIND 0", "PROPFIND 1", "PROPFIND 1", "PROPFIND 1"]


def test_listing_that_was_cut_takes_nothing_away():
    def cut(asked: Asked) -> bytes:
        if asked.path != WORK:
            return calendars(token="", ctag="c1")
        return multistatus(item("one.ics"), is_(WORK, "507 Insufficient Storage"))

    with server(propfind_1=cut) as there:
        listings = list(there.provider().list_changes(""))
        again = list(there.provider().list_changes(listings[-1].cursor))

    assert [(len(listing.items), listing.snapshot_of) for listing in listings + again] == [(1, None)] * 2


def test_items_without_versions_are_read_again_with_every_change():
    bare = [has(f"{WORK}one.ics", ""), is_(f"{WORK}two.ics", "403 Forbidden")]
    tokens = {"": "t1", "t1": "t2"}
    with server(
        propfind_1=lambda asked: calendars(token="unlike"),
        sync_collection=lambda asked: multistatus(*bare, token=tokens[token_in(asked)]),
    ) as there:
        first = list(there.provider().list_changes(""))
        second = list(there.provider().list_changes(first[-1].cursor))

    found = [{one.provider_id: one.version for one in listing.items} for listing in first + second]
    assert [list(one) for one in found] == [ids("one.ics", "two.ics")] * 2
    assert len({version for one in found for version in one.values()}) == 2
    assert "" not in found[0].values()


def test_calendar_without_any_versions_is_refused():
    bare = multistatus(has(f"{WORK}one.ics", ""))
    with server(
        propfind_1=lambda asked: bare if asked.path == WORK else calendars(token="", ctag="")
    ) as there:
        with pytest.raises(SetupWrong, match="no versions"):
            list(there.provider().list_changes(""))


@pytest.mark.parametrize(
    "more", [is_(WORK, "503 Busy"), is_(HOME, "507 Full"), has(WORK, "<d:resourcetype/>", "500 Oops")]
)
def test_calendar_that_the_server_is_unsure_of_is_not_gone(more):
    with server(propfind_1=multistatus(more)) as there:
        listings = list(there.provider().list_changes(there.cursor(token="t0")))

    assert listings == []


def test_event_that_the_server_cannot_hand_over_is_named_and_the_others_are_read():
    answers = multistatus(
        is_(f"{WORK}one.ics", "500 Oops"),
        is_(f"{WORK}two.ics", "404 Not Found"),
        text("three"),
        is_(f"{WORK}four.ics", "403 Forbidden"),
        has(f"{WORK}five.ics", "<c:calendar-data/>", "403 Forbidden"),
    )
    with server(calendar_multiget=answers, get=answer("500 Internal Server Error")) as there:
        names = ("one.ics", "two.ics", "three.ics", "four.ics", "five.ics")
        fetched = {one.provider_id: one for one in there.provider().fetch(ids(*names))}

    one, two, three, four, five = (fetched[provider_id] for provider_id in ids(*names))
    assert one == Unreadable(
        one.provider_id, "The server answered “500 Internal Server Error” for this event."
    )
    assert two == Missing(two.provider_id)
    assert isinstance(three, FetchedCalendar)
    assert four == Unreadable(four.provider_id, "The server answered “403 Forbidden” for this event.")
    assert five == Unreadable(five.provider_id, "The server answered “403 Forbidden” for this event.")


def test_server_that_is_broken_altogether_blames_no_event():
    oops = answer("500 Internal Server Error")
    about = [ABOUT, oops]
    with server(propfind_0=lambda asked: about.pop(0), calendar_multiget=oops, get=oops) as there:
        with pytest.raises(TryLater, match="500 Internal Server Error” for /ada/work/"):
            everything(there.provider())

    assert there.keys[-3:] == ["REPORT calendar-multiget", "GET", "PROPFIND 0"]


@pytest.mark.parametrize(
    "reply", [answer("501 Not Implemented"), answer("500 Oops"), answer("207 Multi-Status", "<d:a>\x01")]
)
def test_events_are_read_one_by_one_where_many_cannot_be(reply):
    with server(calendar_multiget=reply) as there:
        fetched = list(there.provider().fetch(ids("one.ics", "two.ics")))

    assert [(one.provider_id, one.version) for one in fetched] == [
        (name, "1") for name in ids("one.ics", "two.ics")
    ]
    assert there.keys[-2:] == ["GET", "GET"]


def test_event_over_five_megabytes_is_left():
    large = "x" * (5 * 2**20 + 1)
    with server(calendar_multiget=multistatus(text("one", large)), get=answer("200 OK", large)) as there:
        fetched = list(there.provider().fetch(ids("one.ics", "two.ics")))

    assert fetched == [
        Unreadable(provider_id, "This event is larger than 5 MB.", len(large))
        for provider_id in ids("one.ics", "two.ics")
    ]


def test_answer_too_large_for_many_events_is_asked_for_in_halves():
    def reply(asked: Asked) -> bytes:
        names = re.findall(r"/ada/work/(\w+)\.ics", asked.body)
        return multistatus(*(text(name, "x" * 4 * 2**20) for name in names))

    names = [f"n{number}.ics" for number in range(10)]
    with server(calendar_multiget=reply) as there:
        fetched = list(there.provider().fetch(ids(*names)))

    assert [(type(one), one.provider_id) for one in fetched] == [
        (FetchedCalendar, name) for name in ids(*names)
    ]
    assert there.keys.count("REPORT calendar-multiget") == 3


def token_in(asked: Asked) -> str:
    found = re.search("<d:sync-token>(.*?)</d:sync-token>", asked.body)
    assert found
    return found[1]


def retry_after(value: str) -> float | None:
    with server(propfind_0=answer("503 Busy", b"", f"Retry-After: {value}")) as there:
        with pytest.raises(TryLater) as caught:
            list(there.provider().list_changes(""))
    return caught.value.retry_after
