"""The CalDAV provider against servers that are broken, overloaded or mean."""

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mailboxes.egress import REFUSED, Egress
from mailboxes.providers.base import (
    AuthExpired,
    FetchedCalendar,
    ListedItem,
    Missing,
    SetupWrong,
    TryLater,
    Unreadable,
)
from mailboxes.providers.caldav import CalDavCalendar, Checked, check, prefix
from tests.servers.certificate import write_certificate
from tests.servers.loopback import Heard, listening

HOME, WORK = "/ada/", "/ada/work/"
IN_WORK = prefix(WORK)
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:{0}\r\nDTSTART:20260105T100000Z\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def key(self) -> str:
        """PROPFIND with its depth, REPORT with its kind."""
        kind = re.search(r"<[dc]:(sync-collection|calendar-multiget)", self.body)
        return f"{self.method} {kind[1] if kind else self.headers.get('depth', '')}".strip()


Reply = Callable[[Asked], bytes] | bytes


def answer(status: str, body: str | bytes = b"", *headers: str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(data)}", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + data


def multistatus(*responses: str, token: str = "") -> bytes:
    end = f"<d:sync-token>{token}</d:sync-token>" if token else ""
    spaces = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/"'
    return answer("207 Multi-Status", f"<d:multistatus {spaces}>{''.join(responses)}{end}</d:multistatus>")


def has(href: str, props: str, status: str = "200 OK") -> str:
    return (
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop>"
        f"<d:status>HTTP/1.1 {status}</d:status></d:propstat></d:response>"
    )


def is_(href: str, status: str) -> str:
    return f"<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status}</d:status></d:response>"


def item(name: str, etag: str = '"1"', *, base: str = WORK) -> str:
    return has(f"{base}{name}", f"<d:getetag>{etag}</d:getetag>")


def text(name: str, data: str | None = None, *, href: str = "") -> str:
    data = EVENT.format(name) if data is None else data
    return has(
        href or f"{WORK}{name}.ics",
        f'<d:getetag>"1"</d:getetag><c:calendar-data>{data}</c:calendar-data>',
    )


def calendars(*, token: str = "t1", ctag: str = "c1", more: str = "") -> bytes:
    state = f"<d:sync-token>{token}</d:sync-token>" if token else ""
    mark = f"<s:getctag>{ctag}</s:getctag>" if ctag else ""
    kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>"
    return multistatus(
        has(HOME, "<d:resourcetype><d:collection/></d:resourcetype>"), has(WORK, kind + state + mark), more
    )


ABOUT = multistatus(
    has("/", "<d:resourcetype/><c:calendar-home-set><d:href>/ada/</d:href></c:calendar-home-set>")
)
LISTED = multistatus(item("one.ics"), item("two.ics"), token="t1")


@contextmanager
def server(**replies: Reply) -> Iterator["Server"]:
    """A CalDAV server that works, but for what `replies` say: by method and depth or kind of report,
    as in propfind_0, sync_collection, calendar_multiget, get."""
    usual: dict[str, Reply] = {
        "propfind_0": ABOUT,
        "propfind_1": calendars(),
        "sync_collection": LISTED,
        "calendar_multiget": multistatus(text("one"), text("two")),
        "get": lambda asked: answer("200 OK", EVENT.format(asked.path), 'ETag: "1"'),
    } | replies
    asked: list[Asked] = []

    def talk(connection: socket.socket, heard: Heard) -> None:
        one = _read(connection, heard)
        asked.append(one)
        key = one.key.lower().replace("report ", "").replace(" ", "_").replace("-", "_")
        reply = usual[key]
        connection.sendall(reply(one) if callable(reply) else reply)

    with listening(talk) as heard:
        yield Server(heard, asked)


@dataclass
class Server:
    heard: Heard
    asked: list[Asked]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.heard.port}/"

    def account(self, path: str = "", *, ports: tuple[int, ...] = (), **others: object) -> dict:
        allowed = [f"127.0.0.0/8:{port}" for port in (self.heard.port, *ports)]
        account = {"url": self.url + path, "username": "ada", "password": "secret"}
        return account | {"egress": Egress.allowing(allowed)} | others

    def provider(self, path: str = "", *, ports: tuple[int, ...] = ()) -> CalDavCalendar:
        return CalDavCalendar(**self.account(path, ports=ports))

    def cursor(self, *, token: str) -> str:
        """As a run leaves it that has seen the calendar at `token`."""
        known = {"url": self.url, "homes": {HOME: 1}, "calendars": {WORK: f"sync:{token}"}}
        return json.dumps(known)

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.asked]


