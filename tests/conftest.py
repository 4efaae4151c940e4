"""The standing cast: Ada owns the mailbox, Ben is her teammate, Cleo is the admin, Dan is in another
workspace. They sit at a `Desk`."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from crm.models import Member, Role
from crm.workspaces import add_member, create_workspace
from tests.desk import Desk


def pytest_configure() -> None:
    # Hashed names need collectstatic; tests ask for the files as they are.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    # A hash that is slow on purpose would be most of the suite's time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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
        client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        return client
