"""Conditions a table can be narrowed by; other apps register theirs, as for columns.

A filter in an address is `attribute:operator:value,value`: any of the values will do, and all filters
of a table have to hold.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote, unquote

from django.core.exceptions import BadRequest
from django.utils import timezone

from crm.cells import Face
from crm.records import read_id
from crm.regional import day_words
from crm.search.words import folded, literal

MOST_FILTERS, MOST_VALUES, MOST_CHARACTERS = 20, 50, 200
MOST_DAYS = 36_500

# A condition in SQL over the row `f` of its source, with %(value)s, and the value for it.
Condition = tuple[str, Any]
# A table with one row per record and workspace, and its column that names the record.
Origin = tuple[str, str]
Choices = Callable[[Mapping[int, Face]], Sequence[tuple[str, str]]]


class BadFilter(BadRequest):
    """No such attribute, operator or value; the message says which, in the user's words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who narrows a table, and when. `of_one` record at a time, what an index could find is only
    checked."""

    now: datetime
    member_id: int = 0
    of_one: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """`field` is what its values are given in; `choices` are the values and their words. What follows … in a
    label stands behind the value. Where `takes_one`, several would say no more than one of them."""

    name: str
    label: str
    field: Literal["none", "days", "date", "text", "number", "choice"] = "none"
    choices: Choices | None = None
    takes_one: bool = False

    @property
    def lead(self) -> str:
        """What stands before the value."""
        return self.label.partition(" …")[0]

    @property
    def tail(self) -> str:
        return self.label.partition(" …")[2]


Maker = Callable[[Operator, tuple[str, ...], Asked], Condition]


@dataclass(frozen=True, slots=True)
class Filterable:
    """An attribute of a kind of record. `condition(operator, values, asked)` raises BadFilter; it asks only
    for a row of its source, unless other rows are looked through."""

    name: str
    label: str
    icon: str
    source: Origin
    operators: tuple[Operator, ...]
    condition: Maker
    is_smart: bool = False
    is_of_row: bool = True

    def operator(self, name: str) -> Operator:
        for one in self.operators:
            if one.name == name:
                return one
        raise BadFilter(f"{self.label} has no condition “{name}”.")


@dataclass(frozen=True, slots=True)
class Filter:
    attribute: Filterable
    operator: Operator
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        values = ",".join(quote(value, safe=" /:@+") for value in self.values)
        return f"{self.attribute.name}:{self.operator.name}:{values}"

    def condition(self, asked: Asked) -> Condition:
        return self.attribute.condition(self.operator, self.values, asked)

    def words(self, faces: Mapping[int, Face]) -> str:
        """The values as a chip says them."""
        named = dict(self.operator.choices(faces)) if self.operator.choices else {}
        values = [named.get(value) or _in_words(self.operator, value) for value in self.values]
        return ", ".join(values) + self.operator.tail


def _in_words(operator: Operator, value: str) -> str:
    match operator.field:
        case "days":
            return "1 day" if value == "1" else f"{value} days"
        case "date":
            return day_words(date.fromisoformat(value), with_year=True)
        case "choice":
            return "somebody who has left"
    return value


_filterable: dict[str, dict[str, Filterable]] = {"company": {}, "person": {}}


def register_filter(kind: str, *attributes: Filterable) -> None:
    _filterable[kind].update({attribute.name: attribute for attribute in attributes})


def filterable(kind: str) -> dict[str, Filterable]:
    return _filterable[kind]


def parse_filter(kind: str, text: str) -> Filter:
    """`last_email_interaction:more_than_days_ago:90`, as in an address. Raises BadFilter."""
    name, _, rest = text.partition(":")
    operator, _, values = rest.partition(":")
    return make_filter(kind, name, operator, (unquote(value) for value in values.split(",")))


def make_filter(kind: str, name: str, operator_name: str, values: Iterable[str]) -> Filter:
    """Raises BadFilter, with words for whoever filled in the form."""
    attribute = _filterable[kind].get(name)
    if attribute is None:
        raise BadFilter("There is no such attribute.")
    operator = attribute.operator(operator_name)
    given = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
    if operator.field == "none":
        given = ()
    elif not given:
        raise BadFilter("Say what to look for.")
    if len(given) > MOST_VALUES or any(len(value) > MOST_CHARACTERS or "\x00" in value for value in given):
        raise BadFilter("That is too much to look for at once.")
    one = Filter(attribute, operator, given)
    one.condition(Asked(datetime(2020, 1, 1, tzinfo=UTC)))  # only to see whether it makes sense
    return one


@dataclass(frozen=True, slots=True)
class Part:
    """A filter in SQL, over the row `f` of its source: what finds all that meet it, and what checks one."""

    filterable: Filterable
    finds: str
    checks: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Filters in SQL, of which all have to be met; `values` are the parameters of every statement, besides
    %(workspace)s."""

    parts: tuple[Part, ...]
    values: dict[str, Any]

    @property
    def few(self) -> str:
        """A statement for the ids of all that meet them."""
        return self.few_with()

    def few_with(self, key: str = "") -> str:
        """And for the key of each, which stands on their row `f`."""
        pk, source, where = _joined([(part.filterable.source, part.finds) for part in self.parts])
        keyed = f", {_of('f0', key)} AS key" if key else ""
        return f"SELECT {pk} AS id{keyed} FROM {source} WHERE f0.workspace_id = %(workspace)s AND {where}"

    def exists(self, pk: str, origin: Origin | None) -> str:
        """A condition on a record that is walked by, which the planner may turn round and begin from what
        is found. `origin` is the table whose row is at hand, by the name that `pk` begins with."""
        return self._on(pk, origin, "EXISTS (SELECT {})")

    def check(self, pk: str, origin: Origin | None) -> str:
        """The same, asked of one row after another, which need not be looked up again."""
        return self._on(pk, origin, "(SELECT true {})", at_hand=origin)

    @property
    def kept(self) -> "Narrowed":
        """The same where it is no trouble to find beforehand what rows would be looked up for: PostgreSQL
        keeps a set that nothing of the row at hand goes into, but only of an IN that cannot become a join."""
        return replace(self, parts=tuple(map(_kept, self.parts)))

    def is_of_row(self, origin: Origin | None) -> bool:
        """Whether the row at hand tells, and nothing has to be looked up."""
        return all(_is_of_row(part, origin) for part in self.parts)

    def _on(self, pk: str, origin: Origin | None, looking: str, *, at_hand: Origin | None = None) -> str:
        row, _, _ = pk.partition(".")
        own = [_of(row, part.checks) for part in self.parts if _is_of_row(part, origin)]
        others = [
            (part.filterable.source, part.checks) for part in self.parts if not _is_of_row(part, origin)
        ]
        if others:
            other, source, where = _joined(others, {at_hand: f"(SELECT {row}.*)"} if at_hand else {})
            own.append(looking.format(f"FROM {source} WHERE {other} = {pk} AND {where}"))
        return " AND ".join(own)


