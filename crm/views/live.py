"""The stream that open pages listen to."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.presence import Presence
from crm.streaming import RECALL_SECONDS, Stream, follow, in_this_thread

EVENTS = "text/event-stream"


def _without_sign_in_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A stream that was redirected to a page would be asked for again and again; refused, it ends."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return HttpResponse("Sign in first.", status=401, content_type="text/plain")
        return view(request, *args, **kwargs)

    return login_not_required(checked)


@require_safe
@_without_sign_in_page
@member_required(NO_MAIL)
def live(request: WorkspaceRequest) -> HttpResponseBase:
    """Ids of what changes in the workspace, for as long as somebody listens. HEAD says whether one may."""
    if request.method == "HEAD":
        return HttpResponse(content_type=EVENTS)
    presence = Presence(request.member.pk, request.session.session_key or "")
    parts = follow(Stream(request.member.workspace_id, presence), age=_age(request))
    has_loop = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(parts if has_loop else in_this_thread(parts), content_type=EVENTS)
    response["X-Accel-Buffering"] = "no"
    return response


def _age(request: HttpRequest) -> float:
    """How old the page is, in seconds; it says so in milliseconds."""
    asked = request.GET.get("age", "")
    return int(asked) / 1000 if asked.isdecimal() and len(asked) < 9 else RECALL_SECONDS
