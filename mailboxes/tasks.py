"""Thin Celery tasks: the queue carries ids, the due-table decides."""

from celery import shared_task
from django.utils import timezone

from crm.models import Workspace
from mailboxes import blocking, leasing, policy, removing, series, syncing
from mailboxes.models import EventCopy, Mailbox, MessageCopy

# Longer waits are left to the timetable.
SOON_SECONDS = 120


@shared_task(ignore_result=True)
def enqueue_due() -> None:
    for lease in leasing.pick_due():
        sync_stream.delay(lease.stream_id, lease.epoch)


@shared_task(ignore_result=True)
def sync_stream(stream_id: int, epoch: int) -> None:
    lease = leasing.take(stream_id, epoch)
    if lease is not None:
        syncing.run(lease)
        continue_stream(stream_id)


@shared_task(ignore_result=True)
def continue_stream(stream_id: int) -> None:
    """A backfill cut into slices queues its own successor; one that waits for a provider is woken when
    the wait is over, rather than at the next look around."""
    leases = leasing.pick_due(stream_id=stream_id)
    for lease in leases:
        sync_stream.delay(lease.stream_id, lease.epoch)
    seconds = None if leases else leasing.seconds_until_due(stream_id)
    if seconds is not None and seconds <= SOON_SECONDS:
        continue_stream.apply_async((stream_id,), countdown=max(seconds, 1.0))


@shared_task(ignore_result=True)
def extend_series() -> None:
    series.extend(timezone.now())


@shared_task(ignore_result=True)
def purge_removed() -> None:
    removing.purge_removed(timezone.now())


@shared_task(ignore_result=True)
def purge_blocked(mailbox_id: int) -> None:
    mailbox = Mailbox.objects.filter(pk=mailbox_id).first()
    if mailbox is not None:
        blocking.purge_blocked(mailbox, now=timezone.now())


@shared_task(ignore_result=True)
def purge_all_blocked() -> None:
    """What a lost task or a dead worker has left hidden."""
    for copies in (MessageCopy, EventCopy):
        hidden = copies.objects.filter(blocked_by__isnull=False).values_list("mailbox_id", flat=True)
        for mailbox_id in hidden.order_by("mailbox_id").distinct():
            purge_blocked(mailbox_id)


@shared_task(ignore_result=True)
def create_missing(workspace_id: int) -> None:
    policy.create_missing(Workspace.objects.get(pk=workspace_id), now=timezone.now())


@shared_task(ignore_result=True)
def follow_internal_domain(workspace_id: int, domain: str) -> None:
    policy.follow_internal_domain(Workspace.objects.get(pk=workspace_id), domain, now=timezone.now())
