"""The calendars of Microsoft Graph, as far as reading calendars goes."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from tests.fakes.faults import Clock, Request, words
from tests.fakes.graph_api import (
    Api,
    Fields,
    GraphError,
    Parse,
    Route,
    bad,
    body_kind,
    checked_select,
    immutable,
    missing,
    moment,
    one_of,
    page_size,
    paged,
    selected,
    text,
    whole,
)
from tests.fakes.graph_delta import TOKENS, Key, Links, State
from tests.fakes.graph_events import Calendar, Event
from tests.fakes.graph_mailbox import named
from tests.fakes.graph_shown import (
    CALENDAR,
    CONTENT,
    EVENT,
    USUAL,
    calendar_shown,
    event_shown,
    occurrence_id,
    shown_zone,
)

BASIC = words("Calendars.ReadBasic Calendars.Read Calendars.ReadWrite Calendars.Read.Shared")
READ = BASIC - {"Calendars.ReadBasic"}
# All that rounds tell of occurrences.
BARE = words("@odata.type @odata.etag id seriesMasterId type start end")
LONGEST = timedelta(days=1825)
# How many rows belong on one page, and what shows them when it is their turn.
Group = tuple[int, Callable[[], list[Fields]]]
Show = Callable[[Event], Fields]


def checked_moment(name: str, value: str) -> str:
    moment(name, value)
    return value


WINDOW: dict[str, Parse] = {"startDateTime": checked_moment, "endDateTime": checked_moment}
LISTED = {"$top": whole(1, 1000), "$skip": whole(0, 999_999), "$select": text}
BY_START = one_of("start/dateTime", "start/dateTime asc")
ONE: dict[str, Parse] = {"$select": text, "$expand": one_of("exceptionOccurrences")}


@dataclass
class Calendars:
    """One user's. The first is the default one."""

    owner: str
    owner_name: str
    clock: Clock
    all: dict[str, Calendar] = field(default_factory=dict)
    _issued: int = 1

    def add(self, name: str, *, zone: str = "Europe/Berlin") -> Calendar:
        self._issued += 1
        id = named("AAMkAGE0", self.owner, self._issued)
        calendar = Calendar(clock=self.clock, id=id, name=name, owner=self.owner, owner_name=self.owner_name)
        calendar.zone, calendar.default = zone, not self.all
        self.all[id] = calendar
        return calendar

    def named(self, name: str) -> Calendar:
        """By name; the default one without."""
        found = (one for one in self.all.values() if one.name == name or (not name and one.default))
        return next(found)


