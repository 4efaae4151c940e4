from django.db import models
from django.db.models.fields.json import KeyTransform

from crm.models.member import Member
from crm.models.workspace import Workspace


class AuditQuerySet(models.QuerySet["AuditEvent"]):
    def concerning(self, member: Member) -> "AuditQuerySet":
        """What was decided about this member's own mail and calendar."""
        return self.filter(workspace_id=member.workspace_id, owner=member)


class AuditEvent(models.Model):
    """Who decided what about whose mail. It names rows by id and holds nobody's words; the database
    refuses to change one (see the migration)."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    # Whose mail it is about; empty for the workspace's own settings.
    owner = models.ForeignKey(
        Member, models.CASCADE, null=True, related_name="audit_events", db_constraint=False, db_index=False
    )
    actor = models.ForeignKey(Member, models.CASCADE, null=True, related_name="+", db_constraint=False)
    action = models.CharField(max_length=40)
    # What it was done to and to whose advantage: {"mailbox": 3, "member": 5, "level": 2}.
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="audit_of_owner"),
            # What a record that is not there any more was merged into.
            models.Index(
                "workspace",
                KeyTransform("record", "details"),
                name="audit_of_merge",
                condition=models.Q(action="records_merged"),
            ),
        ]

    def __str__(self) -> str:
        return self.action
