"""Where people sign in at Microsoft and consent, each for himself or an administrator for all."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from urllib.parse import urlencode

from tests.fakes.faults import Answer, Request, html_answer, words
from tests.fakes.microsoft_errors import SignInError
from tests.fakes.microsoft_grants import (
    ADMIN_ONLY,
    GRAPH,
    IDENTITY,
    KNOWN_SCOPES,
    Consent,
    MicrosoftGrants,
    Tenant,
    joined,
    short,
)

AUTHORIZE_PARAMS = words(
    "client_id response_type redirect_uri scope response_mode state prompt login_hint domain_hint nonce "
    "code_challenge code_challenge_method claims client_info"
)
ADMIN_PARAMS = words("client_id redirect_uri scope state")
PROMPTS = words("login none consent select_account")


@dataclass
class Code:
    user: str
    scopes: set[str]
    full: bool
    redirect_uri: str
    challenge: str
    nonce: str
    expires: datetime
    used: bool = False


@dataclass
class SignIn:
    """`codes` are what the token endpoint takes."""

    grants: MicrosoftGrants
    codes: dict[str, Code] = field(default_factory=dict)

    def authorize(self, request: Request, authority: str) -> Answer:
        params = single_values(request.query, AUTHORIZE_PARAMS)
        self._check_client(params)
        try:
            scopes = _checked(params)
            return self._decided(request, authority, params, scopes)
        except SignInError as error:
            request.detail = f"AADSTS{error.code}"
            said = {"error": error.error, "error_description": error.described(self.grants.clock.now())}
            return _redirect(params, said)

    def _decided(
        self, request: Request, authority: str, params: Mapping[str, str], scopes: set[str]
    ) -> Answer:
        consent = self._clicked(request) or self.grants.consent
        silent = params.get("prompt") == "none"
        if consent is None:
            if silent:
                raise SignInError(50058)
            return self._page(params, f"Let this application have: {joined(scopes)}?")
        if consent.declines:
            raise SignInError(65004)
        self._check_account(consent.user, authority)
        if silent and not scopes - IDENTITY <= self._had(consent.user):
            raise SignInError(65001, error="interaction_required")
        self._check_consent(consent.user, scopes)
        request.user = consent.user
        return _redirect(params, {"code": self._new_code(params, scopes, consent)})

    def admin_consent(self, request: Request, tenant: str, *, scoped: bool) -> Answer:
        """The older endpoint grants all that the application is registered for; the newer, `scope`."""
        params = single_values(request.query, ADMIN_PARAMS if scoped else ADMIN_PARAMS - {"scope"})
        self._check_client(params)
        if tenant in {"common", "consumers"}:
            raise SignInError(90002, "Administrators consent for a tenant, not for common.")
        if scoped and not params.get("scope"):
            raise SignInError(900144, "scope")
        scopes = {short(one) for one in params.get("scope", " ".join(KNOWN_SCOPES)).split()}
        consent = self._clicked(request) or self.grants.consent
        if consent is None:
            return self._page(params, "Consent for your organisation?")
        said = self._organisation(request, tenant, consent, scopes)
        return _redirect(params, {"admin_consent": "True"} | said | _echoed_scope(params))

    def _organisation(
        self, request: Request, tenant: str, consent: Consent, scopes: set[str]
    ) -> dict[str, str]:
        user = self.grants.users.get(consent.user)
        if consent.declines or user is None or not user.admin:
            error = SignInError(65004, error="consent_required")
            request.detail = "AADSTS65004"
            return {"error": error.error, "error_description": error.described(self.grants.clock.now())}
        if tenant != "organizations":
            self._check_account(user.email, tenant)
        request.user = user.email
        user.tenant.consented |= scopes
        return {"tenant": user.tenant.id}

    # The page.

    def _clicked(self, request: Request) -> Consent | None:
        if request.method != "POST":
            return None
        form = dict(request.form)
        return Consent(declines=True) if "decline" in form else Consent(form.get("user", ""))

    def _page(self, params: Mapping[str, str], question: str) -> Answer:
        """One button for whoever is known to come, or one for everybody in the directory."""
        hint = params.get("login_hint", "")
        people = [hint] if hint in self.grants.users else list(self.grants.users)
        buttons = "".join(
            f'<button name="user" value="{html.escape(one)}">Accept as {html.escape(one)}</button>'
            for one in people
        )
        decline = '<button name="decline" value="1">Cancel</button>'
        form = f'<form method="post">{buttons}{decline}</form>'
        head = "<!doctype html><title>Sign in to your account</title>"
        return html_answer(f"{head}<h1>Permissions requested</h1><p>{html.escape(question)}</p>{form}", 200)

    # What they check.

    def _check_client(self, params: Mapping[str, str]) -> None:
        if params.get("client_id") != self.grants.client.id:
            raise SignInError(700016 if params.get("client_id") else 900144, params.get("client_id", ""))
        if not params.get("redirect_uri"):
            raise SignInError(900971)
        if params["redirect_uri"] not in self.grants.client.redirect_uris:
            raise SignInError(50011, params["redirect_uri"])

    def _check_account(self, email: str, authority: str) -> None:
        user = self.grants.users.get(email)
        wanted: Tenant | None = self.grants.tenant(authority)
        if user is None or authority == "consumers" or (wanted and wanted is not user.tenant):
            raise SignInError(50020, email)

    def _check_consent(self, email: str, scopes: set[str]) -> None:
        tenant = self.grants.users[email].tenant
        if tenant.bars_consent and (scopes & ADMIN_ONLY) - tenant.consented:
            raise SignInError(90094)

    def _had(self, email: str) -> set[str]:
        return self.grants.granted.get(email, set()) | self.grants.users[email].tenant.consented

    def _new_code(self, params: Mapping[str, str], scopes: set[str], consent: Consent) -> str:
        given = scopes - {short(scope) for scope in consent.without}
        self.grants.granted[consent.user] = self.grants.granted.get(consent.user, set()) | given
        code = f"1.A{token_urlsafe(60)}"
        self.codes[code] = Code(
            consent.user,
            given,
            GRAPH in params["scope"].lower(),
            params["redirect_uri"],
            params.get("code_challenge", ""),
            params.get("nonce", ""),
            self.grants.clock.now() + timedelta(minutes=10),
        )
        return code


def single_values(pairs: list[tuple[str, str]], known: frozenset[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise SignInError(9002313, f"No such parameter: {name}")
        if name in values:
            raise SignInError(9002313, f"Given twice: {name}")
        values[name] = value
    return values


def known_scopes(text: str) -> set[str]:
    scopes = {short(scope) for scope in text.split()}
    if scopes - KNOWN_SCOPES:
        raise SignInError(70011, " ".join(sorted(scopes - KNOWN_SCOPES)))
    return scopes


def _checked(params: Mapping[str, str]) -> set[str]:
    """The scopes asked for, under their short names."""
    if params.get("response_type") != "code":
        raise SignInError(900144, "response_type", error="unsupported_response_type")
    if not params.get("scope"):
        raise SignInError(900144, "scope")
    if params.get("response_mode", "query") != "query" or params.get("prompt", "login") not in PROMPTS:
        raise SignInError(9002313, "response_mode or prompt")
    # Plain challenges would do for Microsoft, but not for us.
    if ("code_challenge" in params) != (params.get("code_challenge_method") == "S256"):
        raise SignInError(9002313, "code_challenge and code_challenge_method=S256 go together.")
    if "code_challenge" in params and not re.fullmatch(r"[\w-]{43}", params["code_challenge"]):
        raise SignInError(9002313, "code_challenge")
    return known_scopes(params["scope"])


def _echoed_scope(params: Mapping[str, str]) -> dict[str, str]:
    return {"scope": params["scope"]} if "scope" in params else {}


def _redirect(params: Mapping[str, str], said: Mapping[str, str]) -> Answer:
    state = {"state": params["state"]} if "state" in params else {}
    joint = "&" if "?" in params["redirect_uri"] else "?"
    return Answer(302, b"", {"Location": params["redirect_uri"] + joint + urlencode(dict(said) | state)})
