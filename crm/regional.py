"""Days and the time of day as they are written where the reader is: `Mon 23 Nov 2026`, `16:30`, or in the
United States `Mon, Nov 23, 2026`, `4:30 PM`. The words are English everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache

# Where English is read, by the Unicode CLDR: where the month comes first, where a clock has twelve hours.
_MONTH_FIRST = frozenset({"US"})
_TWELVE_HOURS = frozenset({"AU", "CA", "IN", "NZ", "PH", "US"})

_region: ContextVar[str] = ContextVar("region", default="")


@contextmanager
def written_for(region: str) -> Iterator[None]:
    token = _region.set(region)
    try:
        yield
    finally:
        _region.reset(token)


def region_of(accept_language: str) -> str:
    """`US` of `en-US,en;q=0.9`: of the language that the browser names first."""
    parts = accept_language[:100].partition(",")[0].partition(";")[0].strip().split("-")
    return next((part.upper() for part in parts[1:] if len(part) == 2 and part.isalpha()), "")


def clock(at: datetime) -> str:
    if _region.get() not in _TWELVE_HOURS:
        return f"{at.hour:02}:{at.minute:02}"
    return f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"


def day_words(day: date, *, weekday: str = "", month: str = "%b", with_year: bool = False) -> str:
    """`weekday` and `month` as in strftime: long, short, or no weekday."""
    return _day_words(day, weekday, month, with_year, _region.get() in _MONTH_FIRST)


# A page names a few hundred days, strftime is slow.
@lru_cache(maxsize=20_000)
def _day_words(day: date, weekday: str, month: str, with_year: bool, month_first: bool) -> str:
    lead, name, year = day.strftime(weekday), day.strftime(month), f" {day.year}" if with_year else ""
    if month_first:
        return f"{lead}{', ' if lead else ''}{name} {day.day}{',' if year else ''}{year}"
    return f"{lead}{' ' if lead else ''}{day.day} {name}{year}"
