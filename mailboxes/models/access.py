from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.models import AccessLevel, Address, Company, Member, Person, Team, Workspace
from mailboxes.models.mailbox import Mailbox
from mailboxes.models.message import Thread

TARGETS = ("mailbox", "company", "person", "thread")


class AccessGrantQuerySet(models.QuerySet["AccessGrant"]):
    def given_by(self, member: Member) -> "AccessGrantQuerySet":
        return self.filter(workspace_id=member.workspace_id, owner=member)


class AccessGrant(models.Model):
    """An owner lets somebody see more of the owner's own mail: all of a mailbox, what is with a
    record, or a thread; now and in future. Nobody else's copies are touched."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    owner = models.ForeignKey(Member, models.CASCADE, related_name="grants_given", db_constraint=False)
    # One of these is what the grant opens.
    mailbox = models.ForeignKey(
        Mailbox, models.CASCADE, null=True, related_name="grants", db_constraint=False
    )
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="+", db_constraint=False)
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+", db_constraint=False)
    thread = models.ForeignKey(Thread, models.CASCADE, null=True, related_name="grants", db_constraint=False)
    # To whom: a member, a team, or with neither everybody.
    member = models.ForeignKey(
        Member, models.CASCADE, null=True, related_name="grants_received", db_constraint=False
    )
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, related_name="grants_received", db_constraint=False
    )
    level = models.PositiveSmallIntegerField(choices=AccessLevel.choices)
    # Of a thread only these, which it opened where they were before a parent that came later moved them.
    of_messages = ArrayField(models.BigIntegerField(), null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = AccessGrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "id"], name="grant_workspace_id"),
            models.UniqueConstraint(
                fields=["owner", *TARGETS, "member", "team", "of_messages"],
                name="grant_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(
                    *(Q(**{f"{one}__isnull": one != target for one in TARGETS}) for target in TARGETS),
                    _connector=Q.OR,
                ),
                name="grant_opens_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=True) | Q(team__isnull=True), name="grant_to_member_or_team"
            ),
            # What everybody sees of a mailbox is its default level.
            models.CheckConstraint(
                condition=Q(mailbox__isnull=True) | Q(member__isnull=False) | Q(team__isnull=False),
                name="mailbox_grant_to_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Grant {self.pk}"

    def revoke(self, *, by: Member) -> None:
        """Take it back. Safe to call twice. Raises PermissionDenied for anybody but its owner."""
        from mailboxes.sharing.granting import revoke

        revoke(self, by=by)

    def confirm(self, *, by: Member) -> None:
        """Let it cover the addresses and domains its record has by now."""
        from mailboxes.sharing.granting import confirm

        confirm(self, by=by)


class GrantCoverage(models.Model):
    """An address or a domain that a grant on a record covers: those the record had when its owner
    said so. What somebody adds to the record later widens nobody's grant."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    grant = models.ForeignKey(AccessGrant, models.CASCADE, related_name="coverage", db_constraint=False)
    address = models.ForeignKey(Address, models.CASCADE, null=True, related_name="+", db_constraint=False)
    domain = models.CharField(max_length=253, default="")

    class Meta:
        verbose_name_plural = "grant coverage"
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "address", "domain"], name="coverage_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(address__isnull=True) ^ Q(domain=""), name="coverage_of_one_thing"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "domain"], name="coverage_by_domain", condition=~Q(domain=""))
        ]

    def __str__(self) -> str:
        return self.domain or f"Address {self.address_id}"
