"""One signed-in IMAP account: the few commands we send, and refusals and accidents in plain words."""

import base64
import imaplib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from mailboxes.egress import Egress, connection_problem, host_name
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater
from mailboxes.providers.imap import answers
from mailboxes.providers.imap.answers import Entry, Part, Status, Values
from mailboxes.providers.imap.conversation import SMALL_ANSWER, Conversation

Security = Literal["tls", "starttls", "none"]

ANSWER_SECONDS = 120.0
_FOLDERS, _NUMBERS = 4 * 2**20, 12 * 2**20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BUSY_CODES = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "OVERQUOTA", "THROTTLED"})
_BUSY_WORDS = re.compile(
    rb"too many|try (?:again|later)|temporar|throttl|rate limit|bandwidth", re.IGNORECASE
)
_WHAT = {
    "LIST": "list the folders",
    "STATUS": "tell the state of a folder",
    "EXAMINE": "open a folder",
    "SEARCH": "list the messages of a folder",
    "FETCH": "hand over messages",
}
_ONLY_ENCRYPTED = "The server takes passwords over an encrypted connection only. Choose TLS or STARTTLS."


class Declined(TryLater):
    """The server answered NO, or BAD. `said` is what it gave all the same, `code` its reason."""

    def __init__(self, command: str, *, code: str = "", said: dict[str, list[Part]] | None = None) -> None:
        super().__init__(f"The server would not {_WHAT.get(command, 'answer')}.")
        self.code = code
        self.said = said or {}


@dataclass(frozen=True)
class Account:
    """Raises SetupWrong for what cannot be used; nothing is sent yet."""

    host: str
    username: str
    password: str = field(repr=False)
    egress: Egress = field(repr=False)
    security: Security = "tls"
    port: int | None = None
    answer_seconds: float = ANSWER_SECONDS

    def __post_init__(self) -> None:
        host_name(self.host)
        if not self.username or _CONTROL.search(self.username + self.password):
            raise SetupWrong("The user name or password has a character that cannot be sent, or is empty.")

    @property
    def used_port(self) -> int:
        return self.port or (993 if self.security == "tls" else 143)


@dataclass(frozen=True, slots=True)
class Opened:
    validity: int
    messages: int


