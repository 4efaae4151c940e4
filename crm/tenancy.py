"""Keys that keep workspaces apart in the database itself.

A reference between two tables that both carry a workspace is a composite foreign key on
(workspace_id, x_id), so that no row can point across workspaces, whatever the code does.
"""

from django.db.migrations import RunSQL


def tenant_key(table: str, column: str, target: str, *, on_delete: str = "NO ACTION") -> RunSQL:
    """Add FOREIGN KEY (workspace_id, column) → target (workspace_id, id), checked at commit.

    `on_delete` is NO ACTION, CASCADE or SET NULL (which empties the reference alone).
    """
    name = f"{table}_{column}_same_workspace"[:63]
    action = f"SET NULL ({column})" if on_delete == "SET NULL" else on_delete
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (workspace_id, {column}) "
        f"REFERENCES {target} (workspace_id, id) ON DELETE {action} "
        "DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
