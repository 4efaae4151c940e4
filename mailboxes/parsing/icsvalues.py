"""The values of iCalendar properties: moments, durations, texts, people."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from crm.addresses import normalise
from mailboxes.parsing.icslines import Event, Property
from mailboxes.parsing.text import one_line
from mailboxes.parsing.values import NamedAddress, ParsedAttendee

MAX_TITLE, MAX_TEXT, MAX_URL = 1_000, 100_000, 2_000
MAX_NAME = 200
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?$", re.IGNORECASE)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$", re.I
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class BadValue(ValueError):
    """A value that means nothing; the message names it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`local` is naive, in `zone`; of an all-day value it is midnight and the zone is UTC."""

    local: datetime
    zone: tzinfo
    is_date: bool

    @property
    def utc(self) -> datetime:
        return self.local.replace(tzinfo=self.zone).astimezone(UTC)

    def moved(self, local: datetime) -> "Moment":
        return Moment(local, self.zone, self.is_date)


class Zones:
    """TZID → zone: IANA's, Windows', the calendar's own definition, else where floating times are."""

    def __init__(self, defined: dict[str, str], floating: str) -> None:
        self._defined = defined
        self.floating = _iana(floating) or UTC
        self._known: dict[str, tzinfo] = {}

    def find(self, name: str) -> tzinfo:
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def _look_up(self, name: str) -> tzinfo:
        known = _iana(name) or _iana(WINDOWS_TO_OLSON.get(name, ""))
        # /mozilla.org/20050126_1/Europe/Berlin
        known = known or _iana("/".join(name.split("/")[-2:]))
        return known or self._own(name) or self.floating

    def _own(self, name: str) -> tzinfo | None:
        if name not in self._defined:
            return None
        try:
            zone: Any = Timezone.from_ical(self._defined[name] + "\r\n")
            return zone.to_tz(lookup_tzid=False)
        except Exception:  # whatever is wrong with it, it defines no zone
            return None


@lru_cache(maxsize=1000)
def _iana(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name and len(name) < 64 else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def zone_name(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def moment(found: Property, zones: Zones) -> Moment:
    return moment_of(found.value, found.parameters.get("TZID", ""), zones)


def moment_of(text: str, tzid: str, zones: Zones) -> Moment:
    """Raises BadValue."""
    parts = _DATE.match(text.strip())
    if parts is None:
        raise BadValue(f"“{one_line(text, 40)}” is no date")
    try:
        day = date(int(parts[1]), int(parts[2]), int(parts[3]))
        if not parts[4]:
            return Moment(datetime(day.year, day.month, day.day), UTC, True)  # noqa: DTZ001 (local on purpose)
        seconds = min(int(parts[6] or 0), 59)
        local = datetime(day.year, day.month, day.day, int(parts[4]), int(parts[5]), seconds)  # noqa: DTZ001
    except ValueError as error:
        raise BadValue(f"“{one_line(text, 40)}” is no date") from error
    zone = UTC if parts[7] else zones.find(tzid) if tzid else zones.floating
    return Moment(local, zone, False)


def check_range(start: Moment) -> None:
    if not EARLIEST <= start.local.date() <= LATEST:
        raise BadValue(f"its date, {start.local.date()}, is out of range")


def moments(found: Iterable[Property], zones: Zones) -> list[Moment]:
    """All dates of RDATE or EXDATE properties; a period counts from its start. Bad ones are dropped."""
    kept = []
    for one in found:
        for text in one.value.split(","):
            try:
                kept.append(moment_of(text.split("/")[0], one.parameters.get("TZID", ""), zones))
            except BadValue:
                continue
    return kept


def duration(text: str) -> timedelta | None:
    parts = _DURATION.match(text.strip())
    if parts is None or parts[1] == "-":
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in parts.groups()[1:])
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def length(event: Event, start: Moment, zones: Zones) -> timedelta:
    """How long it takes; what makes no sense takes no time, a date without an end one day."""
    least = timedelta(days=1) if start.is_date else timedelta()
    if found := event.one("DTEND"):
        try:
            end = moment(found, zones)
        except BadValue:
            return least
        return max(end.utc - start.utc, least)
    return max(duration(event.value("DURATION")) or least, least)


def title(text: str) -> str:
    return one_line(unescaped(text), MAX_TITLE)


def words(text: str) -> str:
    return unescaped(text)[:MAX_TEXT].strip()


def unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)


def whole_number(text: str) -> int:
    text = text.strip()
    return min(int(text), 2**31 - 1) if text.isdigit() and len(text) < 20 else 0


# People

_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_THINGS = frozenset({"ROOM", "RESOURCE"})


def organiser(event: Event) -> NamedAddress | None:
    found = event.one("ORGANIZER")
    email = _email(found) if found else None
    return NamedAddress(email, _name(found)) if email and found else None


def attendees(event: Event, by: NamedAddress | None) -> tuple[ParsedAttendee, ...]:
    """Everybody invited, once, and the organiser among them; rooms and resources are nobody."""
    people: dict[str, ParsedAttendee] = {}
    for found in event.all("ATTENDEE"):
        email = _email(found)
        if email is None or found.parameters.get("CUTYPE", "").upper() in _THINGS:
            continue
        one = ParsedAttendee(
            email,
            _name(found),
            _ANSWERS.get(found.parameters.get("PARTSTAT", "").upper(), "needs_action"),
            found.parameters.get("ROLE", "").upper() in {"OPT-PARTICIPANT", "NON-PARTICIPANT"},
        )
        known = people.get(email)
        if known is None or known.response == "needs_action":
            people[email] = one
    if by:
        own = people.get(by.email)
        answer = own.response if own and own.response != "needs_action" else "accepted"
        people[by.email] = ParsedAttendee(by.email, by.name or (own.name if own else ""), answer)
    return tuple(people.values())


def _email(found: Property) -> str | None:
    """`mailto:` in any case; Google and Apple put the address into EMAIL= where the value is a URN."""
    value = found.value.strip()
    if value[:7].lower() == "mailto:":
        value = unquote(value[7:]).partition("?")[0]
    return normalise(value) or normalise(found.parameters.get("EMAIL", ""))


def _name(found: Property) -> str:
    name = one_line(unescaped(found.parameters.get("CN", "")), MAX_NAME)
    return "" if "@" in name and normalise(name) else name


# Where one joins

_JOIN_PROPERTIES = (
    "CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
)  # fmt: skip
_HOSTS = (
    "zoom.us", "zoomgov.com", "meet.google.com", "teams.microsoft.com", "teams.live.com", "webex.com",
    "whereby.com", "meet.jit.si", "gotomeeting.com", "meet.goto.com", "bluejeans.com", "chime.aws",
)  # fmt: skip
_LINK = re.compile(r"https?://[^\s<>\"'\\)\]]{4,1900}", re.IGNORECASE)


def conference_url(event: Event) -> str:
    for name in _JOIN_PROPERTIES:
        for found in event.all(name):
            if link := _LINK.match(found.value):
                return link[0]
    for name in ("URL", "LOCATION", "DESCRIPTION", "X-ALT-DESC"):
        for link in _LINK.finditer(unescaped(event.value(name))[:MAX_TEXT]):
            if _is_meeting_host(link[0]):
                return link[0].rstrip(".,;")
    return ""


def _is_meeting_host(link: str) -> bool:
    host = link.split("/", 3)[2].rpartition("@")[2].partition(":")[0].lower()
    return any(host == known or host.endswith("." + known) for known in _HOSTS)
