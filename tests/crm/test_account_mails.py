"""Mail about an account itself: to confirm an address, to set a password, and what was changed."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from crm.models import Member, User, Workspace
from crm.project.celery import app as celery
from crm.workspaces import AlreadyFounded, found_workspace
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db
PASSWORD, NEW = "an-old-sentence-of-words-3", "a-new-sentence-of-words-7"


@pytest.fixture(autouse=True)
def with_mail(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_URL, settings.ACCOUNT_EMAIL_NOTIFICATIONS = "smtp://mail.test", True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    monkeypatch.setitem(celery.conf, "task_always_eager", True)
    cache.clear()


def change_password(browser: Client) -> None:
    words = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert browser.post("/accounts/password/change/", words, HTTP_USER_AGENT="Browser 9").status_code == 302


def test_a_changed_password_is_told_to_its_owner(
    ada: Member, signed_in: SignIn, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    ada.user.set_password(PASSWORD)
    ada.user.save()

    with django_capture_on_commit_callbacks(execute=True):
        change_password(signed_in.as_(ada))

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == ([ada.user.email], "Rapport: Password Changed")
    for words in ("Your password has been changed.", "Browser 9", "127.0.0.1", "Rapport"):
        assert words in mail.body
    assert NEW not in mail.body


def test_a_mail_server_that_does_not_answer_undoes_nothing(
    ada: Member, signed_in: SignIn, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    ada.user.set_password(PASSWORD)
    ada.user.save()

    with django_capture_on_commit_callbacks(execute=True):
        change_password(signed_in.as_(ada))

    ada.user.refresh_from_db()
    assert ada.user.check_password(NEW)


def test_who_signs_up_is_in_once_the_address_is_confirmed(mailoutbox: list[Any]) -> None:
    assert not Workspace.objects.exists()
    browser, elsewhere = Client(), Client()
    browser.post("/accounts/signup/", {"email": "ann@halyard.example", "name": "Ann", "password1": PASSWORD})
    (mail,) = mailoutbox
    assert mail.subject == "Rapport: Confirm your email address"
    assert "Ann uses this address in Rapport." in mail.body
    (path,) = re.findall(r"http://[^/]+(/accounts/confirm-email/\S+)", mail.body)

    browser.post(path)

    assert "_auth_user_id" in browser.session
    elsewhere.post(path)
    assert "_auth_user_id" not in elsewhere.session


def test_a_link_opened_in_another_browser_confirms_and_lets_nobody_in(mailoutbox: list[Any]) -> None:
    Client().post("/accounts/signup/", {"email": "ann@halyard.example", "name": "Ann", "password1": PASSWORD})
    (path,) = re.findall(r"http://[^/]+(/accounts/confirm-email/\S+)", mailoutbox[0].body)
    elsewhere = Client()

    answer = elsewhere.post(path)

    assert answer.url == "/accounts/login/"
    assert "_auth_user_id" not in elsewhere.session


def test_whoever_has_no_account_is_told_how_to_get_one(ada: Member, mailoutbox: list[Any]) -> None:
    Client().post("/accounts/password/reset/", {"email": "nobody@halyard.example"})

    (mail,) = mailoutbox
    assert mail.subject == "Rapport: No account with this address"
    assert "ask an admin of your workspace for an invitation" in mail.body
    assert "signup" not in mail.body


def test_too_many_tries_are_answered_with_a_page_of_ours(ada: Member) -> None:
    answers = [
        Client().post("/accounts/login/", {"login": ada.user.email, "password": "wrong"}) for _ in range(32)
    ]

    assert answers[-1].status_code == 429
    assert "Too many tries" in answers[-1].content.decode()


def test_of_two_who_signed_up_one_founds_the_workspace() -> None:
    ann, bob = (User.objects.create_user(f"{name}@halyard.example") for name in ("ann", "bob"))
    found_workspace(ann, "Halyard")

    with pytest.raises(AlreadyFounded):
        found_workspace(bob, "Halyard")

    assert list(Member.objects.values_list("user__email", "role")) == [("ann@halyard.example", "admin")]
