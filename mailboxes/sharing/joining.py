"""Questions about a thread go with its messages when those are moved to another."""

from collections.abc import Mapping

from django.utils import timezone

from crm.models import Notification
from mailboxes.models import AccessRequest, RequestState

ASKED = "access_requested"


def follow(then: Mapping[int, int]) -> None:
    """`then` is where all of each emptied thread is now. Call inside a transaction that holds the workspace's
    lock."""
    for request in AccessRequest.objects.filter(thread_id__in=list(then)).order_by("pk"):
        thread_id = then[request.thread_id]
        if request.state == RequestState.PENDING:
            waiting = AccessRequest.objects.pending().filter(thread_id=thread_id, member_id=request.member_id)
            if other := waiting.first():
                _fold(request, other)
        AccessRequest.objects.filter(pk=request.pk).update(thread_id=thread_id)


def _fold(request: AccessRequest, into: AccessRequest) -> None:
    """Nobody asks twice for one thread: the one that was there asks for as much, and everybody."""
    AccessRequest.objects.filter(pk=into.pk).update(level=max(into.level, request.level))
    known = set(into.owners.values_list("owner_id", flat=True))
    request.owners.exclude(owner_id__in=known).update(request=into)
    now = timezone.now()
    AccessRequest.objects.filter(pk=request.pk).update(state=RequestState.CANCELLED, settled_at=now)
    asked = Notification.objects.filter(workspace_id=request.workspace_id, kind=ASKED)
    notes = asked.unread().filter(object_id=request.pk)
    told = set(asked.filter(object_id=into.pk).values_list("member_id", flat=True))
    notes.exclude(member_id__in=told).update(object_id=into.pk)
    notes.update(read_at=now)
