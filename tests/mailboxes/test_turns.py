"""Whose turn it is to be read, who may not be read at all, and what a run does about what changes or goes
wrong while it reads."""

import logging
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm.models import InternalDomain, Member
from crm.statements import execute, fetch
from crm.workspaces import set_active
from mailboxes import leasing, syncing
from mailboxes.accounts.connecting import change, change_servers, connect_servers
from mailboxes.accounts.trying import Servers
from mailboxes.blocking import block, unblock
from mailboxes.leasing import due_now, pick_due, take
from mailboxes.models import (
    BlocklistEntry,
    Mailbox,
    MailboxKind,
    MailboxState,
    MessageCopy,
    PendingItem,
    SkippedItem,
    StreamKind,
    SyncStream,
)
from mailboxes.providers.archive import provider as archives
from mailboxes.reading import reader, store_page
from mailboxes.tasks import enqueue_due, sync_next
from tests.desk import Desk
from tests.mailboxes.letters import archive, letter, stream_of, write_mbox
from tests.servers.certificate import write_certificate
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.loopback import listening

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=1)
IMAP = {"host": "imap.example", "port": 993, "security": "tls", "username": "ada"}
CALDAV = {"url": "https://dav.example/", "username": "ada"}
BOTH = Servers(IMAP, CALDAV, {"imap": "secret", "caldav": "secret"})


@pytest.fixture(scope="module")
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def servers(ada: Member) -> Mailbox:
    own = Servers(IMAP, CALDAV, BOTH.passwords)
    return connect_servers(
        ada, address=ada.user.email, passwords=own.passwords, imap=own.imap, caldav=own.caldav
    )


@pytest.fixture
def box(ada: Member, tmp_path: Path) -> Mailbox:
    return archive(ada, mbox=write_mbox(tmp_path / "a.mbox", *(letter(n) for n in range(3))))


def due(box: Mailbox) -> set[str]:
    """Whatever of it a worker would read now."""
    picked = [one.stream_id for one in pick_due()]
    return set(SyncStream.objects.filter(mailbox=box, pk__in=picked).values_list("kind", flat=True))


# Turns.


def test_what_has_been_due_longest_is_read_first_and_a_slice_goes_to_the_end(
    ada: Member, ben: Member, tmp_path: Path
) -> None:
    boxes = [archive(one, mbox=write_mbox(tmp_path / f"{one.pk}.mbox", letter(1))) for one in (ada, ben)]
    streams = [stream_of(one).pk for one in boxes]
    SyncStream.objects.exclude(pk__in=streams).update(due_at=None)
    for minutes, pk in zip((2, 1), reversed(streams), strict=True):
        SyncStream.objects.filter(pk=pk).update(due_at=timezone.now() - timedelta(minutes=minutes))

    order: list[int] = []
    for seconds in range(4):
        [lease] = pick_due(limit=1)
        order.append(lease.stream_id)
        leasing.give_back(lease, seconds=seconds - 9)  # the clock of a transaction stands still

    assert order == [*reversed(streams), *reversed(streams)]


