"""How Microsoft's sign-in says no: AADSTS codes, and the bodies and redirects that carry them."""

import html
import json
from datetime import datetime
from typing import Any

from tests.fakes.faults import Answer, html_answer, json_answer
from tests.fakes.microsoft_grants import guid

# By code: the OAuth error, the sub-error, and what it is about.
CODES: dict[int, tuple[str, str, str]] = {
    50011: ("invalid_request", "", "The redirect URI does not match those configured for the application."),
    50020: ("invalid_request", "", "The account does not exist in this tenant."),
    50058: ("login_required", "", "A silent sign-in was asked for but nobody is signed in."),
    50057: ("invalid_grant", "", "The user account is disabled."),
    50076: ("interaction_required", "basic_action", "Multi-factor authentication is required."),
    50079: ("interaction_required", "basic_action", "Enrolment in multi-factor authentication is required."),
    50148: ("invalid_grant", "", "The code_verifier does not match the code_challenge."),
    50173: ("invalid_grant", "bad_token", "The grant has been revoked; a fresh token is needed."),
    53003: ("interaction_required", "message_only", "Access is blocked by Conditional Access policies."),
    54005: ("invalid_grant", "", "The authorization code was already redeemed."),
    65001: ("invalid_grant", "consent_required", "The user or administrator has not consented."),
    65004: ("access_denied", "", "The user declined to consent to the application."),
    70000: ("invalid_grant", "bad_token", "The grant is invalid or malformed."),
    70003: ("unsupported_grant_type", "", "The grant type is not supported."),
    70008: ("invalid_grant", "token_expired", "The authorization code or refresh token has expired."),
    70011: ("invalid_scope", "", "The scope is not valid."),
    70043: ("invalid_grant", "bad_token", "The refresh token has expired by sign-in frequency checks."),
    90002: ("invalid_request", "", "The tenant was not found."),
    90014: ("invalid_request", "", "A required field is missing."),
    90094: ("consent_required", "", "Only an administrator can grant this."),
    500112: ("invalid_client", "", "The reply address differs from the one of the authorization code."),
    700016: ("unauthorized_client", "", "The application was not found in the directory."),
    700082: ("invalid_grant", "bad_token", "The refresh token has expired due to inactivity."),
    900144: ("invalid_request", "", "The request body lacks a required parameter."),
    900971: ("invalid_request", "", "No reply address was given."),
    7000215: ("invalid_client", "", "The client secret is not valid."),
    7000218: ("invalid_client", "", "The request body lacks client_secret or client_assertion."),
    9002313: ("invalid_request", "", "The request is malformed."),
}
UNAUTHORISED = {500112, 7000215, 7000218}


class SignInError(Exception):
    """`error` replaces the usual word; `claims` is what the next sign-in has to pass on."""

    def __init__(self, code: int, about: str = "", *, error: str = "", claims: str = "") -> None:
        usual, self.suberror, message = CODES[code]
        super().__init__(message)
        self.code, self.error, self.claims = code, error or usual, claims
        self.message = f"AADSTS{code}: {message} {about}".rstrip()

    def described(self, at: datetime) -> str:
        """Ids and the time are part of the description, on lines of their own."""
        trace, correlation = _ids(self.code)
        lines = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at:%Y-%m-%d %H:%M:%SZ}"
        return f"{self.message} {lines}"

    def answer(self, at: datetime) -> Answer:
        """As the token endpoint has it."""
        trace, correlation = _ids(self.code)
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": self.described(at),
            "error_codes": [self.code],
            "timestamp": f"{at:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        body |= {"suberror": self.suberror} if self.suberror else {}
        body |= {"claims": self.claims} if self.claims else {}
        return json_answer(body, 401 if self.code in UNAUTHORISED else 400)

    def page(self) -> Answer:
        """As the visitor sees it where there is nobody to send him back to."""
        told = html.escape(self.message)
        return html_answer(f"<title>Sign in to your account</title><p>Sorry, but… {told}</p>", 400)


def usual_claims() -> str:
    return json.dumps({"access_token": {"polids": {"essential": True, "values": [guid("policy")]}}})


def _ids(code: int) -> tuple[str, str]:
    return guid(f"trace:{code}"), guid(f"correlation:{code}")