def narrowed(filters: Sequence[Filter], asked: Asked, *, prefix: str = "filter") -> Narrowed:
    """Names of parameters begin with `prefix`."""
    parts, values = [], {}
    for number, one in enumerate(filters):
        parameter = f"{prefix}_{number}"
        finds, values[parameter] = one.condition(asked)
        checks, _ = one.condition(replace(asked, of_one=True))
        named = (condition.replace("%(value)s", f"%({parameter})s") for condition in (finds, checks))
        parts.append(Part(one.attribute, *named))
    return Narrowed(tuple(parts), values)


def _kept(part: Part) -> Part:
    if part.filterable.is_of_row:
        return part
    return Part(replace(part.filterable, is_of_row=True), part.finds, f"({part.finds}) IS TRUE")


def _joined(
    conditions: Sequence[tuple[Origin, str]], rows: Mapping[Origin, str] = MappingProxyType({})
) -> tuple[str, str, str]:
    """The column for the record, what follows FROM, and what has to hold, over one row of each source.
    `rows` are those that need not be looked up in its table."""
    names = {origin: f"f{place}" for place, origin in enumerate(dict.fromkeys(o for o, _ in conditions))}
    sources = [f"{rows.get(origin, origin[0])} {name}" for origin, name in names.items()]
    (_, pk), *others = names
    joins = (
        f" JOIN {source} ON {names[origin]}.{origin[1]} = f0.{pk}"
        for origin, source in zip(others, sources[1:], strict=True)
    )
    where = " AND ".join(_of(names[origin], condition) for origin, condition in conditions)
    return f"f0.{pk}", f"{sources[0]}{''.join(joins)}", where


