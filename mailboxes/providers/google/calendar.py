"""Calendars of a Google account through the Calendar API: changes by sync token, one resource for
each event or whole series.

What changed is told event by event, and an exception does not say what its series is. So a series
is read again as a whole whenever a part of it has changed.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mailboxes.egress import Egress
from mailboxes.providers.base import (
    Fetched,
    FetchedCalendar,
    ListedItem,
    Listing,
    Missing,
    Refused,
    TryLater,
    Unreachable,
    Unreadable,
)
from mailboxes.providers.google import api
from mailboxes.providers.google.events import (
    LONG,
    Fields,
    is_part,
    is_wanted,
    resource,
    series_of,
    version_of,
)
from mailboxes.providers.parts import Part, PartwiseListing, Places
from mailboxes.providers.webapi import (
    BadRequest,
    Forbidden,
    NotThere,
    StateLost,
    Tokens,
    TooLarge,
    WebApi,
    asks_to_wait,
    instant,
)

CALENDAR_URL = "https://www.googleapis.com"
PAGE = 2500
# Above, a calendar is read from its list again rather than event by event.
_FEW = 20
_MOST_PARTS = 250
# Listed events are kept for the fetch that follows, up to this many.
_MOST_KEPT = 30_000
_READABLE = frozenset({"reader", "writer", "owner", "writerWithoutPrivateAccess"})
_CHANGED = "changed "


@dataclass(frozen=True, slots=True)
class Calendar(Part):
    """`is_shown`: ticked in Google's own list, which is what is read unless the owner chooses."""

    name: str
    timezone: str
    is_shown: bool

    @property
    def path(self) -> str:
        return f"/calendar/v3/calendars/{quote(self.id, safe='')}/events"


