"""Who has granted what to the application at Google, and the tokens that prove it."""

import base64
import functools
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

from tests.fakes.faults import Clock, Request, words

AUTH = "https://www.googleapis.com/auth/"
EMAIL, PROFILE = f"{AUTH}userinfo.email", f"{AUTH}userinfo.profile"
ALIASES = {"email": EMAIL, "profile": PROFILE}
IDENTITY = frozenset({"openid", EMAIL, PROFILE})
KEY_ID = "fake-1"
MOST_REFRESH_TOKENS = 100
KNOWN_SCOPES = IDENTITY | {
    "https://mail.google.com/",
    *(f"{AUTH}gmail.{name}" for name in words("readonly metadata modify labels send compose settings.basic")),
    *(f"{AUTH}calendar{name}" for name in ("", ".readonly", ".events", ".events.readonly")),
    *(f"{AUTH}calendar{name}" for name in (".calendarlist", ".calendarlist.readonly", ".settings.readonly")),
}


@dataclass
class User:
    email: str
    name: str
    sub: str
    hosted_domain: str = ""


@dataclass
class Client:
    id: str
    secret: str
    redirect_uris: set[str]


@dataclass
class Token:
    """An access token, or a refresh token, which never expires by itself."""

    value: str
    user: str
    client: str
    scopes: set[str]
    expires: datetime | None = None


@dataclass(frozen=True)
class Consent:
    """What the person at the screen does: who it is, which boxes stay empty, or “Cancel”."""

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
class GoogleGrants:
    """`consent` is what the next visitor of the sign-in page does; without it, whoever `login_hint`
    names says yes to everything. `expires_in` is the life of access tokens, in seconds."""

    clock: Clock
    client: Client
    issuer: str = "https://accounts.google.com"
    expires_in: int = 3599
    consent: Consent | None = None
    users: dict[str, User] = field(default_factory=dict)
    granted: dict[str, set[str]] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)

    def add_user(self, email: str, *, name: str = "", hosted_domain: str = "") -> User:
        sub = str(113_000_000_000_000_000_000 + len(self.users))
        user = User(email, name or email.partition("@")[0].title(), sub, hosted_domain)
        self.users[email] = user
        return user

    def grant(self, email: str, *scopes: str) -> Grant:
        """As if the user had consented to these scopes, and no others, a moment ago."""
        wanted = {ALIASES.get(scope, scope) for scope in scopes}
        if email not in self.users or wanted - KNOWN_SCOPES:
            raise ValueError(f"No such user or scope: {email} {sorted(wanted - KNOWN_SCOPES)}")
        self.granted[email] = self.granted.get(email, set()) | wanted
        return Grant(self.new_access(email, wanted), self.new_refresh(email, wanted), joined(wanted))

    def expire_access(self, email: str) -> None:
        """Every access token of the user is too old from now on."""
        for token in self._of(email, self.access):
            token.expires = self.clock.now()

    def revoke(self, email: str) -> None:
        """The user takes the application's access away, in the settings of the account."""
        self.granted.pop(email, None)
        for store in (self.access, self.refresh):
            for token in self._of(email, store):
                del store[token.value]

    def change_password(self, email: str) -> None:
        """Ends refresh tokens only where mail is among the scopes."""
        for token in self._of(email, self.refresh):
            if any("gmail." in scope or "mail.google.com" in scope for scope in token.scopes):
                del self.refresh[token.value]

    def withhold(self, email: str, *scopes: str) -> None:
        """The grant loses these scopes; its tokens live on."""
        self.granted[email] = self.granted.get(email, set()) - set(scopes)
        for token in [*self._of(email, self.access), *self._of(email, self.refresh)]:
            token.scopes -= set(scopes)

    def access_token(self, value: str) -> Token | None:
        token = self.access.get(value)
        expired = token is not None and token.expires is not None and token.expires <= self.clock.now()
        return None if expired else token

    def owner(self, request: Request) -> str:
        token = self.access_token(request.bearer)
        return token.user if token else ""

    def _of(self, email: str, store: dict[str, Token]) -> list[Token]:
        return [token for token in store.values() if token.user == email]

    def new_access(self, email: str, scopes: set[str]) -> str:
        value = f"ya29.{secrets.token_urlsafe(40)}"
        expires = self.clock.now() + timedelta(seconds=self.expires_in)
        self.access[value] = Token(value, email, self.client.id, set(scopes), expires)
        return value

    def new_refresh(self, email: str, scopes: set[str]) -> str:
        for token in self._of(email, self.refresh)[: 1 - MOST_REFRESH_TOKENS or None]:
            if len(self._of(email, self.refresh)) >= MOST_REFRESH_TOKENS:
                del self.refresh[token.value]
        value = f"1//0{secrets.token_urlsafe(48)}"
        self.refresh[value] = Token(value, email, self.client.id, set(scopes))
        return value

    def id_token(self, email: str, scopes: set[str], access: str, nonce: str) -> str:
        now = int(self.clock.now().timestamp())
        digest = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "azp": self.client.id,
            "aud": self.client.id,
            "iat": now,
            "exp": now + 3600,
        }
        claims |= {"at_hash": base64url(digest)} | ({"nonce": nonce} if nonce else {})
        return jwt.encode(claims | self.claims(email, scopes), _key(), "RS256", headers={"kid": KEY_ID})

    def claims(self, email: str, scopes: set[str]) -> dict[str, Any]:
        """What these scopes tell about a user."""
        user = self.users[email]
        told: dict[str, Any] = {"sub": user.sub}
        if EMAIL in scopes:
            told |= {"email": user.email, "email_verified": True}
        if PROFILE in scopes:
            told |= {"name": user.name, "given_name": user.name.split()[0]}
        return told | ({"hd": user.hosted_domain} if user.hosted_domain else {})


def joined(scopes: set[str]) -> str:
    # Not in the order in which they were asked for, as with Google.
    return " ".join(sorted(scopes, reverse=True))


def certificate() -> str:
    """The signing key as a certificate, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2099, 1, 1))
    signed = builder.public_key(_key().public_key()).sign(_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def public_key() -> dict[str, str]:
    """The signing key as a JWK."""
    found = json.loads(RSAAlgorithm.to_jwk(_key().public_key()))
    return {name: found[name] for name in ("kty", "n", "e")} | {"alg": "RS256", "use": "sig", "kid": KEY_ID}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
