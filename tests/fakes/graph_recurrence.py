"""Recurrence as Microsoft Graph says it: patterns and ranges, what they expand to, and rules said that way."""

import calendar
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

Fields = dict[str, Any]
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CODES = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), DAYS, strict=True))
INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
TYPES = {"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}
RANGES = {"endDate", "noEnd", "numbered"}
NO_DATE = "0001-01-01"
# Days that some month lacks: Outlook then takes the last one, where iCalendar skips the month.
SHORTEST = 28


def zone_of(name: str) -> ZoneInfo:
    """By either kind of name; KeyError where there is no such zone."""
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except (ValueError, OSError):
        raise KeyError(name) from None


def windows_name(name: str) -> str:
    """As Outlook calls a zone, where it has a name of its own."""
    return next((windows for windows, olson in WINDOWS_TO_OLSON.items() if olson == name), name)


def complete(recurrence: Fields) -> Fields:
    """With the properties that mean nothing for this type: Graph fills them in."""
    pattern = {"type": "", "interval": 1, "month": 0, "dayOfMonth": 0, "daysOfWeek": []}
    pattern |= {"firstDayOfWeek": "sunday", "index": "first"} | recurrence["pattern"]
    if not pattern["daysOfWeek"]:
        del pattern["daysOfWeek"]
    usual = {"endDate": NO_DATE, "recurrenceTimeZone": "UTC", "numberOfOccurrences": 0}
    bounds = usual | recurrence["range"]
    if pattern["type"] not in TYPES or bounds["type"] not in RANGES or "startDate" not in bounds:
        raise ValueError(f"Not a recurrence: {recurrence}")
    return {"pattern": pattern, "range": bounds}


def starts(recurrence: Fields, at: time) -> Iterator[datetime]:
    """When occurrences start, by the wall clock."""
    bounds = recurrence["range"]
    first = datetime.combine(date.fromisoformat(bounds["startDate"]), at)
    last = date.fromisoformat(bounds["endDate"]) if bounds["type"] == "endDate" else None
    most = bounds["numberOfOccurrences"] if bounds["type"] == "numbered" else None
    for number, start in enumerate(_endless(recurrence["pattern"], first)):
        if (last and start.date() > last) or (most is not None and number >= most):
            return
        yield start


def _endless(pattern: Fields, first: datetime) -> Iterator[datetime]:
    kind, interval = pattern["type"], pattern["interval"]
    if kind in {"absoluteMonthly", "absoluteYearly"}:
        months = interval * (12 if kind == "absoluteYearly" else 1)
        month = pattern["month"] if kind == "absoluteYearly" else first.month
        return _same_day(first, month, pattern["dayOfMonth"], months)
    days = [DAYS.index(day) for day in pattern.get("daysOfWeek", [])]
    if kind == "daily":
        return iter(rrule.rrule(rrule.DAILY, first, interval))
    if kind == "weekly":
        week = DAYS.index(pattern["firstDayOfWeek"])
        return iter(rrule.rrule(rrule.WEEKLY, first, interval, wkst=week, byweekday=days))
    at = INDEXES[pattern["index"]]
    if kind == "relativeMonthly":
        return iter(rrule.rrule(rrule.MONTHLY, first, interval, byweekday=days, bysetpos=at))
    month = pattern["month"]
    return iter(rrule.rrule(rrule.YEARLY, first, interval, bymonth=month, byweekday=days, bysetpos=at))


def _same_day(first: datetime, month: int, day: int, months: int) -> Iterator[datetime]:
    number = first.year * 12 + month - 1
    while True:
        year, of_year = divmod(number, 12)
        if year > 9999:
            return
        last = calendar.monthrange(year, of_year + 1)[1]
        start = first.replace(year=year, month=of_year + 1, day=min(day, last))
        if start >= first:
            yield start
        number += months


def localized(start: datetime, zone: tzinfo) -> datetime:
    """Hours that the clocks skip become the hour after."""
    return start.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


# From iCalendar's rules.


def said_by_graph(rule: Mapping[str, Any], first: datetime, *, zone: tzinfo, name: str) -> Fields:
    """A RRULE, as icalendar parses it, of a series that begins `first` by the wall clock.

    NotImplementedError for what Graph has no words for.
    """
    known = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}
    if set(rule) - known or any(
        len(rule[name]) != 1 for name in set(rule) & {"BYMONTH", "BYMONTHDAY", "BYSETPOS"}
    ):
        raise NotImplementedError(f"Graph has no words for {dict(rule)}")
    pattern = _pattern(rule, first) | {"interval": _single(rule, "INTERVAL", 1)}
    found = complete({"pattern": pattern, "range": _range(rule, first, zone, name)})
    if next(starts(found, first.time()), None) != first:
        raise NotImplementedError("Graph's series begin with an occurrence of their pattern")
    return found


