"""Run one SQL statement on Django's connection, with named parameters."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection


def fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Expected:
    """What the planner thinks of a statement, from its statistics alone: how many rows it yields, and its
    cost in the planner's units."""

    rows: int
    cost: float


def expected(statement: str, **parameters: Any) -> Expected:
    found = fetch(f"EXPLAIN (FORMAT JSON) {statement}", **parameters)[0][0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return Expected(plan["Plan Rows"], plan["Total Cost"])


def execute(statement: str, **parameters: Any) -> int:
    """Returns the number of rows the statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def arrays(rows: Iterable[Sequence[Any]], *names: str) -> dict[str, str]:
    """Rows as one parameter per column, ready for `unnest(%(name)s::type[], …)`. Raises TypeError
    for a value that is no plain scalar."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    literals = (f"{{{','.join(map(_element, column))}}}" for column in columns)
    return dict(zip(names, literals, strict=True))


def _element(value: Any) -> str:
    """A value as it stands in PostgreSQL's array literal (documentation, 8.15.6). The driver finds a
    type for every element of a list, which was a tenth of storing a page."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, bytes | memoryview):
        return f'"\\\\x{value.hex()}"'
    raise TypeError(f"{type(value).__name__} cannot be an element")
