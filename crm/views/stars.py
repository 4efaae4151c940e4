"""Add a record to one's favourites, or take it away."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.edits.changing import CannotEdit
from crm.records import BY_PLURAL, find_record
from crm.starring import toggle
from crm.views.dialogs import leave_for, page_before


@require_POST
@member_required(NO_MAIL)
def star(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind = BY_PLURAL[plural]
    record = find_record(request.member, kind, pk)
    url = kind.url(request.member.workspace.slug, pk)
    try:
        is_starred = toggle(record, by=request.member)
    except CannotEdit as error:
        messages.error(request, str(error))
        return leave_for(request, url)
    if not request.htmx:
        return redirect(url)
    response = render(request, "crm/_star.html", {"url": url, "is_starred": is_starred})
    return trigger_client_event(response, "favourites-changed")


@require_safe
@member_required(NO_MAIL)
def favourites(request: WorkspaceRequest) -> HttpResponse:
    """The sidebar's group of them."""
    if not request.htmx:
        return redirect(page_before(request, "/"))
    return render(request, "crm/_favourites.html")
