"""The pages for what is not there, and for what went wrong."""

import sys
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils import timezone
from django.views.defaults import server_error
from psycopg.errors import QueryCanceled
from redis import RedisError

from crm.edits.undoing import UNDOABLE_FOR
from crm.models import Deletion, Member
from crm.records import BY_PLURAL


@dataclass(frozen=True, slots=True)
class Deleted:
    """What its reader deleted, and can still have back."""

    name: str
    at: datetime
    undo_url: str


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", {"deleted": _deleted(request)}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """503 where nobody made a mistake: the database or Redis does not answer."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError | RedisError) or isinstance(
        error.__cause__, QueryCanceled
    ):
        return server_error(request)
    headers = {"Retry-After": "10"}
    return HttpResponse(get_template("503.html").render(), status=503, headers=headers)


def _deleted(request: HttpRequest) -> Deleted | None:
    """The record whose page this was, for whoever deleted it; to everybody else it is as any other."""
    member: Member | None = getattr(request, "member", None)
    given = request.resolver_match.kwargs if request.resolver_match else {}
    if member is None or given.get("plural") not in BY_PLURAL or "pk" not in given:
        return None
    kept = Deletion.objects.by(member).filter(
        kind=BY_PLURAL[given["plural"]].name,
        undone_at=None,
        created_at__gt=timezone.now() - UNDOABLE_FOR,
        contents__records__contains=[{"id": given["pk"]}],
    )
    one = kept.order_by("-pk").first()
    if one is None:
        return None
    names = {row["id"]: row["name"] for row in one.contents["records"]}
    name, rest = names[given["pk"]], len(names) - 1
    what = f"{name} and {rest} more" if rest else name
    return Deleted(what, one.created_at, f"/{member.workspace.slug}/deletions/{one.pk}/undoing/")
