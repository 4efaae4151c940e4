"""Sign-in at the fake of Microsoft, for the tests of the fake itself."""

import base64
import hashlib

import httpx

from tests.contracts.http import HTTP, came_back
from tests.contracts.microsoft.asking import ADA
from tests.fakes.microsoft import MAIL, REDIRECT_URI, Microsoft

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = {"client_id": "11112222-aaaa-4bbb-8ccc-333344445555", "client_secret": "ms-secret~1"}


def asked(**changes: str | None) -> dict[str, str]:
    params = {
        "client_id": CLIENT["client_id"],
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "response_mode": "query",
        "scope": " ".join(MAIL),
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (params | changes).items() if value is not None}


def authorize(fake: Microsoft, tenant: str = "common", /, **changes: str | None) -> httpx.Response:
    return HTTP.get(f"{fake.login_url}/{tenant}/oauth2/v2.0/authorize", params=asked(**changes))


def post(fake: Microsoft, tenant: str = "common", /, **form: str | None) -> httpx.Response:
    given = {name: value for name, value in (CLIENT | form).items() if value is not None}
    return HTTP.post(f"{fake.login_url}/{tenant}/oauth2/v2.0/token", data=given)


def exchange(fake: Microsoft, code: str, /, **changes: str | None) -> httpx.Response:
    form: dict[str, str | None] = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return post(fake, **{"grant_type": "authorization_code", **form, **changes})


def refresh(fake: Microsoft, token: str, **more: str) -> httpx.Response:
    return post(fake, grant_type="refresh_token", refresh_token=token, **more)


def connected(fake: Microsoft, **changes: str | None) -> dict:
    fake.consents(fake.grants.consent.user if fake.grants.consent else ADA)
    return exchange(fake, came_back(authorize(fake, **changes))["code"]).json()


def aadsts(answer: httpx.Response) -> tuple[int, str, int]:
    (code,) = answer.json()["error_codes"]
    return answer.status_code, answer.json()["error"], code
