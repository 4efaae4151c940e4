"""iCalendar bytes → components with their properties (RFC 5545 §3.1), whatever stands in them.

Works on lines and never on nested objects, so depth costs nothing; what hurts in numbers (events,
attendees, dates) is cut here, before anything is read.
"""

import re
from dataclasses import dataclass, field

from mailboxes.parsing.text import decode

MAX_LINE = 128 * 1024
MAX_EVENTS = 20_000
MAX_ZONES, MAX_PARTS = 100, 100
MAX_OF_A_NAME = {"ATTENDEE": 1_000, "RDATE": 1_000, "EXDATE": 1_000}
_FEW = 10

# All others are skipped unread.
_KNOWN = frozenset(
    {
        "METHOD", "UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE",
        "EXDATE", "SUMMARY", "LOCATION", "DESCRIPTION", "URL", "STATUS", "CLASS", "SEQUENCE",
        "LAST-MODIFIED", "DTSTAMP", "ORGANIZER", "ATTENDEE", "X-RAPPORT-ATTENDEES", "CONFERENCE",
        "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-MICROSOFT-ONLINEMEETINGCONFLINK",
        "TZID", "TZOFFSETFROM", "TZOFFSETTO",
    }
)  # fmt: skip

_FOLD = re.compile(rb"\r{0,2}\n[ \t]")
_UTF8 = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)=((?:"[^"]*"|[^;:"])*)')


@dataclass(frozen=True, slots=True)
class Property:
    value: str
    parameters: dict[str, str]


@dataclass(slots=True)
class Component:
    """An event, a zone or a calendar: its own properties by upper-case name, in their order. `cut`
    names those of which there were too many. `method` is the METHOD of an event's calendar; `parts`
    are a zone's STANDARD and DAYLIGHT. Without its END, `is_whole` is False."""

    properties: dict[str, list[Property]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    method: str = ""
    parts: "list[Component]" = field(default_factory=list)
    is_whole: bool = False

    def one(self, name: str) -> Property | None:
        found = self.properties.get(name)
        return found[0] if found else None

    def value(self, name: str) -> str:
        found = self.one(name)
        return found.value if found else ""

    def all(self, name: str) -> list[Property]:
        return self.properties.get(name, [])

    def add(self, line: str) -> None:
        colon = line.find(":")
        name = line[:colon].partition(";")[0].strip().upper() if colon > 0 else ""
        if name not in _KNOWN:
            return
        known = self.properties.setdefault(name, [])
        if len(known) >= MAX_OF_A_NAME.get(name, _FEW):
            self.cut.add(name)
        elif found := _property(line[:MAX_LINE], colon):
            known.append(found)


@dataclass(slots=True)
class Stream:
    """What a file holds. `zones` are by TZID; `is_calendar` when it says that it is one."""

    is_calendar: bool = False
    is_cut: bool = False
    events: list[Component] = field(default_factory=list)
    zones: dict[str, Component] = field(default_factory=dict)


def read_stream(raw: bytes) -> Stream:
    """Every event and zone, also those of a file that is damaged before or after them."""
    assembly = _Assembly()
    for line in unfolded(raw).split("\n"):
        keyword = line[:6].upper()
        if keyword == "BEGIN:":
            assembly.begin(line[6:].strip().upper())
        elif keyword.startswith("END:"):
            assembly.end(line[4:].strip().upper())
        elif assembly.target is not None:
            assembly.target.add(line)
    assembly.close()
    return assembly.stream


def unfolded(raw: bytes) -> str:
    """Text with one property per line. Unfolded as bytes: some fold in the middle of a letter."""
    raw = with_line_feeds(raw)
    if b"\n " in raw or b"\n\t" in raw:
        raw = _FOLD.sub(b"", raw)
    text, _ = decode(raw, _charset(raw))
    return text


def with_line_feeds(raw: bytes) -> bytes:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _charset(raw: bytes) -> str:
    """UTF-8 by definition; old programs write what Windows calls ANSI."""
    if raw.isascii():
        return "utf-8"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "utf-8" if _UTF8.search(raw) else "cp1252"
    return "utf-8"


def _property(line: str, colon: int) -> Property | None:
    parameters: dict[str, str] = {}
    at = line.find(";", 0, colon)
    if at < 0:
        return Property(line[colon + 1 :].strip(), parameters)
    while found := _PARAMETER.match(line, at):
        parameters.setdefault(found[1].upper(), found[2].strip().strip('"'))
        at = found.end()
    value_at = line.find(":", at)
    return Property(line[value_at + 1 :].strip(), parameters) if value_at >= 0 else None


class _Assembly:
    """Puts lines where they belong. `target` takes the next property: None inside of what we do not
    read (alarms, tasks), however deep that goes."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.target: Component | None = None
        self._calendar = Component()
        self._open: Component | None = None
        self._is_zone = False
        self._depth = 0

    def begin(self, name: str) -> None:
        if name == "VCALENDAR":
            self.close()
            self.stream.is_calendar = True
            self._calendar = self.target = Component()
        elif name in {"VEVENT", "VTIMEZONE"}:
            # One that was never closed ends where the next one starts, and costs only itself.
            self.close()
            self._is_zone = name == "VTIMEZONE"
            self._open = self.target = Component(method=self._calendar.value("METHOD"))
        elif self._open and self._is_zone and name in {"STANDARD", "DAYLIGHT"}:
            self.target = Component()
            if len(self._open.parts) < MAX_PARTS:
                self._open.parts.append(self.target)
        else:
            self._depth += 1
            self.target = None

    def end(self, name: str) -> None:
        if name == ("VTIMEZONE" if self._is_zone else "VEVENT") and self._open:
            self._open.is_whole = True
            self.close()
        elif name == "VCALENDAR":
            self.close()
        elif name in {"STANDARD", "DAYLIGHT"} and self._is_zone:
            self.target = self._open
        else:
            self._depth = max(self._depth - 1, 0)
            self.target = None if self._depth else self._open or self._calendar

    def close(self) -> None:
        """Keep what is open, and be back in the calendar itself."""
        if self._open and self._is_zone:
            self._keep_zone(self._open)
        elif self._open and len(self.stream.events) < MAX_EVENTS:
            self.stream.events.append(self._open)
        elif self._open:
            self.stream.is_cut = True
        self._open, self._is_zone, self._depth = None, False, 0
        self.target = self._calendar

    def _keep_zone(self, zone: Component) -> None:
        if len(self.stream.zones) < MAX_ZONES:
            self.stream.zones.setdefault(zone.value("TZID"), zone)
