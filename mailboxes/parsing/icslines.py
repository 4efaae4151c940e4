"""iCalendar text → events with their properties (RFC 5545 §3.1), whatever stands in them.

Works on lines and never on nested objects, so depth costs nothing; what hurts in numbers (attendees,
dates) is cut here, before anything is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailboxes.parsing.text import clean, decode

MAX_LINE = 128 * 1024
MAX_EVENTS = 20_000
MAX_OF_A_NAME = {"ATTENDEE": 1_000, "RDATE": 1_000, "EXDATE": 1_000}

_FOLD = re.compile(r"(?:\r\n|\r|\n)[ \t]")
_BREAK = re.compile(r"\r\n|\r|\n")
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^;:"])*)')


@dataclass(frozen=True, slots=True)
class Property:
    value: str
    parameters: dict[str, str]


@dataclass(slots=True)
class Event:
    """A VEVENT's own properties by upper-case name, in the order they came in. `cut` names those of
    which there were too many, and END where the file stops in the middle."""

    properties: dict[str, list[Property]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)

    def one(self, name: str) -> Property | None:
        found = self.properties.get(name)
        return found[0] if found else None

    def value(self, name: str) -> str:
        found = self.one(name)
        return found.value if found else ""

    def all(self, name: str) -> list[Property]:
        return self.properties.get(name, [])


@dataclass(slots=True)
class Stream:
    """`zones` are unfolded VTIMEZONE blocks by TZID; `head` the calendar's own properties."""

    head: Event = field(default_factory=Event)
    events: list[Event] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=dict)


def unfolded(raw: bytes) -> str:
    """Text with one property per line."""
    text, _ = decode(raw, "utf-8")
    return _FOLD.sub("", clean(text).removeprefix("\ufeff"))


def read_stream(text: str) -> Stream:
    stream = Stream()
    for path, name, lines in blocks(_BREAK.split(text)):
        if name == "VTIMEZONE":
            _keep_zone(stream, lines)
        elif name == "VEVENT" and len(stream.events) < MAX_EVENTS:
            stream.events.append(_event(lines))
        elif name == "VCALENDAR" and not path:
            stream.head = _event(lines)
    return stream


def blocks(lines: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """(what it is in, name, its lines with BEGIN and END) of every event, zone and calendar; an
    event that is never closed ends with the file. A calendar's lines are its own alone."""
    open_at: list[tuple[str, int]] = []
    head: list[str] = []
    for number, line in enumerate(lines):
        keyword = line[:6].upper()
        if keyword == "BEGIN:":
            open_at.append((line[6:].strip().upper(), number))
        elif keyword[:4] == "END:":
            ended = line[4:].strip().upper()
            if any(name == ended for name, _ in open_at[-50:]):
                while open_at[-1][0] != ended:
                    open_at.pop()
                _, start = open_at.pop()
                if ended in {"VEVENT", "VTIMEZONE"}:
                    yield (open_at[-1][0] if open_at else ""), ended, lines[start : number + 1]
        elif len(open_at) == 1 and open_at[0][0] == "VCALENDAR":
            head.append(line)
    for name, start in open_at:
        if name == "VEVENT":
            yield "VCALENDAR", name, lines[start:]
            break
    yield "", "VCALENDAR", head


def _event(lines: list[str]) -> Event:
    event = Event()
    depth = 0
    for line in lines:
        keyword = line[:6].upper()
        if keyword == "BEGIN:":
            depth += 1
        elif keyword[:4] == "END:":
            depth -= 1
        elif depth <= 1:
            _add(event, line)
    if depth > 0:
        event.cut.add("END")
    return event


def _add(event: Event, line: str) -> None:
    if len(line) > MAX_LINE:
        event.cut.add("LINE")
        line = line[:MAX_LINE]
    start = next((n for n, c in enumerate(line) if c in ";:"), 0)
    name = line[:start].strip().upper()
    if not name:
        return
    known = event.properties.setdefault(name, [])
    if len(known) >= MAX_OF_A_NAME.get(name, 50):
        event.cut.add(name)
        return
    at = start
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(line, at):
        parameters.setdefault(found[1].upper(), found[2].strip().strip('"'))
        at = found.end()
    value_at = line.find(":", at)
    if value_at >= 0:
        known.append(Property(line[value_at + 1 :].strip(), parameters))


def _keep_zone(stream: Stream, lines: list[str]) -> None:
    block = "\r\n".join(lines)
    found = re.search(r"^TZID(?:;[^:\r\n]*)?:(.*?)\r?$", block, re.MULTILINE | re.IGNORECASE)
    if found and len(block) < MAX_LINE and len(stream.zones) < 100:
        stream.zones.setdefault(found[1].strip(), block)
