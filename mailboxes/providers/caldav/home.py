"""Where a CalDAV account keeps its calendars, and what they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from mailboxes.providers.base import SetupWrong
from mailboxes.providers.caldav.multistatus import Response
from mailboxes.providers.caldav.webdav import Declined, ServerFault, WebDav

WELL_KNOWN = "/.well-known/caldav"
MAX_CALENDARS = 1000
# Both are kept in the cursor. Real ones have some 100 characters.
LONGEST_TOKEN = 2000
_LONGEST_PATH = 2000
_ABOUT = (
    "d:resourcetype",
    "d:current-user-principal",
    "c:calendar-home-set",
    "c:supported-calendar-component-set",
)
_CALENDAR = (
    "d:resourcetype",
    "d:displayname",
    "d:sync-token",
    "d:supported-report-set",
    "s:getctag",
    "c:supported-calendar-component-set",
    "c:calendar-timezone",
    "c:calendar-timezone-id",
)
# Invitations on their way, other people's feeds, and calendars in the bin.
_NOT_OWN = frozenset(
    {
        "c:schedule-inbox",
        "c:schedule-outbox",
        "s:subscribed",
        "s:deleted-calendar",
        "{http://nextcloud.com/ns}deleted-calendar",
        "{http://nextcloud.com/ns}trash-bin",
    }
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """`token` where the server can list changes since one; `mark` changes when anything inside
    does; `timezone` (IANA) is "" when the calendar does not say."""

    path: str
    name: str = ""
    token: str = ""
    mark: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """All calendars there are now, and whether the server told everything."""

    calendars: dict[str, Calendar]
    unsure: frozenset[str] = frozenset()
    is_complete: bool = True

    def is_gone(self, path: str) -> bool:
        return self.is_complete and path not in self.calendars and path not in self.unsure


def find_homes(dav: WebDav) -> dict[str, int]:
    """Paths that hold calendars → depth at which they are: 1 in a home, 0 for a calendar itself.
    Raises SetupWrong when there are none, AuthExpired, or TryLater."""
    problem: SetupWrong | ServerFault | None = None
    for path in _beginnings(dav.start):
        try:
            homes = _homes_at(dav, path, is_named=path == dav.start)
        except ServerFault as error:
            problem = problem or error
        except Declined as error:
            # A place that does not exist or speaks no WebDAV says nothing; a locked door does, and
            # nobody who named that door wants to be let in at another.
            problem = problem or (error if error.status == 403 else None)
            if problem and path == dav.start != "/":
                break
        else:
            if homes:
                return homes
    raise problem or SetupWrong(f"No calendars found at {dav.host}. Check the address.")


def look_around(dav: WebDav, homes: Mapping[str, int]) -> Overview:
    """The event calendars in these homes: one request each."""
    calendars: dict[str, Calendar] = {}
    unsure: set[str] = set()
    is_complete = True
    for home, depth in homes.items():
        for path, response in _members(dav, home, depth):
            if response.status == 507:
                is_complete = False
            elif response.status >= 300 or "d:resourcetype" in response.refused:
                unsure.add(path)
            elif _holds_events(response):
                calendars[path] = _calendar(path, response)
    if len(calendars) > MAX_CALENDARS:
        raise SetupWrong(f"This account has more than {MAX_CALENDARS:,} calendars.")
    return Overview(calendars, frozenset(unsure), is_complete)


def iana(name: str) -> str:
    """The IANA zone of that name, "" when there is none. Windows names are known, and so are names
    behind a maker's prefix, as in /softwarestudio.org/Olson_1/Europe/Vienna."""
    name = name.strip()[:200]
    parts = [part for part in name.split("/") if part]
    tails = ("/".join(parts[-count:]) for count in (3, 2) if len(parts) > count)
    for candidate in (name, WINDOWS_TO_OLSON.get(name, ""), *tails):
        if zone := _zone(candidate):
            return zone
    return ""


def _beginnings(start: str) -> list[str]:
    named = [start] if start != "/" else []
    return list(dict.fromkeys([*named, WELL_KNOWN, "/"]))


def _homes_at(dav: WebDav, path: str, *, is_named: bool) -> dict[str, int]:
    me = _about(dav, path)
    own = _folder(dav.path_of(me.href) or path)
    if "c:calendar" in me.names("d:resourcetype"):
        if not _holds_events(me):
            raise SetupWrong("This calendar holds tasks or notes, no events.")
        return {own: 0}
    if homes := _home_set(dav, me):
        return homes
    # Somebody else's home, shared, names its reader as the principal: what was named comes first.
    if is_named and own != "/" and _has_calendars(dav, own):
        return {own: 1}
    principals = [dav.trusted_path(href) for href in me.hrefs("d:current-user-principal")]
    return _home_set(dav, _about(dav, principals[0])) if principals and principals[0] else {}


def _has_calendars(dav: WebDav, path: str) -> bool:
    try:
        return bool(look_around(dav, {path: 1}).calendars)
    except Declined:
        return False


def _about(dav: WebDav, path: str) -> Response:
    responses = dav.propfind(path, depth=0, names=_ABOUT).responses
    if not responses:
        return Response(path)
    if responses[0].status >= 300:
        raise Declined(responses[0].status, path)
    return responses[0]


def _home_set(dav: WebDav, me: Response) -> dict[str, int]:
    paths = (dav.trusted_path(href) for href in me.hrefs("c:calendar-home-set"))
    return {_folder(path): 1 for path in paths if path}


def _members(dav: WebDav, home: str, depth: int) -> Iterator[tuple[str, Response]]:
    for response in dav.propfind(home, depth=depth, names=_CALENDAR).responses:
        path = dav.path_of(response.href)
        if path is not None and _folder(path).startswith(home) and len(path) <= _LONGEST_PATH:
            yield _folder(path), response


def _holds_events(response: Response) -> bool:
    types = response.names("d:resourcetype")
    if "c:calendar" not in types or types & _NOT_OWN:
        return False
    components = {name.upper() for name in response.values("c:supported-calendar-component-set", "name")}
    # Without the property, a calendar takes everything.
    return not components or "VEVENT" in components


def _calendar(path: str, response: Response) -> Calendar:
    token = response.text("d:sync-token")
    reports = response.names("d:supported-report-set")
    can_list_changes = not reports or "d:sync-collection" in reports
    return Calendar(
        path,
        name="".join(filter(str.isprintable, response.text("d:displayname")))[:200],
        token=token if can_list_changes and len(token) <= LONGEST_TOKEN else "",
        mark=(response.text("s:getctag") or token)[:LONGEST_TOKEN],
        timezone=iana(response.text("c:calendar-timezone-id"))
        or _zone_of_definition(response.text("c:calendar-timezone")),
    )


def _zone_of_definition(text: str) -> str:
    """The zone that a VTIMEZONE is about: it names itself, in one of two places."""
    lines = text.replace("\r\n ", "").replace("\n ", "").splitlines()
    named = [line.partition(":") for line in lines]
    for wanted in ("X-LIC-LOCATION", "TZID"):
        for name, _, value in named:
            if name.partition(";")[0].upper() == wanted and (zone := iana(value)):
                return zone
    return ""


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else ""
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return ""


def _folder(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"
