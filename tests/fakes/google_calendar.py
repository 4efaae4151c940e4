"""The Google Calendar API, v3, as far as reading calendars goes."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.faults import Clock, Request, page_of, words
from tests.fakes.google_api import (
    Api,
    ApiError,
    Param,
    Quota,
    Route,
    Tokens,
    binding,
    boolean,
    one_of,
    text,
    whole,
)
from tests.fakes.google_events import EVENT_TYPES, GIVEN, NOT_PRIVATE, Calendar, Fields, timestamp
from tests.fakes.google_grants import AUTH, GoogleGrants
from tests.fakes.google_listing import ROLES, Entry, is_wanted, key_of, row_of, rows_of, shown_to

ANY = frozenset({f"{AUTH}calendar", f"{AUTH}calendar.readonly"})
EVENTS = ANY | {f"{AUTH}calendar.events", f"{AUTH}calendar.events.readonly"}
LISTS = ANY | {f"{AUTH}calendar.calendarlist", f"{AUTH}calendar.calendarlist.readonly"}
KNOWN = (
    GIVEN
    | NOT_PRIVATE
    | words(
        "items nextPageToken nextSyncToken timeZone accessRole defaultReminders selected hidden primary deleted "
        "summaryOverride backgroundColor foregroundColor conferenceProperties email displayName self optional "
        "resource additionalGuests responseStatus comment date dateTime entryPoints uri entryPointType "
        "conferenceId conferenceSolution name key type label"
    )
)
NOT_WITH_SYNC_TOKEN = words(
    "iCalUID orderBy privateExtendedProperty q sharedExtendedProperty timeMin timeMax updatedMin"
)


def refused(code: int, message: str, reason: str, location: str = "", domain: str = "global") -> ApiError:
    """The calendar's own errors lack the word `status`."""
    return ApiError(code, message, reason, domain=domain, location=location)


def moment(name: str, value: str) -> datetime:
    """RFC 3339, in which the offset is not optional."""
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    try:
        if not re.fullmatch(pattern, value):
            raise ValueError
        return datetime.fromisoformat(value)
    except ValueError:
        raise refused(400, "Bad Request", "badRequest", name) from None


def zone(name: str, value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ValueError, KeyError, OSError):
        raise refused(400, "Invalid time zone definition.", "invalid", name) from None


PAGES = {"pageToken": Param(text, ""), "showDeleted": Param(boolean)}
CALENDARS = {
    **PAGES,
    "maxResults": Param(whole(1, 250), 100),
    "minAccessRole": Param(one_of(*ROLES), "freeBusyReader"),
    "showHidden": Param(boolean),
    "syncToken": Param(text, ""),
}
SHOWN = {"maxAttendees": Param(whole(1)), "timeZone": Param(zone), "alwaysIncludeEmail": Param(boolean)}
WINDOW = {"timeMin": Param(moment), "timeMax": Param(moment), "maxResults": Param(whole(1, 2500), 250)}
LISTING = {
    **PAGES,
    **SHOWN,
    **WINDOW,
    "syncToken": Param(text, ""),
    "singleEvents": Param(boolean, False),
    "orderBy": Param(one_of("startTime", "updated"), ""),
    "updatedMin": Param(moment),
    "q": Param(text, ""),
    "iCalUID": Param(text, ""),
    "eventTypes": Param(one_of(*sorted(EVENT_TYPES)), repeated=True),
    "showHiddenInvitations": Param(boolean),
}


@dataclass
class CalendarList:
    entries: dict[str, Entry] = field(default_factory=dict)
    version: int = 1
    epoch: int = 0

    def put(self, entry: Entry) -> None:
        self.version += 1
        self.entries[entry.calendar.id] = replace(entry, version=self.version)

    def change(self, calendar: str, **changes: Any) -> None:
        """As in `change(id, hidden=True)`; a calendar that is taken off the list is `deleted`."""
        self.put(replace(self.entries[calendar], **changes))

    def expire_sync_tokens(self) -> None:
        self.epoch += 1


