"""Manage access: what colleagues see of one's own mail with a record or in a thread."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.models import AccessLevel, Team
from crm.records import BY_PLURAL, find_record
from mailboxes.correspondence.conversation import read_thread
from mailboxes.models import Mailbox, Thread
from mailboxes.sharing.coverage import uncovered
from mailboxes.sharing.granting import (
    EVERYBODY,
    ChangedMeanwhile,
    Grantee,
    Target,
    as_seen,
    confirm_all,
    grants_on,
    record_target,
    set_access,
    thread_target,
)
from mailboxes.sharing.sharees import (
    GRANTABLE,
    BadAccess,
    options_for,
    posted_access,
    read_level,
    sharees_of,
)
from mailboxes.sharing.summary import access_of, colleagues, count_own, sources, summarise_access

AUDIENCES = ("default", "workspace", "selected")


@require_http_methods(["GET", "POST"])
@member_required(MAIL)
def record_access(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind = BY_PLURAL[plural]
    record = find_record(request.member, kind, pk)
    return _access(request, record_target(record), back=kind.url(request.member.workspace.slug, pk))


@require_POST
@member_required(MAIL)
def record_draft(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """Who would see what, before anything is saved."""
    return _draft(request, record_target(find_record(request.member, BY_PLURAL[plural], pk)))


@require_POST
@member_required(MAIL)
def coverage(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """Let the member's grants cover the addresses and domains the record has by now."""
    target = record_target(find_record(request.member, BY_PLURAL[plural], pk))
    is_outdated = False
    try:
        confirm_all(target, by=request.member, seen=request.POST.get("seen"))
    except ChangedMeanwhile:
        is_outdated = True
    access = access_of(grants_on(target, by=request.member))
    return _render(request, target, access, is_outdated=is_outdated)


@require_http_methods(["GET", "POST"])
@member_required(MAIL)
def thread_access(request: WorkspaceRequest, pk: int) -> HttpResponse:
    target = _thread_target(request, pk)
    return _access(request, target, back=f"/{request.member.workspace.slug}/emails/{pk}/")


@require_POST
@member_required(MAIL)
def thread_draft(request: WorkspaceRequest, pk: int) -> HttpResponse:
    return _draft(request, _thread_target(request, pk))


def _thread_target(request: WorkspaceRequest, pk: int) -> Target:
    """A thread of which the member holds something; any other has nothing to share."""
    conversation = read_thread(request.member, pk, now=timezone.localtime())
    if conversation is None or not conversation.holds_own:
        raise Http404
    return thread_target(get_object_or_404(Thread, pk=pk))


def _access(request: WorkspaceRequest, target: Target, *, back: str) -> HttpResponse:
    if request.method == "GET":
        return _render(request, target, access_of(grants_on(target, by=request.member)))
    try:
        set_access(target, _posted(request.POST), by=request.member, seen=request.POST.get("seen"))
    except ChangedMeanwhile:
        grants = grants_on(target, by=request.member)
        return _render(request, target, access_of(grants), is_outdated=True)
    except BadAccess:
        return HttpResponseBadRequest("Choose who sees your emails, and how much.")
    except PermissionDenied:
        return HttpResponseBadRequest("Somebody you chose is no longer in the workspace. Open this again.")
    if not request.htmx:
        return redirect(back)
    response = HttpResponse(status=204)
    changed: dict[str, Any] = {"done": {"text": "Saved who sees your emails here."}}
    if target.name == "thread":
        changed[f"thread-{target.row.pk}-changed"] = True
    response["HX-Trigger"] = json.dumps(changed)
    return response


def _draft(request: WorkspaceRequest, target: Target) -> HttpResponse:
    try:
        proposed = _posted(request.POST)
    except BadAccess:
        return HttpResponseBadRequest("Choose who sees your emails, and how much.")
    return render(request, "mailboxes/_access_draft.html", _context(request, target, proposed))


def _render(
    request: WorkspaceRequest,
    target: Target,
    access: Mapping[Grantee, AccessLevel],
    *,
    is_outdated: bool = False,
) -> HttpResponse:
    """What is stored; `is_outdated` when that is no longer what the member has just changed."""
    if is_outdated:
        request.POST = QueryDict()
    context = _context(request, target, access) | {"is_outdated": is_outdated}
    is_fragment = wants_part(request)
    template = "mailboxes/_access_dialog.html" if is_fragment else "mailboxes/access.html"
    return render(request, template, context)


def _context(
    request: WorkspaceRequest, target: Target, proposed: Mapping[Grantee, AccessLevel]
) -> dict[str, Any]:
    member = request.member
    grants = grants_on(target, by=member)
    teams = list(Team.objects.filter(workspace_id=member.workspace_id).order_by("name"))
    team_names = {team.pk: team.name for team in teams}
    everyone = colleagues(member)
    boxes = list(Mailbox.objects.owned_by(member).connected().order_by("pk"))
    audience = request.POST.get("audience") or _audience_of(proposed)
    return {
        "target": target,
        "access_url": _url(member.workspace.slug, target),
        "seen": as_seen(grants, target.reach()),
        "boxes": boxes,
        "default": _default_words(boxes),
        "count": count_own(member, target) if target.record_kind else None,
        "audience": audience,
        "everyone_level": proposed.get(EVERYBODY, AccessLevel.FULL),
        "members_total": len(everyone),
        "levels": GRANTABLE,
        "sharees": sharees_of(proposed, everyone, teams),
        "options": options_for(proposed, everyone, teams, besides=Grantee(member_id=member.pk)),
        "is_partly": any(grant.of_messages is not None for grant in grants),
        "uncovered": uncovered(target, by=member) if target.record_kind else [],
        "groups": summarise_access(
            member,
            everyone,
            sources(member, target, team_names=team_names),
            stored=access_of(grants),
            proposed=_effective(audience, proposed),
            team_names=team_names,
        ),
    }


def _url(slug: str, target: Target) -> str:
    kind = target.record_kind
    return f"/{slug}/{kind.plural if kind else 'emails'}/{target.row.pk}/access/"


def _default_words(boxes: list[Mailbox]) -> str:
    levels = {AccessLevel(box.default_level).label for box in boxes}
    return levels.pop() if len(levels) == 1 else "Different in each of your mailboxes"


def _audience_of(access: Mapping[Grantee, AccessLevel]) -> str:
    if EVERYBODY in access:
        return "workspace"
    return "selected" if access else "default"


def _effective(audience: str, access: Mapping[Grantee, AccessLevel]) -> dict[Grantee, AccessLevel]:
    """What saving would store: who is listed counts only where some are selected."""
    if audience == "default":
        return {}
    if audience == "workspace":
        return {EVERYBODY: access.get(EVERYBODY, AccessLevel.FULL)}
    return {one: level for one, level in access.items() if one != EVERYBODY}


def _posted(posted: QueryDict) -> dict[Grantee, AccessLevel]:
    """The form as access. Raises BadAccess."""
    audience = posted.get("audience", "")
    if audience not in AUDIENCES:
        raise BadAccess
    access = posted_access(posted)
    if audience == "workspace":
        access[EVERYBODY] = read_level(posted.get("everyone", str(AccessLevel.FULL.value)))
    return _effective(audience, access)