class Connection:
    """May raise any ProviderError but CursorExpired. After one other than Declined it is closed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._host = host_name(account.host)
        self._is_open = False
        self._talk = self._connect()
        self._is_open = True
        try:
            with self._in_plain_words():
                self._encrypt()
                self._sign_in()
                self._talk.learn_capabilities()
        except ProviderError:
            self.close()
            raise
        self.capabilities = frozenset(self._talk.capabilities)

    @property
    def can_go_on(self) -> bool:
        """Not when a long run has used up what one connection may bring."""
        return self._is_open and self._talk.bytes_left > self._account.egress.session_bytes // 4

    def begin_session(self) -> None:
        self._talk.begin_session()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._talk.hang_up()

    def namespaces(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """What the names of the member's own folders and of other people's begin with."""
        if "NAMESPACE" not in self.capabilities:
            return (), ()
        return answers.namespaces(self._ask("NAMESPACE").get("NAMESPACE", ()))

    def folders(self) -> tuple[list[Entry], dict[bytes, Status]]:
        """All of them, with their states where the server gives both at once."""
        wishes = []
        if {"SPECIAL-USE", "LIST-EXTENDED"} <= self.capabilities:
            wishes.append("SPECIAL-USE")
        if "LIST-STATUS" in self.capabilities:
            wishes.append(f"STATUS {self._status_items}")
        options = ["RETURN", f"({' '.join(wishes)})"] if wishes else []
        said = self._ask("LIST", '""', '"*"', *options, largest=_FOLDERS)
        return answers.entries(said.get("LIST", ())), answers.statuses(said.get("STATUS", ()))

    def status(self, name: bytes) -> Status | None:
        said = self._ask("STATUS", _quoted(name), self._status_items)
        return next(iter(answers.statuses(said.get("STATUS", ())).values()), None)

    def examine(self, name: bytes) -> Opened:
        """Open a folder, for reading only."""
        self._talk.state = "AUTH"
        said = self._ask("EXAMINE", _quoted(name))
        self._talk.state = "SELECTED"
        validity = answers.number(said.get("UIDVALIDITY", ()))
        if not validity:
            # Without one, its numbers mean nothing tomorrow.
            raise Declined("EXAMINE")
        return Opened(validity, answers.number(said.get("EXISTS", ())))

    def search(self, criteria: str) -> list[int]:
        options = ["RETURN", "(ALL)"] if "ESEARCH" in self.capabilities else []
        said = self._ask("UID", "SEARCH", *options, criteria, largest=_NUMBERS)
        return answers.uids(said.get("SEARCH", ()), said.get("ESEARCH", ()))

    def fetch(
        self, uids: Sequence[int], items: str, *, largest: int = SMALL_ANSWER
    ) -> tuple[dict[int, Values], bool]:
        """Values by UID, and whether the answer is all there is: a server that cannot hand over one
        message refuses, often after having given the others."""
        try:
            said, is_whole = self._ask("UID", "FETCH", answers.uid_set(uids), items, largest=largest), True
        except Declined as refusal:
            said, is_whole = refusal.said, False
        found, is_readable = answers.fetched(said.get("FETCH", ()))
        return found, is_whole and is_readable

    @property
    def _status_items(self) -> str:
        changes = " HIGHESTMODSEQ" if "CONDSTORE" in self.capabilities else ""
        return f"(MESSAGES UIDNEXT UIDVALIDITY{changes})"

    def _connect(self) -> Conversation:
        account = self._account
        is_plain = account.security == "none"
        connection = account.egress.open_socket(account.host, account.used_port, private=is_plain)
        try:
            with self._in_plain_words():
                if account.security == "tls":
                    connection = account.egress.tls("imap").wrap_socket(
                        connection, server_hostname=self._host
                    )
                return Conversation(
                    connection,
                    host=self._host,
                    session_bytes=account.egress.session_bytes,
                    answer_seconds=account.answer_seconds,
                )
        except ProviderError:
            connection.close()
            raise

    def _encrypt(self) -> None:
        if self._talk.state != "NONAUTH":
            raise SetupWrong(
                "The server does not ask who we are, so it is not clear whose mail it would show."
            )
        if self._account.security != "starttls":
            return
        if not self._talk.encrypt(self._account.egress.tls("imap")):
            raise SetupWrong("The server does not offer STARTTLS on this port.")

    def _sign_in(self) -> None:
        capabilities = self._talk.capabilities
        if "AUTH=PLAIN" in capabilities:
            outcome, text = self._authenticate()
        elif "LOGINDISABLED" in capabilities:
            raise SetupWrong(_ONLY_ENCRYPTED)
        else:
            names = (_quoted(one.encode()) for one in (self._account.username, self._account.password))
            outcome, text = self._send("LOGIN", *names)
        if outcome != "OK":
            raise _sign_in_problem(text)
        self._talk.state = "AUTH"

    def _authenticate(self) -> tuple[str, bytes]:
        """SASL PLAIN takes any character. Whoever asks twice gets no second answer."""
        secret = f"\0{self._account.username}\0{self._account.password}".encode()
        replies = iter([base64.b64encode(secret)])
        self._talk.literal = _Reply(replies).reply  # type: ignore[assignment]
        return self._send("AUTHENTICATE", "PLAIN")

    def _ask(self, command: str, *args: str | bytes, largest: int = SMALL_ANSWER) -> dict[str, list[Part]]:
        with self._in_plain_words():
            outcome, text = self._send(command, *args, largest=largest)
        said: dict[str, list[Part]] = self._talk.untagged_responses
        if outcome == "OK":
            return said
        code = answers.code(text)
        if code in _BUSY_CODES or _BUSY_WORDS.search(text):
            raise TryLater("The server is busy. It will be tried again.")
        raise Declined(str(args[0]) if command == "UID" else command, code=code, said=said)

    def _send(self, command: str, *args: str | bytes, largest: int = SMALL_ANSWER) -> tuple[str, bytes]:
        """OK, NO or BAD, and the text that follows."""
        self._talk.begin_answer(largest)
        self._talk.untagged_responses = {}
        tag = self._talk._command(command, *args)
        outcome, texts = self._talk._get_tagged_response(tag)
        return outcome, texts[-1] or b""

    @contextmanager
    def _in_plain_words(self) -> Iterator[None]:
        """What servers say is not passed on, nor kept as a cause: it may repeat a password or mail."""
        try:
            yield
        except ProviderError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise connection_problem(error, self._host) from error
        except imaplib.IMAP4.abort:
            self.close()
            raise TryLater(f"{self._host} ended the connection. It will be tried again.") from None
        except (imaplib.IMAP4.error, *answers.GARBLED):
            self.close()
            raise TryLater(f"What {self._host} answers is not IMAP. Check the server and the port.") from None


class _Reply:
    """imaplib tells by its type, that of a bound method, what answers to a server's “+”."""

    def __init__(self, replies: Iterator[bytes]) -> None:
        self._replies = replies

    def reply(self, challenge: bytes) -> bytes:
        return next(self._replies, b"*")


def _sign_in_problem(text: bytes) -> ProviderError:
    code = answers.code(text)
    if code == "PRIVACYREQUIRED":
        return SetupWrong(_ONLY_ENCRYPTED)
    if code in _BUSY_CODES or code == "SERVERBUG" or _BUSY_WORDS.search(text):
        return TryLater("The server is busy and lets nobody in at the moment. It will be tried again.")
    return AuthExpired(
        "The server did not accept the user name and password. Some providers want an app password"
        " here, which is made in their own settings."
    )


def _quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
