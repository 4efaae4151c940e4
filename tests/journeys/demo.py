"""The demo workspace, read once in a run of the tests and put back for every further one."""

import fcntl
import pickle
from dataclasses import dataclass
from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction

from crm.statements import execute, fetch

TABLES = "SELECT format('%%I', tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Kept:
    """All rows of all tables as COPY writes them, and where counting went on."""

    tables: dict[str, bytes]
    sequences: list[tuple[str, int]]

    @classmethod
    def now(cls) -> "Kept":
        tables = {name: _copied(name) for (name,) in fetch(TABLES)}
        return cls(tables, [(name, value) for name, value in fetch(SEQUENCES)])

    @transaction.atomic
    def put_back(self) -> None:
        execute("SET LOCAL session_replication_role = replica")  # what was right needs no checking
        execute(f"TRUNCATE {', '.join(self.tables)}")
        for name, rows in self.tables.items():
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copy,
            ):
                copy.write(rows)
        for name, value in self.sequences:
            fetch("SELECT setval(%(name)s::regclass, %(value)s)", name=name, value=value)
        execute("ANALYZE")
        ContentType.objects.clear_cache()


def _copied(name: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(part) for part in copy)


def fill_with_demo(shared: Path) -> None:
    """`shared` is a folder of all workers: the first seeds, the others wait for it."""
    kept = shared / "demo"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            call_command("seed_demo", "--scale=0.5", "--day=2026-11-24")
            kept.write_bytes(pickle.dumps(Kept.now()))
            return
    pickle.loads(kept.read_bytes()).put_back()
