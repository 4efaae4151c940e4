"""What Google's APIs have in common: the meaning of their refusals, and batches of requests."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser

from mailboxes.providers.base import QuotaReached, SetupWrong, TryLater
from mailboxes.providers.webapi import Answer, BadRequest, Forbidden, NotThere, Request, StateLost

# How long Google counts for its limits.
WINDOW_SECONDS = 60.0
_RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
_RETRY_AT = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")
_REFUSED_PART = re.compile(rb"^HTTP/\S+ 401\b", re.MULTILINE)
_SWITCHED_OFF = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error object of an answer: all reasons it gives, and its message."""

    reasons: frozenset[str]
    message: str

    @classmethod
    def of(cls, answer: Answer) -> "Refusal":
        try:
            error = answer.json["error"]
            entries = [*error.get("errors", []), *error.get("details", [])]
            reasons = {str(one.get("reason", "")) for one in entries}
            return cls(frozenset(reasons), str(error.get("message", "")))
        except (TryLater, KeyError, TypeError, AttributeError):
            return cls(frozenset(), "")


def explain(answer: Answer) -> Exception:
    """What has to happen after a refusal."""
    refusal = Refusal.of(answer)
    if answer.status == 429 or (answer.status == 403 and refusal.reasons & _RATE):
        wait = answer.retry_after or _named_wait(refusal.message) or _usual_wait(refusal.message)
        return QuotaReached("Google asks us to wait.", retry_after=wait)
    if answer.status >= 500:
        return TryLater("Google does not answer at the moment.", retry_after=answer.retry_after)
    if answer.status == 410:
        # An event that is gone says so; any other that is gone is a token.
        return (
            _not_there()
            if "deleted" in refusal.reasons
            else StateLost("Google has forgotten where we stopped.")
        )
    if answer.status == 404:
        return _not_there()
    if answer.status == 403:
        return Forbidden(_why_forbidden(refusal))
    if "failedPrecondition" in refusal.reasons:
        return SetupWrong("This Google account has no Gmail.")
    if answer.status != 400:
        # A redirect, a lock, a proxy's idea: nothing that an owner could mend.
        return TryLater("Google does not answer as it should. It will be tried again.")
    return BadRequest(f"Google answered “{refusal.message[:200]}”.")


def _not_there() -> NotThere:
    return NotThere("Google knows nothing of what it was asked for.")


def _why_forbidden(refusal: Refusal) -> str:
    if refusal.reasons & _SWITCHED_OFF:
        return (
            "This API is not switched on in the Google project of this installation. "
            "An administrator can enable it in the Google Cloud console."
        )
    if "domainPolicy" in refusal.reasons:
        return "The administrator of this Google account does not allow it. Ask there."
    return "Google was not allowed to let us read this. Reconnect the account and leave every box ticked."


def _named_wait(message: str) -> float | None:
    """Gmail writes the time into the message."""
    if found := _RETRY_AT.search(message):
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return max((moment - datetime.now(UTC)).total_seconds(), 1.0)
    return None


def _usual_wait(message: str) -> float:
    """Too much at the same time is over in a moment; too much in a minute is not."""
    return 2.0 if "concurrent" in message.lower() else WINDOW_SECONDS


# Batches: several requests as one, in a multipart body of whole HTTP messages.


def batch(path: str, targets: Sequence[str]) -> Request:
    """A GET of each target."""
    boundary = secrets.token_hex(16)
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{at}>\r\n\r\nGET {target}\r\n\r\n"
        for at, target in enumerate(targets)
    ]
    body = "".join([*parts, f"--{boundary}--\r\n"]).encode()
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    return Request("POST", path, headers=headers, body=body, refused_inside=_has_refused)


def _has_refused(body: bytes) -> bool:
    # Texts are base64 in there, so that nobody else can have written such a line.
    return b" 401" in body and bool(_REFUSED_PART.search(body))


def parts_of(answer: Answer, count: int) -> list[Answer | None]:
    """The answers to a batch, in the order of its targets; None where there was none. Refusals inside
    are answers as well."""
    found = _taken_apart(answer)
    return [found.get(at) for at in range(count)]


def _taken_apart(answer: Answer) -> dict[int, Answer]:
    head = BytesHeaderParser().parsebytes(b"Content-Type: " + answer.headers.get("content-type", "").encode())
    boundary = head.get_boundary()
    if not boundary:
        raise TryLater("The answer could not be read. It will be tried again.")
    found = {}
    for part in answer.body.split(b"--" + boundary.encode())[1:]:
        outer, _, inner = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        number = re.search(rb"^Content-ID:\s*<?response-(\d+)", outer, re.IGNORECASE | re.MULTILINE)
        if number and (one := _inner(inner)):
            found[int(number[1])] = one
    return found


def _inner(text: bytes) -> Answer | None:
    head, _, body = text.partition(b"\r\n\r\n")
    status, _, lines = head.partition(b"\r\n")
    code = re.match(rb"HTTP/\d\S* (\d{3})", status)
    if not code:
        return None
    pairs = (line.decode("latin-1").partition(":") for line in lines.split(b"\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Answer(int(code[1]), headers, body.strip())
