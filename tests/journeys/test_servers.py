"""Three members on a real Dovecot and a real Radicale, from the first listing to the last attribute:
shared threads, flags, deletions, renumbered folders, a worker killed in the middle, lost tokens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from crm.models import InternalDomain, Member, Person, Workspace
from crm.statements import fetch
from crm.workspaces import add_member
from intelligence.models import PersonInsight
from intelligence.verifying import differences
from mailboxes.accounts.connecting import connect_servers
from mailboxes.models import (
    CalendarEvent,
    EmailMessage,
    Mailbox,
    MailboxState,
    MessageCopy,
    PendingItem,
    QuarantinedItem,
    SyncStream,
)
from mailboxes.running import run_now
from tests.mailboxes.letters import expire_leases
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD, Dovecot, MailUser, dovecot
from tests.servers.radicale import CalendarUser, Radicale, calendar

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("ada", "ben", "cleo")
PASSWORDS = {"imap": PASSWORD, "caldav": radicale_server.PASSWORD}
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Account:
    member: Member
    mailbox: Mailbox
    mail: MailUser
    events: CalendarUser

    def sync(self) -> None:
        expire_leases()
        for stream in self.mailbox.streams.order_by("kind"):
            run_now(stream)

    def errors(self) -> list[str]:
        return [
            stream.last_error
            for stream in SyncStream.objects.filter(mailbox=self.mailbox)
            if stream.last_error
        ]


@pytest.fixture
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def event_server(tmp_path: Path) -> Iterator[Radicale]:
    folder = tmp_path / "radicale"
    folder.mkdir()
    with radicale_server.radicale(folder) as server:
        yield server


@pytest.fixture
def accounts(mail_server: Dovecot, event_server: Radicale, settings: Any) -> Iterator[dict[str, Account]]:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}", f"127.0.0.1:{event_server.port}"]
    workspace = Workspace.objects.create(slug="halyard", name="Halyard")
    InternalDomain.objects.create(workspace=workspace, domain="halyard.example")
    made = {name: _account(workspace, name, mail_server, event_server) for name in NAMES}
    yield made
    for account in made.values():
        account.mail.close()


def _account(workspace: Workspace, name: str, mail_server: Dovecot, event_server: Radicale) -> Account:
    email = f"{name}@halyard.example"
    member = add_member(workspace, email, name=name.title())
    user = mail_server.new_user()
    calendar_user = event_server.add_user(name)
    calendar_user.make_calendar("work")
    mailbox = connect_servers(
        member,
        address=email,
        passwords=PASSWORDS,
        imap={"host": "127.0.0.1", "port": mail_server.port, "security": "none", "username": user.name},
        caldav={"url": f"{event_server.url}{name}/", "username": name},
    )
    return Account(member, mailbox, user, calendar_user)


def letter(number: int, sender: str, *to: str, days_ago: float = 3, answers: int = 0) -> bytes:
    at = NOW - timedelta(days=days_ago)
    answered = f"In-Reply-To: <m{answers}@x>\r\nReferences: <m{answers}@x>\r\n" if answers else ""
    return (
        f"Message-ID: <m{number}@x>\r\nDate: {at:%d %b %Y %H:%M:%S +0000}\r\nFrom: {sender}\r\n"
        f"To: {', '.join(to)}\r\nSubject: number {number}\r\n{answered}\r\nHello.\r\n"
    ).encode()


BOB = "Bob Doe <bob@acme.example>"
ADA, BEN, CLEO = (f"{name.title()} <{name}@halyard.example>" for name in NAMES)


def fill(accounts: dict[str, Account]) -> None:
    """One conversation in three mailboxes, and what each has besides."""
    ada, ben, cleo = (accounts[name].mail for name in NAMES)
    ada.make_folder("Projects", "Gesendetes")
    ben.make_folder("Spamfilter", "Müll")
    cleo.make_folder("Gesendetes", "Müll")
    asked = letter(1, ADA, "bob@acme.example", "ben@halyard.example", days_ago=9)
    answer = letter(
        2, BOB, "ada@halyard.example", "ben@halyard.example", "cleo@halyard.example", days_ago=8, answers=1
    )
    ada.deliver(asked, "Gesendetes", received=NOW)
    ben.deliver(asked, received=NOW)
    for user in (ada, ben, cleo):
        user.deliver(answer, received=NOW)
    ada.deliver(letter(3, BOB, "ada@halyard.example", days_ago=7), "Projects", received=NOW)
    ben.deliver(letter(4, BOB, "ben@halyard.example", days_ago=6), received=NOW)
    ben.deliver(letter(5, "Spam <x@spam.example>", "ben@halyard.example"), "Spamfilter", received=NOW)
    cleo.deliver(letter(6, CLEO, "eve@other.example", days_ago=5), "Gesendetes", received=NOW)
    cleo.deliver(
        letter(7, "Eve <eve@other.example>", "cleo@halyard.example", days_ago=4), "Müll", received=NOW
    )


def weekly(*, overrides: str = "", exdate: str = "") -> str:
    """Ada meets Bob every week since four weeks ago."""
    start = (NOW - timedelta(days=28)).replace(hour=9, minute=0, second=0)
    return calendar(
        f"BEGIN:VEVENT\nUID:weekly@x\nDTSTAMP:{start:%Y%m%dT%H%M%SZ}\nDTSTART:{start:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\n"
        f"SUMMARY:Weekly\nRRULE:FREQ=WEEKLY;COUNT=6\n{exdate}{PEOPLE}END:VEVENT\n{overrides}"
    )


PEOPLE = (
    "ORGANIZER:mailto:ada@halyard.example\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@halyard.example\n"
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@acme.example\n"
)


def override(week: int, *, hours: int = 2, status: str = "CONFIRMED") -> str:
    original = (NOW - timedelta(days=28 - 7 * week)).replace(hour=9, minute=0, second=0)
    moved = original + timedelta(hours=hours)
    return (
        f"BEGIN:VEVENT\nUID:weekly@x\nDTSTAMP:{original:%Y%m%dT%H%M%SZ}\nRECURRENCE-ID:{original:%Y%m%dT%H%M%SZ}\n"
        f"DTSTART:{moved:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\nSUMMARY:Weekly, moved\nSTATUS:{status}\n{PEOPLE}END:VEVENT\n"
    )


def held() -> dict[str, list[str]]:
    """Subjects by member, as stored."""
    rows = MessageCopy.objects.values_list("mailbox__member__user__name", "subject")
    found: dict[str, list[str]] = {}
    for name, subject in sorted(rows):
        found.setdefault(name, []).append(subject.removeprefix("number "))
    return found


def everything() -> list[Any]:
    """All rows with their versions, but for the state of the runs."""
    tables = fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^(crm|mailboxes|intelligence)_'"
        " AND c.relname <> 'mailboxes_syncstream' ORDER BY 1"
    )
    return [
        fetch(f"SELECT '{table}', t.xmin::text, t.*::text FROM {table} t ORDER BY 3") for (table,) in tables
    ]


def test_three_members_from_servers_to_attributes(
    accounts: dict[str, Account], event_server: Radicale
) -> None:
    fill(accounts)
    accounts["ada"].events.put(
        "work/weekly.ics", weekly(overrides=override(2) + override(3, status="CANCELLED"))
    )
    sync(accounts)

    assert held() == {"Ada": ["1", "2", "3"], "Ben": ["1", "2", "4"], "Cleo": ["2", "6"]}
    assert EmailMessage.objects.count() == 5
    assert (
        len(
            set(
                EmailMessage.objects.filter(copies__subject__in=["number 1", "number 2"]).values_list(
                    "thread"
                )
            )
        )
        == 1
    )
    assert sorted(Person.objects.values_list("name", flat=True)) == ["Bob Doe", "Eve"]
    assert CalendarEvent.objects.count() == 6
    bob = PersonInsight.objects.get(person__name="Bob Doe")
    assert (bob.first_email_member.name, bob.first_calendar_member.name) == ("Ada", "Ada")
    assert (NOW - bob.last_email_at).days == 6
    assert bob.strongest.name == "Ada"
    nothing_changes(accounts)

    change(accounts, event_server)
    sync(accounts)

    assert held() == {"Ada": ["2", "3"], "Ben": ["1", "2"], "Cleo": ["2", "6", "7", "8"]}
    starts = list(CalendarEvent.objects.order_by("starts_at").values_list("status", flat=True))
    assert starts == ["confirmed"] * 5
    bob.refresh_from_db()
    assert (NOW - bob.last_email_at).days == 0
    assert bob.last_email_member.name == "Cleo"
    nothing_changes(accounts)


def change(accounts: dict[str, Account], event_server: Radicale) -> None:
    """Flags, deletions, moves, a renumbered folder, new mail; an edited series and a lost token."""
    ada, ben, cleo = (accounts[name].mail for name in NAMES)
    ada.mark_read("number 2")
    ada.delete("number 1", "Gesendetes")
    ada.renumber("Projects")
    ben.move("number 4", "INBOX", "Müll")
    cleo.move("number 7", "Müll", "INBOX")
    cleo.deliver(letter(8, BOB, "cleo@halyard.example", days_ago=0.1), received=NOW)
    events = accounts["ada"].events
    cancelled = (NOW - timedelta(days=21)).replace(hour=9, minute=0, second=0)
    events.put(
        "work/weekly.ics",
        weekly(overrides=override(3, hours=1), exdate=f"EXDATE:{cancelled:%Y%m%dT%H%M%SZ}\n"),
    )
    events.forget_tokens()


def sync(accounts: dict[str, Account]) -> None:
    for account in accounts.values():
        account.sync()
        assert account.errors() == []
    workspace = accounts["ada"].member.workspace_id
    assert list(differences(workspace, now=datetime.now(UTC))) == []


def nothing_changes(accounts: dict[str, Account]) -> None:
    before = everything()
    sync(accounts)
    assert everything() == before


def test_a_worker_killed_in_the_middle_costs_nothing(
    accounts: dict[str, Account], mail_server: Dovecot
) -> None:
    ada = accounts["ada"]
    numbers = range(100, 2100)
    inbox = mail_server.folder / "mail" / ada.mail.name / "new"
    ada.mail.fill(1)
    for number in numbers:
        path = inbox / f"{1_700_000_000 + number}.M{number}.localhost"
        path.write_bytes(letter(number, BOB, "ada@halyard.example", days_ago=number / 100))
        path.chmod(0o666)

    # Twice: what is being read at a third death would rightly be taken for its cause.
    deaths = sum(kill_when_some_is_stored(ada) for _ in range(2))
    expire_leases()
    ada.sync()

    assert deaths >= 1
    assert MessageCopy.objects.filter(subject__in=[f"number {n}" for n in numbers]).count() == len(numbers)
    assert not PendingItem.objects.exists()
    assert not QuarantinedItem.objects.exists()
    assert list(differences(ada.member.workspace_id, now=datetime.now(UTC))) == []


def kill_when_some_is_stored(account: Account) -> bool:
    """Whether the process was still at it when it was killed."""
    expire_leases()
    before = MessageCopy.objects.count()
    parts = connection.settings_dict
    url = f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "EGRESS_ALLOWED_NETWORKS": ",".join(django_settings.EGRESS_ALLOWED_NETWORKS),
    }
    command = [sys.executable, "manage.py", "sync_mailbox", account.mailbox.address]
    worker = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while MessageCopy.objects.count() == before and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    was_working = worker.poll() is None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return was_working


def test_a_wrong_password_asks_for_it_again_and_stops_polling(accounts: dict[str, Account]) -> None:
    ada = accounts["ada"]
    ada.sync()
    connect_servers(
        ada.member,
        address=ada.mailbox.address,
        passwords={"imap": "wrong", "caldav": "wrong"},
        imap=ada.mailbox.settings["imap"],
        caldav=ada.mailbox.settings["caldav"],
    )

    ada.sync()

    ada.mailbox.refresh_from_db()
    assert ada.mailbox.state == MailboxState.NEEDS_RECONNECT
    assert len(ada.errors()) == 2
    assert all("wrong" not in error for error in ada.errors())
    assert set(SyncStream.objects.filter(mailbox=ada.mailbox).values_list("due_at", flat=True)) == {None}


@pytest.mark.parametrize(
    ("imap", "says", "may_come_back"),
    [
        ({"host": "no-such-host.invalid", "port": 993, "security": "tls"}, "no server of that name", True),
        ({"host": "127.0.0.1", "port": 993, "security": "tls"}, "not allowed here", False),
        ({"host": "10.0.0.1", "port": 25, "security": "tls"}, "not allowed here", False),
    ],
)
def test_a_server_that_cannot_be_used_is_said_in_plain_words(
    ada: Member, imap: dict[str, Any], says: str, may_come_back: bool
) -> None:
    mailbox = connect_servers(
        ada, address="ada@halyard.example", passwords={"imap": "x"}, imap={**imap, "username": "ada"}
    )
    stream = mailbox.streams.get()

    run_now(stream)

    stream.refresh_from_db()
    assert says in stream.last_error
    assert (stream.due_at is not None) == may_come_back


def test_the_command_connects_after_reading_one_message_and_one_event(
    accounts: dict[str, Account],
    mail_server: Dovecot,
    event_server: Radicale,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ben = accounts["ben"]
    ben.mail.deliver(letter(1, BOB, "ben@halyard.example"))
    ben.events.put("work/weekly.ics", weekly())
    monkeypatch.setenv("MAILBOX_PASSWORD", PASSWORDS["imap"])
    monkeypatch.setenv("CALDAV_PASSWORD", PASSWORDS["caldav"])
    servers = [
        "--imap=127.0.0.1",
        f"--imap-port={mail_server.port}",
        "--security=none",
        f"--caldav={event_server.url}",
    ]
    said = StringIO()

    call_command(
        "connect_mailbox", "halyard", "ben@halyard.example", "--username=ada2", *servers[:3], stdout=said
    )
    call_command(
        "connect_mailbox", "halyard", "ben@halyard.example", "--username=ben", servers[3], stdout=said
    )
    monkeypatch.setenv("MAILBOX_PASSWORD", "wrong")
    with pytest.raises(CommandError, match="IMAP, to sign in: "):
        call_command("connect_mailbox", "halyard", "ben@halyard.example", "--username=ada2", *servers[:3])

    assert "IMAP: 1 messages in INBOX" in said.getvalue()
    assert "CalDAV: work" in said.getvalue()
    assert Mailbox.objects.filter(member=ben.member).count() == 1
