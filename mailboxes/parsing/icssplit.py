"""An export cut into one calendar for every UID, on bytes: an export may be as large as a mailbox."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailboxes.parsing.icslines import read_stream, unfolded, with_line_feeds
from mailboxes.parsing.icsuids import known_uid, uid_of
from mailboxes.parsing.values import Unparsable

# What every series gets a copy of must not be large.
MAX_SHARED, MAX_ZONES = 16 * 1024, 10

_PARTS = frozenset({b"VCALENDAR", b"VEVENT", b"VTIMEZONE"})
_EDGE = re.compile(rb"^(BEGIN|END):[ \t]*(V[A-Z]+)[ \t]*\r*$", re.M | re.I)
_ZONE_USED = re.compile(rb"^[^:\r\n]*?;TZID=(\"[^\"\r\n]*\"|[^;:\"\r\n]*)", re.M | re.I)
_ZONE_NAMED = re.compile(rb"^TZID(?:;[^:\r\n]*)?:([^\r\n]*)", re.M | re.I)
_UID = re.compile(rb"^UID(?:;[^:\r\n]*)?:([^\r\n]*)", re.M | re.I)
_FOLD = re.compile(rb"\r{0,2}\n[ \t]")


@dataclass(slots=True)
class _Series:
    """`head` are the properties of the calendar it is in. Events without an end come last."""

    head: bytes
    whole: list[bytes] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)


def split_calendar(raw: bytes) -> list[tuple[str, bytes]]:
    """(UID, a calendar of its own) for every UID in an export: all its events, with the zones and
    the calendar's properties they need. Raises Unparsable when there is no event at all."""
    zones: dict[bytes, bytes] = {}
    found: dict[str, _Series] = {}
    head = b""
    for name, block, is_whole in _blocks(with_line_feeds(raw)):
        if name == b"VCALENDAR":
            head = block
        elif name == b"VTIMEZONE" and len(block) < MAX_SHARED:
            zones.setdefault(_name_of(block), block)
        elif name == b"VEVENT":
            uid, block = _known_by(block)
            series = found.setdefault(uid, _Series(head))
            (series.whole if is_whole else series.broken).append(block)
    if not found:
        raise Unparsable("There is no event in this calendar file.")
    return [(uid, _joined(series, zones)) for uid, series in found.items()]


def _blocks(raw: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """(name, bytes, has its end) of every calendar's head, every zone and every event. What is
    never closed ends where the next one starts."""
    name, start = b"", 0
    for edge in _EDGE.finditer(raw):
        kind, what = edge[1].upper(), edge[2].upper()
        is_end = kind == b"END" and what == name
        starts = kind == b"BEGIN" and what in _PARTS
        is_head = name == b"VCALENDAR"
        if name and (is_head or is_end or starts or what == b"VCALENDAR"):
            end = edge.end() if is_end and not is_head else edge.start()
            yield name, raw[start:end].strip(b"\r\n"), is_end
            name = b""
        if starts:
            name, start = what, edge.start()
    if name:
        yield name, raw[start:].strip(b"\r\n"), False


def _known_by(block: bytes) -> tuple[str, bytes]:
    """An event without a UID gets one that it keeps."""
    own = block[: block.find(b"\nBEGIN:")] if b"\nBEGIN:" in block else block  # alarms have UIDs too
    if (found := _UID.search(_FOLD.sub(b"", own))) and (uid := known_uid(unfolded(found[1]))):
        return uid, block
    event = read_stream(block).events[0]
    uid = uid_of(event)
    if event.value("UID"):
        return uid, block
    first, _, rest = block.partition(b"\n")
    return uid, b"%s\r\nUID:%s\r\n%s" % (first.strip(), uid.encode(), rest)


def _name_of(zone: bytes) -> bytes:
    found = _ZONE_NAMED.search(_FOLD.sub(b"", zone))
    return _plain(found[1].strip()) if found else b""


def _plain(name: bytes) -> bytes:
    """The property is escaped, the parameter is not, and some mix that up."""
    return name.replace(b"\\", b"")


def _joined(series: _Series, zones: dict[bytes, bytes]) -> bytes:
    events = [*series.whole, *series.broken]
    used = {
        _plain(name.strip(b'" ')) for event in events for name in _ZONE_USED.findall(_FOLD.sub(b"", event))
    }
    needed = [zone for name, zone in zones.items() if name in used][:MAX_ZONES]
    head = series.head if 0 < len(series.head) < MAX_SHARED else b"BEGIN:VCALENDAR\r\nVERSION:2.0"
    return b"\r\n".join([head, *needed, *events, b"END:VCALENDAR", b""])
