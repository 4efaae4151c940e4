"""Saving a table as a view, changing and deleting it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required
from crm.models import SavedView
from crm.records import BY_PLURAL, RECORD_TYPES, RecordType
from crm.tables.saved_views import (
    CannotSave,
    ChangedMeanwhile,
    delete_view,
    describe_view,
    rearrange_view,
    save_view,
)
from crm.tables.state import State
from crm.tables.view_counts import counted_views
from crm.views.dialogs import dialog, leave_for
from crm.views.tables import asked_state

MEANWHILE = "Somebody else has changed this view meanwhile. Discard yours to see it, or save over it."


@require_safe
@member_required(MAIL)
def views(request: WorkspaceRequest) -> HttpResponse:
    """All that the member may use, by table; `?nav` asks for what the sidebar says of them."""
    if request.htmx and "nav" in request.GET:
        return render(request, "crm/_nav_records.html")
    now = timezone.now()
    groups = [(kind, counted_views(request.member, kind, now=now)) for kind in RECORD_TYPES.values()]
    return render(request, "crm/views.html", {"groups": groups})


@require_safe
@member_required(NO_MAIL)
def form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """The dialog that saves the table as a new view."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    return _dialog(request, kind, {"state": state, "name": ""})


@require_POST
@member_required(NO_MAIL)
def creation(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    name, is_shared = request.POST.get("name", ""), request.POST.get("shared") == "1"
    state = asked_state(request, kind)
    try:
        view = save_view(kind.name, name, **_arrangement(state), is_shared=is_shared, by=request.member)
    except CannotSave as error:
        return _dialog(request, kind, {"state": state, "name": name, "shared": is_shared, "error": error})
    return _to(request, kind, f"?view={view.pk}")


@require_POST
@member_required(NO_MAIL)
def arrangement(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The view looks from now on as the table does; `version` is that of the view it was made from."""
    kind = BY_PLURAL[plural]
    view = _view(request, kind, pk)
    state = asked_state(request, kind)
    version = request.POST.get("version", "")
    try:
        rearrange_view(view, **_arrangement(state), by=request.member, version=version)
    except ChangedMeanwhile:
        messages.info(request, MEANWHILE)
        return _to(request, kind, f"?{state.query()}")
    except CannotSave as error:
        raise Http404(str(error)) from error
    return _to(request, kind, f"?view={view.pk}")


@require_safe
@member_required(NO_MAIL)
def description_form(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The dialog for name, sharing and deletion of a view."""
    kind = BY_PLURAL[plural]
    view = _view(request, kind, pk)
    return _dialog(request, kind, {"view": view, "name": view.name, "shared": view.is_shared})


@require_POST
@member_required(NO_MAIL)
def description(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind = BY_PLURAL[plural]
    view = _view(request, kind, pk)
    name, is_shared = request.POST.get("name", ""), request.POST.get("shared") == "1"
    try:
        describe_view(view, name, is_shared=is_shared, by=request.member)
    except CannotSave as error:
        return _dialog(request, kind, {"view": view, "name": name, "shared": is_shared, "error": error})
    return _to(request, kind, f"?view={view.pk}")


@require_POST
@member_required(NO_MAIL)
def deletion(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind = BY_PLURAL[plural]
    delete_view(_view(request, kind, pk), by=request.member)
    return _to(request, kind, "")


@require_safe
@member_required(MAIL)
def tabs(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """The tabs again, with how many records each view holds."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    views = counted_views(request.member, kind, now=timezone.now())
    context = {"kind": kind, "state": state, "views": views, "is_counted": True}
    return render(request, "crm/_view_tabs.html", context)


def _view(request: WorkspaceRequest, kind: RecordType, pk: int) -> SavedView:
    view = SavedView.objects.visible_to(request.member).filter(kind=kind.name, pk=pk).first()
    if view is None or not view.is_kept_by(request.member):
        raise Http404
    return view


def _arrangement(state: State) -> dict[str, Any]:
    return {
        "sort": state.sort_text,
        "filters": [one.text for one in state.filters],
        "columns": list(state.columns),
    }


def _dialog(request: WorkspaceRequest, kind: RecordType, context: dict[str, Any]) -> HttpResponse:
    query = f"view={context['view'].pk}" if "view" in context else context["state"].query()
    back_url = f"{kind.list_url(request.member.workspace.slug)}?{query}"
    return dialog(request, "crm/_view_dialog.html", {"kind": kind, **context}, back_url=back_url)


def _to(request: WorkspaceRequest, kind: RecordType, query: str) -> HttpResponse:
    """The table, as a whole page: its tabs have changed too."""
    return leave_for(request, f"{kind.list_url(request.member.workspace.slug)}{query}")
