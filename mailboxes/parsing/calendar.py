"""iCalendar bytes → occurrences. A normal resource is read here; one that looks built to hurt is
read by the same code in the guard."""

import re
from datetime import datetime

from mailboxes.parsing import guard
from mailboxes.parsing.icslines import MAX_EVENTS, Component, read_stream
from mailboxes.parsing.icsseries import Reading
from mailboxes.parsing.icssplit import split_calendar
from mailboxes.parsing.icsuids import uid_of
from mailboxes.parsing.icszones import Zones
from mailboxes.parsing.recurrence import window_end
from mailboxes.parsing.values import ParsedCalendar, Unparsable

__all__ = ["parse_calendar", "read_calendar", "split_calendar"]

# Real resources are far below these; a hostile one has to exceed one.
_LARGE = 512 * 1024
_MANY_LINES = 8_000
_MANY_RULES = 5
_MANY_ZONES = 5  # each has two rules of its own

_RULE = re.compile(rb"^[ \t]*(?:RRULE|EXRULE)", re.MULTILINE | re.IGNORECASE)
_ZONE = re.compile(rb"^BEGIN:VTIMEZONE", re.MULTILINE | re.IGNORECASE)


def parse_calendar(
    raw: bytes, *, now: datetime, history_from: datetime | None, timezone: str
) -> ParsedCalendar:
    """Everything the resource says, up to a year after `now`. `timezone` is where floating times
    are. Raises Unparsable, and nothing else."""
    try:
        if is_suspicious(raw):
            return guard.run(
                "calendar", raw, ParsedCalendar, now=now, history_from=history_from, timezone=timezone
            )
        return read_calendar(raw, now=now, history_from=history_from, timezone=timezone)
    except Unparsable:
        raise
    except Exception as error:
        raise Unparsable("This calendar entry could not be read.") from error


def is_suspicious(raw: bytes) -> bool:
    """May this resource cost far more than its size?"""
    if len(raw) > _LARGE or raw.count(b"\n") + raw.count(b"\r") > 2 * _MANY_LINES:
        return True
    in_zones = 2 * min(len(_ZONE.findall(raw)), _MANY_ZONES)
    return len(_RULE.findall(raw)) > _MANY_RULES + in_zones


def read_calendar(
    payload: bytes, *, now: datetime, history_from: datetime | None, timezone: str
) -> ParsedCalendar:
    """The reading itself, without a net."""
    stream = read_stream(payload)
    if not stream.is_calendar and not stream.events:
        raise Unparsable("This is no calendar file.")
    zones = Zones(stream.zones, timezone)
    reading = Reading(zones, until=window_end(now), since=history_from)
    by_uid: dict[str, list[Component]] = {}
    for event in stream.events:
        by_uid.setdefault(uid_of(event), []).append(event)
    for uid, same in by_uid.items():
        reading.read(uid, same)
    if stream.is_cut:
        reading.errors.append(f"There are more than {MAX_EVENTS:,} events in this file.")
    return reading.result()
