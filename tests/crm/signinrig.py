"""Google and Microsoft on the strict fakes, and a browser that leaves for them and comes back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from allauth.account.models import EmailAddress
from django.test import Client, override_settings

from crm.models import User
from tests.contracts.http import HTTP
from tests.fakes.google import Google, google
from tests.fakes.microsoft import Microsoft, microsoft

CALLBACK = "http://127.0.0.1:8000/accounts/{}/login/callback/"
CONNECTIONS = "/accounts/3rdparty/"
PASSWORD = "a-long-word-9"


@contextmanager
def google_registered() -> Iterator[Google]:
    with google() as fake:
        fake.client.redirect_uris = {CALLBACK.format("google")}
        settings = {
            "GOOGLE_CLIENT_ID": fake.client.id,
            "GOOGLE_CLIENT_SECRET": fake.client.secret,
            "GOOGLE_SIGN_IN_URL": fake.accounts_url,
            "GOOGLE_TOKEN_URL": fake.oauth_url,
            "EGRESS_ALLOWED_NETWORKS": [urlsplit(fake.oauth_url).netloc],
        }
        with override_settings(**settings):
            yield fake


@contextmanager
def microsoft_registered() -> Iterator[Microsoft]:
    with microsoft() as fake:
        fake.client.redirect_uris = {CALLBACK.format("microsoft")}
        settings = {
            "MICROSOFT_CLIENT_ID": fake.client.id,
            "MICROSOFT_CLIENT_SECRET": fake.client.secret,
            "MICROSOFT_SIGN_IN_URL": fake.login_url,
            "EGRESS_ALLOWED_NETWORKS": [urlsplit(fake.login_url).netloc],
        }
        with override_settings(**settings):
            yield fake


def leave(browser: Client, *, issuer: str = "google", **said: str) -> str:
    """Press the button; the address at the issuer."""
    away = browser.post(f"/accounts/{issuer}/login/", {"process": "login", **said})
    assert away.status_code == 302, away.content.decode()
    return str(away["Location"])


def way_back(location: str) -> str:
    """What the fake was told to say at its page, as the path that leads back."""
    back = HTTP.get(location)
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["location"])
    return f"{parts.path}?{parts.query}"


def come_back(browser: Client, *, issuer: str = "google", **said: str) -> Any:
    """The whole round."""
    return browser.get(way_back(leave(browser, issuer=issuer, **said)))


def asked(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def account(email: str, *, password: str | None = PASSWORD, verified: bool = True) -> User:
    user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
    return user


def connect(browser: Client, *, issuer: str = "google", password: str = PASSWORD) -> Any:
    """From inside, with the password asked for on the way."""
    ask = browser.post(f"/accounts/{issuer}/login/", {"process": "connect", "next": CONNECTIONS})
    assert ask["Location"].startswith("/accounts/reauthenticate/"), ask["Location"]
    away = browser.post(ask["Location"], {"password": password})
    assert away.status_code == 302, away.content.decode()
    return browser.get(way_back(away["Location"]))


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session