class GoogleCalendar:
    """The calendars behind the API. What goes over `quota` is answered with `over_quota`, 403 or 429."""

    def __init__(self, grants: GoogleGrants, clock: Clock) -> None:
        self._clock, self._pages, self._syncs = clock, Tokens(), Tokens()
        self.lists: dict[str, CalendarList] = {}
        self.quota = Quota(clock, 600)
        self.over_quota = 403
        events = "/calendar/v3/calendars/{calendar}/events"
        routes = [
            Route("GET", "/calendar/v3/users/me/calendarList", self._calendars, LISTS, CALENDARS),
            Route("GET", "/calendar/v3/users/me/calendarList/{calendar}", self._calendar_entry, LISTS),
            Route("GET", events, self._list, EVENTS, LISTING),
            Route("GET", f"{events}/{{event}}", self._get, EVENTS, SHOWN),
        ]
        self.api = Api(grants, routes, known=KNOWN)
        self.api.before(self._spend)

    def add(
        self, email: str, *, id: str = "", summary: str = "", role: str = "owner", **entry: Any
    ) -> Calendar:
        """A new calendar in the user's list; without an id, the primary one."""
        calendar = Calendar(id or email, summary or id or email, email, self._clock)
        self.share(calendar, email, role=role, primary=not id, **entry)
        return calendar

    def share(self, calendar: Calendar, email: str, *, role: str, **entry: Any) -> None:
        if role not in ROLES:
            raise ValueError(f"No such role: {role}")
        self.lists.setdefault(email, CalendarList()).put(Entry(calendar, role, 0, **entry))

    def _spend(self, request: Request, units: int) -> None:
        if not self.quota.spend(request.user, units):
            message = "Rate Limit Exceeded"
            raise refused(self.over_quota, message, "rateLimitExceeded", domain="usageLimits")

    # Methods.

    def _calendars(self, request: Request, params: Fields) -> object:
        known = self._known(request)
        given = {name for name, _ in request.query}
        since = None
        if params["syncToken"]:
            if "minAccessRole" in given:
                raise _not_together()
            if params["showDeleted"] is False or params["showHidden"] is False:
                raise _not_together()
            since = self._since(request, params["syncToken"], known.epoch)
        after, _ = self._page(request, params["pageToken"]) or ("", 0)
        rest = [
            entry
            for name, entry in sorted(known.entries.items())
            if name > after and _listed(entry, params, since)
        ]
        shown, taken, more = page_of(request, rest, params["maxResults"])
        answer: Fields = {"kind": "calendar#calendarList", "etag": f'"p{known.version}"'}
        answer["items"] = [_entry(one) for one in shown]
        if more:
            after = taken[-1].calendar.id if taken else after
            return answer | {"nextPageToken": self._pages.issue(binding(request), (after, 0))}
        if "minAccessRole" in given:
            return answer
        return answer | {"nextSyncToken": self._sync_token(request, known.epoch, known.version)}

    def _calendar_entry(self, request: Request, params: Fields, calendar: str) -> object:
        return _entry(self._entry_of(request, calendar))

    def _list(self, request: Request, params: Fields, calendar: str) -> object:
        entry = self._entry_of(request, calendar)
        found, given = entry.calendar, {name for name, _ in request.query}
        self._check(params, given, found)
        since = self._since(request, params["syncToken"], found.epoch) if params["syncToken"] else None
        after, as_of = self._page(request, params["pageToken"]) or (None, found.version)
        rows = [row for row in rows_of(found, params) if is_wanted(row, found, params, since)]
        keyed = sorted(((key_of(row, found, params, since), row) for row in rows), key=lambda pair: pair[0])
        rest = [(key, row) for key, row in keyed if after is None or key > after]
        shown, taken, more = page_of(request, rest, params["maxResults"])
        answer = _about(entry, params) | {"items": [shown_to(row, entry, params) for _, row in shown]}
        if more:
            after = taken[-1][0] if taken else after
            return answer | {"nextPageToken": self._pages.issue(binding(request), (after, as_of))}
        if given & (NOT_WITH_SYNC_TOKEN - {"timeMin"}):
            return answer
        # In order of change nothing was missed meanwhile; else, changes since the first page come again.
        version = found.version if since is not None else as_of
        return answer | {"nextSyncToken": self._sync_token(request, found.epoch, version)}

    def _get(self, request: Request, params: Fields, calendar: str, event: str) -> object:
        entry = self._entry_of(request, calendar)
        stored = entry.calendar.events.get(event)
        if stored:
            return shown_to(row_of(stored), entry, params)
        for row in rows_of(entry.calendar, {"singleEvents": True, "timeMax": None}):
            if row.id == event:
                return shown_to(row, entry, params)
        raise refused(404, "Not Found", "notFound")

    # What they share.

    def _known(self, request: Request) -> CalendarList:
        return self.lists.get(request.user, CalendarList())

    def _entry_of(self, request: Request, calendar: str) -> Entry:
        wanted = request.user if calendar == "primary" else calendar
        entry = self._known(request).entries.get(wanted)
        if entry is None or entry.deleted:
            raise refused(404, "Not Found", "notFound")
        return entry

    def _check(self, params: Fields, given: set[str], calendar: Calendar) -> None:
        if params["syncToken"] and (given & NOT_WITH_SYNC_TOKEN or params["showDeleted"] is False):
            raise _not_together()
        if params["timeMin"] and params["timeMax"] and params["timeMin"] >= params["timeMax"]:
            message = "The specified time range is empty."
            raise refused(400, message, "timeRangeEmpty", "timeMax", "calendar")
        if params["orderBy"] == "startTime" and not params["singleEvents"]:
            message = "The requested ordering is not available for the particular query."
            raise refused(400, message, "badRequest", "orderBy")
        if params["updatedMin"] and params["updatedMin"] < self._clock.now() - calendar.keeps_changes:
            message = "The requested minimum modification time lies too far in the past."
            raise refused(410, message, "updatedMinTooLongAgo", "updatedMin", "calendar")

    def _page(self, request: Request, token: str) -> Any:
        if not token:
            return None
        try:
            return self._pages.open(token, binding(request))
        except KeyError:
            raise refused(400, "Invalid page token value.", "invalid", "pageToken") from None

    def _sync_token(self, request: Request, epoch: int, version: int) -> str:
        return self._syncs.issue(_lasting(request), (epoch, version))

    def _since(self, request: Request, token: str, epoch: int) -> int:
        try:
            issued, version = self._syncs.open(token, _lasting(request))
        except KeyError:
            raise refused(400, "Invalid sync token value.", "invalid", "syncToken") from None
        if issued < epoch:
            message = "Sync token is no longer valid, a full sync is required."
            raise refused(410, message, "fullSyncRequired", "syncToken", "calendar")
        return int(version)


