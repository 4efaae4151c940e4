from typing import TYPE_CHECKING

from django.db import models

from crm.models.company import Company
from crm.models.sorting import sorted_text
from crm.models.workspace import Workspace

if TYPE_CHECKING:
    from crm.models.member import Member


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, member: "Member") -> "PersonQuerySet":
        return self.filter(workspace_id=member.workspace_id)


class Person(models.Model):
    """Somebody outside, known by one or more addresses."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="people")
    company = models.ForeignKey(
        Company,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="people",
        db_constraint=False,
    )
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, editable=False)
    named_by_hand = models.BooleanField(default=False)
    job_title = models.CharField(max_length=120, blank=True, default="", db_default="")
    phone = models.CharField(max_length=40, blank=True, default="", db_default="")
    location = models.CharField(max_length=120, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["workspace", "id"], name="person_workspace_id")]
        indexes = [
            models.Index(fields=["workspace", "name_key", "id"], name="person_by_name"),
            models.Index(fields=["workspace", "created_at", "id"], name="person_by_created_at"),
            sorted_text("person", "job_title"),
            sorted_text("person", "phone"),
            sorted_text("person", "location"),
        ]

    def __str__(self) -> str:
        return self.name
