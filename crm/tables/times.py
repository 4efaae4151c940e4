"""Attributes that are moments: what they can be narrowed by, and what stands under their columns."""

from typing import Any

from django.utils import timezone
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
    key: str, operator: Operator, value: str, asked: Asked, *, is_ahead: bool = False
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
        case "before":
            return f"{key} < %(value)s", midnight(value)
    return f"{key} >= %(value)s", midnight(value)


def latest(key: str) -> Calculation:
    return Calculation("latest", "Latest", f"max({key})", _latest)


def earliest(key: str) -> Calculation:
    return Calculation("earliest", "Earliest", f"min({key})", _earliest)


def _latest(look: Look, at: Any, rows: int) -> SafeString:
    return format_html("Latest {}", moments.relative(at, look.now)) if at else SafeString("")


def _earliest(look: Look, at: Any, rows: int) -> SafeString:
    """What is long ago is told by its month."""
    if at is None:
        return SafeString("")
    is_ahead = at > look.now
    words = moments.relative(at, look.now) if is_ahead else f"{timezone.localtime(at):%b %Y}"
    return format_html("{} {}", "Soonest" if is_ahead else "Earliest", words)
