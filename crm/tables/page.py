"""Records + columns + sort + page, ready to render: a page is one statement, whatever the sort."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from crm.cells import Face, joined
from crm.models import Member
from crm.naming import name_key
from crm.plurals import Capped
from crm.records import RecordType
from crm.statements import fetch
from crm.tables.columns import Column, Look, columns_of
from crm.tables.filters import Filter
from crm.tables.ordering import ordering
from crm.tables.rows import Row, blank_cells, draw_row
from crm.tables.selecting import Selection
from crm.tables.state import State
from crm.tables.walking import Place

PAGE_ROWS = 50
MOST_COUNTED = 10_000
BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Header:
    column: Column
    aria_sort: str
    sort_query: str

    @property
    def order(self) -> str:
        """The order the table is in, in words."""
        return self.column.orders[self.aria_sort == "descending"]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter as the toolbar shows it, and the address of the table without it."""

    number: int
    filter: Filter
    words: str
    rest_query: str


@dataclass(frozen=True, slots=True)
class Table:
    kind: RecordType
    state: State
    headers: Sequence[Header]
    sorted_by: Header
    chips: Sequence[Chip]
    rows: Sequence[Row]
    count: Capped
    total: Capped
    # The address of this table, and that of its next page, or nothing.
    query: str
    next_query: str

    @property
    def html(self) -> SafeString:
        """Its rows."""
        return joined(row.html for row in self.rows)

    @property
    def blank_cells(self) -> SafeString:
        return blank_cells(self._are_smart)

    @property
    def skeleton_cells(self) -> SafeString:
        return blank_cells(self._are_smart, '<i class="sk" style="--w:96px"></i>')

    @property
    def _are_smart(self) -> tuple[bool, ...]:
        return tuple(header.column.is_smart for header in self.headers[1:])

    @property
    def is_bare(self) -> bool:
        """There is nothing yet, and not because somebody asked for too much."""
        return not self.rows and not self.state.filters and self.state.after is None

    @property
    def width(self) -> int:
        return sum(header.column.width for header in self.headers) + 40

    @property
    def narrow_width(self) -> int:
        shown = (h.column for h in self.headers if h.column.is_smart or h.column.name == "name")
        return sum(column.width for column in shown)

    @property
    def row_count(self) -> int:
        """With the header's, as ARIA has it: -1 where it is not known yet."""
        return -1 if self.count.is_capped else self.count.number + 1


def shown_columns(kind: RecordType, state: State) -> list[Column]:
    """The columns of a table in their order; the name always comes first."""
    known = columns_of(kind.name)
    return [known[name] for name in ("name", *state.columns)]


def look_of(member: Member, *, now: datetime) -> Look:
    here = timezone.localtime(now)
    return Look(here, members_of(member.workspace_id), member.workspace.slug, member.pk)


def build_table(
    member: Member,
    kind: RecordType,
    state: State,
    *,
    pages: int = 1,
    is_counted: bool = True,
    now: datetime,
) -> Table:
    """`is_counted` is False where rows alone are asked for, and nobody sees how many there are."""
    columns = shown_columns(kind, state)
    look = look_of(member, now=now)
    selection = Selection.of(columns)
    most = PAGE_ROWS * pages
    page = read_page(
        member.workspace_id,
        kind,
        state,
        selection=selection,
        look=look,
        limit=most + 1,
        is_counted=is_counted,
    )
    start = state.after.number if state.after else 0
    shown = page.rows[:most]
    next_query = ""
    if len(page.rows) > most:
        last = shown[-1]
        next_query = state.query(after=Place(last[1], last[0], start + most))
    return Table(
        kind=kind,
        state=state,
        headers=[_header(column, state) for column in columns],
        sorted_by=_header(columns_of(kind.name)[state.sort], state),
        chips=[_chip(state, number, look) for number in range(len(state.filters))],
        rows=[
            draw_row(kind, row[0], row[4], selection.per_column(row), number=number, look=look)
            for number, row in enumerate(shown, start + 1)
        ],
        count=page.count,
        total=page.total,
        query=state.query(),
        next_query=next_query,
    )


def members_of(workspace_id: int) -> dict[int, Face]:
    """Everybody who is or was a member, in the order of their names."""
    statement = """
        SELECT m.id, u.name, u.email FROM crm_member m JOIN crm_user u ON u.id = m.user_id
        WHERE m.workspace_id = %(workspace)s
    """
    people = fetch(statement, workspace=workspace_id)
    faces = [Face(pk, name or email, email) for pk, name, email in people]
    faces.sort(key=lambda face: (name_key(face.name), face.pk))
    return {face.pk: face for face in faces}


