"""Mail of a Google account through the Gmail API: ids by list, changes by history, texts as RFC 5322.

Drafts, chats, spam and trash are not read, and neither are labels that the owner leaves out.
"""

import json
import re
import time
from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pybase64

from mailboxes.egress import Egress
from mailboxes.providers import rawmail
from mailboxes.providers.base import (
    CursorExpired,
    Fetched,
    FetchedMail,
    ListedItem,
    Listing,
    Missing,
    QuotaReached,
    Unreadable,
)
from mailboxes.providers.batches import BatchedTexts
from mailboxes.providers.google import api
from mailboxes.providers.google.api import WINDOW_SECONDS
from mailboxes.providers.rawmail import LARGEST_MESSAGE
from mailboxes.providers.webapi import Answer, BadRequest, NotThere, Request, Tokens, WebApi

MAIL_URL = "https://gmail.googleapis.com"
# What Google allows one user of one project, and what it charges (projects since May 2026).
UNITS_PER_MINUTE = 6000
LIST_UNITS, GET_UNITS, HISTORY_UNITS = 5, 20, 2
NEVER_READ = frozenset({"DRAFT", "CHAT", "SPAM", "TRASH"})
# Of those, listed unless one asks for something else.
_LISTED_ALL_THE_SAME = ("DRAFT", "CHAT")
CATEGORIES = {
    "CATEGORY_PROMOTIONS": "Promotions",
    "CATEGORY_SOCIAL": "Social",
    "CATEGORY_UPDATES": "Updates",
    "CATEGORY_FORUMS": "Forums",
}
PAGE = 500
BATCH = 20
_ME = "/gmail/v1/users/me"
# As base64, with a little around it.
_MESSAGE_BYTES = LARGEST_MESSAGE * 4 // 3 + 2**20
_ID = re.compile(r"[0-9a-f]{1,20}")


@dataclass(frozen=True, slots=True)
class Label:
    """One that the owner may leave out."""

    id: str
    name: str


@dataclass(slots=True)
class Allowance:
    """Units spent in the last minute. What is over the limit would be refused, and refusals cost
    time: so we stop before."""

    per_minute: int
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def left(self) -> int:
        oldest = time.monotonic() - WINDOW_SECONDS
        while self._spent and self._spent[0][0] <= oldest:
            self._spent.popleft()
        return self.per_minute - sum(units for _, units in self._spent)

    def spend(self, units: int) -> None:
        """Raises QuotaReached when it has to wait."""
        if units > self.left() and self._spent:
            # Until there is all of it again, rather than a few units every now and then.
            wait = self._spent[-1][0] + WINDOW_SECONDS - time.monotonic()
            raise QuotaReached("Google asks us to wait.", retry_after=wait)
        self._spent.append((time.monotonic(), units))


