"""The Gmail API, v1, as far as reading mail goes."""

import base64
import re
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.fakes.faults import Clock, Request, page_of, words
from tests.fakes.gmail_mailbox import HISTORY, Mailbox, StoredMail, head_of
from tests.fakes.google_api import (
    Api,
    ApiError,
    Param,
    Quota,
    Route,
    Tokens,
    binding,
    boolean,
    invalid,
    one_of,
    text,
    whole,
)
from tests.fakes.google_grants import AUTH, GoogleGrants
from tests.fakes.google_search import finds

FULL = "https://mail.google.com/"
METADATA = f"{AUTH}gmail.metadata"
READING = frozenset({FULL, f"{AUTH}gmail.modify", f"{AUTH}gmail.readonly", METADATA})
SETTINGS = (READING - {METADATA}) | {f"{AUTH}gmail.settings.basic"}
KNOWN = words(
    "emailAddress messagesTotal threadsTotal historyId messages id threadId nextPageToken resultSizeEstimate "
    "labelIds snippet internalDate sizeEstimate raw payload partId mimeType filename headers name value body "
    "size data attachmentId parts history messagesAdded messagesDeleted labelsAdded labelsRemoved message "
    "labels type sendAs sendAsEmail displayName replyToAddress signature isPrimary isDefault treatAsAlias "
    "verificationStatus"
)
LISTED = {"maxResults": Param(whole(1, 500), 100), "pageToken": Param(text, "")}
MESSAGES = {
    **LISTED,
    "q": Param(text),
    "labelIds": Param(text, repeated=True),
    "includeSpamTrash": Param(boolean, False),
}
CHANGES = {
    **LISTED,
    "startHistoryId": Param(text, ""),
    "labelId": Param(text, ""),
    "historyTypes": Param(one_of(*HISTORY), repeated=True),
}
ONE = {
    "format": Param(one_of("minimal", "full", "raw", "metadata"), "full"),
    "metadataHeaders": Param(text, repeated=True),
}