PAGE = """
    WITH page AS MATERIALIZED (SELECT x.*, row_number() OVER () AS n FROM ({walk} LIMIT %(limit)s) x)
    SELECT r.id, page.key, page.matching, {total}, r.name, {{selected}}
    FROM page JOIN {table} r ON r.id = page.id {{joins}}
    ORDER BY page.n
"""


COUNTED = f"""
    (SELECT count(*)
     FROM (SELECT FROM {{table}} WHERE workspace_id = %(workspace)s LIMIT {MOST_COUNTED + 1}) counted)
"""


@dataclass(frozen=True, slots=True)
class PageRows:
    """Rows of (id, sort key, …, name, values …), one more than a page holds where there are
    more; how many match and, where that is asked, how many there are. Both counted on when the
    page is there, with what stands under the table."""

    rows: list[tuple[Any, ...]]
    count: Capped
    total: Capped


def read_page(
    workspace_id: int,
    kind: RecordType,
    state: State,
    *,
    selection: Selection,
    look: Look,
    limit: int = PAGE_ROWS + 1,
    is_counted: bool = True,
) -> PageRows:
    counted = COUNTED.format(table=kind.table) if is_counted else "0"

    def read(walk: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        statement = PAGE.format(walk=walk, table=kind.table, total=counted)
        # With a limit that it knows the server plans once and for all. What filters find is as various as
        # what they ask for: those are planned each time.
        if not state.filters:
            statement = statement.replace("%(limit)s", str(limit))
        return selection.rows(statement, limit=limit, **parameters)

    rows, matching = ordering(workspace_id, kind, state, look).read(read, limit)
    total = Capped(rows[0][3] if rows else 0, MOST_COUNTED)
    return PageRows(rows, total if matching is None else matching, total)


def ids_in_order(workspace_id: int, kind: RecordType, state: State, look: Look) -> Iterator[list[int]]:
    """All of a table's in its order, a batch at a time, each beginning where the last ended."""
    state = replace(state, after=None)
    while True:
        (sql, parameters), _ = ordering(workspace_id, kind, state, look).all()
        rows = fetch(f"{sql} LIMIT %(limit)s", limit=BATCH_ROWS, **parameters)
        yield [row[0] for row in rows]
        if len(rows) < BATCH_ROWS:
            return
        state = replace(state, after=Place(rows[-1][1], rows[-1][0], 0))


def rows_of(
    workspace_id: int, kind: RecordType, ids: Sequence[int], *, selection: Selection, now: datetime
) -> list[tuple[Any, ...]]:
    """(id, name, the selection) of the given records, in their order."""
    statement = f"""
        SELECT r.id, r.name, {{selected}}
        FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS given(id, n)
        JOIN {kind.table} r ON r.id = given.id AND r.workspace_id = %(workspace)s {{joins}} ORDER BY given.n
    """
    return selection.rows(statement, workspace=workspace_id, ids=list(ids), now=now) if ids else []


def all_rows(
    workspace_id: int, kind: RecordType, selection: Selection, *, now: datetime
) -> Iterator[tuple[Any, ...]]:
    """(id, name, the selection) of every record by id, a thousand at a time."""
    after = 0
    statement = f"""
        SELECT r.id, r.name, {{selected}} FROM (SELECT * FROM {kind.table}
            WHERE workspace_id = %(workspace)s AND id > %(after)s ORDER BY id LIMIT {BATCH_ROWS}) r
        {{joins}} ORDER BY r.id
    """
    while rows := selection.rows(statement, workspace=workspace_id, after=after, now=now):
        yield from rows
        after = rows[-1][0]


def _header(column: Column, state: State) -> Header:
    is_sorted = column.name == state.sort
    # What changes is best seen newest and strongest first.
    descending = not state.is_descending if is_sorted else column.is_newest_first
    direction = "descending" if state.is_descending else "ascending"
    query = state.query(sort=column.name, is_descending=descending) if column.walk else ""
    return Header(column, direction if is_sorted else "", query)


def _chip(state: State, number: int, look: Look) -> Chip:
    one = state.filters[number]
    rest = state.filters[:number] + state.filters[number + 1 :]
    return Chip(number, one, one.words(look.faces), state.query(filters=rest))
