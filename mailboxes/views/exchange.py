"""Connect a mailbox on an Exchange server, edit or reconnect it. Own mailboxes only."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from mailboxes.accounts import looking
from mailboxes.accounts.connecting import change, connect
from mailboxes.accounts.exchange_forms import ExchangeForm
from mailboxes.accounts.refusing import OverPlan, refuse, refuse_known, refuse_over_plan
from mailboxes.accounts.trying import CannotConnect, try_exchange
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.views.connecting import done, may_try, refused
from mailboxes.views.own_mailbox import account_dialog

_SECRETS = ("password",)


@require_safe
@member_required(NO_MAIL)
def new_exchange(request: WorkspaceRequest) -> HttpResponse:
    try:
        refuse_over_plan(request.member)
    except OverPlan as error:
        return refused(request, error)
    return _page(request, ExchangeForm(member=request.member))


@sensitive_post_parameters(*_SECRETS)
@require_POST
@member_required(NO_MAIL)
def connect_exchange(request: WorkspaceRequest) -> HttpResponse:
    form = ExchangeForm(request.POST, member=request.member)
    if not form.is_valid():
        return _page(request, form)
    address, aliases = form.cleaned_data["address"], form.cleaned_data["aliases"]
    if known := _connected(request).filter(address=address).first():
        return _page(request, form, connected=known)
    try:
        refuse(request.member, kind=MailboxKind.EXCHANGE, addresses=[address, *aliases])
        refuse_known(request.member, [address, *aliases])
        if failed := _try(request, form):
            return failed
        connect(
            request.member,
            kind=MailboxKind.EXCHANGE,
            address=address,
            settings=form.exchange.settings,
            aliases=aliases,
            secrets=form.exchange.secrets,
            history_from=form.cleaned_data["history_from"],
        )
    except CannotConnect as error:
        form.add_error(None, str(error))
        return _page(request, form)
    return done(request, f"{address} is connected; reading begins within a minute.")


@sensitive_post_parameters(*_SECRETS)
@require_http_methods(["GET", "POST"])
@member_required(NO_MAIL)
def exchange_account(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Edit and reconnect in one. The address is whose mailbox it is, so it stays."""
    mailbox = get_object_or_404(_connected(request).select_related("workspace", "member__user"), pk=pk)
    form = ExchangeForm(
        request.POST or None, member=request.member, mailbox=mailbox, choices=looking.choices(mailbox)
    )
    if request.method == "GET":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form)
    aliases = form.cleaned_data["aliases"]
    try:
        refuse(request.member, kind=MailboxKind.EXCHANGE, addresses=[mailbox.address, *aliases])
        refuse_known(request.member, [mailbox.address, *aliases])
        if failed := _try(request, form):
            return failed
        change(
            mailbox,
            form.exchange.settings,
            by=request.member,
            aliases=aliases,
            secrets=form.exchange.secrets,
            history_from=form.cleaned_data["history_from"],
            read_again=form.read_again(),
        )
    except CannotConnect as error:
        form.add_error(None, str(error))
        return _page(request, form)
    return done(request, f"{mailbox.address} is saved; reading goes on within a minute.")


def _connected(request: WorkspaceRequest) -> Any:
    return Mailbox.objects.owned_by(request.member).connected().filter(kind=MailboxKind.EXCHANGE)


def _try(request: WorkspaceRequest, form: ExchangeForm) -> HttpResponse | None:
    """The form with what failed, or None when everything works. Where the server had to be looked for,
    what was found is what is saved."""
    if not may_try(request):
        form.add_error(None, "You have tried often in a short time. Wait ten minutes, then go on.")
        return _page(request, form)
    tried, form.exchange = try_exchange(form.exchange)
    return _page(request, form, tried=tried) if any(one.failed for one in tried) else None


def _page(request: WorkspaceRequest, form: ExchangeForm, **more: Any) -> HttpResponse:
    context = {"form": form, "mailbox": form.mailbox, **more}
    return account_dialog(request, "mailboxes/_exchange_form.html", context)
