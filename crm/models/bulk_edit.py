from django.db import models

from crm.models.member import Member
from crm.models.workspace import Workspace


class BulkEditQuerySet(models.QuerySet["BulkEdit"]):
    def by(self, member: Member) -> "BulkEditQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)


class BulkEdit(models.Model):
    """What somebody changed of many records at once, kept for as long as it can be undone. `before` holds
    (record id, value) pairs of those that changed; `after` is what all of them became."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, models.CASCADE, related_name="bulk_edits", db_constraint=False)
    kind = models.CharField(max_length=10)
    # A plain attribute, or `company`, whose values are ids.
    attribute = models.CharField(max_length=30)
    before = models.JSONField()
    after = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    undone_at = models.DateTimeField(null=True)

    objects = BulkEditQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Bulk edit {self.pk}"
