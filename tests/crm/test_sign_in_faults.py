"""What a provider may answer instead, and what is written down about it."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.test import Client

from crm.models import User
from tests.crm.signinrig import (
    come_back,
    google_registered,
    is_signed_in,
    microsoft_registered,
)
from tests.fakes.google import Google, google

pytestmark = pytest.mark.django_db

ANN = "ann@acme.example"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_registered() as found:
        found.add_user(ANN)
        found.consents(ANN)
        yield found


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 500}, "internal_failure"),
        ({"status": 400, "reason": "invalid_client"}, "invalid_client"),
        ({"body": b"<html>"}, "OAuth2Error"),
        ({"body": b"[]"}, "OAuth2Error"),
        ({"body": b"7"}, "OAuth2Error"),
        ({"body": b'{"access_token": "ya29.secret"}'}, "the token was refused (DecodeError)"),
        ({"body": b'{"access_token": "ya29.secret", "id_token": 7}'}, "the token was refused (DecodeError)"),
        ({"body": b'{"id_token": "ya29.secret"}'}, "OAuth2Error"),
        ({"truncate": True}, "ChunkedEncodingError"),
        ({"reset": True}, "ConnectionError"),
    ],
)
def test_a_broken_answer_lets_nobody_in_and_is_logged_without_what_it_holds(
    fake: Google, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], says: str
) -> None:
    fake.faults.on("POST", "/token", **fault)
    browser = Client()

    answer = come_back(browser)

    assert (answer.status_code, is_signed_in(browser), User.objects.count()) == (401, False, 0)
    assert caplog.messages[0] == f"signing in with Google failed: {says}"
    assert "secret" not in caplog.text


def test_a_wrong_secret_is_named_in_the_log(
    fake: Google, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.GOOGLE_CLIENT_SECRET = "GOCSPX-wrong"

    assert come_back(Client()).status_code == 401
    assert caplog.messages[0] == "signing in with Google failed: invalid_client"


def test_a_token_for_another_application_lets_nobody_in(fake: Google) -> None:
    with google() as other:
        other.client.id = "another.apps.googleusercontent.com"
        other.add_user(ANN)
        token = other.grants.id_token(ANN, {"openid", "email"}, "x", "").encode()
    fake.faults.on("POST", "/token", body=b'{"access_token": "x", "id_token": "%s"}' % token)
    browser = Client()

    answer = come_back(browser)

    assert (answer.status_code, is_signed_in(browser), User.objects.count()) == (401, False, 0)


def test_the_door_for_mail_is_the_door_for_this(fake: Google, settings: Any) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    browser = Client()

    answer = come_back(browser)

    assert (answer.status_code, is_signed_in(browser)) == (401, False)
    assert [call.path for call in fake.log.calls] == ["/o/oauth2/v2/auth"]


def test_whoever_has_no_address_at_the_provider_is_asked_for_one() -> None:
    with microsoft_registered() as office:
        office.add_user(ANN)
        office.consents(ANN, without=("email", "profile"))
        browser = Client()

        ask = come_back(browser, issuer="microsoft")
        page = browser.get(ask.url)
        answer = browser.post(ask.url, {"name": "Ann Lee", "email": "Ann@acme.example"})

    assert (ask.url, page.status_code) == ("/accounts/3rdparty/signup/", 200)
    assert "Microsoft says who you are, but not your email address." in page.content.decode()
    user = User.objects.get()
    assert (answer.url, user.email, user.name) == ("/", ANN, "Ann Lee")


def test_whoever_types_a_taken_address_is_told_to_sign_in_there() -> None:
    User.objects.create_user(ANN)
    with microsoft_registered() as office:
        office.add_user("eve@x.example")
        office.consents("eve@x.example", without=("email", "profile"))
        browser = Client()
        ask = come_back(browser, issuer="microsoft")

        answer = browser.post(ask.url, {"name": "Eve", "email": ANN})

    assert "Sign in to it, then connect Microsoft there." in answer.content.decode()
    assert (is_signed_in(browser), User.objects.count()) == (False, 1)


def form_action(**environment: str) -> str:
    """What a browser is told about forms where these variables are set."""
    code = "from crm.project import settings; print(*settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'])"
    told = {
        "DATABASE_URL": site.DATABASE_URL,
        "REDIS_URL": site.REDIS_URL,
        "SECRET_KEY": "x",
        "RAPPORT_DATA": str(site.DATA_DIR),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=told | environment,
        cwd=site.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_forms_lead_to_those_who_are_set_up_and_nowhere_else() -> None:
    google = {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "secret"}
    microsoft = {"MICROSOFT_CLIENT_ID": "id", "MICROSOFT_CLIENT_SECRET": "secret"}
    cloud = {"MICROSOFT_SIGN_IN_URL": "https://login.cloud.example:8443/path"}

    assert form_action() == "'self'"
    assert form_action(GOOGLE_CLIENT_ID="id") == "'self'"
    assert form_action(**google) == "'self' https://accounts.google.com"
    assert form_action(**microsoft) == "'self' https://login.microsoftonline.com"
    assert form_action(**google, **microsoft, **cloud) == (
        "'self' https://accounts.google.com https://login.cloud.example:8443"
    )