def _of(row: str, condition: str) -> str:
    return _ROW.sub(f"{row}.", condition)


def _is_of_row(part: Part, origin: Origin | None) -> bool:
    return part.filterable.is_of_row and part.filterable.source == origin


_ROW = re.compile(r"\bf\.")


# Operators that several attributes share

IS_EMPTY, IS_NOT_EMPTY = Operator("is_empty", "is empty"), Operator("is_not_empty", "is not empty")
EMPTINESS = (IS_EMPTY, IS_NOT_EMPTY)
TEXT_OPERATORS = (
    Operator("contains", "contains", "text"),
    Operator("is", "is", "text"),
    Operator("does_not_contain", "does not contain", "text"),
    *EMPTINESS,
)
NUMBER_OPERATORS = (
    Operator("at_least", "is at least", "number"),
    Operator("at_most", "is at most", "number"),
)


def text_condition(column: str, key: Callable[[str], str], *, words: str = "") -> Maker:
    """Over a column that holds text, itself already in the form that `key` gives. `words` is what an
    index knows of it by any three letters (see crm.search.words)."""

    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        match operator.name:
            case "contains":
                return _any_like(column, values, key, words, of_one=asked.of_one)
            case "does_not_contain":
                within, patterns = _any_like(column, values, key)
                return f"NOT {within}", patterns
            case "is":
                return f"{column} = ANY(%(value)s::text[])", [key(value) for value in values]
            case "is_empty":
                return f"{column} = %(value)s", ""
        return f"{column} <> %(value)s", ""

    return condition


def related_condition(
    link: str, relation: str, column: str, key: Callable[[str], str] = str.casefold, *, words: str = ""
) -> Maker:
    """Over text of other rows that belong to a record: `relation` selects what they call it by, up to and
    with a WHERE on the workspace; `link` is what the record has to be found among those."""
    own = text_condition(column, key, words=words)

    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        is_negative = operator.name in {"is_empty", "does_not_contain"}
        # Nothing to be found by is not found either. (Said positively, it can be joined.)
        found = f"({link} IN ({{}})) IS NOT TRUE" if is_negative else f"{link} IN ({{}})"
        if operator in EMPTINESS:
            return f"({found.format(relation)} OR %(value)s::text IS NULL)", ""
        positive = Operator("contains", "") if is_negative else operator
        inner, value = own(positive, values, asked)
        return f"({found.format(f'{relation} AND {inner}')})", value

    return condition


def number_condition(column: str) -> Maker:
    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        number = read_id(values[0])
        if number is None or number >= 10**9:
            raise BadFilter("Give a whole number.")
        return f"{column} {'>=' if operator.name == 'at_least' else '<='} %(value)s", number

    return condition


def _any_like(
    column: str,
    values: tuple[str, ...],
    key: Callable[[str], str],
    words: str = "",
    *,
    of_one: bool = False,
) -> Condition:
    patterns = [f"%{literal(key(value))}%" for value in values]
    if len(patterns) > 1:
        return f"{column} LIKE ANY(%(value)s::text[])", patterns
    if not words:
        return f"{column} LIKE %(value)s", patterns[0]
    # The index finds what may be meant, the column decides. Said like this the planner does not take the
    # second for as rare as the first.
    given = [f"%{literal(folded(key(values[0])))}%", key(values[0])]
    found, meant = "(%(value)s::text[])[1]", "(%(value)s::text[])[2]"
    check = f"strpos({column}, {meant}) <> 0"
    return (check if of_one else f"({words} LIKE {found} AND {check})"), given


def days(value: str) -> timedelta:
    number = read_id(value)
    if number is None or number > MOST_DAYS:
        raise BadFilter("Give a whole number of days.")
    return timedelta(days=number)


def midnight(value: str) -> datetime:
    """The beginning of a day where the reader is."""
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(value), time.min))
    except (ValueError, OverflowError) as error:
        raise BadFilter("Give a date as YYYY-MM-DD.") from error
