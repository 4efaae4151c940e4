"""What a table's address says: sort, filters, columns, the saved view it began from, and the place
of a later page. An address holds all of it, so it can be sent to somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import QueryDict

from crm.places import BadPlace
from crm.records import RecordType
from crm.tables.columns import columns_of, default_columns, default_sort
from crm.tables.filters import MOST_FILTERS, BadFilter, Filter, parse_filter
from crm.tables.saved_views import View
from crm.tables.walking import Place


class BadState(BadRequest):
    """A table's address that asks for something there is not."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a table looks: `sort` as in an address, the names of the columns after the first."""

    sort: str
    filters: tuple[Filter, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """`base` is how the table would look without the address' own wishes: as the view was saved, or
    as the member last had all records."""

    kind: RecordType
    sort: str
    base: Arrangement
    is_descending: bool = False
    filters: tuple[Filter, ...] = ()
    columns: tuple[str, ...] = ()
    view: View | None = None
    after: Place | None = None

    @property
    def sort_text(self) -> str:
        return f"{'-' if self.is_descending else ''}{self.sort}"

    @property
    def arrangement(self) -> Arrangement:
        return Arrangement(self.sort_text, self.filters, self.columns)

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save. The columns of all records are remembered anyway."""
        base = self.base if self.view else replace(self.base, columns=self.columns)
        return self.arrangement != base

    def query(self, **changed: Any) -> str:
        """The address of this table with something changed, from its first page unless `after` is."""
        return urlencode(replace(self, **{"after": None, **changed}).pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What an address says, one by one."""
        pairs = [("view", str(self.view.pk))] if self.view else []
        pairs.append(("sort", self.sort_text))
        pairs += [("filter", one.text) for one in self.filters]
        if self.base.filters and not self.filters:
            pairs.append(("filter", ""))
        if not self._has_usual_columns:
            pairs.append(("columns", ",".join(self.columns)))
        if self.after:
            pairs.append(("after", self.after.encoded()))
        return pairs

    @property
    def _has_usual_columns(self) -> bool:
        """Whether somebody else who opens the address without them would see the same columns."""
        is_own = self.view is None and self.columns != default_columns(self.kind.name)
        return self.columns == self.base.columns and not is_own


def read_state(
    kind: RecordType,
    given: QueryDict,
    *,
    views: Sequence[View] = (),
    remembered: Sequence[str] | None = None,
) -> State:
    """`views` are those the reader may use; `remembered` the columns he last had. An address of a view
    that is not his, or is gone, still says everything else. Raises BadState for a column, filter or
    place that does not exist."""
    view = next((one for one in views if str(one.pk) == given.get("view")), None)
    base = _as_saved(kind, view) if view else _all_records(kind, remembered)
    sort = given.get("sort") or base.sort
    name = sort.removeprefix("-")
    column = columns_of(kind.name).get(name)
    if column is None or column.walk is None:
        raise BadState("There is no such column to sort by.")
    try:
        filters = _filters(kind, given.getlist("filter")) if "filter" in given else base.filters
        place = given.get("after")
        walk = column.walk
        after = Place.decoded(str(place), walk.key_type, has_gaps=walk.has_gaps) if place else None
    except (BadFilter, BadPlace) as error:
        raise BadState("This address asks for something that does not exist.") from error
    columns = _columns(kind, str(given["columns"]).split(",")) if "columns" in given else base.columns
    return State(
        kind=kind,
        sort=name,
        base=base,
        is_descending=sort.startswith("-"),
        filters=filters,
        columns=columns,
        view=view,
        after=after,
    )


def _filters(kind: RecordType, texts: Sequence[str]) -> tuple[Filter, ...]:
    if len(texts) > MOST_FILTERS:
        raise BadFilter("Too many filters.")
    return tuple(dict.fromkeys(parse_filter(kind.name, text) for text in texts if text))


def _columns(kind: RecordType, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that exist, each once; the name is always first and not among them."""
    known = columns_of(kind.name)
    return tuple(name for name in dict.fromkeys(names) if name in known and name != "name")


def _all_records(kind: RecordType, remembered: Sequence[str] | None) -> Arrangement:
    columns = default_columns(kind.name) if remembered is None else _columns(kind, remembered)
    return Arrangement(default_sort(kind.name), (), columns)


def _as_saved(kind: RecordType, view: View) -> Arrangement:
    """What it was saved with, as far as there still is such a thing."""
    filters = []
    for text in view.filters:
        try:
            filters.append(parse_filter(kind.name, text))
        except BadFilter:
            continue
    column = columns_of(kind.name).get(view.sort.removeprefix("-"))
    sort = view.sort if column and column.walk else default_sort(kind.name)
    return Arrangement(sort, tuple(filters), _columns(kind, view.columns))
