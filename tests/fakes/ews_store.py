"""Mailboxes at Exchange: folders, items, ids that change, and what has been synchronised."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.ews_fields import Look
from tests.fakes.ews_soap import Element, Refusal, t
from tests.fakes.faults import Clock

# Distinguished folders with their names, here and in German, and their class.
FOLDERS = {
    "root": ("", "", ""),
    "msgfolderroot": ("Top of Information Store", "Oberste Ebene des Informationsspeichers", "IPF.Note"),
    "inbox": ("Inbox", "Posteingang", "IPF.Note"),
    "sentitems": ("Sent Items", "Gesendete Elemente", "IPF.Note"),
    "deleteditems": ("Deleted Items", "Gelöschte Elemente", "IPF.Note"),
    "drafts": ("Drafts", "Entwürfe", "IPF.Note"),
    "outbox": ("Outbox", "Postausgang", "IPF.Note"),
    "junkemail": ("Junk Email", "Junk-E-Mail", "IPF.Note"),
    "calendar": ("Calendar", "Kalender", "IPF.Appointment"),
    "contacts": ("Contacts", "Kontakte", "IPF.Contact"),
    "tasks": ("Tasks", "Aufgaben", "IPF.Task"),
}
ELEMENTS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}


class Ids:
    """Ids of everything in the organisation. They stay known when what they named is gone.

    Each second one differs from the one before in nothing but capitals.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def issue(self, owner: str) -> str:
        number = len(self._owners)
        digest = hashlib.sha512(f"{number // 2}".encode()).digest()
        tail = base64.b64encode((digest * 2)[:111]).decode()
        issued = f"AAMk{tail.swapcase() if number % 2 else tail}"
        self._owners[issued] = owner
        return issued

    def owner(self, id: str) -> str:
        if id not in self._owners:
            raise Refusal("ErrorInvalidIdMalformed")
        return self._owners[id]


@dataclass(kw_only=True)
class Item:
    """What a folder holds. `version` moves with its content, `read_version` with its being read."""

    id: str
    folder: str
    version: int
    created: datetime
    modified: datetime
    read_version: int = 0

    @property
    def element(self) -> str:
        raise NotImplementedError

    @property
    def is_read(self) -> bool:
        return True

    def values(self, owner: "Store", look: Look) -> dict[str, Any]:
        raise NotImplementedError


@dataclass
class Folder:
    id: str
    parent: str
    name: str
    folder_class: str
    distinguished: str = ""
    version: int = 1
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def element(self) -> str:
        return ELEMENTS.get(self.folder_class, "Folder")


@dataclass(frozen=True)
class State:
    """What a client has been told: versions by id."""

    epoch: int
    of: str
    seen: Mapping[str, tuple[int, int]]


