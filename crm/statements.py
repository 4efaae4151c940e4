"""Run one SQL statement on Django's connection, with named parameters."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection


def fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def expected_rows(statement: str, **parameters: Any) -> int:
    """How many rows the planner thinks a statement yields, from its statistics alone."""
    found = fetch(f"EXPLAIN (FORMAT JSON) {statement}", **parameters)[0][0]
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]["Plan Rows"]


def execute(statement: str, **parameters: Any) -> int:
    """Returns the number of rows the statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def arrays(rows: Iterable[Sequence[Any]], *names: str) -> dict[str, str]:
    """Rows as one parameter per column, ready for `unnest(%(name)s::type[], …)`. Raises TypeError
    for a value that is no plain scalar."""
    columns: dict[str, list[str]] = {name: [] for name in names}
    for row in rows:
        for name, value in zip(names, row, strict=True):
            columns[name].append(_element(value))
    return {name: f"{{{','.join(column)}}}" for name, column in columns.items()}


def _element(value: Any) -> str:
    """A value as it stands in PostgreSQL's array literal (documentation, 8.15.6). The driver finds a
    type for every element of a list, which was a tenth of storing a page."""
    match value:
        case None:
            return "NULL"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case int() | float():
            return str(value)
        case date():
            return f'"{value.isoformat()}"'
        case bytes() | memoryview():
            return f'"\\\\x{value.hex()}"'
    raise TypeError(f"{type(value).__name__} cannot be an element")
