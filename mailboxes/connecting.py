"""An account is named and can be read → a Mailbox with its streams due."""

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import transaction
from django.utils import timezone

from crm.addresses import normalise
from crm.claiming import claim
from crm.models import Member
from mailboxes.credentials import encrypt
from mailboxes.models import Mailbox, MailboxKind, MailboxState, StreamKind, SyncStream
from mailboxes.owning import follow_own_addresses


def connect(
    member: Member,
    *,
    kind: MailboxKind,
    address: str,
    settings: dict[str, Any],
    aliases: Iterable[str] = (),
    secrets: dict[str, str] | None = None,
) -> Mailbox:
    """Make the mailbox, or bring the one there is up to date with new settings; all it has read is
    kept. Raises ValueError for something that is no address."""
    own = [_normalised(email) for email in (address, *aliases)]
    with transaction.atomic():
        mailbox, _ = Mailbox.objects.get_or_create(
            workspace_id=member.workspace_id,
            member=member,
            kind=kind,
            address=own[0],
            defaults={"default_level": member.workspace.default_level},
        )
        if secrets is not None or (mailbox.settings, mailbox.state) != (settings, MailboxState.ACTIVE):
            mailbox.settings, mailbox.state = settings, MailboxState.ACTIVE
            mailbox.credential = encrypt(secrets) if secrets is not None else mailbox.credential
            mailbox.save()
        mailbox.claim(claim(member, own))
        follow_own_addresses(mailbox, now=timezone.now())
        _make_due(mailbox)
    return mailbox


def connect_servers(
    member: Member,
    *,
    address: str,
    passwords: dict[str, str],
    imap: dict[str, Any] | None = None,
    caldav: dict[str, Any] | None = None,
    aliases: Iterable[str] = (),
) -> Mailbox:
    """An IMAP account, a CalDAV account, or both. `imap` has host, port, security and username,
    `caldav` url and username, `passwords` one for each; what is None is not read."""
    servers = {"imap": imap, "caldav": caldav}
    return connect(
        member,
        kind=MailboxKind.IMAP,
        address=address,
        settings={name: server for name, server in servers.items() if server},
        aliases=aliases,
        secrets=passwords,
    )


def _make_due(mailbox: Mailbox) -> None:
    for kind in _streams(mailbox):
        SyncStream.objects.update_or_create(
            workspace_id=mailbox.workspace_id,
            mailbox=mailbox,
            kind=kind,
            defaults={"due_at": TransactionNow(), "failures": 0, "last_error": ""},
        )


def _streams(mailbox: Mailbox) -> list[StreamKind]:
    if mailbox.kind == MailboxKind.ARCHIVE:
        return list(StreamKind)
    servers = {StreamKind.MAIL: "imap", StreamKind.CALENDAR: "caldav"}
    return [kind for kind, server in servers.items() if server in mailbox.settings]


def _normalised(email: str) -> str:
    address = normalise(email)
    if address is None:
        raise ValueError(f"“{email}” is not an e-mail address.")
    return address
