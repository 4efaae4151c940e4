"""Databases beside the bench's own, made from it while it is empty: what is compared with each other stands
apart, and can be measured in turn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection


@contextmanager
def several(names: Sequence[str]) -> Iterator[None]:
    """They are dropped in the end."""
    template = connection.settings_dict["NAME"]
    connection.close()  # a template that somebody uses cannot be copied
    try:
        for name in names:
            _outside(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield
    finally:
        _outside(*(f'DROP DATABASE IF EXISTS "{name}"' for name in names))


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Django's connection leads there."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _outside(*statements: str) -> None:
    with connection._nodb_cursor() as cursor:  # as Django makes its own
        for statement in statements:
            cursor.execute(statement)
