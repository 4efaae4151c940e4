"""Attributes that are moments: what they can be narrowed by, and what stands under their columns.

`all_day` is what says of a row, in SQL, that its moment is a date: it lies at 00:00 UTC wherever one looks at
it from.
"""

from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import moments
from crm.tables.calculations import Calculation
from crm.tables.columns import Look
from crm.tables.filters import Asked, Condition, Operator, days, midnight

_DATES = (Operator("before", "before", "date"), Operator("after", "on or after", "date"))
PAST = (
    Operator("within_days", "within the last", "days"),
    Operator("more_than_days_ago", "more than … ago", "days"),
    *_DATES,
)
AHEAD = (Operator("within_days", "within the next", "days"), *_DATES)


def time_condition(
    key: str, operator: Operator, value: str, asked: Asked, *, is_ahead: bool = False, all_day: str = ""
) -> Condition:
    """Raises BadFilter."""
    match operator.name:
        case "within_days":
            edge = days(value)
            return (
                (f"{key} <= %(value)s", asked.now + edge)
                if is_ahead
                else (f"{key} >= %(value)s", asked.now - edge)
            )
        case "more_than_days_ago":
            return f"{key} < %(value)s", asked.now - days(value)
    return _date_condition(key, midnight(value), is_before=operator.name == "before", all_day=all_day)


def _date_condition(key: str, here: datetime, *, is_before: bool, all_day: str) -> Condition:
    """Between midnight here and midnight of UTC one needs to know which of them counts; an index finds what
    lies beyond both."""
    there = here.replace(tzinfo=UTC)
    sign = "<" if is_before else ">="
    if not all_day or there == here:
        return f"{key} {sign} %(value)s", here
    first, second = "(%(value)s::timestamptz[])[1]", "(%(value)s::timestamptz[])[2]"
    near, far = (first, second) if is_before else (second, first)
    counts = "" if (there > here) == is_before else "NOT "
    between = f"{counts}coalesce({all_day}, false)"
    return f"({key} {sign} {far} AND ({key} {sign} {near} OR {between}))", sorted([here, there])


def latest(key: str, *, all_day: str = "") -> Calculation:
    return Calculation("latest", "Latest", _both_kinds("max", key, all_day), _latest)


def earliest(key: str, *, all_day: str = "") -> Calculation:
    return Calculation("earliest", "Earliest", _both_kinds("min", key, all_day), _earliest)


def _both_kinds(aggregate: str, key: str, all_day: str) -> str:
    """[of instants, of dates]"""
    if not all_day:
        return f"ARRAY[{aggregate}({key}), NULL]"
    where = (f"{aggregate}({key}) FILTER (WHERE {all_day} IS {said})" for said in ("NOT TRUE", "TRUE"))
    return f"ARRAY[{', '.join(where)}]"


def _latest(look: Look, found: Any, rows: int) -> SafeString:
    instant, date = found
    at = max((one for one in found if one), default=None)
    if at is None:
        return SafeString("")
    return format_html("Latest {}", _inside(moments.relative(at, look.now, is_all_day=at == date != instant)))


def _earliest(look: Look, found: Any, rows: int) -> SafeString:
    """What is long ago is told by its month."""
    instant, date = found
    at = min((one for one in found if one), default=None)
    if at is None:
        return SafeString("")
    is_all_day = at == date != instant
    if at > look.now:
        return format_html("Soonest {}", _inside(moments.relative(at, look.now, is_all_day=is_all_day)))
    return format_html("Earliest {}", f"{moments.day_of(at, is_all_day=is_all_day):%b %Y}")


def _inside(words: str) -> str:
    """Of a sentence. Names of days and months keep their capital."""
    is_word = words.startswith(("Just now", "Today", "Yesterday", "Tomorrow"))
    return words[:1].lower() + words[1:] if is_word else words
