"""What three members have in their mailboxes and calendars: part of it is the same mail and the same
meetings. One seed, one world."""

from dataclasses import dataclass
from functools import cache

from tests.agreement import calendars, mails
from tests.agreement.calendars import Plan
from tests.agreement.mails import MEMBERS, Draft, Letter, own

SEED = 20261124


@dataclass(frozen=True)
class Material:
    drafts: list[Draft]
    plans: list[Plan]
    letters: dict[str, list[Letter]]

    def resources(self, name: str) -> list[tuple[str, str]]:
        """What is in this member's calendar, each with a name for a file."""
        held = [plan for plan in self.plans if name in plan.holders]
        return [(f"{plan.uid.partition('@')[0]}.ics", plan.text(name)) for plan in held]


@cache
def material(messages: int, events: int) -> Material:
    drafts = mails.write(messages, seed=SEED)
    return Material(drafts, calendars.plans(events, seed=SEED), mails.delivered(drafts, seed=SEED))


__all__ = ["MEMBERS", "Letter", "Material", "material", "own"]
