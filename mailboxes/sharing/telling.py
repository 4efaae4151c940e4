"""Requests and accounts in the words of a notification, as far as its reader may know."""

from collections.abc import Callable, Mapping, Sequence

from django.urls import reverse
from django.utils import timezone

from crm.models import AccessLevel, Member
from crm.notifying import Told
from mailboxes.accounts.failing import PATIENCE
from mailboxes.correspondence.threadrows import ThreadRow
from mailboxes.correspondence.threads import read_rows
from mailboxes.models import AccessRequest, Mailbox, RequestState, Scope, SyncStream
from mailboxes.reach import thread_reaches
from mailboxes.sharing.granting import as_seen


def requested(member: Member, request_ids: Sequence[int]) -> Mapping[int, Told]:
    """To an owner: somebody asks."""
    asked = AccessRequest.objects.filter(
        workspace_id=member.workspace_id, pk__in=request_ids, owners__owner=member
    )
    found = {one.pk: one for one in asked.select_related("member__user")}
    waiting = AccessRequest.objects.to_answer_by(member).filter(pk__in=found)
    open_ones = set(waiting.values_list("pk", flat=True))
    rows = _rows(member, list(found.values()))
    reaches = thread_reaches([found[pk].thread_id for pk in open_ones])
    return {
        pk: Told(
            who=one.member.name,
            who_pk=one.member_id,
            what=_with(rows[one.thread_id], "asks to read" if pk in open_ones else "asked to read"),
            about=_named(rows[one.thread_id]),
            url=_url(member, one.thread_id),
            after=_asked_for(one) if pk in open_ones else _outcome(one),
            answer_url=_answer_url(member, pk) if pk in open_ones else "",
            level=one.level,
            seen=as_seen((), reaches[one.thread_id]) if pk in open_ones else "",
            note=one.note,
        )
        for pk, one in found.items()
        if one.thread_id in rows
    }


def approved(member: Member, request_ids: Sequence[int]) -> Mapping[int, Told]:
    return _answered(member, request_ids, what="shared", after=_shared_how)


def declined(member: Member, request_ids: Sequence[int]) -> Mapping[int, Told]:
    return _answered(member, request_ids, what="kept", after=lambda one: "private")


def needs_reconnect(member: Member, mailbox_ids: Sequence[int]) -> Mapping[int, Told]:
    own = Mailbox.objects.owned_by(member).filter(pk__in=mailbox_ids)
    return {box.pk: _of_account(member, box, "Reading has stopped: reconnect") for box in own}


def keeps_failing(member: Member, mailbox_ids: Sequence[int]) -> Mapping[int, Told]:
    """Why stands in the account settings, where the notice leads."""
    own = Mailbox.objects.owned_by(member).filter(pk__in=mailbox_ids)
    failing = SyncStream.objects.filter(mailbox__in=own, failures__gt=0)
    streams: dict[int, list[SyncStream]] = {}
    for one in failing:
        streams.setdefault(one.mailbox_id, []).append(one)
    return {box.pk: _of_account(member, box, _trouble(streams.get(box.pk, []))) for box in own}


def _trouble(failing: Sequence[SyncStream]) -> str:
    """With the streams of an account that are failing now."""
    if any(one.due_at is None for one in failing):
        return "Reading has stopped: look at the settings of"
    long_ago = timezone.now() - PATIENCE
    if any(one.failing_since and one.failing_since <= long_ago for one in failing):
        return "For a day now there is trouble reading"
    return "There was trouble reading"


def _of_account(member: Member, mailbox: Mailbox, what: str) -> Told:
    url = reverse("mailboxes:account_settings", args=[member.workspace.slug])
    return Told(who="", who_pk=member.pk, what=what, about=mailbox.address, url=url)


def _shared_how(request: AccessRequest) -> str:
    """A name of a record is for everybody to see, whose mailbox it is in is not."""
    record = request.company or request.person
    if request.scope == Scope.RECORD and record:
        return f"with you, and all their emails with {record.name}"
    return "with you, and all of their mailbox" if request.scope == Scope.MAILBOX else "with you"


def _answered(
    member: Member, request_ids: Sequence[int], *, what: str, after: Callable[[AccessRequest], str]
) -> Mapping[int, Told]:
    """To the asker, who is told the name of an owner only where everybody sees it on the thread."""
    asked = AccessRequest.objects.asked_by(member).filter(pk__in=request_ids)
    found = list(asked.select_related("company", "person"))
    rows = _rows(member, found)
    told = {}
    for one in found:
        row = rows.get(one.thread_id)
        if row is not None:
            names = {party.member_id: party.name for party in row.people if party.member_id}
            told[one.pk] = Told(
                who=names.get(one.settled_by_id or 0, "The owner"),
                who_pk=(one.settled_by_id or 0) if one.settled_by_id in names else 0,
                what=_with(row, what),
                about=_named(row),
                url=_url(member, one.thread_id),
                after=after(one),
            )
    return told


def _rows(member: Member, requests: Sequence[AccessRequest]) -> dict[int, ThreadRow]:
    return read_rows(member, [one.thread_id for one in requests], now=timezone.localtime())


def _named(row: ThreadRow) -> str:
    return row.subject or row.first.name


def _with(row: ThreadRow, what: str) -> str:
    """Where the reader may not see the subject, the thread goes by who is on it."""
    return what if row.subject else f"{what} a thread with"


def _asked_for(request: AccessRequest) -> str:
    return "in full" if request.level == AccessLevel.FULL else "by its subject line"


def _outcome(request: AccessRequest) -> str:
    if request.state == RequestState.PENDING:
        return "(you declined)"
    return f"({RequestState(request.state).label.lower()})"


def _url(member: Member, thread_id: int) -> str:
    return reverse("mailboxes:thread", args=[member.workspace.slug, thread_id])


def _answer_url(member: Member, request_id: int) -> str:
    return f"/{member.workspace.slug}/access-requests/{request_id}/"
