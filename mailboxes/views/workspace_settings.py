"""Workspace settings, Email & calendar: for admins, about everybody's."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from crm.decorators import NO_MAIL, WorkspaceRequest, admin_required
from crm.models import AccessLevel, InternalDomain, Workspace
from mailboxes import leasing, policy
from mailboxes.policy import Creation, NotInternal

# Reading that has rested for longer than twice a mailbox's turn does not go on by itself.
IDLE_SECONDS = 2 * leasing.POLL_SECONDS


@require_safe
@admin_required(NO_MAIL)
def workspace_settings(request: WorkspaceRequest) -> HttpResponse:
    return _page(request, creation_context(request.member.workspace) | _domains(request.member.workspace))


@require_POST
@admin_required(NO_MAIL)
def record_creation(request: WorkspaceRequest) -> HttpResponse:
    """A rule that makes more records is first shown with its numbers, and saved when confirmed."""
    workspace = request.member.workspace
    wanted = Creation(request.POST.get("automatic") == "on", request.POST.get("enhanced") == "on")
    if wanted.is_looser_than(Creation.of(workspace)) and request.POST.get("confirmed") != "yes":
        makes = policy.preview_creation(workspace, wanted)
        if any(makes):
            return _creation(request, wanted=wanted, makes=makes)
    policy.set_creation(workspace, wanted, by=request.member)
    return _creation(request)


@require_POST
@admin_required(NO_MAIL)
def default_level(request: WorkspaceRequest) -> HttpResponse:
    value = request.POST.get("level", "")
    if value not in {str(level.value) for level in AccessLevel}:
        return HttpResponseBadRequest("Choose one of the three levels.")
    policy.set_default_level(request.member.workspace, AccessLevel(int(value)), by=request.member)
    if not request.htmx:
        return _back(request)
    said = {"text": "Saved for mailboxes connected from now on."}
    return trigger_client_event(HttpResponse(status=204), "done", said)


@require_POST
@admin_required(NO_MAIL)
def internal_domains(request: WorkspaceRequest) -> HttpResponse:
    """Add one. Where stored mail would go, that is first shown, and done when confirmed."""
    workspace, typed = request.member.workspace, request.POST.get("domain", "")
    try:
        loss = policy.preview_domain(workspace, typed)
        if loss and request.POST.get("confirmed") != "yes":
            return _render_domains(request, loss=loss, typed=typed)
        policy.add_internal_domain(workspace, typed, by=request.member)
    except NotInternal as error:
        return _render_domains(request, problem=str(error), typed=typed)
    return _render_domains(request)


@require_POST
@admin_required(NO_MAIL)
def internal_domain_removal(request: WorkspaceRequest) -> HttpResponse:
    domain = request.POST.get("domain", "")
    if request.POST.get("confirmed") != "yes":
        return _render_domains(request, leaving=domain)
    policy.remove_internal_domain(request.member.workspace, domain, by=request.member)
    return _render_domains(request)


def creation_context(workspace: Workspace, **more: Any) -> dict[str, Any]:
    """`would`: the companies and people that turning the rule off would make of stored mail."""
    now = Creation.of(workspace)
    context: dict[str, Any] = {"creation": now, **more}
    if now.automatic and now.enhanced:
        context["would"] = policy.preview_creation(workspace, Creation(automatic=True, enhanced=False))
    return context


def _creation(request: WorkspaceRequest, **more: Any) -> HttpResponse:
    if not request.htmx and "wanted" not in more:
        return _back(request)
    workspace = request.member.workspace
    context = creation_context(workspace, **more)
    if request.htmx:
        return render(request, "mailboxes/_record_creation.html", context)
    return _page(request, context | _domains(workspace))


def _domains(workspace: Workspace) -> dict[str, Any]:
    domains = InternalDomain.objects.filter(workspace=workspace).order_by("domain")
    return {"domains": domains, "proposed": policy.proposed_domains(workspace)}


def _render_domains(request: WorkspaceRequest, **more: Any) -> HttpResponse:
    if not request.htmx and not more:
        return _back(request)
    context = _domains(request.member.workspace) | more
    if request.htmx:
        return render(request, "mailboxes/_internal_domains.html", context)
    return _page(request, context | creation_context(request.member.workspace))


def _page(request: WorkspaceRequest, context: dict[str, Any]) -> HttpResponse:
    context["levels"] = [(level, level.label) for level in AccessLevel]
    idle = leasing.seconds_idle()
    if idle > IDLE_SECONDS:
        context["idle_since"] = timezone.now() - timedelta(seconds=idle)
    return render(request, "mailboxes/workspace_settings.html", context)


def _back(request: WorkspaceRequest) -> HttpResponse:
    return redirect("mailboxes:workspace_settings", request.member.workspace.slug)
