"""Synchronisation: what has changed since a state, in pages, with the next state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.fakes.ews_fields import Look, shown
from tests.fakes.ews_soap import Element, child, local, m, message, t, text_of
from tests.fakes.ews_store import Folder, Item, Store, change_key, folder_values
from tests.fakes.faults import Request, page_of

Seen = Mapping[str, tuple[int, int]]
NONE = (0, 0)


@dataclass(frozen=True)
class Change:
    """`kind` is the element's name; `now` is what the client then has seen, nothing when it is gone."""

    kind: str
    id: str
    now: tuple[int, int]
    was: tuple[int, int] = NONE


def sync_items(operation: Element, request: Request, box: Store, folder: Folder, look: Look) -> Element:
    state = text_of(operation, "SyncState")
    seen = box.recall(state, f"items {folder.id}") if state else {}
    if state and box.stalled:
        box.stalled -= 1
        return _told(operation, state, more=True, changes=[])
    ignore = child(operation, "Ignore")
    ignored = set() if ignore is None else {str(one.get("Id")) for one in ignore}
    due = _due(folder, seen, ignored)
    changes, taken, more = page_of(request, due, int(text_of(operation, "MaxChangesReturned")))
    now = _after(seen, [*taken, *(one for one in _due(folder, seen, set()) if one.id in ignored)])
    again = bool(state) and now == seen and not more
    next_state = state if again else box.remember(f"items {folder.id}", now)
    elements = [_item_change(box, folder.items.get(one.id), one, look) for one in changes]
    return _told(operation, next_state, more=more, changes=elements)


def sync_folders(operation: Element, request: Request, box: Store, top: Folder, look: Look) -> Element:
    state = text_of(operation, "SyncState")
    seen = box.recall(state, f"folders {top.id}") if state else {}
    below = {one.id: one for one in box.below(top.id)}
    versions = {id: (one.version, 0) for id, one in below.items()}
    changes, taken, more = page_of(request, _differences(versions, seen), 10_000)
    next_state = box.remember(f"folders {top.id}", _after(seen, taken))
    elements = [_folder_change(box, below.get(one.id), one, look) for one in changes]
    return _told(operation, next_state, more=more, changes=elements)


def _due(folder: Folder, seen: Seen, ignored: set[str]) -> list[Change]:
    """New items come first, and of those the newest."""
    newest = sorted(folder.items.values(), key=lambda one: one.version, reverse=True)
    versions = {one.id: (one.version, one.read_version) for one in newest}
    return [one for one in _differences(versions, seen) if one.id not in ignored]


def _differences(versions: Seen, seen: Seen) -> list[Change]:
    created = [Change("Create", id, now) for id, now in versions.items() if id not in seen]
    both = [(id, now, seen[id]) for id, now in versions.items() if id in seen]
    updated = [Change("Update", id, now, was) for id, now, was in both if now[0] != was[0]]
    read = [
        Change("ReadFlagChange", id, now, was)
        for id, now, was in both
        if now[0] == was[0] and now[1] != was[1]
    ]
    deleted = [Change("Delete", id, NONE, was) for id, was in seen.items() if id not in versions]
    return created + updated + read + deleted


def _after(seen: Seen, taken: Sequence[Change]) -> dict[str, tuple[int, int]]:
    now = dict(seen)
    for one in taken:
        if one.kind == "Delete":
            now.pop(one.id, None)
        else:
            now[one.id] = one.now
    return now


def _item_change(box: Store, item: Item | None, change: Change, look: Look) -> Element:
    if item is None or change.kind == "Delete":
        return t("Delete", t("ItemId", Id=change.id, ChangeKey=change_key(change.was[0])))
    if change.kind == "ReadFlagChange":
        identity = t("ItemId", Id=item.id, ChangeKey=change_key(item.version))
        return t("ReadFlagChange", identity, t("IsRead", "true" if item.is_read else "false"))
    return t(change.kind, shown(item.element, item.values(box, look), look))


def _folder_change(box: Store, folder: Folder | None, change: Change, look: Look) -> Element:
    if folder is None:
        return t("Delete", t("FolderId", Id=change.id, ChangeKey=change_key(change.was[0])))
    return t(change.kind, shown(folder.element, folder_values(box, folder), look))


def _told(operation: Element, state: str, *, more: bool, changes: list[Element]) -> Element:
    kind = "Item" if local(operation) == "SyncFolderItems" else "Folder"
    last = m(f"IncludesLast{kind}InRange", "false" if more else "true")
    return message(local(operation), m("SyncState", state), last, m("Changes", *changes))
