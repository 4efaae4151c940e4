"""Mail of a Microsoft 365 account through Graph: changes folder by folder, texts as RFC 5322.

The ids say which folder a message is in, so that one that is moved arrives in the new folder before it
leaves the old one.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote

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
    Refused,
    SetupWrong,
    TryLater,
    Unreachable,
    Unreadable,
)
from mailboxes.providers.microsoft import graph
from mailboxes.providers.microsoft.graph import BATCH, GRAPH_URL, BadRequest, NotThere, StateLost
from mailboxes.providers.microsoft.heads import HEAD, headers_of
from mailboxes.providers.parts import report
from mailboxes.providers.rawmail import LARGEST_MESSAGE
from mailboxes.providers.webapi import Answer, Request, Tokens, TooLarge, asks_to_wait, instant

# Never read, with all folders below.
UNWANTED = (
    "junkemail", "deleteditems", "drafts", "outbox", "recoverableitemsdeletions", "conversationhistory",
    "syncissues", "conflicts", "localfailures", "serverfailures",
)  # fmt: skip
PAGE = 500
_LISTED = "id,receivedDateTime,isDraft"
_HAS_TRAVELLED = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)
# When messages arrived is kept from their listing for the fetch that follows, up to this many.
_MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Folder:
    id: str
    name: str
    parent: str

    @property
    def prefix(self) -> str:
        """What the provider ids of its messages begin with."""
        return f"{sha256(self.id.encode()).hexdigest()[:20]}/"


class GraphMail:
    """All mail of one account but junk, deleted items, drafts, and what the owner leaves out."""

    def __init__(
        self, *, tokens: Tokens, egress: Egress, url: str = GRAPH_URL, left_out: Collection[str] = ()
    ) -> None:
        """`left_out` are ids of folders; those below are left out with them."""
        self._api = graph.web_api(url, tokens=tokens, egress=egress)
        self._left_out = frozenset(left_out)
        self._is_starting_over = False
        self._arrived: dict[str, int] = {}

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        try:
            state = _State.read(cursor)
        except CursorExpired:
            self._is_starting_over = True
            raise
        known = {folder.id: folder for folder in self._all_folders()}
        if not known and state.links:
            raise TryLater("Microsoft lists no folders at the moment. It will be tried again.")
        folders = self._readable(known)
        listed, stored = list[ListedItem](), cursor
        gone: list[tuple[Folder, str, list[str]]] = []
        problems: list[SetupWrong] = []
        for folder in folders:
            try:
                for listing in self._list(folder, state, gone):
                    stored = listing.cursor
                    listed += listing.items
                    if len(self._arrived) < _MOST_KEPT:
                        self._arrived |= {item.provider_id: item.order for item in listing.items}
                    yield listing
            except NotThere as problem:
                problems.append(problem)
        yield from self._gone(state, gone, folders)
        if self._is_starting_over and not problems:
            # Of which folders there was something is forgotten: what lies in others, goes.
            yield Listing(listed, state.text(), snapshot_of="")
        elif state.text() != stored:
            yield Listing((), state.text())
        self._is_starting_over = False
        report(problems, len(folders))

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        pages = [provider_ids[at : at + BATCH] for at in range(0, len(provider_ids), BATCH)]
        for ids, answer in self._api.ahead((page, _batch(page)) for page in pages):
            yield from self._read(list(ids), answer)

    def folders(self) -> list[Folder]:
        """Those that are read."""
        return self._readable({folder.id: folder for folder in self._all_folders()})

    def _readable(self, found: Mapping[str, Folder]) -> list[Folder]:
        unwanted = self._ids_of_unwanted() | self._left_out
        return [folder for folder in found.values() if not _is_below(folder, unwanted, found)]

    def all_folders(self) -> list[Folder]:
        """Those that the owner may choose from."""
        found = {folder.id: folder for folder in self._all_folders()}
        unwanted = self._ids_of_unwanted()
        return [folder for folder in found.values() if not _is_below(folder, unwanted, found)]

    def close(self) -> None:
        self._api.close()

    def _all_folders(self) -> Iterator[Folder]:
        """Changes of all folders, from none on: the only list that has those below others too."""
        path = "/v1.0/me/mailFolders/delta"
        for page in graph.pages(self._api, path, {"$select": "id,displayName,parentFolderId"}):
            for one in page.entries:
                if "@removed" not in one:
                    yield Folder(
                        one["id"], str(one.get("displayName", "")), str(one.get("parentFolderId", ""))
                    )

    def _ids_of_unwanted(self) -> set[str]:
        urls = [f"/me/mailFolders/{name}?$select=id" for name in UNWANTED]
        answers = graph.parts_of(self._api.send(graph.batch(urls)), len(urls))
        found = set()
        for answer in answers:
            if answer is None or answer.status not in (200, 404):
                # Rather nothing than junk.
                raise (graph.explain(answer) if answer else TryLater("Microsoft left out part of an answer."))
            if answer.status == 200:
                found.add(str(answer.json["id"]))
        return found

    # Listing

    def _list(
        self, folder: Folder, state: "_State", gone: list[tuple[Folder, str, list[str]]]
    ) -> Iterator[Listing]:
        link = state.links.get(folder.id, "")
        if link and not self._is_starting_over:
            try:
                yield from self._changes(folder, link, state, gone)
            except (StateLost, BadRequest):
                pass
            else:
                return
        try:
            yield from self._everything(folder, state)
        except StateLost:
            # State can be lost between two pages as well. What was listed is listed again.
            yield from self._everything(folder, state)

    def _changes(
        self, folder: Folder, link: str, state: "_State", gone: list[tuple[Folder, str, list[str]]]
    ) -> Iterator[Listing]:
        """What is gone is told last, when all that may have been moved has arrived elsewhere; until
        then the folder's link stays where it was."""
        removed = dict[str, None]()
        for page in self._pages(folder, link):
            items, left = _told(folder, page.entries)
            removed = {one: None for one in removed if one not in {item.provider_id for item in items}}
            removed |= dict.fromkeys(left)
            if page.is_last and not removed:
                state.links[folder.id] = page.link
            if items:
                yield Listing(items, state.text())
            link = page.link
        if removed:
            gone.append((folder, link, list(removed)))

    def _everything(self, folder: Folder, state: "_State") -> Iterator[Listing]:
        """Newest first. The pages are as good as a snapshot when the last of them is there."""
        found = dict[str, ListedItem]()
        cursor = state.text()
        for page in self._pages(folder, ""):
            items, left = _told(folder, page.entries)
            found |= {item.provider_id: item for item in items}
            for one in left:
                found.pop(one, None)
            if page.is_last:
                state.links[folder.id] = page.link
                yield Listing(list(found.values()), state.text(), snapshot_of=folder.prefix)
            else:
                yield Listing(items, cursor)

    def _pages(self, folder: Folder, link: str) -> Iterator[graph.Page]:
        path = f"/v1.0/me/mailFolders/{quote(folder.id, safe='')}/messages/delta"
        params = {"$select": _LISTED, "$orderby": "receivedDateTime desc"}
        if link:
            return graph.pages(self._api, link, size=PAGE)
        return graph.pages(self._api, path, params, size=PAGE)

    def _gone(
        self, state: "_State", gone: list[tuple[Folder, str, list[str]]], folders: list[Folder]
    ) -> Iterator[Listing]:
        for folder, link, removed in gone:
            state.links[folder.id] = link
            yield Listing((), state.text(), removed=removed)
        there = {folder.id for folder in folders}
        for id in [id for id in state.links if id not in there]:
            del state.links[id]
            yield Listing((), state.text(), snapshot_of=Folder(id, "", "").prefix)

    # Fetching

    def _read(self, provider_ids: list[str], answer: Callable[[], Answer]) -> Iterator[Fetched]:
        """One batch, or two halves of it where it is too large."""
        try:
            parts = graph.parts_of(answer(), len(provider_ids))
        except TooLarge:
            yield from self._read_halves(provider_ids)
            return
        waiting: Exception | None = None
        for provider_id, part in zip(provider_ids, parts, strict=True):
            try:
                yield self._fetched(provider_id, part)
            except (TryLater, BadRequest) as error:
                if asks_to_wait(part, error):
                    waiting = error
                else:
                    yield Refused(provider_id, str(error))
        if waiting:
            raise waiting

    def _read_halves(self, provider_ids: list[str]) -> Iterator[Fetched]:
        if len(provider_ids) == 1:
            yield self._whole_or_head(provider_ids[0])
            return
        middle = len(provider_ids) // 2
        for half in (provider_ids[:middle], provider_ids[middle:]):
            yield from self._read(half, partial(self._api.send, _batch(half)))

    def _whole_or_head(self, provider_id: str) -> Fetched:
        request = Request("GET", f"/v1.0{_url(provider_id)}/$value", limit=LARGEST_MESSAGE)
        try:
            try:
                return self._fetched(provider_id, self._api.send(request))
            except TooLarge:
                return self._head(provider_id)
        except NotThere:
            return Missing(provider_id)
        except (QuotaReached, Unreachable):
            raise
        except (TryLater, BadRequest) as error:
            return Refused(provider_id, str(error))

    def _fetched(self, provider_id: str, answer: Answer | None) -> Fetched:
        if answer is None:
            raise TryLater("Microsoft left out part of an answer. It will be tried again.")
        if answer.status != 200:
            problem = graph.explain(answer)
            if isinstance(problem, NotThere):
                return Missing(provider_id)
            raise problem
        if not answer.body.strip():
            return Unreadable(provider_id, "Microsoft handed over no text for this message.")
        # When it arrived stands in the text, but for what never travelled.
        travelled = _HAS_TRAVELLED.search(rawmail.head_of(answer.body))
        received = None if travelled else self._received(provider_id)
        return FetchedMail(provider_id, answer.body, len(answer.body), received)

    def _received(self, provider_id: str) -> datetime | None:
        if known := self._arrived.get(provider_id):
            return datetime.fromtimestamp(known, UTC)
        try:
            found = self._api.get(f"/v1.0{_url(provider_id)}", {"$select": "receivedDateTime"})
        except NotThere:
            return None
        return instant(found.get("receivedDateTime"))

    def _head(self, provider_id: str) -> Fetched:
        """Of a huge message the headers alone. What was written here and never travelled has none, but its
        properties say the same."""
        found = self._api.get(f"/v1.0{_url(provider_id)}", {"$select": HEAD})
        raw = rawmail.head(headers_of(found))
        return FetchedMail(provider_id, raw, LARGEST_MESSAGE + 1, instant(found.get("receivedDateTime")))


