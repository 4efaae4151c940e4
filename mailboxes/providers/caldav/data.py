"""What a CalDAV calendar holds: which resources there are or have changed, and their text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import sha256
from itertools import islice

from mailboxes.providers.archive import icsfiles
from mailboxes.providers.base import Fetched, FetchedCalendar, Missing, SetupWrong, Unreadable
from mailboxes.providers.caldav import multistatus
from mailboxes.providers.caldav.home import LONGEST_TOKEN, Calendar
from mailboxes.providers.caldav.multistatus import BadXml, Response
from mailboxes.providers.caldav.webdav import (
    LISTING_BYTES,
    Answer,
    Declined,
    Elsewhere,
    ServerFault,
    TooLarge,
    WebDav,
    said,
)

CHUNK = 50
RESOURCE_BYTES = 5 * 2**20
MAX_RESOURCES = 200_000
_GONE = (404, 410)
_CHUNK_BYTES = 32 * 2**20
_LONGEST_VERSION = 200
_LISTED = ("d:getetag", "d:getcontenttype", "d:getlastmodified", "d:resourcetype")
_READ = ("d:getetag", "c:calendar-data")


class TokenVoid(Exception):
    """The server has forgotten the state that a sync token stands for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as it is listed; `touched` in epoch seconds, 0 when not told."""

    version: str
    touched: int = 0


@dataclass(slots=True)
class Changes:
    """What has changed up to `token`. More is to come when the server cut the list."""

    token: str
    entries: dict[str, Entry] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    is_cut: bool = False


def changes(dav: WebDav, calendar: Calendar, token: str) -> Iterator[Changes]:
    """Pages of changes since `token` ("" = from the beginning). Raises TokenVoid, or Declined by a
    server that cannot do this."""
    while True:
        page = _changes(dav, calendar, token)
        yield page
        if not page.is_cut:
            return
        if page.token == token or not (page.entries or page.removed):
            raise BadXml("The server's list of changes does not come to an end.")
        token = page.token


def everything(dav: WebDav, calendar: Calendar) -> Changes:
    """All there is, for servers that cannot list changes. The token is empty."""
    found = dav.propfind(calendar.path, depth=1, names=_LISTED)
    return _sorted(dav, calendar, found.responses, token="")


def everything_by_token(dav: WebDav, calendar: Calendar) -> Changes:
    """All there is, with the token to go on from."""
    total = Changes("")
    for page in changes(dav, calendar, ""):
        # What had been deleted long ago may be listed as removed, and a page may correct the one before.
        for path in page.removed:
            total.entries.pop(path, None)
        total.entries |= page.entries
        total.token = page.token
        _refuse_too_many(total)
    return total


def read(dav: WebDav, calendar: Calendar, wanted: dict[str, str]) -> Iterator[Fetched]:
    """One answer for each of `wanted`: path → provider id."""
    pairs = iter(wanted.items())
    while chunk := dict(islice(pairs, CHUNK)):
        yield from _read_chunk(dav, calendar, chunk)


def _changes(dav: WebDav, calendar: Calendar, token: str) -> Changes:
    body = multistatus.request(
        "d:sync-collection",
        multistatus.element("d:sync-token", token),
        "<d:sync-level>1</d:sync-level>",
        multistatus.wanted(_LISTED),
    )
    try:
        found = dav.report(calendar.path, body, depth=0, limit=LISTING_BYTES)
    except Declined as error:
        if "d:valid-sync-token" in error.conditions and token:
            raise TokenVoid from error
        raise
    if not 0 < len(found.sync_token) <= LONGEST_TOKEN:
        raise Declined(207, calendar.path)
    return _sorted(dav, calendar, found.responses, token=found.sync_token)


def _sorted(dav: WebDav, calendar: Calendar, responses: list[Response], *, token: str) -> Changes:
    page = Changes(token)
    for response in responses:
        path = dav.path_of(response.href)
        if response.status == 507:
            page.is_cut = True
        elif path is None or not _is_inside(path, calendar):
            continue
        elif response.status in _GONE or not _looks_like_event(response):
            page.removed.add(path)
        else:
            page.entries[path] = _entry(response, token or calendar.mark)
    page.removed -= page.entries.keys()
    _refuse_too_many(page)
    return page


def _is_inside(path: str, calendar: Calendar) -> bool:
    name = path.removeprefix(calendar.path)
    return path.startswith(calendar.path) and bool(name) and "/" not in name


def _looks_like_event(response: Response) -> bool:
    kind = response.text("d:getcontenttype").lower().replace(" ", "")
    if "d:collection" in response.names("d:resourcetype"):
        return False
    if not kind:
        return True
    return kind.startswith("text/calendar") and ("component=" not in kind or "component=vevent" in kind)


def _entry(response: Response, state: str) -> Entry:
    version = _version(response.text("d:getetag"))
    if not version and not state:
        raise SetupWrong("This server gives its events no versions (ETags), so changes cannot be noticed.")
    # Without an ETag, everything is read again whenever the calendar has changed.
    return Entry(version or f"in {_digest(state)}", _seconds(response.text("d:getlastmodified")))


def _read_chunk(dav: WebDav, calendar: Calendar, chunk: dict[str, str]) -> Iterator[Fetched]:
    hrefs = (multistatus.element("d:href", path) for path in chunk)
    body = multistatus.request("c:calendar-multiget", multistatus.wanted(_READ), *hrefs)
    try:
        responses = dav.report(calendar.path, body, limit=_CHUNK_BYTES).responses
    except TooLarge:
        yield from _read_halves(dav, calendar, chunk)
        return
    except (Declined, ServerFault, BadXml):
        # Not every server does this, and one strange event can spoil an answer about fifty.
        responses = []
    left = dict(chunk)
    for response in responses:
        path = dav.path_of(response.href) or ""
        if path in left and (answer := _answered(response, left[path], calendar)):
            del left[path]
            yield answer
    for path, provider_id in left.items():
        yield _read_one(dav, calendar, path, provider_id)


def _read_halves(dav: WebDav, calendar: Calendar, chunk: dict[str, str]) -> Iterator[Fetched]:
    if len(chunk) == 1:
        for path, provider_id in chunk.items():
            yield _read_one(dav, calendar, path, provider_id)
        return
    pairs = list(chunk.items())
    middle = len(pairs) // 2
    yield from _read_chunk(dav, calendar, dict(pairs[:middle]))
    yield from _read_chunk(dav, calendar, dict(pairs[middle:]))


def _answered(response: Response, provider_id: str, calendar: Calendar) -> Fetched | None:
    """None when this says nothing about the text: it has to be asked for alone."""
    status = response.refused.get("c:calendar-data", response.status)
    if status in _GONE:
        return Missing(provider_id)
    if 300 <= status < 500:
        return Unreadable(provider_id, f"The server answered “{said(status)}” for this event.")
    text = response.text("c:calendar-data")
    if not text:
        return None
    return _fetched(provider_id, text.encode(), response.text("d:getetag"), calendar)


def _read_one(dav: WebDav, calendar: Calendar, path: str, provider_id: str) -> Fetched:
    try:
        answer: Answer = dav.get(path, limit=RESOURCE_BYTES)
    except TooLarge as error:
        return _too_large(provider_id, error.size or RESOURCE_BYTES + 1)
    except (Declined, ServerFault) as error:
        if error.status in _GONE:
            return Missing(provider_id)
        # Is it the event that is broken or the server? Then the whole run waits.
        dav.propfind(calendar.path, depth=0, names=("d:resourcetype",))
        return Unreadable(provider_id, f"The server answered “{said(error.status)}” for this event.")
    except Elsewhere:
        return Unreadable(provider_id, "The server says that this event is on another server.")
    return _fetched(provider_id, answer.body, answer.headers.get("etag", ""), calendar)


def _fetched(provider_id: str, raw: bytes, etag: str, calendar: Calendar) -> Fetched:
    if len(raw) > RESOURCE_BYTES:
        return _too_large(provider_id, len(raw))
    timezone = calendar.timezone or icsfiles.timezone(raw)
    return FetchedCalendar(provider_id, raw, _version(etag), timezone)


def _too_large(provider_id: str, size: int) -> Unreadable:
    return Unreadable(provider_id, f"This event is larger than {RESOURCE_BYTES // 2**20} MB.", size)


def _version(etag: str) -> str:
    """Servers differ in whether an ETag is quoted or weak, some from one answer to the next."""
    version = etag.strip().removeprefix("W/").strip('"')
    return version if len(version) <= _LONGEST_VERSION else _digest(version)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def _seconds(http_date: str) -> int:
    try:
        moment = parsedate_to_datetime(http_date)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0


def _refuse_too_many(page: Changes) -> None:
    if len(page.entries) > MAX_RESOURCES:
        raise SetupWrong(f"One of the calendars has more than {MAX_RESOURCES:,} events.")
