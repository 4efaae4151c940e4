"""What people see while the database or Redis is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCacheClient
from django.db import OperationalError, connection
from django.test import Client
from psycopg.errors import QueryCanceled
from redis import ConnectionError as RedisAway

from crm.models import Member
from crm.sessions import SessionCache
from crm.workspaces import deactivate
from tests.conftest import SignIn
from tests.desk import Desk
from tests.servers.loopback import free_port

pytestmark = pytest.mark.django_db


@contextmanager
def without_redis() -> Iterator[None]:
    """Nobody listens where it was."""
    away = RedisCacheClient([f"redis://127.0.0.1:{free_port()}/0"], socket_connect_timeout=1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("default", "sessions"):
            patch.setitem(vars(caches[name]), "_cache", away)
        yield


def test_pages_are_shown_without_redis(ada: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)

    with without_redis():
        assert browser.get("/halyard/companies/").status_code == 200
        health = browser.get("/health/")

    assert (health.status_code, health.json()["database"], health.json()["redis"]) == (503, True, False)


def test_signing_out_without_redis_does_not_pretend() -> None:
    sessions: SessionCache = caches["sessions"]  # type: ignore[assignment]

    with without_redis():
        sessions.set("a", 1)
        assert not sessions.has_key("a")
        with pytest.raises(RedisAway):
            sessions.delete("a")


@pytest.mark.parametrize(
    ("error", "cause", "status"),
    [
        (OperationalError("gone"), None, 503),
        (RedisAway("gone"), None, 503),
        (OperationalError("too long"), QueryCanceled("too long"), 500),
        (ValueError("a mistake"), None, 500),
    ],
    ids=["database", "redis", "too long", "mistake"],
)
def test_what_is_away_is_told_from_a_mistake(
    ada: Member, signed_in: SignIn, error: Exception, cause: Exception | None, status: int
) -> None:
    def fail(*_: Any) -> None:
        raise error from cause

    browser: Client = signed_in.as_(ada)
    browser.raise_request_exception = False

    with connection.execute_wrapper(fail):
        answer = browser.get("/halyard/companies/")

    assert answer.status_code == status
    assert ("Retry-After" in answer) == (status == 503)


def test_whoever_is_deactivated_without_redis_is_out_for_good(
    desk: Desk, ada: Member, cleo: Member, signed_in: SignIn
) -> None:
    """Redis remembers the session, and could not be told."""
    browser, colleague = signed_in.as_(ada), signed_in.as_(desk.members["ben"])
    assert browser.get("/accounts/password/change/").status_code == 200

    with without_redis():
        deactivate(ada, by=cleo)
        with pytest.raises(RedisAway):  # to forget the session takes Redis
            browser.get("/accounts/password/change/")

    assert browser.get("/accounts/password/change/").status_code == 302
    assert colleague.get("/halyard/companies/").status_code == 200
