"""The pages for what is not there, and for what went wrong."""

import sys
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.utils import timezone
from django.views.defaults import server_error
from psycopg.errors import QueryCanceled
from redis import RedisError

from crm.edits.undoing import UNDOABLE_FOR
from crm.models import AuditEvent, Deletion, Member
from crm.records import BY_PLURAL, COMPANY, RecordType
from crm.room import NO_ROOM, is_full


@dataclass(frozen=True, slots=True)
class Deleted:
    """What its reader deleted, and can still have back."""

    name: str
    at: datetime
    undo_url: str


# Records are merged into what has been merged before; nobody does that more often.
_MOST_MERGES = 10


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if merged := _merged(request):
        return redirect(merged)
    return render(request, "404.html", {"deleted": _deleted(request)}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Where nobody made a mistake: 503 as the database or Redis does not answer, 507 as a disk is full."""
    error = sys.exc_info()[1]
    if is_full(error):
        return HttpResponse(NO_ROOM, status=507, content_type="text/plain; charset=utf-8")
    if not isinstance(error, OperationalError | InterfaceError | RedisError) or isinstance(
        error.__cause__, QueryCanceled
    ):
        return server_error(request)
    headers = {"Retry-After": "10"}
    return HttpResponse(get_template("503.html").render(), status=503, headers=headers)


def _merged(request: HttpRequest) -> str:
    """The same page of the record that the one asked for has become; "" for any other, and for a part of a
    page: what is edited in the row of one record must not be another."""
    member, kind, pk = _asked_for(request)
    if member is None or request.method not in ("GET", "HEAD") or request.htmx:  # type: ignore[attr-defined]
        return ""
    merges = AuditEvent.objects.filter(workspace_id=member.workspace_id, action="records_merged")
    into = pk
    for _ in range(_MOST_MERGES):
        found = merges.filter(details__kind=kind.name, details__record=into)
        next_one = found.values_list("details__into", flat=True)[:1]  # it happens to a record once
        if not next_one:
            break
        into = next_one[0]
    slug = member.workspace.slug
    is_there = into != pk and kind.model.objects.filter(pk=into, workspace_id=member.workspace_id).exists()
    here = request.get_full_path()
    there = here.replace(kind.url(slug, pk), kind.url(slug, into), 1)
    return there if is_there and there != here else ""


def _asked_for(request: HttpRequest) -> tuple[Member | None, RecordType, int]:
    """Who asked for which record; nobody where the page is not a record's."""
    member: Member | None = getattr(request, "member", None)
    given = request.resolver_match.kwargs if request.resolver_match else {}
    if member is None or given.get("plural") not in BY_PLURAL or "pk" not in given:
        return None, COMPANY, 0
    return member, BY_PLURAL[given["plural"]], given["pk"]


def _deleted(request: HttpRequest) -> Deleted | None:
    """The record whose page this was, for whoever deleted it; to everybody else it is as any other."""
    member, kind, pk = _asked_for(request)
    if member is None:
        return None
    kept = Deletion.objects.by(member).filter(
        kind=kind.name,
        undone_at=None,
        created_at__gt=timezone.now() - UNDOABLE_FOR,
        contents__records__contains=[{"id": pk}],
    )
    one = kept.order_by("-pk").first()
    if one is None:
        return None
    names = {row["id"]: row["name"] for row in one.contents["records"]}
    name, rest = names[pk], len(names) - 1
    what = f"{name} and {rest} more" if rest else name
    return Deleted(what, one.created_at, f"/{member.workspace.slug}/deletions/{one.pk}/undoing/")
