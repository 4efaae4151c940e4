"""What every HTTP fake shares: requests and answers, a clock, a log, a script of faults."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Values of these parameters never reach the log.
SECRETS = words(
    "access_token assertion client_secret code code_verifier id_token key oauth_token refresh_token token"
)
PageFault = Literal["", "empty", "duplicated", "reversed"]
_FOREVER = 3600.0
_Item = TypeVar("_Item")


class Clock:
    """The time a fake goes by: the real one until a test freezes or moves it."""

    def __init__(self) -> None:
        self._frozen: datetime | None = None
        self._ahead = timedelta()

    def now(self) -> datetime:
        return (self._frozen or datetime.now(UTC)) + self._ahead

    def freeze(self, at: datetime) -> None:
        self._frozen, self._ahead = at, timedelta()

    def advance(self, **span: float) -> None:
        """As in `advance(minutes=61)`."""
        self._ahead += timedelta(**span)


@dataclass
class Request:
    """What was asked. Whoever authenticates it sets `user`; `detail` is one word for the log."""

    server: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    user: str = ""
    detail: str = ""
    in_flight: int = 1
    page: PageFault = ""
    nested: "Callable[[Request], Answer] | None" = None

    @property
    def path(self) -> str:
        """Still percent-encoded: what separates segments must not be mixed up with what is inside."""
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def bearer(self) -> str:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""


@dataclass
class Answer:
    """`cut` spoils it on its way: a body that ends too soon, or a connection reset before any of it."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: Literal["", "truncated", "reset"] = ""


def json_answer(data: object, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Answer:
    kind = {"Content-Type": "application/json; charset=UTF-8"}
    return Answer(status, json.dumps(data, indent=1).encode(), kind | dict(headers or {}))


def html_answer(text: str, status: int) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/html; charset=UTF-8"})


@dataclass
class Call:
    """One line of the log. `status` is 0 while there is no answer, and when there never was one."""

    server: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    at: datetime
    status: int = 0
    user: str = ""
    detail: str = ""

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)


class Log:
    """Every request in order of arrival, those inside a batch after the batch."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def open(self, request: Request, at: datetime) -> Call:
        query = tuple((name, "…" if name in SECRETS else value) for name, value in request.query)
        call = Call(request.server, request.method, request.path, query, at)
        self.calls.append(call)
        return call

    def of(self, method: str, path: str) -> list[Call]:
        """Calls of a path, in which “...” stands for anything."""
        return [call for call in self.calls if call.method == method and _pattern(path).fullmatch(call.path)]

    def clear(self) -> None:
        self.calls.clear()


@dataclass
class Fault:
    """What goes wrong, and with which of the requests that match. `seen` counts those, `struck` the
    spoilt ones; `release()` ends a hang, after which the answer is given as if nothing had been."""

    method: str
    path: re.Pattern[str]
    calls: frozenset[int] | None
    when: Callable[[Request], bool] | None = None
    status: int = 0
    reason: str = ""
    retry_after: object = None
    body: bytes | None = None
    hang: float = 0
    truncate: bool = False
    reset: bool = False
    page: PageFault = ""
    run: Callable[[], object] | None = None
    seen: int = 0
    struck: int = 0
    _released: threading.Event = field(default_factory=threading.Event)

    def matches(self, request: Request) -> bool:
        if request.method != self.method or not self.path.fullmatch(request.path):
            return False
        return self.when is None or self.when(request)

    def wait(self) -> None:
        if self.hang:
            self._released.wait(self.hang)

    def release(self) -> None:
        self._released.set()


class Faults:
    """The script: `faults.on("GET", "/gmail/v1/.../messages", call=3, status=503, retry_after=1)`.

    Calls are counted from 1 and from when the fault was written; without `call`, all of them fail.
    Where several faults match, the first strikes.
    """

    def __init__(self) -> None:
        self._script: list[Fault] = []
        self._lock = threading.Lock()

    def on(
        self,
        method: str,
        path: str,
        *,
        call: int | Iterable[int] | None = None,
        when: Callable[[Request], bool] | None = None,
        status: int = 0,
        reason: str = "",
        retry_after: object = None,
        body: bytes | None = None,
        hang: float | Literal["until released"] = 0,
        truncate: bool = False,
        reset: bool = False,
        page: PageFault = "",
        run: Callable[[], object] | None = None,
    ) -> Fault:
        """`run` happens before the request is looked at: a token expires, a message arrives."""
        seconds = _FOREVER if isinstance(hang, str) else hang
        fault = Fault(method, _pattern(path), _numbers(call), when, status, reason, retry_after, body)
        fault.hang, fault.truncate, fault.reset, fault.page, fault.run = seconds, truncate, reset, page, run
        self._script.append(fault)
        return fault

    def strike(self, request: Request) -> Fault | None:
        with self._lock:
            matching = [fault for fault in self._script if fault.matches(request)]
            for fault in matching:
                fault.seen += 1
            due = next((one for one in matching if one.calls is None or one.seen in one.calls), None)
            if due:
                due.struck += 1
            return due

    def clear(self) -> None:
        self.release()
        self._script.clear()

    def release(self) -> None:
        for fault in self._script:
            fault.release()


def page_of(request: Request, rest: Sequence[_Item], size: int) -> tuple[list[_Item], list[_Item], bool]:
    """The next page of `rest`: what to show, what it accounts for, and whether more follows.

    An empty page accounts for nothing, so that what it left out comes with the next one.
    """
    if request.page == "empty":
        return [], [], True
    taken = list(rest[:size])
    shown = {"duplicated": [*taken, *taken[:1]], "reversed": taken[::-1]}.get(request.page, taken)
    return shown, taken, len(rest) > size


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(".+".join(re.escape(part) for part in path.split("...")))


def _numbers(call: int | Iterable[int] | None) -> frozenset[int] | None:
    if call is None:
        return None
    return frozenset([call] if isinstance(call, int) else call)
