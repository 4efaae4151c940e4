"""An IMAP server that says what a test has written, and remembers what it was told."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mailboxes.egress import Egress
from mailboxes.providers.imap.cursor import provider_id
from mailboxes.providers.imap.folders import Folder
from mailboxes.providers.imap.provider import ImapMail
from tests.servers.loopback import Heard, listening

GREETING = b"* OK ready\r\n"
VALIDITY = 7
INBOX = Folder(b"INBOX").prefix
RAW = {uid: b"Subject: number %d\r\n\r\nHello.\r\n" % uid for uid in (1, 2, 3)}
_CAPABILITIES = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
_FOLDERS = b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
_DATE = b'INTERNALDATE "05-Jan-2026 10:00:00 +0000"'


class HangUp(Exception):
    """Raised by a reply that ends the connection."""


@dataclass(frozen=True)
class Asked:
    """A command. `name` is its verb, for UID commands the one that follows."""

    connection: socket.socket
    heard: Heard
    tag: bytes
    text: bytes

    @property
    def name(self) -> str:
        words = self.text.decode("latin-1").upper().split()
        return words[1] if words[0] == "UID" else words[0]

    @property
    def uids(self) -> list[int]:
        """The numbers a FETCH names."""
        named = self.text.split()[2].decode().split(",")
        ends = [(part.partition(":")[0], part.rpartition(":")[2]) for part in named]
        return [uid for low, high in ends for uid in range(int(low), int(high) + 1)]

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)


Reply = bytes | Callable[[Asked], bytes]


def no(text: str) -> bytes:
    return f"TAG NO {text}\r\n".encode()


def literal(data: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(data), data)


def facts(asked: Asked) -> bytes:
    """Sizes and dates, as they are."""
    lines = [_facts(uid, len(RAW[uid])) for uid in asked.uids if uid in RAW]
    return b"".join(lines)


def body(uid: int, raw: bytes | None = None, *, key: bytes = b"BODY[]") -> bytes:
    return b"* %d FETCH (UID %d %s %s)\r\n" % (uid, uid, key, literal(RAW[uid] if raw is None else raw))


def fetch(bodies: Callable[[Asked], bytes], *, sizes: Callable[[Asked], bytes] = facts) -> Reply:
    """A reply to FETCH that is told about bodies alone."""
    return lambda asked: bodies(asked) if b"BODY" in asked.text else sizes(asked)


def sizes(size: int) -> Callable[[Asked], bytes]:
    return lambda asked: b"".join(_facts(uid, size) for uid in asked.uids)


@contextmanager
def imap_server(
    *, greeting: bytes = GREETING, tls: ssl.SSLContext | None = None, **replies: Reply
) -> Iterator["Server"]:
    """A server with three messages in its inbox, but for what `replies` say by command. “TAG” in a
    reply stands for the command's tag; without it, the command succeeds."""
    usual: dict[str, Reply] = {
        "capability": _CAPABILITIES,
        "authenticate": authenticate,
        "list": _FOLDERS,
        "status": b"* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY %d)\r\n" % VALIDITY,
        "examine": b"* 3 EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % VALIDITY,
        "search": b"* SEARCH 1 2 3\r\n",
        "fetch": fetch(lambda asked: b"".join(body(uid) for uid in asked.uids if uid in RAW)),
    }

    def talk(connection: socket.socket, heard: Heard) -> None:
        connection.sendall(greeting)
        while line := heard.line(connection):
            tag, _, text = line.strip().partition(b" ")
            asked = Asked(connection, heard, tag, text)
            reply = (usual | replies).get(asked.name.lower(), b"")
            try:
                said = reply(asked) if callable(reply) else reply
            except HangUp:
                return
            ending = b"" if b"TAG " in said else b"TAG OK done\r\n"
            connection.sendall((said + ending).replace(b"TAG ", tag + b" "))

    with listening(talk, tls=tls) as heard:
        yield Server(heard)


@dataclass
class Server:
    heard: Heard

    def account(self, **others: object) -> dict:
        egress = Egress.allowing([f"127.0.0.0/8:{self.heard.port}"])
        account = {"host": "127.0.0.1", "port": self.heard.port, "security": "none", "egress": egress}
        return account | {"username": "ada", "password": "hunter2"} | others

    def provider(self, **others: object) -> ImapMail:
        return ImapMail(**self.account(**others))

    @property
    def said(self) -> list[str]:
        """What the client said, without tags."""
        lines = [line.strip().decode("latin-1") for line in self.heard.lines if line]
        return [re.sub(r"^[A-P]{4}\d+ ", "", line) for line in lines]


def authenticate(asked: Asked) -> bytes:
    asked.say(b"+ \r\n")
    asked.heard.line(asked.connection)
    return b""


def ids(*uids: int) -> list[str]:
    return [provider_id(INBOX, VALIDITY, uid) for uid in uids]


def everything(provider: ImapMail) -> list:
    """List and fetch all of it."""
    listed = [one.provider_id for listing in provider.list_changes("") for one in listing.items]
    return list(provider.fetch(listed))


def _facts(uid: int, size: int) -> bytes:
    return b"* %d FETCH (UID %d RFC822.SIZE %d %s)\r\n" % (uid, uid, size, _DATE)
