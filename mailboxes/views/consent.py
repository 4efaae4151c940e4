"""Connect an account by consent at its provider, confirm it, edit or reconnect it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required, signed_in
from crm.models import Member
from mailboxes.accounts import connecting, consenting, looking
from mailboxes.accounts.applications import admin_consent_url, application
from mailboxes.accounts.consent_forms import ConsentedForm, OfferForm
from mailboxes.accounts.consenting import Offer
from mailboxes.accounts.refusing import OverPlan, refuse_over_plan
from mailboxes.accounts.trying import CannotConnect
from mailboxes.models import CONSENTED, Mailbox, MailboxKind
from mailboxes.views.connecting import done
from mailboxes.views.own_mailbox import account_dialog


@require_safe
@member_required(NO_MAIL)
def new_consent(request: WorkspaceRequest, kind: str) -> HttpResponse:
    """What is read and why, before anybody leaves for the provider; how to set it up, where it is not."""
    asked = _kind(kind)
    context: dict[str, Any] = {"kind": asked, "redirect_uri": _redirect_uri(asked)}
    if asked == MailboxKind.MICROSOFT and request.member.is_admin:
        context["admin_consent_url"] = admin_consent_url(_redirect_uri(asked))
    if application(asked) is None:
        if not request.member.is_admin:
            raise Http404
        return account_dialog(request, "mailboxes/_consent_setup.html", context)
    try:
        refuse_over_plan(request.member)
    except OverPlan as error:
        return account_dialog(request, "mailboxes/_connect_refused.html", {"problem": str(error)})
    return account_dialog(request, "mailboxes/_consent.html", context)


@require_POST
@member_required(NO_MAIL)
def consent(request: WorkspaceRequest, kind: str) -> HttpResponse:
    return _leave(request, _kind(kind))


@require_POST
@member_required(NO_MAIL)
def renewed_consent(request: WorkspaceRequest, pk: int) -> HttpResponse:
    mailbox = get_object_or_404(_consented(request.member), pk=pk)
    return _leave(request, MailboxKind(mailbox.kind), mailbox)


@sensitive_variables("code")
@require_safe
@signed_in
def callback(request: HttpRequest, kind: str) -> HttpResponse:
    """Back from the provider. Whoever has not asked in this session gets nothing."""
    asked_kind, state = _kind(kind), request.GET.get("state", "")
    if request.GET.get("admin_consent"):
        return render(request, "mailboxes/consent_allowed.html", {"kind": asked_kind})
    try:
        asked = consenting.take_question(request.session, request.user, kind=asked_kind, state=state)  # type: ignore[arg-type]
    except CannotConnect as error:
        return _failed(request, str(error), asked_kind)
    # Whatever happens from here on: an answer that fails is not written down by itself.
    request.session.save()
    code = request.GET.get("code", "")
    if not code:
        return _failed(request, _declined(asked_kind, request.GET), asked_kind, asked.member)
    try:
        offer = consenting.take_answer(asked, code, redirect_uri=_redirect_uri(asked_kind), look=looking.look)
        if asked.mailbox:
            return _reconnected(request, offer, asked.mailbox, asked.member)
    except CannotConnect as error:
        return _failed(request, str(error), asked_kind, asked.member)
    consenting.keep(request.session, offer)
    return redirect("mailboxes:consent_confirmation", asked.member.workspace.slug, asked_kind.value)


@require_http_methods(["GET", "POST"])
@member_required(NO_MAIL)
def confirmation(request: WorkspaceRequest, kind: str) -> HttpResponse:
    """The account, shown before it is linked."""
    asked = _kind(kind)
    offer = consenting.kept(request.session, request.member, kind=asked)
    if offer is None:
        return redirect("mailboxes:account_settings", request.member.workspace.slug)
    form = OfferForm(request.POST or None, offer=offer)
    if request.method == "POST" and form.is_valid():
        try:
            mailbox = consenting.accept(
                offer,
                request.member,
                settings=form.settings(),
                history_from=form.cleaned_data["history_from"],
            )
        except CannotConnect as error:
            form.add_error(None, str(error))
        else:
            consenting.forget(request.session)
            messages.success(request, f"{mailbox.address} is connected; reading begins within a minute.")
            return redirect("mailboxes:account_settings", request.member.workspace.slug)
    context = {"form": form, "offer": offer, "kind": asked}
    return render(request, "mailboxes/consent_confirmation.html", context)


@require_POST
@member_required(NO_MAIL)
def refusal(request: WorkspaceRequest, kind: str) -> HttpResponse:
    """Not this account after all: what came with it is forgotten."""
    consenting.decline(request.session, request.member, kind=_kind(kind))
    return redirect("mailboxes:account_settings", request.member.workspace.slug)


@require_http_methods(["GET", "POST"])
@member_required(NO_MAIL)
def consented_account(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Edit an account: what is read of it, and how far back."""
    mailbox = get_object_or_404(_consented(request.member), pk=pk)
    choices = looking.choices(mailbox)
    form = ConsentedForm(request.POST or None, mailbox=mailbox, choices=choices)
    if request.method == "POST" and form.is_valid():
        try:
            connecting.change(
                mailbox,
                form.settings(),
                by=request.member,
                history_from=form.cleaned_data["history_from"],
                read_again=form.read_again(),
            )
        except CannotConnect as error:
            form.add_error(None, str(error))
        else:
            return done(request, f"{mailbox.address} is saved; reading goes on within a minute.")
    context = {"form": form, "mailbox": mailbox, "kind": MailboxKind(mailbox.kind), "choices": choices}
    return account_dialog(request, "mailboxes/_consented_account.html", context)


