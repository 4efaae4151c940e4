"""Records + columns + sort + page, ready to render: a page is one statement, whatever the sort."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import cells
from crm.cells import Face
from crm.columns import Column, Look, columns_of, default_sort
from crm.filters import BadFilter, Filter, parse_filter
from crm.models import Member
from crm.naming import name_key
from crm.records import RecordType
from crm.selecting import Selection
from crm.statements import fetch
from crm.walking import BadPlace, Place, Step

PAGE_ROWS = 50
MOST_COUNTED = 10_000
# Fewer matches than this are sorted; more are found soon enough by walking the sort's index.
FEW = 1_000


class BadState(ValueError):
    """A table's URL that asks for something there is not."""


@dataclass(frozen=True, slots=True)
class State:
    """What a table's URL says."""

    sort: str
    is_descending: bool = False
    filters: tuple[Filter, ...] = ()
    after: Place | None = None

    def query(self, **changed: Any) -> str:
        state = replace(self, **{"after": None, **changed})
        pairs = [("sort", f"{'-' if state.is_descending else ''}{state.sort}")]
        pairs += [("filter", one.text) for one in state.filters]
        if state.after:
            pairs.append(("after", state.after.encoded()))
        return urlencode(pairs)


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
class Row:
    key: str
    number: int
    pk: int
    name: str
    url: str
    mark: SafeString
    cells: SafeString


@dataclass(frozen=True, slots=True)
class Table:
    kind: RecordType
    state: State
    headers: Sequence[Header]
    sorted_by: Header
    rows: Sequence[Row]
    count: int
    total: int
    next_query: str

    @property
    def width(self) -> int:
        return sum(header.column.width for header in self.headers) + 40

    @property
    def narrow_width(self) -> int:
        shown = (h.column for h in self.headers if h.column.is_smart or h.column.name == "name")
        return sum(column.width for column in shown)

    @property
    def has_more_than_counted(self) -> bool:
        return self.count > MOST_COUNTED

    @property
    def shown_count(self) -> int:
        return min(self.count, MOST_COUNTED)


def read_state(kind: RecordType, given: QueryDict) -> State:
    """Raises BadState for a column, filter or place that does not exist."""
    sort = given.get("sort") or default_sort(kind.name)
    name = sort.removeprefix("-")
    if name not in columns_of(kind.name):
        raise BadState("There is no such column to sort by.")
    try:
        filters = tuple(parse_filter(kind.name, text) for text in given.getlist("filter"))
        after = Place.decoded(str(given["after"])) if given.get("after") else None
    except (BadFilter, BadPlace) as error:
        raise BadState("This address asks for something that does not exist.") from error
    return State(name, sort.startswith("-"), filters, after)


def shown_columns(kind: RecordType, chosen: Sequence[str] | None) -> list[Column]:
    """The columns a member wants to see, in his order; the name always comes first."""
    known = columns_of(kind.name)
    names = known if chosen is None else ["name", *chosen]
    return [known[name] for name in dict.fromkeys(names) if name in known]


def build_table(
    member: Member, kind: RecordType, state: State, *, columns: Sequence[Column], now: datetime
) -> Table:
    faces = members_of(member.workspace_id)
    look = Look(now, faces, member.workspace.slug)
    selection = Selection.of(columns)
    page = read_page(member.workspace_id, kind, state, selection=selection, look=look)
    rows = page.rows
    start = state.after.number if state.after else 0
    shown = rows[:PAGE_ROWS]
    next_query = ""
    if len(rows) > PAGE_ROWS:
        last = shown[-1]
        next_query = state.query(after=Place(last[1], last[0], start + PAGE_ROWS))
    return Table(
        kind=kind,
        state=state,
        headers=[_header(column, state) for column in columns],
        sorted_by=_header(columns_of(kind.name)[state.sort], state),
        rows=[
            _row(kind, row, number, selection=selection, look=look)
            for number, row in enumerate(shown, start + 1)
        ],
        count=page.count,
        total=page.total,
        next_query=next_query,
    )


def members_of(workspace_id: int) -> dict[int, Face]:
    """Everybody who is or was a member, in the order of their names."""
    found = Member.objects.filter(workspace_id=workspace_id)
    people = found.values_list("pk", "user__name", "user__email")
    faces = [Face(pk, name or email, email) for pk, name, email in people]
    faces.sort(key=lambda face: (name_key(face.name), face.pk))
    return {face.pk: face for face in faces}


def all_rows(
    workspace_id: int, kind: RecordType, selection: Selection, *, now: datetime
) -> Iterator[tuple[Any, ...]]:
    """(id, name, the selection) of every record by id, a thousand at a time."""
    after = 0
    statement = f"""
        SELECT r.id, r.name, {{selected}} FROM (SELECT * FROM {kind.table}
            WHERE workspace_id = %(workspace)s AND id > %(after)s ORDER BY id LIMIT 1000) r
        {{joins}} ORDER BY r.id
    """
    while rows := selection.rows(statement, workspace=workspace_id, after=after, now=now):
        yield from rows
        after = rows[-1][0]


