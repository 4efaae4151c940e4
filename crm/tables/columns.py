"""The columns a records table can show; other apps register theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from crm.cells import Face
from crm.tables.calculations import Calculation
from crm.tables.walking import Walk

RECORD_ATTRIBUTES = "Record attributes"


@dataclass(frozen=True, slots=True)
class Look:
    """What cells need besides their values: the moment, who the members are, where links lead, and
    which member is looking. `now` is in the reader's zone."""

    now: datetime
    faces: dict[int, Face]
    slug: str
    member_id: int = 0
    # What has been drawn for this look and may be needed again, by what it shows.
    drawn: dict[Any, SafeString] = field(default_factory=dict, compare=False)


Values = Sequence[Any]

OLDEST_OR_NEWEST = ("oldest first", "newest first")
SOONEST_OR_FURTHEST = ("soonest first", "furthest first")
WEAKEST_OR_STRONGEST = ("weakest first", "strongest first")
FEWEST_OR_MOST = ("fewest first", "most first")


@dataclass(frozen=True, slots=True)
class Source:
    """What is joined to the record. Where `due` is true of a row, the clock has overtaken what is
    stored, and `due_join` answers instead."""

    join: str = ""
    due: str = ""
    due_join: str = ""


PLAIN = Source()


@dataclass(frozen=True, slots=True)
class Column:
    """`select` are SQL expressions over the record `r` and over `source`; their values go to
    `cell` for the page and, under the names in `exports`, through `export` into a CSV file."""

    name: str
    label: str
    icon: str
    width: int
    # What the table is sorted by; None where that makes no sense.
    walk: Walk | None
    select: tuple[str, ...]
    cell: Callable[[Look, Values], SafeString]
    source: Source = PLAIN
    group: str = RECORD_ATTRIBUTES
    description: str = ""
    # What ascending and descending mean here, in words.
    orders: tuple[str, str] = ("A to Z", "Z to A")
    # Sorted for the first time, does it begin with the last?
    is_newest_first: bool = False
    is_smart: bool = False
    exports: tuple[str, ...] = ()
    export: Callable[[Look, Values], Sequence[str]] | None = None
    # Its place in a file of everything there is, whose columns never change; where it is the same they stand
    # as they were registered. None: it comes only with a table that shows it.
    export_place: int | None = 0
    # Shown to whoever has chosen no columns.
    is_default: bool = True
    # Written down by people, who may change it where it stands.
    is_editable: bool = False
    # What may stand under it, the usual one first.
    calculations: tuple[Calculation, ...] = ()

    @property
    def short_label(self) -> str:
        """Beside its value, where there is less room than above a column."""
        is_long = "email" in self.name or "calendar" in self.name
        return self.label.removesuffix(" interaction") if is_long else self.label


@dataclass(slots=True)
class _Registry:
    columns: dict[str, dict[str, Column]] = field(default_factory=lambda: {"company": {}, "person": {}})
    sort: dict[str, str] = field(default_factory=dict)


_registry = _Registry()


def register(kind: str, *columns: Column, default_sort: str = "") -> None:
    """Columns for a kind of record, after those there are; `default_sort` as in a URL."""
    _registry.columns[kind].update({column.name: column for column in columns})
    if default_sort:
        _registry.sort[kind] = default_sort


def columns_of(kind: str) -> dict[str, Column]:
    return _registry.columns[kind]


def default_columns(kind: str) -> tuple[str, ...]:
    """The names of the columns after the first that stand in a table nobody has arranged."""
    return tuple(one.name for one in columns_of(kind).values() if one.is_default and one.name != "name")


def default_sort(kind: str) -> str:
    return _registry.sort.get(kind, "name")
