"""One user's mail at Microsoft: folders, messages, and when each was changed, moved or deleted."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import Message

from tests.fakes.faults import Clock
from tests.fakes.graph_delta import Source

# Well-known names, what people see, and whether they do.
WELL_KNOWN = {
    "archive": ("Archive", False),
    "clutter": ("Clutter", True),
    "conversationhistory": ("Conversation History", False),
    "deleteditems": ("Deleted Items", False),
    "drafts": ("Drafts", False),
    "inbox": ("Inbox", False),
    "junkemail": ("Junk Email", False),
    "outbox": ("Outbox", False),
    "sentitems": ("Sent Items", False),
}
ROOT = "msgfolderroot"


def named(kind: str, owner: str, number: int) -> str:
    """An id as Outlook's look. Two and two differ in nothing but the case of a letter."""
    digest = hashlib.sha256(f"{kind}:{owner}".encode()).hexdigest()[:12]
    return f"{kind}{digest}-_{number // 2:06d}{'qQ'[number % 2]}AAA="


@dataclass
class Folder(Source):
    """`gone` are messages that are no longer here: their two ids, why, and since which version."""

    id: str = ""
    name: str = ""
    parent: str = ""
    hidden: bool = False
    created: int = 1
    changed_at: int = 1
    gone: dict[str, tuple[str, str, int]] = field(default_factory=dict)


@dataclass
class StoredMail:
    """`id` is another one after each move, `lasting` never. `arrived` and `version` are the folder's."""

    id: str
    lasting: str
    raw: bytes
    folder: str
    received: datetime
    thread: str
    is_draft: bool
    is_read: bool
    # What was never transported has no internet headers.
    transported: bool
    modified: datetime
    arrived: int = 0
    version: int = 0


@dataclass
class Mailbox:
    """One user's mail. Its own version and epoch are those of the list of folders."""

    email: str
    clock: Clock
    mails: dict[str, StoredMail] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    well_known: dict[str, str] = field(default_factory=dict)
    hierarchy: Source = field(default_factory=Source)
    removed_folders: dict[str, int] = field(default_factory=dict)
    _issued: Counter[str] = field(default_factory=Counter)
    _threads: dict[str, str] = field(default_factory=dict)
    _lasting: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = Folder(id=self._new("AQMkADIw"), name="Top of Information Store")
        self.folders[root.id], self.well_known[ROOT] = root, root.id
        for known, (name, hidden) in WELL_KNOWN.items():
            self.well_known[known] = self.add_folder(name, hidden=hidden)

    # What happens in it.

    def deliver(
        self,
        raw: bytes,
        folder: str = "inbox",
        *,
        is_draft: bool = False,
        is_read: bool = False,
        at: datetime | None = None,
    ) -> str:
        """The new message's lasting id: what its immutable id is."""
        where = self.folder(folder)
        lasting, now = self._new("AAkALgAA"), self.clock.now()
        sent = where.id in {self.well_known["sentitems"], self.well_known["drafts"]}
        mail = StoredMail(
            self._new("AAMkAGI2"),
            lasting,
            raw,
            where.id,
            at or now,
            self._thread(head_of(raw)) or lasting,
            is_draft or where.id == self.well_known["drafts"],
            is_read or sent,
            not sent and not is_draft,
            now,
        )
        mail.arrived = mail.version = where.changed()
        self._threads.setdefault(str(head_of(raw)["Message-ID"]).strip(), mail.thread)
        self.mails[lasting], self._lasting[mail.id] = mail, lasting
        return lasting

    def move(self, message: str, folder: str) -> str:
        """Its new id; the lasting one stays. Moved within the mailbox, it can be brought back."""
        mail = self.mails[message]
        self._leave(mail, "changed")
        where = self.folder(folder)
        mail.id, mail.folder, mail.modified = self._new("AAMkAGI2"), where.id, self.clock.now()
        mail.arrived = mail.version = where.changed()
        self._lasting[mail.id] = message
        return mail.id

    def delete(self, message: str) -> None:
        """For good."""
        self._leave(self.mails.pop(message), "deleted")

    def change(self, message: str, *, raw: bytes = b"", is_read: bool | None = None) -> None:
        mail = self.mails[message]
        mail.raw, mail.modified = raw or mail.raw, self.clock.now()
        mail.is_read = mail.is_read if is_read is None else is_read
        mail.version = self.folders[mail.folder].changed()

    def replay(self, message: str) -> None:
        """The next round tells of it although nothing has changed."""
        mail = self.mails[message]
        mail.version = self.folders[mail.folder].changed()

    def add_folder(self, name: str, *, parent: str = "", hidden: bool = False) -> str:
        """The new folder's id; without a parent, directly under the root."""
        folder = Folder(id=self._new("AQMkADIw"), name=name, hidden=hidden)
        folder.parent = self.folder(parent or ROOT).id
        folder.created = folder.changed_at = self.hierarchy.changed()
        self.folders[folder.id] = folder
        return folder.id

    def rename_folder(self, folder: str, name: str) -> None:
        found = self.folder(folder)
        found.name, found.changed_at = name, self.hierarchy.changed()

    def move_folder(self, folder: str, parent: str) -> None:
        found = self.folder(folder)
        found.parent, found.changed_at = self.folder(parent).id, self.hierarchy.changed()

    def delete_folder(self, folder: str) -> None:
        """For good, with all that is in it."""
        found = self.folder(folder)
        if found.id in self.well_known.values():
            raise ValueError(f"{found.name} stays where it is")
        for child in list(self.children(found.id)):
            self.delete_folder(child.id)
        for mail in list(self.within(found.id)):
            self.delete(mail.lasting)
        del self.folders[found.id]
        self.removed_folders[found.id] = self.hierarchy.changed()

    def forget_state(self, folder: str = "", *, status: int = 410, code: str = "SyncStateNotFound") -> None:
        """Links of before are lost: a folder's, or all of them. Without 410 there is no Location."""
        for source in [self.folder(folder)] if folder else [*self.folders.values(), self.hierarchy]:
            source.forget(status=status, code=code)

    # What is in it.

    def folder(self, name: str) -> Folder:
        """By id, well-known name in any case, or the name that people see."""
        if name in self.folders:
            return self.folders[name]
        if name.lower() in self.well_known:
            return self.folders[self.well_known[name.lower()]]
        return next(one for one in self.folders.values() if one.name == name)

    def by_id(self, name: str, *, immutable: bool) -> StoredMail | None:
        """Immutable ids are understood where they are asked for."""
        if immutable and name in self.mails:
            return self.mails[name]
        mail = self.mails.get(self._lasting.get(name, ""))
        return mail if mail and mail.id == name else None

    def within(self, folder: str) -> Iterator[StoredMail]:
        return (mail for mail in self.mails.values() if mail.folder == folder)

    def children(self, folder: str) -> Iterator[Folder]:
        return (one for one in self.folders.values() if one.parent == folder)

    def _leave(self, mail: StoredMail, reason: str) -> None:
        folder = self.folders[mail.folder]
        folder.gone[mail.id] = (mail.lasting, reason, folder.changed())

    def _new(self, kind: str) -> str:
        self._issued[kind] += 1
        return named(kind, self.email, self._issued[kind])

    def _thread(self, head: Message) -> str:
        answered = re.findall(r"<[^>]+>", f"{head['In-Reply-To']} {head['References']}")
        return next((self._threads[one] for one in answered if one in self._threads), "")


def head_of(raw: bytes) -> Message:
    return message_from_bytes(re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0] + b"\n\n")