def _read(connection: socket.socket, heard: Heard) -> Asked:
    method, path, _ = heard.line(connection).decode().split(" ", 2)
    headers = {}
    while line := heard.line(connection).decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = b""
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Asked(method, path, headers, body.decode())


def ids(*names: str) -> list[str]:
    return [IN_WORK + name for name in names]


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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("when", ["propfind_0", "propfind_1", "sync_collection"])
def test_redirect_to_another_server_is_refused_and_nothing_is_sent_there(host, when):
    with server() as other:
        location = f"Location: http://{host}:{other.heard.port}/ada/"
        with server(**{when: answer("301 Moved Permanently", b"", location)}) as there:
            provider = there.provider(ports=(other.heard.port,))

            with pytest.raises(SetupWrong, match=f"another one, http://{host}:{other.heard.port}"):
                list(provider.list_changes(""))

            assert other.heard.connections == 0
            assert b"Authorization: Basic" in there.heard.text


def test_event_that_redirects_elsewhere_is_left_and_nothing_is_sent_there():
    with server() as other:
        moved = answer("302 Found", b"", f"Location: http://localhost:{other.heard.port}/one.ics")
        with server(calendar_multiget=multistatus(), get=moved) as there:
            provider = there.provider(ports=(other.heard.port,))
            fetched = list(provider.fetch(ids("one.ics")))

        assert fetched == [
            Unreadable(IN_WORK + "one.ics", "The server says that this event is on another server.")
        ]
        assert other.heard.connections == 0


def test_server_that_the_first_one_points_to_is_offered():
    moved = answer("301 Moved Permanently", b"", "Location: https://user:pw@caldav.example.com/dav/?x=1")
    with server(propfind_0=moved) as there:
        checked = check(**there.account())

    assert checked == Checked(
        failed="find the calendars",
        problem="The server points to another one, https://caldav.example.com. "
        "If you trust it, enter https://caldav.example.com/dav/ instead.",
        elsewhere="https://caldav.example.com/dav/",
    )


@pytest.mark.parametrize("prop", ["c:calendar-home-set", "d:current-user-principal"])
def test_home_on_another_server_is_offered_and_not_asked(prop):
    with server() as other:
        href = f"<{prop}><d:href>http://localhost:{other.heard.port}/ada/</d:href></{prop}>"
        with server(propfind_0=multistatus(has("/", href))) as there:
            with pytest.raises(SetupWrong, match="points to another one"):
                list(there.provider(ports=(other.heard.port,)).list_changes(""))

        assert other.heard.connections == 0


def test_redirects_on_the_same_server_are_followed_three_times():
    def moved(asked: Asked) -> bytes:
        steps = {"/.well-known/caldav": "/1", "/1": "2", "/2": "/3"}
        step = steps.get(asked.path)
        return answer("307 Temporary Redirect", b"", f"Location: {step}") if step else ABOUT

    with server(propfind_0=moved) as there:
        listings = list(there.provider().list_changes(""))

    assert len(listings) == 1
    assert [asked.path for asked in there.asked[:4]] == ["/.well-known/caldav", "/1", "/2", "/3"]


def test_redirect_loop_ends():
    with server(propfind_0=answer("302 Found", b"", "Location: /again")) as there:
        with pytest.raises(SetupWrong, match="from one address to the next"):
            list(there.provider().list_changes(""))

        assert there.heard.connections == 4


@pytest.mark.parametrize(
    "href",
    [
        "/ada/private/one.ics",
        "/ada/work/../private/one.ics",
        "/ada/work/%2e%2e/private/one.ics",
        "/ada/work/%2E%2E%2Fprivate%2Fone.ics",
        "/ada/work/..%5Cprivate%5Cone.ics",
        "/ada/work/deeper/one.ics",
        "/ada/work/",
        "/ada/work",
        "/ada/workshop/one.ics",
        "//localhost/ada/work/one.ics",
        "http://localhost/ada/work/one.ics",
        "https://127.0.0.1/ada/work/one.ics",
        "one.ics",
        "/ada/work/one.ics?export",
        "http://[/ada/work/one.ics",
        "",
    ],
)
def test_href_outside_the_calendar_is_ignored(href):
    strange = [item(href, base=""), is_(href, "404 Not Found")]
    with server(
        sync_collection=multistatus(*strange, item("two.ics"), token="t1"),
        calendar_multiget=multistatus(text("spoof", href=href), text("two")),
    ) as there:
        provider = there.provider()
        listed = [one.provider_id for listing in provider.list_changes("") for one in listing.items]
        changed = list(provider.list_changes(there.cursor(token="t0")))
        fetched = list(provider.fetch(ids("two.ics")))

    assert listed == ids("two.ics")
    assert [(len(listing.items), list(listing.removed)) for listing in changed] == [(1, [])]
    assert [one.raw for one in fetched] == [EVENT.format("two").replace("\r\n", "\n").strip().encode()]


