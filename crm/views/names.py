"""Settings, Profile and General: what people and their workspace are called."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from crm import accounts, workspaces
from crm.decorators import NO_MAIL, WorkspaceRequest, admin_required, member_required
from crm.name_field import NameField


class NameForm(forms.Form):
    name = NameField(label="Name")


@require_http_methods(["GET", "POST"])
@member_required(NO_MAIL)
def profile(request: WorkspaceRequest) -> HttpResponse:
    form = NameForm(request.POST or None, initial={"name": request.member.user.name})
    if request.method == "POST" and form.is_valid():
        accounts.rename(request.member.user, form.cleaned_data["name"])
        messages.success(request, "Your name is changed.")
        return redirect("crm:profile", request.member.workspace.slug)
    return _show(
        request, form, title="Profile", lede="What colleagues see of you, in every workspace you are in."
    )


@require_http_methods(["GET", "POST"])
@admin_required(NO_MAIL)
def general(request: WorkspaceRequest) -> HttpResponse:
    workspace = request.member.workspace
    form = NameForm(request.POST or None, initial={"name": workspace.name})
    if request.method == "POST" and form.is_valid():
        workspaces.rename(workspace, form.cleaned_data["name"], by=request.member)
        messages.success(request, "The workspace has its new name.")
        return redirect("crm:general", workspace.slug)
    lede = "What the workspace is called. Addresses of its pages stay as they are."
    return _show(request, form, title="General", lede=lede, is_for_admins=True)


def _show(request: WorkspaceRequest, form: NameForm, **words: object) -> HttpResponse:
    context = {"form": form, **words}
    return render(request, "crm/settings/name.html", context, status=400 if form.errors else 200)
