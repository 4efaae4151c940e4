"""The blocklist of one mailbox: add with a preview, find, take out."""

from collections import Counter
from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from mailboxes import blocking
from mailboxes.blocklists import MOST_ENTRIES, TOO_MANY, read_entries
from mailboxes.models import BlocklistEntry, EventCopy, Mailbox, MailboxKind, MessageCopy, StreamKind
from mailboxes.views.own_mailbox import own_mailbox, settings_url


@require_POST
@member_required(NO_MAIL)
def preview(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """What the entries typed so far would hide. Nothing is changed."""
    return render(request, "mailboxes/_blocklist_preview.html", _effect(request, own_mailbox(request, pk)))


@require_POST
@member_required(NO_MAIL)
def blocklist(request: WorkspaceRequest, pk: int) -> HttpResponse:
    mailbox = own_mailbox(request, pk)
    typed = read_entries(mailbox, request.POST.get("entries", ""))
    values = [one.value for one in typed if one.value]
    if BlocklistEntry.objects.filter(mailbox=mailbox).count() + len(values) > 10 * MOST_ENTRIES:
        return HttpResponseBadRequest("This blocklist is full.")
    if values:
        blocking.block(mailbox, values, by=request.member)
    # Those that were too many wait in the box.
    left = [one.text for one in typed if one.problem == TOO_MANY]
    refused = [one for one in typed if one.problem and one.problem != TOO_MANY]
    return _answer(request, mailbox, refused=refused, left=left, added=len(values))


@require_POST
@member_required(NO_MAIL)
def entry_removal(request: WorkspaceRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(
        BlocklistEntry.objects.owned_by(request.member).select_related("mailbox__workspace"), pk=pk
    )
    mailbox, hidden = entry.mailbox, entry.skipped.count()
    blocking.unblock(entry, by=request.member)
    return _answer(request, mailbox, unblocked=entry.value, came_back=hidden)


def blocklist_context(mailbox: Mailbox) -> dict[str, Any]:
    entries = BlocklistEntry.objects.filter(mailbox=mailbox).order_by("value")
    counted = entries.annotate(
        emails=Count("skipped", filter=Q(skipped__stream__kind=StreamKind.MAIL)),
        events=Count("skipped", filter=Q(skipped__stream__kind=StreamKind.CALENDAR)),
    )
    # What is hidden already and not yet taken away counts too.
    emails, events = _waiting(mailbox)
    rows = [
        {
            "entry": one,
            "emails": one.emails + emails[one.pk],
            "events": one.events + events[one.pk],
        }
        for one in counted
    ]
    return {
        "blocked": rows,
        "blocked_emails": sum(row["emails"] for row in rows),
        "blocked_events": sum(row["events"] for row in rows),
        "mailbox": mailbox,
        "is_archive": mailbox.kind == MailboxKind.ARCHIVE,
    }


def _waiting(mailbox: Mailbox) -> tuple[Counter[int], Counter[int]]:
    """Emails and events by entry; a series is one."""
    emails = MessageCopy.objects.filter(mailbox=mailbox, blocked_by__isnull=False).order_by()
    events = EventCopy.objects.filter(mailbox=mailbox, blocked_by__isnull=False).order_by()
    by_series = events.values("source_id").annotate(entry=Min("blocked_by"))
    return (
        Counter(dict(emails.values_list("blocked_by").annotate(count=Count("pk")))),
        Counter(by_series.values_list("entry", flat=True)),
    )


def _effect(request: WorkspaceRequest, mailbox: Mailbox) -> dict[str, Any]:
    typed = read_entries(mailbox, request.POST.get("entries", ""))
    effect = blocking.preview(mailbox, [one.value for one in typed if one.value], by=request.member)
    rows = [{"typed": one, "hides": sum(effect.by_value.get(one.value, (0, 0)))} for one in typed]
    good = sum(1 for one in typed if one.value)
    over = sum(1 for one in typed if one.problem == TOO_MANY)
    rows = rows[:MOST_ENTRIES]
    is_archive = mailbox.kind == MailboxKind.ARCHIVE
    return {
        "rows": rows,
        "effect": effect,
        "good": good,
        "mailbox": mailbox,
        "is_archive": is_archive,
        "hides": effect.emails + effect.events,
        "over": over,
    }


def _answer(request: WorkspaceRequest, mailbox: Mailbox, **outcome: Any) -> HttpResponse:
    if not request.htmx:
        return redirect(settings_url(request, mailbox))
    return render(request, "mailboxes/_blocklist.html", blocklist_context(mailbox) | outcome)
