"""Servers on loopback for fakes that speak HTTP, with the faults and the log of `faults`."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.faults import Answer, Clock, Fault, Faults, Log, Request, html_answer


class HttpFake:
    """Servers on loopback, one for each host of the provider, that answer by `app`.

    `owner` tells whose valid token a request carries; `refusal` is the provider's way to put a status
    that a fault asks for.
    """

    def __init__(
        self,
        app: Callable[[Request], Answer],
        *,
        owner: Callable[[Request], str],
        refusal: Callable[[Request, int, str], Answer],
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.faults, self.log = Faults(), Log()
        self.problems: list[Exception] = []
        self._app, self._owner, self._refusal = app, owner, refusal
        self._busy: Counter[str] = Counter()
        self._counting, self._one_by_one = threading.Lock(), threading.RLock()

    @contextmanager
    def listening(self, *hosts: str) -> Iterator[dict[str, str]]:
        """Base URLs by host, without a slash at the end. What went wrong inside is raised at the end."""
        servers = {host: _Server(self, host) for host in hosts}
        for server in servers.values():
            threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        try:
            yield {host: f"http://127.0.0.1:{server.server_address[1]}" for host, server in servers.items()}
        finally:
            self.faults.release()
            for server in servers.values():
                server.close()
        if self.problems:
            raise self.problems[0]

    def answer(self, request: Request) -> Answer:
        request.nested = self.answer
        call = self.log.open(request, self.clock.now())
        with self._counted(request):
            answer = self._spoilt(request, self.faults.strike(request))
        call.user = request.user
        call.detail = request.detail
        call.status = 0 if answer.cut == "reset" else answer.status
        return answer

    @contextmanager
    def _counted(self, request: Request) -> Iterator[None]:
        """How many requests of this user are being answered, this one included."""
        owner = self._owner(request)
        with self._counting:
            self._busy[owner] += 1
            request.in_flight = self._busy[owner] if owner else 1
        try:
            yield
        finally:
            with self._counting:
                self._busy[owner] -= 1

    def _spoilt(self, request: Request, fault: Fault | None) -> Answer:
        if fault is None:
            return self._plain(request)
        fault.wait()
        if fault.run:
            fault.run()
        if fault.reset:
            request.user = self._owner(request)
            return Answer(0, cut="reset")
        request.page = fault.page
        answer = self._refused(request, fault) if fault.status else self._plain(request)
        if fault.body is not None:
            answer.body = fault.body
        answer.cut = "truncated" if fault.truncate else answer.cut
        return answer

    def _refused(self, request: Request, fault: Fault) -> Answer:
        request.user = self._owner(request)
        answer = self._refusal(request, fault.status, fault.reason)
        if fault.retry_after is not None:
            answer.headers["Retry-After"] = str(fault.retry_after)
        return answer

    def _plain(self, request: Request) -> Answer:
        with self._one_by_one:
            try:
                return self._app(request)
            except Exception as problem:
                self.problems.append(problem)
                return html_answer(f"The fake failed: {problem}", 501)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, fake: HttpFake, host: str) -> None:
        self.fake, self.host = fake, host
        self._open: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Conversation)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._open.append(connection)
        return connection, address

    def shutdown_request(self, request: object) -> None:
        # Not shut down first: a connection that is to be reset must not say goodbye.
        self.close_request(request)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what some tests are about."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def talk(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.server.host, self.command, self.path, headers, body)
        self._say(self.server.fake.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = talk

    def log_message(self, format: str, *args: object) -> None:
        """The fake keeps its own log."""

    def _say(self, answer: Answer) -> None:
        if answer.cut == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        headers = answer.headers | {"Content-Length": str(len(answer.body))}
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        head = "\r\n".join(lines + [f"{name}: {value}" for name, value in headers.items()] + ["", ""])
        self.close_connection = self.close_connection or answer.cut == "truncated"
        body = answer.body[: len(answer.body) // 2] if answer.cut == "truncated" else answer.body
        # One write: two would wait for each other's acknowledgement.
        self.wfile.write(head.encode("latin-1") + (b"" if self.command == "HEAD" else body))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
