"""Conditions a table can be narrowed by; other apps register theirs, as for columns.

A filter in an address is `attribute:operator:value,value`: any of the values will do, and all filters
of a table have to hold.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import quote, unquote

from django.core.exceptions import BadRequest
from django.utils import timezone

from crm.cells import Face
from crm.words import folded, literal

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
    """`field` is what its values are given in; `choices` are the values and their words."""

    name: str
    label: str
    field: Literal["none", "days", "date", "text", "number", "choice"] = "none"
    choices: Choices | None = None


Maker = Callable[[Operator, tuple[str, ...], Asked], Condition]


@dataclass(frozen=True, slots=True)
class Filterable:
    """An attribute of a kind of record. `condition(operator, values, asked)` raises BadFilter."""

    name: str
    label: str
    icon: str
    source: Origin
    operators: tuple[Operator, ...]
    condition: Maker
    is_smart: bool = False

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
        return ", ".join(named.get(value) or _in_words(self.operator, value) for value in self.values)


def _in_words(operator: Operator, value: str) -> str:
    match operator.field:
        case "days":
            return "1 day" if value == "1" else f"{value} days"
        case "date":
            day = date.fromisoformat(value)
            return f"{day.day} {day:%b %Y}"
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
class Narrowed:
    """Filters in SQL: `few` is a statement for the ids of all that meet them, %(workspace)s given, `one` what
    follows SELECT to find a single record, {pk}, among them; `values` are both's parameters."""

    few: str
    one: str
    values: dict[str, Any]

    @property
    def exists(self) -> str:
        """A condition on {pk}, which the planner may turn round and begin from what is found."""
        return f"EXISTS (SELECT {self.one})"

    @property
    def check(self) -> str:
        """The same, asked of one row after another."""
        return f"(SELECT true {self.one})"


def narrowed(filters: Sequence[Filter], asked: Asked, *, prefix: str = "filter") -> Narrowed:
    """All of them have to be met. Names of parameters begin with `prefix`."""
    aliases = {source: f"f{place}" for place, source in enumerate(dict.fromkeys(_sources(filters)))}
    values: dict[str, Any] = {}

    def where(asked: Asked) -> str:
        conditions = []
        for number, one in enumerate(filters):
            condition, value = one.condition(asked)
            parameter, alias = f"{prefix}_{number}", aliases[one.attribute.source]
            conditions.append(_ROW.sub(f"{alias}.", condition.replace("%(value)s", f"%({parameter})s")))
            values[parameter] = value
        return " AND ".join(conditions)

    (table, pk), *others = aliases
    joins = "".join(
        f" JOIN {other} {aliases[other, key]} ON {aliases[other, key]}.{key} = f0.{pk}"
        for other, key in others
    )
    return Narrowed(
        f"SELECT f0.{pk} AS id FROM {table} f0{joins}"
        f" WHERE f0.workspace_id = %(workspace)s AND {where(asked)}",
        f"FROM {table} f0{joins} WHERE f0.{pk} = {{pk}} AND {where(replace(asked, of_one=True))}",
        values,
    )


_ROW = re.compile(r"\bf\.")


def _sources(filters: Iterable[Filter]) -> Iterable[Origin]:
    return (one.attribute.source for one in filters)


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
    index knows of it by any three letters (see crm.words)."""

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
        if not values[0].isdigit() or len(values[0]) > 9:
            raise BadFilter("Give a whole number.")
        return f"{column} {'>=' if operator.name == 'at_least' else '<='} %(value)s", int(values[0])

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
    if not value.isdigit() or int(value) > MOST_DAYS:
        raise BadFilter("Give a whole number of days.")
    return timedelta(days=int(value))


def midnight(value: str) -> datetime:
    """The beginning of a day where the reader is."""
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(value), time.min))
    except (ValueError, OverflowError) as error:
        raise BadFilter("Give a date as YYYY-MM-DD.") from error