def test_spelling_of_an_href_does_not_matter():
    def spelled(asked: Asked) -> bytes:
        absolute = f"http://{asked.headers['host']}/ada/work/%c3%bc.ics"
        hrefs = ("/ada/work/a%40b.ics", "/%61da/work/a@c.ics", absolute)
        return multistatus(*(item(href, base="") for href in hrefs), token="t1")

    with server(sync_collection=spelled) as there:
        listings = list(there.provider().list_changes(""))

    assert [one.provider_id for one in listings[0].items] == ids("a%40b.ics", "a%40c.ics", "%C3%BC.ics")


def test_answer_about_something_else_does_not_stand_in_for_an_event():
    with server(calendar_multiget=multistatus(text("three"), text("two"), text("two"))) as there:
        fetched = list(there.provider().fetch(ids("one.ics", "two.ics")))

    assert [one.provider_id for one in fetched] == ids("two.ics", "one.ics")
    assert there.keys[-2:] == ["REPORT calendar-multiget", "GET"]


def test_endless_listing_is_cut_off():
    def endless(asked: Asked) -> bytes:
        return answer("207 Multi-Status", b"<" + b"x" * 50 * 2**20)

    with server(propfind_1=endless) as there:
        started = time.monotonic()
        with pytest.raises(TryLater, match="more than it was asked for"):
            list(there.provider().list_changes(""))

    assert time.monotonic() - started < 5


def test_listing_that_says_no_size_is_cut_off():
    def endless(connection: socket.socket, heard: Heard) -> None:
        _read(connection, heard)
        connection.sendall(b"HTTP/1.1 207 Multi-Status\r\n\r\n<d:multistatus xmlns:d='DAV:'>")
        for _ in range(800):
            connection.sendall(b"<d:response/>" * 5000)

    with listening(endless) as heard, pytest.raises(TryLater, match="more than it was asked for"):
        list(Server(heard, []).provider().list_changes(""))


def test_millions_of_empty_elements_are_refused():
    many = answer("207 Multi-Status", b"<d:multistatus xmlns:d='DAV:'>" + b"<a/>" * 4_000_000)
    with server(propfind_1=many) as there, pytest.raises(TryLater, match="too many parts"):
        list(there.provider().list_changes(""))


