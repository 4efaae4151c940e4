"""The conversation in which somebody allows us to read an account (RFC 6749, 7636; OpenID Connect).

Values in, values out: who asked, and where tokens are kept, is nothing to this module.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
from django.views.decorators.debug import sensitive_variables

from mailboxes.egress import Egress, connection_problem, http_client
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater
from mailboxes.providers.webapi import retry_after

_ANSWER_BYTES = 256 * 2**10
_CLOCK_SKEW = timedelta(minutes=5)
# What ends a grant for good, by RFC 6749 and OpenID Connect.
_OVER = frozenset(
    {
        "invalid_grant",
        "interaction_required",
        "login_required",
        "consent_required",
        "account_selection_required",
    }
)


@dataclass(frozen=True)
class Application:
    """Our own registration at a provider. `scopes` by what they are for: identity, mail, calendar;
    `more` are further parameters of the sign-in page. The issuer may differ between tenants: then it
    holds the word {tenantid}."""

    label: str
    authorize_url: str
    token_url: str
    issuers: Sequence[str]
    client_id: str
    client_secret: str = field(repr=False)
    scopes: Mapping[str, Sequence[str]]
    more: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""

    def wanted(self) -> list[str]:
        return list(dict.fromkeys(scope for scopes in self.scopes.values() for scope in scopes))

    def granted_for(self, purpose: str, granted: frozenset[str]) -> bool:
        return all(_bare(scope) in granted for scope in self.scopes[purpose])


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be remembered between the way out and the way back."""

    state: str
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)

    @classmethod
    def new(cls) -> "Question":
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(64), secrets.token_urlsafe(24))


@dataclass(frozen=True)
class Grant:
    """An access token with its end, and what came with it. `refresh` is "" where the one we have
    stays; `granted` are the scopes that were really given, without the host that some put before."""

    access: str = field(repr=False)
    expires_at: datetime
    refresh: str = field(default="", repr=False)
    granted: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)


class GrantRefused(AuthExpired):
    """The grant is over. `error` is the provider's own word, `codes` its numbers."""

    def __init__(self, message: str, error: str = "", codes: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.error, self.codes = error, tuple(codes)


def sign_in_url(app: Application, question: Question, *, redirect_uri: str, login_hint: str = "") -> str:
    params = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(app.wanted()),
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": _challenge(question.verifier),
        "code_challenge_method": "S256",
        **app.more,
    }
    if login_hint:
        params["login_hint"] = login_hint
    return f"{app.authorize_url}?{urlencode(params)}"


@sensitive_variables("code", "form", "answer", "claims")
def exchange(app: Application, code: str, question: Question, *, redirect_uri: str, egress: Egress) -> Grant:
    """The code that came back → tokens. Raises a ProviderError."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": question.verifier,
    }
    answer = _post(app, form, egress)
    claims = _claims(app, str(answer.get("id_token", "")))
    if claims.get("nonce") != question.nonce:
        raise SetupWrong(f"{app.label} answered another question than ours. Begin again.")
    return _grant(answer, claims)


def renew(app: Application, refresh: str, *, egress: Egress) -> Grant:
    """A new access token. Raises GrantRefused when the grant is over, else a ProviderError."""
    return _grant(_post(app, {"grant_type": "refresh_token", "refresh_token": refresh}, egress), {})


def revoke(app: Application, refresh: str, *, egress: Egress) -> None:
    """Give the grant back, where the provider has a way to. Raises a ProviderError."""
    if app.revoke_url and refresh:
        _send(app, app.revoke_url, {"token": refresh}, egress)


@sensitive_variables("form", "own", "answer", "response")
def _post(app: Application, form: Mapping[str, str], egress: Egress) -> dict[str, Any]:
    own = {"client_id": app.client_id, "client_secret": app.client_secret}
    response, answer = _send(app, app.token_url, {**form, **own}, egress)
    if response.status_code == 200 and answer.get("access_token"):
        return answer
    raise refusal(
        app.label, response.status_code, answer, wait=retry_after(response.headers.get("retry-after", ""))
    )


@sensitive_variables("form", "answer", "response")
def _send(
    app: Application, url: str, form: Mapping[str, str], egress: Egress
) -> tuple[httpx.Response, dict[str, Any]]:
    client = http_client(egress)
    try:
        # Sent in two steps, so that nothing on the way holds the form by name.
        response = client.send(client.build_request("POST", url, data=dict(form)))
        answer = response.json() if len(response.content) <= _ANSWER_BYTES else {}
    except ValueError:
        return response, {}
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise connection_problem(error, httpx.URL(url).host) from error
    finally:
        client.close()
    return response, answer if isinstance(answer, dict) else {}


def refusal(label: str, status: int, answer: Mapping[str, Any], *, wait: float | None) -> ProviderError:
    """What an answer that holds no token means."""
    error = str(answer.get("error", ""))
    if status >= 500 or status == 429 or error in {"temporarily_unavailable", "server_error"}:
        return TryLater(f"{label} does not answer at the moment.", retry_after=wait)
    if error in {"invalid_client", "unauthorized_client"}:
        said = f"{label} does not accept this installation’s client id and secret."
        return SetupWrong(f"{said} An administrator can correct them.")
    if error in _OVER:
        codes = [code for code in answer.get("error_codes", ()) if isinstance(code, int)]
        return GrantRefused(f"{label} no longer lets us in. Reconnect the account.", error, codes)
    return SetupWrong(f"{label} refused to let us in ({error or status}).")


def _grant(answer: Mapping[str, Any], claims: Mapping[str, Any]) -> Grant:
    try:
        seconds = max(float(answer.get("expires_in", 3600)), 0.0)
    except (TypeError, ValueError):
        seconds = 3600.0
    return Grant(
        access=str(answer["access_token"]),
        expires_at=datetime.now(UTC) + timedelta(seconds=min(seconds, 86_400.0)),
        refresh=str(answer.get("refresh_token") or ""),
        granted=frozenset(map(_bare, str(answer.get("scope", "")).split())),
        claims=claims,
    )


def _claims(app: Application, token: str) -> dict[str, Any]:
    """Who signed in. The token came straight from the provider over TLS, which stands for its
    signature (OpenID Connect Core 3.1.3.7); what it says is checked all the same."""
    try:
        options: jwt.types.Options = {
            "verify_signature": False,
            "verify_aud": True,
            "verify_exp": True,
            "require": ["iss", "sub"],
        }
        claims = jwt.decode(token, options=options, audience=app.client_id, leeway=_CLOCK_SKEW)
    except jwt.PyJWTError as error:
        raise SetupWrong(f"{app.label} did not say who signed in. Begin again.") from error
    issuers = {issuer.replace("{tenantid}", str(claims.get("tid", ""))) for issuer in app.issuers}
    if claims["iss"] not in issuers:
        raise SetupWrong(f"{app.label} did not say who signed in. Begin again.")
    return claims


def _bare(scope: str) -> str:
    """Microsoft writes some scopes with the host of the API, and in its own capitals."""
    return scope.rpartition("graph.microsoft.com/")[2].casefold()


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
