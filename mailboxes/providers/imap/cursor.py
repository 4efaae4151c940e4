"""Provider ids and the cursor of an IMAP account (pure).

An id is folder/UIDVALIDITY/block/UID, where a block is a thousand UIDs. The cursor says of each
block how many messages it held and the sum of their UIDs, so that what has gone can be told block
by block, without naming every message of a large folder.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mailboxes.providers.base import CursorExpired
from mailboxes.providers.imap.answers import Seen

BLOCK = 1000
_ID = re.compile(r"([0-9a-f]{20}/)([0-9]{1,20})/[0-9]{1,10}/([0-9]{1,10})")

Print = tuple[int, int]
EMPTY: Print = (0, 0)


@dataclass(frozen=True, slots=True)
class Place:
    prefix: str
    validity: int
    uid: int


@dataclass(slots=True)
class Known:
    """What is stored of a folder. `seen` is None until all of it has been listed."""

    validity: int
    seen: Seen | None = None
    blocks: dict[int, Print] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """The cursor, read: what is known of each folder, by prefix."""

    folders: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> "State":
        """Raises CursorExpired."""
        if not cursor:
            return cls()
        try:
            return cls({prefix: _known(*values) for prefix, values in json.loads(cursor).items()})
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise CursorExpired("The position in the folders cannot be read.") from error

    def text(self) -> str:
        folders = {prefix: _values(known) for prefix, known in self.folders.items()}
        return json.dumps(folders, separators=(",", ":"))


def block_prefix(prefix: str, validity: int, block: int) -> str:
    return f"{prefix}{validity}/{block}/"


def provider_id(prefix: str, validity: int, uid: int) -> str:
    return block_prefix(prefix, validity, uid // BLOCK) + str(uid)


def place(provider_id: str) -> Place | None:
    """None for what is no id of ours."""
    found = _ID.fullmatch(provider_id)
    return Place(found[1], int(found[2]), int(found[3])) if found else None


def in_blocks(uids: Iterable[int]) -> dict[int, list[int]]:
    blocks: dict[int, list[int]] = {}
    for uid in uids:
        blocks.setdefault(uid // BLOCK, []).append(uid)
    return blocks


def print_of(uids: Sequence[int]) -> Print:
    return len(uids), sum(uids)


def _known(validity: object, seen: Sequence[int] | None, blocks: dict[str, Sequence[int]]) -> Known:
    prints = {int(block): (int(count), int(total)) for block, (count, total) in blocks.items()}
    return Known(int(str(validity)), Seen(*map(int, seen)) if seen else None, prints)


def _values(known: Known) -> tuple:
    seen = known.seen and (known.seen.next_uid, known.seen.messages, known.seen.modseq)
    return known.validity, seen, known.blocks
