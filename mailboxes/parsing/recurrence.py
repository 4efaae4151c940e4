"""When a series takes place: its rule, added and left-out dates, as wall-clock time in its zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from dateutil.rrule import rrulestr

from mailboxes.parsing.icslines import Event
from mailboxes.parsing.icsvalues import BadValue, Moment, Zones, moment_of, moments

MOST_OCCURRENCES = 8_000
FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
FIRST_YEAR = 1970

_UNTIL = re.compile(r"(?:^|;)UNTIL=([^;]*)", re.IGNORECASE)
_PARTS = re.compile(r"[A-Z]+=[A-Z0-9,+-]+", re.IGNORECASE)
# Together with days or weeks these may match nothing for ever.
_SPARSE = re.compile(
    r"FREQ=(?:DAILY|WEEKLY).*BY(?:MONTH|MONTHDAY|YEARDAY|WEEKNO|SETPOS)=|BY(?:MONTH|MONTHDAY|YEARDAY|WEEKNO|SETPOS)=.*FREQ=(?:DAILY|WEEKLY)|BYYEARDAY|BYWEEKNO|BYHOUR|BYMINUTE|BYSECOND|BYEASTER",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dates:
    """Starts in order; `goes_on` when there are more after the window."""

    starts: list[Moment]
    goes_on: bool = False
    is_cut: bool = False


class RuleRefused(Exception):
    """A rule we do not follow: too frequent, or no rule at all."""


def is_sparse(rule: str) -> bool:
    """May this rule take long to find its next date?"""
    return bool(_SPARSE.search(rule)) or rule.upper().count("=") > 12


def is_series(event: Event) -> bool:
    return bool(event.one("RRULE") or event.one("RDATE"))


def dates(event: Event, start: Moment, *, zones: Zones, since: datetime | None, until: datetime) -> Dates:
    """Occurrences that start between `since` (None = the first) and `until`, both aware. Raises
    RuleRefused."""
    end = until.astimezone(start.zone).replace(tzinfo=None)
    found = {start.local}
    goes_on = False
    for rule in event.all("RRULE"):
        for local in _by_rule(rule.value, start, zones):
            if local > end:
                goes_on = True
                break
            found.add(local)
            if len(found) > 100_000:
                raise RuleRefused
    for added in moments(event.all("RDATE"), zones):
        local = _in_zone(added, start)
        goes_on |= local > end
        found |= {local} if local <= end else set()
    found -= {_in_zone(left_out, start) for left_out in moments(event.all("EXDATE"), zones)}
    ordered = [start.moved(local) for local in sorted(found)]
    kept = [one for one in ordered if since is None or one.utc >= since]
    if len(kept) <= MOST_OCCURRENCES:
        return Dates(kept, goes_on)
    return Dates([kept[0], *kept[-(MOST_OCCURRENCES - 1) :]], goes_on, is_cut=True)


def _by_rule(text: str, start: Moment, zones: Zones) -> Iterator[datetime]:
    parts = {
        name.upper(): value for name, _, value in (part.partition("=") for part in text.split(";")) if name
    }
    is_fine = all(_PARTS.fullmatch(part) for part in text.strip(";").split(";"))
    if not is_fine or parts.get("FREQ", "").upper() not in FREQUENCIES or start.local.year < FIRST_YEAR:
        raise RuleRefused
    if not parts.get("INTERVAL", "1").isdigit() or not 0 < int(parts.get("INTERVAL", "1")) < 10_000:
        raise RuleRefused
    until = _UNTIL.search(text)
    rule = _UNTIL.sub("", text).strip(";")
    try:
        rule_set = rrulestr(rule, dtstart=start.local, cache=False)
        last = _last(until[1], start, zones) if until else None
        for local in rule_set:
            if last and local > last:
                return
            yield local
    except (ValueError, TypeError, OverflowError, KeyError, BadValue, IndexError) as error:
        raise RuleRefused from error


def _last(text: str, start: Moment, zones: Zones) -> datetime:
    """UNTIL is a date, a UTC instant, or (by mistake) a local time."""
    last = moment_of(text, "", zones)
    if last.is_date:
        return datetime.combine(last.local, time.max)
    if text.upper().endswith("Z"):
        return last.utc.astimezone(start.zone).replace(tzinfo=None)
    return last.local


def _in_zone(one: Moment, start: Moment) -> datetime:
    """Another property's moment as the series' own wall-clock time."""
    if one.is_date and not start.is_date:
        return datetime.combine(one.local, start.local.time())
    if start.is_date:
        return datetime.combine(one.local, time())
    return one.utc.astimezone(start.zone).replace(tzinfo=None)


def original_start(recurrence: Moment, start: Moment | None) -> datetime:
    """What RECURRENCE-ID means, in UTC: the instant, or 00:00 UTC of the date."""
    if start is None:
        return recurrence.utc
    return start.moved(_in_zone(recurrence, start)).utc


def window_end(now: datetime) -> datetime:
    return now.astimezone(UTC) + timedelta(days=365)