class Gmail:
    """The mailboxes behind the API. `units_per_minute`, `concurrency`: for each user. What goes over
    the first is answered with `over_quota`, 403 or 429. `pads_raw` is how base64url ends."""

    def __init__(self, grants: GoogleGrants, clock: Clock) -> None:
        self._clock, self._tokens = clock, Tokens()
        self.mailboxes: dict[str, Mailbox] = {}
        self.quota = Quota(clock, 6000)
        self.concurrency, self.over_quota, self.pads_raw = 10, 403, True
        self._grants = grants
        base = "/gmail/v1/users/{user}"
        routes = [
            Route("GET", f"{base}/profile", self._profile, READING | {f"{AUTH}gmail.compose"}),
            Route("GET", f"{base}/messages", self._list, READING, MESSAGES, 5),
            Route("GET", f"{base}/messages/{{mail}}", self._get, READING, ONE, 20),
            Route("GET", f"{base}/history", self._history, READING, CHANGES, 2),
            Route("GET", f"{base}/labels", self._labels, READING | {f"{AUTH}gmail.labels"}),
            Route("GET", f"{base}/settings/sendAs", self._send_as, SETTINGS),
        ]
        self.api = Api(grants, routes, known=KNOWN)
        self.api.before(self._spend)

    def add_mailbox(self, email: str) -> Mailbox:
        # Ids overlap between users, yet the same mail has another one in each mailbox.
        mailbox = Mailbox(email, self._clock, 0x18C0FFEE00000000 + len(self.mailboxes))
        self.mailboxes[email] = mailbox
        return mailbox

    # Quotas.

    def _spend(self, request: Request, units: int) -> None:
        if request.in_flight > self.concurrency:
            raise _exhausted("Too many concurrent requests for user.")
        if self.quota.spend(request.user, units):
            return
        if self.over_quota == 429:
            again = self._clock.now() + timedelta(minutes=1)
            raise _exhausted(f"User-rate limit exceeded.  Retry after {again:%Y-%m-%dT%H:%M:%S.000Z}")
        raise ApiError(
            403,
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
            "'gmail.googleapis.com' for consumer 'project_number:1'.",
            "rateLimitExceeded",
            domain="usageLimits",
            status="PERMISSION_DENIED",
            info="RATE_LIMIT_EXCEEDED",
        )

    # Methods.

    def _profile(self, request: Request, params: dict[str, Any], user: str) -> object:
        mailbox = self._mailbox(request, user)
        threads = {one.thread for one in mailbox.mails.values()}
        counts = {"messagesTotal": len(mailbox.mails), "threadsTotal": len(threads)}
        return {"emailAddress": mailbox.email} | counts | {"historyId": str(mailbox.history_id)}

    def _list(self, request: Request, params: dict[str, Any], user: str) -> object:
        mailbox = self._mailbox(request, user)
        if params["q"] is not None and self._metadata_only(request):
            raise _forbidden("Metadata scope does not support 'q' parameter")
        for label in params["labelIds"]:
            _check_label(mailbox, label)
        after = self._position(request, params["pageToken"])
        rest = [
            one
            for one in sorted(mailbox.mails.values(), key=lambda one: one.order, reverse=True)
            if _wanted(one, params) and (after is None or one.order < after)
        ]
        shown, taken, more = page_of(request, rest, params["maxResults"])
        answer: dict[str, Any] = {"messages": [one.short for one in shown]} if shown else {}
        if more:
            position = taken[-1].order if taken else after
            answer["nextPageToken"] = self._tokens.issue(binding(request), position)
        return answer | {"resultSizeEstimate": len(rest)}

    def _get(self, request: Request, params: dict[str, Any], user: str, mail: str) -> object:
        mailbox = self._mailbox(request, user)
        if params["format"] in {"full", "raw"} and self._metadata_only(request):
            raise _forbidden(f"Metadata scope doesn't allow format {params['format'].upper()}")
        if not re.fullmatch(r"[0-9a-f]{1,16}", mail):
            raise invalid("Invalid id value", reason="invalidArgument")
        if mail not in mailbox.mails:
            raise _missing()
        return self._shown(mailbox.mails[mail], params)

    def _shown(self, stored: StoredMail, params: dict[str, Any]) -> dict[str, Any]:
        labels = {"labelIds": stored.labels} if stored.labels else {}
        answer: dict[str, Any] = {**stored.short, **labels}
        answer |= {
            "snippet": "",
            "historyId": str(stored.history_id),
            "internalDate": str(stored.received),
            "sizeEstimate": len(stored.raw),
        }
        if params["format"] == "raw":
            answer["raw"] = _base64url(stored.raw, pads=self.pads_raw)
        if params["format"] == "metadata":
            wanted = {name.lower() for name in params["metadataHeaders"]}
            headers = _headers(head_of(stored.raw))
            shown = [one for one in headers if not wanted or one["name"].lower() in wanted]
            answer["payload"] = {"mimeType": head_of(stored.raw).get_content_type(), "headers": shown}
        if params["format"] == "full":
            answer["payload"] = _part(message_from_bytes(stored.raw), "", pads=self.pads_raw)
        return answer

    def _history(self, request: Request, params: dict[str, Any], user: str) -> object:
        mailbox = self._mailbox(request, user)
        start = params["startHistoryId"]
        if not start:
            raise invalid("Missing/invalid parameter: startHistoryId", reason="invalidArgument")
        if not re.fullmatch(r"\d{1,20}", start):
            raise invalid(f"Invalid value at 'start_history_id' (TYPE_UINT64), \"{start}\"")
        if params["labelId"]:
            _check_label(mailbox, params["labelId"])
        if not mailbox.oldest_history_id <= int(start) <= mailbox.history_id:
            raise _missing()
        after = self._position(request, params["pageToken"]) or int(start)
        rest = [one for one in mailbox.history if one["id"] > after and _told(one, params)]
        shown, taken, more = page_of(request, rest, params["maxResults"])
        answer: dict[str, Any] = {"historyId": str(mailbox.history_id)}
        if shown:
            answer["history"] = [{"id": str(one["id"])} | one["told"] for one in shown]
        if more:
            position = taken[-1]["id"] if taken else after
            answer["nextPageToken"] = self._tokens.issue(binding(request), position)
        return answer

    def _labels(self, request: Request, params: dict[str, Any], user: str) -> object:
        mailbox = self._mailbox(request, user)
        kinds = {label: "user" if label.startswith("Label_") else "system" for label in mailbox.labels}
        return {"labels": [{"id": one, "name": mailbox.labels[one], "type": kinds[one]} for one in kinds]}

    def _send_as(self, request: Request, params: dict[str, Any], user: str) -> object:
        mailbox = self._mailbox(request, user)
        own = {"sendAsEmail": mailbox.email, "displayName": "", "replyToAddress": "", "signature": ""}
        return {"sendAs": [own | {"isPrimary": True, "isDefault": True}, *mailbox.aliases]}

    # What they share.

    def _mailbox(self, request: Request, user: str) -> Mailbox:
        if user not in {"me", request.user}:
            raise _forbidden(f"Delegation denied for {request.user}")
        mailbox = self.mailboxes.get(request.user)
        if mailbox is None or not mailbox.enabled:
            message = "Mail service not enabled"
            raise ApiError(400, message, "failedPrecondition", status="FAILED_PRECONDITION")
        return mailbox

    def _metadata_only(self, request: Request) -> bool:
        """This scope takes away, even where another one would allow more."""
        token = self._grants.access_token(request.bearer)
        return token is not None and METADATA in token.scopes

    def _position(self, request: Request, token: str) -> Any:
        if not token:
            return None
        try:
            return self._tokens.open(token, binding(request))
        except KeyError:
            raise invalid("Invalid pageToken", reason="invalidArgument") from None


