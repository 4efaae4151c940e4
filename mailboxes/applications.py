"""This installation's own registrations at Google and Microsoft, from the environment."""

from dataclasses import dataclass

from django.conf import settings

from crm.models import Member
from mailboxes.models import MailboxKind
from mailboxes.providers.oauth import Application

OFFERED = (MailboxKind.GOOGLE,)
IDENTITY, MAIL, CALENDAR = "identity", "mail", "calendar"
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/"


def application(kind: MailboxKind) -> Application | None:
    """None where nobody has registered this installation with the provider."""
    if kind == MailboxKind.GOOGLE:
        return _google()
    return None


@dataclass(frozen=True, slots=True)
class Provider:
    kind: MailboxKind
    is_set_up: bool


def providers_for(member: Member) -> list[Provider]:
    """Those that members can connect by consent; admins also see what they might set up."""
    found = [Provider(kind, application(kind) is not None) for kind in OFFERED]
    return [one for one in found if one.is_set_up or member.is_admin]


def _google() -> Application | None:
    if not (settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET):
        return None
    return Application(
        label="Google",
        authorize_url=f"{settings.GOOGLE_SIGN_IN_URL}/o/oauth2/v2/auth",
        token_url=f"{settings.GOOGLE_TOKEN_URL}/token",
        revoke_url=f"{settings.GOOGLE_TOKEN_URL}/revoke",
        issuers=("https://accounts.google.com", "accounts.google.com"),
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
