from typing import TYPE_CHECKING

from django.db import models

from crm.models.sorting import sorted_text
from crm.models.workspace import Workspace

if TYPE_CHECKING:
    from crm.models.member import Member


class CompanyQuerySet(models.QuerySet["Company"]):
    def visible_to(self, member: "Member") -> "CompanyQuerySet":
        return self.filter(workspace_id=member.workspace_id)


class Company(models.Model):
    """An organisation outside, known by one or more domains."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="companies")
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, editable=False)
    named_by_hand = models.BooleanField(default=False)
    # Kept by crm.counting, so that a table can be sorted by it.
    people_count = models.PositiveIntegerField(default=0, editable=False)
    industry = models.CharField(max_length=80, blank=True, default="", db_default="")
    location = models.CharField(max_length=120, blank=True, default="", db_default="")
    description = models.CharField(max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CompanyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "companies"
        constraints = [models.UniqueConstraint(fields=["workspace", "id"], name="company_workspace_id")]
        indexes = [
            models.Index(fields=["workspace", "name_key", "id"], name="company_by_name"),
            models.Index(fields=["workspace", "people_count", "id"], name="company_by_people_count"),
            models.Index(fields=["workspace", "created_at", "id"], name="company_by_created_at"),
            sorted_text("company", "industry"),
            sorted_text("company", "location"),
        ]

    def __str__(self) -> str:
        return self.name


class CompanyDomain(models.Model):
    """A registrable domain of a company; its addresses' interactions are the company's."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    company = models.ForeignKey(Company, models.CASCADE, related_name="domains", db_constraint=False)
    domain = models.CharField(max_length=253)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "domain"], name="domain_has_one_company")]

    def __str__(self) -> str:
        return self.domain
