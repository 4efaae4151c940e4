"""How far reading everybody's mail has come, in numbers and words. It says nothing of whose."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import ngettext

from crm.estimating import time_left
from crm.live import announce
from crm.models import Workspace
from crm.statements import fetch

# What still has to be read of a workspace.
_UNREAD = """
    FROM mailboxes_syncstream s JOIN mailboxes_mailbox b ON b.id = s.mailbox_id AND b.state = 'active'
    WHERE s.backfilled_at IS NULL AND s.last_error = ''
      AND (s.due_at IS NOT NULL OR s.lease_until IS NOT NULL) AND s.workspace_id = {workspace}
"""

# Beat looks for what is due every few seconds, so this long nobody has been there.
_LATE = timedelta(minutes=10)

# Of a member `m`: does anybody's mailbox in the workspace still have to be read?
IS_READING = f"EXISTS (SELECT {_UNREAD.format(workspace='m.workspace_id')})"
_HOW_FAR = f"""
    SELECT count(DISTINCT s.mailbox_id), coalesce(sum(s.done), 0)::bigint,
           coalesce(sum(s.total), 0)::bigint, min(s.began_at), min(s.due_at)
    {_UNREAD.format(workspace="%(workspace)s")}
"""


def announce_progress(workspace_id: int) -> None:
    """To pages that show how far reading or taking away has come, or how an account is."""
    announce(workspace_id, topics=["sync"])


def announce_hidden(workspace_id: int) -> None:
    """To pages that show mail, too: some may not be seen any more, or again."""
    announce(workspace_id, topics=["access", "sync"])


@dataclass(frozen=True, slots=True)
class Progress:
    """`is_stalled` where nobody seems to be reading."""

    percent: int
    done: int
    total: int
    label: str
    detail: str
    is_stalled: bool = False


def backfill_progress(workspace: Workspace) -> Progress | None:
    """None when every connected mailbox has been read once."""
    mailboxes, done, total, began, due = fetch(_HOW_FAR, workspace=workspace.pk)[0]
    if not mailboxes:
        return None
    is_stalled = not total and is_late(due, timezone.now())
    label = ngettext("Reading %d mailbox", "Reading %d mailboxes", mailboxes) % mailboxes
    return Progress(
        percent=round(100 * done / total) if total else 0,
        done=done,
        total=total,
        label="Reading has not begun" if is_stalled else label,
        detail=_detail(done, total, began) if total else begins(due, timezone.now()),
        is_stalled=is_stalled,
    )


def begins(due: datetime | None, now: datetime) -> str:
    """Of reading that has not begun."""
    if is_late(due, now):
        return "The background worker does not seem to run. Whoever runs this installation can start it."
    return "Reading begins within a minute."


def is_late(due: datetime | None, now: datetime) -> bool:
    """Somebody should have begun to read by now."""
    return due is not None and now - due > _LATE


def _detail(done: int, total: int, began: datetime | None) -> str:
    left = time_left(done / total, began, timezone.now())
    end = f", {left}" if left else ""
    return f"{done:,} of {total:,} items{end}. First interactions may still move earlier."
