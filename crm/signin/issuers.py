"""Whose word on who somebody is we take: Google's and Microsoft's, where this installation is registered
with them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Issuer:
    """`names` are what its tokens may call it; where it has tenants, they hold the word {tenantid}.
    It `vouches` if an address it calls verified belongs to the person; at Microsoft, a tenant's
    administrator types what he likes."""

    id: str
    label: str
    authorize_url: str
    token_url: str
    names: tuple[str, ...]
    client_id: str
    client_secret: str = field(repr=False)
    vouches: bool = False

    @property
    def is_set_up(self) -> bool:
        return bool(self.client_id and self.client_secret)


def issuers() -> list[Issuer]:
    """Those that people can sign in with here."""
    return [one for make in _ISSUERS.values() if (one := make()).is_set_up]


def issuer(id: str) -> Issuer | None:
    """Also one that is not set up: accounts may be left from when it was."""
    make = _ISSUERS.get(id)
    return make() if make else None


def _google() -> Issuer:
    return Issuer(
        id="google",
        label="Google",
        authorize_url=f"{settings.GOOGLE_SIGN_IN_URL}/o/oauth2/v2/auth",
        token_url=f"{settings.GOOGLE_TOKEN_URL}/token",
        names=(settings.GOOGLE_SIGN_IN_URL, "https://accounts.google.com", "accounts.google.com"),
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        vouches=True,
    )


def _microsoft() -> Issuer:
    authority = f"{settings.MICROSOFT_SIGN_IN_URL}/{settings.MICROSOFT_TENANT}"
    return Issuer(
        id="microsoft",
        label="Microsoft",
        authorize_url=f"{authority}/oauth2/v2.0/authorize",
        token_url=f"{authority}/oauth2/v2.0/token",
        names=(f"{settings.MICROSOFT_SIGN_IN_URL}/{{tenantid}}/v2.0",),
        client_id=settings.MICROSOFT_CLIENT_ID,
        client_secret=settings.MICROSOFT_CLIENT_SECRET,
    )


_ISSUERS: dict[str, Callable[[], Issuer]] = {"google": _google, "microsoft": _microsoft}
