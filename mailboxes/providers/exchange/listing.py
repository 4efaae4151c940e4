"""What has changed in some folders of a mailbox, each with its own position.

Positions are the server's, and it may forget any of them at any time: then that folder is listed as a
whole, and the engine finds out what is gone.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from mailboxes.providers.base import CursorExpired, ListedItem, Listing, ProviderError, TryLater
from mailboxes.providers.exchange.asking import Change
from mailboxes.providers.exchange.errors import NoAccess, NotThere, ServerProblem, StateOld
from mailboxes.providers.exchange.folders import Folder
from mailboxes.providers.exchange.ids import provider_id
from mailboxes.providers.exchange.session import Page, Session

logger = logging.getLogger(__name__)

MOST_FOLDERS = 5000
_LONGEST_VERSION = 200
_FOLDERS_BETWEEN_SIGNS_OF_LIFE = 50

Listed = Callable[[Folder, Change], ListedItem | None]


@dataclass(slots=True)
class State:
    """The cursor, read: the server's position in each folder, by the prefix of its ids."""

    positions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> "State":
        """Raises CursorExpired."""
        if not cursor:
            return cls()
        try:
            positions = json.loads(cursor)["folders"]
            return cls({str(prefix): str(position) for prefix, position in positions.items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CursorExpired("The position in the folders cannot be read.") from error

    def text(self) -> str:
        return json.dumps({"folders": self.positions}, separators=(",", ":"))


class Lister:
    """`listed` says what a change comes to: an item, or None for what is not read. Whoever lists
    anew after a CursorExpired has to ask the same Lister."""

    def __init__(self, session: Session, listed: Listed) -> None:
        self._session, self._listed = session, listed
        self._void_cursor = ""

    def list_changes(self, state: State, folders: Sequence[Folder]) -> Iterator[Listing]:
        if not folders:
            # A mailbox has an inbox. Believing this would mean that all its mail is gone.
            raise TryLater("The Exchange server lists no folders. It will be tried again.")
        if len(folders) > MOST_FOLDERS:
            raise TryLater(f"The mailbox has more than {MOST_FOLDERS} folders.")
        if self._void_cursor:
            yield from self._start_over(folders)
            return
        stored = state.text()
        for listing in self._all_changes(folders, state):
            stored = listing.cursor
            yield listing
        if state.text() != stored:
            yield Listing((), state.text())

    def read(self, cursor: str) -> State:
        """Raises CursorExpired, and then expects to be asked for everything."""
        try:
            return State.read(cursor)
        except CursorExpired:
            self._void_cursor = cursor
            raise

    def _all_changes(self, folders: Sequence[Folder], state: State) -> Iterator[Listing]:
        problems: list[ProviderError] = []
        for number, folder in enumerate(folders, 1):
            try:
                yield from self._changes(folder, state)
            except NotThere:
                pass  # the next poll will not find it among the folders
            except (ServerProblem, NoAccess) as problem:
                problems.append(problem)
            if number % _FOLDERS_BETWEEN_SIGNS_OF_LIFE == 0:
                yield Listing((), state.text())
        yield from _gone(folders, state)
        self._report(problems, len(folders))

    def _changes(self, folder: Folder, state: State) -> Iterator[Listing]:
        try:
            for page in self._pages(folder, state.positions.get(folder.prefix, "")):
                items, removed = self._told(folder, page.changes)
                state.positions[folder.prefix] = page.state
                if items or removed:
                    yield Listing(items, state.text(), removed=removed)
        except StateOld:
            yield from self._anew(folder, state)

    def _anew(self, folder: Folder, state: State) -> Iterator[Listing]:
        """All of a folder as one snapshot. On the way, listings of nothing: the engine takes them
        for a sign of life."""
        found: list[ListedItem] = []
        position = ""
        for page in self._from_the_beginning(folder):
            found += self._told(folder, page.changes)[0]
            position = page.state
            yield Listing((), state.text())
        state.positions[folder.prefix] = position
        yield Listing(found, state.text(), snapshot_of=folder.prefix)

    def _start_over(self, folders: Sequence[Folder]) -> Iterator[Listing]:
        """Nobody knows what is stored, so all that exists is one snapshot. Until that is stored the
        cursor stays void, and a run that dies on the way is begun again."""
        state, found = State(), list[ListedItem]()
        problems: list[ProviderError] = []
        for folder in folders:
            try:
                for page in self._from_the_beginning(folder):
                    found += self._told(folder, page.changes)[0]
                    state.positions[folder.prefix] = page.state
                    yield Listing((), self._void_cursor)
            except NotThere:
                continue
            except NoAccess as problem:
                problems.append(problem)
        self._report(problems, len(folders))
        yield Listing(found, state.text(), snapshot_of="")
        self._void_cursor = ""

    def _from_the_beginning(self, folder: Folder) -> Iterator[Page]:
        page = None
        try:
            for page in self._pages(folder, ""):
                yield page
            if page and page.is_stuck:
                # Half a folder would mean that the other half is gone.
                raise TryLater("The Exchange server does not get on with a folder. It will be tried again.")
        except StateOld:
            # What it has just said itself.
            raise TryLater("The Exchange server keeps forgetting. It will be tried again.") from None

    def _pages(self, folder: Folder, position: str) -> Iterator[Page]:
        while True:
            page = self._session.changes(folder.id, position)
            position = page.state
            yield page
            if page.is_last or page.is_stuck:
                return

    def _told(self, folder: Folder, changes: Sequence[Change]) -> tuple[list[ListedItem], list[str]]:
        """What a page comes to, the last word about each item being what counts."""
        last = {change.id: change for change in changes if change.id}
        listed = [self._listed(folder, change) for change in last.values() if not change.is_gone]
        items = sorted((one for one in listed if one), key=lambda item: -item.order)
        return items, [provider_id(folder, one.id) for one in last.values() if one.is_gone]

    def _report(self, problems: list[ProviderError], folders: int) -> None:
        """What could not be read is tried again at the next poll; the owner hears of it when it is
        all there is."""
        if problems and len(problems) == folders:
            raise problems[0]
        for problem in problems:
            logger.warning("one of several folders cannot be listed: %s", type(problem).__name__)


def _gone(folders: Sequence[Folder], state: State) -> Iterator[Listing]:
    """Last, so that what moved to another folder is there before it is gone here."""
    prefixes = {folder.prefix for folder in folders}
    for prefix in [prefix for prefix in state.positions if prefix not in prefixes]:
        del state.positions[prefix]
        yield Listing((), state.text(), snapshot_of=prefix)


def version_of(change_key: str) -> str:
    return change_key if len(change_key) <= _LONGEST_VERSION else sha256(change_key.encode()).hexdigest()


def order_of(at: datetime | None) -> int:
    return int(at.timestamp()) if at else 0
