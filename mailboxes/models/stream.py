from django.db import models

from crm.models import Workspace
from mailboxes.models.mailbox import Mailbox


class StreamKind(models.TextChoices):
    MAIL = "mail", "E-mail"
    CALENDAR = "calendar", "Calendar"


class SyncStream(models.Model):
    """What is known of reading one mailbox's mail or calendar: due time, lease, cursor, progress.

    This is the due-table. A worker takes a lease and raises `epoch`; every later write of the run
    says `WHERE epoch = mine`, so that a worker that was thought dead changes nothing.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="streams", db_constraint=False)
    kind = models.CharField(max_length=10, choices=StreamKind.choices)
    cursor = models.TextField(default="", blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    # Of tries in a row; when the first of them was, and when the owner was told of it.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    owner_told_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(default="", blank=True)
    # The backfill's own count: items listed when it began, and items dealt with since.
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    # When its first page was stored: from then on it can be said how long the rest will take.
    began_at = models.DateTimeField(null=True, blank=True)
    backfilled_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "kind"], name="stream_once_per_mailbox"),
            models.UniqueConstraint(fields=["workspace", "id"], name="stream_workspace_id"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="stream_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.mailbox} ({self.get_kind_display()})"


class StreamItem(models.Model):
    """What every item that is not stored has in common: where it is at the provider."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    stream = models.ForeignKey(
        SyncStream, models.CASCADE, related_name="%(class)ss", db_constraint=False, db_index=False
    )
    provider_id = models.CharField(max_length=500)
    version = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.provider_id


class PendingItem(StreamItem):
    """Listed, not yet stored. Newest first means the largest `order` first."""

    order = models.BigIntegerField(default=0)
    # Gone at the provider: to be taken away here.
    is_removal = models.BooleanField(default=False)
    # When its provider first would not hand it over, in a run in which it handed over others.
    refused_since = models.DateTimeField(null=True)
    # Raised and committed before parsing, so that an item that kills its worker is recognised.
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "provider_id"], name="pending_once")]
        indexes = [models.Index(fields=["stream", "-order", "id"], name="pending_newest_first")]


class SkipReason(models.TextChoices):
    INTERNAL = "internal", "Only colleagues took part"
    NOBODY = "nobody", "Nobody outside but automated senders"
    PRIVATE = "private", "Private events"
    OLD = "old", "Older than the history limit"
    EMPTY = "empty", "No event in it"
    BLOCKED = "blocked", "On your blocklist"


class SkippedItem(StreamItem):
    """Read and left out on purpose. Only its id is kept."""

    reason = models.CharField(max_length=20, choices=SkipReason.choices)
    # The entry that keeps it out; without the entry it is fetched again.
    entry = models.ForeignKey(
        "BlocklistEntry", models.CASCADE, null=True, related_name="skipped", db_constraint=False
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "provider_id"], name="skipped_once")]


class QuarantinedItem(StreamItem):
    """Could not be read. The reason is shown to the mailbox's owner; no content is kept."""

    reason = models.TextField()
    size = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "provider_id"], name="quarantined_once")]
