"""WebDAV requests to one server: one origin, few redirects, bounded answers, errors in plain words."""

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import httpx

from mailboxes.egress import Egress, NotAllowed, connection_problem, host_name, http_client, same_origin
from mailboxes.providers.base import AuthExpired, ServerWrong, SetupWrong, TryLater
from mailboxes.providers.caldav import multistatus
from mailboxes.providers.caldav.multistatus import Multistatus
from mailboxes.providers.webapi import retry_after

LISTING_BYTES = 32 * 2**20
MAX_REDIRECTS = 3
_ERROR_BYTES = 64 * 2**10
_LONGEST_URL = 2000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 502, 503, 504})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Declined(ServerWrong):
    """The server understood and would not, which may pass when it is put in order; `conditions` are the
    reasons it gave."""

    def __init__(self, status: int, where: str, conditions: frozenset[str] = frozenset()) -> None:
        super().__init__(f"The server answered “{said(status)}” for {where}.")
        self.status = status
        self.conditions = conditions


class ServerFault(TryLater):
    """A mistake of the server's own (500)."""

    def __init__(self, status: int, where: str) -> None:
        super().__init__(f"The server answered “{said(status)}” for {where}.")
        self.status = status


class TooLarge(TryLater):
    """An answer over the limit; `size` where the server said it."""

    def __init__(self, size: int) -> None:
        super().__init__("The server sent more than it was asked for.")
        self.size = size


