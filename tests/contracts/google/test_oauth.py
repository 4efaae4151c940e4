"""The fake of Google: sign-in and tokens."""

import base64
import hashlib
from datetime import UTC, datetime

import httpx
import jwt
import pytest
from cryptography import x509

from tests.contracts.google.asking import ADA, BEN, get, reason
from tests.contracts.http import HTTP, came_back
from tests.fakes.google import CALENDAR, MAIL, REDIRECT_URI, Google
from tests.fakes.google_grants import AUTH

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = {"client_id": "rapport.apps.googleusercontent.com", "client_secret": "GOCSPX-secret"}
PROFILE = "/gmail/v1/users/me/profile"


def authorize(fake: Google, **changes: str | None) -> httpx.Response:
    params = {
        "client_id": CLIENT["client_id"],
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": " ".join(MAIL),
        "state": "s-1",
        "access_type": "offline",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "login_hint": ADA,
    }
    asked = {name: value for name, value in (params | changes).items() if value is not None}
    return HTTP.get(fake.authorize_url, params=asked)


def exchange(fake: Google, code: str, /, **changes: str | None) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    form |= CLIENT | {"code_verifier": VERIFIER}
    given = {name: value for name, value in (form | changes).items() if value is not None}
    return HTTP.post(fake.token_url, data=given)


def refresh(fake: Google, token: str, **more: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return HTTP.post(fake.token_url, data=form | CLIENT | more)


def connected(fake: Google, **changes: str | None) -> dict:
    return exchange(fake, came_back(authorize(fake, **changes))["code"]).json()


def test_sign_in_gives_a_code_and_the_state_back(fake: Google) -> None:
    answer = authorize(fake)

    back = came_back(answer)
    assert answer.headers["location"].startswith(REDIRECT_URI + "?")
    assert back["state"] == "s-1"
    assert set(back["scope"].split()) == {
        "openid", f"{AUTH}userinfo.email", f"{AUTH}userinfo.profile", f"{AUTH}gmail.readonly"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"redirect_uri": REDIRECT_URI.rstrip("/")}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": REDIRECT_URI + "?x=1"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "invalid_request"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": "openid gmail"}, 400, "invalid_scope"),
        ({"access_type": "always"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"code_challenge_method": None}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
        ({"include_granted_scopes": "yes"}, 400, "invalid_request"),
        ({"offline": "1"}, 400, "invalid_request"),
    ],
)
def test_sign_in_shows_what_is_wrong_with_a_request(
    fake: Google, changes: dict, status: int, error: str
) -> None:
    answer = authorize(fake, **changes)

    assert answer.status_code == status
    assert f"Error {status}: {error}" in answer.text


def test_sign_in_waits_for_somebody_the_test_has_not_named(fake: Google) -> None:
    answer = authorize(fake, login_hint=None)

    assert (answer.status_code, "Sign in" in answer.text) == (200, True)


def test_sign_in_tells_that_the_visitor_declined(fake: Google) -> None:
    fake.declines()

    assert came_back(authorize(fake)) == {"state": "s-1", "error": "access_denied"}


def test_sign_in_without_a_screen_needs_an_earlier_consent(fake: Google) -> None:
    before = came_back(authorize(fake, prompt="none"))
    authorize(fake)

    assert before["error"] == "interaction_required"
    assert "code" in came_back(authorize(fake, prompt="none"))


def test_tokens_name_what_was_granted_not_what_was_asked(fake: Google) -> None:
    fake.consents(BEN, without=(f"{AUTH}gmail.readonly",))

    tokens = connected(fake)

    assert set(tokens["scope"].split()) == {"openid", f"{AUTH}userinfo.email", f"{AUTH}userinfo.profile"}
    assert get(fake, tokens["access_token"], PROFILE).status_code == 403
    assert get(fake, tokens["access_token"], "/oauth2/v3/userinfo").json()["email"] == BEN


def test_earlier_scopes_are_included_only_on_request(fake: Google) -> None:
    fake.grant(ADA, *MAIL)

    without = connected(fake, scope="openid")
    with_them = connected(fake, scope="openid", include_granted_scopes="true")

    assert without["scope"] == "openid"
    assert f"{AUTH}gmail.readonly" in with_them["scope"].split()


def test_refresh_tokens_come_with_the_first_consent_or_one_asked_for(fake: Google) -> None:
    online = connected(fake, access_type="online")
    again = connected(fake)
    consented = connected(fake, prompt="consent")
    fake.revoke(ADA)
    first = connected(fake)

    has = ["refresh_token" in tokens for tokens in (online, again, consented, first)]
    assert has == [False, False, True, True]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code": "4/unknown"}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"redirect_uri": "http://testserver/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"audience": "me"}, 400, "invalid_request"),
    ],
)
def test_codes_are_exchanged_only_as_they_were_issued(
    fake: Google, changes: dict, status: int, error: str
) -> None:
    code = came_back(authorize(fake))["code"]

    answer = exchange(fake, code, **changes)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert exchange(fake, code).status_code == 200


