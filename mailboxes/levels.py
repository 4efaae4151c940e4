"""How much of one copy of a message may somebody see? Pure; `visibility` says the same in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from crm.models import AccessLevel


@dataclass(frozen=True, slots=True)
class Viewer:
    member_id: int
    team_ids: frozenset[int] = frozenset()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """A grant of the copy's owner that concerns the copy: for its mailbox, for a record that the
    message belongs to, or for its thread. With neither member nor team it is for everybody."""

    level: AccessLevel
    member_id: int | None = None
    team_id: int | None = None
    # Of a grant on a thread alone: it opens nothing that was moved there afterwards, or nothing but these.
    thread_since: datetime | None = None
    of_messages: frozenset[int] | None = None

    def is_for(self, viewer: Viewer) -> bool:
        if self.member_id is None and self.team_id is None:
            return True
        return self.member_id == viewer.member_id or self.team_id in viewer.team_ids


@dataclass(frozen=True, slots=True)
class Copy:
    owner_id: int
    default_level: AccessLevel
    grants: Iterable[Given] = field(default=())
    is_owner_active: bool = True
    # On the owner's blocklist, or in a mailbox that is being removed.
    is_gone: bool = False
    message_id: int = 0
    moved_at: datetime | None = None


def level(viewer: Viewer, copy: Copy) -> AccessLevel | None:
    """None where the copy does not exist: for anybody, its owner included, or for somebody who left."""
    if copy.is_gone or not viewer.is_active:
        return None
    if copy.owner_id == viewer.member_id:
        return AccessLevel.FULL
    if not copy.is_owner_active:
        return AccessLevel.METADATA
    given = (one.level for one in copy.grants if one.is_for(viewer) and _reaches(one, copy))
    return max(copy.default_level, *given, AccessLevel.METADATA)


def _reaches(grant: Given, copy: Copy) -> bool:
    if grant.of_messages is not None:
        return copy.message_id in grant.of_messages
    if grant.thread_since is None or copy.moved_at is None:
        return True
    return copy.moved_at <= grant.thread_since
