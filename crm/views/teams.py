"""Teams of the workspace, and who is in them."""

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from crm import teams as verbs
from crm.decorators import NO_MAIL, WorkspaceRequest, admin_required
from crm.models import Member, Team
from crm.naming import name_key
from crm.teams import NameRefused
from crm.views.dialogs import go_to, settings_dialog
from crm.views.members import find_member


class TeamForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"})
    )


class JoiningForm(forms.Form):
    member = forms.IntegerField(min_value=1)


@require_safe
@admin_required(NO_MAIL)
def teams(request: WorkspaceRequest) -> HttpResponse:
    found = sorted(_teams(request.member), key=lambda team: name_key(team.name))
    return render(request, "crm/settings/teams.html", {"teams": found})


@require_safe
@admin_required(NO_MAIL)
def team(request: WorkspaceRequest, pk: int) -> HttpResponse:
    found = _find(request.member, pk)
    offered = Member.objects.active().filter(workspace_id=request.member.workspace_id).exclude(teams=found)
    context = {"team": found, "offered": _by_name(offered.select_related("user"))}
    return render(request, "crm/settings/team.html", context)


@require_safe
@admin_required(NO_MAIL)
def creation_form(request: WorkspaceRequest) -> HttpResponse:
    return _name(request, TeamForm())


@require_POST
@admin_required(NO_MAIL)
def creation(request: WorkspaceRequest) -> HttpResponse:
    form = TeamForm(request.POST)
    try:
        if not form.is_valid():
            return _name(request, form)
        made = verbs.create_team(form.cleaned_data["name"], by=request.member)
    except NameRefused as error:
        form.add_error("name", str(error))
        return _name(request, form)
    return go_to(request, "crm:team", made.pk)


@require_safe
@admin_required(NO_MAIL)
def name_form(request: WorkspaceRequest, pk: int) -> HttpResponse:
    found = _find(request.member, pk)
    return _name(request, TeamForm(initial={"name": found.name}), team=found)


@require_POST
@admin_required(NO_MAIL)
def name(request: WorkspaceRequest, pk: int) -> HttpResponse:
    found = _find(request.member, pk)
    form = TeamForm(request.POST)
    try:
        if not form.is_valid():
            return _name(request, form, team=found)
        verbs.rename_team(found, form.cleaned_data["name"], by=request.member)
    except NameRefused as error:
        form.add_error("name", str(error))
        return _name(request, form, team=found)
    return go_to(request, "crm:team", found.pk)


@require_safe
@admin_required(NO_MAIL)
def deletion_form(request: WorkspaceRequest, pk: int) -> HttpResponse:
    return settings_dialog(request, "crm/settings/_delete_team.html", {"team": _find(request.member, pk)})


@require_POST
@admin_required(NO_MAIL)
def deletion(request: WorkspaceRequest, pk: int) -> HttpResponse:
    found = _find(request.member, pk)
    verbs.delete_team(found, by=request.member)
    messages.success(request, f"The team {found.name} is deleted.")
    return go_to(request, "crm:teams")


@require_POST
@admin_required(NO_MAIL)
def joining(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Somebody joins; only active members are offered."""
    found = _find(request.member, pk)
    form = JoiningForm(request.POST)
    if not form.is_valid():
        raise BadRequest("There is no such member.")
    member = find_member(request.member, form.cleaned_data["member"])
    if not member.is_active:
        messages.error(request, f"{member.name} is deactivated and joins no team.")
    else:
        verbs.join_team(found, member, by=request.member)
    return go_to(request, "crm:team", found.pk)


@require_POST
@admin_required(NO_MAIL)
def leaving(request: WorkspaceRequest, pk: int, member_pk: int) -> HttpResponse:
    found = _find(request.member, pk)
    verbs.leave_team(found, find_member(request.member, member_pk), by=request.member)
    return go_to(request, "crm:team", found.pk)


def _find(viewer: Member, pk: int) -> Team:
    return get_object_or_404(_teams(viewer), pk=pk)


def _teams(viewer: Member) -> QuerySet[Team]:
    inside = Member.objects.active().select_related("user")
    whole = Prefetch("members", queryset=inside.order_by("user__name", "pk"), to_attr="active_members")
    return Team.objects.filter(workspace_id=viewer.workspace_id).prefetch_related(whole)


def _by_name(members: QuerySet[Member]) -> list[Member]:
    return sorted(members, key=lambda member: (name_key(member.name), member.pk))


def _name(request: WorkspaceRequest, form: TeamForm, *, team: Team | None = None) -> HttpResponse:
    return settings_dialog(request, "crm/settings/_name_team.html", {"form": form, "team": team})