class Elsewhere(SetupWrong):
    """The server points to another one. Nothing is sent there unless the owner enters `url`."""

    def __init__(self, target: httpx.URL) -> None:
        origin = f"{target.scheme}://{target.netloc.decode('ascii', 'replace')}"
        is_offered = target.scheme == "https" and len(str(target)) <= _LONGEST_URL
        self.url = str(target.copy_with(userinfo=b"", query=None, fragment=None)) if is_offered else ""
        advice = f" If you trust it, enter {self.url} instead." if self.url else ""
        super().__init__(f"The server points to another one, {origin[:200]}.{advice}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class WebDav:
    """One server, one user. `start` is the path the owner named."""

    def __init__(self, url: str, *, username: str, password: str, egress: Egress) -> None:
        self._base = account_url(url)
        self.start = canonical(self._base.raw_path.decode("ascii")) or "/"
        self._client = http_client(egress, auth=_SignIn(username, password))
        self._client.event_hooks["response"].append(_refuse_packed)

    @property
    def host(self) -> str:
        return self._base.host

    def propfind(self, path: str, *, depth: int, names: Iterable[str]) -> Multistatus:
        body = multistatus.request("d:propfind", multistatus.wanted(names))
        answer = self._send("PROPFIND", path, body=body, depth=depth, limit=LISTING_BYTES)
        return _multistatus(answer, path)

    def report(self, path: str, body: bytes, *, depth: int | None = None, limit: int) -> Multistatus:
        answer = self._send("REPORT", path, body=body, depth=depth, limit=limit)
        return _multistatus(answer, path)

    def get(self, path: str, *, limit: int) -> Answer:
        return self._send("GET", path, limit=limit)

    def path_of(self, href: str) -> str | None:
        """The path of an address in an answer, in one spelling; None outside this server."""
        if href.startswith("/") and not href.startswith("//") and "?" not in href and "#" not in href:
            return canonical(href)
        url = self._url_of(href)
        if url is None or not same_origin(url, self._base) or url.query:
            return None
        return canonical(url.raw_path.decode("ascii"))

    def trusted_path(self, href: str) -> str | None:
        """As `path_of`, for an address to go on with. Raises Elsewhere when it is another server's."""
        url = self._url_of(href)
        if url is not None and url.host and not same_origin(url, self._base):
            raise Elsewhere(url)
        return self.path_of(href)

    def close(self) -> None:
        self._client.close()

    def _url_of(self, href: str) -> httpx.URL | None:
        try:
            return self._base.join(href)
        except (httpx.InvalidURL, ValueError):
            return None

    def _send(
        self, method: str, path: str, *, limit: int, body: bytes | None = None, depth: int | None = None
    ) -> Answer:
        url = self._base.copy_with(raw_path=path.encode("ascii"))
        headers = {"Content-Type": "application/xml; charset=utf-8"} if body is not None else {}
        if depth is not None:
            headers["Depth"] = str(depth)
        for _ in range(MAX_REDIRECTS + 1):
            request = self._client.build_request(method, url, content=body, headers=headers)
            answer = self._answer(request, limit)
            if answer.status not in _REDIRECTS:
                return _checked(answer, url.raw_path.decode("ascii"))
            url = self._redirected(url, answer)
        raise SetupWrong("The server keeps sending us from one address to the next.")

    def _redirected(self, url: httpx.URL, answer: Answer) -> httpx.URL:
        try:
            target = url.join(answer.headers.get("location", ""))
        except (httpx.InvalidURL, ValueError):
            raise Declined(answer.status, str(url.path)) from None
        if not same_origin(target, self._base):
            raise Elsewhere(target)
        return target.copy_with(userinfo=b"", fragment=None)

    def _answer(self, request: httpx.Request, limit: int) -> Answer:
        try:
            response = self._client.send(request, stream=True)
            try:
                return Answer(response.status_code, response.headers, _body(response, limit))
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise connection_problem(error, self.host) from error


class _SignIn(httpx.Auth):
    """Basic from the first request on; Digest from the moment a server asks for it."""

    def __init__(self, username: str, password: str) -> None:
        if not username or _CONTROL.search(username + password):
            raise SetupWrong("The user name or password has a character that cannot be sent, or is empty.")
        self._basic = httpx.BasicAuth(username, password)
        self._digest = httpx.DigestAuth(username, password)
        self._is_digest = False

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._is_digest:
            response = yield next(self._basic.auth_flow(request))
            if not _asks_for_digest(response):
                return
            self._is_digest = True
            del request.headers["Authorization"]
        try:
            yield from self._digest.auth_flow(request)
        except (httpx.ProtocolError, KeyError, ValueError, NotImplementedError) as error:
            raise SetupWrong("The server asks for a way of signing in that we do not know.") from error


def account_url(text: str) -> httpx.URL:
    """Where to begin, from what a member writes: an e-mail address, a host or a URL. https unless
    http is written out. Raises SetupWrong."""
    parts = _split(text.strip())
    host = host_name(parts.hostname or "")
    netloc = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port is not None else ""
        url = httpx.URL(f"{parts.scheme}://{netloc}{port}{parts.path or '/'}")
    except (httpx.InvalidURL, ValueError):
        raise NotAllowed from None
    if canonical(url.raw_path.decode("ascii")) is None:
        raise SetupWrong("This address cannot be used: it has “..” in it.")
    return url


def canonical(path: str) -> str | None:
    """One spelling for each path, whatever was percent-encoded; None for one that climbs."""
    segments = [unquote_to_bytes(segment) for segment in path.split("/")]
    steps = b"/".join(segments).replace(b"\\", b"/").split(b"/")
    if b"." in steps or b".." in steps:
        return None
    return "/".join(quote(segment, safe="") for segment in segments)


def said(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _split(text: str) -> SplitResult:
    if _CONTROL.search(text) or len(text) > _LONGEST_URL:
        raise SetupWrong("This address cannot be used: it is too long, or has a line break in it.")
    if "://" not in text:
        is_email = "@" in text and "/" not in text
        text = "https://" + (text.rpartition("@")[2] if is_email else text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise NotAllowed from None
    if parts.scheme not in ("https", "http"):
        raise SetupWrong("The address of a calendar server begins with https://.")
    if "@" in parts.netloc:
        raise SetupWrong("Leave the user name and password out of the address; they have their own fields.")
    return parts


def _refuse_packed(response: httpx.Response) -> None:
    """No compressed answer was asked for, and one is a bomb as easily as a page."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise TryLater("The server sent a compressed answer that it was not asked for.")


def _body(response: httpx.Response, limit: int) -> bytes:
    if not response.is_success:
        return _start(response)
    said_size = response.headers.get("content-length", "")
    if said_size.isdecimal() and int(said_size) > limit:
        raise TooLarge(int(said_size))
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > limit:
            raise TooLarge(0)
    return bytes(body)


def _start(response: httpx.Response) -> bytes:
    """Of an error, enough to see what it is about."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _ERROR_BYTES:
            break
    return bytes(body[:_ERROR_BYTES])


def _checked(answer: Answer, where: str) -> Answer:
    if answer.status < 300:
        return answer
    if answer.status == 401:
        raise AuthExpired("The server did not accept the user name and password.")
    if answer.status in _BUSY:
        message = f"The server is busy: it answered “{said(answer.status)}”."
        raise TryLater(message, retry_after=retry_after(answer.headers.get("retry-after", "")))
    # What a server does not do (501) or cannot give in one answer (507) stays so.
    if answer.status < 500 or answer.status in (501, 505, 507):
        raise Declined(answer.status, where, multistatus.conditions(answer.body))
    raise ServerFault(answer.status, where)


def _multistatus(answer: Answer, where: str) -> Multistatus:
    if answer.status != HTTPStatus.MULTI_STATUS:
        raise Declined(answer.status, where)
    return multistatus.parse(answer.body)


def _asks_for_digest(response: httpx.Response) -> bool:
    challenges = response.headers.get_list("www-authenticate")
    return response.status_code == 401 and any(
        challenge.lower().startswith("digest ") for challenge in challenges
    )
