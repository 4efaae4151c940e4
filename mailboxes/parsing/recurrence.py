"""When a series takes place: its rule, added and left-out dates, as wall-clock time in its zone."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from mailboxes.parsing.icslines import Component, Property
from mailboxes.parsing.icsvalues import (
    LATEST_YEAR,
    BadValue,
    FindsZones,
    Length,
    Moment,
    moment_of,
    moments,
    period_length,
)
from mailboxes.parsing.rules import RuleRefused, expand, read_rule

MAX_DATES = 1_000
MAX_RULES = 5
FIRST_YEAR = 1970
WINDOW = timedelta(days=365)

_NEVER = datetime(9999, 12, 31)  # noqa: DTZ001 (local on purpose)
_MOST_FOUND = 60_000  # every day since 1970, three times over
# How far behind the window we look whether a series goes on.
_YEARS_BEHIND = 20


@dataclass(frozen=True, slots=True)
class Dates:
    """Starts in order; `goes_on` when there are more after the window. `lengths` are those of
    added dates, by local time, that say how long they take."""

    starts: list[Moment]
    goes_on: bool = False
    lengths: dict[datetime, Length] = field(default_factory=dict)


class TooManyDates(Exception):
    """More dates are added or left out than anybody writes down."""


def is_series(event: Component) -> bool:
    return bool(event.one("RRULE") or event.one("RDATE"))


def dates(event: Component, start: Moment, zones: FindsZones, *, until: datetime) -> Dates:
    """Everything that starts up to `until` (aware), and the first date of a series that starts
    later. Raises RuleRefused and TooManyDates."""
    if any(name in event.cut or _count(event.all(name)) > MAX_DATES for name in ("RDATE", "EXDATE")):
        raise TooManyDates
    if start.local.year < FIRST_YEAR or "RRULE" in event.cut or len(event.all("RRULE")) > MAX_RULES:
        raise RuleRefused
    end = _wall_clock(until, start)
    found, goes_on = {start.local}, start.local > end
    for local in _by_rules(event.all("RRULE"), start, zones, end=end):
        goes_on |= local > end
        found.add(local)
        if len(found) > _MOST_FOUND:
            raise RuleRefused
    added = _added(event, start, zones)
    left_out = {in_series(one, start) for one, _ in moments(event.all("EXDATE"), zones, start.zone)}
    left_out |= set(_by_rules(event.all("EXRULE"), start, zones, end=end))
    goes_on |= any(local > end for local in added)
    ordered = sorted(found.union(added) - left_out)
    # And one more: where all before are called off, it is the first that takes place.
    kept = ordered[: bisect_right(ordered, end) + 1]
    lengths = {local: own for local, own in added.items() if own}
    return Dates([start.moved(local) for local in kept], goes_on, lengths)


def in_series(one: Moment, start: Moment) -> datetime:
    """Another property's moment as wall-clock time of the series that starts at `start`."""
    if one.is_date and not start.is_date:
        return datetime.combine(one.local, start.local.time())
    if start.is_date:
        return datetime.combine(one.local, time())
    return _wall_clock(one.utc, start)


def _added(event: Component, start: Moment, zones: FindsZones) -> dict[datetime, Length | None]:
    return {
        in_series(one, start): None if start.is_date else period_length(one, rest, zones)
        for one, rest in moments(event.all("RDATE"), zones, start.zone)
    }


def _count(found: Iterable[Property]) -> int:
    return sum(one.value.count(",") + 1 for one in found)


def _wall_clock(moment: datetime, start: Moment) -> datetime:
    return moment.astimezone(start.zone).replace(tzinfo=None)


def _by_rules(
    rules: list[Property], start: Moment, zones: FindsZones, *, end: datetime
) -> Iterator[datetime]:
    """All dates up to `end`, and of every rule the first one behind it."""
    for found in rules:
        rule = read_rule(found.value, start.local)
        last = _last(rule.until, start, zones) if rule.until else _NEVER
        horizon = min(end.year + _YEARS_BEHIND, LATEST_YEAR)
        for local in expand(rule, start.local, min(last.date(), date(horizon, 12, 31))):
            if local > last:
                break
            yield local
            if local > end:
                break


def _last(text: str, start: Moment, zones: FindsZones) -> datetime:
    """UNTIL is a date, a UTC instant, or (by mistake) a local time."""
    try:
        last = moment_of(text, "", zones, floating=start.zone)
    except BadValue as error:
        if text[:4].isdigit() and int(text[:4]) > LATEST_YEAR:  # 99991231 means for ever
            return _NEVER
        raise RuleRefused from error
    if last.is_date or start.is_date:
        return datetime.combine(last.local, time.max)
    return _wall_clock(last.utc, start)


def window_end(now: datetime) -> datetime:
    return now.astimezone(UTC) + WINDOW
