"""Run one SQL statement on Django's connection, with named parameters."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection


def fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def execute(statement: str, **parameters: Any) -> int:
    """Returns the number of rows the statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def arrays(rows: Iterable[Sequence[Any]], *names: str) -> dict[str, list[Any]]:
    """Rows as one parameter per column, ready for `unnest(%(name)s::type[], …)`."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return columns
