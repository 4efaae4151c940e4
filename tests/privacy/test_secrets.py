"""A35: what lets somebody into a member's account is written nowhere but into its encrypted credential:
on no page, in no log, task, session, cache or row."""

import base64
import http.client
import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import redis
from celery.signals import before_task_publish
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.signals import got_request_exception
from django.db import transaction
from django.test import Client, override_settings
from django.views.debug import get_exception_reporter_class

from crm.models import Member, User
from crm.surfaces import surfaces
from mailboxes import tasks
from mailboxes.accounts.connecting import connect_servers
from mailboxes.accounts.consenting import kept
from mailboxes.credentials import decrypt
from mailboxes.models import Mailbox, MailboxKind, SyncStream
from mailboxes.running import run_now
from tests.mailboxes.consentrig import google_set_up, microsoft_set_up
from tests.mailboxes.letters import letter
from tests.privacy.crawl import Browser
from tests.privacy.rows import dump

pytestmark = pytest.mark.django_db

ADA = "ada@halyard.example"
PASSWORD = "Zx9-imap-password-of-ada"
TOKEN = {"google": "/token", "microsoft": "/.../oauth2/v2.0/token"}
# Those that our own settings keep quiet are heard as well: an operator may want to know more.
LOGGERS = ("", "django", "httpx", "httpcore", "crm", "mailboxes", "celery", "kombu")
FIRST_LOOK = {"google": "/gmail/v1/users/me/settings/sendAs", "microsoft": "/v1.0/me"}


@dataclass
class Story:
    """All that happens to accounts with secrets, and everything that was said meanwhile, by where."""

    kind: str
    fake: Any
    members: Mapping[str, Member]
    said: dict[str, list[str]] = field(default_factory=dict)
    verifiers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.fake.faults.on("POST", TOKEN[self.kind], when=self._overhear)
        self.browser = Browser(self.members["ada"])

    def say(self, where: str, *texts: str) -> None:
        self.said.setdefault(where, []).extend(texts)

    def _overhear(self, request: Any) -> bool:
        self.verifiers |= {value for name, value in request.form if name == "code_verifier"}
        return False

    @property
    def secrets(self) -> dict[str, list[str]]:
        codes = self.fake.oauth._codes if self.kind == "google" else self.fake.oauth.signin.codes
        return {
            "client secret": [self.fake.client.secret],
            "access token": list(self.fake.grants.access),
            "refresh token": list(self.fake.grants.refresh),
            "code": list(codes),
            "verifier": list(self.verifiers),
            "password": [PASSWORD],
        }

    def leaks(self) -> dict[str, set[str]]:
        """Kinds of secrets by where they were said."""
        found = {where: _named_in("\n".join(texts), self.secrets) for where, texts in self.said.items()}
        # A report has the address of the request, and its code is spent by then.
        found["reports"] = found.get("reports", set()) - {"code"}
        return {where: names for where, names in found.items() if names}

    # What happens.

    def tell(self) -> Mailbox:
        self.fail_on_the_way_back()
        self.visit(f"/halyard/mailboxes/consents/{self.kind}/new/")
        mailbox = self.connect()
        self.fake.mailbox(ADA).deliver(letter(1).encode())
        self.read(mailbox)
        self.fake.expire_access(ADA)
        self.read(mailbox)
        self.fake.expire_access(ADA)
        fault = self.fake.faults.on("POST", TOKEN[self.kind], status=503)
        self.read(mailbox)
        fault.calls = frozenset()
        cache.clear()
        self.fake.revoke(ADA)
        self.read(mailbox)
        self.come_back(f"/halyard/mailboxes/{mailbox.pk}/consent/")
        return mailbox

    def connect(self) -> Mailbox:
        back = self.come_back(f"/halyard/mailboxes/consents/{self.kind}/")
        self.look_at_stores()
        self.visit(back["Location"])
        done = self.browser.post(back["Location"], {"reads_mail": "on", "reads_calendar": "on"}, htmx=False)
        self.say("pages", done.text, done.headers)
        self.look_at_stores()
        return Mailbox.objects.get(kind=self.kind)

    def come_back(self, path: str) -> Any:
        away = self.browser.client.post(path)
        self.say("pages", away.content.decode(), str(away.headers))
        found = self.browser.client.get(_sent_back(away["Location"]))
        self.say("pages", found.content.decode(), str(found.headers))
        return found

    def fail_on_the_way_back(self) -> None:
        """Where the code is exchanged for tokens, and where the tokens are used for the first time."""
        for path in (TOKEN[self.kind].rpartition("/")[2], FIRST_LOOK[self.kind]):
            with failing_at(path):
                found = self.come_back(f"/halyard/mailboxes/consents/{self.kind}/")
            assert found.status_code == 500
            self.say("error pages", found.content.decode())

    def connect_servers(self) -> Mailbox:
        form = {"address": ADA, "password": PASSWORD, "reads_mail": "on", "imap_host": "no.invalid"}
        refused = self.browser.post("mailboxes/servers/", {**form, "security": "tls"})
        self.say("pages", refused.text)
        assert "There is no server of that name" in refused.text
        server = {"host": "no.invalid", "port": 993, "security": "tls", "username": "ada"}
        return connect_servers(self.members["ada"], address=ADA, imap=server, passwords={"imap": PASSWORD})

    def read(self, mailbox: Mailbox) -> None:
        for stream in SyncStream.objects.filter(mailbox=mailbox):
            run_now(stream)

    # Who looks.

    def visit(self, *paths: str, browser: Browser | None = None) -> None:
        for path in paths:
            answer = (browser or self.browser).get(path)
            self.say("pages", answer.text, answer.headers)

    def look_at_pages(self) -> int:
        """Every page about settings and accounts, for the owner and an administrator of the workspace."""
        routes = [
            one.route for one in surfaces() if one.route.startswith(("/<slug:slug>/settings", MAILBOXES))
        ]
        pks = Mailbox.objects.values_list("pk", flat=True)
        paths = {route.replace("<int:pk>", str(pk)) for route in routes for pk in pks}
        paths = {path.replace("<slug:kind>", self.kind).replace("<slug:slug>", "halyard") for path in paths}
        paths = {path for path in paths if "<" not in path}
        paths |= {f"/halyard/settings/account/email-calendar/?mailbox={pk}" for pk in pks}
        for name in ("ada", "cleo"):
            self.visit(*sorted(paths), browser=Browser(self.members[name]))
        return len(paths)

    def look_at_administration(self) -> int:
        """Every list and every row that operators see."""
        user = User.objects.create_superuser("olga@operators.example")
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        paths = ["/admin/"]
        for model in admin.site._registry:
            place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            pks = model._default_manager.values_list("pk", flat=True)[:20]
            paths += [place, *(f"{place}{quote(str(pk), safe='')}/change/" for pk in pks)]
        pages = [client.get(path) for path in paths]
        self.say("administration", *(page.content.decode() for page in pages))
        return len([page for page in pages if page.status_code == 200])

    def look_at_stores(self) -> None:
        """What is kept: rows, sessions, and what is in Valkey for the cache and for workers."""
        self.say("rows", dump())
        self.say("sessions", *(str(one.get_decoded()) for one in Session.objects.all()))
        self.say("sessions", *Session.objects.values_list("session_data", flat=True))
        self.say("cache", *_in_valkey(settings.CACHES["default"]["LOCATION"]))
        self.say("queue", *_in_valkey(settings.REDIS_URL))


