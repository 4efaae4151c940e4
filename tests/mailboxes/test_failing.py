"""Whom it is told that a mailbox cannot be read, when, and how often."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Member, Notification
from crm.notifying import in_words
from mailboxes import syncing
from mailboxes.accounts.connecting import connect_servers
from mailboxes.leasing import take
from mailboxes.models import Mailbox, StreamKind, SyncStream
from tests.conftest import SignIn
from tests.mailboxes.consentrig import connected, google_set_up
from tests.mailboxes.letters import archive, letter, stream_of, write_ics, write_mbox
from tests.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.servers.loopback import free_port

pytestmark = pytest.mark.django_db

NOBODY = free_port()  # listens there


@pytest.fixture(scope="module")
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def box(ada: Member, mail_server: Dovecot, settings: Any) -> Iterator[Mailbox]:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{port}" for port in (mail_server.port, NOBODY)]
    user = mail_server.new_user()
    imap = {"host": "127.0.0.1", "port": mail_server.port, "security": "none", "username": user.name}
    yield connect_servers(ada, address=ada.user.email, passwords={"imap": PASSWORD}, imap=imap)
    user.close()


def move(box: Mailbox, **elsewhere: object) -> None:
    """The account is at another server from now on."""
    box.settings["imap"] |= elsewhere
    box.save(update_fields=["settings"])


def run(box: Mailbox, kind: StreamKind = StreamKind.MAIL) -> SyncStream:
    lease = take(stream_of(box, kind).pk)
    assert lease
    syncing.run(lease)
    return stream_of(box, kind)


def fail_for(box: Mailbox, hours: float) -> list[str]:
    """A try that fails after so many hours of failing; the kinds of all notices there are by then."""
    since = timezone.now() - timedelta(hours=hours)
    SyncStream.objects.filter(mailbox=box, failures__gt=0).update(failing_since=since)
    run(box)
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def test_an_owner_is_told_once_that_reading_has_failed_for_a_day(box: Mailbox) -> None:
    move(box, port=NOBODY)

    told = [fail_for(box, hours) for hours in (0, 1, 23, 25, 49)]

    assert told == [[], [], [], ["keeps_failing"], ["keeps_failing"]]
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"For a day now there is trouble reading {box.address}"


def test_what_only_the_owner_can_mend_is_told_at_once(box: Mailbox) -> None:
    move(box, host="10.0.0.1")  # which nobody has allowed

    assert fail_for(box, 0) == ["keeps_failing"]
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"Reading has stopped: look at the settings of {box.address}"


def test_a_success_in_between_begins_the_day_anew(box: Mailbox, mail_server: Dovecot) -> None:
    move(box, port=NOBODY)
    fail_for(box, 25)
    fail_for(box, 25)
    move(box, port=mail_server.port)
    stream = run(box)
    assert (stream.failing_since, stream.owner_told_at) == (None, None)
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"There was trouble reading {box.address}"
    move(box, port=NOBODY)

    told = [fail_for(box, hours) for hours in (25, 1, 25)]

    assert told == [["keeps_failing"]] * 2 + [["keeps_failing"] * 2]


def test_limits_of_a_provider_are_no_failure(ada: Member, signed_in: SignIn) -> None:
    with google_set_up() as fake:
        fake.add_user(ada.user.email)
        box = connected(fake, signed_in.as_(ada), ada)
        fake.faults.on("GET", "/gmail/v1/...", status=429, retry_after=600)

        assert [fail_for(box, hours) for hours in (0, 25, 49)] == [[], [], []]
        assert stream_of(box).last_error


def test_both_streams_failing_is_told_once(ada: Member, tmp_path: Path) -> None:
    mbox, ics = write_mbox(tmp_path / "a.mbox", letter(1)), write_ics(tmp_path / "a.ics", 1)
    box = archive(ada, mbox=mbox, ics=ics)
    mbox.unlink()
    ics.unlink()

    for kind in StreamKind:
        assert run(box, kind).last_error

    assert Notification.objects.count() == 1
