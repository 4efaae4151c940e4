from django.db import models
from django.db.models import Q

from crm.models import AccessLevel, Company, Member, Person, Workspace
from mailboxes.models.message import Thread


class RequestState(models.TextChoices):
    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    CANCELLED = "cancelled", "Cancelled"


class Scope(models.TextChoices):
    """How much an owner opens by approving."""

    THREAD = "thread", "This thread"
    RECORD = "record", "All my emails with this record"
    MAILBOX = "mailbox", "Everything in this mailbox"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def pending(self) -> "AccessRequestQuerySet":
        return self.filter(state=RequestState.PENDING)

    def asked_by(self, member: Member) -> "AccessRequestQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)

    def to_answer_by(self, member: Member) -> "AccessRequestQuerySet":
        """Open ones that this member has not answered yet."""
        waiting = RequestedOwner.objects.filter(owner=member, declined_at=None)
        return self.pending().filter(workspace_id=member.workspace_id, pk__in=waiting.values("request_id"))


class AccessRequest(models.Model):
    """A member asks the owners of a thread to let him see more of it. The first approval settles
    it; it is declined when all decline."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="requests", db_constraint=False)
    member = models.ForeignKey(Member, models.CASCADE, related_name="requests", db_constraint=False)
    # The record on whose page it was asked, if any: what "all my emails with" then means.
    company = models.ForeignKey(Company, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    level = models.PositiveSmallIntegerField(choices=AccessLevel.choices)
    note = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.PENDING)
    # What was approved.
    scope = models.CharField(
        max_length=10, choices=Scope.choices, default=Scope.THREAD, db_default=Scope.THREAD.value
    )
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(Member, models.SET_NULL, null=True, related_name="+", db_constraint=False)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "id"], name="request_workspace_id"),
            models.UniqueConstraint(
                fields=["thread", "member"], name="one_open_request", condition=Q(state="pending")
            ),
        ]

    def __str__(self) -> str:
        return f"Request {self.pk}"

    def approve(
        self, *, by: Member, level: AccessLevel, scope: Scope = Scope.THREAD, seen: str | None = None
    ) -> None:
        """Open the approver's own copies at up to the level asked for. Raises AlreadySettled, and
        ChangedMeanwhile where a record no longer has what was `seen`."""
        from mailboxes.sharing.requesting import approve

        approve(self, by=by, level=level, scope=scope, seen=seen)

    def decline(self, *, by: Member) -> None:
        from mailboxes.sharing.requesting import decline

        decline(self, by=by)

    def cancel(self, *, by: Member) -> None:
        from mailboxes.sharing.requesting import cancel

        cancel(self, by=by)


class RequestedOwner(models.Model):
    """One of those who were asked, and his no, if he said it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    request = models.ForeignKey(
        AccessRequest, models.CASCADE, related_name="owners", db_constraint=False, db_index=False
    )
    owner = models.ForeignKey(Member, models.CASCADE, related_name="+", db_constraint=False)
    declined_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "owner"], name="owner_asked_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} about {self.request_id}"
