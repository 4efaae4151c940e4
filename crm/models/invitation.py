from datetime import datetime

from django.db import models

from crm.models.member import Member, Role
from crm.models.workspace import Workspace


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> "InvitationQuerySet":
        return self.filter(accepted_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """Somebody may join, once, until a date, with this address and no other. The link's secret is
    kept as a digest only."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    email = models.CharField(max_length=320)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Member, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                name="one_open_invitation",
                condition=models.Q(accepted_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.email
