"""Mail of a Microsoft 365 account through Graph: changes folder by folder, texts as RFC 5322.

The ids say which folder a message is in, so that one that is moved arrives in the new folder before it
leaves the old one.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mailboxes.egress import Egress
from mailboxes.providers import rawmail
from mailboxes.providers.base import (
    Fetched,
    FetchedMail,
    ListedItem,
    Listing,
    TryLater,
    Unreadable,
)
from mailboxes.providers.batches import BatchedTexts
from mailboxes.providers.microsoft import graph
from mailboxes.providers.microsoft.graph import BATCH, GRAPH_URL
from mailboxes.providers.microsoft.heads import HEAD, headers_of
from mailboxes.providers.parts import Part, PartwiseListing, Places
from mailboxes.providers.rawmail import LARGEST_MESSAGE
from mailboxes.providers.webapi import (
    Answer,
    BadRequest,
    NotThere,
    Request,
    StateLost,
    Tokens,
    instant,
)

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
class Folder(Part):
    name: str
    parent: str


class GraphMail(PartwiseListing[Folder, str], BatchedTexts):
    """All mail of one account but junk, deleted items, drafts, and what the owner leaves out. The place in a
    folder is the link to its changes."""

    places_name = "links"
    nothing_found = "Microsoft lists no folders at the moment. It will be tried again."
    passed_over = (NotThere,)
    part_missing = graph.PART_MISSING

    def __init__(
        self, *, tokens: Tokens, egress: Egress, url: str = GRAPH_URL, left_out: Collection[str] = ()
    ) -> None:
        """`left_out` are ids of folders; those below are left out with them."""
        self._api = graph.web_api(url, tokens=tokens, egress=egress)
        self._left_out = frozenset(left_out)
        self._arrived: dict[str, int] = {}
        # Folders with their links and what has left them, told when all else is.
        self._departures: list[tuple[Folder, str, list[str]]] = []

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        self._departures = []
        for listing in super().list_changes(cursor):
            if len(self._arrived) < _MOST_KEPT:
                self._arrived |= {item.provider_id: item.order for item in listing.items}
            yield listing

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        pages = [provider_ids[at : at + BATCH] for at in range(0, len(provider_ids), BATCH)]
        for ids, answer in self._api.ahead((page, self._batch(page)) for page in pages):
            yield from self._read(ids, answer)

    def folders(self) -> list[Folder]:
        """Those that are read."""
        return self._chosen(self._found())

    def all_folders(self) -> list[Folder]:
        """Those that the owner may choose from."""
        return _outside(self._found(), self._ids_of_unwanted())

    def close(self) -> None:
        self._api.close()

    def _found(self) -> list[Folder]:
        """Changes of all folders, from none on: the only list that has those below others too."""
        path, found = "/v1.0/me/mailFolders/delta", dict[str, Folder]()
        for page in graph.pages(self._api, path, {"$select": "id,displayName,parentFolderId"}):
            for one in page.entries:
                if "@removed" not in one:
                    name, parent = one.get("displayName", ""), one.get("parentFolderId", "")
                    found[one["id"]] = Folder(one["id"], str(name), str(parent))
        return list(found.values())

    def _chosen(self, found: Sequence[Folder]) -> list[Folder]:
        return _outside(found, self._ids_of_unwanted() | self._left_out)

    def _ids_of_unwanted(self) -> set[str]:
        urls = [f"/me/mailFolders/{name}?$select=id" for name in UNWANTED]
        answers = graph.parts_of(self._api.send(graph.batch(urls)), len(urls))
        found = set()
        for answer in answers:
            if answer is None or answer.status not in (200, 404):
                # Rather nothing than junk.
                raise (graph.explain(answer) if answer else TryLater(graph.PART_MISSING))
            if answer.status == 200:
                found.add(str(answer.json["id"]))
        return found

    # Listing

    def _place(self, stored: Any) -> str:
        return str(stored)

    def _list(self, folder: Folder, places: Places[str]) -> Iterator[Listing]:
        link = places.of.get(folder.id, "")
        if link and not self._is_starting_over:
            try:
                yield from self._changes(folder, link, places)
            except (StateLost, BadRequest):
                pass
            else:
                return
        try:
            yield from self._everything(folder, places)
        except StateLost:
            # State can be lost between two pages as well. What was listed is listed again.
            yield from self._everything(folder, places)

    def _changes(self, folder: Folder, link: str, places: Places[str]) -> Iterator[Listing]:
        """What is gone is told last, when all that may have been moved has arrived elsewhere; until
        then the folder's link stays where it was."""
        removed = dict[str, None]()
        for page in self._pages(folder, link):
            items, left = _told(folder, page.entries)
            removed = {one: None for one in removed if one not in {item.provider_id for item in items}}
            removed |= dict.fromkeys(left)
            if page.is_last and not removed:
                places.of[folder.id] = page.link
            if items:
                yield Listing(items, places.text())
            link = page.link
        if removed:
            self._departures.append((folder, link, list(removed)))

    def _everything(self, folder: Folder, places: Places[str]) -> Iterator[Listing]:
        """Newest first. The pages are as good as a snapshot when the last of them is there."""
        found = dict[str, ListedItem]()
        cursor = places.text()
        for page in self._pages(folder, ""):
            items, left = _told(folder, page.entries)
            found |= {item.provider_id: item for item in items}
            for one in left:
                found.pop(one, None)
            if page.is_last:
                places.of[folder.id] = page.link
                yield Listing(list(found.values()), places.text(), snapshot_of=folder.prefix)
            else:
                yield Listing(items, cursor)

    def _pages(self, folder: Folder, link: str) -> Iterator[graph.Page]:
        path = f"/v1.0/me/mailFolders/{quote(folder.id, safe='')}/messages/delta"
        params = {"$select": _LISTED, "$orderby": "receivedDateTime desc"}
        if link:
            return graph.pages(self._api, link, size=PAGE)
        return graph.pages(self._api, path, params, size=PAGE)

    def _left(self, folders: Sequence[Folder], places: Places[str]) -> Iterator[Listing]:
        for folder, link, removed in self._departures:
            places.of[folder.id] = link
            yield Listing((), places.text(), removed=removed)
        yield from super()._left(folders, places)

    # Fetching

    def _batch(self, ids: Sequence[str]) -> Request:
        return graph.batch([f"{_url(one)}/$value" for one in ids])

    def _parts_of(self, answer: Answer, count: int) -> list[Answer | None]:
        return graph.parts_of(answer, count)

    def _single(self, provider_id: str) -> Request:
        return Request("GET", f"/v1.0{_url(provider_id)}/$value", limit=LARGEST_MESSAGE)

    def _message(self, provider_id: str, answer: Answer) -> Fetched:
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


def _outside(folders: Sequence[Folder], unwanted: Collection[str]) -> list[Folder]:
    known = {folder.id: folder for folder in folders}
    return [folder for folder in folders if not _is_below(folder, unwanted, known)]


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
