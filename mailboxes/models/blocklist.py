from django.db import models

from crm.models import Member, Workspace
from mailboxes.models.mailbox import Mailbox


class BlocklistEntryQuerySet(models.QuerySet["BlocklistEntry"]):
    def owned_by(self, member: Member) -> "BlocklistEntryQuerySet":
        return self.filter(workspace_id=member.workspace_id, mailbox__member=member)


class BlocklistEntry(models.Model):
    """An address or a domain (with its subdomains) whose mail and meetings stay out of a mailbox."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(
        Mailbox, models.CASCADE, related_name="blocklist", db_constraint=False, db_index=False
    )
    value = models.CharField(max_length=320)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BlocklistEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "blocklist entries"
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "value"], name="blocked_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="blocklist_workspace_id"),
        ]

    def __str__(self) -> str:
        return self.value

    @property
    def is_domain(self) -> bool:
        return "@" not in self.value
