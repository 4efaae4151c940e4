"""TZID → zone: IANA's, Windows', one with a maker's prefix, else what the calendar itself defines."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from mailboxes.parsing.icslines import Component, Property
from mailboxes.parsing.icsvalues import moments, unescaped
from mailboxes.parsing.rules import RuleRefused, expand, read_rule

LAST_CHANGE = date(2100, 12, 31)
MAX_CHANGES = 1_000
MAX_DATES = 16_000  # characters
MAX_NAME = 64
FIRST_YEAR = 1970

# Among the zones lie files that say how this machine is set up.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)(?::?(\d\d))?", re.ASCII)


class Zones:
    """Unknown zones are those of floating times."""

    def __init__(self, defined: dict[str, Component], floating: str) -> None:
        # The property is a text with its commas escaped, the parameter is none; some mix that up.
        self._defined = {unescaped(name): zone for name, zone in defined.items()}
        self._known: dict[str, tzinfo] = {}
        self.floating: tzinfo = _iana(floating) or UTC

    def find(self, name: str) -> tzinfo:
        if name not in self._known:
            said = unescaped(name)
            self._known[name] = _public(said) or self._own(said) or self.floating
        return self._known[name]

    def _own(self, name: str) -> tzinfo | None:
        return defined_zone(self._defined[name]) if name in self._defined else None


def zone_name(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


@lru_cache(maxsize=1000)
def _public(name: str) -> ZoneInfo | None:
    found = _iana(name) or _iana(WINDOWS_TO_OLSON.get(name, ""))
    # /mozilla.org/20050126_1/America/Argentina/Buenos_Aires
    parts = name.strip("/").split("/")
    for start in range(1, min(len(parts), 6)):
        found = found or _iana("/".join(parts[start:]))
    return found


@lru_cache(maxsize=1000)
def _iana(name: str) -> ZoneInfo | None:
    is_no_place = name in _NO_PLACES or name.startswith(("posix/", "right/"))
    if not name or len(name) > MAX_NAME or is_no_place:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


# A calendar's own zones


class DefinedZone(tzinfo):
    """`changes` are (UTC instant, offset before, offset after), in order."""

    def __init__(self, changes: list[tuple[datetime, timedelta, timedelta]]) -> None:
        self._offsets = [changes[0][1], *(after for _, _, after in changes)]
        self._instants = [instant for instant, _, _ in changes]
        # A time that happens twice is the first of the two, one that is skipped is told by the
        # offset before (RFC 5545 §3.3.5): the new offset holds from the later of both clocks on.
        self._late = [instant + max(before, after) for instant, before, after in changes]
        self._early = [instant + min(before, after) for instant, before, after in changes]

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if moment is None:
            return self._offsets[-1]
        clocks = self._early if moment.fold else self._late
        return self._offsets[bisect_right(clocks, moment.replace(tzinfo=None))]

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, moment: datetime | None) -> str:
        return "defined"

    def fromutc(self, moment: datetime) -> datetime:
        instant = moment.replace(tzinfo=None)
        local = instant + self._offsets[bisect_right(self._instants, instant)]
        fold = self.utcoffset(local) != local - instant
        return local.replace(tzinfo=self, fold=int(fold))


@dataclass(frozen=True, slots=True)
class _Part:
    """Half of a definition, as it is written: from `starts` on clocks show `after`, not `before`."""

    starts: str
    before: str
    after: str
    rule: str
    added: str


def defined_zone(zone: Component) -> tzinfo | None:
    """None when the definition makes no sense."""
    return _zone_of(tuple(map(_part, zone.parts)))


def _part(part: Component) -> _Part:
    return _Part(
        starts=part.value("DTSTART"),
        before=part.value("TZOFFSETFROM"),
        after=part.value("TZOFFSETTO"),
        rule=part.value("RRULE"),
        added=",".join(one.value for one in part.all("RDATE")),
    )


@lru_cache(maxsize=200)
def _zone_of(parts: tuple[_Part, ...]) -> tzinfo | None:
    changes: list[tuple[datetime, timedelta, timedelta]] = []
    for part in parts:
        before, after = _offset(part.before), _offset(part.after)
        if before is None or after is None:
            continue
        changes += [(local - before, before, after) for local in _onsets(part)]
    return DefinedZone(sorted(changes)) if changes else None


def _onsets(part: _Part) -> list[datetime]:
    """When it begins, as local time."""
    starts = _local_times(part.starts)
    if not starts:
        return []
    found = {starts[0], *islice(_by_rule(part.rule, starts[0]), MAX_CHANGES)}
    return sorted(found | set(_local_times(part.added)))


def _local_times(text: str) -> list[datetime]:
    """Not from before year 2, where there is no room for an offset."""
    found = moments([Property(text[:MAX_DATES], {})], _NO_ZONES, UTC)
    return [max(one.local, datetime(2, 1, 1)) for one, _ in found]  # noqa: DTZ001 (local on purpose)


def _by_rule(text: str, start: datetime) -> Iterator[datetime]:
    """Nothing for a rule that we refuse: then it begins once."""
    if "FREQ=YEARLY" not in text.upper():
        return iter(())
    # Outlook's begin in 1601. February 29 is nobody's onset.
    start = start.replace(year=max(start.year, FIRST_YEAR), day=min(start.day, 28))
    try:
        rule = read_rule(text, start)
        last = _local_times(rule.until)[0].date() if rule.until else LAST_CHANGE
    except (RuleRefused, IndexError):
        return iter(())
    # From here on the first date is only a date, and need not be one of the rule's.
    return islice(expand(rule, start, min(last, LAST_CHANGE)), 1, None)


def _offset(text: str) -> timedelta | None:
    parts = _OFFSET.fullmatch(text.strip())
    if parts is None or int(parts[2]) > 23:
        return None
    size = timedelta(hours=int(parts[2]), minutes=int(parts[3]), seconds=int(parts[4] or 0))
    return -size if parts[1] == "-" else size


class _NoZones:
    """Inside of a definition all times are local."""

    floating: tzinfo = UTC

    def find(self, name: str) -> tzinfo:
        return UTC


_NO_ZONES = _NoZones()
