from django.conf import settings
from django.db import models

from crm import naming
from crm.models.workspace import Workspace


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> "MemberQuerySet":
        return self.filter(is_active=True)


class Member(models.Model):
    """A user in a workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    # Which columns of each table to show: {"company": [names], …}; absent means the default ones.
    table_columns = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once_per_workspace"),
            models.UniqueConstraint(fields=["workspace", "id"], name="member_workspace_id"),
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == Role.ADMIN

    @property
    def name(self) -> str:
        return self.user.get_full_name()

    @property
    def first_name(self) -> str:
        return naming.first_name(self.name)


class Team(models.Model):
    """A named group of members."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="teams")
    name = models.CharField(max_length=80)
    members = models.ManyToManyField(Member, through="TeamMembership", related_name="teams")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="team_name_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="team_workspace_id"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships", db_constraint=False)
    member = models.ForeignKey(Member, models.CASCADE, related_name="team_memberships", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "member"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.member} in {self.team}"
