"""The five ways in which a member's mail and calendar reach a workspace."""

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.test import Client, override_settings

from crm.models import Member
from mailboxes.accounts.connecting import connect, connect_servers
from mailboxes.models import Mailbox, MailboxKind
from tests.agreement import googled
from tests.agreement.mails import ALIASES, HOME, Letter
from tests.agreement.material import Material
from tests.fakes.exchange import Exchange, exchange
from tests.fakes.google import Google
from tests.fakes.microsoft import Microsoft
from tests.mailboxes.consentrig import connected, google_set_up, microsoft_set_up, places
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.servers.radicale import Radicale, radicale

SECRET = "s3cret"
ENOUGH = 10**9
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
# Windows has one zone for both.
_LISBON, _LONDON = "Europe/Lisbon", "Europe/London"


@dataclass
class Ways:
    """Servers and fakes start when they are first needed, and stop with the stack."""

    stack: ExitStack
    folder: Path
    material: Material
    networks: list[str] = field(default_factory=list)

    def connect(self, way: str, member: Member) -> Mailbox:
        """The member's mail and calendar are delivered there, and the account connected."""
        name = member.user.email.partition("@")[0]
        ways: dict[str, Callable[[Member, str], Mailbox]] = {
            "archive": self._archive,
            "imap": self._imap,
            "google": self._google,
            "graph": self._graph,
            "ews": self._ews,
        }
        return ways[way](member, name)

    # Files.

    def _archive(self, member: Member, name: str) -> Mailbox:
        folder = self.folder / f"{member.workspace.slug}-{name}"
        folder.mkdir()
        mbox = folder / "all.mbox"
        mbox.write_bytes(b"".join(map(_in_mbox, self.material.letters[name])))
        calendars = []
        for file, text in self.material.resources(name):
            (folder / file).write_bytes(text.encode())
            calendars.append(str(folder / file))
        return connect(
            member,
            kind=MailboxKind.ARCHIVE,
            address=member.user.email,
            aliases=[ALIASES[name]],
            settings={"mbox": [str(mbox)], "ics": calendars},
        )

    # Servers.

    @cached_property
    def _mail_server(self) -> Dovecot:
        server = self.stack.enter_context(dovecot())
        self._allow(f"127.0.0.1:{server.port}")
        return server

    @cached_property
    def _calendar_server(self) -> Radicale:
        folder = self.folder / "radicale"
        folder.mkdir()
        server = self.stack.enter_context(radicale(folder))
        self._allow(f"127.0.0.1:{server.port}")
        return server

    def _imap(self, member: Member, name: str) -> Mailbox:
        mail, calendars = self._mail_server, self._calendar_server
        user = mail.new_user()
        self.stack.callback(user.close)
        user.make_folder("Gesendetes")
        user.program.select_folder("INBOX")
        user.program.unselect_folder()
        for number, letter in enumerate(self.material.letters[name]):
            _into_maildir(mail.folder / "mail" / user.name, letter, number)
        events = calendars.add_user(name)
        events.make_calendar("work")
        for file, text in self.material.resources(name):
            events.put(f"work/{file}", text)
        return connect_servers(
            member,
            address=member.user.email,
            aliases=[ALIASES[name]],
            passwords={"imap": PASSWORD, "caldav": radicale_server.PASSWORD},
            imap={"host": "127.0.0.1", "port": mail.port, "security": "none", "username": user.name},
            caldav={"url": f"{calendars.url}{name}/", "username": name},
        )

    # Google.

    @cached_property
    def _google_fake(self) -> Google:
        fake = self.stack.enter_context(google_set_up())
        # How it waits when there is no more is tested elsewhere.
        fake.gmail.quota.limit = fake.calendars.quota.limit = ENOUGH
        self._allow(*settings.EGRESS_ALLOWED_NETWORKS)
        return fake

    def _google(self, member: Member, name: str) -> Mailbox:
        fake, email = self._google_fake, member.user.email
        fake.add_user(email, name=name.title())
        fake.mailbox(email).add_alias(ALIASES[name])
        for letter in self.material.letters[name]:
            labels = ["SENT"] if letter.is_sent else ["INBOX"]
            fake.mailbox(email).deliver(letter.raw, labels=labels, at=letter.received)
        own = frozenset({email, ALIASES[name]})
        for _, text in self.material.resources(name):
            googled.put(fake.calendar(email), text, own=own)
        return connected(fake, _browser(member), member)

    # Microsoft Graph.

    @cached_property
    def _microsoft_fake(self) -> Microsoft:
        fake = self.stack.enter_context(microsoft_set_up())
        fake.add_tenant(HOME)
        self._allow(*settings.EGRESS_ALLOWED_NETWORKS)
        return fake

    def _graph(self, member: Member, name: str) -> Mailbox:
        fake, email = self._microsoft_fake, member.user.email
        fake.add_user(email, name=name.title()).aliases.append(ALIASES[name])
        for letter in self.material.letters[name]:
            folder = "sentitems" if letter.is_sent else "inbox"
            fake.mailbox(email).deliver(letter.raw, folder, at=letter.received)
        for _, text in self.material.resources(name):
            fake.calendar(email).import_ics(text.encode())
        return connected(fake, _browser(member), member)

    # Exchange.

    @cached_property
    def _exchange_fake(self) -> Exchange:
        fake = self.stack.enter_context(exchange())
        self._allow(*places(fake.url))
        return fake

    def _ews(self, member: Member, name: str) -> Mailbox:
        fake, email = self._exchange_fake, member.user.email
        fake.add_user(email, password=SECRET, username=f"CORP\\{name}", aliases=(ALIASES[name],))
        for letter in self.material.letters[name]:
            folder = "sentitems" if letter.is_sent else "inbox"
            fake.mailbox(email).deliver(letter.raw, folder, at=letter.received)
        for _, text in self.material.resources(name):
            fake.calendar(email).import_ics(text.replace(_LISBON, _LONDON).encode())
        form = {
            "address": email,
            "aliases": ALIASES[name],
            "endpoint": fake.url,
            "username": f"CORP\\{name}",
            "password": SECRET,
            "auth": "basic",
            "reads_mail": "on",
            "reads_calendar": "on",
        }
        done = _browser(member).post(f"/{member.workspace.slug}/mailboxes/exchange/", form)
        assert done.status_code == 302, done.content.decode()
        return Mailbox.objects.get(member=member, kind=MailboxKind.EXCHANGE)

    def _allow(self, *networks: str) -> None:
        self.networks += networks
        self.stack.enter_context(override_settings(EGRESS_ALLOWED_NETWORKS=list(self.networks)))


def _into_maildir(maildir: Path, letter: Letter, number: int) -> None:
    """Past the server, which finds the file at its next look; its time is when the mail came."""
    stamp = int(letter.received.timestamp())
    name = f"{stamp}.M{number}.localhost"
    path = maildir / ".Gesendetes" / "cur" / f"{name}:2,S" if letter.is_sent else maildir / "new" / name
    path.write_bytes(letter.raw)
    path.chmod(0o666)
    os.utime(path, (stamp, stamp))


def _in_mbox(letter: Letter) -> bytes:
    """Under the line that says when it came, as a mail program exports it."""
    at = letter.received.astimezone(UTC)
    return (
        f"From x@y.example {at:%a %b %d %H:%M:%S %Y}\r\n".encode() + _FROM.sub(rb">\1", letter.raw) + b"\r\n"
    )


def _browser(member: Member) -> Client:
    browser = Client()
    browser.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return browser
