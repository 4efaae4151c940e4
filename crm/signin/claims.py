"""What an issuer says about whoever signed in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from crm.plain import tidied
from crm.signin.issuers import Issuer

_CLOCK_SKEW = timedelta(minutes=5)
_TENANT = "{tenantid}"
_MOST_SUBJECT = 191


class NotSaid(ValueError):
    """The answer does not say who it is, or is not for us."""


@dataclass(frozen=True, slots=True)
class Claims:
    """`subject` stands for one person for good; where the issuer has tenants, its own begins with that.
    `is_verified` is about the address."""

    subject: str
    email: str
    name: str
    is_verified: bool


def read(token: object, issuer: Issuer) -> Claims:
    """The token came straight from the issuer over TLS, which stands for its signature (OpenID Connect
    Core 3.1.3.7); what it says is checked all the same. Raises NotSaid."""
    said = _decoded(token, issuer)
    return Claims(
        subject=_subject(said, issuer),
        email=_text(said, "email") or _text(said, "preferred_username"),
        name=_text(said, "name"),
        is_verified=issuer.vouches and said.get("email_verified") is True,
    )


def _decoded(token: object, issuer: Issuer) -> dict[str, Any]:
    options: jwt.types.Options = {
        "verify_signature": False,
        "verify_aud": True,
        "verify_exp": True,
        "require": ["iss", "sub", "aud", "exp"],
    }
    try:
        said = jwt.decode(str(token), options=options, audience=issuer.client_id, leeway=_CLOCK_SKEW)
    except jwt.PyJWTError as error:
        raise NotSaid(type(error).__name__) from error
    if said["iss"] not in {name.replace(_TENANT, _text(said, "tid")) for name in issuer.names}:
        raise NotSaid("another issuer")
    return said


def _subject(said: dict[str, Any], issuer: Issuer) -> str:
    parts = [said["sub"]]
    if any(_TENANT in name for name in issuer.names):
        parts.insert(0, said.get("tid"))
    if not all(isinstance(part, str) and part.isprintable() and part for part in parts):
        raise NotSaid("no subject")
    subject = ":".join(parts)
    if len(subject) > _MOST_SUBJECT:
        raise NotSaid("a subject too long to be one")
    return subject


def _text(said: dict[str, Any], name: str) -> str:
    """Nothing that a database could not store."""
    value = said.get(name)
    return tidied(value) if isinstance(value, str) else ""
