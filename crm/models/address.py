from django.db import models

from crm.models.member import Member
from crm.models.person import Person
from crm.models.workspace import Workspace


class AddressKind(models.TextChoices):
    HUMAN = "human", "Human"
    ROLE = "role", "Role"
    AUTOMATED = "automated", "Automated"


class Address(models.Model):
    """Whose is it? One row per workspace and normalised address; everything said hangs on these,
    so that creating a record later attaches its whole history at once."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="addresses", db_index=False)
    email = models.CharField(max_length=320)
    domain = models.CharField(max_length=253)
    kind = models.CharField(max_length=10, choices=AddressKind.choices)
    is_freemail = models.BooleanField(default=False)
    is_internal = models.BooleanField(default=False)
    # A member has sent mail here, or invited it to a meeting: the gate of enhanced record creation.
    is_contacted = models.BooleanField(default=False)
    person = models.ForeignKey(
        Person, models.SET_NULL, null=True, related_name="addresses", db_constraint=False
    )
    member = models.ForeignKey(
        Member, models.SET_NULL, null=True, related_name="addresses", db_constraint=False
    )
    display_name = models.CharField(max_length=200, blank=True)
    display_name_rank = models.PositiveSmallIntegerField(default=0)
    display_name_seen = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "addresses"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "email"], name="address_once"),
            models.UniqueConstraint(fields=["workspace", "id"], name="address_workspace_id"),
            models.CheckConstraint(
                condition=models.Q(person__isnull=True) | models.Q(member__isnull=True),
                name="address_of_a_person_or_a_member",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "domain"], name="address_by_domain"),
            # What record creation asks with every page of mail, however many newsletters there are.
            models.Index(
                fields=["workspace", "domain"],
                name="address_unknown",
                condition=models.Q(person__isnull=True, is_internal=False) & ~models.Q(kind="automated"),
            ),
            models.Index(
                fields=["workspace", "domain"],
                name="address_contacted",
                condition=models.Q(is_contacted=True, is_internal=False),
            ),
        ]

    def __str__(self) -> str:
        return self.email


class Tombstone(models.Model):
    """An address or domain whose record somebody deleted: never created automatically again."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="tombstones")
    value = models.CharField(max_length=320)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "value"], name="tombstone_once")]

    def __str__(self) -> str:
        return self.value
