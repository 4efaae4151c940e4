from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import models

from crm.models import AccessLevel, Address, Member, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable


class MailboxKind(models.TextChoices):
    ARCHIVE = "archive", "Archive"
    IMAP = "imap", "IMAP and CalDAV"
    GOOGLE = "google", "Google"
    MICROSOFT = "microsoft", "Microsoft"
    EXCHANGE = "exchange", "Exchange"


# Read by consent at the provider, with tokens rather than a password.
CONSENTED = (MailboxKind.GOOGLE, MailboxKind.MICROSOFT)
# Where its settings say how mail, and how calendars, are read; without an entry they are not.
PARTS = {MailboxKind.IMAP: {"mail": "imap", "calendar": "caldav"}}


class MailboxState(models.TextChoices):
    ACTIVE = "active", "Active"
    NEEDS_RECONNECT = "needs_reconnect", "Needs reconnecting"
    REMOVING = "removing", "Being removed"


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def owned_by(self, member: Member) -> "MailboxQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)

    def connected(self) -> "MailboxQuerySet":
        """But those that are being removed."""
        return self.exclude(state=MailboxState.REMOVING)


class Mailbox(models.Model):
    """A member's connected account: mail, calendar, or both."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="mailboxes")
    member = models.ForeignKey(Member, models.PROTECT, related_name="mailboxes", db_constraint=False)
    kind = models.CharField(max_length=20, choices=MailboxKind.choices)
    address = models.CharField(max_length=320)
    # Who the account is at its provider, as issuer and subject; addresses there change hands.
    identity = models.CharField(max_length=400, default="", blank=True)
    state = models.CharField(max_length=20, choices=MailboxState.choices, default=MailboxState.ACTIVE)
    default_level = models.PositiveSmallIntegerField(
        choices=AccessLevel.choices, default=AccessLevel.METADATA
    )
    # Hosts, ports, user names, file names, what is left out; never a secret.
    settings = models.JSONField(default=dict)
    credential = models.BinaryField(default=b"", editable=False)
    history_from = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MailboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "id"], name="mailbox_workspace_id"),
            models.UniqueConstraint(
                fields=["workspace", "member", "kind", "address"], name="mailbox_once_per_member"
            ),
            models.UniqueConstraint(
                fields=["workspace", "member", "kind", "identity"],
                condition=~models.Q(identity=""),
                name="mailbox_identity_once_per_member",
            ),
        ]

    def __str__(self) -> str:
        return self.address

    def part(self, stream: str) -> str:
        """The name of a stream's entry in the settings."""
        return PARTS.get(MailboxKind(self.kind), {}).get(stream, stream)

    def reads(self, stream: str) -> bool:
        return self.kind == MailboxKind.ARCHIVE or self.part(stream) in self.settings

    def own_emails(self) -> frozenset[str]:
        return frozenset(self.own_addresses.values_list("address__email", flat=True))

    def refuse_others(self, by: Member) -> None:
        """Raises PermissionDenied for anybody but its owner, while he is active."""
        if not (by.is_active and self.member_id == by.pk and self.workspace_id == by.workspace_id):
            raise PermissionDenied

    def set_default_level(self, level: AccessLevel, *, by: Member) -> None:
        """What everybody in the workspace sees of it. Raises PermissionDenied for all but its owner."""
        from mailboxes.sharing.granting import set_default_level

        set_default_level(self, level, by=by)

    def claim(self, addresses: "Iterable[Address]") -> None:
        """Mail from these addresses in this mailbox was sent by its owner."""
        MailboxAddress.objects.bulk_create(
            [
                MailboxAddress(workspace_id=self.workspace_id, mailbox=self, address=address)
                for address in addresses
            ],
            ignore_conflicts=True,
        )


class MailboxAddress(models.Model):
    """An address or alias of a mailbox."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="own_addresses", db_constraint=False)
    address = models.ForeignKey(Address, models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "address"], name="mailbox_address_once")]

    def __str__(self) -> str:
        return self.address.email