MAILBOXES = "/<slug:slug>/mailboxes/"


def _named_in(text: str, secrets: Mapping[str, list[str]]) -> set[str]:
    """As they are, and as they are written into addresses."""
    return {
        name
        for name, values in secrets.items()
        if any(spelling in text for value in values for spelling in (value, quote(value, safe="")))
    }


def _sent_back(url: str) -> str:
    """The browser's own way to the provider and back, which is in nobody's log."""
    parts = urlsplit(url)
    provider = http.client.HTTPConnection(parts.netloc, timeout=10)
    provider.request("GET", f"{parts.path}?{parts.query}")
    back = urlsplit(provider.getresponse().getheader("location") or "")
    provider.close()
    return f"{back.path}?{back.query}"


def _in_valkey(url: str) -> Iterator[str]:
    with redis.from_url(url) as client:
        for key in client.scan_iter("*"):
            value = {
                b"string": lambda key: [client.get(key) or b""],
                b"list": lambda key: client.lrange(key, 0, -1),
                b"set": client.smembers,
                b"hash": lambda key: [part for pair in client.hgetall(key).items() for part in pair],
                b"zset": lambda key: client.zrange(key, 0, -1),
            }[client.type(key)](key)
            yield "\n".join(_unpacked(part) for part in (key, *value))


def _unpacked(part: bytes) -> str:
    """Messages for workers are packed once more."""
    try:
        return base64.b64decode(json.loads(part)["body"]).decode("latin-1")
    except (ValueError, KeyError, TypeError):
        return part.decode("latin-1")