def _url(provider_id: str) -> str:
    return f"/me/messages/{quote(provider_id.partition('/')[2], safe='')}"


def _batch(provider_ids: Sequence[str]) -> Request:
    return graph.batch([f"{_url(one)}/$value" for one in provider_ids])


def _told(folder: Folder, entries: Sequence[Mapping[str, Any]]) -> tuple[list[ListedItem], list[str]]:
    """What a page comes to. Entries are repeated, and the last word about each counts."""
    last: dict[str, Mapping[str, Any]] = {}
    for one in entries:
        last.pop(one["id"], None)
        last[one["id"]] = one
    items, removed = [], []
    for id, one in last.items():
        if "@removed" in one or one.get("isDraft"):
            removed.append(folder.prefix + id)
        else:
            at = instant(one.get("receivedDateTime"))
            items.append(ListedItem(folder.prefix + id, int(at.timestamp()) if at else 0))
    return items, removed


def _is_below(folder: Folder, unwanted: Collection[str], known: Mapping[str, Folder]) -> bool:
    """Is it one of these, or anywhere below one?"""
    seen: set[str] = set()
    at: Folder | None = folder
    while at and at.id not in seen:
        if at.id in unwanted or at.parent in unwanted:
            return True
        seen.add(at.id)
        at = known.get(at.parent)
    return False


@dataclass(slots=True)
class _State:
    """The cursor, read: of each folder the link to its changes."""

    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> "_State":
        """Raises CursorExpired."""
        if not cursor:
            return cls()
        try:
            return cls({str(id): str(link) for id, link in json.loads(cursor)["links"].items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CursorExpired("The position in the mail cannot be read.") from error

    def text(self) -> str:
        return json.dumps({"links": self.links})
