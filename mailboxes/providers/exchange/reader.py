"""Reads what lies in some of a mailbox's folders, whatever kind of item that is."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence

from mailboxes.egress import Egress
from mailboxes.providers.base import Fetched, ListedItem, Listing, Missing
from mailboxes.providers.exchange.asking import Change
from mailboxes.providers.exchange.folders import Folder
from mailboxes.providers.exchange.ids import is_shortened, own_ids, provider_id
from mailboxes.providers.exchange.listing import Lister
from mailboxes.providers.exchange.protocol import AuthKind, Login
from mailboxes.providers.exchange.session import Session


class FolderReader(ABC):
    """`left_out` are ids of folders that the owner does not want read."""

    def __init__(
        self,
        *,
        address: str,
        username: str,
        password: str,
        egress: Egress,
        endpoint: str = "",
        auth: AuthKind = "basic",
        impersonate: bool = False,
        left_out: Collection[str] = (),
    ) -> None:
        """Without an `endpoint` the server is found by the address. `address` is the mailbox's
        primary one. Raises SetupWrong for what cannot be used; nothing is sent yet."""
        self.session = Session(Login(endpoint, address, username, password, auth, impersonate, egress))
        self._left_out = frozenset(left_out)
        self._lister = Lister(self.session, self._listed)
        self._folders: dict[str, Folder] = {}
        self._long: dict[str, str] = {}

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        state = self._lister.read(cursor)
        yield from self._lister.list_changes(state, self.folders())

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._folders:
            self.folders()
        ids = own_ids(self.session, self._folders, provider_ids, self._long)
        yield from (Missing(one) for one in provider_ids if one not in ids)
        yield from self._read(ids)

    def folders(self) -> list[Folder]:
        """Those that are read, for the owner to choose from."""
        chosen = self._chosen()
        self._folders = {folder.prefix: folder for folder in chosen}
        return chosen

    def close(self) -> None:
        self.session.close()

    def _id(self, folder: Folder, change: Change) -> str:
        """Ours, by which an item that is listed can be fetched."""
        id = provider_id(folder, change.id)
        if is_shortened(id):
            self._long[id] = change.id
        return id

    @abstractmethod
    def _chosen(self) -> list[Folder]: ...

    @abstractmethod
    def _listed(self, folder: Folder, change: Change) -> ListedItem | None:
        """None for what is not read."""

    @abstractmethod
    def _read(self, ids: Mapping[str, str]) -> Iterator[Fetched]:
        """`ids` are the server's by ours."""
