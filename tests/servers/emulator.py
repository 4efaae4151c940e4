"""Google's and Microsoft's sign-in pages, by a program that is not ours, in front of the strict fakes:
its tokens open their mail and calendars.

with google() as fake, emulated(fake, callback=url) as emulator:
    settings.GOOGLE_SIGN_IN_URL = settings.GOOGLE_TOKEN_URL = emulator.url
"""

import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt

from tests.contracts.http import HTTP
from tests.fakes import google_grants, microsoft_grants
from tests.fakes.faults import Answer, Log, Request, json_answer
from tests.fakes.google import Google
from tests.fakes.microsoft import Microsoft
from tests.fakes.serving import HttpFake
from tests.servers.loopback import free_port
from tests.servers.programs import needs_emulator

# What Microsoft says of a refresh token that has had its one use.
USED = 70000
_PASSED_ON = ("content-type", "accept", "authorization")
_PASSED_BACK = ("content-type", "location")


@contextmanager
def emulated(fake: Google | Microsoft, *, callback: str) -> Iterator["Emulator"]:
    """The pages, for the people and the application of the fake, of which `callback` is the way back."""
    command = needs_emulator()
    emulator = Emulator(GoogleBooks(fake) if isinstance(fake, Google) else MicrosoftBooks(fake))
    name = emulator.books.name
    with emulator.http.listening(name) as urls, tempfile.TemporaryDirectory() as folder:
        emulator.url = urls[name]
        seed, port = Path(folder, "seed.json"), free_port()
        seed.write_text(json.dumps({name: _seed(fake, callback)}))
        options = ["--service", name, "--seed", str(seed), "--base-url", emulator.url, "--port", str(port)]
        with _running([*command, "start", "--host", "127.0.0.1", *options], port):
            emulator.program = f"http://127.0.0.1:{port}"
            yield emulator


class Emulator:
    """A way to the program that writes its tokens into the books of the fake; `url` stands for the
    provider's sign-in and token hosts. Scopes in `withheld` are not granted: boxes that stay empty."""

    def __init__(self, books: "Books") -> None:
        self.books, self.url, self.program = books, "", ""
        self.withheld: frozenset[str] = frozenset()
        self.http = HttpFake(self._answer, owner=lambda request: "", refusal=_refused)

    @property
    def log(self) -> Log:
        return self.http.log

    def revoke(self, email: str) -> None:
        """As people do in the settings of their account; both sides know it."""
        for token in self.books.refreshing(email):
            form = {"token": token}
            HTTP.post(self.program + self.books.revoke, data=form).raise_for_status()
        self.books.end(email)

    def _answer(self, request: Request) -> Answer:
        path = self.books.path(request.path)
        answer = self._passed_on(request, path)
        if path == self.books.token and answer.status == 200:
            return self._entered(request, json.loads(answer.body))
        if path == self.books.revoke:
            request.user = self.books.owner(_form(request, "token"))
            self.books.end(request.user)
        return answer

    def _passed_on(self, request: Request, path: str) -> Answer:
        query = request.target.partition("?")[2]
        url = self.program + path + (f"?{query}" if query else "")
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        given = HTTP.request(request.method, url, content=request.body, headers=headers)
        said = {name: given.headers[name] for name in _PASSED_BACK if name in given.headers}
        return Answer(given.status_code, given.content, said)

    def _entered(self, request: Request, told: dict[str, Any]) -> Answer:
        """The tokens of an answer, which from now on the fake knows."""
        used = _form(request, "refresh_token")
        request.user = email = self.books.owner(used) if used else _who(told)
        request.detail = _form(request, "grant_type")
        assert email, "A grant has ended in the fake alone: end it by Emulator.revoke"
        told["scope"] = " ".join(one for one in told["scope"].split() if one not in self.withheld)
        self.books.enter(email, told, used=used)
        return json_answer(told)


@dataclass
class GoogleBooks:
    """Google's paths, and the fake's record of who granted what."""

    fake: Google
    name: str = "google"
    token: str = "/oauth2/token"
    revoke: str = "/oauth2/revoke"

    def path(self, path: str) -> str:
        """As the program has it."""
        return {"/token": self.token, "/revoke": self.revoke}.get(path, path)

    def enter(self, email: str, told: dict[str, Any], *, used: str) -> None:
        grants = self.fake.grants
        scopes = {google_grants.ALIASES.get(scope, scope) for scope in told["scope"].split()}
        grants.granted[email] = grants.granted.get(email, set()) | scopes
        ends = grants.clock.now() + timedelta(seconds=told["expires_in"])
        for store, value, expires in (
            (grants.access, told["access_token"], ends),
            (grants.refresh, told.get("refresh_token"), None),
        ):
            if value:
                store[value] = google_grants.Token(value, email, grants.client.id, set(scopes), expires)

    def owner(self, refresh: str) -> str:
        """Whose token it is, "" where it is not good."""
        token = self.fake.grants.refresh.get(refresh)
        return token.user if token else ""

    def refreshing(self, email: str) -> list[str]:
        return [value for value in self.fake.grants.refresh if self.owner(value) == email]

    def end(self, email: str) -> None:
        self.fake.revoke(email)


@dataclass
class MicrosoftBooks:
    """Microsoft's paths, of which the program has but one tenant's, and the fake's record."""

    fake: Microsoft
    name: str = "microsoft"
    token: str = "/oauth2/v2.0/token"
    revoke: str = "/oauth2/v2.0/revoke"

    def path(self, path: str) -> str:
        found = re.fullmatch(r"/[^/]+(/oauth2/v2\.0/(?:authorize|token))", path)
        return found[1] if found else path

    def enter(self, email: str, told: dict[str, Any], *, used: str) -> None:
        """Each refresh token is good for one use."""
        grants = self.fake.grants
        if used:
            grants.refresh[used].ended = USED
        scopes = {microsoft_grants.short(scope) for scope in told["scope"].split()}
        grants.granted[email] = grants.granted.get(email, set()) | scopes
        now, life = grants.clock.now(), timedelta(seconds=told["expires_in"])
        for store, value, lasts in (
            (grants.access, told["access_token"], life),
            (grants.refresh, told["refresh_token"], microsoft_grants.INACTIVE_AFTER),
        ):
            store[value] = microsoft_grants.Token(value, email, set(scopes), now, now + lasts)

    def owner(self, refresh: str) -> str:
        token = self.fake.grants.refresh.get(refresh)
        return token.user if token and not token.ended else ""

    def refreshing(self, email: str) -> list[str]:
        return [value for value in self.fake.grants.refresh if self.owner(value) == email]

    def end(self, email: str) -> None:
        """Access tokens are let go as well: nobody waits an hour for them."""
        self.fake.revoke(email)
        self.fake.expire_access(email)


Books = GoogleBooks | MicrosoftBooks


def _seed(fake: Google | Microsoft, callback: str) -> dict[str, Any]:
    client = fake.client
    application = {"client_id": client.id, "client_secret": client.secret, "name": "Rapport"}
    return {
        "users": [{"email": user.email, "name": user.name} for user in fake.grants.users.values()],
        "oauth_clients": [application | {"redirect_uris": [callback]}],
    }


def _who(told: dict[str, Any]) -> str:
    claims = jwt.decode(told["id_token"], options={"verify_signature": False})
    return str(claims["email"])


def _form(request: Request, name: str) -> str:
    return dict(request.form).get(name, "")


def _refused(request: Request, status: int, reason: str) -> Answer:
    return json_answer({"error": reason or "temporarily_unavailable"}, status)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            _wait(process, port)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "The emulator has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("The emulator does not answer")
