"""The database as a whole: what a refused request must not have changed, and where a removed word may
not be left."""

from collections.abc import Iterator
from contextlib import contextmanager

from crm.statements import fetch

# Signing in writes there.
BESIDES = ("django_session",)


def database() -> dict[str, str]:
    """A hash of each table."""
    return {
        table: fetch(f"SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {table} t")[
            0
        ][0]
        for table in tables()
    }


def dump() -> str:
    """Every row of every table, as text; bytes in it as the characters they spell."""
    rows = (row[0] for table in tables() for row in fetch(f"SELECT t::text FROM {table} t"))
    return "\n".join(_spelled(row) for row in rows)


@contextmanager
def unchanged() -> Iterator[None]:
    before = database()
    yield
    after = database()
    assert {table for table in after if after[table] != before.get(table)} == set()


def tables() -> list[str]:
    rows = fetch("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [row[0] for row in rows if row[0] not in BESIDES]


def _spelled(row: str) -> str:
    parts = row.split("\\x")
    return parts[0] + "".join(_from_hex(part) for part in parts[1:])


def _from_hex(part: str) -> str:
    digits = len(part) - len(part.lstrip("0123456789abcdef"))
    digits -= digits % 2
    return bytes.fromhex(part[:digits]).decode("latin-1") + part[digits:]
