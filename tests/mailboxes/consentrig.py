"""An account on a strict fake of Google or Microsoft, connected to a member the way a browser does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from urllib.parse import urlsplit

from django.test import Client, override_settings
from django.utils import timezone

from crm.models import Member
from intelligence.verifying import differences
from mailboxes.models import EventCopy, Mailbox, StreamKind
from mailboxes.reading import Counts
from mailboxes.running import run_now
from tests.contracts.http import HTTP
from tests.fakes.google import Google, google
from tests.fakes.microsoft import Microsoft, microsoft
from tests.mailboxes.letters import stream_of

CALLBACK = "http://127.0.0.1:8000/accounts/connections/{}/callback/"


@contextmanager
def google_set_up() -> Iterator[Google]:
    """The fake, and this installation registered with it."""
    with google() as fake:
        fake.client.redirect_uris.add(CALLBACK.format("google"))
        settings = {
            "GOOGLE_CLIENT_ID": fake.client.id,
            "GOOGLE_CLIENT_SECRET": fake.client.secret,
            "GOOGLE_SIGN_IN_URL": fake.accounts_url,
            "GOOGLE_TOKEN_URL": fake.oauth_url,
            "GOOGLE_MAIL_URL": fake.api_url,
            "GOOGLE_CALENDAR_URL": fake.api_url,
            "EGRESS_ALLOWED_NETWORKS": places(fake.accounts_url, fake.oauth_url, fake.api_url),
        }
        with override_settings(**settings):
            yield fake


@contextmanager
def microsoft_set_up() -> Iterator[Microsoft]:
    with microsoft() as fake:
        fake.client.redirect_uris.add(CALLBACK.format("microsoft"))
        settings = {
            "MICROSOFT_CLIENT_ID": fake.client.id,
            "MICROSOFT_CLIENT_SECRET": fake.client.secret,
            "MICROSOFT_SIGN_IN_URL": fake.login_url,
            "MICROSOFT_GRAPH_URL": fake.graph_url,
            "EGRESS_ALLOWED_NETWORKS": places(fake.login_url, fake.graph_url),
        }
        with override_settings(**settings):
            yield fake


def places(*urls: str) -> list[str]:
    """As an administrator allows them."""
    return [urlsplit(url).netloc for url in urls]


def answer_of(browser: Client, slug: str, *, kind: str = "google", mailbox: Mailbox | None = None) -> str:
    """Leave for the provider, say what the fake was told to say, and the path that leads back."""
    path = f"/{slug}/mailboxes/{mailbox.pk}/consent/" if mailbox else f"/{slug}/mailboxes/consents/{kind}/"
    away = browser.post(path)
    assert away.status_code == 302, away.content.decode()
    back = HTTP.get(away["Location"])
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["location"])
    return f"{parts.path}?{parts.query}"


def connected(fake: Google | Microsoft, browser: Client, member: Member, email: str = "") -> Mailbox:
    """An account of that address, with mail and calendar."""
    email = email or member.user.email
    kind = "google" if isinstance(fake, Google) else "microsoft"
    fake.consents(email)
    confirmation = browser.get(answer_of(browser, member.workspace.slug, kind=kind))
    assert confirmation.status_code == 302, confirmation.content.decode()
    done = browser.post(confirmation["Location"], {"reads_mail": "on", "reads_calendar": "on"})
    assert done.status_code == 302, done.content.decode()
    return Mailbox.objects.get(member=member, kind=kind, address=email)


def read(mailbox: Mailbox) -> list[Counts]:
    """Both streams, to the end."""
    return [run_now(stream_of(mailbox, kind)) for kind in StreamKind]


def read_well(mailbox: Mailbox, kind: str = StreamKind.MAIL) -> None:
    """One stream, without a complaint; what is worked out of it is right."""
    run_now(stream_of(mailbox, kind))
    assert stream_of(mailbox, kind).last_error == ""
    assert list(differences(mailbox.workspace_id, now=timezone.now())) == []


def occurrences() -> list[tuple[str, str, str]]:
    """Of all events that are stored: title, start in UTC, status."""
    found = EventCopy.objects.order_by("starts_at", "title").values_list("title", "starts_at", "status")
    return [(title, f"{at.astimezone(UTC):%m-%d %H:%M}", status) for title, at, status in found]
