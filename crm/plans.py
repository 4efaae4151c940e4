"""What each plan allows, in one table."""

from dataclasses import dataclass

from django.db import models


class Plan(models.TextChoices):
    FREE = "free", "Free"
    PLUS = "plus", "Plus"
    PRO = "pro", "Pro"
    ENTERPRISE = "enterprise", "Enterprise"


@dataclass(frozen=True, slots=True)
class Allowance:
    """`mailboxes_per_member` is None where there is no limit."""

    mailboxes_per_member: int | None


ALLOWANCES = {
    Plan.FREE: Allowance(mailboxes_per_member=1),
    Plan.PLUS: Allowance(mailboxes_per_member=1),
    Plan.PRO: Allowance(mailboxes_per_member=None),
    Plan.ENTERPRISE: Allowance(mailboxes_per_member=None),
}


def allowance(plan: str) -> Allowance:
    return ALLOWANCES[Plan(plan)]
