"""The organiser's copy of an event speaks for it while somebody keeps his calendar up to date: whoever
leaves, or comes back, changes that for everybody he has met with."""

from django.db import transaction
from django.utils import timezone

from crm.locking import lock_workspace
from crm.models import Workspace
from crm.statements import fetch
from mailboxes.ingesting.events import elect
from mailboxes.models import Mailbox
from mailboxes.signals import communication_changed

BATCH = 2000

# Where there is one copy, it speaks.
_OF_SEVERAL = """
    SELECT DISTINCT c.event_id FROM mailboxes_eventcopy c
    WHERE c.workspace_id = %(workspace)s AND c.event_id > %(last)s AND c.is_organiser AND EXISTS (
        SELECT FROM mailboxes_eventcopy o WHERE o.event_id = c.event_id AND o.mailbox_id <> c.mailbox_id)
    ORDER BY c.event_id LIMIT %(batch)s
"""


def follow_organisers(workspace: Workspace) -> None:
    """Batch by batch, each with the workspace's lock for itself. Safe to call again, also where it was
    interrupted."""
    last = 0
    while ids := [row[0] for row in fetch(_OF_SEVERAL, workspace=workspace.pk, last=last, batch=BATCH)]:
        last = ids[-1]
        with transaction.atomic():
            lock_workspace(workspace.pk)
            if changed := elect(ids):
                communication_changed.send(
                    sender=Mailbox,
                    workspace_id=workspace.pk,
                    event_ids=sorted(changed),
                    now=timezone.now(),
                )
