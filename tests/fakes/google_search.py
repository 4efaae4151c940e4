"""The few words of Gmail's search that reading a mailbox needs."""

import re
from collections.abc import Callable, Sequence
from email import message_from_bytes


class NotInThisFake(Exception):
    """Said aloud: a search that silently finds everything would hide a mistake."""


Test = Callable[[str, bytes, Sequence[str], int], bool]


def finds(query: str, raw: bytes, *, labels: Sequence[str], received: int) -> bool:
    """Whether the mail is found by all terms. `received` is in milliseconds."""
    return all(_found(term, raw, labels, received) for term in query.split())


def _found(term: str, raw: bytes, labels: Sequence[str], received: int) -> bool:
    negated = term.startswith("-")
    name, colon, value = term.removeprefix("-").partition(":")
    if not colon or name not in TESTS:
        raise NotInThisFake(f"The fake does not know the search term “{term}”.")
    return TESTS[name](value, raw, labels, received) != negated


def _seconds(value: str) -> int:
    if not re.fullmatch(r"\d{9,11}", value):
        # Days begin at midnight in California; only seconds are exact.
        raise NotInThisFake(f"The fake wants seconds since 1970, not “{value}”.")
    return int(value)


def _in(value: str, raw: bytes, labels: Sequence[str], received: int) -> bool:
    names = {"draft": "DRAFT", "drafts": "DRAFT", "chats": "CHAT"}
    return value == "anywhere" or names.get(value, value.upper()) in labels


TESTS: dict[str, Test] = {
    "after": lambda value, raw, labels, received: received >= _seconds(value) * 1000,
    "before": lambda value, raw, labels, received: received < _seconds(value) * 1000,
    "in": _in,
    "label": _in,
    "is": _in,
    "category": lambda value, raw, labels, received: f"CATEGORY_{value.upper()}" in labels,
    "rfc822msgid": lambda value, raw, labels, received: (
        str(message_from_bytes(raw)["Message-ID"]).strip().strip("<>") == value.strip("<>")
    ),
}
