"""Mail of a mailbox on a company's own Exchange server, through Exchange Web Services.

All folders but those for junk, deleted, unsent and no mail at all. An item gets another id when it
moves, so moving is a removal here and an addition there, which the engine puts together.
"""

from collections.abc import Collection, Iterator, Sequence

from mailboxes.egress import Egress
from mailboxes.providers.base import Fetched, ListedItem, Listing, Missing
from mailboxes.providers.exchange import fetching
from mailboxes.providers.exchange.asking import Change
from mailboxes.providers.exchange.folders import INBOX, LEFT_OUT_OF_MAIL, Folder, mail_folders
from mailboxes.providers.exchange.ids import is_shortened, own_ids, provider_id
from mailboxes.providers.exchange.listing import Lister, order_of
from mailboxes.providers.exchange.protocol import AuthKind, Login
from mailboxes.providers.exchange.session import Session

# What lies in folders of mail and is none: notes of instant messages, text messages, feeds, posts.
_KINDS = ("ipm.note", "ipm.schedule.meeting", "report.", "ipm.outlook.recall", "ipm.recall")
_NO_MAIL = ("ipm.note.microsoft.conversation", "ipm.note.mobile", "ipm.note.rules")
# Sizes that a listing has told are kept for the fetch that follows, up to this many.
_MOST_KEPT = 100_000


class ExchangeMail:
    """`left_out` are ids of folders; with them goes what lies in them."""

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
        self._sizes: dict[str, int] = {}
        self._long: dict[str, str] = {}

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        state = self._lister.read(cursor)
        yield from self._lister.list_changes(state, self._look_around())

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._folders:
            self._look_around()
        ids = own_ids(self.session, self._folders, provider_ids, self._long)
        yield from (Missing(one) for one in provider_ids if one not in ids)
        yield from fetching.messages(self.session, ids, self._sizes)

    def folders(self) -> list[Folder]:
        """Those that are read, for the owner to choose from."""
        return self._look_around()

    def close(self) -> None:
        self.session.close()

    def _look_around(self) -> list[Folder]:
        found = self.session.folders()
        known = self.session.known_folders((INBOX, *LEFT_OUT_OF_MAIL))
        chosen = mail_folders(found, known, self._left_out)
        self._folders = {folder.prefix: folder for folder in chosen}
        return chosen

    def _listed(self, folder: Folder, change: Change) -> ListedItem | None:
        """Drafts may lie anywhere, until they are sent."""
        kind = change.kind.lower()
        if change.is_draft or not kind.startswith(_KINDS) or kind.startswith(_NO_MAIL):
            return None
        id = provider_id(folder, change.id)
        if len(self._sizes) < _MOST_KEPT:
            self._sizes[id] = change.size
        if is_shortened(id):
            self._long[id] = change.id
        return ListedItem(id, order_of(change.received))
