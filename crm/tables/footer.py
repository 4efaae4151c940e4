"""The numbers under a table: every column's over all rows that match, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from crm.records import RecordType
from crm.statements import fetch
from crm.tables.calculations import Calculation, chosen
from crm.tables.columns import Column, Look
from crm.tables.filters import Asked, narrowed
from crm.tables.state import State


@dataclass(frozen=True, slots=True)
class Calculated:
    """Under one column; `following` is the name of the calculation that a press asks for."""

    column: Column
    words: SafeString
    label: str = ""
    following: str = ""


def calculate(
    workspace_id: int,
    kind: RecordType,
    state: State,
    *,
    columns: Sequence[Column],
    look: Look,
    wanted: Mapping[str, str],
) -> tuple[int, int, list[Calculated]]:
    """How many rows match, how many there are, and what stands under each column; `wanted` names
    calculations by column."""
    picked = [(column, chosen(column.calculations, wanted.get(column.name, ""))) for column in columns]
    asked = [one for _, one in picked if one]
    rows, total, *values = _values(workspace_id, kind, state, columns=columns, asked=asked, look=look)
    of = dict(zip(map(id, asked), values, strict=True))
    return (
        rows,
        total,
        [
            _calculated(column, one, of.get(id(one)), rows=rows, look=look) if one else _nothing(column)
            for column, one in picked
        ],
    )


def _values(
    workspace_id: int,
    kind: RecordType,
    state: State,
    *,
    columns: Sequence[Column],
    asked: Sequence[Calculation],
    look: Look,
) -> tuple[Any, ...]:
    parameters: dict[str, Any] = {"workspace": workspace_id, "now": look.now}
    joins = dict.fromkeys(column.source.join for column in columns)
    source = f"{kind.table} r"
    if state.filters:
        found = narrowed(state.filters, Asked(look.now, look.member_id))
        source = f"({found.few}) matching JOIN {source} ON r.id = matching.id"
        parameters |= found.values
    for one in asked:
        parameters |= one.given(look) if one.given else {}
    total = f"(SELECT count(*) FROM {kind.table} WHERE workspace_id = %(workspace)s)"
    selected = ", ".join(["count(*)", total, *(one.select for one in asked)])
    statement = f"SELECT {selected} FROM {source} {' '.join(joins)} WHERE r.workspace_id = %(workspace)s"
    return fetch(statement, **parameters)[0]


def _calculated(column: Column, one: Calculation, value: Any, *, rows: int, look: Look) -> Calculated:
    names = [each.name for each in column.calculations]
    following = names[(names.index(one.name) + 1) % len(names)]
    return Calculated(column, one.draw(look, value, rows), one.label, following if len(names) > 1 else "")


def _nothing(column: Column) -> Calculated:
    return Calculated(column, SafeString(""))
