"""One writer of derived values per workspace at a time, for the length of a transaction."""

from django.db import connection


def lock_workspace(workspace_id: int) -> None:
    """Wait for the workspace's advisory lock; PostgreSQL gives it back at commit or rollback."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(5, %s)", [workspace_id])
