"""Connect, edit, reconnect: whose address, how many, what stays, what is read anew."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from crm.models import Address, AuditEvent, Member
from intelligence.verifying import differences
from mailboxes.accounts.connecting import change_servers, connect_servers
from mailboxes.accounts.refusing import AddressTaken, AnotherAccount, OverPlan
from mailboxes.accounts.trying import CannotConnect, Servers, Tried, calendar_server, try_servers
from mailboxes.credentials import decrypt
from mailboxes.leasing import take
from mailboxes.models import (
    CalendarSource,
    EmailMessage,
    EventCopy,
    Mailbox,
    MailboxState,
    MessageCopy,
    PendingItem,
    SkippedItem,
    SkipReason,
    StreamKind,
    SyncStream,
)
from mailboxes.running import run_now
from tests.desk import NOW, Desk, mail, meeting
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.servers.radicale import Radicale, event

IMAP = {"host": "imap.halyard.example", "port": 993, "security": "tls", "username": "ada"}
CALDAV = {"url": "https://dav.halyard.example/", "username": "ada"}
BOTH = Servers(IMAP, CALDAV, {"imap": "one", "caldav": "two"})
MAIL_ONLY = Servers(IMAP, None, {"imap": "one"})


def connected(member: Member) -> Mailbox:
    return connect_servers(
        member, address=member.user.email, passwords=BOTH.passwords, imap=IMAP, caldav=CALDAV
    )


def stream(mailbox: Mailbox, kind: StreamKind) -> SyncStream:
    return SyncStream.objects.get(mailbox=mailbox, kind=kind)


def state() -> list[Any]:
    streams = SyncStream.objects.order_by("pk").values_list("pk", "epoch", "due_at", "cursor")
    boxes = Mailbox.objects.order_by("pk").values_list("pk", "settings", "credential", "state")
    return [*streams, *((pk, settings, bytes(secret), state) for pk, settings, secret, state in boxes)]


@pytest.fixture(scope="module")
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture(scope="module")
def event_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with radicale_server.radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.mark.parametrize("email", ["ben@halyard.example", "BEN@halyard.example", "ben+crm@halyard.example"])
def test_connect_refuses_an_address_of_another_member(ada: Member, email: str) -> None:
    before = state()

    with pytest.raises(AddressTaken, match="is the address of Ben here"):
        connect_servers(ada, address=email, passwords={"imap": "x"}, imap=IMAP)

    assert state() == before


def test_connect_refuses_an_alias_of_another_member(ada: Member) -> None:
    with pytest.raises(AddressTaken):
        connect_servers(
            ada,
            address="ada@halyard.example",
            passwords={"imap": "x"},
            imap=IMAP,
            aliases=["ben@halyard.example"],
        )

    assert Mailbox.objects.filter(kind="imap").count() == 0


@pytest.mark.parametrize("plan", ["free", "plus"])
def test_connect_refuses_a_second_account_below_pro(desk: Desk, plan: str) -> None:
    desk.workspace.plan = plan
    desk.workspace.save()
    ada = Member.objects.get(pk=desk.members["ada"].pk)

    with pytest.raises(OverPlan) as refusal:
        connected(ada)

    assert str(refusal.value) == (
        f"On the {plan.title()} plan a member connects one account, and yours is ada@halyard.example. "
        "Pro and Enterprise allow more. Whoever runs this installation can change the plan."
    )
    assert Mailbox.objects.filter(kind="imap").count() == 0


def test_an_account_being_removed_does_not_count(desk: Desk) -> None:
    desk.workspace.plan = "free"
    desk.workspace.save()
    Mailbox.objects.filter(pk=desk.mailboxes["ada"].pk).update(state=MailboxState.REMOVING)
    ada = Member.objects.get(pk=desk.members["ada"].pk)

    mailbox = connected(ada)

    assert mailbox.kind == "imap"


def test_the_command_is_refused_before_anything_is_tried(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.workspace.plan = "free"
    desk.workspace.save()
    monkeypatch.setenv("MAILBOX_PASSWORD", "x")

    with pytest.raises(CommandError, match="On the Free plan"):
        call_command("connect_mailbox", "halyard", "ada@halyard.example", "--imap=no-such-host.invalid")


def test_connect_refuses_an_account_that_is_being_removed(ada: Member) -> None:
    mailbox = connected(ada)
    Mailbox.objects.filter(pk=mailbox.pk).update(state=MailboxState.REMOVING)

    with pytest.raises(CannotConnect, match="still being removed"):
        connected(ada)

    mailbox.refresh_from_db()
    assert mailbox.state == MailboxState.REMOVING


def test_connect_of_an_inactive_member_is_denied(ada: Member) -> None:
    ada.is_active = False

    with pytest.raises(PermissionDenied):
        connected(ada)


@pytest.mark.parametrize("who", ["ben", "inactive"])
def test_change_servers_is_denied_to_everybody_but_the_owner(desk: Desk, who: str) -> None:
    mailbox = connected(desk.members["ada"])
    by = desk.members["ben"] if who == "ben" else desk.members["ada"]
    by.is_active = who == "ben"
    before = state()

    with pytest.raises(PermissionDenied):
        change_servers(mailbox, MAIL_ONLY, by=by)

    assert state() == before


def test_switching_the_calendar_off_stops_its_stream_and_forgets_its_password(ada: Member) -> None:
    mailbox = connected(ada)
    SyncStream.objects.filter(mailbox=mailbox).update(cursor="so far")

    change_servers(mailbox, MAIL_ONLY, by=ada)

    mail, calendar = (stream(mailbox, kind) for kind in (StreamKind.MAIL, StreamKind.CALENDAR))
    assert (calendar.due_at, calendar.cursor) == (None, "so far")
    assert mail.due_at is not None
    assert mailbox.settings == {"imap": IMAP, "off": {"caldav": CALDAV}}
    assert decrypt(mailbox.credential) == {"imap": "one"}


def test_switching_the_calendar_on_again_goes_on_from_its_cursor(ada: Member) -> None:
    mailbox = connected(ada)
    SyncStream.objects.filter(mailbox=mailbox).update(cursor="so far")
    change_servers(mailbox, MAIL_ONLY, by=ada)

    change_servers(mailbox, BOTH, by=ada)

    calendar = stream(mailbox, StreamKind.CALENDAR)
    assert (calendar.due_at is not None, calendar.cursor) == (True, "so far")
    assert mailbox.settings == {"imap": IMAP, "caldav": CALDAV}


def test_reconnecting_keeps_the_cursor_and_makes_the_streams_due(ada: Member) -> None:
    mailbox = connected(ada)
    Mailbox.objects.filter(pk=mailbox.pk).update(state=MailboxState.NEEDS_RECONNECT)
    SyncStream.objects.filter(mailbox=mailbox).update(
        cursor="so far", due_at=None, failures=3, last_error="no"
    )

    change_servers(mailbox, Servers(IMAP, CALDAV, {"imap": "new", "caldav": "two"}), by=ada)

    mailbox.refresh_from_db()
    streams = SyncStream.objects.filter(mailbox=mailbox, due_at__isnull=False)
    assert mailbox.state == MailboxState.ACTIVE
    assert list(streams.values_list("cursor", "failures", "last_error")) == [("so far", 0, "")] * 2
    assert decrypt(mailbox.credential) == {"imap": "new", "caldav": "two"}
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_id, event.owner_id) == ("mailbox_reconnected", ada.pk, ada.pk)
    assert event.details == {"mailbox": mailbox.pk}


def test_a_run_under_way_loses_its_lease_to_an_edit(ada: Member) -> None:
    mailbox = connected(ada)
    lease = take(stream(mailbox, StreamKind.MAIL).pk)
    assert lease is not None

    change_servers(mailbox, BOTH, by=ada)

    edited = stream(mailbox, StreamKind.MAIL)
    assert (edited.epoch, edited.lease_until) == (lease.epoch + 1, None)


def test_another_user_name_has_to_be_confirmed(ada: Member) -> None:
    mailbox = connected(ada)
    other = Servers(IMAP | {"username": "byron"}, CALDAV, BOTH.passwords)
    before = state()

    with pytest.raises(AnotherAccount, match="read as ada"):
        change_servers(mailbox, other, by=ada)

    assert state() == before
    change_servers(mailbox, other, by=ada, is_same_account=True)
    assert mailbox.settings["imap"]["username"] == "byron"


@pytest.mark.parametrize(
    ("url", "cursor", "version"),
    [
        ("https://dav.halyard.example/calendars/ada/", "so far", "etag"),
        ("https://dav.elsewhere.example/", "moved", ""),
    ],
)
def test_a_calendar_elsewhere_is_listed_and_read_anew(
    ada: Member, url: str, cursor: str, version: str
) -> None:
    mailbox = connected(ada)
    SyncStream.objects.filter(mailbox=mailbox).update(cursor="so far")
    CalendarSource.objects.create(
        workspace=ada.workspace, mailbox=mailbox, provider_id="a/b", version="etag", raw=b""
    )

    change_servers(mailbox, Servers(IMAP, CALDAV | {"url": url}, BOTH.passwords), by=ada)

    assert stream(mailbox, StreamKind.CALENDAR).cursor == cursor
    assert CalendarSource.objects.get().version == version
    assert stream(mailbox, StreamKind.MAIL).cursor == "so far"


def test_reading_further_back_fetches_what_was_too_old(ada: Member) -> None:
    mailbox = connected(ada)
    change_servers(mailbox, BOTH, by=ada, history_from=date(2026, 1, 1))
    mail = stream(mailbox, StreamKind.MAIL)
    for provider_id, reason in (("old", SkipReason.OLD), ("internal", SkipReason.INTERNAL)):
        SkippedItem.objects.create(
            workspace=ada.workspace, stream=mail, provider_id=provider_id, reason=reason
        )

    change_servers(mailbox, BOTH, by=ada, history_from=date(2026, 6, 1))
    later = list(PendingItem.objects.values_list("provider_id", flat=True))
    change_servers(mailbox, BOTH, by=ada, history_from=date(2025, 1, 1))

    assert later == []
    assert list(PendingItem.objects.values_list("provider_id", "is_removal")) == [("old", False)]
    assert list(SkippedItem.objects.values_list("provider_id", flat=True)) == ["internal"]


def test_an_alias_given_up_is_no_longer_the_owners_and_what_was_read_stays(desk: Desk, ada: Member) -> None:
    mailbox = connected(ada)
    change_servers(mailbox, BOTH, by=ada, aliases=["byron@halyard.example", "countess@halyard.example"])
    desk.mailboxes["ada"], countess, bob = mailbox, "countess@halyard.example", "bob@acme.example"
    desk.put("ada", mail("1@x", countess, bob))
    desk.schedule("ada", meeting("m1@x", countess, {bob: "accepted"}, at=NOW))

    change_servers(mailbox, BOTH, by=ada, aliases=["byron@halyard.example"])

    assert mailbox.own_emails() == {"ada@halyard.example", "byron@halyard.example"}
    assert MessageCopy.objects.get().is_sent and EventCopy.objects.get().is_organiser
    assert list(differences(ada.workspace_id, now=NOW)) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:secret@dav.example/",
        "https://ada@dav.example/",
        "//ada:secret@dav.example/",
        "ada:secret@dav.example",
        "https:ada:secret@dav.example",
        "https:\\\\ada:secret@dav.example",
    ],
)
def test_a_calendar_address_with_a_password_in_it_is_refused(url: str) -> None:
    with pytest.raises(CannotConnect) as refusal:
        calendar_server(url, username="ada")

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("ada@dav.example", "ada@dav.example"),
        ("https://dav.example/c/ada@x.example/?key=1#a", "https://dav.example/c/ada@x.example/"),
    ],
)
def test_a_calendar_address_keeps_what_names_the_server(url: str, kept: str) -> None:
    assert calendar_server(url, username="ada") == {"url": kept, "username": "ada"}


def real(mail_server: Dovecot, event_server: Radicale, name: str, **passwords: str) -> Servers:
    imap = {"host": "127.0.0.1", "port": mail_server.port, "security": "none", "username": name}
    caldav = {"url": event_server.url, "username": "ada"}
    return Servers(imap, caldav, {"imap": PASSWORD, "caldav": radicale_server.PASSWORD} | passwords)


def letter(number: int) -> bytes:
    at = datetime(2026, 1, 5, 10, number, tzinfo=UTC)
    return (
        f"Message-ID: <m{number}@x>\r\nDate: {at:%d %b %Y %H:%M:%S +0000}\r\nFrom: bob@acme.example\r\n"
        f"To: ada@halyard.example\r\nSubject: number {number}\r\n\r\nHello.\r\n"
    ).encode()


def test_try_servers_reads_from_each_and_says_what_failed(
    mail_server: Dovecot, event_server: Radicale, settings: Any
) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}", f"127.0.0.1:{event_server.port}"]
    user = mail_server.new_user()
    user.deliver(letter(1))
    calendars = event_server.add_user("ada")
    calendars.make_calendar("work")
    calendars.put("work/one.ics", event("one"))

    tried = try_servers(real(mail_server, event_server, user.name))
    wrong = try_servers(real(mail_server, event_server, user.name, imap="guess", caldav="guess"))

    user.close()
    place = f"127.0.0.1:{mail_server.port}"
    assert tried == [
        Tried("imap", place, "", "", "1 messages in INBOX"),
        Tried("caldav", event_server.url, "", "", "work"),
    ]
    assert [(one.name, one.failed) for one in wrong] == [("imap", "sign in"), ("caldav", "sign in")]
    assert "guess" not in repr(wrong)


def test_another_account_is_told_by_its_messages(
    ada: Member, mail_server: Dovecot, event_server: Radicale, settings: Any, tmp_path: Path
) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}"]
    user = mail_server.new_user()
    user.deliver(letter(1))
    servers = Servers(real(mail_server, event_server, user.name).imap, None, {"imap": PASSWORD})
    mailbox = connect_servers(ada, address=ada.user.email, imap=servers.imap, passwords=servers.passwords)
    run_now(stream(mailbox, StreamKind.MAIL))
    # As if this had been read elsewhere: another host, the same numbers.
    Mailbox.objects.filter(pk=mailbox.pk).update(
        settings={"imap": servers.settings["imap"] | {"host": "old"}}
    )
    mailbox.refresh_from_db()

    same = try_servers(servers, known=mailbox)
    EmailMessage.objects.update(id_key=b"0" * 16)
    other = try_servers(servers, known=mailbox)

    user.close()
    assert MessageCopy.objects.count() == 1
    assert [one.failed for one in same] == [""]
    assert [one.failed for one in other] == ["find the mail read so far"]


@pytest.mark.parametrize("how", ["address", "alias"])
def test_nobody_claims_a_contacts_address_by_typing_it(desk: Desk, how: str) -> None:
    """Everybody's mail with Bob would be mail among colleagues, and deleted."""
    desk.put("ada", mail("1@x", "ada@halyard.example", "bob@acme.example"))
    ben = desk.members["ben"]
    address, aliases = (
        ("bob@acme.example", []) if how == "address" else ("ben@other.example", ["bob@acme.example"])
    )

    with pytest.raises(AddressTaken, match=r"bob@acme.example is known here"):
        connect_servers(ben, address=address, passwords={"imap": "x"}, imap=IMAP, aliases=aliases)

    assert EmailMessage.objects.count() == 1
    assert not Address.objects.get(email="bob@acme.example").is_internal


def test_a_confirmed_address_is_claimed_whoever_knows_it(desk: Desk) -> None:
    desk.put("ada", mail("1@x", "ada@halyard.example", "ben@private.example"))
    ben = desk.members["ben"]
    EmailAddress.objects.create(user=ben.user, email="ben@private.example", verified=True)

    connect_servers(ben, address="ben@private.example", passwords={"imap": "x"}, imap=IMAP)

    assert Address.objects.get(email="ben@private.example").member == ben