def _wanted(stored: StoredMail, params: dict[str, Any]) -> bool:
    if not params["includeSpamTrash"] and {"SPAM", "TRASH"} & set(stored.labels):
        return False
    if set(params["labelIds"]) - set(stored.labels):
        return False
    return finds(params["q"] or "", stored.raw, labels=stored.labels, received=stored.received)


def _told(one: dict[str, Any], params: dict[str, Any]) -> bool:
    right_kind = not params["historyTypes"] or one["kind"] in params["historyTypes"]
    changed = one["told"][HISTORY[one["kind"]]][0]
    labels = {*changed["message"].get("labelIds", []), *changed.get("labelIds", [])}
    return right_kind and (not params["labelId"] or params["labelId"] in labels)


def _check_label(mailbox: Mailbox, label: str) -> None:
    if label not in mailbox.labels:
        raise invalid(f"Invalid label: {label}", reason="invalidArgument")


def _exhausted(message: str) -> ApiError:
    return ApiError(429, message, "rateLimitExceeded", status="RESOURCE_EXHAUSTED")


def _forbidden(message: str) -> ApiError:
    return ApiError(403, message, "forbidden", status="PERMISSION_DENIED")


def _missing() -> ApiError:
    return ApiError(404, "Requested entity was not found.", "notFound", status="NOT_FOUND")


def _headers(message: Message) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in message.items()]


def _part(message: Message, number: str, *, pads: bool) -> dict[str, Any]:
    below = message.get_payload() if message.is_multipart() else []
    data = message.get_payload(decode=True)
    content = data if isinstance(data, bytes) else b""
    name = message.get_filename() or ""
    body: dict[str, Any] = {"size": len(content)}
    if name:
        body["attachmentId"] = f"ANGjdJ{number}"
    elif content:
        body["data"] = _base64url(content, pads=pads)
    part = {"partId": number, "mimeType": message.get_content_type(), "filename": name}
    parts = [
        _part(one, f"{number}.{at}".lstrip("."), pads=pads)
        for at, one in enumerate(below)
        if isinstance(one, Message)
    ]
    return part | {"headers": _headers(message), "body": body} | ({"parts": parts} if parts else {})


def _base64url(data: bytes, *, pads: bool) -> str:
    found = base64.urlsafe_b64encode(data).decode()
    return found if pads else found.rstrip("=")
