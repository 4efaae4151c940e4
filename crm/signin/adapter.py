"""What a sign-in by way of an issuer may do: let in whom it knows, and whoever is invited or first."""

import logging
import re
from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from crm import invitations
from crm.addresses import normalise
from crm.invitations import Gone
from crm.models import Invitation, Member, User
from crm.name_field import LONGEST
from crm.signin.claims import NotSaid
from crm.signin.issuers import Issuer, issuer, issuers

logger = logging.getLogger(__name__)

_WORD = re.compile(r'"error":\s*"([a-z_]{1,40})"')


class SocialAdapter(DefaultSocialAccountAdapter):
    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "no_password": "You can sign in no other way. Set a password first, or connect another account.",
        "no_verified_email": "Confirm one of your email addresses first: without it, a forgotten password "
        "cannot be replaced.",
        "email_taken": "This address belongs to an account. Sign in to it, then connect %s there.",
    }

    # Registrations come from the environment alone; rows of allauth's own table open nothing.

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        apps = [_app(one) for one in issuers()]
        return [
            app
            for app in apps
            if provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id)
        ]

    def get_app(self, request: HttpRequest | None, provider: str, client_id: str | None = None) -> SocialApp:
        """Also for an account left from an issuer that is no longer set up: it can still be removed."""
        found = self.list_apps(request, provider, client_id)
        known = issuer(provider)
        return found[0] if found else _app(known) if known else SocialApp(provider="issuer", name=provider)

    # Who comes in.

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") == AuthProcess.LOGIN and not sociallogin.is_existing:
            self._join(request, sociallogin)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """An address opens no account, so whoever has one is told to connect it from inside. He is told
        the same where there is none: the page says nothing about who has an account here."""
        if super().is_open_for_signup(request, sociallogin) and not _is_taken(sociallogin):
            return True
        context = {
            "provider": sociallogin.provider,
            "email": sociallogin.account.extra_data.get("email"),
            "invitation": _invitation(sociallogin),
            "invitation_url": sociallogin.state.get("next"),
        }
        page = render(request, "socialaccount/not_connected.html", context, status=403)
        raise ImmediateHttpResponse(page)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = str(data.get("name") or "")[:LONGEST]
        return user

    def get_signup_form_initial_data(self, sociallogin: SocialLogin) -> dict[str, Any]:
        return super().get_signup_form_initial_data(sociallogin) | {"name": sociallogin.user.name}

    def validate_disconnect(self, account: SocialAccount, accounts: Any) -> None:
        """An account at an issuer that is no longer set up is no way in."""
        usable = accounts.filter(provider__in=[one.id for one in issuers()]).exclude(pk=account.pk)
        if not account.user.has_usable_password() and not usable.exists():
            raise self.validation_error("no_password")

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        if exception:
            logger.warning("signing in with %s failed: %s", provider.name, _reason(exception))

    def _join(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """The holder of an invitation, who owns its address as the issuer says, has an account from now
        on, and is in."""
        invitation = _invitation(sociallogin)
        if invitation is None or invitation.email not in _verified(sociallogin):
            return
        suggested = sociallogin.user
        try:
            member = _new_member(request, sociallogin)
        except (Gone, IntegrityError):
            sociallogin.user = suggested
            return
        sociallogin.state["next"] = reverse("crm:companies", args=[member.workspace.slug])
        messages.success(request, f"Welcome to {member.workspace.name}.")


def _new_member(request: HttpRequest, sociallogin: SocialLogin) -> Member:
    """Raises Gone, or IntegrityError where two browsers came at once."""
    token, name = invitations.token_in(sociallogin.state.get("next")), sociallogin.user.name
    with transaction.atomic():
        member = invitations.sign_up(token, name=name, password=None, now=timezone.now())
        sociallogin.user = member.user
        sociallogin.save(request, connect=True)
    return member


def _reason(exception: Exception) -> str:
    """The issuer's word for it, or ours; never its answer, in which there may be a token."""
    if isinstance(exception.__cause__, NotSaid):
        return f"the token was refused ({exception.__cause__})"
    word = _WORD.search(str(exception))
    return word[1] if word else type(exception).__name__


def _app(one: Issuer) -> SocialApp:
    return SocialApp(
        provider="issuer",
        provider_id=one.id,
        name=one.label,
        client_id=one.client_id,
        secret=one.client_secret,
    )


def _invitation(sociallogin: SocialLogin) -> Invitation | None:
    """The one whose page the person came from."""
    token = invitations.token_in(sociallogin.state.get("next"))
    try:
        return invitations.find_open(token, now=timezone.now()) if token else None
    except Gone:
        return None


def _verified(sociallogin: SocialLogin) -> set[str | None]:
    return {normalise(one.email) for one in sociallogin.email_addresses if one.verified}


def _is_taken(sociallogin: SocialLogin) -> bool:
    addresses = [one.email.lower() for one in sociallogin.email_addresses]
    return (
        User.objects.filter(email__in=addresses).exists()
        or EmailAddress.objects.filter(email__in=addresses).exists()
    )
