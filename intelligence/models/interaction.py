from django.db import models

from crm.models import Address, Company, Member, Person, Workspace
from mailboxes.models import CalendarEvent, EmailMessage


class InteractionKind(models.IntegerChoices):
    EMAIL = 1, "email"
    MEETING = 2, "meeting"


class Interaction(models.Model):
    """One stored e-mail or event that joins at least one member with somebody outside."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.PositiveSmallIntegerField(choices=InteractionKind.choices)
    occurred_at = models.DateTimeField()
    # With whom on our side: the author, the organiser, or whoever comes first.
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    # Too many people on it to say anything about a tie.
    is_crowd = models.BooleanField()
    # At 00:00 UTC of its date, and shown as a date.
    is_all_day = models.BooleanField()
    # False while it lies in the future; the sweep turns it.
    has_started = models.BooleanField()
    message = models.OneToOneField(
        EmailMessage, models.CASCADE, null=True, related_name="interaction", db_constraint=False
    )
    event = models.OneToOneField(
        CalendarEvent, models.CASCADE, null=True, related_name="interaction", db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "id"], name="interaction_workspace_id"),
            models.CheckConstraint(
                condition=models.Q(message__isnull=False, event__isnull=True, kind=1)
                | models.Q(message__isnull=True, event__isnull=False, kind=2),
                name="interaction_is_a_message_or_an_event",
            ),
        ]
        indexes = [
            models.Index(
                fields=["occurred_at"],
                name="interaction_to_come",
                condition=models.Q(has_started=False),
            )
        ]

    def __str__(self) -> str:
        return f"Interaction {self.pk}"


class InteractionParty(models.Model):
    """An address in contact: a member's, or one outside that may belong to a record."""

    pk = models.CompositePrimaryKey("interaction_id", "address_id")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    interaction = models.ForeignKey(
        Interaction,
        models.CASCADE,
        related_name="parties",
        db_constraint=False,
        db_index=False,
    )
    address = models.ForeignKey(Address, models.PROTECT, related_name="+", db_constraint=False)
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    is_author = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.address_id} in {self.interaction_id}"


class RecordInteraction(models.Model):
    """A record's timeline: which interactions are its own. Derived from parties and from whose
    address is whose; copies what a timeline is ordered and filtered by."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    interaction = models.ForeignKey(
        Interaction,
        models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    kind = models.PositiveSmallIntegerField(choices=InteractionKind.choices)
    occurred_at = models.DateTimeField()
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    is_all_day = models.BooleanField()
    # The record's own people wrote it.
    is_author = models.BooleanField()

    class Meta:
        abstract = True


class PersonInteraction(RecordInteraction):
    pk = models.CompositePrimaryKey("interaction_id", "person_id")
    person = models.ForeignKey(
        Person, models.CASCADE, related_name="timeline", db_constraint=False, db_index=False
    )

    class Meta:
        indexes = [models.Index(fields=["person", "kind", "occurred_at"], name="person_timeline")]


class CompanyInteraction(RecordInteraction):
    pk = models.CompositePrimaryKey("interaction_id", "company_id")
    company = models.ForeignKey(
        Company, models.CASCADE, related_name="timeline", db_constraint=False, db_index=False
    )

    class Meta:
        indexes = [models.Index(fields=["company", "kind", "occurred_at"], name="company_timeline")]
