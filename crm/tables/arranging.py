"""Which columns a table shows, and in which order."""

from collections.abc import Mapping

from crm.models import Member
from crm.records import RecordType
from crm.tables.columns import Column, columns_of
from crm.tables.state import BadState, State

Choices = Mapping[str, list[tuple[Column, bool]]]


def column_choices(kind: RecordType, state: State) -> Choices:
    """The column picker: smart groups first, each column with whether it is shown."""
    groups: dict[str, list[tuple[Column, bool]]] = {}
    for column in sorted(columns_of(kind.name).values(), key=lambda column: not column.is_smart):
        if column.name != "name":
            groups.setdefault(column.group, []).append((column, column.name in state.columns))
    return groups


def with_column(state: State, name: str, *, is_shown: bool) -> tuple[str, ...]:
    """A column that comes goes where it stands by nature: after the last of those before it. Raises
    BadState."""
    known = list(columns_of(state.kind.name))
    if name not in known or name == "name":
        raise BadState("There is no such column.")
    if not is_shown:
        return tuple(one for one in state.columns if one != name)
    if name in state.columns:
        return state.columns
    before = set(known[: known.index(name)])
    place = max((at + 1 for at, one in enumerate(state.columns) if one in before), default=0)
    return (*state.columns[:place], name, *state.columns[place:])


def moved_column(state: State, name: str, *, by: int) -> tuple[str, ...]:
    """So many places to the right, or to the left if negative, as far as there are any. Raises BadState."""
    columns = list(state.columns)
    if name not in columns:
        raise BadState("There is no such column.")
    place = columns.index(name) + by
    columns.remove(name)
    columns.insert(max(place, 0), name)
    return tuple(columns)


def remember_columns(member: Member, kind: RecordType, columns: tuple[str, ...]) -> None:
    """What the member sees when he opens all records."""
    member.table_columns = {**member.table_columns, kind.name: list(columns)}
    member.save(update_fields=["table_columns"])