def test_there_is_a_hint_for_each_that_is_due_and_it_does_not_wait_for_ever(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[dict[str, Any]] = []
    monkeypatch.setattr(sync_next, "apply_async", lambda **options: hints.append(options))

    enqueue_due()
    assert len(hints) == 2
    assert due(box) == {StreamKind.MAIL, StreamKind.CALENDAR}
    assert all(0 < one["expires"] <= leasing.LEASE_SECONDS for one in hints)
    enqueue_due()

    assert len(hints) == 2, "what somebody is at is not hinted at again"


# Who may not be read.


@pytest.mark.parametrize("kind", MailboxKind)
@pytest.mark.parametrize("on", [(), ("mail",), ("calendar",), ("mail", "calendar")])
def test_what_may_be_read_is_what_the_mailbox_says_it_reads(
    servers: Mailbox, kind: MailboxKind, on: tuple[str, ...]
) -> None:
    """The same rule in SQL and in Python."""
    servers.kind, servers.address = kind, "alone@halyard.example"
    servers.settings = {servers.part(stream): {} for stream in on}
    servers.save()
    SyncStream.objects.filter(mailbox=servers).update(due_at=LONG_AGO)

    assert due(servers) == {stream for stream in StreamKind if servers.reads(stream)}


def test_a_part_that_is_switched_off_stays_off_when_its_owner_comes_back(
    servers: Mailbox, ada: Member
) -> None:
    change_servers(servers, Servers(IMAP, None, {"imap": "secret"}), by=ada)

    set_active(ada, active=False)
    assert due(servers) == set()
    set_active(ada, active=True)

    assert due(servers) == {StreamKind.MAIL}
    assert stream_of(servers, StreamKind.CALENDAR).due_at is None


def test_nothing_of_a_deactivated_member_is_read_whatever_makes_it_due(
    servers: Mailbox, box: Mailbox, ada: Member
) -> None:
    set_active(ada, active=False)

    due_now([one.pk for one in SyncStream.objects.all()])
    assert not SyncStream.objects.filter(mailbox__member=ada, due_at__isnull=False).exists()
    SyncStream.objects.update(due_at=LONG_AGO)

    assert due(servers) == due(box) == set()
    with pytest.raises(CommandError, match="deactivated"):
        call_command("sync_mailbox", servers.address)


def test_an_archive_that_has_been_read_rests_when_its_owner_comes_back(box: Mailbox, ada: Member) -> None:
    for _ in range(2):
        sync_next()

    set_active(ada, active=False)
    set_active(ada, active=True)

    assert due(box) == set()
    assert MessageCopy.objects.count() == 3


# What changes while it is read.


def read_first(box: Mailbox, meanwhile: Callable[[], object]) -> None:
    """Its letters are read, something happens, and only then are they stored."""
    once = [meanwhile]

    def slow(*arguments: Any, **named: Any) -> Any:
        while once:
            once.pop()()
        return store_page(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syncing, "store_page", slow)
        lease = take(stream_of(box).pk)
        assert lease
        syncing.run(lease, slice_seconds=None)
    assert not PendingItem.objects.exists()


def test_what_is_unblocked_while_it_is_read_is_not_lost(box: Mailbox, ada: Member) -> None:
    block(box, ["acme.example"], by=ada)
    entry = BlocklistEntry.objects.select_related("mailbox").get()

    read_first(box, lambda: unblock(entry, by=ada))

    assert MessageCopy.objects.count() == 3
    assert not SkippedItem.objects.exists()


def test_what_is_blocked_while_it_is_read_is_kept_out(box: Mailbox, ada: Member) -> None:
    read_first(box, lambda: block(box, ["acme.example"], by=ada))

    assert not MessageCopy.objects.exists()
    assert SkippedItem.objects.count() == 3


def test_who_becomes_a_colleague_while_it_is_read_is_no_contact(box: Mailbox, desk: Desk) -> None:
    read_first(box, lambda: InternalDomain.objects.create(workspace=desk.workspace, domain="acme.example"))

    assert not MessageCopy.objects.exists()
    assert fetch("SELECT count(*) FROM crm_address WHERE domain = 'acme.example' AND NOT is_internal") == [
        (0,)
    ]


def test_a_limit_that_moves_while_it_is_read_holds(box: Mailbox) -> None:
    today = timezone.now().date()

    read_first(box, lambda: Mailbox.objects.filter(pk=box.pk).update(history_from=today))

    assert not MessageCopy.objects.exists()


def test_values_are_those_of_the_moment_they_are_stored(box: Mailbox) -> None:
    """Not of when the run began: a meeting may have begun since."""
    begun = timezone.now() - timedelta(hours=1)

    assert reader(box.pk, begun).still_true().now > begun + timedelta(minutes=59)


def test_a_page_that_is_stored_renews_the_lease(box: Mailbox) -> None:
    stream = stream_of(box)
    lease = take(stream.pk)
    assert lease
    execute("UPDATE mailboxes_syncstream SET lease_until = now() + interval '1 second'")
    page_reader = reader(box.pk, timezone.now())

    store_page(stream, lease, page_reader, page=page_reader.read([]))

    stream.refresh_from_db()
    assert stream.lease_until and stream.lease_until > timezone.now() + timedelta(seconds=60)


# What goes wrong.


def run_mail(box: Mailbox) -> SyncStream:
    lease = take(stream_of(box).pk)
    assert lease
    syncing.run(lease)
    return stream_of(box)


def test_our_own_mistake_is_said_tried_again_and_logged_without_what_it_was_about(
    box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The database would quote the row that it refuses."""
    execute("ALTER TABLE mailboxes_messagecopy ADD CONSTRAINT mistaken CHECK (subject = '') NOT VALID")

    with caplog.at_level(logging.ERROR):
        stream = run_mail(box)

    assert (stream.failures, stream.last_error) == (1, syncing.OUR_MISTAKE)
    assert stream.lease_until is None
    assert stream.due_at and stream.due_at > timezone.now()
    assert "IntegrityError" in caplog.text
    assert "store_page" in caplog.text
    assert "SUBJECT" not in caplog.text


def test_a_server_that_is_set_up_wrong_is_asked_again_after_an_hour(
    ada: Member, settings: Any, tmp_path: Path
) -> None:
    """Its certificate may be renewed, or its name come back, without anybody telling us."""
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(lambda connection, _: None, tls=context) as heard:
        settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{heard.port}"]
        imap = {"host": "localhost", "port": heard.port, "security": "tls", "username": "ada"}
        box = connect_servers(ada, address=ada.user.email, passwords={"imap": "secret"}, imap=imap)

        stream = run_mail(box)

    assert "cannot be trusted" in stream.last_error
    assert stream.due_at is not None
    wait = stream.due_at - timezone.now()
    assert timedelta(minutes=55) < wait <= timedelta(hours=1)


@pytest.mark.parametrize(("is_late", "state"), [(False, "needs_reconnect"), (True, "active")])
def test_a_run_from_before_a_reconnect_does_not_undo_it(
    ada: Member, mail_server: Dovecot, settings: Any, is_late: bool, state: str
) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}"]
    imap = {"host": "127.0.0.1", "port": mail_server.port, "security": "none", "username": "ada"}
    box = connect_servers(ada, address=ada.user.email, passwords={"imap": "guessed"}, imap=imap)
    lease = take(stream_of(box).pk)
    assert lease
    if is_late:
        execute("UPDATE mailboxes_syncstream SET epoch = epoch + 1, lease_until = NULL")

    syncing.run(lease)

    box.refresh_from_db()
    assert box.state == MailboxState(state)
    assert bool(stream_of(box).last_error) is not is_late


def test_a_slow_provider_keeps_its_lease(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may take longer to fetch than a lease lasts."""
    passed = [0.0]
    fetch_all = archives.ArchiveMail.fetch

    def slowly(self: Any, ids: Any) -> Iterator[Any]:
        for item in fetch_all(self, ids):
            passed[0] += leasing.LEASE_SECONDS * 0.9
            execute("UPDATE mailboxes_syncstream SET lease_until = now() WHERE lease_until IS NOT NULL")
            yield item
            seen.append(fetch("SELECT max(lease_until) > now() FROM mailboxes_syncstream")[0][0])

    seen: list[bool] = []
    monkeypatch.setattr(archives.ArchiveMail, "fetch", slowly)
    monkeypatch.setattr(syncing.time, "monotonic", lambda: passed[0])

    run_mail(box)

    assert seen == [True] * 3
    assert MessageCopy.objects.count() == 3


# Editing.


def test_another_history_limit_alone_is_kept(servers: Mailbox, ada: Member) -> None:
    day = timezone.now().date() - timedelta(days=90)

    change(servers, dict(servers.settings), by=ada, history_from=day)

    servers.refresh_from_db()
    assert servers.history_from == day
