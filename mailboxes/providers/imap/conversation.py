"""Python's imaplib over a socket that the egress guard has opened: metered, and one line per command.

IMAPClient reads the answers (see `answers`) but does not keep the conversation: its client formats
every message it receives for its log, and puts user names into commands as they are.
"""

import imaplib
import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailboxes.egress import Meter
from mailboxes.providers.base import TryLater

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

SMALL_ANSWER = 2**20
# For listing, or for handing over one page of messages. Progress is kept, so what takes longer goes
# on in the next run.
SESSION_SECONDS = 900.0
_CHUNK = 256 * 1024
_LONGEST_LINE = 32 * 2**20
_FORBIDDEN = (b"\r", b"\n", b"\0")


class Conversation(imaplib.IMAP4):
    """Commands and answers. Raises imaplib's errors, OSError, and TryLater from the meter."""

    def __init__(
        self, connection: socket.socket, *, host: str, session_bytes: int, answer_seconds: float
    ) -> None:
        self._given = connection
        self._answer_seconds = answer_seconds
        self._meter = Meter(session_bytes, answer_bytes=SMALL_ANSWER, answer_seconds=answer_seconds)
        self.begin_session()
        self.begin_answer()
        super().__init__(host)
        self.is_readonly = True

    @property
    def bytes_left(self) -> int:
        return self._meter.session_left

    def begin_session(self) -> None:
        self._ends_at = time.monotonic() + SESSION_SECONDS

    def begin_answer(self, largest: int = SMALL_ANSWER) -> None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TryLater("Reading this account takes long. It will be continued.")
        seconds = min(self._answer_seconds, left)
        self._largest = largest
        self._meter = Meter(self.bytes_left, answer_bytes=largest, answer_seconds=seconds)

    def encrypt(self, context: ssl.SSLContext) -> bool:
        """STARTTLS; False when the server would not. What it has said before, an attacker may have
        said for it, so nothing of that is kept."""
        if "STARTTLS" not in self.capabilities:
            return False
        outcome, _ = self._get_tagged_response(self._command("STARTTLS"))
        if outcome != "OK":
            return False
        self._use(context.wrap_socket(self.sock, server_hostname=self.host))
        self.untagged_responses.clear()
        self._get_capabilities()
        return True

    def learn_capabilities(self) -> None:
        """Servers offer more once they know whom."""
        self._get_capabilities()

    def hang_up(self) -> None:
        """Without waiting for the server's good-bye."""
        try:
            self.sock.settimeout(2)
            self._command("LOGOUT")
        except (imaplib.IMAP4.error, OSError):
            pass  # the server was first
        finally:
            self.shutdown()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self._use(self._given)

    def read(self, size: int) -> bytes:
        """A literal. Memory is taken as it arrives: announcing ten gigabytes is easy."""
        if size > self._largest:
            raise TryLater("The server sent more than it was asked for.")
        data = bytearray()
        while len(data) < size:
            chunk = self._reader.read(min(size - len(data), _CHUNK))
            if not chunk:
                raise self.abort("the connection ended inside a literal")
            data += chunk
        return bytes(data)

    def readline(self) -> bytes:
        return self._reader.readline(_LONGEST_LINE)

    def send(self, data: "ReadableBuffer") -> None:
        """Every byte that leaves passes here, so no line break in a name can begin a command."""
        line = bytes(data).removesuffix(b"\r\n")
        if any(one in line for one in _FORBIDDEN):
            raise ValueError("a line break inside a command")
        self.sock.sendall(data)

    def shutdown(self) -> None:
        self._reader.close()
        self.sock.close()

    def _use(self, connection: socket.socket) -> None:
        self.sock = connection
        self._reader = io.BufferedReader(_Metered(connection, self._count), 64 * 1024)

    def _count(self, size: int) -> None:
        self._meter.count(size)

    def _log(self, line: str) -> None:
        """imaplib keeps the last lines in memory; they hold passwords and mail."""


class _Metered(io.RawIOBase):
    """What the buffer reads from. Counting here ends a slow trickle too, which never fills it."""

    def __init__(self, connection: socket.socket, count: Callable[[int], None]) -> None:
        self._connection = connection
        self._count = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        size = self._connection.recv_into(buffer)
        self._count(size)
        return size
