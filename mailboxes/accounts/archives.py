"""An uploaded archive that has been read needs its files no more.

What its owner blocks must not stay on disk either, so they go; whoever wants something back uploads
them again. Files that an administrator named stay where they are.
"""

from django.db import transaction

from crm.locking import lock_workspace
from mailboxes.accounts import uploads
from mailboxes.models import Mailbox, MailboxKind, PendingItem, SyncStream


def forget_read(mailbox: Mailbox) -> None:
    """Delete uploaded files once every one of them is read. Safe to call at any time."""
    if mailbox.kind != MailboxKind.ARCHIVE:
        return
    with transaction.atomic():
        # Whoever adds files holds the lock until the streams are due again.
        lock_workspace(mailbox.workspace_id)
        current = Mailbox.objects.filter(pk=mailbox.pk).first()
        if current is None or _is_reading(current):
            return
        read = [path for paths in current.settings.values() for path in paths]
        kept = {
            kind: [path for path in paths if not uploads.is_uploaded(current, path)]
            for kind, paths in current.settings.items()
        }
        if kept != current.settings:
            Mailbox.objects.filter(pk=current.pk).update(settings=kept)
            uploads.forget_files(current, read)


def _is_reading(mailbox: Mailbox) -> bool:
    streams = SyncStream.objects.filter(mailbox=mailbox)
    return (
        streams.filter(due_at__isnull=False).exists()
        or streams.filter(lease_until__isnull=False).exists()
        or streams.filter(backfilled_at=None).exists()
        or PendingItem.objects.filter(stream__mailbox=mailbox).exists()
    )
