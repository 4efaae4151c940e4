"""The Emails tab of a record, threads and single messages."""

from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.places import BadPlace
from crm.record_pages import record_page
from crm.records import BY_PLURAL, find_record, read_id
from mailboxes.correspondence.conversation import (
    Conversation,
    VisibleEmail,
    read_body,
    read_message,
    read_thread,
)
from mailboxes.correspondence.threads import Show, count_threads, read_correspondence, read_rows
from mailboxes.models import AccessGrant, AccessRequest, Mailbox
from mailboxes.sharing.requesting import Choice, choices
from mailboxes.showing import body_response, paper, plain_parts


@require_safe
@member_required(MAIL)
def record_emails(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The list, and beside it the thread that was chosen or the first there is to read."""
    kind, place, now = BY_PLURAL[plural], request.GET.get("after", ""), timezone.localtime()
    record = find_record(request.member, kind, pk)
    show = _show(request)
    try:
        found = read_correspondence(request.member, kind, pk, now=now, show=show or Show.ALL, place=place)
    except BadPlace:
        show = None
    if show is None:
        return HttpResponseBadRequest("This address asks for a part of the list that does not exist.")
    context: dict[str, Any] = {
        "kind": kind,
        "record": record,
        "emails_url": f"{kind.url(request.member.workspace.slug, pk)}emails/",
        "correspondence": found,
        "show": show,
        "shows": list(Show),
        "tab": "emails/",
        "of_record": _of_record(plural, pk, show),
    }
    if wants_part(request):
        template = "mailboxes/_thread_rows.html" if place else "mailboxes/_threads.html"
        return _beside_thread(request, show, context["emails_url"], render(request, template, context))
    context |= {"page": record_page(request.member, kind, pk, now=now)}
    chosen = request.GET.get("thread", "")
    first = next((one.pk for one in found.threads if not one.is_locked), None)
    thread_id = read_id(chosen) or first
    context |= _thread_context(request, thread_id, is_chosen=chosen != "") if thread_id else {}
    return render(request, "mailboxes/record_emails.html", context)


@require_safe
@member_required(MAIL)
def thread_counts(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """How many threads there are to read and to ask for; loaded after the list."""
    kind = BY_PLURAL[plural]
    find_record(request.member, kind, pk)
    counts = count_threads(request.member, kind, pk)
    return render(request, "mailboxes/_thread_counts.html", {"counts": counts})


@require_safe
@member_required(MAIL)
def thread(request: WorkspaceRequest, pk: int) -> HttpResponse:
    context, is_part = _thread_context(request, pk, is_chosen=True), wants_part(request)
    if not context and is_part:  # where it has been open, nothing of it may stay
        return render(request, "mailboxes/_thread_gone.html", {"pk": pk, "is_chosen": True}, status=404)
    if not context:
        raise Http404
    return render(request, "mailboxes/_thread.html" if is_part else "mailboxes/thread.html", context)


@require_safe
@member_required(MAIL)
def thread_row(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """One thread's row in a list, after a request for it was made, answered or taken back."""
    rows = read_rows(request.member, [pk], now=timezone.localtime())
    if not rows:
        raise Http404
    return render(request, "mailboxes/_thread_row.html", {"row": rows[pk]} | _list_of(request))


@require_safe
@member_required(MAIL)
def message(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """One message of a thread, open; with `closed` as the line it folds to."""
    email = _email(request, pk)
    if "closed" in request.GET or not email.is_readable:
        return render(request, "mailboxes/_message_closed.html", {"email": email})
    return render(request, "mailboxes/_message.html", {"email": email, "open": _opened(request, email)})


@require_safe
@member_required(MAIL)
def message_body(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """The HTML of a message, on its own with its own policy: whatever it holds runs and loads nothing."""
    body = read_body(request.member, _email(request, pk))
    if body is None:
        raise Http404
    return body_response(paper(body.html, body.text))


def _beside_thread(
    request: WorkspaceRequest, show: Show, emails_url: str, response: HttpResponse
) -> HttpResponse:
    """Where another part of the list is chosen, the thread that is open stays, also in the address."""
    here = urlsplit(request.htmx.current_url or "")
    thread = read_id(QueryDict(here.query).get("thread", ""))
    if thread and request.htmx.trigger == f"threads-{show.value}":
        push_url(response, f"{emails_url}?show={show.value}&thread={thread}")
    return response


def _list_of(request: WorkspaceRequest) -> dict[str, Any]:
    """The record's list that a row stands in, as the row says itself."""
    kind, number = BY_PLURAL.get(request.GET.get("of", "")), read_id(request.GET.get("record", ""))
    if kind is None or number is None:
        return {}
    url = kind.url(request.member.workspace.slug, number)
    show = _show(request) or Show.ALL
    return {"emails_url": f"{url}emails/", "of_record": _of_record(kind.plural, number, show), "show": show}


def _show(request: WorkspaceRequest) -> Show | None:
    """None where it is none of those there are."""
    given = request.GET.get("show", Show.ALL)
    return Show(given) if given in set(Show) else None


def _of_record(plural: str, pk: int, show: Show) -> str:
    return f"of={plural}&record={pk}&show={show.value}"


def _email(request: WorkspaceRequest, pk: int) -> VisibleEmail:
    email = read_message(request.member, pk, now=timezone.localtime())
    if email is None:
        raise Http404
    return email


def _thread_context(request: WorkspaceRequest, thread_id: int, *, is_chosen: bool) -> dict[str, Any]:
    """Empty where there is no such thread."""
    conversation = read_thread(request.member, thread_id, now=timezone.localtime())
    if conversation is None:
        return {}
    newest = _to_open(request, conversation)
    return {
        "thread": conversation,
        "is_chosen": is_chosen,
        "opened_pk": newest.pk if newest else None,
        "open": _opened(request, newest) if newest else None,
        "opens_fold": newest in conversation.folded,
        **(_own_side(request, thread_id) if conversation.holds_own else {}),
    }


def _to_open(request: WorkspaceRequest, conversation: Conversation) -> VisibleEmail | None:
    chosen = request.GET.get("message", "")
    for email in conversation.messages:
        if email.is_readable and str(email.pk) == chosen:
            return email
    return conversation.newest_readable


def _opened(request: WorkspaceRequest, email: VisibleEmail) -> dict[str, Any]:
    body = read_body(request.member, email)
    if body is None:
        return {}
    shown = paper(body.html, body.text) if body.html else None
    is_plain = shown is None or shown.is_plain
    return {
        "body": body,
        "parts": plain_parts(body.text) if is_plain else [],
        "is_plain": is_plain,
        "remote_images": shown.remote_images if shown else 0,
        "lines": shown.lines if shown else 0,
    }


def _own_side(request: WorkspaceRequest, thread_id: int) -> dict[str, Any]:
    """For somebody who holds part of the thread: what he is asked, has shared, and where it lies."""
    boxes = Mailbox.objects.owned_by(request.member).filter(
        copies__message__thread_id=thread_id, copies__blocked_by=None
    )
    return {
        "requests": _to_answer(request, thread_id),
        "shared": _shared_with(request, thread_id),
        "own_addresses": list(boxes.order_by("pk").values_list("address", flat=True).distinct()),
    }


def _shared_with(request: WorkspaceRequest, thread_id: int) -> str:
    """How many members and teams, or that it is everyone; nothing for nobody."""
    grants = AccessGrant.objects.given_by(request.member).filter(thread_id=thread_id)
    sharees = set(grants.values_list("member_id", "team_id"))
    if (None, None) in sharees:
        return "everyone"
    return str(len(sharees) or "")


def _to_answer(request: WorkspaceRequest, thread_id: int) -> list[dict[str, Any]]:
    asked = AccessRequest.objects.to_answer_by(request.member).filter(thread_id=thread_id)
    # Many may have asked, and most of them from the same record.
    known: dict[tuple[int | None, int | None], list[Choice]] = {}
    found = []
    for one in asked.select_related("member__user", "company", "person"):
        record = one.company_id, one.person_id
        if record not in known:
            known[record] = choices(one, by=request.member)
        found.append({"request": one, "choices": known[record]})
    return found
