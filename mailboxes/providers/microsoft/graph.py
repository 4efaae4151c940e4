"""What the parts of Microsoft Graph have in common: the meaning of its refusals, paging, and batches
of requests."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pybase64

from mailboxes.egress import Egress
from mailboxes.providers.base import QuotaReached, SetupWrong, TryLater
from mailboxes.providers.webapi import (
    Answer,
    BadRequest,
    Forbidden,
    NotThere,
    Request,
    StateLost,
    Tokens,
    TooLarge,
    WebApi,
)

GRAPH_URL = "https://graph.microsoft.com"
# With these, an id stays the same when its item is moved to another folder.
IMMUTABLE = 'IdType="ImmutableId"'
BATCH = 20
PART_MISSING = "Microsoft left out part of an answer. It will be tried again."
# A list that does not come to an end is a mistake of somebody's.
_MOST_PAGES = 20_000
_FEW = 10
_STATE_LOST = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_REFUSED_PART = re.compile(rb'"status"\s*:\s*401\b')
_NO_ID = frozenset({"errorinvalididmalformed", "errorinvalidid"})
_NO_MAILBOX = frozenset({"mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi"})


def web_api(url: str, *, tokens: Tokens, egress: Egress) -> WebApi:
    return WebApi(url, tokens=tokens, egress=egress, explain=explain, headers={"Prefer": IMMUTABLE})


def explain(answer: Answer) -> Exception:
    """What has to happen after a refusal."""
    code, message = _error(answer)
    if answer.status == 429:
        wait = answer.retry_after
        if wait is None:
            return TryLater("Microsoft asks us to wait.")
        return QuotaReached("Microsoft asks us to wait.", retry_after=wait)
    if answer.status == 410 or code in _STATE_LOST:
        return StateLost("Microsoft has forgotten where we stopped.")
    if answer.status >= 500:
        return TryLater("Microsoft does not answer at the moment.", retry_after=answer.retry_after)
    if code in _NO_MAILBOX:
        said = "This mailbox is not in Microsoft 365."
        return SetupWrong(f"{said} If your organisation runs its own Exchange, connect Exchange instead.")
    if answer.status == 404 or code in _NO_ID:
        return NotThere("Microsoft knows nothing of what it was asked for.")
    if answer.status == 403:
        said = "Microsoft was not allowed to let us read this."
        return Forbidden(f"{said} Reconnect the account, or ask your organisation’s administrator.")
    if answer.status != 400:
        # A redirect, a lock, a proxy's idea: nothing that an owner could mend.
        return TryLater("Microsoft does not answer as it should. It will be tried again.")
    return BadRequest(f"Microsoft answered “{(message or code)[:200]}”.")


def _error(answer: Answer) -> tuple[str, str]:
    try:
        error = answer.json["error"]
        return str(error.get("code", "")).casefold(), str(error.get("message", ""))
    except (TryLater, KeyError, TypeError, AttributeError):
        return "", ""


@dataclass(frozen=True, slots=True)
class Page:
    """`link` goes on from here: to the next page, or where `is_last` to the changes since."""

    entries: Sequence[Mapping[str, Any]]
    link: str
    is_last: bool


def pages(
    api: WebApi, path: str, params: Mapping[str, Any] | None = None, *, size: int = 0
) -> Iterator[Page]:
    """`path` may be a link of an earlier answer; `size` is how many entries a page should have, which
    becomes fewer when they are too large."""
    for _ in range(_MOST_PAGES):
        wish = [f"odata.maxpagesize={size}"] if size else []
        try:
            answer = api.get(path, params, Prefer=", ".join([IMMUTABLE, *wish]))
        except TooLarge:
            if size < _FEW:
                raise
            size //= 5
            continue
        following = str(answer.get("@odata.nextLink") or "")
        link = following or str(answer.get("@odata.deltaLink") or "")
        # One that leads elsewhere is not worth keeping.
        api.url(link)
        yield Page(answer.get("value", []), link, not following)
        if not following:
            return
        path, params = following, None
    raise TryLater("Microsoft’s list does not come to an end. It will be tried again.")


def batch(urls: Sequence[str], *, prefer: str = "") -> Request:
    """A GET of each, at most 20."""
    headers = {"Prefer": ", ".join(filter(None, (IMMUTABLE, prefer)))}
    requests = [
        {"id": str(at), "method": "GET", "url": url, "headers": headers} for at, url in enumerate(urls)
    ]
    body = json.dumps({"requests": requests}).encode()
    return Request(
        "POST",
        "/v1.0/$batch",
        headers={"Content-Type": "application/json"},
        body=body,
        refused_inside=_has_refused,
    )


def _has_refused(body: bytes) -> bool:
    # Inside a text, quotation marks are written in another way.
    return bool(_REFUSED_PART.search(body))


def parts_of(answer: Answer, count: int) -> list[Answer | None]:
    """The answers to a batch, in the order of its URLs; None where there was none. Refusals inside are
    answers as well."""
    try:
        found = {str(one["id"]): _part(one) for one in answer.json["responses"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryLater("The answer could not be read. It will be tried again.") from error
    return [found.get(str(at)) for at in range(count)]


def _part(one: Mapping[str, Any]) -> Answer:
    """Bodies are JSON, or base64 of what is none."""
    headers = {str(name).lower(): str(value) for name, value in (one.get("headers") or {}).items()}
    body = one.get("body")
    if isinstance(body, str):
        return Answer(int(one["status"]), headers, pybase64.b64decode(body))
    return Answer(int(one["status"]), headers, json.dumps(body).encode())
