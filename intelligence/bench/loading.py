"""Filling tables from scratch: their indexes and foreign keys are taken away and put back when the rows
are there, which sorts and checks them all at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from crm.statements import execute, fetch

# Primary keys and unique constraints stay: statements say ON CONFLICT to them, and others refer to them.
INDEXES = """
    SELECT format('DROP INDEX %%s', x.indexrelid::regclass), pg_get_indexdef(x.indexrelid)
    FROM pg_index x WHERE x.indrelid = ANY(%(tables)s::text[]::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
    ORDER BY x.indexrelid
"""
KEYS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', k.conrelid::regclass, k.conname),
           format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', k.conrelid::regclass, k.conname,
                  pg_get_constraintdef(k.oid))
    FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = ANY(%(tables)s::text[]::regclass[])
    ORDER BY k.oid
"""
# Room to sort a million rows in.
ROOM = {"work_mem": "128MB", "maintenance_work_mem": "512MB"}


@contextmanager
def loading(*tables: str) -> Iterator[None]:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    taken = [*fetch(KEYS, tables=list(tables)), *fetch(INDEXES, tables=list(tables))]
    for drop, _ in taken:
        _run(drop)
    for name, size in ROOM.items():
        execute(f"SET {name} = '{size}'")
    yield
    for _, create in reversed(taken):
        _run(create)
    for name in ROOM:
        execute(f"RESET {name}")


def _run(definition: str) -> None:
    """As PostgreSQL wrote it: a per cent sign in it is no parameter."""
    execute(definition.replace("%", "%%"))
