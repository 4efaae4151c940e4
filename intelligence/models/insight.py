from typing import Any

from django.db import models
from django.db.models.functions import Greatest, Least

from crm.models import Company, Member, Person, Workspace

SORTED_FIELDS = (
    "first_at",
    "last_at",
    "first_email_at",
    "last_email_at",
    "first_calendar_at",
    "last_calendar_at",
    "next_calendar_at",
    "score",
    "strongest",
)


def member_key() -> Any:
    return models.ForeignKey(
        Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )


def next_with(record: str) -> models.Index:
    """Few have a meeting to come, and whose those are is asked often."""
    return models.Index(
        fields=["workspace", "next_calendar_member"],
        name=f"{record}_next_with",
        condition=models.Q(next_calendar_at__isnull=False),
    )


class Insight(models.Model):
    """A record's stored smart attributes. The row appears with the record, so tables need no outer
    join; first_at and last_at follow from the two kinds, PostgreSQL's LEAST and GREATEST skip
    nulls. `score` is the strongest active member's; null means never in touch."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    first_email_at = models.DateTimeField(null=True)
    first_email_member = member_key()
    last_email_at = models.DateTimeField(null=True)
    last_email_member = member_key()
    first_calendar_at = models.DateTimeField(null=True)
    first_calendar_member = member_key()
    first_calendar_all_day = models.BooleanField(null=True)
    last_calendar_at = models.DateTimeField(null=True)
    last_calendar_member = member_key()
    last_calendar_all_day = models.BooleanField(null=True)
    next_calendar_at = models.DateTimeField(null=True)
    next_calendar_member = member_key()
    next_calendar_all_day = models.BooleanField(null=True)
    first_at = models.GeneratedField(
        expression=Least("first_email_at", "first_calendar_at"),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    last_at = models.GeneratedField(
        expression=Greatest("last_email_at", "last_calendar_at"),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    score = models.FloatField(null=True)
    strongest = member_key()

    class Meta:
        abstract = True


class CompanyInsight(Insight):
    company = models.OneToOneField(
        Company, models.CASCADE, primary_key=True, related_name="insight", db_constraint=False
    )

    class Meta:
        indexes = [
            *(
                models.Index(fields=["workspace", field, "company"], name=f"company_by_{field}")
                for field in SORTED_FIELDS
            ),
            next_with("company"),
        ]


class PersonInsight(Insight):
    person = models.OneToOneField(
        Person, models.CASCADE, primary_key=True, related_name="insight", db_constraint=False
    )

    class Meta:
        indexes = [
            *(
                models.Index(fields=["workspace", field, "person"], name=f"person_by_{field}")
                for field in SORTED_FIELDS
            ),
            next_with("person"),
        ]
