"""What Google's APIs have in common: error bodies, strict parameters, opaque tokens, quotas, partial
answers, batches."""

import re
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any
from urllib.parse import unquote

from tests.fakes.faults import Answer, Clock, Request, html_answer, json_answer
from tests.fakes.google_grants import GoogleGrants

STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip
# The reason, its domain and the message with which each status usually comes.
USUAL = {
    400: ("badRequest", "global", "Bad Request"),
    401: ("authError", "global", "Invalid Credentials"),
    403: ("rateLimitExceeded", "usageLimits", "Rate Limit Exceeded"),
    404: ("notFound", "global", "Not Found"),
    410: ("fullSyncRequired", "calendar", "Sync token is no longer valid, a full sync is required."),
    429: ("rateLimitExceeded", "usageLimits", "Rate Limit Exceeded"),
    500: ("backendError", "global", "Backend Error"),
    503: ("backendError", "global", "The service is currently unavailable."),
}
GLOBAL_REASONS = {"insufficientPermissions", "domainPolicy", "failedPrecondition", "forbidden", "authError"}
REALM = 'Bearer realm="https://accounts.google.com/"'


class ApiError(Exception):
    """An answer of the kind {"error": {...}}. `status` is the word newer parts of Google add."""

    def __init__(
        self,
        code: int,
        message: str,
        reason: str,
        *,
        domain: str = "global",
        status: str = "",
        location: str = "",
        kind: str = "parameter",
        info: str = "",
        short: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self._headers = code, reason, headers
        one = {"message": short or message, "domain": domain, "reason": reason}
        if location:
            one |= {"location": location, "locationType": kind}
        self._error: dict[str, Any] = {"code": code, "message": message, "errors": [one]}
        if status:
            self._error["status"] = status
        if info:
            at = "type.googleapis.com/google.rpc.ErrorInfo"
            self._error["details"] = [{"@type": at, "reason": info, "domain": "googleapis.com"}]

    def answer(self) -> Answer:
        return json_answer({"error": self._error}, self.code, headers=self._headers)


def refusal(request: Request, status: int, reason: str) -> Answer:
    """What a fault's status looks like."""
    usual, domain, message = USUAL.get(status, USUAL[503])
    request.detail = reason or usual
    if request.server == "token":
        return json_answer({"error": reason or "internal_failure", "error_description": message}, status)
    domain = "global" if reason in GLOBAL_REASONS else domain
    error = ApiError(status, message, request.detail, domain=domain, status=STATUSES.get(status, ""))
    return error.answer()


def invalid(message: str, location: str = "", *, reason: str = "invalid") -> ApiError:
    return ApiError(400, message, reason, status="INVALID_ARGUMENT", location=location)


Parse = Callable[[str, str], Any]


@dataclass(frozen=True)
class Param:
    parse: Parse
    default: Any = None
    repeated: bool = False


def text(name: str, value: str) -> str:
    return value


def boolean(name: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\"", name)
    return value == "true"


def whole(low: int, high: int | None = None) -> Parse:
    def parse(name: str, value: str) -> int:
        if not re.fullmatch(r"\d{1,10}", value):
            raise invalid(f"Invalid value at '{name}' (TYPE_INT32), \"{value}\"", name)
        if int(value) < low or (high is not None and int(value) > high):
            raise invalid(f"Invalid value '{value}'. Values must be within the range: [{low}, {high}]", name)
        return int(value)

    return parse


def one_of(*allowed: str) -> Parse:
    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise invalid(f"Invalid string value: '{value}'. Allowed values: {list(allowed)}", name)
        return value

    return parse


# Every method takes these; none changes what is listed.
STANDARD = {
    "alt": Param(one_of("json"), "json"),
    "fields": Param(text, ""),
    "prettyPrint": Param(boolean, True),
    "quotaUser": Param(text, ""),
}


def read_params(request: Request, known: Mapping[str, Param]) -> dict[str, Any]:
    """Values by name, defaults included. Unknown, repeated or malformed ones are a 400."""
    known = {**STANDARD, **known}
    values: dict[str, Any] = {}
    for name, value in request.query:
        if name not in known:
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )
        parsed = known[name].parse(name, value)
        if known[name].repeated:
            values.setdefault(name, []).append(parsed)
        elif name in values:
            raise invalid(
                f"Invalid value at '{name}', Proto field is not repeating, cannot start list.", name
            )
        else:
            values[name] = parsed
    defaults = {name: [] if one.repeated else one.default for name, one in known.items()}
    return defaults | values