def test_codes_work_once_and_not_for_long(fake: Google) -> None:
    code, late = (came_back(authorize(fake))["code"] for _ in range(2))

    first, again = (exchange(fake, code) for _ in range(2))
    fake.clock.advance(minutes=10)
    too_late = exchange(fake, late)

    assert first.status_code == 200
    assert [one.json()["error"] for one in (again, too_late)] == ["invalid_grant", "invalid_grant"]


def test_verifiers_are_not_wanted_without_a_challenge(fake: Google) -> None:
    code = came_back(authorize(fake, code_challenge=None, code_challenge_method=None))["code"]

    assert exchange(fake, code).json()["error_description"] == "code_verifier or verifier is not needed."
    assert exchange(fake, code, code_verifier=None).status_code == 200


def test_token_endpoint_takes_one_form_by_post(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).refresh_token
    form = {"grant_type": "refresh_token", "refresh_token": token} | CLIENT
    body = f"grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}"

    as_json = HTTP.post(fake.token_url, json=form)
    in_url = HTTP.post(fake.token_url, params=form, data={"a": "b"})
    by_get = HTTP.get(fake.token_url, params=form)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = HTTP.post(fake.token_url, content=body, headers=kind)

    assert [one.status_code for one in (as_json, in_url, by_get, twice)] == [400] * 4
    assert HTTP.post(fake.token_url, data=form).status_code == 200


def test_id_tokens_can_be_verified_with_either_kind_of_key(fake: Google) -> None:
    fake.clock.freeze(datetime.now(UTC))  # whoever verifies one goes by the time it is
    token = connected(fake, nonce="n-1")["id_token"]
    keys = jwt.PyJWKClient(fake.certs_url)
    certificates = HTTP.get(f"{fake.api_url}/oauth2/v1/certs").json()
    certificate = x509.load_pem_x509_certificate(certificates["fake-1"].encode())

    by_key = jwt.decode(token, keys.get_signing_key_from_jwt(token), ["RS256"], audience=CLIENT["client_id"])
    by_certificate = jwt.decode(
        token, certificate.public_key(), ["RS256"], audience=CLIENT["client_id"]  # type: ignore[arg-type]
    )  # fmt: skip

    assert by_key == by_certificate
    told = {name: by_key[name] for name in ("iss", "email", "email_verified", "name", "nonce")}
    assert told == {
        "iss": "https://accounts.google.com",
        "email": ADA,
        "email_verified": True,
        "name": "Ada Lovelace",
        "nonce": "n-1",
    }


def test_refreshing_gives_an_access_token_and_no_refresh_token(fake: Google) -> None:
    granted = fake.grant(ADA, f"{AUTH}gmail.readonly")

    tokens = refresh(fake, granted.refresh_token).json()

    assert set(tokens) == {"access_token", "expires_in", "scope", "token_type"}
    assert get(fake, tokens["access_token"], PROFILE).status_code == 200
    assert refresh(fake, granted.refresh_token, scope=f"{AUTH}calendar").json()["error"] == "invalid_scope"
    assert refresh(fake, "1//unknown").json()["error"] == "invalid_grant"


def test_access_tokens_expire_when_they_say(fake: Google) -> None:
    fake.grants.expires_in = 600
    granted = fake.grant(ADA, *MAIL)

    fake.clock.advance(seconds=599)
    before = get(fake, granted.access_token, PROFILE)
    fake.clock.advance(seconds=2)
    after = get(fake, granted.access_token, PROFILE)

    assert (before.status_code, after.status_code, reason(after)) == (200, 401, "authError")
    assert refresh(fake, granted.refresh_token).status_code == 200


def test_revoking_either_token_ends_all_of_them(fake: Google) -> None:
    one, other = fake.grant(ADA, *MAIL), fake.grant(ADA, *MAIL)
    bens = fake.grant(BEN, *MAIL)

    revoked = HTTP.post(fake.revoke_url, data={"token": one.access_token})

    assert revoked.status_code == 200
    assert refresh(fake, other.refresh_token).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert get(fake, other.access_token, PROFILE).status_code == 401
    assert get(fake, bens.access_token, PROFILE).status_code == 200
    again = HTTP.post(fake.revoke_url, data={"token": one.access_token})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_new_passwords_end_refresh_tokens_for_mail_alone(fake: Google) -> None:
    mail, calendar = fake.grant(ADA, *MAIL), fake.grant(ADA, *CALENDAR)

    fake.change_password(ADA)

    assert refresh(fake, mail.refresh_token).json()["error"] == "invalid_grant"
    assert refresh(fake, calendar.refresh_token).status_code == 200


def test_the_hundred_and_first_refresh_token_ends_the_first(fake: Google) -> None:
    tokens = [fake.grant(ADA, *MAIL).refresh_token for _ in range(101)]

    assert [refresh(fake, tokens[at]).status_code for at in (0, 1, 100)] == [400, 200, 200]
