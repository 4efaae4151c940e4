from django.contrib.postgres.indexes import GinIndex
from django.db import models

from crm.models import Address, Workspace
from mailboxes.models.mailbox import Mailbox


class CalendarSource(models.Model):
    """One calendar resource of a mailbox as it came: a series' master and its overrides. It is read
    again as time passes, because a series goes on."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    mailbox = models.ForeignKey(
        Mailbox, models.CASCADE, related_name="sources", db_constraint=False, db_index=False
    )
    provider_id = models.CharField(max_length=500)
    version = models.CharField(max_length=200)
    raw = models.BinaryField()
    timezone = models.CharField(max_length=64)
    # The day up to which occurrences of an endless series exist; null where nothing more can come.
    read_until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "provider_id"], name="source_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="source_workspace_id"),
        ]
        indexes = [
            models.Index(
                fields=["read_until"],
                name="source_goes_on",
                condition=models.Q(read_until__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.provider_id


class EventStatus(models.TextChoices):
    CONFIRMED = "confirmed", "Confirmed"
    TENTATIVE = "tentative", "Tentative"
    CANCELLED = "cancelled", "Cancelled"


class CalendarEvent(models.Model):
    """One occurrence per workspace; its fields are those of the copy that is shown and counted."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    # 16 bytes: iCalUID, RECURRENCE-ID in UTC or empty, organiser.
    identity = models.BinaryField(max_length=16)
    is_recurring = models.BooleanField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    all_day = models.BooleanField()
    status = models.CharField(max_length=10, choices=EventStatus.choices)
    attendee_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "identity"], name="event_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="event_workspace_id"),
        ]

    def __str__(self) -> str:
        return f"Event {self.pk}"


class EventCopy(models.Model):
    """An occurrence as one calendar resource says it. `attendees` is a list of
    {address, name, response, optional} with ids of Address rows."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(CalendarEvent, models.CASCADE, related_name="copies", db_constraint=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="event_copies", db_constraint=False)
    source = models.ForeignKey(
        CalendarSource,
        models.CASCADE,
        related_name="copies",
        db_constraint=False,
        db_index=False,
    )
    is_organiser = models.BooleanField()
    organiser = models.ForeignKey(
        Address, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    title = models.TextField()
    location = models.TextField()
    description = models.TextField()
    conference_url = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    all_day = models.BooleanField()
    timezone = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=EventStatus.choices)
    sequence = models.BigIntegerField()
    last_modified = models.DateTimeField(null=True)
    attendees = models.JSONField()
    # Hidden at once by an entry of the blocklist, and taken away soon after.
    blocked_by = models.ForeignKey(
        "BlocklistEntry", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        verbose_name_plural = "event copies"
        constraints = [models.UniqueConstraint(fields=["source", "event"], name="event_copy_once")]
        indexes = [
            GinIndex(fields=["attendees"], opclasses=["jsonb_path_ops"], name="event_copy_attendees"),
            models.Index(
                fields=["blocked_by"],
                name="event_copy_blocked",
                condition=models.Q(blocked_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Event copy {self.pk}"


class Response(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    TENTATIVE = "tentative", "Tentative"
    NEEDS_ACTION = "needs_action", "Awaiting"
    DECLINED = "declined", "Declined"


class Attendee(models.Model):
    """Somebody invited, and the answer that counts."""

    pk = models.CompositePrimaryKey("event_id", "address_id")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(
        CalendarEvent,
        models.CASCADE,
        related_name="attendees",
        db_constraint=False,
        db_index=False,
    )
    address = models.ForeignKey(Address, models.PROTECT, related_name="+", db_constraint=False)
    response = models.CharField(max_length=12, choices=Response.choices)
    is_optional = models.BooleanField()
    is_organiser = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.address_id}: {self.response}"
