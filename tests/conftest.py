"""The standing cast: Ada owns the mailbox, Ben is her teammate, Cleo is the admin, Dan is in another
workspace. They sit at a `Desk`."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from pytest_django import DjangoDbBlocker

from crm.models import Member, Role, User
from crm.project.static_files import SHEET, in_one_piece
from crm.statements import execute, fetch
from crm.workspaces import add_member, create_workspace
from tests.desk import Desk

_SHEET = TemporaryDirectory(prefix="sheet-")


def pytest_configure() -> None:
    # Hashed names need collectstatic; tests ask for the files as they are, but for the style sheet, which is
    # in one piece as ever: a browser would wait for its sixty parts on every page.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    sheet = Path(_SHEET.name) / SHEET
    sheet.parent.mkdir()
    sheet.write_text(in_one_piece(lambda name: (settings.BASE_DIR / "static" / name).read_text()))
    settings.STATICFILES_DIRS.insert(0, _SHEET.name)
    # Each worker has a cache of its own: one that empties it must not empty everybody's.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = urlsplit(settings.REDIS_URL)._replace(path=f"/{2 + worker}")
    for one in settings.CACHES.values():
        one["LOCATION"] = url.geturl()
    # A hash that is slow on purpose would be most of the suite's time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


# A test's rows are never committed: PostgreSQL's own upkeep, whenever it comes by, would note that the
# tables are empty, and plan for that.
NO_UPKEEP = """
    DO $$ DECLARE name regclass; BEGIN
        FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        LOOP EXECUTE format('ALTER TABLE %%s SET (autovacuum_enabled = off)', name); END LOOP;
    END $$
"""


# After a test whose rows were committed. TRUNCATE makes a new file for each of some three hundred tables and
# indexes, nearly all of which hold nothing.
EMPTY = """
    DO $$ DECLARE name regclass; holds_rows boolean; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relname <> 'django_migrations'
                    AND relnamespace = 'public'::regnamespace
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO holds_rows;
            IF holds_rows THEN EXECUTE format('DELETE FROM %s', name); END IF;
        END LOOP;
    END $$
"""


def pytest_collection_finish() -> None:
    # What has been imported and collected stays to the end. Going through it, and the rest, again and again
    # for what can be thrown away would take a twentieth of the suite.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        execute(NO_UPKEEP)
        [(may_empty,)] = fetch("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    with pytest.MonkeyPatch.context() as patch:
        if may_empty:
            patch.setattr(DatabaseOperations, "sql_flush", lambda *_, **__: [EMPTY])
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


@pytest.fixture
def ada(desk: Desk) -> Member:
    return desk.members["ada"]


@pytest.fixture
def ben(desk: Desk) -> Member:
    return desk.members["ben"]


@pytest.fixture
def cleo(desk: Desk) -> Member:
    cleo = desk.members["cleo"]
    cleo.role = Role.ADMIN
    cleo.save(update_fields=["role"])
    return cleo


@pytest.fixture
def dan(db: None) -> Member:
    workspace = create_workspace("elsewhere", name="Elsewhere", admin_email="founder@elsewhere.example")
    return add_member(workspace, "dan@elsewhere.example", name="Dan")


@pytest.fixture
def signed_in() -> "SignIn":
    return SignIn()


class SignIn:
    """`signed_in.as_(ada)` is a browser in which Ada is signed in."""

    def as_(self, member: Member) -> Client:
        client = Client()
        # As he is now: whose sessions have been ended begins others.
        client.force_login(
            User.objects.get(pk=member.user_id), backend="django.contrib.auth.backends.ModelBackend"
        )
        return client
