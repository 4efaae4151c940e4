"""CalDAV calendars (RFC 4791), with changes since a sync token (RFC 6578) where the server can.

The cursor says where the account keeps its calendars and in which state each was last seen, so a
poll that finds nothing new is a single request.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from mailboxes.egress import Egress
from mailboxes.providers.base import (
    AuthExpired,
    CursorExpired,
    Fetched,
    FetchedCalendar,
    ListedItem,
    Listing,
    Missing,
    ProviderError,
    Unreadable,
)
from mailboxes.providers.caldav import data, home
from mailboxes.providers.caldav.data import Changes, TokenVoid
from mailboxes.providers.caldav.home import Calendar, Overview
from mailboxes.providers.caldav.multistatus import BadXml
from mailboxes.providers.caldav.webdav import Declined, Elsewhere, ServerFault, TooLarge, WebDav

logger = logging.getLogger(__name__)

_SYNC, _MARK = "sync:", "mark:"
_LONGEST_NAME = 400
# No path has this character unescaped.
_HASHED = "#"

# What is wrong with one calendar need not be wrong with the next.
_CalendarProblem = (Declined, ServerFault, BadXml, TooLarge)


class CalDavCalendar:
    """All event calendars of one account, or the one that `url` names."""

    def __init__(self, *, url: str, username: str, password: str, egress: Egress) -> None:
        """`url` may be an e-mail address, a host, or any URL of the server. Raises SetupWrong for
        one that cannot be used; nothing is sent yet."""
        self._url = url.strip()
        self._dav = WebDav(url, username=username, password=password, egress=egress)
        self._calendars: dict[str, Calendar] = {}
        self._long_names: dict[str, str] = {}
        self._is_starting_over = False

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        try:
            state = _State.read(cursor, self._url)
        except CursorExpired:
            self._is_starting_over = True
            raise
        overview = self._look_around(state)
        problems: list[ProviderError] = []
        stored, listed, is_whole = cursor, list[ListedItem](), self._is_starting_over
        for listing in self._listings(state, overview, problems):
            stored = listing.cursor
            listed += listing.items
            is_whole &= listing.snapshot_of is not None
            yield listing
        text = state.text()
        if is_whole and not problems:
            # The calendars that were known are forgotten: what lies in those that are gone, goes.
            yield Listing(listed, text, snapshot_of="")
        elif text != stored:
            yield Listing((), text)
        _report(problems, overview)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._calendars:
            self._look_around(_State(self._url))
        by_prefix = {prefix(path): calendar for path, calendar in self._calendars.items()}
        wanted: dict[str, dict[str, str]] = {}
        for provider_id in provider_ids:
            calendar = by_prefix.get(provider_id.partition("/")[0] + "/")
            path = self._path(provider_id, calendar) if calendar else ""
            if calendar and path:
                wanted.setdefault(calendar.path, {})[path] = provider_id
            else:
                yield Missing(provider_id)
        for calendar_path, resources in wanted.items():
            yield from data.read(self._dav, self._calendars[calendar_path], resources)

    def display_names(self) -> tuple[str, ...]:
        """The calendars there are, by name. May raise any ProviderError."""
        overview = self._look_around(_State(self._url))
        return tuple(calendar.name or path for path, calendar in overview.calendars.items())

    def close(self) -> None:
        self._dav.close()

    def _look_around(self, state: "_State") -> Overview:
        """One request when the homes are known and still there."""
        try:
            overview = home.look_around(self._dav, state.homes) if state.homes else None
        except Declined as error:
            # Who named one calendar does not want all others when that one is gone.
            if 0 in state.homes.values() or error.status not in (403, 404, 405, 410):
                raise
            overview = None
        if overview is None:
            state.homes = home.find_homes(self._dav)
            overview = home.look_around(self._dav, state.homes)
        self._calendars = overview.calendars
        return overview

    def _listings(
        self, state: "_State", overview: Overview, problems: list[ProviderError]
    ) -> Iterator[Listing]:
        for calendar in overview.calendars.values():
            if state.has_seen(calendar):
                continue
            try:
                yield from self._list_calendar(calendar, state)
            except _CalendarProblem as problem:
                problems.append(problem)
        yield from _gone(overview, state)

    def _list_calendar(self, calendar: Calendar, state: "_State") -> Iterator[Listing]:
        if calendar.token:
            try:
                yield from self._list_by_token(calendar, state)
            except _CalendarProblem as error:
                # Some servers promise what they cannot do, or not for a calendar of this size.
                logger.info("a calendar cannot be listed by token: %s", type(error).__name__)
            else:
                return
        found = data.everything(self._dav, calendar)
        if found.is_cut:
            # What is not listed may be there all the same, so nothing is gone, and we come back.
            yield Listing(self._items(calendar, found), state.text())
            return
        state.calendars[calendar.path] = _MARK + calendar.mark
        yield self._snapshot(calendar, found, state)

    def _list_by_token(self, calendar: Calendar, state: "_State") -> Iterator[Listing]:
        before = state.calendars.get(calendar.path, "")
        try:
            if before.startswith(_SYNC):
                yield from self._changes(calendar, state, before.removeprefix(_SYNC))
                return
        except TokenVoid:
            pass
        found = data.everything_by_token(self._dav, calendar)
        state.calendars[calendar.path] = _SYNC + found.token
        yield self._snapshot(calendar, found, state)

    def _changes(self, calendar: Calendar, state: "_State", token: str) -> Iterator[Listing]:
        for page in data.changes(self._dav, calendar, token):
            state.calendars[calendar.path] = _SYNC + page.token
            removed = [self._provider_id(calendar, path) for path in sorted(page.removed)]
            if page.entries or removed:
                yield Listing(self._items(calendar, page), state.text(), removed=removed)

    def _snapshot(self, calendar: Calendar, found: Changes, state: "_State") -> Listing:
        return Listing(self._items(calendar, found), state.text(), snapshot_of=prefix(calendar.path))

    def _items(self, calendar: Calendar, found: Changes) -> list[ListedItem]:
        """When events take place is not known before they are read. Those touched last come first
        where the server says when that was: they are likelier to be about these days."""
        items = [
            ListedItem(self._provider_id(calendar, path), entry.touched, entry.version)
            for path, entry in found.entries.items()
        ]
        return sorted(items, key=lambda item: -item.order)

    def _provider_id(self, calendar: Calendar, path: str) -> str:
        name = path.removeprefix(calendar.path)
        if len(name) <= _LONGEST_NAME:
            return prefix(calendar.path) + name
        provider_id = prefix(calendar.path) + _HASHED + _digest(name)
        self._long_names[provider_id] = path
        return provider_id

    def _path(self, provider_id: str, calendar: Calendar) -> str:
        """Where a resource is; "" when it is no longer listed. Only hashed names need a look."""
        name = provider_id.partition("/")[2]
        if not name.startswith(_HASHED):
            return calendar.path + name
        if provider_id not in self._long_names:
            self._items(calendar, data.everything(self._dav, calendar))
        return self._long_names.get(provider_id, "")


@dataclass(slots=True)
class _State:
    """The cursor, read: homes with their depth, and per calendar its sync token or its mark."""

    url: str
    homes: dict[str, int] = field(default_factory=dict)
    calendars: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str, url: str) -> "_State":
        """Raises CursorExpired. Under another address the homes are looked for again."""
        if not cursor:
            return cls(url)
        try:
            known = json.loads(cursor)
            homes = {str(path): int(depth) for path, depth in known["homes"].items()}
            calendars = {str(path): str(seen) for path, seen in known["calendars"].items()}
            is_same = known["url"] == url
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CursorExpired("The position in the calendars cannot be read.") from error
        return cls(url, homes if is_same else {}, calendars)

    def text(self) -> str:
        return json.dumps({"url": self.url, "homes": self.homes, "calendars": self.calendars})

    def has_seen(self, calendar: Calendar) -> bool:
        seen = self.calendars.get(calendar.path, _MARK)
        return seen != _MARK and seen in (_SYNC + calendar.token, _MARK + calendar.mark)


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a first look at an account came. `failed` is the step that did not work ("" = all
    did), `problem` why, `elsewhere` another URL that the server points to. `has_read` is False also
    when there is no event yet."""

    calendars: tuple[str, ...] = ()
    has_read: bool = False
    failed: str = ""
    problem: str = ""
    elsewhere: str = ""


