"""Calendars put together by hand, for the tests of the parser."""

from datetime import UTC, datetime

from mailboxes.parsing.calendar import parse_calendar
from mailboxes.parsing.values import ParsedCalendar, ParsedEvent

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
START = "DTSTART:20261102T090000Z"


def event(*lines: str, uid: str = "one@acme.test") -> str:
    named = [f"UID:{uid}"] if uid else []
    return "\r\n".join(["BEGIN:VEVENT", *named, *lines, "END:VEVENT", ""])


def calendar(*parts: str, head: str = "") -> bytes:
    inner = "".join(parts)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}{inner}END:VCALENDAR\r\n".encode()


def single(*lines: str) -> bytes:
    """A calendar with one event that is on Monday morning unless `lines` say otherwise."""
    has_start = any(line.upper().startswith("DTSTART") for line in lines)
    return calendar(event(*([] if has_start else [START]), *lines))


def read(raw: bytes, *, since: datetime | None = None, timezone: str = "UTC") -> ParsedCalendar:
    return parse_calendar(raw, now=NOW, history_from=since, timezone=timezone)


def only(raw: bytes, *, timezone: str = "UTC") -> ParsedEvent:
    (found,) = read(raw, timezone=timezone).events
    return found


def starts(parsed: ParsedCalendar) -> list[str]:
    return [f"{one.starts_at:%Y-%m-%d %H:%M}" for one in parsed.events]


def recurrences(parsed: ParsedCalendar) -> list[str]:
    return [f"{one.recurrence_id:%Y-%m-%d %H:%M}" for one in parsed.events if one.recurrence_id]
