"""Ask the owners of a thread to see more of it, and answer.

One open request per member and thread. The first approval settles it; it is declined when all who
were asked decline. An answer to a request that is settled already changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from crm.auditing import audit
from crm.live import announce
from crm.models import AccessLevel, Company, Member, Notification, Person
from crm.notifying import mark_read, notify
from crm.plurals import counted
from crm.statements import fetch
from mailboxes.correspondence.threadrows import ASK_AGAIN_AFTER
from mailboxes.models import (
    AccessRequest,
    Mailbox,
    MessageCopy,
    RequestedOwner,
    RequestState,
    Scope,
    Thread,
)
from mailboxes.reach import REACH, WITHIN, Reach
from mailboxes.sharing.granting import (
    Grantee,
    Target,
    as_seen,
    lock_for,
    mailbox_target,
    open_further,
    record_target,
    refuse_unseen,
    thread_target,
)
from mailboxes.sharing.joining import ASKED
from mailboxes.sharing.summary import count_own
from mailboxes.visibility import BOXES, COPIES, best_copies, viewing

APPROVED, DECLINED = "access_approved", "access_declined"


class CannotAsk(ValueError):
    """In words for whoever asked."""


class AlreadySettled(ValueError):
    """Somebody else was quicker, or the request is no longer there to answer."""


_OWNERS = f"""
    WITH {BOXES}
    SELECT DISTINCT box.owner_id FROM mailboxes_emailmessage m
    JOIN ({COPIES}) ON c.message_id = m.id
    WHERE m.thread_id = ANY(%(threads)s) AND m.workspace_id = %(workspace)s
      AND box.is_active AND box.owner_id <> %(viewer)s
"""

_LOWEST = f"""
    WITH {BOXES}, best AS (
        {best_copies(where="m.thread_id = %(thread)s AND m.workspace_id = %(workspace)s")}
    )
    SELECT min(level) FROM best
"""


def ask(
    thread: Thread,
    *,
    by: Member,
    level: AccessLevel,
    note: str = "",
    record: Company | Person | None = None,
) -> AccessRequest:
    """Safe to call twice: an open request is returned as it is. Raises CannotAsk."""
    if thread.workspace_id != by.workspace_id:
        raise PermissionDenied
    with transaction.atomic():
        # Who asks twice at once asks once; and mail that moves the thread waits (see ingesting.threads).
        lock_for(by)
        latest = AccessRequest.objects.asked_by(by).filter(thread=thread).order_by("-pk").first()
        if latest and latest.state == RequestState.PENDING:
            return latest
        owners = _check_ask(thread, by, level, latest)
        record = record if record and _is_with(thread, record) else None
        request = AccessRequest.objects.create(
            workspace_id=by.workspace_id,
            thread=thread,
            member=by,
            level=level,
            note=note.strip()[:500],
            company=record if isinstance(record, Company) else None,
            person=record if isinstance(record, Person) else None,
        )
        RequestedOwner.objects.bulk_create(
            RequestedOwner(workspace_id=by.workspace_id, request=request, owner=owner) for owner in owners
        )
        for owner in owners:
            audit("access_asked", by=by, owner=owner, request=request.pk, thread=thread.pk, level=level)
        notify(owners, ASKED, request.pk)
        _tell(request)
    return request


def _check_ask(
    thread: Thread, by: Member, level: AccessLevel, latest: AccessRequest | None
) -> Sequence[Member]:
    lowest = fetch(_LOWEST, thread=thread.pk, **viewing(by))[0][0]
    if lowest is None:
        raise CannotAsk("This thread is no longer here.")
    if level <= AccessLevel.METADATA or lowest >= level:
        raise CannotAsk("You can read this already.")
    if latest and latest.state == RequestState.DECLINED and latest.settled_at:
        _refuse_for_now(latest.settled_at)
    owners = list(owners_of([thread.pk], besides=by))
    if not owners:
        raise CannotAsk("Nobody who could share this is here any more.")
    # Also what somebody said before the question was taken back.
    noes = _said_no(thread, by)
    asked = [owner for owner in owners if owner.pk not in noes]
    if not asked:
        _refuse_for_now(min(noes[owner.pk] for owner in owners))
        raise CannotAsk("They said no just now.")
    return asked


def _refuse_for_now(since: datetime) -> None:
    wait = since + ASK_AGAIN_AFTER - timezone.now()
    if wait > timedelta(0):
        days = counted(ceil(wait / timedelta(days=1)), "day", "days")
        raise CannotAsk(f"They said no. You can ask again in {days}.")


def _said_no(thread: Thread, by: Member) -> dict[int, datetime]:
    """Owners that are not to be asked yet, and when they said so last."""
    lately = timezone.now() - ASK_AGAIN_AFTER
    noes = RequestedOwner.objects.filter(request__thread=thread, request__member=by, declined_at__gt=lately)
    return {one.owner_id: one.declined_at for one in noes.order_by("declined_at") if one.declined_at}


_IS_WITH = """
    WITH reach AS ({reach})
    SELECT EXISTS (
        SELECT FROM mailboxes_emailmessage m
        JOIN mailboxes_participant p ON p.message_id = m.id
        JOIN reach ON {within}
        WHERE m.thread_id = %(thread)s)
