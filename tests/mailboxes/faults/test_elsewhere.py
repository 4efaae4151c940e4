"""A24: a provider that points to another server is not followed there, for the token goes with every
request."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import override_settings

from mailboxes.models import MessageCopy, PendingItem
from tests.mailboxes.consentrig import places
from tests.mailboxes.faults.test_account import Account, account, clean, short_pages, today
from tests.mailboxes.faults.test_content import content, unlike
from tests.mailboxes.faults.test_world import ADA, SIDES

pytestmark = pytest.mark.django_db
__all__ = ["short_pages", "today"]


@dataclass
class Listener:
    """A server that writes down what it is asked, with headers, and sends everybody to `location`."""

    location: str = ""
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening(location: str = "") -> Iterator[Listener]:
    listener = Listener(location)

    class Conversation(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            listener.asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(302 if listener.location else 200)
            self.send_header("Location", listener.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Conversation)
    listener.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()


LINKS = {
    "graph mail": ("/v1.0/me/mailFolders/.../messages/delta", 2),
    "graph calendar": ("/v1.0/me/calendars/.../calendarView/delta", 1),
}


def elsewhere(listener: Listener, spelling: str) -> str:
    port = urlsplit(listener.url).port
    return {
        "port": f"http://127.0.0.1:{port}/v1.0/me/stolen",
        "scheme": f"https://127.0.0.1:{port}/v1.0/me/stolen",
        "name": f"http://localhost:{port}/v1.0/me/stolen",
        "relative": f"//127.0.0.1:{port}/v1.0/me/stolen",
        "user": f"http://graph.microsoft.com@127.0.0.1:{port}/v1.0/me/stolen",
    }[spelling]


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("spelling", ["port", "scheme", "name", "relative", "user"])
@pytest.mark.parametrize("link", ["@odata.nextLink", "@odata.deltaLink"])
@pytest.mark.parametrize("name", LINKS)
def test_a24_a_link_to_another_server_is_not_followed(name: str, link: str, spelling: str) -> None:
    with listening() as other, account(SIDES[name]) as one, allowing(one, other):
        _misled(one, elsewhere(other, spelling), link)
        for _ in range(3):
            one.run()
        told = one.stream.last_error

    assert (other.asked, "stolen" in told) == ([], False)


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("link", ["@odata.nextLink", "@odata.deltaLink"])
@pytest.mark.parametrize("name", LINKS)
def test_a24_a_link_to_another_server_is_not_kept(name: str, link: str) -> None:
    """A proxy that rewrites answers for a moment must not end the reading for ever."""
    with account(SIDES[name]) as one:
        _misled(one, "https://elsewhere.example/v1.0/me/stolen", link)
        one.read()
        one.change()
        one.read()
        found = content()

    assert unlike(found, clean(name).content) == []


def _misled(one: Account, url: str, link: str) -> None:
    path, call = LINKS[one.side.name]
    body = json.dumps({"value": [], link: url}).encode()
    one.fake.faults.on("GET", path, call=call, body=body)


@contextmanager
def allowing(one: Account, other: Listener) -> Iterator[None]:
    """The administrator's networks are no reason for it: both are among them."""
    with override_settings(EGRESS_ALLOWED_NETWORKS=[*settings.EGRESS_ALLOWED_NETWORKS, *places(other.url)]):
        yield


API_SETTINGS = {
    "gmail": "GOOGLE_MAIL_URL",
    "google calendar": "GOOGLE_CALENDAR_URL",
    "graph mail": "MICROSOFT_GRAPH_URL",
    "graph calendar": "MICROSOFT_GRAPH_URL",
}
TOKEN_SETTINGS = {"google": "GOOGLE_TOKEN_URL", "microsoft": "MICROSOFT_SIGN_IN_URL"}


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("name", SIDES)
def test_a24_a_redirect_of_the_api_is_not_followed(name: str) -> None:
    with listening() as other, listening(f"{other.url}/stolen") as api, account(SIDES[name]) as one:
        with allowing(one, other), allowing(one, api), override_settings(**{API_SETTINGS[name]: api.url}):
            one.run()
        stream = one.stream

    assert (len(api.asked), other.asked) == (1, [])
    assert "authorization" in api.asked[0]
    assert stream.last_error != ""


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("name", ["gmail", "graph mail"])
def test_a24_a_redirect_of_the_token_endpoint_is_not_followed(name: str) -> None:
    side = SIDES[name]
    with listening() as other, listening(f"{other.url}/stolen") as tokens, account(side) as one:
        one.fake.expire_access(ADA)
        endpoint = {TOKEN_SETTINGS[side.kind.value]: tokens.url}
        with allowing(one, other), allowing(one, tokens), override_settings(**endpoint):
            one.run()
        stream = one.stream
        one.mailbox.refresh_from_db()

    assert (len(tokens.asked), other.asked) == (1, [])
    assert (stream.last_error != "", one.mailbox.state) == (True, "active")
    assert (MessageCopy.objects.count(), PendingItem.objects.count()) == (0, 0)


def test_a_listener_would_have_heard_it() -> None:
    with listening() as other, listening(f"{other.url}/stolen") as api:
        httpx.get(api.url, headers={"Authorization": "Bearer token"}, follow_redirects=True)

    assert (len(api.asked), len(other.asked)) == (1, 1)
