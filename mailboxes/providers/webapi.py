"""JSON over HTTPS with a bearer token, as Google and Microsoft offer it: bounded answers, one new
token after a 401, errors in plain words."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, Protocol, TypeVar

import httpx
from django.views.decorators.debug import sensitive_variables

from mailboxes.egress import Egress, connection_problem, http_client
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater

ANSWER_BYTES = 16 * 2**20
# Requests on their way while an answer is worked on: a page of items, unless their answers are large.
AHEAD, AHEAD_BYTES = 25, 32 * 2**20

T = TypeVar("T")


class Tokens(Protocol):
    """Access tokens of one account."""

    def current(self) -> str:
        """A token that is not known to have ended. Raises AuthExpired, or TryLater."""

    def renewed(self, refused: str) -> str:
        """Another one than that which was refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Raises TryLater for what is none: half an answer, or the page of a proxy."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise TryLater("The answer could not be read. It will be tried again.") from error

    @property
    def retry_after(self) -> float | None:
        return retry_after(self.headers.get("retry-after", ""))


@dataclass(frozen=True, slots=True)
class Request:
    """`path` may be a whole URL that the API has given; `limit` in bytes of the answer. `refused_inside`
    tells of the answer to a batch whether its parts found the token to be none."""

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    limit: int = ANSWER_BYTES
    refused_inside: Callable[[bytes], bool] = lambda body: False


class NotThere(SetupWrong):
    """What was asked for does not exist."""


class Forbidden(SetupWrong):
    """It is not ours to read."""


class StateLost(SetupWrong):
    """What a token or a link stands for is forgotten: list anew."""


class BadRequest(SetupWrong):
    """The request was not understood, or an id in it is none of the provider's own."""


class TooLarge(TryLater):
    """An answer over the limit."""

    def __init__(self) -> None:
        super().__init__("The provider sent more than it was asked for.")


Explain = Callable[[Answer], Exception]


class WebApi:
    """One API, one account. What is refused is raised as `explain` says of the answer."""

    def __init__(
        self,
        base_url: str,
        *,
        tokens: Tokens,
        egress: Egress,
        explain: Explain,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._base = httpx.URL(base_url)
        self._tokens, self.explain = tokens, explain
        self._client = http_client(egress)
        self._client.headers.update(dict(headers or {}))
        self._one_by_one = Lock()

    def get(self, path: str, params: Mapping[str, Any] | None = None, **headers: str) -> Any:
        """The JSON object of an answer. `path` may be a whole URL that this API has given."""
        found = self.send(Request("GET", path, params, headers)).json
        if not isinstance(found, dict):
            raise TryLater("The answer could not be read. It will be tried again.")
        return found

    @sensitive_variables("token")
    def send(self, request: Request) -> Answer:
        """Raises a ProviderError, TooLarge or what `explain` makes of a refusal."""
        token = self._tokens.current()
        return self._settled(request, token, self._answer(request, token))

    def ahead(self, requests: Iterable[tuple[T, Request]]) -> Iterator[tuple[T, Callable[[], Answer]]]:
        """Each of what is asked for, in order, with a function that gives or raises what `send` would.
        Some more are on their way while one is being worked on. That other thread speaks HTTP and
        nothing else; tokens come from the database, and are the caller's business."""
        waiting: deque[tuple[T, Request, str, Future[Answer]]] = deque()
        with ThreadPoolExecutor(1) as pool:
            try:
                for about, request in requests:
                    token = self._tokens.current()
                    waiting.append((about, request, token, pool.submit(self._answer, request, token)))
                    while len(waiting) > AHEAD or _held(future for *_, future in waiting) > AHEAD_BYTES:
                        yield self._waited_for(*waiting.popleft())
            except ProviderError:
                # No more may be asked for now; what has been asked for is paid for.
                yield from (self._waited_for(*waiting.popleft()) for _ in range(len(waiting)))
                raise
            else:
                while waiting:
                    yield self._waited_for(*waiting.popleft())
            finally:  # whoever wants no more does not wait for it
                for *_, future in waiting:
                    future.cancel()

    def close(self) -> None:
        self._client.close()

    def _waited_for(
        self, about: T, request: Request, token: str, future: "Future[Answer]"
    ) -> tuple[T, Callable[[], Answer]]:
        return about, lambda: self._settled(request, token, future.result())

    @sensitive_variables("token")
    def _settled(self, request: Request, token: str, answer: Answer) -> Answer:
        if _is_refused(request, answer):
            answer = self._answer(request, self._tokens.renewed(token))
        if _is_refused(request, answer):
            raise AuthExpired("The sign-in is no longer accepted. Reconnect the account.")
        if not 200 <= answer.status < 300:
            raise self.explain(answer)
        return answer

    def url(self, path: str) -> httpx.URL:
        """A link in an answer leads nowhere but to the API itself: the token goes with it."""
        url = self._base.join(path)
        if (url.scheme, url.netloc) != (self._base.scheme, self._base.netloc):
            raise TryLater("The provider pointed to another server. It will be tried again.")
        return url

    @sensitive_variables("token")
    def _answer(self, request: Request, token: str) -> Answer:
        """One at a time: how much may come is counted for one answer after the other."""
        sent = self._client.build_request(
            request.method,
            self.url(request.path),
            params=_sent(request.params),
            headers={**request.headers, "Authorization": f"Bearer {token}"},
            content=request.body,
        )
        try:
            with self._one_by_one:
                response = self._client.send(sent, stream=True)
                try:
                    return Answer(response.status_code, response.headers, _body(response, request.limit))
                finally:
                    response.close()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise connection_problem(error, self._base.host) from error


def _is_refused(request: Request, answer: Answer) -> bool:
    """For a token that ended meanwhile, every part of a batch says so, and the batch that all is well."""
    is_well = answer.status == httpx.codes.OK
    return request.refused_inside(answer.body) if is_well else answer.status == httpx.codes.UNAUTHORIZED


def _held(futures: Iterable["Future[Answer]"]) -> int:
    """Bytes of the answers that are there."""
    return sum(len(one.result().body) for one in futures if one.done() and not one.exception())


def asks_to_wait(answer: Answer | None, refusal: Exception) -> bool:
    """Is it about how much is asked for, rather than about what?"""
    is_too_much = answer is not None and answer.status == httpx.codes.TOO_MANY_REQUESTS
    return is_too_much or getattr(refusal, "retry_after", None) is not None


def retry_after(value: str) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110); None when nothing is said."""
    value = value.strip()[:40]
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def instant(text: str | None) -> datetime | None:
    """A time as APIs write it, taken for UTC where it does not say; None for what is none."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


def _sent(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """None keeps the query that a link brings along; empty values are left out."""
    if params is None:
        return None
    return {name: value for name, value in params.items() if value not in (None, "", [])}


def _body(response: httpx.Response, limit: int) -> bytes:
    parts, size = [], 0
    for part in response.iter_raw():
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)