class GoogleCalendars(PartwiseListing[Calendar, str]):
    """The calendars that are shown in the account, or those that the owner chose. The place in one is its
    sync token."""

    places_name = "tokens"
    nothing_found = "Google lists no calendars at the moment. It will be tried again."

    def __init__(
        self,
        *,
        tokens: Tokens,
        egress: Egress,
        url: str = CALENDAR_URL,
        chosen: Collection[str] | None = None,
    ) -> None:
        """`chosen` are ids of calendars."""
        self._api = WebApi(url, tokens=tokens, egress=egress, explain=api.explain)
        self._choice = None if chosen is None else frozenset(chosen)
        # By the prefix of their ids.
        self._calendars: dict[str, Calendar] = {}
        self._kept: dict[str, list[Fields]] = {}
        self._page = PAGE
        # Calendars that were read as a whole in this run, and what of them cannot be asked for by its id.
        self._read_whole: set[str] = set()
        self._unnamed: dict[str, list[Fields]] = {}

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._calendars:
            self._chosen(self._found())
        wanted: dict[str, list[str]] = {}
        for provider_id in provider_ids:
            prefix, _, name = provider_id.partition("/")
            if f"{prefix}/" in self._calendars and name:
                wanted.setdefault(f"{prefix}/", []).append(name)
            else:
                yield Missing(provider_id)
        for prefix, names in wanted.items():
            yield from self._fetch(self._calendars[prefix], names)

    def calendars(self) -> list[Calendar]:
        """All that can be read, for the owner to choose from."""
        found, page = [], ""
        while True:
            answer = self._api.get(
                "/calendar/v3/users/me/calendarList", {"maxResults": 250, "pageToken": page}
            )
            found += [_calendar(one) for one in answer.get("items", []) if _is_readable(one)]
            if not (page := answer.get("nextPageToken", "")):
                return found

    def close(self) -> None:
        self._api.close()

    # Listing

    def _place(self, stored: Any) -> str:
        return str(stored)

    def _found(self) -> list[Calendar]:
        return self.calendars()

    def _chosen(self, found: Sequence[Calendar]) -> list[Calendar]:
        choice = self._choice
        chosen = [one for one in found if (one.is_shown if choice is None else one.id in choice)]
        self._calendars = {calendar.prefix: calendar for calendar in chosen}
        return chosen

    def _list(self, calendar: Calendar, places: Places[str]) -> Iterator[Listing]:
        token = places.of.get(calendar.id, "")
        if token and not self._is_starting_over:
            try:
                yield from self._changes(calendar, token, places)
            except (StateLost, BadRequest):
                pass
            else:
                return
        yield from self._everything(calendar, places)

    def _changes(self, calendar: Calendar, token: str, places: Places[str]) -> Iterator[Listing]:
        """Pages may be empty, and still there is a next one."""
        for events, next_token in self._pages(calendar, token):
            places.of[calendar.id] = next_token or token
            changed = {series_of(event): event for event in events}
            items = [
                ListedItem(calendar.prefix + name, _order(event), _CHANGED + str(event.get("etag", "")))
                for name, event in changed.items()
            ]
            if items:
                yield Listing(items, places.text())

    def _everything(self, calendar: Calendar, places: Places[str]) -> Iterator[Listing]:
        try:
            series = yield from self._read_all(calendar, places)
        except (StateLost, BadRequest):
            # Tokens of pages do not live for ever either.
            series = yield from self._read_all(calendar, places)
        items = [
            ListedItem(calendar.prefix + name, max(map(_order, events)), version_of(events))
            for name, events in series.items()
        ]
        items.sort(key=lambda item: -item.order)
        yield Listing(items, places.text(), snapshot_of=calendar.prefix)

    def _read_all(
        self, calendar: Calendar, places: Places[str]
    ) -> Generator[Listing, None, dict[str, list[Fields]]]:
        """All events by series; the token to go on with into `places`. Kept for the fetch to come. With a
        sign of life for each page."""
        found: dict[str, dict[str, Fields]] = {}
        for events, token in self._pages(calendar, ""):
            for event in events:
                found.setdefault(series_of(event), {})[event["id"]] = event
            if token:
                places.of[calendar.id] = token
            else:
                yield Listing((), places.text())
        series = {name: list(same.values()) for name, same in found.items() if _is_there(same.values())}
        for name, same in series.items():
            if len(self._kept) < _MOST_KEPT:
                self._kept[calendar.prefix + name] = same
            if name.startswith(LONG) or all(map(is_part, same)):
                self._unnamed[calendar.prefix + name] = same
        self._read_whole.add(calendar.id)
        return series

    def _pages(self, calendar: Calendar, sync_token: str) -> Iterator[tuple[list[Fields], str]]:
        """With the sync token, which comes with the last page alone. Of an incremental listing all
        parameters but the token have to be those of the first, so pages that are too large begin anew."""
        page = ""
        while True:
            params = {"singleEvents": "false", "pageToken": page, "syncToken": sync_token}
            try:
                answer = self._api.get(calendar.path, {"maxResults": self._page, **params})
            except TooLarge:
                if self._page < _FEW:
                    raise
                self._page, page = self._page // 10, ""
                continue
            page = answer.get("nextPageToken", "")
            yield answer.get("items", []), "" if page else str(answer.get("nextSyncToken", ""))
            if not page:
                return

    # Fetching

    def _fetch(self, calendar: Calendar, names: Sequence[str]) -> Iterator[Fetched]:
        """What belongs to a calendar that is closed to us meanwhile is refused."""
        unknown = [name for name in names if calendar.prefix + name not in self._kept]
        try:
            if len(unknown) > _FEW:
                self._read_again(calendar)
        except (NotThere, Forbidden) as error:
            yield from (Refused(calendar.prefix + name, str(error)) for name in names)
            return
        for at, name in enumerate(names):
            # Read once: whoever asks again wants to know what it is now.
            events = self._kept.pop(calendar.prefix + name, None)
            try:
                yield _fetched(calendar, name, events if events is not None else self._series(calendar, name))
            except Unreachable:
                raise
            except (TryLater, BadRequest) as error:
                if asks_to_wait(None, error):
                    raise
                yield Refused(calendar.prefix + name, str(error))
            except (NotThere, Forbidden) as error:
                yield from (Refused(calendar.prefix + one, str(error)) for one in names[at:])
                return

    def _read_again(self, calendar: Calendar) -> None:
        for _ in self._read_all(calendar, Places(self.places_name)):
            pass

    def _parts(self, calendar: Calendar, name: str) -> list[Fields]:
        """Whoever is invited to a single occurrence has that, and not the series it names."""
        if calendar.id not in self._read_whole:
            self._read_again(calendar)
        return self._unnamed.get(calendar.prefix + name, [])

    def _series(self, calendar: Calendar, name: str) -> list[Fields]:
        """An event by its id, with the exceptions of its series. Occurrences of one have its UID."""
        if name.startswith(LONG):
            return self._parts(calendar, name)
        try:
            master = self._api.get(f"{calendar.path}/{quote(name, safe='')}", {})
        except (NotThere, StateLost):
            return self._parts(calendar, name)
        if master.get("status") == "cancelled" or not master.get("recurrence"):
            return [master]
        found = {master["id"]: master}
        page = ""
        while True:
            params = {
                "iCalUID": master["iCalUID"],
                "showDeleted": "true",
                "maxResults": min(self._page, _MOST_PARTS),
                "pageToken": page,
            }
            answer = self._api.get(calendar.path, params)
            for event in answer.get("items", []):
                if series_of(event) == name:
                    found[event["id"]] = event
            if not (page := answer.get("nextPageToken", "")):
                return list(found.values())


def _calendar(entry: dict[str, Any]) -> Calendar:
    name = entry.get("summaryOverride") or entry.get("summary") or entry["id"]
    shown = bool(entry.get("selected") or entry.get("primary")) and not entry.get("hidden")
    return Calendar(entry["id"], str(name), str(entry.get("timeZone") or "UTC"), shown)


def _is_readable(entry: dict[str, Any]) -> bool:
    return entry.get("accessRole") in _READABLE and not entry.get("deleted")


def _is_there(events: Collection[Fields]) -> bool:
    """A series that is cancelled as a whole is not, whatever is left of its exceptions."""
    whole = [event for event in events if not is_part(event)]
    return any(event.get("status") != "cancelled" for event in whole or events)


def _fetched(calendar: Calendar, name: str, events: list[Fields]) -> Fetched:
    provider_id = calendar.prefix + name
    if not events or not _is_there(events):
        return Missing(provider_id)
    wanted = [event for event in events if is_wanted(event)]
    try:
        raw = resource(wanted)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Unreadable(
            provider_id,
            "Google described this event in a way that cannot be read.",
            version=version_of(events),
        )
    return FetchedCalendar(provider_id, raw, version_of(events), calendar.timezone)


def _order(event: Fields) -> int:
    """Those touched last come first: they are likelier to be about these days."""
    at = instant(event.get("updated"))
    return int(at.timestamp()) if at else 0
