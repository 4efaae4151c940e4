"""A dialog's inside, in the one slot for dialogs or, opened by itself, on a page; and where to go after."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from crm.decorators import WorkspaceRequest


def dialog(
    request: WorkspaceRequest, template: str, context: dict[str, Any], *, back_url: str
) -> HttpResponse:
    """`back_url` is the page behind it, for whoever has opened it by itself."""
    return _framed(request, "crm/dialog_page.html", template, context | {"back_url": back_url})


def settings_dialog(
    request: WorkspaceRequest, template: str, context: dict[str, Any], *, back_url: str = ""
) -> HttpResponse:
    return _framed(request, "crm/settings/dialog_page.html", template, context | {"back_url": back_url})


def _framed(request: WorkspaceRequest, frame: str, template: str, context: dict[str, Any]) -> HttpResponse:
    if request.htmx:
        return render(request, template, context)
    return render(request, frame, context | {"dialog_template": template})


def leave_for(request: WorkspaceRequest, url: str) -> HttpResponse:
    """A page that shows what has changed, also when the change came out of a dialog. Whoever is there already
    stays at his place in it (see places.js)."""
    if not request.htmx:
        return redirect(url)
    is_there = request.htmx.current_url_abs_path == url
    return HttpResponseClientRefresh() if is_there else HttpResponseClientRedirect(url)


def go_to(request: WorkspaceRequest, name: str, *args: Any) -> HttpResponse:
    """The same for a page by its name."""
    return leave_for(request, reverse(name, args=[request.member.workspace.slug, *args]))


def page_before(request: WorkspaceRequest, otherwise: str) -> str:
    """The page of ours that somebody was on, with its sort and filters."""
    url = request.htmx.current_url_abs_path if request.htmx else request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and own else otherwise
