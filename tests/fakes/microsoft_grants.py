"""Who is in the directory at Microsoft, what was granted to the application, and the tokens that prove it."""

import base64
import functools
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.fakes.faults import Clock, Request, words

GRAPH = "https://graph.microsoft.com/"
IDENTITY = words("openid profile email offline_access")
GRAPH_SCOPES = words(
    "User.Read User.ReadBasic.All Mail.ReadBasic Mail.Read Mail.ReadWrite Mail.Send MailboxSettings.Read "
    "Calendars.ReadBasic Calendars.Read Calendars.Read.Shared Calendars.ReadWrite"
)
KNOWN_SCOPES = IDENTITY | GRAPH_SCOPES
# What “Let Microsoft manage your consent settings” leaves to administrators.
ADMIN_ONLY = frozenset(scope for scope in GRAPH_SCOPES if scope.startswith(("Mail", "Calendars")))
KEY_ID = "fake-ms-1"
INACTIVE_AFTER = timedelta(days=90)


def guid(text: str) -> str:
    """The same for the same text: failures can be repeated."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def short(scope: str) -> str:
    """Scopes of Graph may be written in full, and in any case."""
    name = scope[len(GRAPH) :] if scope.lower().startswith(GRAPH) else scope
    return next((known for known in KNOWN_SCOPES if known.lower() == name.lower()), name)


@dataclass
class Tenant:
    """An organisation. Where `bars_consent`, its people cannot let an application see mail or calendars
    unless an administrator has `consented` for all of them."""

    domain: str
    bars_consent: bool = False
    consented: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return guid(f"tenant:{self.domain}")


@dataclass
class User:
    email: str
    name: str
    tenant: Tenant
    admin: bool = False
    has_mailbox: bool = True
    aliases: list[str] = field(default_factory=list)
    other_mails: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return guid(f"user:{self.email}")


@dataclass
class Client:
    id: str
    secret: str
    redirect_uris: set[str]


@dataclass
class Token:
    """An access token, or a refresh token. `ended` is the AADSTS code of why it is of no use any more."""

    value: str
    user: str
    scopes: set[str]
    issued: datetime
    expires: datetime
    ended: int = 0


@dataclass(frozen=True)
class Consent:
    """What the person at the screen does: who it is, which scopes are left out, or “Cancel”."""

    user: str = ""
    without: frozenset[str] = frozenset()
    declines: bool = False


@dataclass
class Grant:
    """What a test needs of a connection that was made before it began."""

    access_token: str
    refresh_token: str
    scope: str


@dataclass
class MicrosoftGrants:
    """`consent` is what visitors of the sign-in page do; without it, the page waits for a click.
    `expires_in` is the life of access tokens, in seconds. `refusals` are AADSTS codes by user with which
    every refresh is answered; `challenges` are users whose access tokens are to be renewed with claims.
    Microsoft says that used refresh tokens stay good; with `keeps_used` they do."""

    clock: Clock
    client: Client
    login_url: str = ""
    expires_in: int = 3599
    keeps_used: bool = False
    consent: Consent | None = None
    tenants: dict[str, Tenant] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    granted: dict[str, set[str]] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    challenges: dict[str, str] = field(default_factory=dict)

    # Whom there is.

    def add_tenant(self, domain: str) -> Tenant:
        return self.tenants.setdefault(domain, Tenant(domain))

    def tenant(self, name: str) -> Tenant | None:
        """By domain or id."""
        return next((one for one in self.tenants.values() if name in {one.id, one.domain}), None)

    def add_user(self, email: str, *, name: str = "", admin: bool = False) -> User:
        tenant = self.add_tenant(email.partition("@")[2])
        user = User(email, name or email.partition("@")[0].title(), tenant, admin)
        self.users[email] = user
        return user

    # What they do.

    def grant(self, email: str, *scopes: str) -> Grant:
        """As if the user had consented to these scopes, and no others, a moment ago."""
        wanted = {short(scope) for scope in scopes}
        if email not in self.users or wanted - KNOWN_SCOPES:
            raise ValueError(f"No such user or scope: {email} {sorted(wanted - KNOWN_SCOPES)}")
        self.granted[email] = self.granted.get(email, set()) | wanted
        return Grant(self.new_access(email, wanted), self.new_refresh(email, wanted), joined(wanted))

    def expire_access(self, email: str) -> None:
        """Every access token of the user is too old from now on."""
        for token in self._of(email, self.access):
            token.expires = self.clock.now()

    def end_refresh(self, email: str, code: int) -> None:
        """The user's refresh tokens are answered with this AADSTS code."""
        for token in self._of(email, self.refresh):
            token.ended = token.ended or code

    def revoke(self, email: str) -> None:
        """The user or an administrator takes the application's access away. Access tokens live until they
        expire, as they do: see `expire_access`."""
        self.granted.pop(email, None)
        self.end_refresh(email, 65001)

    def change_password(self, email: str, *, by_admin: bool) -> None:
        """What people change themselves does not end what a confidential client holds."""
        if by_admin:
            self.end_refresh(email, 50173)

    def challenge(self, email: str) -> None:
        """Continuous access evaluation: access tokens of before need a refresh that passes claims on."""
        now = int(self.clock.now().timestamp())
        claims = {"access_token": {"nbf": {"essential": True, "value": str(now)}}}
        self.challenges[email] = json.dumps(claims)

    def withhold(self, email: str, *scopes: str) -> None:
        """The grant loses these scopes; its tokens live on."""
        self.granted[email] = self.granted.get(email, set()) - set(scopes)
        for token in [*self._of(email, self.access), *self._of(email, self.refresh)]:
            token.scopes -= set(scopes)

    # Tokens.

    def access_token(self, value: str) -> Token | None:
        token = self.access.get(value)
        return None if token is None or token.expires <= self.clock.now() else token

    def owner(self, request: Request) -> str:
        token = self.access_token(request.bearer)
        return token.user if token else ""

    def new_access(self, email: str, scopes: set[str]) -> str:
        value = f"EwB{secrets.token_urlsafe(60)}"
        self.access[value] = self._token(value, email, scopes, timedelta(seconds=self.expires_in))
        return value

    def new_refresh(self, email: str, scopes: set[str]) -> str:
        value = f"1.A{secrets.token_urlsafe(80)}"
        self.refresh[value] = self._token(value, email, scopes, INACTIVE_AFTER)
        return value

    def id_token(self, email: str, scopes: set[str], nonce: str) -> str:
        user, now = self.users[email], int(self.clock.now().timestamp())
        claims: dict[str, Any] = {"iss": f"{self.login_url}/{user.tenant.id}/v2.0", "aud": self.client.id}
        claims |= {"iat": now, "nbf": now, "exp": now + 3600, "ver": "2.0", "tid": user.tenant.id}
        # The subject is another one for every application.
        claims |= {"oid": user.id, "sub": guid(f"{self.client.id}:{email}").replace("-", "")}
        claims |= {"nonce": nonce} if nonce else {}
        claims |= {"name": user.name, "preferred_username": email} if "profile" in scopes else {}
        claims |= {"email": email} if "email" in scopes else {}
        return jwt.encode(claims, _key(), "RS256", headers={"kid": KEY_ID})

    def _token(self, value: str, email: str, scopes: set[str], life: timedelta) -> Token:
        now = self.clock.now()
        return Token(value, email, set(scopes), now, now + life)

    def _of(self, email: str, store: dict[str, Token]) -> list[Token]:
        return [token for token in store.values() if token.user == email]


def joined(scopes: set[str], *, full: bool = False) -> str:
    """As answers have them: not in the order asked for, and never with `offline_access`."""
    told = sorted(scopes - {"offline_access"}, reverse=True)
    return " ".join(GRAPH + one if full and one not in IDENTITY else one for one in told)


def public_key() -> dict[str, str]:
    """The signing key as a JWK."""
    found = json.loads(RSAAlgorithm.to_jwk(_key().public_key()))
    return {name: found[name] for name in ("kty", "n", "e")} | {"use": "sig", "kid": KEY_ID}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
