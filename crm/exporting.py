"""A workspace's records as CSV: the same cells for everybody, nothing of anybody's mail but times."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from crm.models import Member, Workspace
from crm.records import RecordType
from crm.tables.columns import Column, Look, columns_of, default_columns
from crm.tables.page import BATCH_ROWS, all_rows, ids_in_order, look_of, members_of, rows_of, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import State

# Called before an export: what only the clock changes is brought up to date.
_settlers: list[Callable[[int, datetime], object]] = []


def register_settler(settle: Callable[[int, datetime], object]) -> None:
    _settlers.append(settle)


def export_lines(workspace: Workspace, kind: RecordType, *, now: datetime) -> Iterator[list[str]]:
    """A header and one line per record, by id. Cells that could start a formula are defused."""
    _settle(workspace, now)
    exported = _lasting([one for one in columns_of(kind.name).values() if one.is_default])
    selection = Selection.of(exported)
    rows = all_rows(workspace.pk, kind, selection, now=now)
    yield from _lines(exported, rows, selection, Look(now, members_of(workspace.pk), workspace.slug))


def export_view(
    member: Member,
    kind: RecordType,
    state: State,
    *,
    only: Sequence[int] | None = None,
    is_by_id: bool = False,
    now: datetime,
) -> Iterator[list[str]]:
    """A table as it is shown: its rows in their order or by id, or those of them in `only`, with its columns.
    One that nobody has arranged has those of all records."""
    _settle(member.workspace, now)
    is_arranged = state.columns != default_columns(kind.name)
    shown = shown_columns(kind, state)
    exported = [one for one in shown if one.export] if is_arranged else _lasting(shown)
    selection, look = Selection.of(exported), look_of(member, now=now)
    ids = ids_in_order(member.workspace_id, kind, state, look) if only is None else iter([only])
    if is_by_id:
        ids = _by_id(ids)
    rows = (
        row
        for batch in ids
        for row in rows_of(member.workspace_id, kind, batch, selection=selection, now=now)
    )
    yield from _lines(exported, rows, selection, look)


def _lasting(columns: Iterable[Column]) -> list[Column]:
    """Those of a file of everything, in the order that scripts rely on."""
    placed = [(one.export_place, one) for one in columns if one.export and one.export_place is not None]
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def _by_id(batches: Iterable[Sequence[int]]) -> Iterator[list[int]]:
    ids = sorted(chain.from_iterable(batches))
    for start in range(0, len(ids), BATCH_ROWS):
        yield ids[start : start + BATCH_ROWS]


def _settle(workspace: Workspace, now: datetime) -> None:
    for settle in _settlers:
        settle(workspace.pk, now)


def _lines(
    exported: Sequence[Column], rows: Iterable[tuple[Any, ...]], selection: Selection, look: Look
) -> Iterator[list[str]]:
    yield ["id", "name", *(name for column in exported for name in column.exports)]
    for row in rows:
        line = [str(row[0]), row[1]]
        for column, values in selection.per_column(row):
            line += column.export(look, values) if column.export else ()
        yield [defused(cell) for cell in line]


def defused(cell: str) -> str:
    """Spreadsheets run cells that begin with = + - @, also behind blanks and invisible characters."""
    start = next((c for c in cell if not _is_unseen(c)), "")
    return f"'{cell}" if start in {"=", "+", "-", "@"} or cell[:1] in {"\t", "\r", "\n"} else cell


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
