"""Signing in by way of Google or Microsoft: the whole round over HTTP, and what it must not open."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from crm.models import Address, Member, User, Workspace
from crm.project.celery import app as celery
from crm.workspaces import create_workspace, set_active
from tests.crm.signinrig import (
    CONNECTIONS,
    PASSWORD,
    account,
    asked,
    come_back,
    connect,
    google_registered,
    is_signed_in,
    leave,
    microsoft_registered,
    way_back,
)
from tests.fakes.google import Google
from tests.fakes.microsoft import Microsoft

pytestmark = pytest.mark.django_db

ANN = "ann@acme.example"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_registered() as found:
        found.add_user(ANN, name="Ann Ek")
        found.consents(ANN)
        yield found


@pytest.fixture
def office() -> Iterator[Microsoft]:
    with microsoft_registered() as found:
        found.add_user(ANN, name="Ann Ek")
        found.consents(ANN)
        yield found


@pytest.fixture
def acme() -> Workspace:
    return create_workspace("acme", name="Acme", admin_email=ANN, password=PASSWORD)


@pytest.fixture
def inside(acme: Workspace) -> Client:
    """A browser in which Ann has signed in with her password."""
    browser = Client()
    browser.post("/accounts/login/", {"login": ANN, "password": PASSWORD})
    return browser


# The round


def test_whoever_is_connected_is_let_in_again(fake: Google, inside: Client) -> None:
    connected = connect(inside)
    browser = Client()

    answer = come_back(browser)

    assert (connected.status_code, connected.url) == (302, CONNECTIONS)
    assert (answer.status_code, answer.url, is_signed_in(browser)) == (302, "/", True)
    assert browser.get("/acme/companies/").status_code == 200
    assert list(SocialAccount.objects.values_list("provider", "uid", "user__email", "extra_data")) == [
        ("google", fake.grants.users[ANN].sub, ANN, {"email": ANN, "name": "Ann Ek"})
    ]


def test_google_is_asked_who_it_is_and_nothing_else(fake: Google) -> None:
    said = asked(leave(Client()))

    assert set(said.pop("scope").split()) == {"openid", "email", "profile"}
    assert len(said.pop("state")) == 16
    assert len(said.pop("code_challenge")) == 43
    assert said == {
        "client_id": fake.client.id,
        "redirect_uri": "http://127.0.0.1:8000/accounts/google/login/callback/",
        "response_type": "code",
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }


def test_a_link_cannot_ask_for_more(fake: Google) -> None:
    query = "scope=https://mail.google.com/&auth_params=access_type%3Doffline&action=reauthenticate"

    away = Client().post(f"/accounts/google/login/?{query}", {"process": "login"})

    said = asked(away["Location"])
    assert set(said["scope"].split()) == {"openid", "email", "profile"}
    assert (said["prompt"], said.get("access_type")) == ("select_account", None)


def test_no_token_is_kept_anywhere(fake: Google, inside: Client) -> None:
    connect(inside)
    come_back(Client())

    issued = [*fake.grants.access, *fake.grants.refresh]
    kept = json.dumps([one.get_decoded() for one in Session.objects.all()])
    kept += json.dumps(list(SocialAccount.objects.values_list("extra_data", flat=True)))
    assert len(issued) == 2
    assert [token for token in issued if token in kept] == []
    assert SocialToken.objects.count() == 0


def test_signing_in_takes_a_post(fake: Google, acme: Workspace) -> None:
    browser = Client()

    page = browser.get("/accounts/google/login/?process=login&next=/acme/people/")
    strict = Client(enforce_csrf_checks=True).post("/accounts/google/login/", {"process": "login"})

    assert (page.status_code, "Sign in with Google" in page.content.decode()) == (200, True)
    assert "socialaccount_states" not in browser.session
    assert strict.status_code == 403
    assert browser.post("/accounts/google/login/", {"process": "redirect"}).status_code == 400


def test_the_way_out_is_remembered_on_site(fake: Google, inside: Client) -> None:
    connect(inside)

    assert come_back(Client(), next="/acme/people/").url == "/acme/people/"


@pytest.mark.parametrize(
    "target", ["//e.test", "/\\e.test", "https:e.test", "https://e.test/", "javascript:alert(1)"]
)
def test_a_foreign_address_is_never_gone_on_to(fake: Google, inside: Client, target: str) -> None:
    connect(inside)

    assert come_back(Client(), next=target).url == "/"


def test_the_login_page_hands_on_where_to_go(fake: Google, acme: Workspace) -> None:
    page = Client().get("/accounts/login/?next=/acme/people/").content.decode()

    assert page.count('action="/accounts/google/login/"') == 1
    assert page.count('<input type="hidden" name="next" value="/acme/people/">') == 2
    assert "microsoft" not in page


# Where nobody has registered this installation


@pytest.mark.parametrize("issuer", ["google", "microsoft", "okta", "issuer"])
def test_a_provider_that_is_not_set_up_does_not_exist(client: Client, issuer: str) -> None:
    # A row of allauth's own is no registration.
    SocialApp.objects.create(provider="issuer", provider_id=issuer, name="X", client_id="x", secret="y")

    paths = [f"/accounts/{issuer}/login/", f"/accounts/{issuer}/login/callback/?code=1&state=2"]

    assert [client.get(path).status_code for path in paths] == [404, 404]
    assert client.post(paths[0], {"process": "login"}).status_code == 404
    assert "/login/callback/" not in client.get("/accounts/login/").content.decode()
    assert "Continue with" not in client.get("/accounts/login/").content.decode()


def test_a_client_without_its_secret_is_not_set_up(client: Client, settings: Any) -> None:
    settings.GOOGLE_CLIENT_ID = "rapport.apps.googleusercontent.com"

    assert client.get("/accounts/google/login/").status_code == 404
    assert "Continue with" not in client.get("/accounts/login/").content.decode()


# Whoever is not known


def test_an_address_opens_no_account(fake: Google, acme: Workspace, mailoutbox: list[Any]) -> None:
    fake.add_user("eve@elsewhere.example")
    browser, stranger = Client(), Client()

    refused = come_back(browser)
    fake.consents("eve@elsewhere.example")
    unknown = come_back(stranger)

    said = [answer.content.decode() for answer in (refused, unknown)]
    assert (refused.status_code, is_signed_in(browser)) == (403, False)
    assert "Sign in with your password, then connect Google" in said[0]
    # Whether somebody here has the address makes no difference.
    assert said[0].replace(ANN, "") == said[1].replace("eve@elsewhere.example", "")
    assert (SocialAccount.objects.count(), User.objects.count(), mailoutbox) == (0, 1, [])
    assert browser.get("/acme/companies/").status_code == 302
    assert browser.get("/accounts/3rdparty/signup/").url == "/accounts/login/"


def test_an_address_of_a_first_account_without_a_workspace_opens_it_neither(fake: Google) -> None:
    user = account(ANN, verified=False)
    browser = Client()

    answer = come_back(browser)

    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert (user.socialaccount_set.count(), User.objects.count()) == (0, 1)


def test_the_first_to_sign_up_may_come_by_way_of_google(fake: Google) -> None:
    browser = Client()
    assert "Continue with Google" in browser.get("/accounts/signup/").content.decode()

    answer = come_back(browser)
    founded = browser.post("/", {"name": "Acme"})

    assert (answer.url, founded.url) == ("/", "/acme/companies/")
    ann = Member.objects.get()
    assert (ann.user.email, ann.name, ann.is_admin) == (ANN, "Ann Ek", True)
    assert ann.user.has_usable_password() is False
    # Google says that the address is hers, so mail to and from it is.
    assert EmailAddress.objects.get().verified
    assert Address.objects.get(email=ANN).member == ann


def test_an_address_that_microsoft_tells_is_not_verified(office: Microsoft) -> None:
    browser = Client()

    come_back(browser, issuer="microsoft")
    browser.post("/", {"name": "Acme"})

    ann = Member.objects.get()
    assert (ann.user.email, EmailAddress.objects.get().verified) == (ANN, False)
    assert not Address.objects.exclude(member=None).exists()


def test_where_mail_is_sent_an_unverified_address_has_to_be_confirmed_first(
    office: Microsoft, settings: Any, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    monkeypatch.setitem(celery.conf, "task_always_eager", True)
    browser = Client()

    answer = come_back(browser, issuer="microsoft")

    assert (answer.url, is_signed_in(browser)) == ("/accounts/confirm-email/", False)
    assert [mail.to for mail in mailoutbox] == [[ANN]]


# Microsoft


def test_microsoft_lets_in_by_tenant_and_subject(office: Microsoft, inside: Client) -> None:
    connect(inside, issuer="microsoft")
    browser = Client()

    answer = come_back(browser, issuer="microsoft")

    tenant = office.grants.users[ANN].tenant.id
    known = SocialAccount.objects.get()
    assert (answer.url, is_signed_in(browser)) == ("/", True)
    assert (known.provider, known.uid.split(":")[0], known.user.email) == ("microsoft", tenant, ANN)
    said = asked(leave(Client(), issuer="microsoft"))
    assert set(said["scope"].split()) == {"openid", "email", "profile"}
    assert said["code_challenge_method"] == "S256"


def test_another_tenants_account_with_the_same_address_is_nobody(office: Microsoft, inside: Client) -> None:
    connect(inside, issuer="microsoft")
    office.add_tenant("evil.example")
    office.grants.users[ANN].tenant = office.grants.tenants["evil.example"]
    browser = Client()

    answer = come_back(browser, issuer="microsoft")

    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert SocialAccount.objects.count() == 1


# The state


def test_a_state_is_good_for_one_answer_in_one_browser(fake: Google, inside: Client) -> None:
    connect(inside)
    browser, other = Client(), Client()
    back = way_back(leave(browser))

    foreign = other.get(back)
    first = browser.get(back)
    browser.post("/accounts/logout/")
    again = browser.get(back)

    assert [foreign.status_code, first.status_code, again.status_code] == [401, 302, 401]
    assert (is_signed_in(other), is_signed_in(browser)) == (False, False)
    assert "belongs to a sign-in begun in this browser" in foreign.content.decode()


@pytest.mark.parametrize("query", ["", "?code=1", "?state=wrong&code=1", "?error=server_error"])
def test_an_answer_that_nobody_asked_for_lets_nobody_in(fake: Google, query: str) -> None:
    browser = Client()
    leave(browser)

    answer = browser.get(f"/accounts/google/login/callback/{query}")

    assert (answer.status_code, is_signed_in(browser)) == (401, False)
    assert fake.grants.access == {}


def test_a_state_of_one_provider_is_none_of_another(fake: Google, acme: Workspace, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = "id", "secret"
    browser = Client()
    back = way_back(leave(browser)).replace("/google/", "/microsoft/")

    assert browser.get(back).status_code == 401


def test_a_state_is_forgotten_after_ten_minutes(fake: Google, inside: Client, time_machine: Any) -> None:
    connect(inside)
    browser = Client()
    back = way_back(leave(browser))

    time_machine.move_to(datetime.now(UTC) + timedelta(seconds=601))

    assert (browser.get(back).status_code, is_signed_in(browser)) == (401, False)


def test_whoever_cancels_is_told_so(fake: Google, acme: Workspace) -> None:
    fake.declines()
    browser = Client()

    answer = come_back(browser)

    assert answer.url == "/accounts/3rdparty/login/cancelled/"
    assert "without signing in" in browser.get(answer.url).content.decode()


# Who is kept out all the same


def test_an_account_that_is_switched_off_stays_out(fake: Google, inside: Client) -> None:
    connect(inside)
    User.objects.update(is_active=False)
    browser = Client()

    answer = come_back(browser)

    assert (answer.url, is_signed_in(browser)) == ("/accounts/inactive/", False)


def test_a_deactivated_member_finds_no_workspace(fake: Google, inside: Client) -> None:
    connect(inside)
    set_active(Member.objects.get(), active=False)
    browser = Client()

    come_back(browser)

    assert browser.get("/acme/companies/").status_code == 404
    assert browser.get("/").status_code == 403


def test_the_second_factor_is_asked_for_as_well(fake: Google, inside: Client) -> None:
    connect(inside)
    TOTP.activate(User.objects.get(), generate_totp_secret())
    browser = Client()

    answer = come_back(browser, next="/acme/people/")

    assert (answer.url, is_signed_in(browser)) == ("/accounts/2fa/authenticate/", False)
    assert browser.get("/acme/people/").status_code == 302
    assert browser.post(answer.url, {"code": "000000"}).status_code == 200
    assert not is_signed_in(browser)


def test_surfaces_say_that_the_way_is_public() -> None:
    out = io.StringIO()
    call_command("surfaces", "--json", stdout=out)
    found = {one["route"]: (one["policy"], one["tag"]) for one in json.loads(out.getvalue())}

    assert found["/accounts/<slug:issuer_id>/login/"] == ("public", "public")
    assert found["/accounts/<slug:issuer_id>/login/callback/"] == ("public", "public")
    assert found[CONNECTIONS] == ("signed-in", "no-mail")
    assert [route for route in found if "token" in route] == ["/accounts/invitations/<str:token>/"]
