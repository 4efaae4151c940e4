"""A CalDAV server that says what a test has written, and remembers what it was asked."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mailboxes.egress import Egress
from mailboxes.providers.caldav.provider import CalDavCalendar, prefix
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
        one = read_request(connection, heard)
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


def read_request(connection: socket.socket, heard: Heard) -> Asked:
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


def everything(provider: CalDavCalendar) -> None:
    listed = [one.provider_id for listing in provider.list_changes("") for one in listing.items]
    list(provider.fetch(listed))
