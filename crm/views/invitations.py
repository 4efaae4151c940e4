"""Invitations: admins write them, whoever holds the link accepts."""

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import invitations
from crm.decorators import NO_MAIL, WorkspaceRequest, admin_required, public
from crm.invitations import Gone, NotForYou, NotInvited, Outcome
from crm.models import Invitation, Member, Role, User
from crm.name_field import NameField
from crm.views.dialogs import go_to, settings_dialog


class InvitationForm(forms.Form):
    emails = forms.CharField(label="Email addresses", max_length=20_000)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER)

    def clean_emails(self) -> list[str]:
        found = invitations.addresses_in(self.cleaned_data["emails"])
        if not found:
            raise ValidationError("Enter at least one email address.")
        if len(found) > invitations.MOST_AT_ONCE:
            raise ValidationError(f"These are {len(found)}; at most {invitations.MOST_AT_ONCE} at once.")
        return found


class SignUpForm(forms.Form):
    name = NameField(
        label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validation.password_validators_help_text_html(),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if password := given.get("password"):
            somebody = User(email=self.email, name=given.get("name", ""))
            try:
                password_validation.validate_password(password, somebody)
            except ValidationError as error:
                self.add_error("password", error)
        return given


@require_safe
@admin_required(NO_MAIL)
def invitation_form(request: WorkspaceRequest) -> HttpResponse:
    return _write(request, InvitationForm())


@require_POST
@admin_required(NO_MAIL)
def invite(request: WorkspaceRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _write(request, form)
    role = Role(form.cleaned_data["role"])
    outcomes = invitations.invite_all(form.cleaned_data["emails"], role=role, by=request.member)
    return _report(request, outcomes, role=role)


@require_POST
@admin_required(NO_MAIL)
def renewal(request: WorkspaceRequest, pk: int) -> HttpResponse:
    invitation = _find(request.member, pk)
    try:
        outcome = invitations.renew(invitation, by=request.member)
    except NotInvited as error:
        outcome = Outcome(invitation.email, problem=str(error))
    return _report(request, [outcome], role=Role(invitation.role))


@require_POST
@admin_required(NO_MAIL)
def revocation(request: WorkspaceRequest, pk: int) -> HttpResponse:
    invitation = _find(request.member, pk)
    invitations.revoke(invitation, by=request.member)
    messages.success(request, f"{invitation.email} is no longer invited.")
    return go_to(request, "crm:members")


@never_cache
@require_http_methods(["GET", "POST"])
@public
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link leads."""
    now = timezone.now()
    try:
        found = invitations.find_open(token, now=now)
        if request.user.is_authenticated:
            return _accept(request, found, token)
        if invitations.has_account(found.email):
            sign_in = f"{reverse('account_login')}?next={invitations.path(token)}"
            return render(request, "crm/settings/join.html", {"invitation": found, "sign_in_url": sign_in})
        return _sign_up(request, found, token)
    except Gone:
        return _beyond(request, token)
    except NotForYou:
        is_unverified = request.user.email == found.email  # type: ignore[union-attr]
        context = {"invitation": found, "link": invitations.path(token), "is_unverified": is_unverified}
        return render(request, "crm/settings/invitation_elsewhere.html", context, status=403)


def _accept(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    if not invitations.is_for(found, user):
        raise NotForYou
    if request.method != "POST":
        return render(request, "crm/settings/join.html", {"invitation": found})
    return _welcome(request, invitations.accept(token, user=user, now=timezone.now()))


def _beyond(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever has joined by it comes here with Back, or by the same mail again."""
    user = request.user
    member = invitations.joined_with(token, user=user) if isinstance(user, User) else None
    if member:
        return redirect("crm:companies", member.workspace.slug)
    return render(request, "crm/settings/invitation_gone.html", status=404)


def _sign_up(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    form = SignUpForm(request.POST or None, email=found.email)
    if request.method != "POST" or not form.is_valid():
        return render(request, "crm/settings/join.html", {"invitation": found, "form": form})
    given = form.cleaned_data
    member = invitations.sign_up(token, name=given["name"], password=given["password"], now=timezone.now())
    return perform_login(request, member.user, redirect_url=_welcome(request, member).url)


def _welcome(request: HttpRequest, member: Member) -> Any:
    messages.success(request, f"Welcome to {member.workspace.name}.")
    return redirect("crm:companies", member.workspace.slug)


def _find(viewer: Member, pk: int) -> Invitation:
    waiting = Invitation.objects.filter(workspace_id=viewer.workspace_id, accepted_at=None)
    return get_object_or_404(waiting, pk=pk)


def _write(request: WorkspaceRequest, form: InvitationForm, **found: Any) -> HttpResponse:
    return settings_dialog(request, "crm/settings/_invite.html", {"form": form, **found})


def _report(request: WorkspaceRequest, outcomes: list[Outcome], *, role: Role) -> HttpResponse:
    """Links are shown here and nowhere else, once; addresses that were refused can be put right."""
    invited = [one for one in outcomes if one.invitation]
    refused = [one for one in outcomes if one.problem]
    links = [
        (one.email, request.build_absolute_uri(invitations.path(one.token))) for one in invited if one.token
    ]
    if links:
        context = {"links": links, "refused": refused}
        response = settings_dialog(request, "crm/settings/_links.html", context)
    elif refused:
        again = InvitationForm(initial={"emails": "\n".join(one.email for one in refused), "role": role})
        response = _write(request, again, invited=invited, refused=refused)
    else:
        messages.success(request, _sent(invited))
        return go_to(request, "crm:members")
    response["HX-Trigger"] = "invited"
    return response


def _sent(invited: list[Outcome]) -> str:
    if len(invited) == 1:
        return f"An invitation is on its way to {invited[0].email}."
    return f"{len(invited)} invitations are on their way."
