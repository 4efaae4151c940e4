"""An account in the world of `test_world`, read as workers read it until nothing is left to do; and
what a reading without a fault comes to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import time_machine
from django.core.cache import cache as kept
from django.db import transaction
from django.utils import timezone

from crm.statements import execute, fetch
from intelligence.verifying import differences
from mailboxes import syncing
from mailboxes.accounts.connecting import change, connect
from mailboxes.leasing import pick_due
from mailboxes.models import Mailbox, MailboxKind, SyncStream
from mailboxes.providers.google import calendar as google_calendar
from mailboxes.providers.google import gmail
from mailboxes.providers.microsoft import calendar as graph_calendar
from mailboxes.providers.microsoft import mail as graph_mail
from tests.desk import NOW, Desk
from tests.fakes.faults import Call
from tests.mailboxes.faults.test_content import content, unlike
from tests.mailboxes.faults.test_world import ADA, SIDES, Fake, Side

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=20)
MOST_RUNS = 12


@dataclass
class Account:
    """Ada's account on a fake, with one stream. `fault_ends` is called after the first run that failed;
    `failed` is how the stream stood then."""

    side: Side
    fake: Fake
    fault_ends: Callable[[], object] = lambda: None
    failed: SyncStream | None = None
    runs: int = 0
    desk: Desk = field(default_factory=Desk)
    mailbox: Mailbox = field(init=False)

    def __post_init__(self) -> None:
        # Records are made for everybody who writes.
        self.desk.workspace.enhanced_creation = False
        self.desk.workspace.save(update_fields=["enhanced_creation"])
        self.mailbox = connect(
            self.desk.members["ada"],
            kind=self.side.kind,
            address=ADA,
            identity=self.side.identity,
            settings=self.settings(),
            secrets=self.consented(),
        )

    def settings(self) -> dict[str, dict[str, Any]]:
        return {self.side.stream: {}}

    def consented(self) -> dict[str, str]:
        """What a member brings back from the provider."""
        grant = self.fake.grant(ADA, *self.side.scopes)
        ends = timezone.now() + timedelta(seconds=3599)
        return {"access": grant.access_token, "refresh": grant.refresh_token, "expires_at": ends.isoformat()}

    def reconnect(self) -> None:
        change(
            self.mailbox,
            self.settings(),
            by=self.desk.members["ada"],
            secrets=self.consented(),
        )

    @property
    def stream(self) -> SyncStream:
        return SyncStream.objects.select_related("mailbox").get(mailbox=self.mailbox)

    def run(self) -> bool:
        """One run, as a worker does it when the stream's time has come. False when there is none to do."""
        execute("UPDATE mailboxes_syncstream SET due_at = now() WHERE due_at IS NOT NULL")
        lease = next(iter(pick_due(stream_id=self.stream.pk)), None)
        if lease:
            self.runs += 1
            syncing.run(lease, slice_seconds=None)
        return lease is not None

    def read(self) -> None:
        """Run after run until there is nothing left to do, or nothing more that may be done. Between two
        of them, a minute passes at the provider, and whatever else somebody waits for."""
        for _ in range(MOST_RUNS):
            if not self.run():
                return
            stream = self.stream
            if not stream.last_error and not waiting():
                return
            self.failed = self.failed or stream
            self.fault_ends()
            self.fake.clock.advance(seconds=61)
            kept.clear()
        raise AssertionError(f"still not idle: {self.stream.last_error!r}, {waiting()} waiting")

    def change(self) -> None:
        # The same moment in every reading, however long the fault took.
        self.fake.clock.freeze(LATER)
        self.side.change(self.fake)

    def asked(self) -> list[Call]:
        """Requests to the API itself, with those inside batches."""
        return [call for call in self.fake.log.calls if call.server in ("api", "graph")]

    def renewals(self) -> list[Call]:
        return list(self.fake.log.of("POST", self.side.token_path))


def waiting() -> int:
    return int(fetch("SELECT count(*) FROM mailboxes_pendingitem")[0][0])


@contextmanager
def account(side: Side) -> Iterator[Account]:
    """On a fake that is filled. What it does to the database is undone afterwards."""
    with side.set_up() as fake, transaction.atomic():
        # Long enough ago that nothing of it looks like a change of a moment ago.
        fake.clock.freeze(NOW - timedelta(days=2))
        if side.kind == MailboxKind.MICROSOFT:
            fake.add_tenant("halyard.example")
        fake.add_user(ADA, name="Ada Lovelace")
        side.fill(fake)
        fake.clock.freeze(NOW)
        found = Account(side, fake)
        fake.log.clear()
        yield found
        transaction.set_rollback(True)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small world takes several pages to list and to fetch."""
    monkeypatch.setattr(gmail, "PAGE", 7)
    monkeypatch.setattr(google_calendar, "PAGE", 9)
    monkeypatch.setattr(graph_mail, "PAGE", 7)
    monkeypatch.setattr(graph_calendar, "PAGE", 9)
    monkeypatch.setattr(syncing, "PAGE_ITEMS", 25)


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@dataclass(frozen=True)
class Clean:
    """What a reading without a fault comes to: after the first reading and after the change, what is
    stored, and how many requests that took."""

    first: dict[str, list[str]]
    content: dict[str, list[str]]
    asked_first: int
    asked: int


@cache
def clean(name: str) -> Clean:
    """Read once in a session, inside whichever test asks first, with short pages."""
    with account(SIDES[name]) as one:
        return read_twice(one)


def read_twice(one: Account, *, before_reading_again: Callable[[], object] = lambda: None) -> Clean:
    one.read()
    first, asked_first = content(), len(one.asked())
    one.change()
    before_reading_again()
    one.read()
    assert one.runs == 2
    return Clean(first, content(), asked_first, len(one.asked()))


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("name", SIDES)
def test_two_clean_readings_are_equal_and_differ_by_what_changed(name: str) -> None:
    wanted = clean(name)

    with account(SIDES[name]) as one:
        one.read()
        first = content()
        one.change()
        one.read()
        again, wrong = content(), list(differences(one.mailbox.workspace_id, now=timezone.now()))

    assert (unlike(first, wanted.first), unlike(again, wanted.content), wrong) == ([], [], [])
    part = "copies" if SIDES[name].stream == "mail" else "event copies"
    assert wanted.first[part] != wanted.content[part]


@pytest.mark.usefixtures("today", "short_pages")
def test_nothing_that_counts_is_missing_from_the_world() -> None:
    found = {name: clean(name).content for name in SIDES}

    sizes = {name: {part: len(rows) for part, rows in one.items()} for name, one in found.items()}
    for name, one in sizes.items():
        empty = {part for part, size in one.items() if size == 0}
        of_mail = {"threads", "messages", "participants", "copies"}
        of_events = {"sources", "events", "event copies", "attendees"}
        assert empty == {"quarantined", "pending"} | (of_events if "mail" in name else of_mail), name
    assert [sizes[name]["copies"] for name in ("gmail", "graph mail")] == [40, 41]
    at_least = [sizes[name]["event copies"] for name in ("google calendar", "graph calendar")]
    assert min(at_least) > 30
