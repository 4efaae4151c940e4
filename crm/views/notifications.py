"""What happened, for one member: the bell and its page."""

from typing import Any

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.models import Notification
from crm.notifying import in_words, mark_read
from crm.records import read_id

PAGE_NOTES = 30


@require_safe
@member_required(MAIL)
def notifications(request: WorkspaceRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    if before and read_id(before) is None:
        return HttpResponseBadRequest("This address asks for a part of the list that does not exist.")
    return _render(request, before)


@require_POST
@member_required(NO_MAIL)
def read(request: WorkspaceRequest) -> HttpResponse:
    """Mark all as read."""
    mark_read(request.member, now=timezone.now())
    if not request.htmx:
        return redirect("crm:notifications", request.member.workspace.slug)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = "notifications-changed, notifications-read"
    return response


@require_safe
@member_required(NO_MAIL)
def badge(request: WorkspaceRequest) -> HttpResponse:
    unread = Notification.objects.of(request.member).unread().count()
    return render(request, "crm/_badges.html", {"unread": unread})


def _render(request: WorkspaceRequest, before: str) -> HttpResponse:
    found = Notification.objects.of(request.member).order_by("-pk")
    page = list((found.filter(pk__lt=int(before)) if before else found)[: PAGE_NOTES + 1])
    context: dict[str, Any] = {
        "notes": in_words(request.member, page[:PAGE_NOTES]),
        "before": page[PAGE_NOTES - 1].pk if len(page) > PAGE_NOTES else None,
        "is_first": not before,
        "is_page": "page" in request.GET,
    }
    is_fragment = wants_part(request)
    template = "crm/_notifications.html" if is_fragment else "crm/notifications.html"
    return render(request, template, context)
