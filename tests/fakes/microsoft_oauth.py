"""Microsoft's sign-in endpoints: authorize and consent, tokens, discovery, keys."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tests.fakes.faults import Answer, Request, json_answer
from tests.fakes.microsoft_errors import SignInError, usual_claims
from tests.fakes.microsoft_grants import (
    GRAPH,
    IDENTITY,
    MicrosoftGrants,
    Token,
    base64url,
    joined,
    public_key,
)
from tests.fakes.microsoft_signin import Code, SignIn, known_scopes, single_values

ANYBODY = ("common", "organizations", "consumers")
ALWAYS = frozenset({"grant_type", "client_id", "client_secret", "scope", "client_info", "claims"})
# By grant type: what must be there, and what may.
TOKEN_PARAMS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "authorization_code": (frozenset({"code", "redirect_uri"}), frozenset({"code_verifier"})),
    "refresh_token": (frozenset({"refresh_token"}), frozenset()),
}


class MicrosoftOAuth:
    """Endpoints over the grants. `urls` are the base URLs of the hosts login and graph."""

    def __init__(self, grants: MicrosoftGrants) -> None:
        self.grants, self.signin = grants, SignIn(grants)
        self.urls: dict[str, str] = {}

    def answer(self, request: Request) -> Answer | None:
        """None for a path that is not one of these."""
        found = re.fullmatch(r"/([^/]+)/(.+)", request.path)
        methods = ENDPOINTS.get(found[2]) if found else None
        if found is None or methods is None:
            return None
        try:
            authority = self._authority(unquote(found[1]))
            if request.method not in methods:
                raise SignInError(9002313, f"Not with {request.method}.")
            return self._endpoint(request, authority, found[2])
        except SignInError as error:
            request.detail = f"AADSTS{error.code}"
            return error.answer(self.grants.clock.now()) if found[2] == TOKEN else error.page()

    def _endpoint(self, request: Request, authority: str, endpoint: str) -> Answer:
        if endpoint == TOKEN:
            return self._token(request)
        if endpoint == AUTHORIZE:
            return self.signin.authorize(request, authority)
        if endpoint in {"adminconsent", "v2.0/adminconsent"}:
            return self.signin.admin_consent(request, authority, scoped=endpoint.startswith("v2.0"))
        if endpoint == KEYS:
            return json_answer({"keys": [public_key()]})
        return json_answer(self._configuration(authority))

    def _authority(self, name: str) -> str:
        """One of the words for anybody, or a tenant's id."""
        if name in ANYBODY:
            return name
        tenant = self.grants.tenant(name)
        if tenant is None:
            raise SignInError(90002, name)
        return tenant.id

    def _configuration(self, authority: str) -> dict[str, Any]:
        base = f"{self.urls['login']}/{authority}"
        return {
            # For anybody, the issuer is not yet known.
            "issuer": f"{self.urls['login']}/{'{tenantid}' if authority in ANYBODY else authority}/v2.0",
            "authorization_endpoint": f"{base}/{AUTHORIZE}",
            "token_endpoint": f"{base}/{TOKEN}",
            "jwks_uri": f"{base}/{KEYS}",
            "userinfo_endpoint": f"{self.urls['graph']}/oidc/userinfo",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        }

    # Tokens.

    def _token(self, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise SignInError(900144, "Parameters belong into a form.")
        if request.query:
            raise SignInError(9002313, "Parameters belong into the body.")
        kind = dict(request.form).get("grant_type", "")
        if kind not in TOKEN_PARAMS:
            raise SignInError(70003, kind)
        needed, allowed = TOKEN_PARAMS[kind]
        form = single_values(request.form, needed | allowed | ALWAYS)
        self._authenticate(request, form)
        for name in sorted(needed):
            if not form.get(name):
                raise SignInError(900144, name)
        request.detail = kind
        exchanging = kind == "authorization_code"
        return self._exchanged(request, form) if exchanging else self._refreshed(request, form)

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = re.fullmatch(r"Basic (.+)", request.headers.get("authorization", ""))
        if basic:
            client, _, secret = base64.b64decode(basic[1]).decode().partition(":")
        if not client:
            raise SignInError(900144, "client_id")
        if client != self.grants.client.id:
            raise SignInError(700016, client)
        if not secret:
            raise SignInError(7000218)
        if secret != self.grants.client.secret:
            raise SignInError(7000215)

    def _exchanged(self, request: Request, form: Mapping[str, str]) -> Answer:
        code = self.signin.codes.get(form["code"])
        if code is None:
            raise SignInError(70000)
        request.user = code.user
        if code.used:
            raise SignInError(54005)
        if code.expires <= self.grants.clock.now():
            raise SignInError(70008)
        if form["redirect_uri"] != code.redirect_uri:
            raise SignInError(500112)
        _verify(code, form.get("code_verifier", ""))
        code.used = True
        self.grants.challenges.pop(code.user, None)
        return self._tokens(code.user, code.scopes, nonce=code.nonce, full=code.full)

    def _refreshed(self, request: Request, form: Mapping[str, str]) -> Answer:
        token = self.grants.refresh.get(form["refresh_token"])
        if token is None:
            raise SignInError(70000)
        request.user = token.user
        self._check_refresh(token)
        wanted = known_scopes(form.get("scope", "")) or token.scopes
        if (wanted - IDENTITY) - token.scopes:
            raise SignInError(65001, joined(wanted - token.scopes))
        if form.get("claims"):
            self.grants.challenges.pop(token.user, None)
        if not self.grants.keeps_used:
            token.ended = 70000
        full = GRAPH in form.get("scope", "").lower()
        # Whatever is asked for now, the new refresh token is good for all that the old one was.
        return self._tokens(token.user, wanted & token.scopes, full=full, renewing=token.scopes)

    def _check_refresh(self, token: Token) -> None:
        refusal = self.grants.refusals.get(token.user) or token.ended
        if not refusal and token.expires <= self.grants.clock.now():
            refusal = 700082
        if refusal:
            interactive = refusal in {50076, 50079, 53003}
            raise SignInError(refusal, claims=usual_claims() if interactive else "")

    def _tokens(
        self,
        email: str,
        scopes: set[str],
        *,
        nonce: str = "",
        full: bool = False,
        renewing: set[str] | None = None,
    ) -> Answer:
        held = renewing if renewing is not None else scopes
        told: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": joined(scopes, full=full),
            "expires_in": self.grants.expires_in,
            "ext_expires_in": self.grants.expires_in,
            "access_token": self.grants.new_access(email, scopes),
        }
        if "offline_access" in held:
            told["refresh_token"] = self.grants.new_refresh(email, held)
        if "openid" in scopes:
            told["id_token"] = self.grants.id_token(email, scopes, nonce)
        return json_answer(told, headers={"Cache-Control": "no-store, no-cache"})


AUTHORIZE, TOKEN, KEYS = "oauth2/v2.0/authorize", "oauth2/v2.0/token", "discovery/v2.0/keys"
ENDPOINTS = {
    AUTHORIZE: ("GET", "POST"),
    TOKEN: ("POST",),
    KEYS: ("GET",),
    "v2.0/.well-known/openid-configuration": ("GET",),
    "adminconsent": ("GET", "POST"),
    "v2.0/adminconsent": ("GET", "POST"),
}


def _verify(code: Code, verifier: str) -> None:
    if bool(code.challenge) != bool(verifier):
        raise SignInError(50148)
    if code.challenge and base64url(hashlib.sha256(verifier.encode()).digest()) != code.challenge:
        raise SignInError(50148)
