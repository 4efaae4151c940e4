"""Mail of an IMAP account (RFC 3501), read and never changed: folders are opened with EXAMINE.

A poll that finds nothing new asks for the state of each folder, in one command where the server
can. Marks for deletion count as deletion; without CONDSTORE they are noticed with the folder's next
change.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailboxes.egress import Egress
from mailboxes.providers.base import (
    AuthExpired,
    CursorExpired,
    Fetched,
    FetchedMail,
    Listing,
    Missing,
    ProviderError,
    TryLater,
    Unreadable,
)
from mailboxes.providers.imap import fetching, listing
from mailboxes.providers.imap.answers import Status
from mailboxes.providers.imap.connection import (
    ANSWER_SECONDS,
    Account,
    Connection,
    Declined,
    Security,
)
from mailboxes.providers.imap.cursor import State, place
from mailboxes.providers.imap.folders import Folder, readable

logger = logging.getLogger(__name__)

MOST_FOLDERS = 5000
_FOLDERS_BETWEEN_SIGNS_OF_LIFE = 100
_FOLDER_CLOSED = "The mail server would not open the folder of this message."


class ImapMail:
    """All folders of one account but junk, trash and drafts."""

    def __init__(
        self,
        *,
        host: str,
        username: str,
        password: str,
        egress: Egress,
        security: Security = "tls",
        port: int | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`port` is the usual one unless it is named. Raises SetupWrong for what cannot be used;
        nothing is sent yet."""
        self._account = Account(host, username, password, egress, security, port, answer_seconds)
        self._connection: Connection | None = None
        self._folders: dict[str, Folder] = {}
        self._void_cursor = ""

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        try:
            state = State.read(cursor)
        except CursorExpired:
            self._void_cursor = cursor
            raise
        connection = self._connected()
        statuses = self._look_around(connection)
        if self._void_cursor:
            yield from self._start_over(connection, statuses)
            return
        problems: list[Declined] = []
        stored = cursor
        for page in self._listings(connection, statuses, state, problems):
            stored = page.cursor
            yield page
        if (text := state.text()) != stored:
            yield Listing((), text)
        self._report(problems)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._folders:
            self._look_around(self._connected())
        wanted: dict[tuple[str, int], dict[int, str]] = {}
        for provider_id in provider_ids:
            found = place(provider_id)
            if found and found.prefix in self._folders:
                wanted.setdefault((found.prefix, found.validity), {})[found.uid] = provider_id
            else:
                yield Missing(provider_id)
        for (prefix, validity), ids in wanted.items():
            yield from self._fetch_from(self._folders[prefix], validity, ids)

    def sign_in(self) -> None:
        """Nothing more; listing and fetching do it by themselves."""
        self._connected()

    def folders(self) -> tuple[tuple[str, ...], int]:
        """The folders that are read, by name, and how many messages they hold together."""
        connection = self._connected()
        statuses = self._look_around(connection)
        counts = [self._status(connection, folder, statuses) for folder in self._folders.values()]
        titles = tuple(folder.title for folder in self._folders.values())
        return titles, sum(status.messages for status in counts if status)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connected(self) -> Connection:
        if self._connection and not self._connection.can_go_on:
            self.close()
        if self._connection is None:
            self._connection = Connection(self._account)
        self._connection.begin_session()
        return self._connection

    def _look_around(self, connection: Connection) -> dict[bytes, Status]:
        """Find the folders to read. The states that came with them, by name."""
        own, others = connection.namespaces()
        entries, statuses = connection.folders()
        is_gmail = "X-GM-EXT-1" in connection.capabilities
        chosen = readable(entries, own=own, others=others, is_gmail=is_gmail)
        if not chosen:
            # An account has an inbox. Believing this would mean that all its mail is gone.
            raise TryLater("The server lists no folders. It will be tried again.")
        if len(chosen) > MOST_FOLDERS:
            raise TryLater(f"The account has more than {MOST_FOLDERS} folders.")
        self._folders = {folder.prefix: folder for folder in chosen}
        return statuses

    def _listings(
        self,
        connection: Connection,
        statuses: dict[bytes, Status],
        state: State,
        problems: list[Declined],
    ) -> Iterator[Listing]:
        for number, folder in enumerate(self._folders.values(), 1):
            try:
                status = self._status(connection, folder, statuses)
                if not _is_unchanged(folder, status, state):
                    renamed = self._former_prefix(folder, status, state)
                    yield from listing.changes(connection, folder, status, state, renamed=renamed)
            except Declined as problem:
                problems.append(problem)
            if number % _FOLDERS_BETWEEN_SIGNS_OF_LIFE == 0:
                yield Listing((), state.text())
        for prefix in [prefix for prefix in state.folders if prefix not in self._folders]:
            del state.folders[prefix]
            yield Listing((), state.text(), snapshot_of=prefix)

    def _start_over(self, connection: Connection, statuses: dict[bytes, Status]) -> Iterator[Listing]:
        """Nobody knows what is stored, so all that exists is one snapshot. Until that is stored the
        cursor stays void, and a run that dies on the way is begun again."""
        state, found = State(), []
        for folder in self._folders.values():
            status = self._status(connection, folder, statuses)
            opened = connection.examine(folder.name)
            items, known = yield from listing.everything(connection, folder, opened, cursor=self._void_cursor)
            known.seen = status.seen if status and status.validity == opened.validity else None
            state.folders[folder.prefix] = known
            found += items
        yield Listing(sorted(found, key=lambda item: -item.order), state.text(), snapshot_of="")
        self._void_cursor = ""

    def _status(self, connection: Connection, folder: Folder, statuses: dict[bytes, Status]) -> Status | None:
        return statuses.get(folder.name) or connection.status(folder.name)

    def _former_prefix(self, folder: Folder, status: Status | None, state: State) -> str:
        """Of a new folder, the one that is gone and was numbered alike: renaming keeps the numbers."""
        if folder.prefix in state.folders or not status:
            return ""
        for prefix, known in state.folders.items():
            if prefix not in self._folders and known.validity == status.validity:
                return prefix
        return ""

    def _fetch_from(self, folder: Folder, validity: int, ids: dict[int, str]) -> Iterator[Fetched]:
        connection = self._connected()
        try:
            opened = connection.examine(folder.name)
        except Declined:
            # Few servers say why. The folder may just have been removed.
            self._look_around(connection)
            is_gone = folder.prefix not in self._folders
            yield from (Missing(one) if is_gone else Unreadable(one, _FOLDER_CLOSED) for one in ids.values())
            return
        if opened.validity != validity:
            yield from map(Missing, ids.values())
            return
        yield from fetching.messages(connection, ids)

    def _report(self, problems: list[Declined]) -> None:
        """What could not be read is tried again at the next poll; the owner hears of it when it is
        all there is."""
        if problems and len(problems) == len(self._folders):
            raise problems[0]
        for problem in problems:
            logger.warning("one of several folders cannot be listed: %s", problem.code or "NO")


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a first look at an account came. `failed` is the step that did not work ("" = all
    did), `problem` why. `has_read` is False also when there is no message yet."""

    folders: tuple[str, ...] = ()
    messages: int = 0
    has_read: bool = False
    failed: str = ""
    problem: str = ""


def check(
    *,
    host: str,
    username: str,
    password: str,
    egress: Egress,
    security: Security = "tls",
    port: int | None = None,
) -> Checked:
    """Sign in, list the folders, read one message from end to end; nothing is kept."""
    names: tuple[str, ...] = ()
    messages = 0
    step = "connect"
    try:
        provider = ImapMail(
            host=host, username=username, password=password, egress=egress, security=security, port=port
        )
        try:
            provider.sign_in()
            step = "list the folders"
            names, messages = provider.folders()
            step = "read a message"
            return Checked(names, messages, has_read=_can_read(provider))
        finally:
            provider.close()
    except ProviderError as error:
        failed = "sign in" if isinstance(error, AuthExpired) else step
        return Checked(names, messages, failed=failed, problem=str(error))


def _can_read(provider: ImapMail) -> bool:
    first = next((item for page in provider.list_changes("") for item in page.items), None)
    for item in provider.fetch([first.provider_id] if first else []):
        if isinstance(item, Unreadable):
            raise ProviderError(item.reason)
        return isinstance(item, FetchedMail)
    return False


def _is_unchanged(folder: Folder, status: Status | None, state: State) -> bool:
    known = state.folders.get(folder.prefix)
    if not known or not status or not status.seen:
        return False
    return known.seen == status.seen and known.validity == status.validity
