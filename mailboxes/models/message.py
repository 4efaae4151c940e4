from django.db import models

from crm.models import Address, Workspace
from mailboxes.models.mailbox import Mailbox


class Thread(models.Model):
    """Messages that answer one another, named by the first id in References (see ingesting.threads)."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    key = models.BinaryField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="thread_key_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="thread_workspace_id"),
        ]

    def __str__(self) -> str:
        return f"Thread {self.pk}"


class EmailMessage(models.Model):
    """One message per workspace, however many mailboxes hold it. It has no words: content belongs
    to each copy, so that nobody's copy can open or change a colleague's."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    # 16 bytes: Message-ID, From, Date, subject and recipients together (see ingesting.identity).
    identity = models.BinaryField(max_length=16)
    thread = models.ForeignKey(Thread, models.PROTECT, related_name="messages", db_constraint=False)
    # Hashes of the own Message-ID and, where References is absent, of In-Reply-To.
    id_key = models.BinaryField(max_length=16, null=True)
    parent_key = models.BinaryField(max_length=16, null=True)
    # The earliest over its copies.
    occurred_at = models.DateTimeField()
    # Whether any copy is a person's own words rather than bulk, automatic, bounce or calendar mail.
    is_contact = models.BooleanField()
    # When a parent that came later moved it here. A grant on a thread does not open what was moved
    # into it afterwards: whoever can forge a parent could move anything anywhere. What was open stays open.
    moved_at = models.DateTimeField(null=True)
    recipients = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "identity"], name="message_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="message_workspace_id"),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "id_key"],
                name="message_by_id_key",
                condition=models.Q(id_key__isnull=False),
            ),
            models.Index(
                fields=["workspace", "parent_key"],
                name="message_by_parent_key",
                condition=models.Q(parent_key__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Message {self.pk}"


class ParticipantRole(models.IntegerChoices):
    FROM = 1, "From"
    REPLY_TO = 2, "Reply-To"  # stored only where From is automated: it then stands for the author
    TO = 3, "To"
    CC = 4, "Cc"


class Participant(models.Model):
    """An address on a message. Bcc is never one."""

    pk = models.CompositePrimaryKey("message_id", "address_id", "role")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    message = models.ForeignKey(
        EmailMessage,
        models.CASCADE,
        related_name="participants",
        db_constraint=False,
        db_index=False,
    )
    address = models.ForeignKey(
        Address, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    # Copies of what the message and the address say, so that the newest mail of a company is one
    # range of an index. The domain is empty where no company can have it.
    occurred_at = models.DateTimeField()
    domain = models.CharField(max_length=253, default="")
    role = models.PositiveSmallIntegerField(choices=ParticipantRole.choices)
    position = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["address", "-occurred_at", "-message"], name="participant_by_address"),
            models.Index(
                fields=["workspace", "domain", "-occurred_at", "-message"],
                name="participant_by_domain",
                condition=~models.Q(domain=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.address_id}"


class MessageCopy(models.Model):
    """A message as one mailbox holds it, keyed by the provider's id."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    mailbox = models.ForeignKey(
        Mailbox, models.CASCADE, related_name="copies", db_constraint=False, db_index=False
    )
    message = models.ForeignKey(EmailMessage, models.CASCADE, related_name="copies", db_constraint=False)
    provider_id = models.CharField(max_length=500)
    occurred_at = models.DateTimeField()
    category = models.CharField(max_length=10)
    # From is an address of this mailbox: its owner wrote it.
    is_sent = models.BooleanField()
    subject = models.TextField()
    attachment_count = models.PositiveIntegerField()
    size = models.BigIntegerField()
    flags = models.JSONField(default=list)
    # Hidden at once by an entry of the blocklist, and taken away soon after.
    blocked_by = models.ForeignKey(
        "BlocklistEntry", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        verbose_name_plural = "message copies"
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "provider_id"], name="copy_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="copy_workspace_id"),
        ]
        indexes = [
            models.Index(
                fields=["blocked_by"], name="copy_blocked", condition=models.Q(blocked_by__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"Copy {self.pk}"


class MessageContent(models.Model):
    """What only a reader with full access to this copy may see."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    copy = models.OneToOneField(
        MessageCopy, models.CASCADE, primary_key=True, related_name="content", db_constraint=False
    )
    text = models.TextField()
    html = models.TextField()
    headers = models.TextField()
    attachments = models.JSONField(default=list)
    # Shown to the mailbox's owner alone.
    bcc = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Content of copy {self.pk}"
