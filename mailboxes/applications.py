"""This installation's own registrations at Google and Microsoft, from the environment."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings

from crm.models import Member
from mailboxes.models import CONSENTED, MailboxKind
from mailboxes.providers.oauth import Application

IDENTITY, MAIL, CALENDAR = "identity", "mail", "calendar"
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/"


def application(kind: MailboxKind) -> Application | None:
    """None where nobody has registered this installation with the provider."""
    if kind == MailboxKind.GOOGLE:
        return _google()
    return _microsoft() if kind == MailboxKind.MICROSOFT else None


@dataclass(frozen=True, slots=True)
class Provider:
    kind: MailboxKind
    is_set_up: bool


def providers_for(member: Member) -> list[Provider]:
    """Those that members can connect by consent; admins also see what they might set up."""
    found = [Provider(kind, application(kind) is not None) for kind in CONSENTED]
    return [one for one in found if one.is_set_up or member.is_admin]


def _google() -> Application | None:
    if not (settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET):
        return None
    return Application(
        label="Google",
        authorize_url=f"{settings.GOOGLE_SIGN_IN_URL}/o/oauth2/v2/auth",
        token_url=f"{settings.GOOGLE_TOKEN_URL}/token",
        revoke_url=f"{settings.GOOGLE_TOKEN_URL}/revoke",
        issuers=(settings.GOOGLE_SIGN_IN_URL, "https://accounts.google.com", "accounts.google.com"),
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        scopes={
            IDENTITY: ("openid", "email"),
            MAIL: (f"{_GOOGLE_SCOPE}gmail.readonly",),
            CALENDAR: (
                f"{_GOOGLE_SCOPE}calendar.events.readonly",
                f"{_GOOGLE_SCOPE}calendar.calendarlist.readonly",
            ),
        },
        # Without these there is no refresh token the second time.
        more={"access_type": "offline", "prompt": "consent"},
    )


def _microsoft() -> Application | None:
    if not (settings.MICROSOFT_CLIENT_ID and settings.MICROSOFT_CLIENT_SECRET):
        return None
    authority = f"{settings.MICROSOFT_SIGN_IN_URL}/{settings.MICROSOFT_TENANT}"
    return Application(
        label="Microsoft",
        authorize_url=f"{authority}/oauth2/v2.0/authorize",
        token_url=f"{authority}/oauth2/v2.0/token",
        issuers=(f"{settings.MICROSOFT_SIGN_IN_URL}/{{tenantid}}/v2.0",),
        client_id=settings.MICROSOFT_CLIENT_ID,
        client_secret=settings.MICROSOFT_CLIENT_SECRET,
        scopes={
            IDENTITY: ("openid", "email", "profile", "offline_access", "User.Read"),
            MAIL: ("Mail.Read",),
            CALENDAR: ("Calendars.Read",),
        },
        more={"prompt": "select_account", "response_mode": "query"},
    )


def admin_consent_url(redirect_uri: str) -> str:
    """Where the administrator of an organisation allows this installation for all its people."""
    authority = f"{settings.MICROSOFT_SIGN_IN_URL}/{settings.MICROSOFT_TENANT}"
    query = urlencode({"client_id": settings.MICROSOFT_CLIENT_ID, "redirect_uri": redirect_uri})
    return f"{authority}/adminconsent?{query}"
