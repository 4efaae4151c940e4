from django.db import models
from django.db.models import Q

from crm.models.member import Member
from crm.models.workspace import Workspace


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, member: Member) -> "SavedViewQuerySet":
        """His own, and those for everyone."""
        return self.filter(Q(owner=member) | Q(is_shared=True), workspace_id=member.workspace_id)


class SavedView(models.Model):
    """A table as somebody likes to see it: sort, filters and columns under a name."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    # Empty once its owner is gone: a view for everyone stays, and admins look after it.
    owner = models.ForeignKey(
        Member, models.SET_NULL, null=True, related_name="saved_views", db_constraint=False
    )
    is_shared = models.BooleanField(default=False)
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=60)
    # As in a table's address: `-last_interaction`, [`connection_strength:at_least:Good`, …].
    sort = models.CharField(max_length=60)
    filters = models.JSONField(default=list)
    # The names of the columns after the first, in their order.
    columns = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "kind", "id"], name="view_of_workspace")]

    def __str__(self) -> str:
        return self.name

    def is_kept_by(self, member: Member) -> bool:
        return keeps(member, owner_id=self.owner_id, is_shared=self.is_shared)


def keeps(member: Member, *, owner_id: int | None, is_shared: bool) -> bool:
    """Whether the member may change or delete a view: his own; an admin also those for everyone."""
    return owner_id == member.pk or (is_shared and member.is_admin)