BOMBS = {
    "entities": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;&b;&b;</x>',
    "file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "outside": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
    "cut": '<d:multistatus xmlns:d="DAV:"><d:response>',
    "page": "<!doctype html><html><p>Sign in</html>",
    "binary": "\x00\x01\x02",
    "empty": "",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_xml_that_is_a_bomb_or_none_at_all_is_refused(bomb):
    garbage = answer("207 Multi-Status", BOMBS[bomb])
    with server(propfind_1=garbage) as there, pytest.raises(TryLater, match="no proper XML"):
        list(there.provider().list_changes(""))


def test_deep_xml_is_refused():
    deep = answer("207 Multi-Status", "<d:multistatus xmlns:d='DAV:'>" + "<a>" * 100_000)
    with server(propfind_1=deep) as there, pytest.raises(TryLater, match="too many parts"):
        list(there.provider().list_changes(""))


def test_compressed_answer_is_refused():
    packed = answer(
        "401 Unauthorized", b"\x1f\x8b", "Content-Encoding: gzip", 'WWW-Authenticate: Digest realm="x"'
    )
    with server(propfind_0=packed) as there, pytest.raises(TryLater, match="compressed"):
        list(there.provider().list_changes(""))


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


@pytest.mark.parametrize(
    ("status", "words"),
    [("404 Not Found", "No calendars found at 127.0.0.1"), ("403 Forbidden", "403 Forbidden” for /")],
)
def test_server_without_calendars_is_a_mistake_of_the_owner(status, words):
    with server(propfind_0=answer(status)) as there, pytest.raises(SetupWrong, match=words):
        list(there.provider().list_changes(""))


def test_web_page_in_place_of_an_answer_means_no_calendars():
    with server(propfind_0=answer("200 OK", BOMBS["page"])) as there:
        with pytest.raises(SetupWrong, match="No calendars found"):
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

    assert [(list(listing.items), listing.snapshot_of) for listing in listings] == [([], None)]
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


def test_digest_is_spoken_where_it_is_asked_for():
    def digest(asked: Asked) -> bytes:
        if asked.headers.get("authorization", "").startswith('Digest username="ada"'):
            return ABOUT
        challenge = 'WWW-Authenticate: Digest realm="dav", nonce="abc", qop="auth", algorithm=SHA-256'
        return answer("401 Unauthorized", b"", challenge)

    with server(propfind_0=digest) as there:
        listings = list(there.provider().list_changes(""))

    kinds = [asked.headers.get("authorization", "none").split(" ")[0] for asked in there.asked]
    assert len(listings) == 1
    assert kinds == ["Basic", "none", "Digest", "Digest", "Digest"]


@pytest.mark.parametrize(
    "challenge", ["Digest realm=x", 'Digest realm="x", nonce="y", algorithm=ROT13', "Digest x"]
)
def test_unknown_way_of_signing_in_is_named(challenge):
    refused = answer("401 Unauthorized", b"", f"WWW-Authenticate: {challenge}")
    with server(propfind_0=refused) as there, pytest.raises(SetupWrong, match="do not know"):
        list(there.provider().list_changes(""))


def test_password_that_is_no_longer_accepted_asks_to_reconnect():
    refused = answer("401 Unauthorized", b"", "WWW-Authenticate: Basic realm=x")
    with server(calendar_multiget=refused) as there, pytest.raises(AuthExpired):
        everything(there.provider())


@pytest.mark.parametrize(
    ("url", "username", "password"),
    [
        ("https://dav.example.com/\r\nX: y", "ada", "secret"),
        ("https://dav.example.com/", "ada\r\nX: y", "secret"),
        ("https://dav.example.com/", "ada", "secret\x00"),
        ("https://dav.example.com/", "", "secret"),
        ("https://ada:secret@dav.example.com/", "ada", "secret"),
        ("ftp://dav.example.com/", "ada", "secret"),
        ("https://dav.example.com/%2e%2e/b", "ada", "secret"),
        ("https://dav.example.com:port/", "ada", "secret"),
        ("https://" + "a/" * 2000, "ada", "secret"),
        ("", "ada", "secret"),
    ],
)
def test_account_that_cannot_be_sent_is_refused_at_once(url, username, password):
    with pytest.raises(SetupWrong):
        CalDavCalendar(url=url, username=username, password=password, egress=Egress())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0177.0.0.1", "2130706433", "0x7f.1", "①②⑦.0.0.1", "[::1]", "localhost", "10.0.0.1"]
)
def test_addresses_inside_are_refused_in_the_same_words(host):
    checked = check(url=f"https://{host}/", username="ada", password="secret", egress=Egress())

    assert checked == Checked(failed="find the calendars", problem=REFUSED)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("localhost:{port}", "/.well-known/caldav"),
        ("ada@localhost:{port}", "/.well-known/caldav"),
        (" https://localhost:{port}/dav ", "/dav"),
        ("LOCALHOST:{port}/dav/ada/?a=b#c", "/dav/ada/"),
    ],
)
def test_address_is_read_as_a_member_writes_it(tmp_path, written, path):
    certificate, key = write_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    asked: list[Asked] = []

    def talk(connection: socket.socket, heard: Heard) -> None:
        asked.append(_read(connection, heard))
        connection.sendall(answer("404 Not Found"))

    with listening(talk, tls=tls) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate))
        url = written.format(port=heard.port)
        checked = check(url=url, username="ada", password="secret", egress=egress)

    assert checked == Checked(
        failed="find the calendars", problem="No calendars found at localhost. Check the address."
    )
    assert asked[0].path == path


def test_password_is_not_sent_unencrypted_outside_the_administrators_networks():
    with server() as there:
        egress = Egress(ports=frozenset({there.heard.port}))

        checked = check(**there.account(egress=egress))

        assert checked == Checked(failed="find the calendars", problem=REFUSED)
        assert there.heard.connections == 0


def token_in(asked: Asked) -> str:
    found = re.search("<d:sync-token>(.*?)</d:sync-token>", asked.body)
    assert found
    return found[1]


def retry_after(value: str) -> float | None:
    with server(propfind_0=answer("503 Busy", b"", f"Retry-After: {value}")) as there:
        with pytest.raises(TryLater) as caught:
            list(there.provider().list_changes(""))
    return caught.value.retry_after


def everything(provider: CalDavCalendar) -> None:
    listed = [one.provider_id for listing in provider.list_changes("") for one in listing.items]
    list(provider.fetch(listed))
