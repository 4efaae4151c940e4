"""What an IMAP server's answers say (pure). They come as imaplib keeps them: lines, and for each
literal a pair of the line that announced it and its bytes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_response

from mailboxes.providers.base import TryLater

# A folder of a million messages is decades of mail.
MOST_MESSAGES = 1_000_000
_LARGEST_UID = 2**32 - 1
_CODE = re.compile(r"\s*\[([A-Z0-9-]+)")
_ALL = re.compile(rb"\bALL ([0-9:,]+)")
# Everything that imaplib and IMAPClient's reader have been seen to raise for garbage.
GARBLED = (ProtocolError, ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError)

Part = bytes | tuple[bytes, bytes]
Values = dict[bytes, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A folder's state in three numbers. When they are the same again, nothing has happened.
    `modseq` is 0 where the server does not count changes."""

    next_uid: int
    messages: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Status:
    """`seen` is None when the server left something out, 0 stands for a missing `validity`."""

    validity: int
    messages: int
    seen: Seen | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of LIST, with the name as the server spells it."""

    name: bytes
    delimiter: bytes
    flags: frozenset[str]


def code(text: bytes) -> str:
    """The reason in brackets with which a refusal begins, "" when there is none."""
    found = _CODE.match(text[:200].decode("ascii", "replace").upper())
    return found[1] if found else ""


def entries(parts: Sequence[Part]) -> list[Entry]:
    """Lines that cannot be read are left out."""
    found = {}
    for values in _readable(parts):
        if len(values) >= 3 and isinstance(values[0], tuple):
            flags = frozenset(
                flag.decode("ascii", "replace").lower() for flag in values[0] if isinstance(flag, bytes)
            )
            entry = Entry(_text(values[2]), _text(values[1]), flags)
            found[entry.name] = entry
    return list(found.values())


def statuses(parts: Sequence[Part]) -> dict[bytes, Status]:
    found = {}
    for values in _readable(parts):
        if len(values) >= 2 and isinstance(values[-1], tuple):
            found[_text(values[0])] = _status(_pairs(values[-1]))
    return found


def namespaces(parts: Sequence[Part]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """From NAMESPACE: what a member's own folders begin with, and other people's."""
    for values in _readable(parts):
        spaces = [_prefixes(space) for space in values[:3]]
        return spaces[0], tuple(prefix for space in spaces[1:] for prefix in space if prefix)
    return (), ()


def number(parts: Sequence[Part]) -> int:
    """The last one said; 0 for none."""
    last = parts[-1] if parts else b""
    return int(last) if isinstance(last, bytes) and last.isdigit() and len(last) < 20 else 0


def uids(searched: Sequence[Part], extended: Sequence[Part]) -> list[int]:
    """The numbers in answers to SEARCH, in both forms, in order. Raises TryLater for more than any
    folder holds."""
    found: set[int] = set()
    for line in searched:
        words = line.partition(b"(")[0].split() if isinstance(line, bytes) else ()
        found.update(int(word) for word in words if word.isdigit() and len(word) < 11)
    for low, high in _ranges(extended):
        if high - low >= MOST_MESSAGES - len(found):
            raise TryLater("A folder holds more messages than can be read.")
        found.update(range(low, high + 1))
    return sorted(uid for uid in found if 0 < uid <= _LARGEST_UID)


def uid_set(numbers: Sequence[int]) -> str:
    """Sorted numbers as a command names them: 1:3,7."""
    runs: list[list[int]] = []
    for uid in numbers:
        if runs and runs[-1][1] == uid - 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(f"{low}:{high}" if low != high else f"{low}" for low, high in runs)


def fetched(parts: Sequence[Part]) -> tuple[dict[int, Values], bool]:
    """Values by UID, and whether all of the answer could be read. What the server tells unasked
    about messages comes without a UID."""
    found: dict[int, Values] = {}
    is_whole = True
    for record in _records(parts):
        try:
            values = _pairs(parse_response(record)[1])
        except GARBLED:
            is_whole = False
            continue
        if isinstance(uid := values.get(b"UID"), int):
            found.setdefault(uid, {}).update(values)
    return found, is_whole


def _records(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """One list for each untagged answer: its literals, then the line that ends it."""
    record: list[Part] = []
    for part in parts:
        record.append(part)
        if not isinstance(part, tuple):
            yield record
            record = []


def _readable(parts: Sequence[Part]) -> Iterator[tuple[Any, ...]]:
    for record in _records(parts):
        try:
            yield parse_response(record)
        except GARBLED:
            continue


def _pairs(values: Sequence[Any]) -> Values:
    return {key.upper(): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _status(values: Values) -> Status:
    def said(name: bytes) -> int | None:
        return value if isinstance(value := values.get(name), int) else None

    next_uid, messages = said(b"UIDNEXT"), said(b"MESSAGES")
    is_whole = next_uid is not None and messages is not None
    seen = Seen(next_uid or 0, messages or 0, said(b"HIGHESTMODSEQ") or 0) if is_whole else None
    return Status(said(b"UIDVALIDITY") or 0, messages or 0, seen)


def _prefixes(space: Any) -> tuple[bytes, ...]:
    return tuple(_text(one[0]) for one in space or () if isinstance(one, tuple) and one)


def _ranges(extended: Sequence[Part]) -> Iterator[tuple[int, int]]:
    for line in extended:
        found = _ALL.search(line) if isinstance(line, bytes) else None
        for part in found[1].split(b",") if found else ():
            ends = [int(end) for end in part.split(b":") if end and len(end) < 11]
            if ends:
                yield min(ends), max(ends)


def _text(value: Any) -> bytes:
    """A name that is a number is read as one."""
    return value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
