"""This installation's own registrations at Google and Microsoft, from the environment."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings

from crm.models import Member
from crm.signin.issuers import issuer
from mailboxes.models import CONSENTED, MailboxKind
from mailboxes.providers.oauth import Application

IDENTITY, MAIL, CALENDAR = "identity", "mail", "calendar"
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/"
_SCOPES = {
    MailboxKind.GOOGLE: {
        IDENTITY: ("openid", "email"),
        MAIL: (f"{_GOOGLE_SCOPE}gmail.readonly",),
        CALENDAR: (
            f"{_GOOGLE_SCOPE}calendar.events.readonly",
            f"{_GOOGLE_SCOPE}calendar.calendarlist.readonly",
        ),
    },
    MailboxKind.MICROSOFT: {
        IDENTITY: ("openid", "email", "profile", "offline_access", "User.Read"),
        MAIL: ("Mail.Read",),
        CALENDAR: ("Calendars.Read",),
    },
}
_MORE = {
    # Without these there is no refresh token the second time.
    MailboxKind.GOOGLE: {"access_type": "offline", "prompt": "consent"},
    MailboxKind.MICROSOFT: {"prompt": "select_account", "response_mode": "query"},
}


def application(kind: MailboxKind) -> Application | None:
    """None where nobody has registered this installation with the provider, or nobody can."""
    registered = issuer(kind.value)
    if registered is None or not registered.is_set_up:
        return None
    return Application(
        label=registered.label,
        authorize_url=registered.authorize_url,
        token_url=registered.token_url,
        issuers=registered.names,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
        scopes=_SCOPES[kind],
        more=_MORE[kind],
        revoke_url=f"{settings.GOOGLE_TOKEN_URL}/revoke" if kind == MailboxKind.GOOGLE else "",
    )


@dataclass(frozen=True, slots=True)
class Provider:
    kind: MailboxKind
    is_set_up: bool


def providers_for(member: Member) -> list[Provider]:
    """Those that members can connect by consent; admins also see what they might set up."""
    found = [Provider(kind, application(kind) is not None) for kind in CONSENTED]
    return [one for one in found if one.is_set_up or member.is_admin]


def admin_consent_url(redirect_uri: str) -> str:
    """Where the administrator of an organisation allows this installation for all its people."""
    authority = f"{settings.MICROSOFT_SIGN_IN_URL}/{settings.MICROSOFT_TENANT}"
    query = urlencode({"client_id": settings.MICROSOFT_CLIENT_ID, "redirect_uri": redirect_uri})
    return f"{authority}/adminconsent?{query}"
