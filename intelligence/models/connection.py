from django.db import models

from crm.models import Company, Member, Person, Workspace


class ContactDay(models.Model):
    """What one member and one record had to do with each other on one UTC day.

    `emails` and `meetings` count all; the rest leaves crowds out: `contacts` interactions,
    `written` by the member, `heard` from the record, and whether they `met`.
    """

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    day = models.DateField()
    emails = models.PositiveIntegerField()
    meetings = models.PositiveIntegerField()
    contacts = models.PositiveIntegerField()
    written = models.PositiveIntegerField()
    heard = models.PositiveIntegerField()
    met = models.BooleanField()
    last_at = models.DateTimeField()

    class Meta:
        abstract = True


class PersonDay(ContactDay):
    pk = models.CompositePrimaryKey("person_id", "member_id", "day")
    person = models.ForeignKey(
        Person, models.CASCADE, related_name="days", db_constraint=False, db_index=False
    )


class CompanyDay(ContactDay):
    pk = models.CompositePrimaryKey("company_id", "member_id", "day")
    company = models.ForeignKey(
        Company, models.CASCADE, related_name="days", db_constraint=False, db_index=False
    )


class Connection(models.Model):
    """A member's tie with a record: the sum of their days, forward-decayed (see strength)."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False)
    emails = models.PositiveIntegerField()
    meetings = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    score = models.FloatField()

    class Meta:
        abstract = True


class PersonConnection(Connection):
    pk = models.CompositePrimaryKey("person_id", "member_id")
    person = models.ForeignKey(
        Person, models.CASCADE, related_name="connections", db_constraint=False, db_index=False
    )


class CompanyConnection(Connection):
    pk = models.CompositePrimaryKey("company_id", "member_id")
    company = models.ForeignKey(
        Company, models.CASCADE, related_name="connections", db_constraint=False, db_index=False
    )