def check(*, url: str, username: str, password: str, egress: Egress) -> Checked:
    """Sign in, list the calendars, read one event from end to end; nothing is kept."""
    names: tuple[str, ...] = ()
    step = "find the calendars"
    try:
        provider = CalDavCalendar(url=url, username=username, password=password, egress=egress)
        try:
            names = provider.display_names()
            step = "list the events"
            provider_id = _first_listed(provider)
            step = "read an event"
            return Checked(names, has_read=_can_read(provider, provider_id))
        finally:
            provider.close()
    except ProviderError as error:
        failed = "sign in" if isinstance(error, AuthExpired) else step
        elsewhere = error.url if isinstance(error, Elsewhere) else ""
        return Checked(names, failed=failed, problem=str(error), elsewhere=elsewhere)


def prefix(calendar_path: str) -> str:
    """What the provider ids of a calendar's resources begin with."""
    return f"{_digest(calendar_path)[:20]}/"


def _first_listed(provider: CalDavCalendar) -> str:
    for listing in provider.list_changes(""):
        for item in listing.items:
            return item.provider_id
    return ""


def _can_read(provider: CalDavCalendar, provider_id: str) -> bool:
    for item in provider.fetch([provider_id] if provider_id else []):
        if isinstance(item, Unreadable):
            raise ProviderError(item.reason)
        return isinstance(item, FetchedCalendar) and b"BEGIN:VCALENDAR" in item.raw.upper()
    return False


def _gone(overview: Overview, state: _State) -> Iterator[Listing]:
    """Last, so that an event that has moved to another calendar is there before it is gone here."""
    for path in [path for path in state.calendars if overview.is_gone(path)]:
        del state.calendars[path]
        yield Listing((), state.text(), snapshot_of=prefix(path))


def _report(problems: list[ProviderError], overview: Overview) -> None:
    """What could not be read is tried again at the next poll; the owner hears of it when it is all
    there is."""
    if problems and len(problems) == len(overview.calendars):
        raise problems[0]
    for problem in problems:
        logger.warning("one of several calendars cannot be listed: %s", type(problem).__name__)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:40]
