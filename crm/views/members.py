"""Who is in the workspace: roles, leaving, coming back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm import workspaces
from crm.decorators import NO_MAIL, WorkspaceRequest, admin_required
from crm.models import Invitation, Member, Role
from crm.naming import name_key
from crm.views.dialogs import go_to, settings_dialog
from crm.workspaces import LastAdmin


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


@require_safe
@admin_required(NO_MAIL)
def members(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "crm/settings/members.html", people(request.member))


@require_POST
@admin_required(NO_MAIL)
def role(request: WorkspaceRequest, pk: int) -> HttpResponse:
    member = find_member(request.member, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise BadRequest("There is no such role.")
    try:
        workspaces.change_role(member, Role(form.cleaned_data["role"]), by=request.member)
    except LastAdmin as error:
        messages.error(request, str(error))
        return go_to(request, "crm:members")
    messages.success(request, _new_role(member, request.member))
    is_still_admin = member.pk != request.member.pk or member.is_admin
    return go_to(request, "crm:members" if is_still_admin else "crm:companies")


@require_safe
@admin_required(NO_MAIL)
def deactivation_form(request: WorkspaceRequest, pk: int) -> HttpResponse:
    return _ask(request, find_member(request.member, pk))


@require_POST
@admin_required(NO_MAIL)
def deactivation(request: WorkspaceRequest, pk: int) -> HttpResponse:
    member = find_member(request.member, pk)
    try:
        workspaces.deactivate(member, by=request.member)
    except LastAdmin:
        return _ask(request, member)
    if member.pk == request.member.pk:
        return _see_off(request)
    messages.success(request, f"{member.name} is deactivated.")
    return go_to(request, "crm:members")


@require_POST
@admin_required(NO_MAIL)
def reactivation(request: WorkspaceRequest, pk: int) -> HttpResponse:
    member = find_member(request.member, pk)
    workspaces.reactivate(member, by=request.member)
    messages.success(request, f"{member.name} is back.")
    return go_to(request, "crm:members")


def find_member(viewer: Member, pk: int) -> Member:
    """Active or not; one of another workspace does not exist."""
    known = Member.objects.select_related("user", "workspace")
    return get_object_or_404(known, pk=pk, workspace_id=viewer.workspace_id)


def people(viewer: Member) -> dict[str, Any]:
    everybody = (
        Member.objects.filter(workspace_id=viewer.workspace_id)
        .select_related("user")
        .prefetch_related("teams")
    )
    by_name = sorted(everybody, key=lambda member: (name_key(member.name), member.pk))
    waiting = Invitation.objects.filter(workspace_id=viewer.workspace_id, accepted_at=None)
    return {
        "active": [member for member in by_name if member.is_active],
        "inactive": [member for member in by_name if not member.is_active],
        "waiting": waiting.select_related("invited_by__user").order_by("-expires_at", "email"),
        "roles": Role.choices,
        "now": timezone.now(),
    }


def _ask(request: WorkspaceRequest, member: Member) -> HttpResponse:
    problem = str(LastAdmin(member)) if workspaces.is_last_admin(member) else ""
    context = {"member": member, "is_self": member.pk == request.member.pk, "problem": problem}
    return settings_dialog(request, "crm/settings/_deactivate.html", context)


def _new_role(member: Member, viewer: Member) -> str:
    who = "You are" if member.pk == viewer.pk else f"{member.name} is"
    return f"{who} {'an admin' if member.is_admin else 'a member'} now."


def _see_off(request: WorkspaceRequest) -> HttpResponse:
    """Other workspaces of his, if he has any, take him as he comes."""
    if not Member.objects.active().filter(user_id=request.member.user_id).exists():
        logout(request)
    return HttpResponseClientRedirect("/") if request.htmx else redirect("/")
