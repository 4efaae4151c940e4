"""The fake of Microsoft: tokens."""

import json
import re
from datetime import UTC, datetime

import jwt
import pytest

from tests.contracts.http import HTTP, came_back
from tests.contracts.microsoft.asking import ADA, BEN, EVE, get, refused
from tests.contracts.microsoft.signing_in import CLIENT, aadsts, authorize, connected, exchange, refresh
from tests.fakes.microsoft import MAIL, REDIRECT_URI, Microsoft


def test_tokens_name_what_was_granted_not_what_was_asked(fake: Microsoft) -> None:
    fake.consents(ADA, without=("Mail.Read",))

    tokens = exchange(fake, came_back(authorize(fake))["code"]).json()

    assert set(tokens["scope"].split()) == {"openid", "profile", "email", "User.Read"}
    assert tokens["token_type"] == "Bearer" and tokens["expires_in"] == 3599
    assert get(fake, tokens["access_token"], "/me").json()["mail"] == ADA
    assert refused(get(fake, tokens["access_token"], "/me/mailFolders")) == (403, "ErrorAccessDenied")


def test_scopes_asked_for_in_full_are_told_in_full(fake: Microsoft) -> None:
    tokens = connected(fake, scope="openid https://graph.microsoft.com/mail.read")

    assert set(tokens["scope"].split()) == {"openid", "https://graph.microsoft.com/Mail.Read"}


def test_refresh_tokens_need_offline_access(fake: Microsoft) -> None:
    assert "refresh_token" not in connected(fake, scope="openid User.Read")
    assert "refresh_token" in connected(fake)


def test_identity_token_is_signed_and_tells_tenant_and_person(fake: Microsoft) -> None:
    fake.clock.freeze(datetime.now(UTC))  # whoever verifies one goes by the time it is
    tokens = connected(fake)
    keys = HTTP.get(f"{fake.login_url}/common/discovery/v2.0/keys").json()["keys"]
    ada = fake.grants.users[ADA]

    head = jwt.get_unverified_header(tokens["id_token"])
    key = next(one for one in keys if one["kid"] == head["kid"])
    claims = jwt.decode(
        tokens["id_token"], jwt.PyJWK(key, "RS256").key, ["RS256"], audience=CLIENT["client_id"]
    )

    assert claims["iss"] == f"{fake.login_url}/{ada.tenant.id}/v2.0"
    assert (claims["tid"], claims["oid"], claims["nonce"]) == (ada.tenant.id, ada.id, "n-1")
    assert (claims["preferred_username"], claims["email"], claims["name"]) == (ADA, ADA, "Ada Lovelace")
    assert claims["sub"] != ada.id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_secret": None}, (401, "invalid_client", 7000218)),
        ({"client_id": "other"}, (400, "unauthorized_client", 700016)),
        ({"client_id": None}, (400, "invalid_request", 900144)),
        ({"redirect_uri": REDIRECT_URI + "x"}, (401, "invalid_client", 500112)),
        ({"redirect_uri": None}, (400, "invalid_request", 900144)),
        ({"code_verifier": "w" * 43}, (400, "invalid_grant", 50148)),
        ({"code_verifier": None}, (400, "invalid_grant", 50148)),
        ({"code": "made-up"}, (400, "invalid_grant", 70000)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"access_type": "offline"}, (400, "invalid_request", 9002313)),
    ],
)
def test_codes_are_exchanged_only_by_whom_they_are_for(
    fake: Microsoft, changes: dict, expected: tuple
) -> None:
    fake.consents(ADA)
    code = came_back(authorize(fake))["code"]

    refusal = exchange(fake, changes.get("code", code), **changes)

    assert aadsts(refusal) == expected


def test_codes_are_good_once_and_for_ten_minutes(fake: Microsoft) -> None:
    fake.consents(ADA)
    first, second = (came_back(authorize(fake))["code"] for _ in range(2))
    exchange(fake, first)

    again = exchange(fake, first)
    fake.clock.advance(minutes=11)

    assert aadsts(again) == (400, "invalid_grant", 54005)
    assert aadsts(exchange(fake, second)) == (400, "invalid_grant", 70008)


