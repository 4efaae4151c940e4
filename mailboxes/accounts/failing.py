"""A provider no longer lets us in: the mailbox rests until its owner has signed in again."""

from django.db import transaction

from crm.models import Member
from crm.notifying import notify
from mailboxes.models import Mailbox, MailboxState
from mailboxes.progress import announce_progress


def ask_to_reconnect(mailbox_id: int) -> None:
    """One notice, however many streams or runs find the sign-in refused."""
    with transaction.atomic():
        active = Mailbox.objects.filter(pk=mailbox_id, state=MailboxState.ACTIVE)
        if active.update(state=MailboxState.NEEDS_RECONNECT):
            owner = Member.objects.get(mailboxes=mailbox_id)
            notify([owner], "needs_reconnect", mailbox_id)
            announce_progress(owner.workspace_id)