class GraphCalendar:
    """The calendars behind the API."""

    def __init__(self, api: Api, links: Links) -> None:
        self.api, self._links = api, links
        self.books: dict[str, Calendars] = {}
        one = {"$select": text}
        api.routes += [
            Route("/v1.0/me/calendars", self._calendars, BASIC, LISTED),
            Route("/v1.0/me/calendar", self._calendar, BASIC, one),
            Route("/v1.0/me/calendars/{calendar}", self._calendar, BASIC, one),
        ]
        for base in ("/v1.0/me", "/v1.0/me/calendar", "/v1.0/me/calendars/{calendar}"):
            event, untracked = f"{base}/events/{{event}}", dict.fromkeys([*TOKENS, *WINDOW], text)
            api.routes += [
                Route(f"{base}/calendarView", self._view, BASIC, {**WINDOW, **LISTED, "$orderby": BY_START}),
                Route(f"{base}/calendarView/delta", self._delta, BASIC, {**TOKENS, **WINDOW}),
                Route(f"{base}/events", self._events, BASIC, LISTED),
                Route(f"{base}/events/delta", self._no_delta, BASIC, untracked),
                Route(event, self._event, BASIC, ONE),
                Route(f"{event}/instances", self._instances, BASIC, {**WINDOW, **LISTED}),
            ]

    # Calendars.

    def _calendars(self, request: Request, params: Fields) -> object:
        show = partial(_calendar, checked_select(params, CALENDAR, "calendar"))
        return paged(request, params, list(self._book(request).all.values()), show, self._links.base)

    def _calendar(self, request: Request, params: Fields, calendar: str = "") -> object:
        return _calendar(checked_select(params, CALENDAR, "calendar"), self._found(request, calendar))

    # Events.

    def _view(self, request: Request, params: Fields, calendar: str = "") -> object:
        begin, end = _window(params)
        found = self._found(request, calendar)
        rows = [one for event in found.events.values() for one in found.within(event, begin, end)]
        rows.sort(key=lambda one: (one.start, one.id))
        # The two do not support being selected there.
        without = words("createdDateTime lastModifiedDateTime") if "$select" in params else frozenset()
        show = self._shower(request, params, found, without=without)
        return paged(request, params, rows, show, self._links.base)

    def _events(self, request: Request, params: Fields, calendar: str = "") -> object:
        """Masters and what happens once."""
        found = self._found(request, calendar)
        show = self._shower(request, params, found)
        return paged(request, params, list(found.events.values()), show, self._links.base)

    def _no_delta(self, request: Request, params: Fields, calendar: str = "") -> object:
        message = "Change tracking is not supported against 'microsoft.graph.event'."
        raise bad(f"Unsupported request: {message}", "ErrorInvalidRequest")

    def _event(self, request: Request, params: Fields, event: str, calendar: str = "") -> object:
        found, one = self._one(request, event, calendar)
        show, select = self._shower(request, params, found), checked_select(params, EVENT, "event")
        shown: Fields = {"@odata.context": f"{self._links.base}/v1.0/$metadata#events/$entity"} | show(one)
        if one.recurrence and "cancelledOccurrences" in select:
            gaps = sorted(one.cancelled)
            shown["cancelledOccurrences"] = [occurrence_id(one, at, request) for at in gaps]
        if one.recurrence and params.get("$expand"):
            shown["exceptionOccurrences"] = [show(each) for _, each in sorted(one.exceptions.items())]
        return shown

    def _instances(self, request: Request, params: Fields, event: str, calendar: str = "") -> object:
        begin, end = _window(params)
        found, one = self._one(request, event, calendar)
        if not one.recurrence:
            raise bad("The event is not the master of a series.", "ErrorInvalidRequest")
        show = self._shower(request, params, found)
        return paged(request, params, found.within(one, begin, end), show, self._links.base)

    def _delta(self, request: Request, params: Fields, calendar: str = "") -> object:
        """Series come whole: their master, which may begin outside the window, and every occurrence
        within. Of an occurrence that is no longer there, nothing is said."""
        found = self._found(request, calendar)
        state = self._links.begin(request, params, found)
        begin, end = _window(state.params)
        show = self._shower(request, {}, found)
        groups: list[tuple[Key, Group]] = []
        for event in found.events.values():
            past = state.after is not None and _key(event, state) <= state.after
            if past or (state.since is not None and event.version <= state.since):
                continue
            if inside := found.within(event, begin, end):
                groups.append((_key(event, state), _group(show, found, event, inside)))
            elif state.since is not None:
                groups.append((_key(event, state), _gone(request, event.id, event.lasting)))
        if state.since is not None:
            gone = [(name, *about) for name, about in found.gone.items() if about[1] > state.since]
            groups += [((at, name), _gone(request, name, lasting)) for name, lasting, at in gone]
        return self._round(request, state, sorted(groups, key=lambda group: group[0]), found)

    def _round(
        self, request: Request, state: State, groups: list[tuple[Key, Group]], source: Calendar
    ) -> Fields:
        """Pages end between series, not within."""
        rest = [group for key, group in groups if state.after is None or key > state.after]
        room, size = page_size(request, {}), 0
        while size < len(rest) and (size == 0 or rest[size][0] <= room):
            room -= rest[size][0]
            size += 1
        found, link = self._links.page(request, state, groups, size=max(1, size), source=source)
        step = -1 if request.page == "reversed" else 1
        rows = [row for _, told in found for row in told()[::step]]
        context = {"@odata.context": f"{self._links.base}/v1.0/$metadata#Collection(event)"}
        return context | link | {"value": rows}

    # What they share.

    def _book(self, request: Request) -> Calendars:
        return self.books[request.user]

    def _found(self, request: Request, calendar: str) -> Calendar:
        book = self._book(request)
        if calendar and calendar not in book.all:
            raise missing()
        return book.all[calendar] if calendar else book.named("")

    def _one(self, request: Request, name: str, calendar: str) -> tuple[Calendar, Event]:
        """Without a calendar's name, of any of them. Immutable ids are understood where asked for."""
        calendars = [self._found(request, calendar)] if calendar else self._book(request).all.values()
        for found in calendars:
            try:
                event = found.find(name)
            except KeyError:
                continue
            if immutable(request) or name == event.id:
                return found, event
        raise (
            missing() if re.match(r"AAMk|AAkA", name) else bad("Id is malformed.", "ErrorInvalidIdMalformed")
        )

    def _shower(
        self,
        request: Request,
        params: Fields,
        calendar: Calendar,
        *,
        without: frozenset[str] = frozenset(),
    ) -> Show:
        """What is wrong with the request is said even where there is nothing to show."""
        select = checked_select(params, EVENT, "event")
        hidden = without if self.api.scopes(request) & READ else without | CONTENT
        if select & CONTENT & hidden:
            raise GraphError(403)
        shown_zone(request)
        body_kind(request)
        wanted = (select or USUAL) - hidden
        return lambda event: selected(event_shown(calendar, event, request), wanted)


def _calendar(select: frozenset[str], calendar: Calendar) -> Fields:
    return selected(calendar_shown(calendar), select)


def _group(show: Show, calendar: Calendar, event: Event, inside: list[Event]) -> Group:
    told = [event, *inside] if event.recurrence and calendar.shows_masters else inside
    return len(told), lambda: [_told(show, one) for one in told]


def _told(show: Show, event: Event) -> Fields:
    row = {"@odata.type": "#microsoft.graph.event"} | show(event)
    return {name: value for name, value in row.items() if event.kind != "occurrence" or name in BARE}


def _window(params: Fields) -> tuple[datetime, datetime]:
    if not {"startDateTime", "endDateTime"} <= params.keys():
        message = "This request requires a time window specified by StartDateTime and EndDateTime."
        raise bad(message, "ErrorInvalidParameter")
    begin, end = (moment(name, params[name]) for name in ("startDateTime", "endDateTime"))
    if begin > end:
        raise bad("The end of the window is before its start.", "ErrorInvalidParameter")
    if end - begin > LONGEST:
        raise bad(f"Maximum number of days: {LONGEST.days}", "ErrorInvalidRequest")
    return begin, end


def _key(event: Event, state: State) -> Key:
    first = hashlib.sha256(event.lasting.encode()).hexdigest() if state.since is None else event.version
    return (first, event.id)


def _gone(request: Request, id: str, lasting: str) -> Group:
    shown = lasting if immutable(request) else id
    removed = {"@odata.type": "#microsoft.graph.event", "id": shown, "@removed": {"reason": "deleted"}}
    return 1, lambda: [removed]