@dataclass
class Store:
    """One user's folders. `zone` is where floating times are; `refuses` is the code of an error that meets
    everybody who comes, as while the mailbox is being moved."""

    email: str
    name: str
    addresses: frozenset[str]
    ids: Ids
    clock: Clock
    departed: set[str]
    german: bool = False
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Europe/Berlin"))
    folders: dict[str, Folder] = field(default_factory=dict)
    occurrences: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    version: int = 1
    stalled: int = 0
    refuses: str = ""
    _states: dict[str, State] = field(default_factory=dict)
    _epoch: int = 0

    def __post_init__(self) -> None:
        for distinguished, (english, german, folder_class) in FOLDERS.items():
            above = {"root": "", "msgfolderroot": "root"}.get(distinguished, "msgfolderroot")
            made = self._new_folder(german if self.german else english, self.id_of(above), folder_class)
            made.distinguished = distinguished

    # Folders.

    def id_of(self, name: str) -> str:
        """A folder by its id, its distinguished name, or the name a test gave it."""
        named = (one.id for one in self.folders.values() if name in {one.id, one.distinguished, one.name})
        return next(named, "") if name else ""

    def folder(self, name: str) -> Folder:
        found = self.folders.get(self.id_of(name))
        if found is None:
            raise Refusal("ErrorFolderNotFound")
        return found

    def add_folder(self, name: str, *, under: str = "msgfolderroot", folder_class: str = "IPF.Note") -> str:
        return self._new_folder(name, self.folder(under).id, folder_class).id

    def rename_folder(self, folder: str, name: str) -> None:
        renamed = self.folder(folder)
        renamed.name, renamed.version = name, self.next_version()

    def delete_folder(self, folder: str) -> None:
        """With all below it."""
        for one in [self.folder(folder), *self.below(self.folder(folder).id)]:
            del self.folders[one.id]

    def below(self, folder: str) -> Iterator[Folder]:
        """Parents before their children."""
        for one in [one for one in self.folders.values() if one.parent == folder]:
            yield one
            yield from self.below(one.id)

    # Items.

    def item(self, id: str) -> Item:
        found = (one.items[id] for one in self.folders.values() if id in one.items)
        item = next(found, None)
        if item is None:
            raise Refusal("ErrorItemNotFound")
        return item

    def store(self, item: Item) -> str:
        self.folders[item.folder].items[item.id] = item
        return item.id

    def move(self, item: str, folder: str) -> str:
        """Its new id: the old one is gone for good."""
        moved = self.item(item)
        del self.folders[moved.folder].items[item]
        moved.id, moved.folder, moved.version = self.new_id(), self.folder(folder).id, self.next_version()
        return self.store(moved)

    def trash(self, item: str) -> str:
        return self.move(item, "deleteditems")

    def delete(self, item: str) -> None:
        """For good."""
        del self.folders[self.item(item).folder].items[item]

    def touch(self, item: str) -> None:
        """Changed in some way that matters to nobody but synchronisation."""
        touched = self.item(item)
        touched.version, touched.modified = self.next_version(), self.clock.now()

    def new_id(self) -> str:
        return self.ids.issue(self.email)

    def next_version(self) -> int:
        self.version += 1
        return self.version

    # What has been told to whom.

    def remember(self, of: str, seen: Mapping[str, tuple[int, int]]) -> str:
        """A state: opaque, long, and another one each time."""
        noise = hashlib.sha512(f"{self.email} {len(self._states)}".encode()).digest()
        state = base64.b64encode(b"\x1f\x8b\x08\x00" + noise * 12).decode()
        self._states[state] = State(self._epoch, of, seen)
        return state

    def recall(self, state: str, of: str) -> dict[str, tuple[int, int]]:
        found = self._states.get(state)
        if found is None or found.of != of or found.epoch != self._epoch:
            raise Refusal("ErrorInvalidSyncStateData")
        return dict(found.seen)

    def forget_state(self) -> None:
        """States from before now are of no use any more."""
        self._epoch += 1

    def stall(self, times: int = 1) -> None:
        """That many item synchronisations get their own state back, nothing else, and no end."""
        self.stalled = times

    # How people are shown.

    def person(self, element: str, name: str, email: str, *, only_name: bool = False) -> Element:
        mailbox = t("Mailbox", t("Name", name or email), *([] if only_name else self._reached(email)))
        return t(element, mailbox)

    def mailbox_of(self, name: str, email: str) -> Element:
        return t("Mailbox", t("Name", name or email), *self._reached(email))

    def _reached(self, email: str) -> list[Element]:
        """Who has left the organisation is known only by the directory's old name for him."""
        if email not in self.departed:
            return [t("EmailAddress", email), t("RoutingType", "SMTP"), t("MailboxType", "Mailbox")]
        old = f"/O=CORP/OU=EXCHANGE ADMINISTRATIVE GROUP/CN=RECIPIENTS/CN={email.partition('@')[0].upper()}"
        return [t("EmailAddress", old), t("RoutingType", "EX"), t("MailboxType", "OneOff")]

    def _new_folder(self, name: str, parent: str, folder_class: str) -> Folder:
        made = Folder(self.new_id(), parent, name, folder_class, version=self.next_version())
        self.folders[made.id] = made
        return made


def change_key(version: int) -> str:
    return base64.b64encode(f"CQAAABYAAAC{version:09d}Lx7Qb".encode()).decode()


def id_element(name: str, id: str, version: int) -> Element:
    return t(name, Id=id, ChangeKey=change_key(version))


def folder_values(owner: Store, folder: Folder) -> dict[str, Any]:
    parent = owner.folders.get(folder.parent)
    unread = sum(not one.is_read for one in folder.items.values())
    return {
        "folder:FolderId": id_element("FolderId", folder.id, folder.version),
        "folder:ParentFolderId": id_element("ParentFolderId", parent.id, parent.version) if parent else None,
        "folder:FolderClass": folder.folder_class or None,
        "folder:DisplayName": folder.name,
        "folder:TotalCount": len(folder.items),
        "folder:ChildFolderCount": sum(one.parent == folder.id for one in owner.folders.values()),
        "folder:EffectiveRights": _rights(),
        "folder:DistinguishedFolderId": folder.distinguished or None,
        "folder:UnreadCount": unread if folder.element == "Folder" else None,
    }


def _rights() -> Element:
    names = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read")
    return t("EffectiveRights", *(t(name, "true") for name in names))
