"""What an API says of events → one iCalendar resource (RFC 5545), for the parser that all providers
share.

Zones are named by their IANA names alone: whoever reads this knows them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Status = Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]
Answer = Literal["ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"]

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAK = re.compile(r"\r\n?|\n")
_LINE_OCTETS = 73
# Lines of a rule come from outside too, and are put in as they are.
_RULE = re.compile(r"(?:RRULE|RDATE|EXDATE|EXRULE)[;:][^\r\n\x00]{1,100000}")


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str = ""
    answer: Answer = "NEEDS-ACTION"
    is_optional: bool = False
    is_thing: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event, a series' master (with `rules`, whole iCalendar lines) or an override (with
    `recurrence_id`). `start` and `end` are dates of an all-day event, the end exclusive, else aware
    datetimes; those in a ZoneInfo keep it. `is_partial`: there are more attendees than these."""

    uid: str
    start: date | datetime
    end: date | datetime
    recurrence_id: date | datetime | None = None
    rules: Sequence[str] = ()
    status: Status = "CONFIRMED"
    is_private: bool = False
    title: str = ""
    location: str = ""
    description: str = ""
    conference_url: str = ""
    sequence: int = 0
    modified: datetime | None = None
    organiser: Person | None = None
    attendees: Sequence[Person] = ()
    is_partial: bool = False


def resource(events: Iterable[Event]) -> bytes:
    """All that is known of one UID, as a calendar server would keep it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rapport//API//EN"]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines).encode("utf-8", "replace")


def utc_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _event(event: Event) -> list[str]:
    lines = ["BEGIN:VEVENT", f"UID:{_escaped(event.uid)}"]
    if event.recurrence_id is not None:
        lines.append(_moment("RECURRENCE-ID", event.recurrence_id))
    lines += [_moment("DTSTART", event.start), _moment("DTEND", event.end)]
    lines += [rule for rule in event.rules if _RULE.fullmatch(rule)]
    lines += [f"STATUS:{event.status}", f"SEQUENCE:{event.sequence}"]
    if event.is_private:
        lines.append("CLASS:PRIVATE")
    if event.modified:
        lines.append(f"LAST-MODIFIED:{utc_text(event.modified)}")
    texts = {
        "SUMMARY": event.title,
        "LOCATION": event.location,
        "DESCRIPTION": event.description,
    }
    lines += [f"{name}:{_escaped(text)}" for name, text in texts.items() if text]
    if event.conference_url:
        lines.append(f"CONFERENCE:{_BREAK.sub('', _FORBIDDEN.sub('', event.conference_url))}")
    if event.organiser:
        lines.append(f"ORGANIZER{_named(event.organiser)}:mailto:{_address(event.organiser)}")
    lines += [_attendee(one) for one in event.attendees]
    if event.is_partial:
        lines.append("X-RAPPORT-ATTENDEES:PARTIAL")
    return [*lines, "END:VEVENT"]


def _moment(name: str, at: date | datetime) -> str:
    if not isinstance(at, datetime):
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    if isinstance(at.tzinfo, ZoneInfo) and at.tzinfo.key != "UTC":
        return f"{name};TZID={at.tzinfo.key}:{at:%Y%m%dT%H%M%S}"
    return f"{name}:{utc_text(at)}"


def _attendee(person: Person) -> str:
    kind = ";CUTYPE=RESOURCE" if person.is_thing else ""
    role = ";ROLE=OPT-PARTICIPANT" if person.is_optional else ""
    return f"ATTENDEE{_named(person)}{kind}{role};PARTSTAT={person.answer}:mailto:{_address(person)}"


def _named(person: Person) -> str:
    """RFC 6868 spells what a quoted parameter cannot hold."""
    if not person.name:
        return ""
    name = _BREAK.sub("^n", _FORBIDDEN.sub("", person.name).replace("^", "^^").replace('"', "^'"))
    return f';CN="{name}"'


def _address(person: Person) -> str:
    return _BREAK.sub("", _FORBIDDEN.sub("", person.email))


def _escaped(text: str) -> str:
    text = _FORBIDDEN.sub("", text)
    for special in ("\\", ";", ","):
        text = text.replace(special, f"\\{special}")
    return _BREAK.sub(r"\\n", text)


def _folded(line: str) -> str:
    """At most 75 octets a line, never inside a character."""
    data = line.encode("utf-8", "replace")
    parts = []
    while len(data) > _LINE_OCTETS:
        cut = _LINE_OCTETS
        while data[cut] & 0xC0 == 0x80:
            cut -= 1
        parts.append(data[:cut])
        data = data[cut:]
    return b"\r\n ".join([*parts, data]).decode() + "\r\n"
