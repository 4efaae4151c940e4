"""A worker that dies at any commit, or at any request to a provider, leaves nothing that the next one
does not put right. Some of these moments in every run; all with RAPPORT_FAULTS=full."""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection, transaction
from requests import Session

from mailboxes.models import MailboxKind
from tests.mailboxes.faults.test_account import Account, Clean, account, clean, short_pages, today
from tests.mailboxes.faults.test_content import content, unlike
from tests.mailboxes.faults.test_exchange_world import (
    EXCHANGE_SIDES,
    clean_exchange,
    exchange_account,
    short_answers,
)
from tests.mailboxes.faults.test_world import SIDES
from tests.mailboxes.letters import Died, expire_leases

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today", "short_pages", "short_answers")]
__all__ = ["short_answers", "short_pages", "today"]

IS_FULL = os.environ.get("RAPPORT_FAULTS") == "full"
_WRITES = re.compile(r"\s*(?:WITH|UPDATE|INSERT|DELETE)\b")


@contextmanager
def dying_at_moment(number: int) -> Iterator[list[str]]:
    """The process dies at the n-th of these: before or after a request to a provider, before or after
    something is committed. Yields what they were."""
    seen: list[str] = []
    depth = len(connection.savepoint_ids)

    def pass_by(what: str) -> None:
        seen.append(what)
        if len(seen) == number:
            raise Died

    def asking(send: Any) -> Any:
        def ask(self: Any, request: Any, **more: Any) -> Any:
            path = urlsplit(str(request.url)).path
            pass_by(f"before {path}")
            response = send(self, request, **more)
            pass_by(f"after {path}")
            return response

        return ask

    def look(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # In a test, the outermost transaction of the product is a savepoint as well.
        is_commit = sql.startswith("RELEASE SAVEPOINT") or bool(_WRITES.match(sql))
        is_commit &= len(connection.savepoint_ids) == depth
        if is_commit:
            pass_by(f"before {sql[:60]}")
        found = run(sql, params, many, context)
        if is_commit:
            pass_by(f"after {sql[:60]}")
        return found

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(look):
        for client in (httpx.Client, Session):
            patch.setattr(client, "send", asking(client.send))
        yield seen


@pytest.mark.parametrize("is_later", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("name", [*SIDES, *EXCHANGE_SIDES])
def test_a_death_at_any_moment_ends_like_a_clean_run(name: str, is_later: bool) -> None:
    opened, undisturbed = _opened(name)
    wanted = undisturbed.content if is_later else undisturbed.first
    wrong, dead, step = [], 0, _step(name)

    with opened as one:
        _allow_everything(one)
        if is_later:
            one.read()
            one.change()
        moments = _moments(one)
        for number in range(1, len(moments) + 1, step):
            dead += 1
            for problem in unlike(_died_and_read(one, number), wanted):
                wrong.append(f"{number}, {moments[number - 1]}: {problem}")

    assert wrong == []
    requests = [one for one in moments if one.startswith("before /")]
    assert len(requests) >= 4
    assert len(moments) - 2 * len(requests) >= 12
    assert dead == (len(moments) + step - 1) // step


def _step(name: str) -> int:
    """A reading of Exchange takes longer."""
    if IS_FULL:
        return 1
    return 37 if name in EXCHANGE_SIDES else 7


def _opened(name: str) -> tuple[AbstractContextManager[Account], Clean]:
    if name in EXCHANGE_SIDES:
        return exchange_account(EXCHANGE_SIDES[name]), clean_exchange(name)
    return account(SIDES[name]), clean(name)


def _allow_everything(one: Account) -> None:
    """Hundreds of readings in a minute are more than a provider's limits have room for. Exchange has
    none."""
    if one.side.kind == MailboxKind.MICROSOFT:
        one.fake.api.limit.most = 1_000_000
    elif one.side.kind == MailboxKind.GOOGLE:
        one.fake.gmail.quota.limit = one.fake.calendars.quota.limit = 1_000_000


def _moments(one: Account) -> list[str]:
    with transaction.atomic(), dying_at_moment(0) as seen:
        one.run()
        transaction.set_rollback(True)
    return list(seen)


def _died_and_read(one: Account, number: int) -> dict[str, list[str]]:
    with transaction.atomic():
        with pytest.raises(Died), dying_at_moment(number):
            one.run()
        expire_leases()
        one.read()
        found = content()
        transaction.set_rollback(True)
    return found