"""


def _is_with(thread: Thread, record: Company | Person) -> bool:
    """Only then can opening all mail with the record be an answer."""
    reach = REACH[record_target(record).name]
    return bool(fetch(_IS_WITH.format(reach=reach, within=WITHIN), thread=thread.pk, record=record.pk)[0][0])


def owners_of(thread_ids: Sequence[int], *, besides: Member) -> QuerySet[Member]:
    """Whose mailboxes hold something of these threads."""
    ids = [row[0] for row in fetch(_OWNERS, threads=list(thread_ids), **viewing(besides))]
    return Member.objects.active().filter(pk__in=ids).select_related("user")


def approve(
    request: AccessRequest,
    *,
    by: Member,
    level: AccessLevel,
    scope: Scope = Scope.THREAD,
    seen: str | None = None,
) -> None:
    """Open the approver's own copies to the asker, at most as far as was asked, and what was `seen`. Raises
    ChangedMeanwhile."""
    if not AccessLevel.METADATA < level <= request.level:
        raise ValueError("A request is approved up to the level that was asked for.")
    with transaction.atomic():
        settled = _to_answer(request, by)
        targets = _targets(settled, by, scope)
        refuse_unseen(seen, (), _reach(targets))
        for target in targets:
            open_further(target, Grantee(member_id=settled.member_id), level, by=by)
        _settle(settled, RequestState.APPROVED, by=by, scope=scope)
        audit("access_approved", by=by, owner=by, request=settled.pk, member=settled.member_id, level=level)
        notify([settled.member], APPROVED, settled.pk)


def decline(request: AccessRequest, *, by: Member) -> None:
    with transaction.atomic():
        open_one = _to_answer(request, by)
        RequestedOwner.objects.filter(request=open_one, owner=by).update(declined_at=timezone.now())
        mark_read(by, now=timezone.now(), kind=ASKED, object_id=open_one.pk)
        audit("access_declined", by=by, owner=by, request=open_one.pk, member=open_one.member_id)
        _settle_if_all_declined(open_one, by=by)
        _tell(open_one)


def cancel(request: AccessRequest, *, by: Member) -> None:
    """By whoever asked. Safe to call twice."""
    if request.member_id != by.pk:
        raise PermissionDenied
    with transaction.atomic():
        locked = _locked(request, by)
        if locked.state == RequestState.PENDING:
            _settle(locked, RequestState.CANCELLED, by=by)


def end_requests_of(member: Member) -> None:
    """Whoever asked is no longer here: nobody need answer."""
    for request in AccessRequest.objects.pending().asked_by(member):
        _settle(request, RequestState.CANCELLED, by=None)


def forget_owners(thread_ids: Sequence[int], *, workspace_id: int) -> None:
    """Open requests on threads of which somebody no longer holds anything: he has no say any more,
    and where nobody is left to answer the request ends."""
    open_ones = AccessRequest.objects.pending().filter(workspace_id=workspace_id, thread_id__in=thread_ids)
    for request in open_ones.select_related("member").order_by("pk"):
        holders = {owner.pk for owner in owners_of([request.thread_id], besides=request.member)}
        RequestedOwner.objects.filter(request=request).exclude(owner_id__in=holders).delete()
        if request.owners.exists():
            _settle_if_all_declined(request, by=None)
        else:
            _settle(request, RequestState.CANCELLED, by=None)


def _to_answer(request: AccessRequest, by: Member) -> AccessRequest:
    """Raises PermissionDenied for somebody who was not asked or holds nothing of the thread."""
    locked = _locked(request, by)
    if not RequestedOwner.objects.filter(request=locked, owner=by).exists():
        raise PermissionDenied
    if locked.state != RequestState.PENDING:
        raise AlreadySettled(f"This request was {locked.get_state_display().lower()} already.")
    if not locked.member.is_active:
        raise AlreadySettled("Whoever asked is no longer in the workspace.")
    if by.pk not in {owner.pk for owner in owners_of([locked.thread_id], besides=locked.member)}:
        raise AlreadySettled("You no longer hold anything of this thread.")
    return locked


def _locked(request: AccessRequest, by: Member) -> AccessRequest:
    """Two owners who answer at once wait for each other, and mail that moves the thread for them. Raises
    AlreadySettled."""
    lock_for(by)
    found = AccessRequest.objects.select_related("member__user", "thread").filter(pk=request.pk).first()
    if found is None:
        raise AlreadySettled("What was asked for is no longer here.")
    return found


def _targets(request: AccessRequest, by: Member, scope: Scope) -> list[Target]:
    if scope == Scope.THREAD:
        return [thread_target(request.thread)]
    if scope == Scope.RECORD:
        record = request.company or request.person
        if record is None:
            raise AlreadySettled("The record this was asked on is no longer here. Look at the thread again.")
        return [record_target(record)]
    holding = Mailbox.objects.owned_by(by).filter(
        copies__message__thread_id=request.thread_id, copies__blocked_by=None
    )
    return [mailbox_target(mailbox) for mailbox in holding.distinct().order_by("pk")]


def _reach(targets: Sequence[Target]) -> Reach:
    """Of a mailbox it is which one."""
    return tuple(part for one in targets for part in one.reach() or [("", one.row.pk)])


def _settle(
    request: AccessRequest, state: RequestState, *, by: Member | None, scope: Scope = Scope.THREAD
) -> None:
    now: datetime = timezone.now()
    settled = {"state": state, "settled_at": now, "settled_by": by, "scope": scope}
    AccessRequest.objects.filter(pk=request.pk).update(**settled)
    # Nobody need look at a question that is answered.
    Notification.objects.unread().filter(
        workspace_id=request.workspace_id, kind=ASKED, object_id=request.pk
    ).update(read_at=now)
    _tell(request)


def _tell(request: AccessRequest) -> None:
    """Whoever waits for the answer, or is asked: their bells, and the thread where they have it open. Nobody
    else hears that somebody has asked."""
    asked = RequestedOwner.objects.filter(request=request).values_list("owner_id", flat=True)
    for member_id in {request.member_id, *asked}:
        announce(request.workspace_id, topics=["access", "notifications"], member_id=member_id)


def _settle_if_all_declined(request: AccessRequest, *, by: Member | None) -> None:
    if not request.owners.filter(declined_at=None).exists():
        _settle(request, RequestState.DECLINED, by=by)
        notify([request.member], DECLINED, request.pk)


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope that an owner can approve, in words, and how many messages it opens by now. `seen` is what that
    is made of, which approving it says again."""

    scope: Scope
    words: str
    messages: int
    goes_on: bool
    seen: str


