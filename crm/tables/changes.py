"""What has changed in a table that somebody is looking at: fresh rows for those that stay where they
are, and how many would stand elsewhere if it were sorted again."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import Member
from crm.records import RecordType
from crm.statements import fetch
from crm.tables.ordering import ordering
from crm.tables.page import look_of, rows_of, shown_columns
from crm.tables.rows import Row, draw_row
from crm.tables.selecting import Selection
from crm.tables.state import State

# More rows than anybody has scrolled through are not looked after.
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Changes:
    rows: Sequence[Row]
    moved: int


def read_changes(
    member: Member,
    kind: RecordType,
    state: State,
    *,
    shown: Sequence[int],
    changed: Iterable[int],
    now: datetime,
) -> Changes:
    """`shown` are the ids of the rows on the page, from the first; `changed` those that may be stale."""
    columns = shown_columns(kind, state)
    selection, look = Selection.of(columns), look_of(member, now=now)
    numbers = {pk: number for number, pk in enumerate(shown, 1)}
    stale = [pk for pk in dict.fromkeys(changed) if pk in numbers]
    rows = rows_of(member.workspace_id, kind, stale, selection=selection, now=now)

    def read(walk: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return fetch(f"{walk} LIMIT %(limit)s", limit=len(shown), **parameters)

    fresh, _ = ordering(member.workspace_id, kind, state, look).read(read, len(shown))
    return Changes(
        [
            draw_row(kind, row[0], row[1], selection.per_column(row), number=numbers[row[0]], look=look)
            for row in rows
        ],
        rows_moved(shown, [row[0] for row in fresh]),
    )


def rows_moved(shown: Sequence[int], fresh: Sequence[int]) -> int:
    """The fewest rows that have to be lifted out of `shown` and put in elsewhere, or anew, or not again, for
    it to read like `fresh`."""
    places = {pk: place for place, pk in enumerate(shown)}
    staying = [places[pk] for pk in fresh if pk in places]
    return max(len(fresh), len(shown)) - _longest_rise(staying)


def _longest_rise(numbers: Iterable[int]) -> int:
    """The length of the longest increasing subsequence, by patience sorting."""
    tops: list[int] = []
    for number in numbers:
        at = bisect_left(tops, number)
        tops[at : at + 1] = [number]
    return len(tops)
