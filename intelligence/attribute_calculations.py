"""What stands under the smart columns: the latest, the earliest, how many, and how the grades are spread."""

from datetime import UTC
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from crm.tables.calculations import Calculation, distinct, filled
from crm.tables.columns import Look
from crm.tables.times import earliest, latest
from intelligence.attribute_filters import all_day_of, grade_counts, grade_limits
from intelligence.strength import GRADES


def times_counted(key: str) -> tuple[Calculation, ...]:
    """For a stored time: what is asked of its column first comes first."""
    stored, all_day = f"v.{key}", all_day_of(key, "v")
    having, lacking = filled(f"{stored} IS NOT NULL")
    ends = latest(stored, all_day=all_day), earliest(stored, all_day=all_day)
    if key.startswith("next"):
        scheduled = Calculation("scheduled", "Scheduled", f"count({stored})", _scheduled)
        return scheduled, *reversed(ends), lacking
    return *(reversed(ends) if key.startswith("first") else ends), having, lacking


def members_counted(key: str) -> tuple[Calculation, ...]:
    return (*distinct(key, "member", "members"), *filled(f"{key} IS NOT NULL"))


def _scheduled(look: Look, count: int, rows: int) -> SafeString:
    return format_html("{} scheduled", f"{count:,}")


def _spread(look: Look, counts: list[int], rows: int) -> SafeString:
    """One bar of five shares, which a tooltip and the bar's label say in numbers."""
    if not sum(counts):
        return SafeString("")
    words = [f"{count:,} {one.word.lower()}" for one, count in zip(GRADES, counts, strict=True)]
    shares = format_html_join(
        "",
        '<i style="--share:{};--tone:var(--dist-{})"></i>',
        ((count, one.level) for one, count in zip(GRADES, counts, strict=True) if count),
    )
    return format_html(
        '<span class="dist" role="img" aria-label="{}" title="{}">{}</span>',
        ", ".join(words),
        " · ".join(words),
        shares,
    )


def _grade_limits(look: Look) -> dict[str, Any]:
    return {"grades": grade_limits(look.now.astimezone(UTC).date())}


STRENGTHS = (
    Calculation("grades", "Grades", grade_counts(), _spread, _grade_limits),
    *filled("v.score IS NOT NULL"),
)
