"""What has changed in one IMAP folder since it was last listed, newest first, a block at a time."""

from collections.abc import Generator, Iterator, Sequence

from mailboxes.providers.base import ListedItem, Listing
from mailboxes.providers.imap.answers import Status
from mailboxes.providers.imap.connection import Connection, Opened
from mailboxes.providers.imap.cursor import (
    EMPTY,
    Known,
    State,
    block_prefix,
    in_blocks,
    print_of,
    provider_id,
)
from mailboxes.providers.imap.folders import Folder
from mailboxes.providers.rawmail import epoch

# A command line of so many numbers stays under the 8,000 characters that every server takes.
_NUMBERS = 500


def changes(
    connection: Connection, folder: Folder, status: Status | None, state: State, *, renamed: str = ""
) -> Iterator[Listing]:
    """Pages that bring `state` up to date. `renamed` is the prefix under which the folder seems to
    have been known before."""
    opened = connection.examine(folder.name)
    known = state.folders.get(folder.prefix)
    if known and known.validity != opened.validity:
        renamed = folder.prefix
    if renamed:
        known = yield from _replaced(connection, folder, opened, state, old_prefix=renamed)
    else:
        known = known or state.folders.setdefault(folder.prefix, Known(opened.validity))
        yield from _changed(connection, folder, opened, status, state, known)
    known.seen = status.seen if status and status.validity == opened.validity else None


def everything(
    connection: Connection, folder: Folder, opened: Opened, *, cursor: str
) -> Generator[Listing, None, tuple[list[ListedItem], Known]]:
    """All of a folder at once. On the way, listings of nothing: the engine takes them for a sign of
    life."""
    found, known = [], Known(opened.validity)
    for block, uids in _wanted(connection, folder, opened):
        found += _items(connection, folder, opened, uids, dated=uids)
        known.blocks[block] = print_of(uids)
        yield Listing((), cursor)
    return found, known


def _replaced(
    connection: Connection, folder: Folder, opened: Opened, state: State, *, old_prefix: str
) -> Generator[Listing, None, Known]:
    """The folder has been numbered anew, or renamed. New ids and the end of the old ones are one
    listing, so that a message is not lost before it is found again."""
    found, known = yield from everything(connection, folder, opened, cursor=state.text())
    state.folders.pop(old_prefix)
    state.folders[folder.prefix] = known
    yield Listing(found, state.text(), snapshot_of=old_prefix)
    return known


def _changed(
    connection: Connection,
    folder: Folder,
    opened: Opened,
    status: Status | None,
    state: State,
    known: Known,
) -> Iterator[Listing]:
    added = _only_added(connection, folder, status, known)
    if added is not None:
        for block, uids in _newest_first(added):
            count, total = known.blocks.get(block, EMPTY)
            known.blocks[block] = count + len(uids), total + sum(uids)
            yield Listing(_items(connection, folder, opened, uids, dated=uids), state.text())
        return
    present = dict(_wanted(connection, folder, opened))
    for block in sorted(present.keys() | known.blocks.keys(), reverse=True):
        uids = present.get(block, [])
        before = known.blocks.get(block, EMPTY)
        if print_of(uids) == before:
            continue
        items = _items(connection, folder, opened, uids, dated=_unknown(uids, known, before[0]))
        known.blocks[block] = print_of(uids)
        if not uids:
            del known.blocks[block]
        yield Listing(items, state.text(), snapshot_of=block_prefix(folder.prefix, opened.validity, block))


def _only_added(
    connection: Connection, folder: Folder, status: Status | None, known: Known
) -> list[int] | None:
    """What has come since, where the numbers say that nothing has gone; None where they do not, or
    where the server counts changes, and with them the marks for deletion that we would miss here."""
    before, now = known.seen, status and status.seen
    if not before or not now or before.modseq or now.modseq or before.next_uid >= now.next_uid:
        return None
    # “9:*” names the last message even when that is number 8.
    above = f"UID {before.next_uid}:*"
    added = [uid for uid in connection.search(above) if uid >= before.next_uid]
    if before.messages + len(added) != now.messages:
        return None
    return [uid for uid in connection.search(f"{folder.wanted} {above}") if uid >= before.next_uid]


def _wanted(connection: Connection, folder: Folder, opened: Opened) -> Iterator[tuple[int, list[int]]]:
    return _newest_first(connection.search(folder.wanted) if opened.messages else [])


def _newest_first(uids: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    return reversed(in_blocks(uids).items())


def _unknown(uids: Sequence[int], known: Known, count: int) -> Sequence[int]:
    """Those of a block that may never have been listed. The others need no date: they are only
    named because a snapshot is everything there is."""
    first = known.seen.next_uid if known.seen else 0
    new = [uid for uid in uids if uid >= first]
    return new if len(uids) - len(new) <= count else uids


def _items(
    connection: Connection, folder: Folder, opened: Opened, uids: Sequence[int], *, dated: Sequence[int]
) -> list[ListedItem]:
    dates = _dates(connection, dated)
    items = [ListedItem(provider_id(folder.prefix, opened.validity, uid), dates.get(uid, 0)) for uid in uids]
    return sorted(items, key=lambda item: -item.order)


def _dates(connection: Connection, uids: Sequence[int]) -> dict[int, int]:
    dates = {}
    for start in range(0, len(uids), _NUMBERS):
        found, _ = connection.fetch(uids[start : start + _NUMBERS], "(UID INTERNALDATE)")
        for uid, values in found.items():
            dates[uid] = date_of(values.get(b"INTERNALDATE"))
    return dates


def date_of(value: object) -> int:
    """INTERNALDATE in epoch seconds, 0 when it is not one."""
    return epoch(value.decode("ascii", "replace")) if isinstance(value, bytes) else 0