def _pattern(rule: Mapping[str, Any], first: datetime) -> Fields:
    kind, days = str(_single(rule, "FREQ", "")), [str(day) for day in rule.get("BYDAY", [])]
    by = {name for name in ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS") if name in rule}
    if kind == "DAILY" and not by:
        return {"type": "daily"}
    if kind == "WEEKLY" and by <= {"BYDAY"}:
        return _weekly(rule, days or [list(CODES)[first.weekday()]])
    if kind == "DAILY" and by == {"BYDAY"} and _single(rule, "INTERVAL", 1) == 1:
        return _weekly(rule, days)
    if kind == "MONTHLY" and by <= {"BYMONTHDAY"}:
        return {"type": "absoluteMonthly", "dayOfMonth": _day(rule, first)}
    if kind == "MONTHLY" and "BYDAY" in by and by <= {"BYDAY", "BYSETPOS"}:
        return {"type": "relativeMonthly"} | _relative(rule, days)
    month = {"month": _single(rule, "BYMONTH", first.month)}
    if kind == "YEARLY" and by <= {"BYMONTH", "BYMONTHDAY"} and by != {"BYMONTHDAY"}:
        return {"type": "absoluteYearly", "dayOfMonth": _day(rule, first)} | month
    if kind == "YEARLY" and {"BYDAY", "BYMONTH"} <= by and by <= {"BYDAY", "BYMONTH", "BYSETPOS"}:
        return {"type": "relativeYearly"} | _relative(rule, days) | month
    raise NotImplementedError(f"Graph has no words for {dict(rule)}")


def _weekly(rule: Mapping[str, Any], days: list[str]) -> Fields:
    if any(day not in CODES for day in days):
        raise NotImplementedError(f"Graph's weeks have no {days}")
    week = CODES[str(_single(rule, "WKST", "MO"))]
    return {"type": "weekly", "daysOfWeek": [CODES[day] for day in days], "firstDayOfWeek": week}


def _day(rule: Mapping[str, Any], first: datetime) -> int:
    day = int(_single(rule, "BYMONTHDAY", first.day))
    if not 1 <= day <= SHORTEST:
        raise NotImplementedError(f"Graph takes another day where a month has no {day}")
    return day


def _relative(rule: Mapping[str, Any], days: list[str]) -> Fields:
    parts = [re.fullmatch(r"([+-]?\d*)([A-Z]{2})", day) for day in days]
    numbers = {int(part[1]) for part in parts if part and part[1]} | {
        int(one) for one in rule.get("BYSETPOS", [])
    }
    plain = all(part and not part[1] for part in parts)
    names = {number: index for index, number in INDEXES.items()}
    twofold = not plain and (len(days) > 1 or "BYSETPOS" in rule)
    if len(numbers) != 1 or not numbers <= names.keys() or twofold:
        raise NotImplementedError(f"Graph has no words for {dict(rule)}")
    return {"daysOfWeek": [CODES[part[2]] for part in parts if part], "index": names[numbers.pop()]}


def _range(rule: Mapping[str, Any], first: datetime, zone: tzinfo, name: str) -> Fields:
    bounds: Fields = {"startDate": first.date().isoformat(), "recurrenceTimeZone": windows_name(name)}
    if "COUNT" in rule:
        return bounds | {"type": "numbered", "numberOfOccurrences": int(_single(rule, "COUNT", 0))}
    if "UNTIL" not in rule:
        return bounds | {"type": "noEnd"}
    until = _single(rule, "UNTIL", None)
    if not isinstance(until, datetime):
        return bounds | {"type": "endDate", "endDate": until.isoformat()}
    local = until.astimezone(zone).replace(tzinfo=None) if until.tzinfo else until
    # What begins later on that day is no longer within.
    last = local.date() - timedelta(days=first.time() > local.time())
    return bounds | {"type": "endDate", "endDate": last.isoformat()}


def _single(rule: Mapping[str, Any], name: str, usual: Any) -> Any:
    found = rule.get(name, usual)
    return found[0] if isinstance(found, list) else found
