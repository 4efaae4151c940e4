"""What stands under a column: a number over all rows of the table, each worked out by an aggregate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.plurals import counted

if TYPE_CHECKING:
    from crm.tables.columns import Look

Given = Callable[["Look"], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Calculation:
    """`select` is an aggregate over records `r` and their column's source, `draw(look, value, rows)`
    puts it into words, `rows` being how many there are; `given` are parameters it needs besides."""

    name: str
    label: str
    select: str
    draw: Callable[["Look", Any, int], SafeString]
    given: Given | None = None


def filled(condition: str) -> tuple[Calculation, ...]:
    """How many rows have a value, and how many have none."""
    count = f"count(*) FILTER (WHERE {condition})"
    return (
        Calculation("filled", "Filled", count, lambda look, n, rows: format_html("{} filled", f"{n:,}")),
        Calculation("empty", "Empty", count, lambda look, n, rows: format_html("{} empty", f"{rows - n:,}")),
    )


def total(expression: str, one: str, many: str) -> tuple[Calculation, ...]:
    select = f"coalesce(sum({expression}), 0)"
    return (
        Calculation(
            "total", "Total", select, lambda look, n, rows: format_html("{}", counted(int(n), one, many))
        ),
    )


def distinct(expression: str, one: str, many: str) -> tuple[Calculation, ...]:
    select = f"count(DISTINCT {expression})"
    return (
        Calculation(
            "different", "Different", select, lambda look, n, rows: format_html("{}", counted(n, one, many))
        ),
    )


def chosen(calculations: Sequence[Calculation], name: str) -> Calculation | None:
    """The one of this name, else the first."""
    return next((one for one in calculations if one.name == name), calculations[0] if calculations else None)
