"""Who may open a view, and what it shows of people's mail. A URL without both fails the tests."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from crm.membership import membership

View = Callable[..., HttpResponseBase]

PUBLIC, SIGNED_IN, MEMBER, ADMIN = "public", "signed-in", "member", "admin"
# What a response can hold of mail: nothing, or something that depends on who reads it.
NO_MAIL, MAIL = "no-mail", "mail"


class WorkspaceRequest(HttpRequest):
    """A request of a member; what `member_required` and `admin_required` hand to
    their views."""

    member: Any
    htmx: Any


def wants_part(request: WorkspaceRequest) -> bool:
    """htmx asks for the part of a page; who goes back in history gets the whole."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def public(view: View) -> View:
    return _declared(login_not_required(view), PUBLIC, PUBLIC)


def signed_in(view: View) -> View:
    """Login is required by default; this says so where the tests look."""
    return _declared(view, SIGNED_IN, NO_MAIL)


def member_required(tag: str) -> Callable[[View], View]:
    """An active member of the workspace named in the URL, as `request.member`; for everybody else
    the page does not exist. `tag` is NO_MAIL or MAIL."""
    return lambda view: _declared(_for_members(view), MEMBER, tag)


def admin_required(tag: str) -> Callable[[View], View]:
    """An admin of that workspace, likewise; its other members too find no page."""
    return lambda view: _declared(_for_members(_for_admins(view)), ADMIN, tag)


def _for_members(view: View) -> View:
    @wraps(view)
    def checked(request: WorkspaceRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        member = membership(request.user, slug)
        if member is None:
            raise Http404
        request.member = member
        return view(request, *args, **kwargs)

    return checked


def _for_admins(view: View) -> View:
    @wraps(view)
    def checked(request: WorkspaceRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.member.is_admin:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def _declared(view: View, policy: str, tag: str) -> View:
    view.policy, view.tag = policy, tag  # type: ignore[attr-defined]
    return view
