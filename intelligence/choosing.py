"""Which part of a record's timeline somebody has asked for: a kind, and one member's."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode


class BadChoice(ValueError):
    """A kind or member that there is not."""


class Kind(StrEnum):
    ALL = "all"
    EMAILS = "emails"
    MEETINGS = "meetings"
    MILESTONES = "milestones"


NUMBERS = {Kind.EMAILS: (1,), Kind.MEETINGS: (2,)}

# The timeline's row `t` has %(member)s among its members.
OF_MEMBER = """
    AND (SELECT true FROM intelligence_interactionparty p
         WHERE p.interaction_id = t.interaction_id AND p.member_id = %(member)s LIMIT 1) IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Choice:
    kind: Kind = Kind.ALL
    member_id: int | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The kinds of interaction, as they are stored."""
        return NUMBERS.get(self.kind, (1, 2))

    @property
    def condition(self) -> str:
        return OF_MEMBER if self.member_id else ""

    @property
    def values(self) -> dict[str, Any]:
        return {"member": self.member_id} if self.member_id else {}

    def query(self, **changed: Any) -> str:
        """As in a URL, without what is usual."""
        said = {"kind": self.kind, "member": self.member_id} | changed
        pairs = [(name, value) for name, value in said.items() if value and value != Kind.ALL]
        return f"?{urlencode(pairs)}" if pairs else ""


def read_choice(given: Mapping[str, str], members: Container[int]) -> Choice:
    """Raises BadChoice."""
    member = given.get("member", "")
    try:
        kind = Kind(given.get("kind") or Kind.ALL)
        member_id = int(member) if member else None
    except ValueError as error:
        raise BadChoice from error
    if member_id is not None and member_id not in members:
        raise BadChoice(member)
    return Choice(kind, member_id)