class GmailMail(BatchedTexts):
    """All mail of one account but what nobody wants in a CRM."""

    part_missing = "Gmail left out part of an answer. It will be tried again."

    def __init__(
        self,
        *,
        tokens: Tokens,
        egress: Egress,
        url: str = MAIL_URL,
        left_out: Collection[str] = (),
        units_per_minute: int = UNITS_PER_MINUTE,
    ) -> None:
        """`left_out` are ids of labels."""
        self._api = WebApi(url, tokens=tokens, egress=egress, explain=api.explain)
        self._unwanted = NEVER_READ | set(left_out)
        self._listed_unwanted = (*_LISTED_ALL_THE_SAME, *sorted(set(left_out) - NEVER_READ))
        self._allowance = Allowance(units_per_minute)
        self._is_starting_over = False
        # What the cursor was when we lost our place: it stays until all is listed again.
        self._void = ""

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        try:
            state = _State.read(cursor)
        except CursorExpired:
            self._start_over_from(cursor)
            raise
        if self._is_starting_over:
            yield from self._start_over()
        elif state.is_listing:
            yield from self._list_all(state)
        else:
            yield from self._list_history(state.history)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        own = [one for one in provider_ids if _ID.fullmatch(one)]
        yield from (Missing(one) for one in provider_ids if one not in own)
        for ids, answer in self._api.ahead(self._batches(own)):
            yield from self._read(ids, answer)

    def aliases(self) -> list[str]:
        """Addresses that this account may send as, and that have been confirmed."""
        found = self._get("/settings/sendAs", 1).get("sendAs", [])
        is_own = [one.get("isPrimary") or one.get("verificationStatus") == "accepted" for one in found]
        return [str(one["sendAsEmail"]) for one, own in zip(found, is_own, strict=True) if own]

    def labels(self) -> list[Label]:
        """Categories that are there, and the owner's labels, which may be left out."""
        found = self._get("/labels", 1).get("labels", [])
        own = [Label(one["id"], one["name"]) for one in found if one.get("type") == "user"]
        categories = [Label(one["id"], CATEGORIES[one["id"]]) for one in found if one["id"] in CATEGORIES]
        return [*categories, *sorted(own, key=lambda label: label.name.casefold())]

    def close(self) -> None:
        self._api.close()

    # Listing

    def _list_all(self, state: "_State") -> Iterator[Listing]:
        """The history begins before the first page, so nothing is lost that happens on the way."""
        history = state.history or str(self._get("/profile", 1)["historyId"])
        unwanted = yield from self._ids_of_unwanted(state.text() if state.page else "")
        try:
            for items, page in self._pages(unwanted, state.page):
                yield Listing(items, _State(history, page).text())
        except BadRequest:
            # Tokens of pages do not live for ever either.
            self._start_over_from(state.text())
            raise CursorExpired("Gmail has forgotten where we stopped.") from None

    def _start_over(self) -> Iterator[Listing]:
        """Nobody knows what is stored: all that exists is one snapshot. Until that is stored the
        old cursor stays, and a run that dies on the way is begun again."""
        history = str(self._get("/profile", 1)["historyId"])
        unwanted = yield from self._ids_of_unwanted(self._void)
        found: list[ListedItem] = []
        for items, _ in self._pages(unwanted, "", is_patient=True):
            found += items
            yield Listing((), self._void)
        yield Listing(found, _State(history).text(), snapshot_of="")
        self._is_starting_over = False

    def _start_over_from(self, cursor: str) -> None:
        self._is_starting_over, self._void = True, cursor

    def _pages(
        self, unwanted: set[str], page: str, *, is_patient: bool = False
    ) -> Iterator[tuple[list[ListedItem], str]]:
        """Newest first, as Gmail has them; with the token of the next page, "" for the last. What
        arrives later is fetched before. Where a pause would mean to begin again, it is waited for."""
        order = int(time.time())
        while True:
            try:
                found = self._get("/messages", LIST_UNITS, maxResults=PAGE, pageToken=page)
            except QuotaReached as error:
                if not is_patient or not error.retry_after or error.retry_after > WINDOW_SECONDS:
                    raise
                time.sleep(error.retry_after)
                yield [], page
                continue
            ids = [one["id"] for one in found.get("messages", []) if one["id"] not in unwanted]
            items = [ListedItem(one, order - at) for at, one in enumerate(ids)]
            order, page = order - len(ids), str(found.get("nextPageToken", ""))
            yield items, page
            if not page:
                return

    def _ids_of_unwanted(self, cursor: str) -> Generator[Listing, None, set[str]]:
        """With a sign of life for each page, that leaves the cursor where it is."""
        found: set[str] = set()
        for label in self._listed_unwanted:
            for ids in self._ids_with(label):
                found.update(ids)
                yield Listing((), cursor)
        return found

    def _ids_with(self, label: str) -> Iterator[list[str]]:
        page = ""
        while True:
            try:
                found = self._get("/messages", LIST_UNITS, labelIds=label, maxResults=PAGE, pageToken=page)
            except (BadRequest, NotThere):
                return  # a label that was deleted since it was left out
            yield [one["id"] for one in found.get("messages", [])]
            if not (page := found.get("nextPageToken", "")):
                return

    def _list_history(self, since: str) -> Iterator[Listing]:
        page = ""
        while True:
            try:
                found = self._get(
                    "/history", HISTORY_UNITS, startHistoryId=since, maxResults=PAGE, pageToken=page
                )
            except (NotThere, BadRequest):
                self._start_over_from(_State(since).text())
                raise CursorExpired("Gmail has forgotten where we stopped.") from None
            page = str(found.get("nextPageToken", ""))
            cursor = since if page else str(found.get("historyId", since))
            items, removed = self._told(found.get("history", []))
            if items or removed or cursor != since:
                yield Listing(items, _State(cursor).text(), removed=removed)
            if not page:
                return

    def _told(self, records: Sequence[dict[str, Any]]) -> tuple[list[ListedItem], list[str]]:
        """What a page of the history comes to, the last word about each message being what counts."""
        is_there: dict[str, bool] = {}
        for record in records:
            for message, wanted in self._events(record):
                is_there.pop(message, None)
                is_there[message] = wanted
        now = int(time.time())
        items = [ListedItem(one, now + at) for at, one in enumerate(is_there) if is_there[one]]
        return items, [one for one, there in is_there.items() if not there]

    def _events(self, record: dict[str, Any]) -> Iterator[tuple[str, bool]]:
        for one in record.get("messagesAdded", []):
            yield one["message"]["id"], not self._unwanted & set(one["message"].get("labelIds", []))
        for one in record.get("labelsAdded", []):
            if self._unwanted & set(one.get("labelIds", [])):
                yield one["message"]["id"], False
        for one in record.get("labelsRemoved", []):
            if self._unwanted & set(one.get("labelIds", [])):
                left = set(one["message"].get("labelIds", []))
                yield one["message"]["id"], not self._unwanted & left
        for one in record.get("messagesDeleted", []):
            yield one["message"]["id"], False

    # Fetching

    def _batches(self, ids: Sequence[str]) -> Iterator[tuple[list[str], Request]]:
        left = list(ids)
        while left:
            # The last batch of a minute is a smaller one.
            size = min(max(self._allowance.left() // GET_UNITS, 1), BATCH)
            self._spend(len(left[:size]))
            yield left[:size], self._batch(left[:size])
            del left[:size]

    def _batch(self, ids: Sequence[str]) -> Request:
        return api.batch("/batch/gmail/v1", [f"{_ME}/messages/{one}?format=raw" for one in ids])

    def _parts_of(self, answer: Answer, count: int) -> list[Answer | None]:
        return api.parts_of(answer, count)

    def _single(self, provider_id: str) -> Request:
        return Request("GET", f"{_ME}/messages/{provider_id}", {"format": "raw"}, limit=_MESSAGE_BYTES)

    def _spend(self, messages: int) -> None:
        self._allowance.spend(GET_UNITS * messages)

    def _message(self, provider_id: str, answer: Answer) -> Fetched:
        found = answer.json
        if self._unwanted & set(found.get("labelIds", [])):
            return Missing(provider_id)
        try:
            raw = _decoded(found["raw"])
        except (KeyError, ValueError, TypeError):
            return Unreadable(provider_id, "Gmail handed over no text for this message.")
        return FetchedMail(provider_id, raw, len(raw), _received(found))

    def _head(self, provider_id: str) -> Fetched:
        """Of a huge message the headers alone."""
        found = self._get(f"/messages/{provider_id}", GET_UNITS, format="metadata")
        headers = found.get("payload", {}).get("headers", [])
        raw = rawmail.head((one["name"], one["value"]) for one in headers)
        size = int(found.get("sizeEstimate", 0))
        return FetchedMail(provider_id, raw, max(size, LARGEST_MESSAGE + 1), _received(found))

    def _get(self, path: str, units: int, **params: Any) -> dict[str, Any]:
        self._allowance.spend(units)
        found: dict[str, Any] = self._api.get(f"{_ME}{path}", params)
        return found


@dataclass(frozen=True, slots=True)
class _State:
    """The cursor, read: where the history goes on, and while all is being listed, the next page."""

    history: str = ""
    page: str = ""

    @classmethod
    def read(cls, cursor: str) -> "_State":
        """Raises CursorExpired."""
        if not cursor:
            return cls()
        try:
            known = json.loads(cursor)
            return cls(str(known["history"]), str(known.get("page", "")))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CursorExpired("The position in the mail cannot be read.") from error

    @property
    def is_listing(self) -> bool:
        return bool(self.page) or not self.history

    def text(self) -> str:
        return json.dumps({"history": self.history} | ({"page": self.page} if self.page else {}))


def _decoded(text: str) -> bytes:
    """base64url, with or without its padding."""
    return pybase64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _received(found: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(found["internalDate"]) / 1000, UTC)
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        return None
