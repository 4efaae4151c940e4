"""A workspace's records as CSV: the same cells for everybody, nothing of anybody's mail but times."""

import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime

from crm.columns import Look, columns_of
from crm.models import Workspace
from crm.records import RecordType
from crm.selecting import Selection
from crm.tables import all_rows, members_of

# Called before an export: what only the clock changes is brought up to date.
_settlers: list[Callable[[int, datetime], object]] = []


def register_settler(settle: Callable[[int, datetime], object]) -> None:
    _settlers.append(settle)


def export_lines(workspace: Workspace, kind: RecordType, *, now: datetime) -> Iterator[list[str]]:
    """A header and one line per record, by id. Cells that could start a formula are defused."""
    for settle in _settlers:
        settle(workspace.pk, now)
    exported = [column for column in columns_of(kind.name).values() if column.export]
    yield ["id", "name", *(name for column in exported for name in column.exports)]
    look = Look(now, members_of(workspace.pk), workspace.slug)
    selection = Selection.of(exported)
    for row in all_rows(workspace.pk, kind, selection, now=now):
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