def _leave(request: WorkspaceRequest, kind: MailboxKind, mailbox: Mailbox | None = None) -> HttpResponse:
    try:
        url = consenting.ask(
            request.session, request.member, kind=kind, redirect_uri=_redirect_uri(kind), mailbox=mailbox
        )
    except CannotConnect as error:
        return account_dialog(request, "mailboxes/_connect_refused.html", {"problem": str(error)})
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def _reconnected(request: HttpRequest, offer: Offer, mailbox: Mailbox, member: Member) -> HttpResponse:
    consenting.reconnect(offer, mailbox, by=member)
    messages.success(request, f"{mailbox.address} is reconnected; reading goes on where it stopped.")
    for problem in offer.problems.values():
        messages.warning(request, problem)
    return redirect("mailboxes:account_settings", member.workspace.slug)


def _failed(
    request: HttpRequest, problem: str, kind: MailboxKind, member: Member | None = None
) -> HttpResponse:
    back = reverse("mailboxes:account_settings", args=[member.workspace.slug]) if member else ""
    context = {"problem": problem, "kind": kind, "back": back}
    if kind == MailboxKind.MICROSOFT and member and _needs_admin(request.GET):
        context["admin_consent_url"] = admin_consent_url(_redirect_uri(kind))
    return render(request, "mailboxes/consent_failed.html", context, status=400)


def _needs_admin(said: Any) -> bool:
    """By default people of an organisation may not allow this themselves."""
    described = said.get("error_description", "")
    return any(code in described for code in ("AADSTS65001", "AADSTS90094", "AADSTS90095", "AADSTS65004"))


def _declined(kind: MailboxKind, said: Any) -> str:
    error = said.get("error", "")
    if _needs_admin(said):
        return f"Your organisation’s administrator has to allow this once at {kind.label}."
    if error == "access_denied":
        return f"You did not allow it at {kind.label}, so nothing was connected."
    return f"{kind.label} did not let us in. Nothing was connected."


def _consented(member: Member) -> Any:
    own = Mailbox.objects.owned_by(member).connected().filter(kind__in=CONSENTED)
    return own.select_related("workspace", "member__user")


def _kind(kind: str) -> MailboxKind:
    found = next((one for one in CONSENTED if one.value == kind), None)
    if found is None:
        raise Http404
    return found


def _redirect_uri(kind: MailboxKind) -> str:
    """As it is registered with the provider: where people reach the site, whatever this request says."""
    return settings.PUBLIC_URL.rstrip("/") + reverse("consent_callback", args=[kind.value])
