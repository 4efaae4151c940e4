"""A mailbox's stream → the provider that reads it."""

from pathlib import Path

from django.conf import settings

from mailboxes.credentials import decrypt
from mailboxes.egress import Egress
from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream
from mailboxes.providers.archive import ArchiveCalendar, ArchiveMail
from mailboxes.providers.base import Provider, SetupWrong
from mailboxes.providers.caldav import CalDavCalendar
from mailboxes.providers.imap import ImapMail


def open_provider(stream: SyncStream) -> Provider:
    """Raises a ProviderError when the account's settings or credentials cannot be used."""
    mailbox = stream.mailbox
    match mailbox.kind:
        case MailboxKind.ARCHIVE:
            return _open_archive(mailbox, stream.kind)
        case MailboxKind.IMAP:
            return _open_server(mailbox, stream.kind)
    raise SetupWrong("This kind of account cannot be read.")


def egress() -> Egress:
    """Where the administrator lets members' accounts lead us."""
    return Egress.allowing(
        settings.EGRESS_ALLOWED_NETWORKS,
        ports=settings.EGRESS_ALLOWED_PORTS,
        ca_file=settings.EGRESS_CA_FILE,
    )


def _open_archive(mailbox: Mailbox, kind: str) -> Provider:
    files = {name: [Path(path) for path in paths] for name, paths in mailbox.settings.items()}
    if kind == StreamKind.MAIL:
        return ArchiveMail(mbox=files.get("mbox", []), maildir=files.get("maildir", []))
    return ArchiveCalendar(ics=files.get("ics", []))


def _open_server(mailbox: Mailbox, kind: str) -> Provider:
    passwords = decrypt(mailbox.credential)
    if kind == StreamKind.MAIL:
        return ImapMail(**mailbox.settings["imap"], password=passwords["imap"], egress=egress())
    return CalDavCalendar(**mailbox.settings["caldav"], password=passwords["caldav"], egress=egress())
