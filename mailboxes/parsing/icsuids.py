"""What an event is known by."""

import hashlib
from datetime import date

from mailboxes.parsing.icslines import Component
from mailboxes.parsing.text import one_line

MAX_UID = 1_000

# The other properties change with every export, or every answer.
_SAYS = ("DTSTART", "DTEND", "DURATION", "RRULE", "SUMMARY", "LOCATION", "ORGANIZER")

_GLOBAL_ID = "040000008200E00074C5B7101A82E008"
_HEAD = 40
_FOREIGN = b"vCal-Uid\x01\0\0\0"


def uid_of(event: Component) -> str:
    """Its UID; events without one are known by what they say."""
    said = known_uid(event.value("UID"))
    return said or f"content:{_digest(repr([event.value(name) for name in _SAYS]))}"


def known_uid(said: str) -> str:
    """A UID as we store it, "" if there is nothing in it."""
    said = _unwrapped(said.strip())
    return one_line(said, MAX_UID) if len(said) <= MAX_UID else f"long:{_digest(said)}"


def _unwrapped(said: str) -> str:
    """Exchange's global object id ([MS-OXOCAL] 2.2.1.27) as everybody else writes it. One that stands
    for somebody else's UID holds it; of its own, an occurrence's has its day in it, and its series'
    does not."""
    if not said.upper().startswith(_GLOBAL_ID):
        return said
    try:
        raw = bytes.fromhex(said)
    except ValueError:
        return said
    data = raw[_HEAD:]
    if data.startswith(_FOREIGN):
        return data[len(_FOREIGN) :].rstrip(b"\0").decode("utf-8", "replace")
    return (raw[:16] + bytes(4) + raw[20:]).hex().upper()


def occurrence_day(said: str) -> date | None:
    """The day in the id that Exchange gives to a single occurrence; None for any other UID."""
    if not said.upper().startswith(_GLOBAL_ID):
        return None
    try:
        raw = bytes.fromhex(said)
        return date(int.from_bytes(raw[16:18], "big"), raw[18], raw[19]) if any(raw[16:20]) else None
    except (ValueError, IndexError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
