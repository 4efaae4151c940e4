"""Access tokens under load: renewed once, however many find them old, and never lost on the way."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.utils import timezone

from crm.models import Member, Notification
from mailboxes import syncing
from mailboxes.accounts.applications import application
from mailboxes.accounts.connecting import connect
from mailboxes.accounts.opening import tokens_of
from mailboxes.credentials import AccountTokens, decrypt
from mailboxes.leasing import pick_due
from mailboxes.models import Mailbox, MailboxKind, MailboxState
from mailboxes.providers.base import AuthExpired, ProviderError, TryLater
from tests.desk import Desk
from tests.fakes import google as google_fake
from tests.fakes import microsoft as microsoft_fake
from tests.fakes.faults import Call, Request
from tests.mailboxes.consentrig import google_set_up, microsoft_set_up
from tests.mailboxes.letters import Died, expire_leases, letter, stream_of

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 50
# A renewal that fails may be tried once more at once.
MOST_RENEWALS = 2
TOKEN = {"google": "/token", "microsoft": "/.../oauth2/v2.0/token"}
FIRST_ASKED = {"google": "/gmail/v1/users/me/messages", "microsoft": "/v1.0/me/mailFolders/delta"}
SCOPES = {"google": google_fake.MAIL, "microsoft": microsoft_fake.MAIL}
SAYS_RENEWING = "The sign-in is being renewed. It will be tried again."


@dataclass
class Provider:
    """A fake with accounts whose access tokens have ended, as far as anybody knows."""

    kind: str
    fake: Any
    refresh: dict[int, str] = field(default_factory=dict)

    def connect(self, member: Member) -> Mailbox:
        email = member.user.email
        self.fake.add_user(email)
        grant = self.fake.grant(email, *SCOPES[self.kind])
        self.fake.expire_access(email)
        secrets = {
            "access": grant.access_token,
            "refresh": grant.refresh_token,
            "expires_at": (timezone.now() - timedelta(hours=1)).isoformat(),
        }
        found = connect(
            member,
            kind=MailboxKind(self.kind),
            address=email,
            identity=f"{self.kind} {email}",
            settings={"mail": {}},
            secrets=secrets,
        )
        self.refresh[found.pk] = grant.refresh_token
        return found

    def renewals(self) -> list[Call]:
        return list(self.fake.log.of("POST", TOKEN[self.kind]))

    def tokens(self, mailbox: Mailbox) -> AccountTokens:
        app = application(MailboxKind(self.kind))
        assert app
        return tokens_of(mailbox, app)

    def asks_for(self, mailbox: Mailbox) -> Callable[[Request], bool]:
        return lambda request: dict(request.form).get("refresh_token") == self.refresh[mailbox.pk]


@pytest.fixture(params=["google", "microsoft"])
def provider(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Provider]:
    set_up: Any = {"google": google_set_up, "microsoft": microsoft_set_up}[request.param]
    with set_up() as fake:
        if request.param == "microsoft":
            fake.add_tenant("halyard.example")
        yield Provider(request.param, fake)


@pytest.fixture
def box(provider: Provider, ada: Member) -> Mailbox:
    found = provider.connect(ada)
    provider.fake.log.clear()
    return found


@dataclass
class Outcome:
    """What one of many got: a token, or an error; and how long that took."""

    token: str = ""
    error: ProviderError | None = None
    seconds: float = 0.0


def at_once(count: int, ask: Callable[[], str]) -> list[Outcome]:
    """Asked by so many workers in the same moment, each with a connection of its own."""
    outcomes = [Outcome() for _ in range(count)]
    barrier = threading.Barrier(count)

    def work(outcome: Outcome) -> None:
        connection.ensure_connection()
        barrier.wait(60)
        begun = time.monotonic()
        try:
            outcome.token = ask()
        except ProviderError as error:
            outcome.error = error
        finally:
            outcome.seconds = time.monotonic() - begun
            connections.close_all()

    threads = [threading.Thread(target=work, args=(outcome,)) for outcome in outcomes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return outcomes


def kinds(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(type(one.error).__name__ if one.error else "token" for one in outcomes)


def state_of(mailbox: Mailbox) -> tuple[str, int]:
    """With the number of notices about it."""
    mailbox.refresh_from_db()
    return mailbox.state, Notification.objects.filter(kind="needs_reconnect").count()


# Many at once.


@pytest.mark.parametrize("is_refused", [False, True], ids=["expired", "refused"])
def test_fifty_workers_renew_a_token_once(provider: Provider, box: Mailbox, is_refused: bool) -> None:
    old = decrypt(box.credential)["access"]

    def ask() -> str:
        tokens = provider.tokens(box)
        return tokens.renewed(old) if is_refused else tokens.current()

    outcomes = at_once(MANY, ask)

    box.refresh_from_db()
    assert kinds(outcomes) == {"token": MANY}
    assert {one.token for one in outcomes} == {decrypt(box.credential)["access"]}
    assert old not in {one.token for one in outcomes}
    assert [call.status for call in provider.renewals()] == [200]


def test_fifty_workers_find_a_revoked_grant_with_one_request(provider: Provider, box: Mailbox) -> None:
    provider.fake.revoke(box.address)

    outcomes = at_once(MANY, lambda: provider.tokens(box).current())

    assert all(isinstance(one.error, AuthExpired) for one in outcomes)
    assert [call.status for call in provider.renewals()] == [400]
    assert state_of(box) == (MailboxState.NEEDS_RECONNECT, 1)


def test_fifty_workers_ask_a_broken_token_endpoint_once(provider: Provider, box: Mailbox) -> None:
    provider.fake.faults.on("POST", TOKEN[provider.kind], status=503)

    outcomes = at_once(MANY, lambda: provider.tokens(box).current())

    assert kinds(outcomes) == {"TryLater": MANY}
    assert 1 <= len(provider.renewals()) <= MOST_RENEWALS
    assert state_of(box) == (MailboxState.ACTIVE, 0)


def test_a_token_endpoint_that_works_again_is_asked_again(provider: Provider, box: Mailbox) -> None:
    provider.fake.faults.on("POST", TOKEN[provider.kind], status=503)
    with pytest.raises(TryLater):
        provider.tokens(box).current()
    provider.fake.faults.clear()
    cache.clear()  # as after the seconds for which a failure is remembered

    token = provider.tokens(box).current()

    assert provider.fake.grants.access[token].user == box.address


# A token endpoint that hangs.


@contextmanager
def hanging(provider: Provider, box: Mailbox) -> Iterator[list[Outcome]]:
    """Somebody is waiting for the provider, and holds the account's row. Yields what comes of it."""
    fault = provider.fake.faults.on(
        "POST", TOKEN[provider.kind], when=provider.asks_for(box), call=1, hang="until released"
    )
    first: list[Outcome] = []
    thread = threading.Thread(target=lambda: first.extend(at_once(1, lambda: provider.tokens(box).current())))
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not fault.struck and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (fault.struck, first) == (1, [])
        yield first
    finally:
        fault.release()
        thread.join(60)


