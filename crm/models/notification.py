from django.db import models

from crm.models.member import Member
from crm.models.workspace import Workspace


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, member: Member) -> "NotificationQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at=None)


class Notification(models.Model):
    """Word to one member that something happened. It holds the id of what it is about and no words:
    they are found when it is read, from what its reader may see at that moment."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    member = models.ForeignKey(
        Member, models.CASCADE, related_name="notifications", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["member", "-id"], name="notification_newest"),
            models.Index(
                fields=["member"], name="notification_unread", condition=models.Q(read_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.kind