@contextmanager
def failing_at(path: str) -> Iterator[None]:
    """Something goes wrong that nobody has thought of, in the middle of a request."""
    send = httpx.Client.send

    def fail(self: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        if request.url.path.endswith(path):
            raise RuntimeError("nobody has thought of this")
        return send(self, request, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.Client, "send", fail)
        yield


@contextmanager
def overheard(story: Story) -> Iterator[None]:
    """What is logged at DEBUG, sent to workers, and reported of failures to whoever watches over them."""
    log = logging.StreamHandler(io.StringIO())
    log.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))

    def sent(sender: str = "", body: Any = None, headers: Any = None, **more: Any) -> None:
        story.say("tasks", f"{sender} {body!r} {headers!r}")

    def failed(sender: Any = None, request: Any = None, **more: Any) -> None:
        reporter: Any = get_exception_reporter_class(request)
        # Writing it is logged as well, which is not what happens in a log otherwise.
        logging.disable(logging.CRITICAL)
        story.say("reports", reporter(request, *sys.exc_info(), is_email=True).get_traceback_html())
        logging.disable(logging.NOTSET)

    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [one.level for one in loggers]
    loggers[0].addHandler(log)
    for one in loggers:
        one.setLevel(logging.DEBUG)
    before_task_publish.connect(sent)
    got_request_exception.connect(failed)
    try:
        yield
    finally:
        got_request_exception.disconnect(failed)
        before_task_publish.disconnect(sent)
        loggers[0].removeHandler(log)
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
        story.say("log", log.stream.getvalue())


@pytest.fixture(params=["google", "microsoft"])
def story(
    request: pytest.FixtureRequest, desk: Any, cleo: Member, dan: Member, settings: Any
) -> Iterator[Story]:
    set_up: Any = {"google": google_set_up, "microsoft": microsoft_set_up}[request.param]
    with set_up() as fake:
        if request.param == "microsoft":
            fake.add_tenant("halyard.example")
        fake.add_user(ADA, name="Ada Lovelace")
        fake.consents(ADA)
        yield Story(request.param, fake, desk.members)


def test_a35_no_secret_is_said_or_kept_anywhere(
    story: Story, django_capture_on_commit_callbacks: Any
) -> None:
    with overheard(story), django_capture_on_commit_callbacks(execute=True):
        mailbox = story.tell()
        server = story.connect_servers()
        story.read(server)
        tasks.enqueue_due()
        pages, rows = story.look_at_pages(), story.look_at_administration()
        story.look_at_stores()

    assert story.leaks() == {}
    # There was something to be heard everywhere.
    assert (pages > 25, rows > 20) == (True, True)
    assert {where for where, texts in story.said.items() if any(texts)} >= {
        "pages", "error pages", "administration", "rows", "sessions", "cache", "log", "tasks", "reports",
    }  # fmt: skip
    log = "\n".join(story.said["log"])
    heard = [
        words in log for words in ("Traceback", "Internal Server Error: /accounts/", "httpcore", "httpx")
    ]
    assert heard == [True] * 4
    assert "sync_next" in "\n".join(story.said["tasks"])
    assert all(len(values) >= 1 for values in story.secrets.values())
    assert len(story.verifiers) == 3
    mailbox.refresh_from_db()
    assert decrypt(mailbox.credential)["refresh"] == list(story.fake.grants.refresh)[-1]
    assert decrypt(server.credential) == {"imap": PASSWORD}


def test_a35_a_question_keeps_its_verifier_to_itself(story: Story) -> None:
    """Until the answer comes back, it lies in the session for a quarter of an hour."""
    away = story.browser.client.post(f"/halyard/mailboxes/consents/{story.kind}/")
    story.look_at_stores()
    back = story.browser.client.get(_sent_back(away["Location"]))

    assert (back.status_code, len(story.verifiers)) == (302, 1)
    assert story.leaks() == {}


def test_a35_an_offer_is_of_no_use_without_the_keys(story: Story) -> None:
    story.come_back(f"/halyard/mailboxes/consents/{story.kind}/")
    session, ada = story.browser.client.session, story.members["ada"]
    kind = MailboxKind(story.kind)

    found = kept(session, ada, kind=kind)
    with override_settings(CREDENTIAL_KEYS=[Fernet.generate_key().decode()]):
        without = kept(session, ada, kind=kind)

    assert found and found.secrets["refresh"] == list(story.fake.grants.refresh)[-1]
    assert without is None
    assert found.secrets["refresh"] not in repr(found)


def test_a35_the_scan_would_find_a_secret_anywhere(story: Story) -> None:
    story.connect()
    refresh, access = list(story.fake.grants.refresh)[-1], list(story.fake.grants.access)[-1]
    story.said.clear()
    with overheard(story), transaction.atomic():
        Mailbox.objects.filter(kind=story.kind).update(settings={"mail": {"note": refresh}})
        session = story.browser.client.session
        session["note"] = access
        session.save()
        cache.set("note", refresh)
        logging.getLogger("crm").debug("renewed %s", access)
        before_task_publish.send("note", body=((refresh,), {}, {}))
        with redis.from_url(settings.REDIS_URL) as client:
            packed = base64.b64encode(json.dumps([[refresh], {}, {}]).encode()).decode()
            client.rpush("note", json.dumps({"body": packed}))
            story.look_at_stores()
            client.delete("note")
        transaction.set_rollback(True)

    assert story.leaks() == {
        "rows": {"refresh token"},
        "sessions": {"access token"},
        "cache": {"access token", "refresh token"},
        "log": {"access token"},
        "tasks": {"refresh token"},
        "queue": {"refresh token"},
    }
