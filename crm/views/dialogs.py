"""A dialog's inside, in the one slot for dialogs or, opened by itself, on a page; and where to go after."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from crm.decorators import WorkspaceRequest


def dialog(
    request: WorkspaceRequest, template: str, context: dict[str, Any], *, back_url: str
) -> HttpResponse:
    """`back_url` is the page behind it, for whoever has opened it by itself."""
    context |= {"back_url": back_url}
    if request.htmx:
        return render(request, template, context)
    return render(request, "crm/dialog_page.html", context | {"dialog_template": template})


def leave_for(request: WorkspaceRequest, url: str) -> HttpResponse:
    """A page that shows what has changed, also when the change came out of a dialog. Whoever is there already
    stays at his place in it (see places.js)."""
    if not request.htmx:
        return redirect(url)
    is_there = request.htmx.current_url_abs_path == url
    return HttpResponseClientRefresh() if is_there else HttpResponseClientRedirect(url)


def page_before(request: WorkspaceRequest, otherwise: str) -> str:
    """The page of ours that somebody was on, with its sort and filters."""
    url = request.htmx.current_url_abs_path if request.htmx else request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and own else otherwise
