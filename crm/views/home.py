"""Where people arrive: their workspace, or the making of the first one."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required, public, signed_in
from crm.health import measured
from crm.models import Workspace
from crm.name_field import NameField
from crm.shell import memberships
from crm.starting import require_migrations
from crm.workspaces import AlreadyFounded, found_workspace


class WorkspaceForm(forms.Form):
    name = NameField(label="Name of your workspace")


@require_http_methods(["GET", "POST"])
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Sign-up creates the first workspace; afterwards people come by invitation."""
    membership = memberships(request.user).first()
    if membership:
        return redirect("crm:companies", membership.workspace.slug)
    if Workspace.objects.exists():
        return render(request, "crm/no_workspace.html", status=403)
    form = WorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            workspace = found_workspace(request.user, form.cleaned_data["name"])  # type: ignore[arg-type]
        except AlreadyFounded:
            return redirect("crm:home")
        messages.success(request, f"{workspace.name} is ready.")
        return redirect("crm:companies", workspace.slug)
    return render(request, "crm/first_workspace.html", {"form": form})


@require_safe
@member_required(NO_MAIL)
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """Who shortens an address arrives all the same."""
    return redirect("crm:companies", request.member.workspace.slug)


@require_safe
@signed_in
def workspaces(request: HttpRequest) -> HttpResponse:
    """The menu behind the workspace's name."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("crm:home")
    return render(request, "crm/_workspaces.html", {"memberships": memberships(request.user)})


@require_safe
@public
def health(request: HttpRequest) -> JsonResponse:
    """For load balancers: 200 when the database and Redis answer and nothing waits to be migrated, else
    503. What is measured besides is no reason to send nobody here."""
    checks = {"database": _answers(_ask_database), "redis": _answers(_ask_redis)}
    checks["migrated"] = checks["database"] and _answers(require_migrations)
    measures = measured(is_asked=checks["migrated"])
    return JsonResponse(
        {"product": settings.PRODUCT_NAME, **checks, **measures}, status=200 if all(checks.values()) else 503
    )


def _answers(ask: object) -> bool:
    try:
        ask()  # type: ignore[operator]
    except Exception:  # whatever is wrong with it, it does not answer
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    cache.get("health")
