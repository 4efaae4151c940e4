"""Google's OAuth 2.0 and OpenID Connect endpoints."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.fakes.faults import Answer, Request, html_answer, json_answer, words
from tests.fakes.google_grants import (
    ALIASES,
    IDENTITY,
    KEY_ID,
    KNOWN_SCOPES,
    Consent,
    GoogleGrants,
    base64url,
    certificate,
    joined,
    public_key,
)

REVOKED = "Token has been expired or revoked."
AUTHORIZE_PARAMS = words(
    "client_id redirect_uri response_type scope access_type state include_granted_scopes prompt login_hint "
    "code_challenge code_challenge_method nonce hd display hl enable_granular_consent"
)
# By grant type: what must be there, and what may.
TOKEN_PARAMS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "authorization_code": (frozenset({"code", "redirect_uri"}), frozenset({"code_verifier", "scope"})),
    "refresh_token": (frozenset({"refresh_token"}), frozenset({"scope"})),
}


@dataclass
class Code:
    user: str
    client: str
    scopes: set[str]
    redirect_uri: str
    challenge: str
    nonce: str
    refreshable: bool
    expires: datetime
    used: bool = False


class OAuthError(Exception):
    def __init__(self, status: int, error: str, description: str = "") -> None:
        super().__init__(description or error)
        self.status, self.error, self.description = status, error, description


@dataclass
class GoogleOAuth:
    """Endpoints over the grants. `urls` are the base URLs of the hosts accounts, token and api."""

    grants: GoogleGrants
    urls: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, Code] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer | None:
        """None for a path that is not one of these."""
        routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("accounts", "/o/oauth2/v2/auth"): self._authorize,
            ("accounts", "/.well-known/openid-configuration"): self._configuration,
            ("token", "/token"): self._token,
            ("token", "/revoke"): self._revoke,
            ("api", "/oauth2/v1/certs"): lambda request: json_answer({KEY_ID: certificate()}),
            ("api", "/oauth2/v3/certs"): lambda request: json_answer({"keys": [public_key()]}),
        }
        endpoint = routes.get((request.server, request.path))
        if endpoint is None:
            return None
        needed = {"/token": "POST", "/revoke": "POST"}.get(request.path, "GET")
        try:
            if request.method != needed:
                raise OAuthError(400, "invalid_request", f"Request method must be {needed}.")
            return endpoint(request)
        except OAuthError as error:
            request.detail = error.error
            return _refused(request, error)

    def _configuration(self, request: Request) -> Answer:
        found = {
            "issuer": self.grants.issuer,
            "authorization_endpoint": f"{self.urls['accounts']}/o/oauth2/v2/auth",
            "token_endpoint": f"{self.urls['token']}/token",
            "revocation_endpoint": f"{self.urls['token']}/revoke",
            "userinfo_endpoint": f"{self.urls['api']}/oauth2/v3/userinfo",
            "jwks_uri": f"{self.urls['api']}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
        return json_answer(found)

    def _authorize(self, request: Request) -> Answer:
        params = single_values(request.query, AUTHORIZE_PARAMS)
        self._check_client(params)
        scopes = _checked_authorization(params)
        prompts = set(params.get("prompt", "").split())
        consent = self.grants.consent or Consent(user=params.get("login_hint", ""))
        if consent.declines:
            return _redirect(params, {"error": "access_denied"})
        if consent.user not in self.grants.users:
            return html_answer("<title>Sign in - Google Accounts</title>", 200)
        if prompts == {"none"} and not scopes <= self.grants.granted.get(consent.user, set()):
            return _redirect(params, {"error": "interaction_required"})
        request.user = consent.user
        code = self._new_code(params, scopes, consent, asked="consent" in prompts)
        shown = {"authuser": "0", "prompt": "consent" if "consent" in prompts else "none"}
        return _redirect(params, {"code": code, "scope": joined(self._codes[code].scopes)} | shown)

    def _check_client(self, params: Mapping[str, str]) -> None:
        """What is wrong here is shown to the visitor: there is nobody to send him back to."""
        if not params.get("client_id"):
            raise OAuthError(400, "invalid_request", "Missing required parameter: client_id")
        if params["client_id"] != self.grants.client.id:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        if not params.get("redirect_uri"):
            raise OAuthError(400, "invalid_request", "Missing required parameter: redirect_uri")
        if params["redirect_uri"] not in self.grants.client.redirect_uris:
            raise OAuthError(400, "redirect_uri_mismatch")

    def _new_code(self, params: Mapping[str, str], scopes: set[str], consent: Consent, *, asked: bool) -> str:
        without = {ALIASES.get(scope, scope) for scope in consent.without} - IDENTITY
        given, before = scopes - without, self.grants.granted.get(consent.user, set())
        offline = params.get("access_type") == "offline"
        # A refresh token comes with the first consent, and then only with another one asked for.
        refreshable = offline and (asked or not before)
        self.grants.granted[consent.user] = before | given
        if params.get("include_granted_scopes") == "true":
            given = given | before
        code = f"4/0A{secrets.token_urlsafe(24)}"
        self._codes[code] = Code(
            consent.user,
            params["client_id"],
            given,
            params["redirect_uri"],
            params.get("code_challenge", ""),
            params.get("nonce", ""),
            refreshable,
            self.grants.clock.now() + timedelta(minutes=10),
        )
        return code

    def _token(self, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise OAuthError(400, "invalid_request", "Bad Request")
        if request.query:
            raise OAuthError(400, "invalid_request", "Parameters belong into the body.")
        kind = dict(request.form).get("grant_type", "")
        if kind not in TOKEN_PARAMS:
            raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
        needed, allowed = TOKEN_PARAMS[kind]
        form = single_values(request.form, needed | allowed | {"grant_type", "client_id", "client_secret"})
        self._authenticate(request, form)
        for name in sorted(needed):
            if not form.get(name):
                raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
        request.detail = kind
        return (
            self._exchanged(request, form) if kind == "authorization_code" else self._refreshed(request, form)
        )

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = re.fullmatch(r"Basic (.+)", request.headers.get("authorization", ""))
        if basic:
            client, _, secret = base64.b64decode(basic[1]).decode().partition(":")
        if not client:
            raise OAuthError(400, "invalid_request", "Could not determine client ID from request.")
        if client != self.grants.client.id:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        if not secret:
            raise OAuthError(400, "invalid_request", "client_secret is missing.")
        if secret != self.grants.client.secret:
            raise OAuthError(401, "invalid_client", "Unauthorized")

    def _exchanged(self, request: Request, form: Mapping[str, str]) -> Answer:
        code = self._codes.get(form["code"])
        if code is None:
            raise OAuthError(400, "invalid_grant", "Malformed auth code.")
        if code.used or code.expires <= self.grants.clock.now():
            raise OAuthError(400, "invalid_grant", "Bad Request")
        if form["redirect_uri"] != code.redirect_uri:
            raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
        _verify(code.challenge, form.get("code_verifier", ""))
        code.used = True
        request.user = code.user
        refresh = (
            {"refresh_token": self.grants.new_refresh(code.user, code.scopes)} if code.refreshable else {}
        )
        return json_answer(self._tokens(code.user, code.scopes, code.nonce) | refresh)

    def _refreshed(self, request: Request, form: Mapping[str, str]) -> Answer:
        token = self.grants.refresh.get(form["refresh_token"])
        if token is None:
            raise OAuthError(400, "invalid_grant", REVOKED)
        wanted = {ALIASES.get(scope, scope) for scope in form.get("scope", "").split()}
        if wanted - token.scopes:
            raise OAuthError(400, "invalid_scope", f"Not granted: {joined(wanted - token.scopes)}")
        request.user = token.user
        return json_answer(self._tokens(token.user, wanted or set(token.scopes), ""))

    def _revoke(self, request: Request) -> Answer:
        values = single_values([*request.form, *request.query], frozenset({"token"}))
        found = self.grants.access.get(values.get("token", "")) or self.grants.refresh.get(
            values.get("token", "")
        )
        if found is None:
            raise OAuthError(400, "invalid_token", REVOKED)
        request.user = found.user
        self.grants.revoke(found.user)
        return json_answer({})

    def _tokens(self, email: str, scopes: set[str], nonce: str) -> dict[str, Any]:
        access = self.grants.new_access(email, scopes)
        answer = {
            "access_token": access,
            "expires_in": self.grants.expires_in,
            "scope": joined(scopes),
            "token_type": "Bearer",
        }
        return answer | (
            {"id_token": self.grants.id_token(email, scopes, access, nonce)} if "openid" in scopes else {}
        )


def single_values(pairs: list[tuple[str, str]], known: frozenset[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise OAuthError(400, "invalid_request", f"Parameter not allowed for this message type: {name}")
        if name in values:
            raise OAuthError(
                400, "invalid_request", f"OAuth 2 parameters can only have a single value: {name}"
            )
        values[name] = value
    return values


def _checked_authorization(params: Mapping[str, str]) -> set[str]:
    """The scopes asked for, under their full names."""
    allowed = {
        "response_type": {"code"},
        "access_type": {"online", "offline"},
        "include_granted_scopes": {"true", "false"},
        "code_challenge_method": {"S256"},
    }
    for name in ("response_type", "scope"):
        if not params.get(name):
            raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
    for name, values in allowed.items():
        if name in params and params[name] not in values:
            raise OAuthError(400, "invalid_request", f"Invalid parameter value for {name}: {params[name]}")
    prompts = set(params.get("prompt", "").split())
    if prompts - {"none", "consent", "select_account"} or ("none" in prompts and len(prompts) > 1):
        raise OAuthError(400, "invalid_request", f"Invalid prompt: {params['prompt']}")
    if ("code_challenge" in params) != ("code_challenge_method" in params):
        raise OAuthError(400, "invalid_request", "code_challenge and code_challenge_method=S256 go together.")
    if "code_challenge" in params and not re.fullmatch(r"[\w-]{43}", params["code_challenge"]):
        raise OAuthError(400, "invalid_request", "Invalid code_challenge.")
    scopes = {ALIASES.get(scope, scope) for scope in params["scope"].split()}
    if scopes - KNOWN_SCOPES:
        raise OAuthError(400, "invalid_scope", f"Some requested scopes were invalid: {scopes - KNOWN_SCOPES}")
    return scopes


def _redirect(params: Mapping[str, str], said: Mapping[str, str]) -> Answer:
    state = {"state": params["state"]} if "state" in params else {}
    joint = "&" if "?" in params["redirect_uri"] else "?"
    return Answer(302, b"", {"Location": params["redirect_uri"] + joint + urlencode(state | dict(said))})


def _refused(request: Request, error: OAuthError) -> Answer:
    if request.server == "accounts":
        shown = f"<title>Error {error.status}: {error.error}</title><p>{error.description}</p>"
        return html_answer(shown, error.status)
    described = {"error_description": error.description} if error.description else {}
    return json_answer({"error": error.error} | described, error.status)


def _verify(challenge: str, verifier: str) -> None:
    if challenge and not verifier:
        raise OAuthError(400, "invalid_grant", "Missing code verifier.")
    if verifier and not challenge:
        raise OAuthError(400, "invalid_grant", "code_verifier or verifier is not needed.")
    if challenge and base64url(hashlib.sha256(verifier.encode()).digest()) != challenge:
        raise OAuthError(400, "invalid_grant", "Invalid code verifier.")
