"""Account settings, Email & calendar: what is connected, what colleagues see of it, what stays out."""

import json
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.models import AccessLevel, Team
from crm.plurals import counted
from crm.records import read_id
from mailboxes.accounts.applications import providers_for
from mailboxes.accounts.overview import Account, left_out, read_accounts, try_again
from mailboxes.models import Mailbox, MailboxState, QuarantinedItem
from mailboxes.removing import remove, what_goes
from mailboxes.sharing.accesslog import read_log
from mailboxes.sharing.granting import (
    ChangedMeanwhile,
    Grantee,
    as_seen,
    grants_on,
    mailbox_target,
    set_access,
)
from mailboxes.sharing.sharees import GRANTABLE, BadAccess, options_for, posted_access, sharees_of
from mailboxes.sharing.summary import access_of, colleagues
from mailboxes.views.blocklist import blocklist_context
from mailboxes.views.own_mailbox import account_dialog, own_mailbox, settings_url

MOST_ITEMS = 100


@require_safe
@member_required(NO_MAIL)
def settings_home(request: WorkspaceRequest) -> HttpResponse:
    """Who shortens an address arrives all the same."""
    return redirect("mailboxes:account_settings", request.member.workspace.slug)


@require_safe
@member_required(MAIL)
def account_settings(request: WorkspaceRequest) -> HttpResponse:
    if wants_part(request) and "log" in request.GET:
        return render(request, "mailboxes/_account_log.html", {"log": read_log(request.member)})
    accounts = read_accounts(request.member, now=timezone.localtime())
    if wants_part(request) and "list" in request.GET:
        return render(request, "mailboxes/_accounts.html", {"accounts": accounts})
    context: dict[str, Any] = {"accounts": accounts, "log": read_log(request.member)}
    context["providers"] = providers_for(request.member)
    mailbox = _chosen(request, accounts)
    if mailbox is not None:
        context |= sharing_context(request, mailbox) | blocklist_context(mailbox)
        context["before"] = _level(request.GET.get("before", ""))  # offered until now, when it comes anew
        context["chooseable"] = [one for one in accounts if one.state != MailboxState.REMOVING]
    return render(request, "mailboxes/account_settings.html", context)


@require_POST
@member_required(NO_MAIL)
def default_level(request: WorkspaceRequest, pk: int) -> HttpResponse:
    mailbox, level = own_mailbox(request, pk), _level(request.POST.get("level", ""))
    if level is None:
        return HttpResponseBadRequest("Choose one of the three levels.")
    before = AccessLevel(mailbox.default_level)
    mailbox.set_default_level(level, by=request.member)
    emails = counted(mailbox.copies.filter(blocked_by=None).count(), "email", "emails")
    said = {"text": f"Colleagues see {level.label.lower()} of {emails} in {mailbox.address}."}
    return trigger_client_event(_sharing(request, mailbox, before=before), "done", said)


@require_POST
@member_required(NO_MAIL)
def shares(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Members and teams that see more of the whole mailbox; each change is saved at once."""
    mailbox = own_mailbox(request, pk)
    try:
        access, seen = posted_access(request.POST), request.POST.get("seen")
        set_access(mailbox_target(mailbox), access, by=request.member, seen=seen)
    except ChangedMeanwhile:
        response = _sharing(request, mailbox)
        text = "What you share was changed elsewhere meanwhile. This is how it is now; choose again."
        response["HX-Trigger"] = json.dumps({"done": {"text": text}})
        return response
    except (BadAccess, PermissionDenied):
        return HttpResponseBadRequest("Choose who sees more of this mailbox, and how much.")
    return _sharing(request, mailbox)


@require_safe
@member_required(NO_MAIL)
def items(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """What could not be read, and what was left out on purpose."""
    mailbox = own_mailbox(request, pk)
    aside = QuarantinedItem.objects.filter(stream__mailbox=mailbox).select_related("stream").order_by("-pk")
    context = {"mailbox": mailbox, "aside": aside[:MOST_ITEMS], "total": aside.count()}
    return account_dialog(request, "mailboxes/_items.html", context | {"left_out": left_out(mailbox)})


@require_POST
@member_required(NO_MAIL)
def retry(request: WorkspaceRequest, pk: int) -> HttpResponse:
    try_again(own_mailbox(request, pk), by=request.member)
    if not request.htmx:
        return redirect("mailboxes:account_settings", request.member.workspace.slug)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"accounts-changed": True})
    return response


@require_safe
@member_required(NO_MAIL)
def removal_form(request: WorkspaceRequest, pk: int) -> HttpResponse:
    mailbox = own_mailbox(request, pk)
    return account_dialog(
        request, "mailboxes/_removal.html", {"mailbox": mailbox, "goes": what_goes(mailbox)}
    )


@require_POST
@member_required(NO_MAIL)
def removal(request: WorkspaceRequest, pk: int) -> HttpResponse:
    mailbox = own_mailbox(request, pk)
    if request.POST.get("understood") != "yes":
        return HttpResponseBadRequest("Tick that you understand that this cannot be undone.")
    remove(mailbox, by=request.member)
    if not request.htmx:
        return redirect("mailboxes:account_settings", request.member.workspace.slug)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"accounts-changed": True})
    return response


def sharing_context(request: WorkspaceRequest, mailbox: Mailbox) -> dict[str, Any]:
    grants = grants_on(mailbox_target(mailbox), by=request.member)
    access = access_of(grants)
    everyone = colleagues(request.member)
    teams = list(Team.objects.filter(workspace_id=mailbox.workspace_id).order_by("name"))
    return {
        "mailbox": mailbox,
        "seen": as_seen(grants, ()),
        "levels": [(level, level.label) for level in AccessLevel],
        "workspace_level": mailbox.workspace.default_level,
        "grantable": GRANTABLE,
        "sharees": sharees_of(access, everyone, teams),
        "options": options_for(access, everyone, teams, besides=Grantee(member_id=request.member.pk)),
    }


def _sharing(
    request: WorkspaceRequest, mailbox: Mailbox, *, before: AccessLevel | None = None
) -> HttpResponse:
    """`before` is the level that a press has just taken away, and another gives back."""
    if not request.htmx:
        return redirect(settings_url(request, mailbox))
    context = sharing_context(request, mailbox) | {"before": before}
    return render(request, "mailboxes/_sharing.html", context)


def _level(given: str) -> AccessLevel | None:
    return next((level for level in AccessLevel if str(level.value) == given), None)


def _chosen(request: WorkspaceRequest, accounts: list[Account]) -> Mailbox | None:
    """The one asked for, or else the first; without one that goes while we look."""
    listed = [one.pk for one in accounts if one.state != MailboxState.REMOVING]
    own = Mailbox.objects.owned_by(request.member).connected().select_related("workspace").in_bulk(listed)
    pk = read_id(request.GET.get("mailbox", ""))
    return own[pk if pk in own else min(own)] if own else None
