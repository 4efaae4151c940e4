"""The same door for libraries that speak HTTP by way of `requests`."""

import http.client
import io
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mailboxes.egress import CONNECT_SECONDS, READ_SECONDS, Egress, Meter, connection_problem
from mailboxes.providers.base import ProviderError, TryLater

ANSWER_BYTES = 64 * 1024**2
ANSWER_SECONDS = 120.0
_COMPRESSED = "The server compresses what it was asked to send as it is."


class AnswerTooLarge(TryLater):
    """One answer over its limit; a smaller request may do."""

    def __init__(self) -> None:
        super().__init__("The server sent more than it was asked for.")


class GuardedSession(requests.Session):
    """Follows no redirects, knows no proxies and nothing else of the environment. What the door has
    against a request is raised as a ConnectionError that has the ProviderError as its cause."""

    def __init__(self, adapter: "GuardedAdapter") -> None:
        super().__init__()
        # Otherwise it takes proxies, authorities and even passwords (~/.netrc) from there.
        self.trust_env = False
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, whatever the server says: a redirect would take the password along."""


class GuardedAdapter(HTTPAdapter):
    """HTTP through the door. Unencrypted only inside the administrator's networks."""

    def __init__(
        self,
        egress: Egress,
        *,
        answer_bytes: int = ANSWER_BYTES,
        answer_seconds: float = ANSWER_SECONDS,
        connections: int = 4,
    ) -> None:
        """`connections` to a server at a time; who needs more waits for one."""
        self._egress = egress
        self._answer_bytes, self._received = answer_bytes, 0
        # Never the first to find an answer too large: it does not say so in so many words.
        self._meter = Meter(
            egress.session_bytes, answer_bytes=2 * answer_bytes, answer_seconds=answer_seconds
        )
        super().__init__(pool_connections=4, pool_maxsize=connections, pool_block=True)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(
            connections, maxsize, block=block, ssl_context=self._egress.tls("http"), **pool_kwargs
        )
        pools = {"https": partial(_EncryptedPool, door=self), "http": partial(_PlainPool, door=self)}
        self.poolmanager.pool_classes_by_scheme = cast(Any, pools)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The door's own context verifies. Nobody can talk it out of that, as with verify=False."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        request.headers["Accept-Encoding"] = "identity"
        self._received = 0
        self._meter.begin_answer()
        try:
            response = super().send(request, stream, timeout or (CONNECT_SECONDS, READ_SECONDS))
        except ProviderError as error:
            raise requests.ConnectionError(str(error), request=request) from error
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            # They are bombs as easily as pages.
            response.close()
            raise requests.ConnectionError(_COMPRESSED, request=request)
        return response

    def open_socket(self, host: str, port: int, *, private: bool) -> socket.socket:
        return self._egress.open_socket(host, port, private=private)

    def count(self, size: int) -> None:
        """Raises OSError, which is what the layers between understand."""
        self._received += size
        try:
            if self._received > self._answer_bytes:
                raise AnswerTooLarge
            self._meter.count(size)
        except ProviderError as error:
            raise OSError(str(error)) from error


def guarded_session(egress: Egress) -> requests.Session:
    return GuardedSession(GuardedAdapter(egress))


class _Plain(HTTPConnection):
    def __init__(self, *args: Any, door: GuardedAdapter, **options: Any) -> None:
        super().__init__(*args, **options)
        self._door = door
        self.response_class = cast(Any, partial(_Answer, door=door))

    def _new_conn(self) -> socket.socket:
        return self._door.open_socket(self.host, self.port, private=True)


class _Encrypted(HTTPSConnection):
    def __init__(self, *args: Any, door: GuardedAdapter, **options: Any) -> None:
        super().__init__(*args, **options)
        self._door = door
        self.response_class = cast(Any, partial(_Answer, door=door))

    def connect(self) -> None:
        """Says at once what is wrong with a certificate: in the layers above, its reason is lost."""
        try:
            super().connect()
        except OSError as error:
            self.close()
            raise connection_problem(error, self.host) from error

    def _new_conn(self) -> socket.socket:
        return self._door.open_socket(self.host, self.port, private=False)


class _PlainPool(HTTPConnectionPool):
    def __init__(self, *args: Any, door: GuardedAdapter, **options: Any) -> None:
        self.ConnectionCls = cast(Any, partial(_Plain, door=door))
        super().__init__(*args, **options)


class _EncryptedPool(HTTPSConnectionPool):
    def __init__(self, *args: Any, door: GuardedAdapter, **options: Any) -> None:
        self.ConnectionCls = cast(Any, partial(_Encrypted, door=door))
        super().__init__(*args, **options)


class _Answer(http.client.HTTPResponse):
    """Metered from its first byte: headers can go on for ever as well as a body."""

    def __init__(self, sock: socket.socket, *args: Any, door: GuardedAdapter, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Metered(cast(socket.SocketIO, self.fp.detach()), door))


class _Metered(io.RawIOBase):
    def __init__(self, raw: socket.SocketIO, door: GuardedAdapter) -> None:
        super().__init__()
        self._raw, self._door = raw, door
        # NTLM binds itself to the certificate of the connection, and looks for it here.
        self._sock = getattr(raw, "_sock", None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        size = self._raw.readinto(buffer)
        self._door.count(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
