"""Calendar files of an export: cut into series, and several copies of one series joined.

Joining works on lines, not on parsed components: what a parser would not understand stays as it is.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailboxes.parsing.calendar import split_calendar
from mailboxes.parsing.values import Unparsable
from mailboxes.providers.archive.files import opened, packed_hint
from mailboxes.providers.base import FetchedCalendar, SetupWrong

_LARGEST = 256 * 1024 * 1024
_FOLD = re.compile(rb"\r?\n[ \t]")
_ANY = re.MULTILINE | re.DOTALL | re.IGNORECASE
_EVENT = re.compile(rb"^BEGIN:VEVENT\r?$.*?^END:VEVENT\r?$\n?", _ANY)
_ZONE = re.compile(rb"^BEGIN:VTIMEZONE\r?$.*?^END:VTIMEZONE\r?$\n?", _ANY)
_FIRST_PART = re.compile(rb"^BEGIN:V(?!CALENDAR)", re.MULTILINE | re.IGNORECASE)
_START = re.compile(rb"^DTSTART(?:;[^:\r\n]*)?:(\d{8})", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Event:
    recurrence: bytes
    rank: tuple[int, bytes, bytes]
    text: bytes


def read(path: Path) -> bytes:
    with opened(path) as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise SetupWrong(f"The file “{path}” is larger than 256 MB.")
    if b"BEGIN:VCALENDAR" not in raw.upper():
        raise SetupWrong(f"The file “{path}” is no calendar file{packed_hint(raw)}.")
    return raw


def split(path: Path, raw: bytes) -> list[tuple[str, bytes]]:
    try:
        return split_calendar(raw)
    except Unparsable as error:
        raise SetupWrong(f"The calendar file “{path}” cannot be read: {error}") from error


def provider_id(uid: str) -> str:
    return f"uid:{hashlib.sha256(uid.encode('utf-8', 'replace')).hexdigest()[:32]}"


def fetched(uid: str, parts: Sequence[bytes], *, timezone: str) -> FetchedCalendar:
    raw = joined(parts)
    version = hashlib.sha256(raw).hexdigest()[:32]
    return FetchedCalendar(provider_id(uid), raw, version, timezone)


def timezone(raw: bytes) -> str:
    """Where floating times are read. Zones we do not know are as good as none."""
    name = _value(_head(raw), b"X-WR-TIMEZONE").decode("ascii", "replace")
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return "UTC"


def newest_start(raw: bytes) -> int:
    """Epoch seconds of the latest DTSTART's day: good enough for newest first."""
    starts = (_START.search(event) for event in _EVENT.findall(raw))
    return max((_day(found[1]) for found in starts if found), default=0)


def joined(parts: Sequence[bytes]) -> bytes:
    """One calendar with the latest state of every occurrence that any of the parts speaks of."""
    best: dict[bytes, _Event] = {}
    zones: dict[bytes, bytes] = {}
    count = 0
    for part in parts:
        for zone in _ZONE.findall(part):
            zones.setdefault(_value(zone, b"TZID"), zone)
        for event in map(_event, _EVENT.findall(part)):
            count += 1
            known = best.get(event.recurrence)
            if known is None or event.rank > known.rank:
                best[event.recurrence] = event
    if len(parts) == 1 and count == len(best):
        return parts[0]
    texts = [*zones.values(), *(event.text for event in best.values())]
    return _head(parts[0]) + b"".join(texts) + b"END:VCALENDAR\r\n"


def _event(text: bytes) -> _Event:
    sequence = _value(text, b"SEQUENCE")
    changed = _value(text, b"LAST-MODIFIED"), _value(text, b"DTSTAMP")
    rank = (int(sequence[:9]) if sequence.isdigit() else 0, *changed)
    return _Event(_value(text, b"RECURRENCE-ID"), rank, text.rstrip(b"\r\n") + b"\r\n")


def _value(text: bytes, name: bytes) -> bytes:
    """The first property of that name. Long ones are folded, also in the middle of a parameter."""
    pattern = rb"^%s(?:;[^:\n]*)?:([^\n]*)" % name
    found = re.search(pattern, _FOLD.sub(b"", text), re.MULTILINE | re.IGNORECASE)
    return found[1].strip() if found else b""


def _day(text: bytes) -> int:
    try:
        return int(datetime.strptime(text.decode(), "%Y%m%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def _head(part: bytes) -> bytes:
    """The calendar's own properties, up to its first component."""
    first = _FIRST_PART.search(part)
    return part[: first.start()] if first else part