class Tokens:
    """Opaque tokens, each good for what it was issued for and nothing else."""

    def __init__(self) -> None:
        self._issued: dict[str, tuple[object, Any]] = {}

    def issue(self, binding: object, meaning: object) -> str:
        token = secrets.token_urlsafe(15)
        self._issued[token] = (binding, meaning)
        return token

    def open(self, token: str, binding: object) -> Any:
        """The meaning; KeyError for a token never issued, or issued for something else."""
        bound, meaning = self._issued[token]
        if bound != binding:
            raise KeyError(token)
        return meaning


def binding(request: Request, *without: str) -> tuple[object, ...]:
    """All of a listing that must stay the same from page to page."""
    free = {"pageToken", *STANDARD, *without}
    return (
        request.user,
        unquote(request.path),
        tuple(sorted(pair for pair in request.query if pair[0] not in free)),
    )


@dataclass
class Quota:
    """Units within any sixty seconds, for each user."""

    clock: Clock
    limit: int
    _spent: dict[str, deque[tuple[datetime, int]]] = field(default_factory=dict)

    def spent(self, user: str) -> int:
        spent = self._spent.setdefault(user, deque())
        while spent and spent[0][0] <= self.clock.now() - timedelta(minutes=1):
            spent.popleft()
        return sum(units for _, units in spent)

    def spend(self, user: str, units: int) -> bool:
        """Whether there was enough left; what is refused costs nothing."""
        if self.spent(user) + units > self.limit:
            return False
        self._spent[user].append((self.clock.now(), units))
        return True


Handle = Callable[..., object]


@dataclass(frozen=True)
class Route:
    """One method of an API. The handler gets the request, its parameters, and the path's parts by name."""

    method: str
    path: str
    handle: Handle
    scopes: frozenset[str]
    params: Mapping[str, Param] = field(default_factory=dict)
    units: int = 1

    def parts(self, path: str) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class Api:
    """Routes behind the checks that come first: who asks, with which scopes, how often."""

    def __init__(self, grants: GoogleGrants, routes: Sequence[Route], *, known: Iterable[str]) -> None:
        self._grants, self._routes, self._known = grants, routes, frozenset(known)
        self._spend: Callable[[Request, int], None] = lambda request, units: None

    def before(self, spend: Callable[[Request, int], None]) -> None:
        """`spend` raises when a user asks too much."""
        self._spend = spend

    def answer(self, request: Request) -> Answer | None:
        """None for a path that is not of this API."""
        found = [(one, parts) for one in self._routes if (parts := one.parts(request.path)) is not None]
        if not found:
            return None
        try:
            return self._checked(request, found)
        except ApiError as error:
            request.detail = error.reason
            return error.answer()

    def _checked(self, request: Request, found: Sequence[tuple[Route, dict[str, str]]]) -> Answer:
        right = next((pair for pair in found if pair[0].method == request.method), None)
        if right is None:
            raise invalid(f"Request method {request.method} is not supported.", reason="httpMethodNotAllowed")
        route, parts = right
        self._authenticate(request, route.scopes)
        self._spend(request, route.units)
        params = read_params(request, route.params)
        data = route.handle(request, params, **parts)
        return json_answer(select(data, params["fields"], self._known))

    def _authenticate(self, request: Request, scopes: frozenset[str]) -> None:
        authorise(self._grants, request, scopes)