def test_a_hanging_token_endpoint_keeps_others_no_longer_than_the_lock_wait(
    provider: Provider, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailboxes.credentials.LOCK_WAIT", "1s")

    with hanging(provider, box) as first:
        others = at_once(8, lambda: provider.tokens(box).current())
        is_still_waiting = first == []

    assert is_still_waiting
    assert {str(one.error) for one in others} == {SAYS_RENEWING}
    # Behind the one that waits for the row, the others wait for their turn, and each wait counts anew.
    assert min(one.seconds for one in others) > 0.9
    assert max(one.seconds for one in others) < 3.5
    assert [bool(one.token) for one in first] == [True]
    assert len(provider.renewals()) == 1


def test_accounts_do_not_wait_for_each_other(provider: Provider, box: Mailbox, ben: Member) -> None:
    other = provider.connect(ben)

    with hanging(provider, box) as first:
        (outcome,) = at_once(1, lambda: provider.tokens(other).current())
        is_still_waiting = first == []

    assert is_still_waiting
    assert provider.fake.grants.access[outcome.token].user == other.address
    assert outcome.seconds < 5


# Tokens that are another one each time.


def run(mailbox: Mailbox) -> None:
    """As a worker does when the time has come."""
    for lease in pick_due(stream_id=stream_of(mailbox).pk):
        syncing.run(lease)


def test_a_new_token_is_stored_before_it_is_used(provider: Provider, box: Mailbox) -> None:
    seen: list[dict[str, str]] = []

    def look() -> None:
        """From outside of the run, where only what is committed can be seen."""
        seen.append(decrypt(Mailbox.objects.get(pk=box.pk).credential))
        connections.close_all()

    provider.fake.faults.on("GET", FIRST_ASKED[provider.kind], call=1, run=look)

    run(box)

    newest = list(provider.fake.grants.refresh)[-1]
    assert [(one["refresh"], one["access"]) for one in seen] == [
        (newest, list(provider.fake.grants.access)[-1])
    ]
    assert (newest == provider.refresh[box.pk]) == (provider.kind == "google")
    assert stream_of(box).last_error == ""


@contextmanager
def dying_before_it_is_stored() -> Iterator[list[str]]:
    seen: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('UPDATE "mailboxes_mailbox" SET "credential"'):
            seen.append(sql)
            raise Died
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


@pytest.mark.parametrize("keeps_used", [False, True], ids=["once", "again"])
def test_a_death_between_answer_and_commit_ends_the_grant_or_nothing(
    provider: Provider, box: Mailbox, keeps_used: bool
) -> None:
    """Google's refresh tokens stay. Where Microsoft does not take a used one again, somebody has to sign
    in; he is told so once, and nothing is asked any more."""
    provider.fake.grants.keeps_used = keeps_used
    provider.fake.mailbox(box.address).deliver(letter(1).encode())
    with pytest.raises(Died), dying_before_it_is_stored() as deaths:
        run(box)
    is_over = provider.kind == "microsoft" and not keeps_used

    for _ in range(4):
        expire_leases()
        run(box)

    assert len(deaths) == 1
    assert state_of(box) == ((MailboxState.NEEDS_RECONNECT, 1) if is_over else (MailboxState.ACTIVE, 0))
    assert [call.status for call in provider.renewals()] == [200, 400 if is_over else 200]
    assert stream_of(box).backfilled_at is None if is_over else stream_of(box).backfilled_at
