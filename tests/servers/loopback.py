"""Small servers on loopback that do one thing, often the wrong one, and remember what they heard."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Talk = Callable[[socket.socket, "Heard"], None]


@dataclass
class Heard:
    """`connections` counts them; `lines` is everything said to the server, in order."""

    port: int
    connections: int = 0
    lines: list[bytes] = field(default_factory=list)

    def line(self, connection: socket.socket) -> bytes:
        """The next line, "" when the client has hung up."""
        data = b""
        while not data.endswith(b"\n") and (byte := connection.recv(1)):
            data += byte
        self.lines.append(data)
        return data

    @property
    def text(self) -> bytes:
        return b"".join(self.lines)


@contextmanager
def listening(talk: Talk, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Heard]:
    """A server that has one thread per connection talk with it, then closes."""
    listener = socket.create_server((host, 0))
    heard = Heard(listener.getsockname()[1])
    accepting = threading.Thread(target=_accept, args=(listener, talk, tls, heard), daemon=True)
    accepting.start()
    try:
        yield heard
    finally:
        # Closing alone does not wake a thread that is accepting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)


def answering(*responses: bytes) -> Talk:
    """An HTTP server that gives these answers in turn and closes."""
    left = list(responses)

    def talk(connection: socket.socket, heard: Heard) -> None:
        while heard.line(connection).strip():
            pass
        connection.sendall(left.pop(0))

    return talk


def response(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + body


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _accept(listener: socket.socket, talk: Talk, tls: ssl.SSLContext | None, heard: Heard) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        heard.connections += 1
        threading.Thread(target=_serve, args=(connection, talk, tls, heard), daemon=True).start()


def _serve(connection: socket.socket, talk: Talk, tls: ssl.SSLContext | None, heard: Heard) -> None:
    try:
        connection.settimeout(20)
        with tls.wrap_socket(connection, server_side=True) if tls else connection as speaking:
            talk(speaking, heard)
    except OSError:
        pass  # the client hung up first
    finally:
        connection.close()
