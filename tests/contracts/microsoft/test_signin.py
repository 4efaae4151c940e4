"""The fake of Microsoft: sign-in and consent."""

import re

import pytest

from tests.contracts.http import HTTP, came_back
from tests.contracts.microsoft.asking import ADA, BEN, EVE
from tests.contracts.microsoft.signing_in import CLIENT, asked, authorize, exchange
from tests.fakes.microsoft import REDIRECT_URI, Microsoft


def test_sign_in_gives_a_code_and_the_state_back(fake: Microsoft) -> None:
    fake.consents(ADA)

    answer = authorize(fake)

    assert answer.headers["location"].startswith(REDIRECT_URI + "?")
    assert set(came_back(answer)) == {"code", "state"}
    assert came_back(answer)["state"] == "s-1"


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": "other"}, 700016),
        ({"client_id": None}, 900144),
        ({"redirect_uri": REDIRECT_URI.rstrip("/")}, 50011),
        ({"redirect_uri": None}, 900971),
        ({"access_type": "offline"}, 9002313),
    ],
)
def test_sign_in_shows_the_visitor_what_nobody_can_be_sent_back_with(
    fake: Microsoft, changes: dict, number: int
) -> None:
    fake.consents(ADA)

    answer = authorize(fake, **changes)

    assert (answer.status_code, f"AADSTS{number}:" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "openid Mail.Peek"}, "invalid_scope"),
        ({"prompt": "always"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_sign_in_sends_back_what_is_wrong_with_a_request(fake: Microsoft, changes: dict, error: str) -> None:
    fake.consents(ADA)

    back = came_back(authorize(fake, **changes))

    assert (back["error"], back["state"]) == (error, "s-1")


def test_sign_in_page_waits_for_a_click(fake: Microsoft) -> None:
    page = authorize(fake, login_hint=ADA)
    form = re.search(r'<form method="post">(.+)</form>', page.text)
    url = f"{fake.login_url}/common/oauth2/v2.0/authorize"

    accepted = HTTP.post(url, params=asked(), data={"user": ADA})
    declined = HTTP.post(url, params=asked(), data={"decline": "1"})

    assert page.status_code == 200
    assert form and re.findall(r'name="(\w+)" value="([^"]+)"', form[1]) == [("user", ADA), ("decline", "1")]
    assert exchange(fake, came_back(accepted)["code"]).status_code == 200
    assert came_back(declined)["error"] == "access_denied"


def test_sign_in_page_offers_everybody_where_nobody_is_expected(fake: Microsoft) -> None:
    page = authorize(fake)

    assert re.findall(r'name="user" value="([^"]+)"', page.text) == [ADA, BEN, EVE]


def test_sign_in_tells_that_the_visitor_declined(fake: Microsoft) -> None:
    fake.declines()

    back = came_back(authorize(fake))

    assert (back["error"], back["error_description"][:12]) == ("access_denied", "AADSTS65004:")


def test_sign_in_without_a_screen_needs_somebody_with_a_consent(fake: Microsoft) -> None:
    nobody = came_back(authorize(fake, prompt="none"))
    fake.consents(ADA)
    before = came_back(authorize(fake, prompt="none"))
    authorize(fake)

    assert (nobody["error"], before["error"]) == ("login_required", "interaction_required")
    assert "code" in came_back(authorize(fake, prompt="none"))


def test_sign_in_of_a_tenant_is_for_its_people(fake: Microsoft) -> None:
    tenant = fake.grants.tenants["contoso.example"].id
    fake.consents(EVE)
    elsewhere = came_back(authorize(fake, "contoso.example"))["error_description"]
    personal = came_back(authorize(fake, "consumers"))["error_description"]
    fake.consents(ADA)

    assert elsewhere.startswith("AADSTS50020:") and personal.startswith("AADSTS50020:")
    assert "code" in came_back(authorize(fake, tenant))
    assert "code" in came_back(authorize(fake, "contoso.example"))
    assert "code" in came_back(authorize(fake, "organizations"))
    assert "AADSTS90002" in authorize(fake, "nowhere.example").text


def test_consent_to_mail_may_be_for_administrators_only(fake: Microsoft) -> None:
    fake.add_tenant("contoso.example", bars_consent=True)
    fake.consents(ADA)
    barred = came_back(authorize(fake))
    harmless = came_back(authorize(fake, scope="openid User.Read"))
    url = f"{fake.login_url}/contoso.example/adminconsent"
    params = {"client_id": CLIENT["client_id"], "redirect_uri": REDIRECT_URI, "state": "s-2"}

    by_ada = came_back(HTTP.get(url, params=params))
    fake.consents(BEN)
    by_ben = came_back(HTTP.get(url, params=params))
    fake.consents(ADA)

    assert barred["error_description"].startswith("AADSTS90094:")
    assert "code" in harmless
    assert (by_ada["admin_consent"], by_ada["error"]) == ("True", "consent_required")
    assert by_ben == {
        "admin_consent": "True", "tenant": fake.grants.tenants["contoso.example"].id, "state": "s-2"
    }  # fmt: skip
    assert "code" in came_back(authorize(fake))


def test_newer_admin_consent_names_its_scopes_and_a_tenant(fake: Microsoft) -> None:
    fake.add_tenant("contoso.example", bars_consent=True)
    fake.consents(BEN)
    params = {"client_id": CLIENT["client_id"], "redirect_uri": REDIRECT_URI}
    scoped = params | {"scope": "https://graph.microsoft.com/Calendars.Read"}

    granted = came_back(HTTP.get(f"{fake.login_url}/organizations/v2.0/adminconsent", params=scoped))
    unscoped = HTTP.get(f"{fake.login_url}/organizations/v2.0/adminconsent", params=params)
    common = HTTP.get(f"{fake.login_url}/common/v2.0/adminconsent", params=scoped)

    assert granted["scope"] == scoped["scope"]
    assert (unscoped.status_code, common.status_code) == (400, 400)
    assert "code" in came_back(authorize(fake, scope="openid Calendars.Read"))
    assert "AADSTS90094" in came_back(authorize(fake))["error_description"]


def test_discovery_leaves_the_issuer_open_where_anybody_may_come(fake: Microsoft) -> None:
    known = "v2.0/.well-known/openid-configuration"
    tenant = fake.grants.tenants["contoso.example"].id

    anybody = HTTP.get(f"{fake.login_url}/common/{known}").json()
    one = HTTP.get(f"{fake.login_url}/contoso.example/{known}").json()

    assert anybody["issuer"] == f"{fake.login_url}/{{tenantid}}/v2.0"
    assert one["issuer"] == f"{fake.login_url}/{tenant}/v2.0"
    assert one["token_endpoint"] == f"{fake.login_url}/{tenant}/oauth2/v2.0/token"
    assert HTTP.get(anybody["jwks_uri"]).status_code == 200