PAGE = """
    WITH page AS MATERIALIZED (SELECT x.*, row_number() OVER () AS n FROM ({walk} LIMIT %(limit)s) x)
    SELECT r.id, page.key, {total}, r.name, {{selected}}
    FROM page JOIN {table} r ON r.id = page.id {{joins}}
    ORDER BY page.n
"""


COUNTED = """
    (SELECT count(*) FROM (SELECT FROM {table} WHERE workspace_id = %(workspace)s LIMIT %(most)s) counted)
"""


@dataclass(frozen=True, slots=True)
class PageRows:
    """Rows of (id, sort key, total, name, values …), one more than a page holds where there are
    more; how many match and how many there are, both counted no further than MOST_COUNTED + 1 and
    only on a first page."""

    rows: list[tuple[Any, ...]]
    count: int
    total: int


def read_page(
    workspace_id: int, kind: RecordType, state: State, *, selection: Selection, look: Look
) -> PageRows:
    walk = columns_of(kind.name)[state.sort].walk
    step = Step(state.is_descending, state.after, list(look.faces))
    common = {"workspace": workspace_id, "limit": PAGE_ROWS + 1, "most": MOST_COUNTED + 1, "now": look.now}
    matching = None
    if state.filters:
        few, narrow, values = _narrowed(kind, state.filters, look.now)
        common |= values
        matching = fetch(f"SELECT count(*) FROM ({few} LIMIT %(most)s) counted", **common)[0][0]
        sql, bounds = walk.sorted_few(step, few) if matching <= FEW else walk.page(step, narrow)
    else:
        sql, bounds = walk.page(step)
    statement = PAGE.format(
        walk=sql if not sql.startswith("(") else f"SELECT * FROM ({sql}) both_parts",
        table=kind.table,
        total="0" if state.after else COUNTED.format(table=kind.table),
    )
    rows = selection.rows(statement, **common, **bounds)
    total = rows[0][2] if rows else 0
    return PageRows(rows, total if matching is None else matching, total)


def _narrowed(kind: RecordType, filters: Sequence[Filter], now: datetime) -> tuple[str, str, dict[str, Any]]:
    """A statement for the matching ids, the same as a condition on {pk}, and their parameters."""
    conditions, values = [], {}
    for number, one in enumerate(filters):
        condition, given = one.condition(now)
        conditions.append(condition.replace("%(value)s", f"%(filter_{number})s"))
        values[f"filter_{number}"] = given
    source, pk = filters[0].source
    where = " AND ".join(conditions)
    few = f"SELECT f.{pk} AS id FROM {source} f WHERE f.workspace_id = %(workspace)s AND {where}"
    narrow = f"EXISTS (SELECT FROM {source} f WHERE f.{pk} = {{pk}} AND {where})"
    return few, narrow, values


def _header(column: Column, state: State) -> Header:
    is_sorted = column.name == state.sort
    # What changes is best seen newest and strongest first.
    descending = not state.is_descending if is_sorted else column.is_newest_first
    direction = "descending" if state.is_descending else "ascending"
    return Header(
        column, direction if is_sorted else "", state.query(sort=column.name, is_descending=descending)
    )


def _row(kind: RecordType, row: tuple[Any, ...], number: int, *, selection: Selection, look: Look) -> Row:
    pk, name = row[0], row[3]
    mark = cells.mark(pk, name) if kind.name == "company" else cells.avatar(pk, name)
    parts: list[SafeString] = []
    for column, values in selection.per_column(row):
        if column.name != "name":
            parts += _opening(column), column.cell(look, values), CLOSING
    html = cells.joined(parts)
    return Row(f"{kind.name}:{pk}", number, pk, name, kind.url(look.slug, pk), mark, html)


CLOSING = SafeString("</td>")


@cache
def _opening(column: Column) -> SafeString:
    """On a narrow screen plain columns drop out first."""
    if column.is_smart:
        return format_html('<td class="c-smart" data-attribute="{}" data-smart>', column.name)
    return format_html('<td class="c-plain" data-attribute="{}">', column.name)


def column_choices(kind: RecordType, shown: Iterable[Column]) -> Mapping[str, list[tuple[Column, bool]]]:
    """The column picker: smart groups first, each column with whether it is shown."""
    visible = {column.name for column in shown}
    groups: dict[str, list[tuple[Column, bool]]] = {}
    for column in sorted(columns_of(kind.name).values(), key=lambda column: not column.is_smart):
        if column.name != "name":
            groups.setdefault(column.group, []).append((column, column.name in visible))
    return groups


def choose_column(member: Member, kind: RecordType, name: str, *, is_shown: bool) -> None:
    """Show or hide a column for this member. Raises BadState for one that does not exist."""
    if name not in columns_of(kind.name) or name == "name":
        raise BadState("There is no such column.")
    shown = {column.name for column in shown_columns(kind, member.table_columns.get(kind.name))}
    shown = shown | {name} if is_shown else shown - {name}
    # A column that comes back takes its old place.
    names = [one for one in columns_of(kind.name) if one in shown and one != "name"]
    member.table_columns = {**member.table_columns, kind.name: names}
    member.save(update_fields=["table_columns"])
