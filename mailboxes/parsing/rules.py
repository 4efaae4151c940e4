"""Recurrence rules (RFC 5545 §3.3.10), expanded as wall-clock time, with an end to every search.

Our own, because other expanders go on until the year 9999 where a rule has no date at all: here
every day up to a given one is looked at once, and never more.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MAX_TIMES = 24

_DAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_PARTS = frozenset(
    {
        "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY",
        "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS",
    }
)  # fmt: skip


class RuleRefused(Exception):
    """A rule we do not follow: too frequent, or no rule at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`weekdays` are (number, day): the number says which one of its month or year, 0 means every."""

    frequency: str
    interval: int
    count: int
    until: str
    months: frozenset[int]
    weeks: frozenset[int]
    year_days: frozenset[int]
    month_days: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    times: tuple[time, ...]
    positions: frozenset[int]
    week_start: int


def read_rule(text: str, start: datetime) -> Rule:
    """The rule of a series that starts at the local time `start`. Raises RuleRefused."""
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    interval = _one(parts, "INTERVAL", 1)
    if frequency not in FREQUENCIES or not interval or (parts.get("COUNT") and not _one(parts, "COUNT", 1)):
        raise RuleRefused
    months, month_days = _numbers(parts, "BYMONTH", 12), _signed(parts, "BYMONTHDAY", 31)
    weeks, year_days = _signed(parts, "BYWEEKNO", 53), _signed(parts, "BYYEARDAY", 366)
    weekdays = _weekdays(parts, frequency)
    if not (weeks or year_days or month_days or weekdays):
        # What the rule leaves open, the first occurrence says.
        weekdays = frozenset({(0, start.weekday())} if frequency == "WEEKLY" else ())
        month_days = frozenset({start.day} if frequency in {"MONTHLY", "YEARLY"} else ())
        months = months or frozenset({start.month} if frequency == "YEARLY" else ())
    return Rule(
        frequency=frequency,
        interval=interval,
        count=_one(parts, "COUNT", 0),
        until=parts.get("UNTIL", ""),
        months=months,
        weeks=weeks,
        year_days=year_days,
        month_days=month_days,
        weekdays=weekdays,
        times=_times(parts, start),
        positions=_signed(parts, "BYSETPOS", 366),
        week_start=_DAYS.get(parts.get("WKST", "MO"), 0),
    )


def expand(rule: Rule, start: datetime, last: date) -> Iterator[datetime]:
    """Local times up to the end of the day `last`, in order. The first is always `start`."""
    yield start
    left = rule.count - 1 if rule.count else -1
    for days in _periods(rule, start.date(), last):
        fitting = (day for day in days if _fits(rule, day))
        for local in _positioned(rule, [datetime.combine(*one) for one in product(fitting, rule.times)]):
            if local <= start:
                continue
            if left == 0 or local.date() > last:
                return
            left -= 1
            yield local


# Reading


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.upper().strip(" ;").split(";"):
        name, _, value = part.partition("=")
        known = name.strip() in _PARTS or name.startswith("X-")
        if not known or not value.strip():
            raise RuleRefused
        parts.setdefault(name.strip(), value.strip())
    return parts


def _one(parts: dict[str, str], name: str, default: int) -> int:
    text = parts.get(name, str(default))
    if not _NUMBER.fullmatch(text) or int(text) < 0:
        raise RuleRefused
    return int(text)


def _numbers(parts: dict[str, str], name: str, most: int, *, least: int = 1) -> frozenset[int]:
    texts = parts[name].split(",") if name in parts else []
    if not all(_NUMBER.fullmatch(text.strip()) for text in texts):
        raise RuleRefused
    numbers = frozenset(int(text) for text in texts)
    if not all(least <= number <= most for number in numbers):
        raise RuleRefused
    return numbers


def _signed(parts: dict[str, str], name: str, most: int) -> frozenset[int]:
    numbers = _numbers(parts, name, most, least=-most)
    if 0 in numbers:
        raise RuleRefused
    return numbers


def _weekdays(parts: dict[str, str], frequency: str) -> frozenset[tuple[int, int]]:
    found = [_WEEKDAY.fullmatch(text.strip()) for text in parts.get("BYDAY", "").split(",") if text.strip()]
    is_counted = frequency in {"MONTHLY", "YEARLY"}
    if None in found:
        raise RuleRefused
    return frozenset((int(one[1] or 0) if is_counted else 0, _DAYS[one[2]]) for one in found if one)


def _times(parts: dict[str, str], start: datetime) -> tuple[time, ...]:
    hours = _numbers(parts, "BYHOUR", 23, least=0) or {start.hour}
    minutes = _numbers(parts, "BYMINUTE", 59, least=0) or {start.minute}
    seconds = _numbers(parts, "BYSECOND", 59, least=0) or {start.second}
    if len(hours) * len(minutes) * len(seconds) > MAX_TIMES:
        raise RuleRefused
    return tuple(sorted(time(*one) for one in product(hours, minutes, seconds)))


# Expanding


def _periods(rule: Rule, start: date, last: date) -> Iterator[list[date]]:
    """The days of every day, week, month or year that the rule speaks of."""
    if rule.frequency == "DAILY":
        return ([day] for day in _stepping(start, last, rule.interval))
    if rule.frequency == "WEEKLY":
        monday = start - timedelta(days=min((start.weekday() - rule.week_start) % 7, start.toordinal() - 1))
        return (_days_from(day, 7) for day in _stepping(monday, last, 7 * rule.interval))
    return _months(rule, start, last)


def _stepping(start: date, last: date, step: int) -> Iterator[date]:
    return map(date.fromordinal, range(start.toordinal(), last.toordinal() + 1, step))


def _days_from(first: date, count: int) -> list[date]:
    start = first.toordinal()
    return [date.fromordinal(number) for number in range(start, start + count)]


def _months(rule: Rule, start: date, last: date) -> Iterator[list[date]]:
    if rule.frequency == "MONTHLY":
        first, end = 12 * start.year + start.month - 1, 12 * last.year + last.month
        for year, month in (divmod(number, 12) for number in range(first, end, rule.interval)):
            if not rule.months or month + 1 in rule.months:
                yield _days_of(year, month + 1)
        return
    months = sorted(rule.months or range(1, 13))
    for year in range(start.year, last.year + 1, rule.interval):
        yield [day for month in months for day in _days_of(year, month)]


def _days_of(year: int, month: int) -> list[date]:
    return _days_from(date(year, month, 1), calendar.monthrange(year, month)[1])


def _fits(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and not _is_among(rule.month_days, day.day, _days_in_month(day)):
        return False
    if rule.weekdays and not _is_weekday(rule, day):
        return False
    if rule.year_days and not _is_among(rule.year_days, _day_of_year(day), _days_in_year(day.year)):
        return False
    return not rule.weeks or _is_among(rule.weeks, *_week(rule, day))


def _is_among(numbers: frozenset[int], number: int, most: int) -> bool:
    """Negative numbers count from the end."""
    return number in numbers or number - most - 1 in numbers


def _is_weekday(rule: Rule, day: date) -> bool:
    weekday = day.weekday()
    if (0, weekday) in rule.weekdays:
        return True
    if all(number == 0 for number, _ in rule.weekdays):
        return False
    in_year = rule.frequency == "YEARLY" and not rule.months
    number, most = (_day_of_year(day), _days_in_year(day.year)) if in_year else (day.day, _days_in_month(day))
    before, after = (number - 1) // 7, (most - number) // 7
    return (before + 1, weekday) in rule.weekdays or (-after - 1, weekday) in rule.weekdays


def _week(rule: Rule, day: date) -> tuple[int, int]:
    """The number of the day's week, and how many its year has. A week belongs to the year in which
    most of its days are."""
    middle = day + timedelta(days=3 - (day.weekday() - rule.week_start) % 7)
    last = date(middle.year, 12, 31)
    last -= timedelta(days=(last.weekday() - middle.weekday()) % 7)  # the last middle of a week
    return (_day_of_year(middle) - 1) // 7 + 1, (_day_of_year(last) - 1) // 7 + 1


def _positioned(rule: Rule, found: list[datetime]) -> list[datetime]:
    if not rule.positions:
        return found
    most = len(found)
    return [one for number, one in enumerate(found, 1) if _is_among(rule.positions, number, most)]


def _day_of_year(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _days_in_year(year: int) -> int:
    return 366 if calendar.isleap(year) else 365


def _days_in_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]
