"""Accounts on the strict fake of Exchange, and answers that it would not give by itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from mailboxes.egress import Egress
from mailboxes.providers.base import Fetched, Listing, Provider, ProviderError
from mailboxes.providers.exchange.mail import ExchangeMail
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import Content, Element, m, message, response, t
from tests.fakes.exchange import Exchange
from tests.mailboxes.letters import letter

ADA = "ada@corp.example"
USER = "CORP\\ada"
SECRET = "geheim-Käse"


def egress(fake: Exchange) -> Egress:
    return Egress.allowing([urlsplit(fake.url).netloc])


def account(fake: Exchange, **other: Any) -> dict[str, Any]:
    """What a provider takes, password and all."""
    usual = {"endpoint": fake.url, "address": ADA, "username": USER, "password": SECRET}
    return usual | {"egress": egress(fake)} | other


def reader(fake: Exchange, **other: Any) -> ExchangeMail:
    return ExchangeMail(**account(fake, **other))


def deliver(box: Mailbox, number: int, folder: str = "inbox", **more: Any) -> str:
    return box.deliver(letter(number).encode(), folder, **more)


def problem_of(mail: ExchangeMail) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        list(mail.list_changes(""))
    return caught.value


def listings(provider: Provider, cursor: str = "") -> list[Listing]:
    """Those that say something."""
    return [one for one in provider.list_changes(cursor) if said(one)]


def said(listing: Listing) -> bool:
    return bool(listing.items or listing.removed or listing.snapshot_of is not None)


def last_cursor(provider: Provider, cursor: str = "") -> str:
    return list(provider.list_changes(cursor))[-1].cursor


def ids(found: Sequence[Listing]) -> list[str]:
    return [item.provider_id for listing in found for item in listing.items]


def fetched(provider: Provider, provider_ids: Sequence[str]) -> dict[str, Fetched]:
    return {one.provider_id: one for one in provider.fetch(provider_ids)}


def own(provider_id: str) -> str:
    """The id at the server."""
    return provider_id.partition("/")[2]


def answer(operation: str, *messages: Element) -> bytes:
    return response(operation, messages).body


def items(*content: Content) -> Element:
    """A response message of GetItem."""
    return message("GetItem", m("Items", *content))


def changes(*content: Content, state: str = "state", last: bool = True) -> Element:
    """A response message of SyncFolderItems."""
    told = [m("SyncState", state), m("IncludesLastItemInRange", str(last).lower())]
    return message("SyncFolderItems", *told, m("Changes", *content))


def created(id: str, *, element: str = "Message", kind: str = "IPM.Note", size: int = 10) -> Element:
    about = [t("ItemClass", kind), t("Size", str(size)), t("DateTimeReceived", "2026-11-01T10:00:00Z")]
    return t("Create", t(element, t("ItemId", Id=id, ChangeKey="CQ"), *about))


@contextmanager
def scripted(talk: Callable[["Connection", bytes], tuple[int, Mapping[str, str], bytes]]) -> Iterator[str]:
    """A web server on loopback that answers POSTs by `talk`, and its address."""
    handler = type("Scripted", (Connection,), {"talk": staticmethod(talk)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Connection(BaseHTTPRequestHandler):
    """One for each connection. `state` is for who needs to remember it, as NTLM does."""

    protocol_version = "HTTP/1.1"
    state: Any = None
    talk: Callable[..., tuple[int, Mapping[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, answer = self.talk(self, body)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass
