"""Who may see what of a mail, in the words of the design and without a look at the code that decides it.

A mail is one or more copies, each in somebody's mailbox. Nothing here knows of a database.
"""

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING, METADATA, SUBJECT, FULL = 0, 1, 2, 3
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Viewer:
    """`active` is False for whoever is deactivated, of another workspace or not signed in."""

    name: str
    active: bool = True
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grant:
    """What an owner opened: `covers` is a mailbox, a thread, or addresses and domains of a record."""

    owner: str
    to: str
    level: int
    covers: frozenset[str]


@dataclass(frozen=True)
class Copy:
    """`parts_of` is all that a grant can name it by: its mailbox, its thread, who is on it."""

    number: int
    owner: str
    default: int
    parts_of: frozenset[str]
    gone: bool = False  # blocked, or in a mailbox being removed
    owner_active: bool = True


def level(viewer: Viewer, copy: Copy, grants: Iterable[Grant]) -> int:
    if copy.gone or not viewer.active:
        return NOTHING
    if viewer.name == copy.owner:
        return FULL
    if not copy.owner_active:
        return METADATA
    asked = {EVERYBODY, viewer.name, *viewer.teams}
    mine = [one for one in grants if one.owner == copy.owner and one.to in asked]
    return max([copy.default, *(one.level for one in mine if one.covers & copy.parts_of)])


def shown(viewer: Viewer, copies: Iterable[Copy], grants: Iterable[Grant]) -> tuple[int, list[Copy]]:
    """The level at which a mail is seen, and the copies its words may come from."""
    levels = [(level(viewer, copy, grants), copy) for copy in copies]
    best = max((found for found, _ in levels), default=NOTHING)
    candidates = [copy for found, copy in levels if found == best != NOTHING]
    return best, [copy for copy in candidates if copy.owner == viewer.name] or candidates


def kinds(viewer: Viewer, copy: Copy, at: int) -> set[str]:
    """What a level lets through; Bcc is for the owner alone."""
    seen = {"SUBJ"} if at >= SUBJECT else set()
    seen |= {"SNIP", "BODY", "HTML", "ATTN", "HDR"} if at == FULL else set()
    return seen | ({"BCC"} if at == FULL and copy.owner == viewer.name else set())
