"""Mail of a mailbox on a company's own Exchange server, through Exchange Web Services.

All folders but those for junk, deleted, unsent and no mail at all. An item gets another id when it
moves, so moving is a removal here and an addition there, which the engine puts together.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mailboxes.providers.base import Fetched, ListedItem
from mailboxes.providers.exchange import fetching
from mailboxes.providers.exchange.asking import Change
from mailboxes.providers.exchange.folders import INBOX, LEFT_OUT_OF_MAIL, Folder, mail_folders
from mailboxes.providers.exchange.listing import order_of
from mailboxes.providers.exchange.reader import FolderReader

# What lies in folders of mail and is none: notes of instant messages, text messages, feeds, posts.
_KINDS = ("ipm.note", "ipm.schedule.meeting", "report.", "ipm.outlook.recall", "ipm.recall")
_NO_MAIL = ("ipm.note.microsoft.conversation", "ipm.note.mobile", "ipm.note.rules")
# Sizes that a listing has told are kept for the fetch that follows, up to this many.
_MOST_KEPT = 100_000


class ExchangeMail(FolderReader):
    """What lies in a folder that is left out is left out with it."""

    def __init__(self, **account: Any) -> None:
        super().__init__(**account)
        self._sizes: dict[str, int] = {}

    def _chosen(self) -> list[Folder]:
        found = self.session.folders()
        return mail_folders(found, self.session.known_folders((INBOX, *LEFT_OUT_OF_MAIL)), self._left_out)

    def _listed(self, folder: Folder, change: Change) -> ListedItem | None:
        """Drafts may lie anywhere, until they are sent."""
        kind = change.kind.lower()
        if change.is_draft or not kind.startswith(_KINDS) or kind.startswith(_NO_MAIL):
            return None
        id = self._id(folder, change)
        if len(self._sizes) < _MOST_KEPT:
            self._sizes[id] = change.size
        return ListedItem(id, order_of(change.received))

    def _read(self, ids: Mapping[str, str]) -> Iterator[Fetched]:
        return fetching.messages(self.session, ids, self._sizes)
