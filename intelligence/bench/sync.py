"""Reading a mailbox end to end, against the strict fake of Gmail in a process of its own: how much of
what parsing and storing alone could do is left, and how much of a quota is used."""

import multiprocessing
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from django.test import override_settings
from django.utils import timezone

from crm.models import InternalDomain, User, Workspace
from crm.models import Member as WorkspaceMember
from intelligence.bench.figures import show
from intelligence.bench.parsing import message
from mailboxes.accounts.connecting import connect
from mailboxes.leasing import take
from mailboxes.models import Mailbox, MailboxKind, MessageCopy, SyncStream
from mailboxes.providers.base import FetchedMail
from mailboxes.providers.google.gmail import GET_UNITS
from mailboxes.reading import reader, store_page
from mailboxes.running import run_now
from mailboxes.syncing import PAGE_ITEMS

HOME = "bench.example"
WINDOWS = 3
# A small quota, so that a few windows of a minute say something.
UNITS = 2000
MESSAGES_IN_A_WINDOW = UNITS // GET_UNITS


def run(messages: int) -> None:
    _at_full_speed(messages)
    _at_the_limit()


def _at_full_speed(messages: int) -> None:
    with _Fake(messages, units=10**9) as fake, fake.settings(units=10**9):
        began = time.perf_counter()
        mailbox = fake.connected("fast")
        run_now(_stream(mailbox))
        through = messages / (time.perf_counter() - began)
        assert MessageCopy.objects.filter(mailbox=mailbox).count() == messages
        ceiling = _ceiling(messages)
    show(
        "sync: messages a second end to end, of parsing and storing alone",
        ratio=through / ceiling,
        of=through,
        against=ceiling,
        unit="messages/s",
        goal=">= 0.5",
        messages=messages,
    )


def _ceiling(messages: int) -> float:
    """The same messages, already here."""
    mailbox = _Member("ceiling").mailbox()
    stream = _stream(mailbox)
    lease = take(stream.pk)
    assert lease
    page_reader = reader(mailbox.pk, timezone.now())
    fetched = [_fetched(number) for number in range(messages)]
    began = time.perf_counter()
    for at in range(0, messages, PAGE_ITEMS):
        page = page_reader.read(fetched[at : at + PAGE_ITEMS])
        store_page(stream, lease, page_reader, page=page)
    return messages / (time.perf_counter() - began)


def _fetched(number: int) -> FetchedMail:
    raw = _raw(number)
    return FetchedMail(f"{number:016x}", raw, len(raw), datetime.now(UTC))


def _at_the_limit() -> None:
    """From the first message of a window to the first of another, some windows later."""
    with _Fake((WINDOWS + 1) * MESSAGES_IN_A_WINDOW, units=UNITS) as fake, fake.settings(units=UNITS):
        mailbox = fake.connected("slow")
        starts: list[tuple[float, int]] = []
        while len(starts) <= WINDOWS:
            starts.append((time.perf_counter(), MessageCopy.objects.filter(mailbox=mailbox).count()))
            run_now(_stream(mailbox))
            due = _stream(mailbox).due_at
            assert due
            time.sleep(max((due - timezone.now()).total_seconds(), 0))
    (began, before), (ended, after) = starts[0], starts[-1]
    per_minute = 60 * GET_UNITS * (after - before) / (ended - began)
    show(
        "sync: units a minute, of those that Gmail allows",
        ratio=per_minute / UNITS,
        of=per_minute,
        against=UNITS,
        unit="units/minute",
        goal=">= 0.95",
        windows=WINDOWS,
    )


def _stream(mailbox: Mailbox) -> SyncStream:
    return SyncStream.objects.select_related("mailbox__workspace").get(mailbox=mailbox, kind="mail")


def _raw(number: int) -> bytes:
    return message(number, to=f"reader@{HOME}")


class _Member:
    """A workspace with one member, whose mailbox is read."""

    def __init__(self, name: str) -> None:
        workspace = Workspace.objects.create(slug=f"sync-{name}", name=name)
        InternalDomain.objects.create(workspace=workspace, domain=HOME)
        user, _ = User.objects.get_or_create(email=f"reader@{HOME}")
        self.member = WorkspaceMember.objects.create(workspace=workspace, user=user)

    def mailbox(self, secrets: dict[str, str] | None = None) -> Mailbox:
        return connect(
            self.member,
            kind=MailboxKind.GOOGLE,
            address=f"reader@{HOME}",
            settings={"mail": {}},
            secrets=secrets or {},
            identity="https://accounts.google.com bench",
        )


class _Fake:
    """Google, in another process: it shares no interpreter with what is measured."""

    def __init__(self, messages: int, *, units: int) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=serve, args=(theirs, messages, units), daemon=True)

    def __enter__(self) -> "_Fake":
        self._process.start()
        self.about: dict[str, Any] = self._ours.recv()
        return self

    def __exit__(self, *error: object) -> None:
        self._ours.send("stop")
        self._process.join(10)

    def settings(self, *, units: int) -> override_settings:
        return override_settings(
            GOOGLE_CLIENT_ID=self.about["client_id"],
            GOOGLE_CLIENT_SECRET=self.about["client_secret"],
            GOOGLE_TOKEN_URL=self.about["token_url"],
            GOOGLE_MAIL_URL=self.about["api_url"],
            GMAIL_UNITS_PER_MINUTE=units,
            EGRESS_ALLOWED_NETWORKS=[self.about[one].partition("//")[2] for one in ("token_url", "api_url")],
        )

    def connected(self, name: str) -> Mailbox:
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        secrets = {"access": self.about["access"], "refresh": self.about["refresh"], "expires_at": ends}
        return _Member(name).mailbox(secrets)


def serve(pipe: Connection, messages: int, units: int) -> None:
    """The other process. The fakes are part of the tests, and not needed for anything else."""
    from tests.fakes.google import MAIL, google

    with google() as fake:
        email = f"reader@{HOME}"
        fake.add_user(email)
        fake.gmail.quota.limit = units
        for number in range(messages):
            fake.mailbox(email).deliver(_raw(number))
        grant = fake.grant(email, *MAIL)
        pipe.send(
            {
                "client_id": fake.client.id,
                "client_secret": fake.client.secret,
                "token_url": fake.oauth_url,
                "api_url": fake.api_url,
                "access": grant.access_token,
                "refresh": grant.refresh_token,
            }
        )
        pipe.recv()
