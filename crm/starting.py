"""What an installation needs before it can answer, told to whoever runs it."""

import logging
from functools import lru_cache

from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)


class NotMigrated(Exception):
    """The database is of another version than the code."""


def say_what_is_missing() -> None:
    """For the log, when a web process starts. Pages would say no more than that they cannot be shown."""
    manifest = getattr(staticfiles_storage, "manifest_name", "")
    if manifest and not staticfiles_storage.exists(manifest):
        logger.error("No page can be shown before this has run: python manage.py collectstatic --noinput")


@lru_cache(maxsize=1)
def require_migrations() -> None:
    """Asks until it has been true once. Raises NotMigrated, and says so in the log."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        logger.error("The database is not up to date. Run: python manage.py migrate")
        raise NotMigrated
