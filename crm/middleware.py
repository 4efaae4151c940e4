from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from crm.regional import region_of, written_for

GetResponse = Callable[[HttpRequest], HttpResponse]


def viewer_time(get_response: GetResponse) -> GetResponse:
    """Times are shown in the viewer's zone, which the browser says in a cookie, as they are written in the
    region of the language that it asks for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        region = region_of(request.headers.get("Accept-Language", ""))
        with timezone.override(_zone(request.COOKIES.get("timezone", ""))), written_for(region):
            return get_response(request)

    return middleware


def private_pages(get_response: GetResponse) -> GetResponse:
    """No cache, shared or the browser's, keeps what a signed-in person saw."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # What did not ask who is there says nothing of it, and health is asked for when nobody can be told.
        if request.session.accessed and request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name[:64] or "UTC")
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")