def test_refresh_tokens_rotate(fake: Microsoft) -> None:
    old = fake.grant(ADA, *MAIL)

    renewed = refresh(fake, old.refresh_token).json()
    again = refresh(fake, old.refresh_token)

    assert get(fake, renewed["access_token"], "/me").status_code == 200
    assert set(renewed["scope"].split()) == set(MAIL) - {"offline_access"}
    assert aadsts(again) == (400, "invalid_grant", 70000)
    assert refresh(fake, renewed["refresh_token"]).status_code == 200


def test_refresh_tokens_that_were_used_can_stay_good(fake: Microsoft) -> None:
    fake.grants.keeps_used = True
    old = fake.grant(ADA, *MAIL).refresh_token

    assert [refresh(fake, old).status_code for _ in range(2)] == [200, 200]


def test_refusals_have_everything_that_microsofts_have(fake: Microsoft) -> None:
    fake.refuse_refresh(ADA, 700082)
    grant = fake.grant(ADA, *MAIL)

    body = refresh(fake, grant.refresh_token).json()

    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri", "suberror"
    }  # fmt: skip
    assert (body["error"], body["error_codes"], body["suberror"]) == ("invalid_grant", [700082], "bad_token")
    assert body["error_description"].startswith("AADSTS700082: ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])


@pytest.mark.parametrize("number", [50076, 50079, 53003])
def test_refresh_may_need_the_person(fake: Microsoft, number: int) -> None:
    grant = fake.grant(ADA, *MAIL)
    fake.refuse_refresh(ADA, number)
    refusal = refresh(fake, grant.refresh_token)
    fake.refuse_refresh(ADA)

    assert aadsts(refusal) == (400, "interaction_required", number)
    assert "access_token" in json.loads(refusal.json()["claims"])
    assert refresh(fake, grant.refresh_token).status_code == 200


def test_refresh_tokens_end_with_the_grant_the_password_and_time(fake: Microsoft) -> None:
    revoked, changed, kept = (fake.grant(email, *MAIL) for email in (ADA, BEN, EVE))
    fake.revoke(ADA)
    fake.change_password(BEN)
    fake.change_password(EVE, by_admin=False)

    assert aadsts(refresh(fake, revoked.refresh_token)) == (400, "invalid_grant", 65001)
    assert aadsts(refresh(fake, changed.refresh_token)) == (400, "invalid_grant", 50173)
    # Access tokens live on until they expire.
    assert get(fake, revoked.access_token, "/me").status_code == 200
    fake.clock.advance(days=91)
    assert aadsts(refresh(fake, kept.refresh_token)) == (400, "invalid_grant", 700082)


def test_refresh_for_more_than_was_granted_needs_consent(fake: Microsoft) -> None:
    grant = fake.grant(ADA, "offline_access", "User.Read")

    more = refresh(fake, grant.refresh_token, scope="User.Read Mail.Read")

    assert aadsts(more) == (400, "invalid_grant", 65001)
    assert more.json()["suberror"] == "consent_required"


def test_token_endpoint_takes_forms_and_basic_credentials(fake: Microsoft) -> None:
    grant = fake.grant(ADA, *MAIL)
    url = f"{fake.login_url}/common/oauth2/v2.0/token"
    form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}

    as_json = HTTP.post(url, json=CLIENT | form)
    in_query = HTTP.post(url, params={"tenant": "x"}, data=CLIENT | form)
    by_get = HTTP.get(url)
    basic = HTTP.post(url, data=form, auth=(CLIENT["client_id"], CLIENT["client_secret"]))

    assert [answer.status_code for answer in (as_json, in_query, by_get, basic)] == [400, 400, 400, 200]


def test_sign_in_can_be_made_to_fail(fake: Microsoft) -> None:
    grant = fake.grant(ADA, *MAIL)
    fake.faults.on("POST", "/common/oauth2/v2.0/token", call=1, status=503, retry_after=2)

    answers = [refresh(fake, grant.refresh_token) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert [call.status for call in fake.log.of("POST", "/common/oauth2/v2.0/token")] == [503, 200]
