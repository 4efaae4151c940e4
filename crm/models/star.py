from django.db import models

from crm.models.company import Company
from crm.models.member import Member
from crm.models.person import Person
from crm.models.workspace import Workspace


class Star(models.Model):
    """A member keeps a record at hand: it stands in his sidebar."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, models.CASCADE, related_name="stars", db_constraint=False)
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="stars", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="stars", db_constraint=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "company"], name="company_starred_once"),
            models.UniqueConstraint(fields=["member", "person"], name="person_starred_once"),
            models.CheckConstraint(
                condition=models.Q(company__isnull=False, person__isnull=True)
                | models.Q(company__isnull=True, person__isnull=False),
                name="star_of_one_record",
            ),
        ]

    def __str__(self) -> str:
        return f"Star {self.pk}"
