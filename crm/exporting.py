"""A workspace's records as CSV: the same cells for everybody, nothing of anybody's mail but times."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from crm.models import Member, Workspace
from crm.records import RecordType
from crm.tables.columns import Column, Look, columns_of, default_columns
from crm.tables.page import all_rows, ids_in_order, look_of, members_of, rows_of, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import State

# Called before an export: what only the clock changes is brought up to date.
_settlers: list[Callable[[int, datetime], object]] = []


def register_settler(settle: Callable[[int, datetime], object]) -> None:
    _settlers.append(settle)


def export_lines(workspace: Workspace, kind: RecordType, *, now: datetime) -> Iterator[list[str]]:
    """A header and one line per record, by id. Cells that could start a formula are defused."""
    _settle(workspace, now)
    known = columns_of(kind.name).values()
    exported = [one for one in known if one.export and one.is_default and one.is_in_full_export]
    selection = Selection.of(exported)
    rows = all_rows(workspace.pk, kind, selection, now=now)
    yield from _lines(exported, rows, selection, Look(now, members_of(workspace.pk), workspace.slug))


def export_view(
    member: Member, kind: RecordType, state: State, *, only: Sequence[int] | None = None, now: datetime
) -> Iterator[list[str]]:
    """A table as it is shown: its rows in their order, or those of them in `only`, with its columns. One that
    nobody has arranged has those of all records."""
    _settle(member.workspace, now)
    is_arranged = state.columns != default_columns(kind.name)
    shown = [one for one in shown_columns(kind, state) if one.export]
    exported = [one for one in shown if one.is_in_full_export or is_arranged]
    selection, look = Selection.of(exported), look_of(member, now=now)
    ids = ids_in_order(member.workspace_id, kind, state, look) if only is None else [only]
    rows = (
        row
        for batch in ids
        for row in rows_of(member.workspace_id, kind, batch, selection=selection, now=now)
    )
    yield from _lines(exported, rows, selection, look)


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
