"""Hostile mail in a real browser: with both layers, and with each of them alone, nothing runs and nothing
is asked of anybody."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from mailboxes.showing import body_response, paper
from mailboxes.showing.paper import HEADERS
from tests.payloads.hostile_html import PLAIN_TEXTS, VECTORS, armed
from tests.servers.loopback import Heard, listening
from tests.servers.programs import needs

# A process of its own for every hundred frames takes half of the time and changes nothing of the rules.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-features=IsolateSandboxedIframes",
]
FRAME = 'sandbox="allow-popups allow-popups-to-escape-sandbox"'
# As many frames as one screen shows: a browser does not lay out, or load for, what is far from it.
PER_PAGE, SCREEN = 104, {"width": 1440, "height": 900}
NAMES = [*VECTORS, *(f"plain-{number}" for number in range(len(PLAIN_TEXTS)))]
HARNESS = """<!doctype html><title>harness</title><style>iframe{width:108px;height:84px;border:0}</style>
<script>window.fired = []; window.loaded = new Set(); onmessage = event => fired.push(event.data)</script>"""
PATH = re.compile(rb"^[A-Z]+ /(\d+)")


@dataclass
class Seen:
    """The vectors that ran a script and those that asked for something; anything else that happened."""

    scripts: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    connections: int = 0
    said: bytes = b""
    other: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=needs("chromium", package="chromium"), args=FLAGS)


def test_both_layers_let_nothing_through(browser: Browser) -> None:
    seen = watched(browser, "both", frame=FRAME)

    assert seen == Seen()


def test_policy_alone_lets_nothing_through(browser: Browser) -> None:
    seen = watched(browser, "policy")

    # Chromium gets a connection ready for a frame before it learns that the policy forbids the frame.
    # Nothing is said on it. With the sanitiser there is no frame.
    assert replace(seen, connections=0) == Seen()
    assert seen.connections <= len([html for html in VECTORS.values() if "frame" in html])


def test_sanitiser_alone_lets_nothing_through(browser: Browser) -> None:
    seen = watched(browser, "sanitised")

    assert seen == Seen()


def test_without_either_most_of_them_do_what_they_want(browser: Browser) -> None:
    seen = watched(browser, "raw")

    assert len(seen.scripts) >= 60
    assert len(seen.requests) >= 60
    assert {"script", "event", "svg", "math", "mutation", "encoding"} <= groups(seen.scripts)
    assert {"css", "document", "remote", "form", "frame"} <= groups(seen.requests)


def groups(names: set[str]) -> set[str]:
    return {name.partition("-")[0] for name in names}


def watched(browser: Browser, mode: str, *, frame: str = "") -> Seen:
    seen, screens = Seen(), []
    with listening(_answer) as heard, site(heard.port) as own:
        for start in range(0, len(NAMES), PER_PAGE):
            numbers = range(len(NAMES))[start : start + PER_PAGE]
            screens.append(_opened(browser, f"{own}/{mode}", numbers, frame, seen))
        # A refresh, an animation or a prefetch begins after everything is loaded.
        screens[-1].wait_for_timeout(1200)
        for page in screens:
            _note_page(page, seen)
        _note_requests(heard, seen)
    return seen


def _opened(browser: Browser, address: str, numbers: range, frame: str, seen: Seen) -> Page:
    context = browser.new_context(viewport=SCREEN)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("dialog", lambda dialog: _note_dialog(dialog, seen))
    page.goto(address.rpartition("/")[0])
    context.on("page", lambda popup: seen.other.append(f"popup {popup.url}"))
    frames = "".join(
        f'<iframe onload="loaded.add(this)" {frame} src="{address}/{number}"></iframe>' for number in numbers
    )
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", frames)
    page.wait_for_function("number => loaded.size == number", arg=len(numbers), timeout=15_000)
    return page


def _note_page(page: Page, seen: Seen) -> None:
    seen.scripts |= {NAMES[number] for number in page.evaluate("fired")}
    if page.title() != "harness":
        seen.other.append(f"title {page.title()}")
    page.context.close()


def _note_dialog(dialog: Dialog, seen: Seen) -> None:
    seen.other.append(dialog.message)
    dialog.dismiss()


def _note_requests(heard: Heard, seen: Seen) -> None:
    asked = [found[1] for line in heard.lines if (found := PATH.match(line))]
    seen.requests |= {NAMES[int(number)] for number in asked}
    seen.connections, seen.said = heard.connections, heard.text


def _answer(connection: socket.socket, heard: Heard) -> None:
    while heard.line(connection).strip():
        pass
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@contextmanager
def site(listener_port: int) -> Iterator[str]:
    """Serves every vector with both layers, with one of them or raw, and a page for the frames."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (_Site,), {"listener_port": listener_port}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Site(BaseHTTPRequestHandler):
    listener_port: int

    def do_GET(self) -> None:
        _, mode, *rest = self.path.split("/")
        if not rest or not rest[0].isdigit():
            return self._send(HARNESS.encode() if not mode else b"", {})
        raw = self._raw(int(rest[0]))
        is_plain = NAMES[int(rest[0])].startswith("plain")
        response = body_response(paper("", raw) if is_plain else paper(raw, ""))
        body = raw.encode("utf-8", "replace") if mode in {"raw", "policy"} else response.content
        headers = {name: response.headers[name] for name in HEADERS} if mode in {"both", "policy"} else {}
        return self._send(body, headers)

    def _raw(self, number: int) -> str:
        hostile = [*VECTORS.values(), *PLAIN_TEXTS][number]
        return armed(hostile, number, port=self.listener_port)

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
