"""What all of Microsoft Graph has in common: error bodies, strict parameters, preferences, limits, routes."""

import base64
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import uuid4

from tests.fakes.faults import Answer, Clock, Request, json_answer
from tests.fakes.microsoft_grants import MicrosoftGrants

Fields = dict[str, Any]
_Row = TypeVar("_Row")
# What each status is usually called where Outlook answers.
USUAL = {
    400: ("BadRequest", "The request is malformed."),
    401: ("InvalidAuthenticationToken", "Access token validation failure."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    405: ("Request_BadRequest", "Specified HTTP method is not allowed for the request target."),
    410: ("SyncStateNotFound", "The sync state generation is not found."),
    429: ("ApplicationThrottled", "Application is over its limit."),
    500: ("InternalServerError", "An internal server error occurred."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "Service is temporarily unavailable."),
    504: ("GatewayTimeout", "Gateway timeout."),
}
CONCURRENT = 4
PREFERENCES = {
    "idtype",
    "odata.maxpagesize",
    "odata.track-changes",
    "outlook.timezone",
    "outlook.body-content-type",
    "outlook.allow-unsafe-html",
}


@dataclass
class Part(Request):
    """A request inside a batch. `busy` is how many of the mailbox's requests run at the same time."""

    busy: int = 1


class GraphError(Exception):
    def __init__(
        self, status: int, message: str = "", code: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        usual, text = USUAL[status]
        super().__init__(message or text)
        self.status, self.code, self.message = status, code or usual, message or text
        self.headers = dict(headers or {})

    def answer(self, at: datetime) -> Answer:
        number = str(uuid4())
        inner = {"date": f"{at:%Y-%m-%dT%H:%M:%S}", "request-id": number, "client-request-id": number}
        error = {"code": self.code, "message": self.message, "innerError": inner}
        return json_answer({"error": error}, self.status, headers=self.headers | {"request-id": number})


def bad(message: str, code: str = "") -> GraphError:
    return GraphError(400, message, code)


def missing() -> GraphError:
    return GraphError(404)


# Parameters.

Parse = Callable[[str, str], Any]


def text(name: str, value: str) -> str:
    return value


def whole(low: int, high: int) -> Parse:
    def parse(name: str, value: str) -> int:
        if not re.fullmatch(r"\d{1,6}", value) or not low <= int(value) <= high:
            raise bad(f"Invalid value '{value}' for {name} query option found.")
        return int(value)

    return parse


def boolean(name: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise bad(f"Invalid value '{value}' for {name}.")
    return value.lower() == "true"


def one_of(*allowed: str) -> Parse:
    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise bad(f"Invalid value '{value}' for {name}.")
        return value

    return parse


def moment(name: str, value: str) -> datetime:
    """ISO 8601; without an offset, UTC. A plus sign that was not encoded arrives as a blank."""
    pattern = r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.\d{1,7})?(Z|[+-]\d\d:\d\d)?"
    found = re.fullmatch(pattern, value)
    try:
        return datetime.fromisoformat(found[1] + (found[2] or "Z") if found else value)
    except ValueError:
        raise bad(f"The value '{value}' of parameter '{name}' is invalid.", "ErrorInvalidParameter") from None


def read_params(request: Request, known: Mapping[str, Parse]) -> Fields:
    """Values by name; names are not case-sensitive. Unknown, repeated or malformed ones are a 400."""
    names = {name.lower(): name for name in known}
    values: Fields = {}
    for given, value in request.query:
        name = names.get(given.lower())
        if name is None:
            raise bad(f"The query parameter '{given}' is not supported here.", "ErrorInvalidUrlQuery")
        if name in values:
            raise bad(f"Query option '{name}' was specified more than once.")
        values[name] = known[name](name, value)
    return values


def preferences(request: Request) -> dict[str, str]:
    """Of the Prefer header. One that nobody knows is refused: it would be a slip."""
    found: dict[str, str] = {}
    for item in re.findall(r'(?:[^,"]|"[^"]*")+', request.headers.get("prefer", "")):
        name, _, value = item.strip().partition("=")
        if name.strip().lower() not in PREFERENCES:
            raise bad(f"Unknown preference: {item.strip()}")
        found[name.strip().lower()] = value.strip().strip('"')
    if found.get("idtype", "ImmutableId") != "ImmutableId":
        raise bad(f"Unknown IdType: {found['idtype']}")
    return found


def page_size(request: Request, params: Fields, *, usual: int = 10) -> int:
    wanted = params.get("$top") or preferences(request).get("odata.maxpagesize")
    return usual if wanted is None else whole(1, 1000)("odata.maxpagesize", str(wanted))


def immutable(request: Request) -> bool:
    return "idtype" in preferences(request)


def body_kind(request: Request) -> str:
    """`html` or `text`."""
    kind = preferences(request).get("outlook.body-content-type", "html")
    if kind not in {"text", "html"}:
        raise bad(f"Unknown body type: {kind}", "ErrorInvalidParameter")
    return kind


def checked_select(params: Fields, known: frozenset[str], kind: str) -> frozenset[str]:
    """The selected properties; none means the usual ones. An empty name or an unknown one is a 400."""
    if "$select" not in params:
        return frozenset()
    names = [name.strip() for name in params["$select"].split(",")]
    for name in names:
        if name not in known:
            raise bad(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.{kind}'."
            )
    return frozenset(names)


def selected(shown: Fields, select: frozenset[str]) -> Fields:
    """`id` and annotations are always there."""
    always = {"id", "@odata.etag", "@odata.type"}
    return {name: value for name, value in shown.items() if name in select | always} if select else shown


# Limits.


@dataclass
class Limit:
    """Requests within any ten minutes, for each mailbox."""

    clock: Clock
    most: int = 10_000
    _asked: dict[str, deque[datetime]] = field(default_factory=dict)

    def spend(self, user: str) -> None:
        asked = self._asked.setdefault(user, deque())
        span = timedelta(minutes=10)
        while asked and asked[0] <= self.clock.now() - span:
            asked.popleft()
        if len(asked) >= self.most:
            wait = (asked[0] + span - self.clock.now()).total_seconds()
            raise throttled("Application is over its RequestRate limit.", wait=max(1, int(wait)))
        asked.append(self.clock.now())


def throttled(message: str, *, wait: int) -> GraphError:
    return GraphError(429, message, headers={"Retry-After": str(wait)})


# Routes.

Handle = Callable[..., object]


@dataclass(frozen=True)
class Route:
    """A handler gets the request, its parameters, and the path's parts by name. It answers with the body of
    a 200, or with an `Answer`. Outlook's routes are of a mailbox and within its limits."""

    path: str
    handle: Handle
    scopes: frozenset[str]
    params: Mapping[str, Parse] = field(default_factory=dict)
    outlook: bool = True

    def parts(self, path: str) -> dict[str, str] | None:
        """Names of segments are not case-sensitive; what stands for an id is."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, path, re.IGNORECASE)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class Api:
    """Routes behind the checks that come first: who asks, with which scopes, how often. The first route
    that fits answers."""

    def __init__(self, grants: MicrosoftGrants, clock: Clock) -> None:
        self.grants, self.clock = grants, clock
        self.limit = Limit(clock)
        self.routes: list[Route] = []

    def answer(self, request: Request) -> Answer:
        try:
            return self._checked(request)
        except GraphError as error:
            request.detail = request.detail or error.code
            return error.answer(self.clock.now())

    def _checked(self, request: Request) -> Answer:
        path = normal(request.path)
        found = ((route, route.parts(path)) for route in self.routes)
        route, parts = next(((route, parts) for route, parts in found if parts is not None), (None, None))
        self.authenticate(request)
        if route is None or parts is None:
            raise bad(f"Resource not found for the segment '{path.rpartition('/')[2]}'.")
        if request.method != "GET":
            raise GraphError(405)
        self._allow(request, route)
        shown = route.handle(request, read_params(request, route.params), **parts)
        answer = shown if isinstance(shown, Answer) else json_answer(shown)
        return _with_preferences(request, answer)

    def authenticate(self, request: Request) -> None:
        """Set the request's user, or say what is wrong with its token."""
        token = self.grants.access.get(request.bearer)
        if not request.headers.get("authorization"):
            raise self._unauthorised("Access token is empty.")
        if token is None:
            raise self._unauthorised("CompactToken parsing failed with error code: 80049217.")
        if token.expires <= self.clock.now():
            raise self._unauthorised("Lifetime validation failed, the token is expired.")
        request.user = token.user
        if claims := self.grants.challenges.get(token.user):
            raise self._unauthorised("Continuous access evaluation resulted in a challenge.", claims)

    def _unauthorised(self, message: str, claims: str = "") -> GraphError:
        uri = f"{self.grants.login_url}/common/oauth2/authorize"
        challenge = f'Bearer realm="", authorization_uri="{uri}"'
        if claims:
            encoded = base64.b64encode(claims.encode()).decode()
            challenge += f', error="insufficient_claims", claims="{encoded}"'
        return GraphError(401, message, headers={"WWW-Authenticate": challenge})

    def _allow(self, request: Request, route: Route) -> None:
        if not self.scopes(request) & route.scopes:
            if route.outlook:
                raise GraphError(403)
            message = "Insufficient privileges to complete the operation."
            raise GraphError(403, message, "Authorization_RequestDenied")
        if not route.outlook:
            return
        if not self.grants.users[request.user].has_mailbox:
            message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            raise GraphError(404, message, "MailboxNotEnabledForRESTAPI")
        busy = request.busy if isinstance(request, Part) else request.in_flight
        if busy > CONCURRENT:
            raise throttled("Application is over its MailboxConcurrency limit.", wait=1)
        self.limit.spend(request.user)

    def scopes(self, request: Request) -> set[str]:
        token = self.grants.access_token(request.bearer)
        assert token
        return token.scopes


def normal(path: str) -> str:
    """One way to write what OData writes in several: folders('x'), microsoft.graph.delta()."""
    path = re.sub(r"\('([^']*)'\)", r"/\1", path.replace("%27", "'"))
    return re.sub(r"/(?:microsoft\.graph\.)?(\w+)\(\)", r"/\1", path)


def refusal(at: datetime, status: int, reason: str) -> Answer:
    """What a fault's status looks like; the reason is the error's code."""
    error = GraphError(status if status in USUAL else 503, code=reason)
    error.status = status
    return error.answer(at)


def paged(
    request: Request, params: Fields, rows: Sequence[_Row], show: Callable[[_Row], Fields], base: str
) -> Fields:
    """A page of a plain collection, with a link that skips what was shown."""
    size, skip = page_size(request, params), params.get("$skip", 0)
    value: Fields = {"@odata.context": f"{base}/v1.0/$metadata#Collection(entity)"}
    if request.page == "empty":
        return value | {"value": [], "@odata.nextLink": _skipping(request, skip, base)}
    page = [show(row) for row in rows[skip : skip + size]]
    shown = {"duplicated": [*page, *page[:1]], "reversed": page[::-1]}.get(request.page, page)
    more = skip + size < len(rows)
    link = {"@odata.nextLink": _skipping(request, skip + size, base)} if more else {}
    return value | {"value": shown} | link


def _skipping(request: Request, skip: int, base: str) -> str:
    kept = [pair for pair in request.target.partition("?")[2].split("&") if pair]
    kept = [pair for pair in kept if unquote(pair.partition("=")[0]).lower() != "$skip"]
    return f"{base}{request.path}?{'&'.join([*kept, f'%24skip={skip}'])}"


def _with_preferences(request: Request, answer: Answer) -> Answer:
    names = {"idtype": "IdType"}
    applied = [
        f'{names.get(name, name)}="{value}"' if value else name
        for name, value in preferences(request).items()
    ]
    if applied:
        answer.headers["Preference-Applied"] = ", ".join(applied)
    return answer
