"""Thin Celery tasks: the queue is a hint, the due-table decides."""

from celery import shared_task
from django.utils import timezone

from mailboxes import blocking, leasing, policy, removing, series, syncing
from mailboxes.models import Mailbox

# Longer waits are left to the timetable.
SOON_SECONDS = 120
# A hint that nobody has taken by then has been given anew.
HINT_SECONDS = 60
MOST_HINTS = 100


@shared_task(ignore_result=True)
def enqueue_due() -> None:
    for _ in range(leasing.count_due(limit=MOST_HINTS)):
        sync_next.apply_async(expires=HINT_SECONDS)


@shared_task(ignore_result=True)
def sync_next() -> None:
    """Read what has been due longest. A backfill cut into slices, or one that waits for a provider, goes on
    when its turn comes or the wait is over rather than at the next look around."""
    for lease in leasing.pick_due(limit=1):
        syncing.run(lease)
        seconds = leasing.seconds_until_due(lease.stream_id)
        if seconds is not None and seconds <= SOON_SECONDS:
            wait = max(seconds, 0.0)
            sync_next.apply_async(countdown=wait, expires=wait + HINT_SECONDS)


@shared_task(ignore_result=True)
def extend_series() -> None:
    series.extend(timezone.now())


@shared_task(ignore_result=True)
def purge_removed() -> None:
    removing.purge_removed()


@shared_task(ignore_result=True)
def purge_blocked(mailbox_id: int) -> None:
    mailbox = Mailbox.objects.filter(pk=mailbox_id).first()
    if mailbox is not None:
        removing.take_away(mailbox, blocking.purge_blocked)


@shared_task(ignore_result=True)
def purge_all_blocked() -> None:
    blocking.purge_all_blocked()


@shared_task(ignore_result=True)
def follow_up(pk: int) -> None:
    policy.follow_up(pk)


@shared_task(ignore_result=True)
def follow_up_lost() -> None:
    policy.follow_up_lost(timezone.now())
