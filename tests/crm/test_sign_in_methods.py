"""Accounts at Google and Microsoft under “Sign-in methods”: connected and disconnected from inside."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from crm.models import User, Workspace
from crm.workspaces import add_member, create_workspace
from tests.crm.signinrig import (
    CONNECTIONS,
    PASSWORD,
    come_back,
    connect,
    google_registered,
    is_signed_in,
    leave,
    microsoft_registered,
    way_back,
)
from tests.fakes.google import Google

pytestmark = pytest.mark.django_db

ANN, BOB = "ann@acme.example", "bob@acme.example"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_registered() as found:
        for email in (ANN, BOB):
            found.add_user(email)
        found.consents(ANN)
        yield found


@pytest.fixture
def acme() -> Workspace:
    return create_workspace("acme", name="Acme", admin_email=ANN, password=PASSWORD)


@pytest.fixture
def inside(acme: Workspace) -> Client:
    return signed_in(ANN)


def signed_in(email: str) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"login": email, "password": PASSWORD})
    return browser


def only_google(workspace: Workspace, fake: Google) -> Client:
    """Bob has no password."""
    bob = add_member(workspace, BOB)
    SocialAccount.objects.create(user=bob.user, provider="google", uid=fake.grants.users[BOB].sub)
    fake.consents(BOB)
    browser = Client()
    come_back(browser)
    assert is_signed_in(browser)
    return browser


def disconnect(browser: Client, account: SocialAccount) -> Any:
    return browser.post(CONNECTIONS, {"account": account.pk})


def test_the_page_shows_every_way_in(fake: Google, inside: Client) -> None:
    before = inside.get(CONNECTIONS).content.decode()
    connect(inside)
    after = inside.get(CONNECTIONS).content.decode()

    assert ("<p>Set</p>" in before, "Disconnect" in before) == (True, False)
    assert "Google is connected. You can sign in with it from now on." in after
    assert after.count("Disconnect Google ann@acme.example") == 1
    assert f'href="{CONNECTIONS}" aria-current="page"' in after


def test_without_a_provider_the_page_is_not_offered(inside: Client) -> None:
    assert "Sign-in methods" not in inside.get("/accounts/email/").content.decode()
    assert "not set up on this installation" in inside.get(CONNECTIONS).content.decode()


def test_connecting_asks_for_the_password_before_anybody_leaves(fake: Google, inside: Client) -> None:
    ask = inside.post("/accounts/google/login/", {"process": "connect"})

    wrong = inside.post(ask["Location"], {"password": "another-word-9"})

    assert ask["Location"].startswith("/accounts/reauthenticate/?next=")
    assert (wrong.status_code, SocialAccount.objects.count()) == (200, 0)
    assert fake.log.calls == []


def test_nobody_who_is_not_signed_in_connects(fake: Google, acme: Workspace) -> None:
    browser = Client()

    answer = browser.post("/accounts/google/login/", {"process": "connect"})

    assert answer["Location"].startswith("/accounts/login/?next=")
    assert SocialAccount.objects.count() == 0


def test_an_answer_to_somebody_who_signed_out_meanwhile_connects_nothing(
    fake: Google, inside: Client
) -> None:
    connect(inside)
    SocialAccount.objects.all().delete()
    back = way_back(leave(inside, process="connect"))
    inside.post("/accounts/logout/")

    answer = inside.get(back)

    assert (answer.status_code, SocialAccount.objects.count()) == (401, 0)


def test_an_account_is_connected_to_one_person(fake: Google, acme: Workspace, inside: Client) -> None:
    connect(inside)
    add_member(acme, BOB, password=PASSWORD)
    bob = signed_in(BOB)

    connect(bob)

    assert "Somebody else here signs in with this Google account" in bob.get(CONNECTIONS).content.decode()
    assert list(SocialAccount.objects.values_list("user__email", flat=True)) == [ANN]


def test_connecting_brings_no_address_and_no_name(fake: Google, inside: Client) -> None:
    fake.consents(BOB)

    connect(inside)

    assert list(EmailAddress.objects.values_list("email", flat=True)) == [ANN]
    assert User.objects.get().name == ""
    assert SocialAccount.objects.get().extra_data["email"] == BOB


def test_a_disconnected_account_lets_nobody_in(fake: Google, inside: Client) -> None:
    connect(inside)

    answer = disconnect(inside, SocialAccount.objects.get())

    assert (answer.status_code, SocialAccount.objects.count()) == (302, 0)
    assert "It is disconnected" in inside.get(CONNECTIONS).content.decode()
    browser = Client()
    assert (come_back(browser).status_code, is_signed_in(browser)) == (403, False)


def test_disconnecting_asks_for_the_password(fake: Google, inside: Client) -> None:
    connect(inside)
    browser = signed_in(ANN)

    ask = disconnect(browser, SocialAccount.objects.get())
    assert ask["Location"].startswith("/accounts/reauthenticate/")
    assert SocialAccount.objects.count() == 1

    browser.post(ask["Location"], {"password": PASSWORD})
    assert SocialAccount.objects.count() == 0


def test_nobody_disconnects_what_is_somebody_elses(fake: Google, acme: Workspace, inside: Client) -> None:
    connect(inside)
    add_member(acme, BOB, password=PASSWORD)

    answer = disconnect(signed_in(BOB), SocialAccount.objects.get())

    assert (answer.status_code, SocialAccount.objects.count()) == (200, 1)


def test_the_last_way_in_stays(fake: Google, acme: Workspace) -> None:
    browser = only_google(acme, fake)
    account = SocialAccount.objects.get()

    refused = disconnect(browser, account)
    assert "You can sign in no other way." in refused.content.decode()
    assert SocialAccount.objects.count() == 1

    browser.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD})
    ask = disconnect(browser, account)
    browser.post(ask["Location"], {"password": PASSWORD})
    assert SocialAccount.objects.count() == 0


def test_an_account_at_a_provider_that_is_gone_is_no_way_in_and_can_be_removed(
    fake: Google, acme: Workspace
) -> None:
    browser = only_google(acme, fake)
    bob = User.objects.get(email=BOB)
    google = SocialAccount.objects.get()
    gone = SocialAccount.objects.create(user=bob, provider="microsoft", uid="t:1", extra_data={"email": BOB})

    assert "no longer set up here" in browser.get(CONNECTIONS).content.decode()
    assert "You can sign in no other way." in disconnect(browser, google).content.decode()
    assert disconnect(browser, gone).status_code == 302
    assert list(SocialAccount.objects.all()) == [google]


def test_of_two_accounts_one_may_go(fake: Google, acme: Workspace) -> None:
    browser = only_google(acme, fake)
    google = SocialAccount.objects.get()
    with microsoft_registered() as office:
        office.add_user(BOB)
        office.consents(BOB)
        # Whoever has no password is asked for none.
        browser.get(way_back(leave(browser, issuer="microsoft", process="connect")))

        disconnect(browser, google)

        assert list(SocialAccount.objects.values_list("provider", flat=True)) == ["microsoft"]


def test_whoever_has_no_password_is_led_to_set_one_and_reaches_the_second_factor(
    fake: Google, acme: Workspace
) -> None:
    browser = only_google(acme, fake)

    assert browser.get("/accounts/password/change/").url == "/accounts/password/set/"
    assert browser.get("/accounts/2fa/totp/activate/").status_code == 200
    assert "Not set" in browser.get(CONNECTIONS).content.decode()


def test_whoever_has_one_is_asked_for_it_before_the_second_factor(fake: Google, inside: Client) -> None:
    connect(inside)
    browser = Client()
    come_back(browser)

    answer = browser.get("/accounts/2fa/totp/activate/")

    assert answer.url == "/accounts/reauthenticate/?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"
    assert browser.get(answer.url).status_code == 200
