"""How far reading everybody's mail has come, in numbers and words. It says nothing of whose."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import ngettext

from crm.estimating import time_left
from crm.live import announce
from crm.models import Workspace
from mailboxes.models import MailboxState, SyncStream

_UNREAD = Q(backfilled_at=None, mailbox__state=MailboxState.ACTIVE, last_error="") & (
    Q(due_at__isnull=False) | Q(lease_until__isnull=False)
)

# Beat looks for what is due every few seconds, so this long nobody has been there.
_LATE = timedelta(minutes=10)

# Over Member: does anybody's mailbox in the workspace still have to be read?
IS_READING = Exists(SyncStream.objects.filter(_UNREAD, workspace=OuterRef("workspace")))


def announce_progress(workspace_id: int) -> None:
    """To pages that show how far reading or taking away has come, or how an account is."""
    announce(workspace_id, topics=["sync"])


@dataclass(frozen=True, slots=True)
class Progress:
    percent: int
    done: int
    total: int
    label: str
    detail: str


def backfill_progress(workspace: Workspace) -> Progress | None:
    """None when every connected mailbox has been read once."""
    running = SyncStream.objects.filter(_UNREAD, workspace=workspace)
    sums = running.aggregate(
        done=Sum("done"),
        total=Sum("total"),
        began=Min("began_at"),
        due=Min("due_at"),
        mailboxes=Count("mailbox", distinct=True),
    )
    if not sums["mailboxes"]:
        return None
    total, done = sums["total"] or 0, sums["done"] or 0
    label = ngettext("Reading %d mailbox", "Reading %d mailboxes", sums["mailboxes"])
    return Progress(
        percent=round(100 * done / total) if total else 0,
        done=done,
        total=total,
        label=label % sums["mailboxes"],
        detail=_detail(done, total, sums["began"]) if total else begins(sums["due"], timezone.now()),
    )


def begins(due: datetime | None, now: datetime) -> str:
    """Of reading that has not begun."""
    if due and now - due > _LATE:
        return "Nobody reads it: the background worker does not seem to run."
    return "Reading begins within a minute."


def _detail(done: int, total: int, began: datetime | None) -> str:
    left = time_left(done / total, began, timezone.now())
    end = f", {left}" if left else ""
    return f"{done:,} of {total:,} items{end}. First interactions may still move earlier."