def _lasting(request: Request) -> tuple[object, ...]:
    """What must be the same in every listing that goes by the same sync tokens."""
    return binding(request, "syncToken", "maxResults", "showDeleted", "showHidden", "timeMin")


def _not_together() -> ApiError:
    message = "Sync token cannot be used together with other query restrictions."
    return refused(400, message, "badRequest", "syncToken")


def _listed(entry: Entry, params: Fields, since: int | None) -> bool:
    if since is not None:
        return entry.version > since
    if (entry.deleted and not params["showDeleted"]) or (entry.hidden and not params["showHidden"]):
        return False
    return ROLES.index(entry.role) >= ROLES.index(params["minAccessRole"])


def _entry(entry: Entry) -> Fields:
    flags = {"selected": entry.selected, "hidden": entry.hidden, "primary": entry.primary}
    shown = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{entry.version}"',
        "id": entry.calendar.id,
        "summary": entry.calendar.summary,
        "timeZone": entry.calendar.zone,
        "accessRole": entry.role,
        "defaultReminders": [],
    }
    # What is not so is not said.
    return shown | {name: True for name, is_so in (flags | {"deleted": entry.deleted}).items() if is_so}


def _about(entry: Entry, params: Fields) -> Fields:
    calendar = entry.calendar
    updated = max((event.updated for event in calendar.events.values()), default=calendar.clock.now())
    return {
        "kind": "calendar#events",
        "etag": f'"p{calendar.version}"',
        "summary": calendar.summary,
        "updated": timestamp(updated),
        "timeZone": str(params["timeZone"] or calendar.zone),
        "accessRole": entry.role,
        "defaultReminders": [],
    }