def scopes(request: AccessRequest, *, by: Member) -> dict[Scope, str]:
    """What the owner can approve, in words: the thread, his mail with the record it was asked on, his
    mailbox."""
    found = {Scope.THREAD: "This thread"}
    if record := request.company or request.person:
        found[Scope.RECORD] = f"All my emails with {record.name}"
    holding = _held(request, by).values("mailbox_id").distinct().count()
    words = "this mailbox" if holding == 1 else f"the {holding} mailboxes of yours that hold it"
    return found | {Scope.MAILBOX: f"Everything in {words}"}


def choices(request: AccessRequest, *, by: Member) -> list[Choice]:
    return [
        Choice(scope, words, _count(request, by, scope), scope != Scope.THREAD, _seen(request, by, scope))
        for scope, words in scopes(request, by=by).items()
    ]


def _count(request: AccessRequest, by: Member, scope: Scope) -> int:
    record = request.company or request.person
    if scope == Scope.RECORD and record:
        return count_own(by, record_target(record))
    copies = _held(request, by)
    if scope == Scope.MAILBOX:
        copies = MessageCopy.objects.filter(mailbox__in=copies.values("mailbox_id"), blocked_by=None)
    return copies.values("message_id").distinct().count()


def _held(request: AccessRequest, by: Member) -> QuerySet[MessageCopy]:
    """The owner's copies of the thread."""
    own = Mailbox.objects.owned_by(by).connected()
    return MessageCopy.objects.filter(mailbox__in=own, blocked_by=None, message__thread_id=request.thread_id)


def _seen(request: AccessRequest, by: Member, scope: Scope) -> str:
    return as_seen((), _reach(_targets(request, by, scope)))