def authorise(grants: GoogleGrants, request: Request, scopes: frozenset[str]) -> None:
    """Set the request's user, or say what is wrong with its token."""
    if not request.headers.get("authorization"):
        message = "Request is missing required authentication credential."
        raise _unauthorised(message, "required", "Login Required.", REALM, "CREDENTIALS_MISSING")
    token = grants.access_token(request.bearer)
    if token is None:
        message = "Request had invalid authentication credentials."
        challenge = f'{REALM}, error="invalid_token"'
        raise _unauthorised(message, "authError", "Invalid Credentials", challenge, "ACCESS_TOKEN_EXPIRED")
    request.user = token.user
    if not token.scopes & scopes:
        raise ApiError(
            403,
            "Request had insufficient authentication scopes.",
            "insufficientPermissions",
            short="Insufficient Permission",
            status="PERMISSION_DENIED",
            info="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            headers={
                "WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{" ".join(sorted(scopes))}"'
            },
        )


def _unauthorised(message: str, reason: str, short: str, challenge: str, info: str) -> ApiError:
    return ApiError(
        401,
        message,
        reason,
        short=short,
        status="UNAUTHENTICATED",
        location="Authorization",
        kind="header",
        info=info,
        headers={"WWW-Authenticate": challenge},
    )


def not_found() -> Answer:
    return html_answer("<title>Error 404 (Not Found)!!1</title>", 404)


def select(data: Any, mask: str, known: frozenset[str]) -> Any:
    """What `fields` asks for, as in `items(id,start/date),nextPageToken`."""
    if not mask:
        return data
    words = re.findall(r"[\w*]+|[(),/]", mask)
    strange = [word for word in words if word not in known and not re.fullmatch(r"[*(),/]", word)]
    dangling = re.search(r"^[/,)]|[/(,][/,)]|[/(,]$", mask) or mask.count("(") != mask.count(")")
    if strange or dangling or "".join(words) != mask:
        raise invalid(
            f"Invalid field selection {(strange or [mask])[0]}", "fields", reason="invalidParameter"
        )
    return _pick(data, _tree(deque(words)))


def _tree(words: deque[str]) -> dict[str, Any]:
    """Names with what is wanted below them; nothing below means all of it."""
    tree: dict[str, Any] = {}
    while words and words[0] != ")":
        name = words.popleft()
        if name == ",":
            continue
        below = tree.setdefault(name, {})
        while words and words[0] == "/":
            words.popleft()
            below = below.setdefault(words.popleft(), {})
        if words and words[0] == "(":
            words.popleft()
            below |= _tree(words)
            words.popleft()
    return tree


def _pick(data: Any, tree: Mapping[str, Any]) -> Any:
    if not tree or "*" in tree:
        return data
    if isinstance(data, list):
        return [_pick(one, tree) for one in data]
    if not isinstance(data, dict):
        return data
    return {name: _pick(value, tree[name]) for name, value in data.items() if name in tree}


def batch(request: Request, *, at_most: int, prefix: str) -> Answer:
    """Each part of a multipart/mixed body is a request; each answer is a part of the answer."""
    kind = request.headers.get("content-type", "")
    whole_body = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    parts = whole_body.get_payload() if whole_body.get_content_type() == "multipart/mixed" else None
    if request.method != "POST" or not isinstance(parts, list):
        return invalid("Failed to parse batch request.", reason="badRequest").answer()
    if not 0 < len(parts) <= at_most:
        message = f"The batch request has {len(parts)} calls in it, at most {at_most} are allowed."
        return invalid(message, reason="batchSizeTooLarge").answer()
    said = [_batched(request, part, prefix) for part in parts]
    boundary = f"batch_{secrets.token_hex(8)}"
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), one) for one in said)
    end = b"--%s--\r\n" % boundary.encode()
    return Answer(200, body + end, {"Content-Type": f"multipart/mixed; boundary={boundary}"})


def _batched(request: Request, part: Any, prefix: str) -> bytes:
    head, _, body = part.get_payload(decode=True).lstrip().replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode().strip().splitlines()
    method, target, *_ = first.split(" ")
    named = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    inner_headers = {"authorization": request.headers.get("authorization", "")} | named
    inner = replace(
        request, method=method, target=target, headers=inner_headers, body=body, user="", detail="", page=""
    )
    assert request.nested
    answer = request.nested(inner) if inner.path.startswith(prefix) else not_found()
    reply = f"<response-{part.get('Content-ID', '<>').strip('<>')}>"
    lines = [f"Content-Type: application/http\r\nContent-ID: {reply}\r\n", f"HTTP/1.1 {answer.status} -"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
