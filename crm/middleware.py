from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from crm.frames import roomy
from crm.regional import region_of, written_for

GetResponse = Callable[[HttpRequest], HttpResponse]


def viewer_time(get_response: GetResponse) -> GetResponse:
    """Times are shown in the viewer's zone, which the browser says in a cookie, as they are written in the
    region of the language that it asks for."""

    @roomy
    def middleware(request: HttpRequest) -> HttpResponse:
        region = region_of(request.headers.get("Accept-Language", ""))
        with timezone.override(_zone(request.COOKIES.get("timezone", ""))), written_for(region):
            return get_response(request)

    return middleware


def private_pages(get_response: GetResponse) -> GetResponse:
    """No cache, shared or the browser's, keeps what a signed-in person saw, or takes a part for the page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        # What did not ask who is there says nothing of it, and health is asked for when nobody can be told.
        if request.session.accessed and request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware


def forms_again(get_response: GetResponse) -> GetResponse:
    """What a form is sent to shows nothing by itself, but under a refused form it is what the address bar
    holds: Back and a new tab lead to the form again, or are told that there is none."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 405 or request.method not in ("GET", "HEAD"):
            return response
        if form := _form_of(request.path):
            return redirect(f"{form}?{query}" if (query := request.META["QUERY_STRING"]) else form)
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page

    return middleware


def _form_of(path: str) -> str:
    for form in (f"{path}form/", f"{path}new/"):
        try:
            resolve(form)
        except Resolver404:
            continue
        return form
    return ""


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name[:64] or "UTC")
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")
