"""One writer of derived values per workspace at a time, for the length of a transaction; and work that one
process does while others need not."""

from django.db import connection

# For what there can be one of in all workspaces.
NO_WORKSPACE = 0

_LOCK = "SELECT pg_advisory_xact_lock(5, %s)"
_STORE = f"""
    {_LOCK}, set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true)
"""


def lock_workspace(workspace_id: int) -> None:
    """Wait for the workspace's advisory lock; PostgreSQL gives it back at commit or rollback."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [workspace_id])


def lock_workspace_for_storing(workspace_id: int) -> None:
    """The same for pages of mail and events: in this transaction a statement is planned once, not for
    every page, and comes to its rows along an index, also in tables that the planner takes for empty
    because nobody has counted them yet."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [workspace_id])


class Taken(Exception):
    """Another process is at it."""


def take_turn(mailbox_id: int) -> None:
    """To take things away from a mailbox, until the transaction ends. Does not wait: raises Taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(6, %s)", [mailbox_id])
        if not cursor.fetchone()[0]:
            raise Taken
