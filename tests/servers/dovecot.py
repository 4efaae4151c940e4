"""A real IMAP server on loopback, and what a mail program would do with it."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from imapclient import IMAPClient

from mailboxes.egress import Egress
from mailboxes.providers.imap.provider import ImapMail
from tests.servers.certificate import write_certificate
from tests.servers.loopback import Heard, free_port, listening
from tests.servers.programs import needs

PASSWORD = "secret"
RECEIVED = datetime(2026, 1, 5, 10, tzinfo=UTC)
# What a server says of itself that knows neither CONDSTORE nor LIST-STATUS nor ESEARCH.
PLAIN = "IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS MOVE UNSELECT"
_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = yes
ssl_cert = <{folder}/localhost.crt
ssl_key = <{folder}/localhost.key
disable_plaintext_auth = no
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
mail_location = maildir:{folder}/mail/%u
mail_uid = {mail_user}
mail_gid = {mail_group}
first_valid_uid = 1
mail_fsync = never
auth_failure_delay = 0
mail_max_userip_connections = 50
{more}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Gesendetes {{
    special_use = \\Sent
  }}
  mailbox Müll {{
    special_use = \\Trash
  }}
  mailbox Entw {{
    special_use = \\Drafts
  }}
  mailbox Spamfilter {{
    special_use = \\Junk
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Else a wrong password makes the next sign-in from this address wait.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass
class Dovecot:
    """`port` speaks IMAP with STARTTLS, `tls_port` TLS from the start."""

    folder: Path
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    users: int = 0

    def new_user(self) -> "MailUser":
        self.users += 1
        return MailUser(self, f"ada{self.users}")

    def egress(self, *more_ports: int, ca_file: str = "") -> Egress:
        ports = (self.port, self.tls_port, *more_ports)
        return Egress.allowing([f"127.0.0.1:{port}" for port in ports], ca_file=ca_file)

    @property
    def certificate(self) -> str:
        return str(self.folder / "localhost.crt")


class MailUser:
    """Somebody with an inbox, and the mail program they use. `close` when done."""

    def __init__(self, server: Dovecot, name: str) -> None:
        self.server = server
        self.name = name
        self.program = IMAPClient("127.0.0.1", server.port, ssl=False)
        self.program.login(name, PASSWORD)

    def account(self, **others: object) -> dict:
        account = {"host": "127.0.0.1", "port": self.server.port, "security": "none"}
        return (
            account | {"username": self.name, "password": PASSWORD, "egress": self.server.egress()} | others
        )

    def provider(self, **others: object) -> ImapMail:
        return ImapMail(**self.account(**others))

    def deliver(self, raw: bytes, folder: str = "INBOX", *, received: datetime = RECEIVED) -> None:
        self.program.append(folder, raw, msg_time=received)

    def fill(self, count: int) -> None:
        """The inbox, past the server: it finds the files at its next look, oldest name first."""
        self.program.select_folder("INBOX")
        self.program.unselect_folder()
        inbox = self.server.folder / "mail" / self.name / "new"
        for number in range(count):
            path = inbox / f"{1_700_000_000 + number}.M{number}.localhost"
            path.write_bytes(letter(f"number {number}"))
            path.chmod(0o666)
            os.utime(path, (1_700_000_000 + number,) * 2)

    def make_folder(self, *names: str) -> None:
        for name in names:
            self.program.create_folder(name)

    def remove_folder(self, name: str) -> None:
        self.program.delete_folder(name)

    def rename_folder(self, old: str, new: str) -> None:
        self.program.rename_folder(old, new)

    def renumber(self, folder: str) -> None:
        """As after a restore from backup: the same messages under another UIDVALIDITY."""
        keep = self.program.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"]
        spare = f"{folder}-spare"
        self.program.rename_folder(folder, spare)
        self.program.create_folder(folder)
        self.program.select_folder(spare)
        self.program.copy("1:*", folder)
        self.program.unselect_folder()
        self.program.delete_folder(spare)
        assert self.program.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"] != keep

    def mark_deleted(self, subject: str, folder: str = "INBOX") -> None:
        self.program.add_flags(self._find(subject, folder), [b"\\Deleted"])
        self.program.unselect_folder()

    def unmark_deleted(self, subject: str, folder: str = "INBOX") -> None:
        self.program.remove_flags(self._find(subject, folder), [b"\\Deleted"])
        self.program.unselect_folder()

    def mark_read(self, subject: str, folder: str = "INBOX") -> None:
        self.program.add_flags(self._find(subject, folder), [b"\\Seen"])
        self.program.unselect_folder()

    def delete(self, subject: str, folder: str = "INBOX") -> None:
        found = self._find(subject, folder)
        self.program.delete_messages(found)
        self.program.uid_expunge(found)
        self.program.unselect_folder()

    def move(self, subject: str, folder: str, target: str) -> None:
        self.program.move(self._find(subject, folder), target)
        self.program.unselect_folder()

    def unread(self, folder: str = "INBOX") -> int:
        return self.program.folder_status(folder, ["UNSEEN"])[b"UNSEEN"]

    def close(self) -> None:
        self.program.logout()

    def _find(self, subject: str, folder: str) -> list[int]:
        self.program.select_folder(folder)
        found = self.program.search(["SUBJECT", subject])
        assert found, f"no message “{subject}” in {folder}"
        return found


@contextmanager
def dovecot(*, capabilities: str = "") -> Iterator[Dovecot]:
    """A server for anybody whose password is PASSWORD. `capabilities` is what it claims to know."""
    program = needs("dovecot", package="dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    server = Dovecot(folder)
    _prepare(server, f"imap_capability = {capabilities}" if capabilities else "")
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([program, "-F", "-c", str(folder / "conf")], stdout=output, stderr=output)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@contextmanager
def recording(server: Dovecot) -> Iterator[Heard]:
    """A way to the server that hears every command; see `commands`."""

    def talk(connection: socket.socket, heard: Heard) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as onward:
            threading.Thread(target=_pass_on, args=(onward, connection), daemon=True).start()
            while line := heard.line(connection):
                onward.sendall(line)

    with listening(talk) as heard:
        yield heard
        # The last words of a client that has hung up may still be on their way.
        deadline = time.monotonic() + 2
        while heard.lines and heard.lines[-1] and time.monotonic() < deadline:
            time.sleep(0.01)


def commands(heard: Heard) -> list[str]:
    """Those that were heard, without their tags, in order."""
    lines = [line.decode().strip() for line in heard.lines if line]
    return [line.partition(" ")[2] for line in lines if " " in line]


def letter(subject: str, *, message_id: str = "", size: int = 0) -> bytes:
    head = (
        f"From: Ben <ben@example.org>\r\nTo: ada@example.com\r\nSubject: {subject}\r\n"
        f"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMessage-ID: <{message_id or subject.replace(' ', '.')}@example.org>\r\n"
    ).encode()
    return head + b"\r\n" + (b"Hello.\r\n" if not size else b"x" * 76 + b"\r\n") * (size // 78 or 1)


def _prepare(server: Dovecot, more: str) -> None:
    """Started by root, Dovecot wants several users: it reads no mail as root."""
    folder = server.folder
    is_root = os.geteuid() == 0
    me, my_group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    mail_user, mail_group = (
        ("nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name) if is_root else (me, my_group)
    )
    users = ("dovenull", "dovecot", "dovecot") if is_root else (me, me, my_group)
    values = dict(zip(("login_user", "internal_user", "internal_group"), users, strict=True))
    text = _CONFIGURATION.format(
        folder=folder,
        port=server.port,
        tls_port=server.tls_port,
        password=PASSWORD,
        mail_user=mail_user,
        mail_group=mail_group,
        more=more,
        **values,
    )
    (folder / "conf").write_text(text)
    write_certificate(folder)
    (folder / "mail").mkdir()
    if is_root:
        folder.chmod(0o755)
        shutil.chown(folder / "mail", mail_user, mail_group)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass  # one of the two has hung up


def _wait(server: Dovecot, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        problem = (server.folder / "output").read_text()
        assert process.poll() is None, f"Dovecot has ended: {problem}"
        try:
            socket.create_connection(("127.0.0.1", server.port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("Dovecot does not answer")
