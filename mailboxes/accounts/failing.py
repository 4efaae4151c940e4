"""What an account's owner is told when it can no longer be read: at once where he has to act, after a day
where it may pass by itself. Once, however often it is tried."""

from datetime import timedelta

from django.db import transaction

from crm.models import Member
from crm.notifying import notify
from crm.statements import fetch
from mailboxes.models import Mailbox, MailboxState
from mailboxes.progress import announce_progress

PATIENCE = timedelta(days=1)

# One word for both streams of a mailbox, as they mostly fail for the same reason; but that one has stopped is
# more than that the other has trouble.
_TELL = """
    UPDATE mailboxes_syncstream s SET owner_told_at = now()
    WHERE s.id = %(stream)s AND s.owner_told_at IS NULL AND s.failing_since IS NOT NULL
      AND (s.due_at IS NULL OR s.failing_since <= now() - %(patience)s)
      AND NOT EXISTS (
          SELECT FROM mailboxes_syncstream o
          WHERE o.mailbox_id = s.mailbox_id AND o.failures > 0 AND o.owner_told_at IS NOT NULL
            AND (o.due_at IS NULL OR s.due_at IS NOT NULL)
      )
    RETURNING s.id
"""


def ask_to_reconnect(mailbox_id: int) -> None:
    """A provider no longer lets us in: the mailbox rests until its owner has signed in again."""
    with transaction.atomic():
        active = Mailbox.objects.filter(pk=mailbox_id, state=MailboxState.ACTIVE)
        if active.update(state=MailboxState.NEEDS_RECONNECT):
            owner = Member.objects.get(mailboxes=mailbox_id)
            notify([owner], "needs_reconnect", mailbox_id)
            announce_progress(owner.workspace_id)


def tell_of_failure(stream_id: int, mailbox_id: int) -> None:
    """Another try has failed: is it time to say so?"""
    with transaction.atomic():
        mailbox = Mailbox.objects.select_for_update(of=("self",)).select_related("member").get(pk=mailbox_id)
        if mailbox.state == MailboxState.ACTIVE and fetch(_TELL, stream=stream_id, patience=PATIENCE):
            notify([mailbox.member], "keeps_failing", mailbox_id)
