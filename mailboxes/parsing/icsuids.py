"""What an event is known by."""

import hashlib

from mailboxes.parsing.icslines import Component
from mailboxes.parsing.text import one_line

MAX_UID = 1_000

# The other properties change with every export, or every answer.
_SAYS = ("DTSTART", "DTEND", "DURATION", "RRULE", "SUMMARY", "LOCATION", "ORGANIZER")


def uid_of(event: Component) -> str:
    """Its UID; events without one are known by what they say."""
    said = known_uid(event.value("UID"))
    return said or f"content:{_digest(repr([event.value(name) for name in _SAYS]))}"


def known_uid(said: str) -> str:
    """A UID as we store it, "" if there is nothing in it."""
    said = said.strip()
    return one_line(said, MAX_UID) if len(said) <= MAX_UID else f"long:{_digest(said)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
