from django.db import models

from crm.models.member import Member
from crm.models.workspace import Workspace


class DeletionQuerySet(models.QuerySet["Deletion"]):
    def by(self, member: Member) -> "DeletionQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)


class Deletion(models.Model):
    """What somebody deleted, kept for as long as it can be undone: the rows as they were, and what
    other apps had hung on them, by app. Nobody's mail is in it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, models.CASCADE, related_name="deletions", db_constraint=False)
    kind = models.CharField(max_length=10)
    contents = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    undone_at = models.DateTimeField(null=True)

    objects = DeletionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Deletion {self.pk}"
