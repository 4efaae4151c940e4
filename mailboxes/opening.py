"""A mailbox's stream → the provider that reads it."""

from pathlib import Path

from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream
from mailboxes.providers.archive import ArchiveCalendar, ArchiveMail
from mailboxes.providers.base import Provider, SetupWrong


def open_provider(stream: SyncStream) -> Provider:
    """Raises a ProviderError when the account's settings or credentials cannot be used."""
    mailbox = stream.mailbox
    match mailbox.kind:
        case MailboxKind.ARCHIVE:
            return _open_archive(mailbox, stream.kind)
    raise SetupWrong("This kind of account cannot be read.")


def _open_archive(mailbox: Mailbox, kind: str) -> Provider:
    files = {name: [Path(path) for path in paths] for name, paths in mailbox.settings.items()}
    if kind == StreamKind.MAIL:
        return ArchiveMail(mbox=files.get("mbox", []), maildir=files.get("maildir", []))
    return ArchiveCalendar(ics=files.get("ics", []))
