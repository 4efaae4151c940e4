"""Whoever is invited may come by way of Google, if Google knows him by the address invited."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from crm import invitations
from crm.models import Address, AuditEvent, Invitation, Member, Role, User
from tests.crm.signinrig import account, come_back, google_registered, is_signed_in, microsoft_registered
from tests.fakes.google import Google

pytestmark = pytest.mark.django_db

NEW = "nora@elsewhere.example"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_registered() as found:
        found.add_user(NEW, name="Nora Ek")
        found.add_user("dora@x.example")
        found.consents(NEW)
        yield found


@pytest.fixture
def link(cleo: Member) -> str:
    return invitations.path(invitations.invite(NEW, role=Role.ADMIN, by=cleo).token)


def test_the_path_of_an_invitation_holds_its_token(link: str) -> None:
    paths = [link, f"{link}more/", "/accounts/login/", "//e.test", "", None]

    assert [invitations.token_in(path) for path in paths] == [link.split("/")[3], "", "", "", "", ""]


def test_somebody_new_joins_with_google(fake: Google, link: str) -> None:
    browser = Client()
    page = browser.get(link).content.decode()

    answer = come_back(browser, next=link)

    assert "Join with Google" in page
    assert (answer.url, browser.get(answer.url).status_code) == ("/halyard/companies/", 200)
    nora = Member.objects.get(user__email=NEW)
    assert (nora.role, nora.name, nora.user.has_usable_password()) == ("admin", "Nora Ek", False)
    assert list(SocialAccount.objects.values_list("user__email", "provider")) == [(NEW, "google")]
    assert EmailAddress.objects.get(user=nora.user).verified
    assert Address.objects.get(email=NEW).member == nora
    assert AuditEvent.objects.get(action="invitation_accepted").actor == nora
    assert Client().get(link).status_code == 404
    again = Client()
    assert (come_back(again).url, is_signed_in(again)) == ("/", True)


def test_another_address_does_not_take_the_invitation(fake: Google, link: str) -> None:
    fake.consents("dora@x.example")
    browser = Client()

    answer = come_back(browser, next=link)

    said = answer.content.decode()
    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert f"is for {NEW}. Use the Google account with that address" in said
    assert (User.objects.filter(email="dora@x.example").exists(), SocialAccount.objects.count()) == (False, 0)
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize("next_url", ["/", "/accounts/invitations/wrong/"])
def test_without_the_link_the_address_alone_joins_nothing(fake: Google, link: str, next_url: str) -> None:
    browser = Client()

    answer = come_back(browser, next=next_url)

    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert not User.objects.filter(email=NEW).exists()


def test_an_expired_invitation_joins_nothing(fake: Google, link: str) -> None:
    Invitation.objects.update(expires_at=timezone.now())
    browser = Client()

    answer = come_back(browser, next=link)

    assert (answer.status_code, User.objects.filter(email=NEW).exists()) == (403, False)


def test_an_account_that_is_there_is_not_taken_over_by_the_invitation(fake: Google, link: str) -> None:
    user = account(NEW)
    browser = Client()

    answer = come_back(browser, next=link)

    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert (user.socialaccount_set.count(), user.memberships.count()) == (0, 0)


def test_somebody_connected_signs_in_and_comes_back_to_join(fake: Google, link: str) -> None:
    user = account(NEW)
    SocialAccount.objects.create(user=user, provider="google", uid=fake.grants.users[NEW].sub)
    browser = Client()
    sign_in = browser.get(f"/accounts/login/?next={link}").content.decode()

    answer = come_back(browser, next=link)

    assert sign_in.count(f'<input type="hidden" name="next" value="{link}">') == 2
    assert (answer.url, user.memberships.count()) == (link, 0)
    assert browser.post(link).url == "/halyard/companies/"
    assert user.memberships.get().role == "admin"


def test_an_address_that_another_account_only_lists_is_still_free(fake: Google, link: str) -> None:
    mallory = account("mallory@x.example")
    EmailAddress.objects.create(user=mallory, email=NEW, verified=False)

    come_back(Client(), next=link)

    assert SocialAccount.objects.get().user == User.objects.get(email=NEW) != mallory


def test_what_microsoft_says_of_an_address_takes_no_invitation(link: str) -> None:
    with microsoft_registered() as office:
        office.add_user(NEW)
        office.consents(NEW)
        browser = Client()
        page = browser.get(link).content.decode()

        answer = come_back(browser, issuer="microsoft", next=link)

    assert ("Join with" in page, page.count('<hr class="rule">')) == (False, 0)
    assert (answer.status_code, is_signed_in(browser)) == (403, False)
    assert "Join with a password first, then connect Microsoft." in answer.content.decode()
    assert not User.objects.filter(email=NEW).exists()
