"""Connect an account, edit or reconnect it, upload an archive. Own mailboxes only."""

import json
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.room import NoRoom
from mailboxes.accounts import connecting, receiving, refusing, uploads
from mailboxes.accounts.forms import SECRETS, ArchiveForm, ServersForm
from mailboxes.accounts.refusing import AnotherAccount, OverPlan
from mailboxes.accounts.trying import CannotConnect, try_servers
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.views.own_mailbox import account_dialog

# Somebody who guesses passwords, or looks for servers, through ours is slowed down.
MOST_TRIES, TRIES_SECONDS = 30, 600


@require_safe
@member_required(NO_MAIL)
def new_servers(request: WorkspaceRequest) -> HttpResponse:
    try:
        refusing.refuse_over_plan(request.member)
    except OverPlan as error:
        return refused(request, error)
    return _servers(request, ServersForm(member=request.member))


@sensitive_post_parameters(*SECRETS)
@require_POST
@member_required(NO_MAIL)
def connect_servers(request: WorkspaceRequest) -> HttpResponse:
    try:
        refusing.refuse_over_plan(request.member)
    except OverPlan as error:
        return refused(request, error)
    form = ServersForm(request.POST, member=request.member)
    if not form.is_valid():
        return _servers(request, form)
    address, aliases = form.cleaned_data["address"], form.cleaned_data["aliases"]
    if connected := _connected(request).filter(address=address).first():
        return _servers(request, form, connected=connected)
    try:
        refusing.refuse(request.member, kind=MailboxKind.IMAP, addresses=[address, *aliases])
        refusing.refuse_known(request.member, [address, *aliases])
        if failed := _try(request, form):
            return failed
        connecting.connect_servers(
            request.member,
            address=address,
            passwords=form.servers.passwords,
            imap=form.servers.imap,
            caldav=form.servers.caldav,
            aliases=aliases,
            history_from=form.cleaned_data["history_from"],
        )
    except CannotConnect as error:
        form.add_error(None, str(error))
        return _servers(request, form)
    return done(request, f"{address} is connected; reading begins within a minute.")


@sensitive_post_parameters(*SECRETS)
@require_http_methods(["GET", "POST"])
@member_required(NO_MAIL)
def account(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Edit and reconnect in one."""
    mailbox = get_object_or_404(_connected(request).select_related("workspace", "member__user"), pk=pk)
    if request.method == "GET":
        return _servers(request, ServersForm(member=request.member, mailbox=mailbox))
    form = ServersForm(request.POST, member=request.member, mailbox=mailbox)
    if not form.is_valid():
        return _servers(request, form)
    aliases, is_same = form.cleaned_data["aliases"], form.cleaned_data["is_same_account"]
    try:
        refusing.refuse(request.member, kind=MailboxKind.IMAP, addresses=[mailbox.address, *aliases])
        refusing.refuse_known(request.member, [mailbox.address, *aliases])
        refusing.refuse_other_user(mailbox, form.servers, is_same_account=is_same)
        if failed := _try(request, form):
            return failed
        connecting.change_servers(
            mailbox,
            form.servers,
            by=request.member,
            aliases=aliases,
            history_from=form.cleaned_data["history_from"],
            is_same_account=is_same,
        )
    except CannotConnect as error:
        form.add_error(None, str(error))
        return _servers(request, form, asks_whether_same=isinstance(error, AnotherAccount))
    return done(request, f"{mailbox.address} is saved; reading goes on within a minute.")


@require_safe
@member_required(NO_MAIL)
def new_archive(request: WorkspaceRequest) -> HttpResponse:
    return _archive(request, ArchiveForm(member=request.member))


@csrf_exempt  # the token is in the body, and the body goes to disk: see below
@require_POST
@member_required(NO_MAIL)
def connect_archive(request: WorkspaceRequest) -> HttpResponse:
    """Where files go has to be said before anybody looks at the body."""
    try:
        with receiving.staging() as folder:
            request.upload_handlers = [receiving.ToDisk(request, folder)]
            return _take_archive(request, folder)
    except NoRoom as error:  # it may not even be known yet what was written into the form
        outcome = uploads.Outcome("All files", problem=str(error))
        return _archive(request, ArchiveForm(member=request.member), outcomes=[outcome])


@csrf_protect
def _take_archive(request: WorkspaceRequest, folder: Path) -> HttpResponse:
    form = ArchiveForm(request.POST, request.FILES, member=request.member)
    if not form.is_valid():
        return _archive(request, form)
    address, aliases = form.cleaned_data["address"], form.cleaned_data["aliases"]
    try:
        refusing.refuse(request.member, kind=MailboxKind.ARCHIVE, addresses=[address, *aliases])
        refusing.refuse_known(request.member, [address, *aliases])
        outcomes = [uploads.look(file, folder) for file in form.cleaned_data["uploaded"]]
        accepted = [one for outcome in outcomes for one in outcome.accepted]
        if not accepted:
            return _archive(request, form, outcomes=outcomes)
        connecting.connect_archive(request.member, address=address, files=accepted, aliases=aliases)
    except (CannotConnect, NoRoom) as error:
        form.add_error(None, str(error))
        return _archive(request, form)
    if any(outcome.problem or outcome.remarks for outcome in outcomes):
        return _told(request, {"address": address, "outcomes": outcomes})
    return done(request, f"The files are in the archive of {address}; reading begins within a minute.")


def _connected(request: WorkspaceRequest) -> Any:
    return Mailbox.objects.owned_by(request.member).connected().filter(kind=MailboxKind.IMAP)


def _try(request: WorkspaceRequest, form: ServersForm) -> HttpResponse | None:
    """The form with what failed, or None when everything works."""
    if not may_try(request):
        form.add_error(None, "You have tried often in a short time. Wait ten minutes, then go on.")
        return _servers(request, form)
    tried = try_servers(form.servers, known=form.mailbox)
    return _servers(request, form, tried=tried) if any(one.failed for one in tried) else None


def may_try(request: WorkspaceRequest) -> bool:
    key = f"connection-tries:{request.member.pk}"
    cache.add(key, 0, TRIES_SECONDS)
    try:
        return cache.incr(key) <= MOST_TRIES
    except ValueError:  # forgotten between the two lines
        return True


def _servers(request: WorkspaceRequest, form: ServersForm, **more: Any) -> HttpResponse:
    return account_dialog(
        request, "mailboxes/_server_form.html", {"form": form, "mailbox": form.mailbox, **more}
    )


def _archive(request: WorkspaceRequest, form: ArchiveForm, **more: Any) -> HttpResponse:
    own = Mailbox.objects.owned_by(request.member).filter(kind=MailboxKind.ARCHIVE)
    there = own.connected().order_by("pk")
    try:
        refusing.refuse_over_plan(request.member)
    except OverPlan as error:
        if not there:
            return refused(request, error)
    return account_dialog(
        request, "mailboxes/_archive_form.html", {"form": form, "archives": there, "is_upload": True, **more}
    )


def refused(request: WorkspaceRequest, error: OverPlan) -> HttpResponse:
    return account_dialog(request, "mailboxes/_connect_refused.html", {"problem": str(error)})


def _told(request: WorkspaceRequest, context: dict[str, Any]) -> HttpResponse:
    response = account_dialog(request, "mailboxes/_connected.html", context)
    response["HX-Trigger"] = json.dumps({"accounts-changed": True})
    return response


def done(request: WorkspaceRequest, said: str) -> HttpResponse:
    if not request.htmx:
        messages.success(request, said)
        return redirect("mailboxes:account_settings", request.member.workspace.slug)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"accounts-changed": True})
    return response
