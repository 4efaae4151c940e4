"""Conditions a table can be narrowed by; other apps register theirs, as for columns."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# A condition in SQL over the row `f` of its source, with %(value)s, and the value for it.
Condition = tuple[str, Any]
Maker = Callable[[str, str, datetime], Condition]


class BadFilter(ValueError):
    """No such attribute, operator or value."""


@dataclass(frozen=True, slots=True)
class Filterable:
    """An attribute of a kind of record. `source` is a table with one row per record and workspace,
    and its column that names the record; `condition(operator, value, now)` raises BadFilter."""

    name: str
    source: tuple[str, str]
    condition: Maker


@dataclass(frozen=True, slots=True)
class Filter:
    attribute: Filterable
    operator: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.attribute.name}:{self.operator}:{self.value}"

    @property
    def source(self) -> tuple[str, str]:
        return self.attribute.source

    def condition(self, now: datetime) -> Condition:
        return self.attribute.condition(self.operator, self.value, now)


_filterable: dict[tuple[str, str], Filterable] = {}


def register_filter(kind: str, *attributes: Filterable) -> None:
    _filterable.update({(kind, attribute.name): attribute for attribute in attributes})


def parse_filter(kind: str, text: str) -> Filter:
    """`last_email_interaction:more_than_days_ago:90`, as in a URL. Raises BadFilter."""
    name, _, rest = text.partition(":")
    operator, _, value = rest.partition(":")
    attribute = _filterable.get((kind, name))
    if attribute is None:
        raise BadFilter(name)
    one = Filter(attribute, operator, value)
    one.condition(datetime(2020, 1, 1, tzinfo=UTC))  # only to see whether it makes sense
    return one
