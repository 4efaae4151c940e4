"""A browser that walks every surface with mail on it and notes what it was shown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import resolve

from crm.models import Company, Member, Person, User, Workspace
from mailboxes.models import CalendarEvent, EmailMessage
from tests.privacy.world import canaries

HTMX = {"HX-Request": "true"}
PLURALS = ("companies", "people")
SHOWS = ("all", "readable", "locked")
THREAD = re.compile(r'data-thread="(\d+)" data-access="(\w+)"')
MESSAGE = re.compile(r'data-message="(\d+)" data-access="(\w+)"')
LINK = re.compile(r'(?:href|hx-get)="([^"]*[?&;]after=[^"]*)"')
WORDS = {"metadata": 1, "subject": 2, "full": 3}


@dataclass(frozen=True)
class Answer:
    path: str
    status: int
    text: str
    headers: str
    where: str = ""

    @property
    def canaries(self) -> set[tuple[str, int]]:
        return canaries(self.text) | canaries(self.headers)

    @property
    def threads(self) -> dict[int, int]:
        return {int(pk): WORDS[level] for pk, level in THREAD.findall(self.text)}

    @property
    def messages(self) -> dict[int, int]:
        return {int(pk): WORDS[level] for pk, level in MESSAGE.findall(self.text)}


@dataclass
class Browser:
    """Signed in as a member, or as nobody. `visited` are the names of the routes it asked."""

    member: Member | None
    slug: str = "halyard"
    visited: set[str] = field(default_factory=set)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        if self.member:
            backend = "django.contrib.auth.backends.ModelBackend"
            self.client.force_login(User.objects.get(pk=self.member.user_id), backend=backend)

    def get(self, path: str, *, htmx: bool = False) -> Answer:
        return self._answer(path, self.client.get(self._url(path), headers=HTMX if htmx else {}))

    def post(self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = True) -> Answer:
        return self._answer(path, self.client.post(self._url(path), data or {}, headers=HTMX if htmx else {}))

    def try_post(self, path: str, data: dict[str, Any] | None = None) -> Answer:
        """What the answer would be; nothing of it stays."""
        with transaction.atomic():
            answer = self.post(path, data)
            transaction.set_rollback(True)
        return answer

    def pages(self, path: str, *, htmx: bool = False) -> Iterator[Answer]:
        """A list and all that follows it, page by page, and at once as for somebody who comes back."""
        asked: set[str] = set()
        waiting = [self._url(path)]
        while waiting:
            url = waiting.pop()
            asked.add(url)
            answer = self.get(url, htmx=htmx or "after=" in url)
            yield answer
            found = [unescape(link) for link in LINK.findall(answer.text)]
            if found and len(asked) == 1:
                yield self.get(f"{found[0]}&pages=20", htmx=True)
            waiting += [link for link in dict.fromkeys(found) if link not in asked and link not in waiting]

    def _url(self, path: str) -> str:
        return path if path.startswith("/") else f"/{self.slug}/{path}"

    def _answer(self, path: str, response: Any) -> Answer:
        self.visited.add(resolve(self._url(path).partition("?")[0]).view_name)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        return Answer(path, response.status_code, body.decode(), headers)


def of_thread(
    browser: Browser, thread: int, message: int, *, of: str = "", is_thin: bool = False
) -> dict[str, list[Answer]]:
    """What there is to ask about one thread and one of its messages, by what it shows; thin, the page
    round a fragment and the dialogs of some of them."""
    get, odd = browser.get, thread % 2 == 1
    found = {
        "thread": [get(f"emails/{thread}/", htmx=True)],
        "row": [get(f"emails/{thread}/row/{of}", htmx=True)],
        "message": [get(f"messages/{message}/", htmx=True)],
        "closed": [get(f"messages/{message}/?closed", htmx=odd)],
        "body": [get(f"messages/{message}/body/")],
    }
    if not is_thin or thread % 4 == 0:
        found["thread"] += [get(f"emails/{thread}/")]
    if not is_thin or thread % 4 == 1:
        found["access"] = [get(f"emails/{thread}/access/", htmx=is_thin and thread % 8 == 1)]
    if not is_thin or thread % 4 == 2:
        found["ask"] = [get(f"emails/{thread}/access-requests/new/{of}", htmx=is_thin and thread % 8 == 2)]
    return found


def searched(browser: Browser, mail: int, *, htmx: bool = True) -> Answer:
    """By its subject but the first letter, so that the question is not taken for an answer."""
    return browser.get(f"search/?q=UBJ{mail:05}", htmx=htmx)


def searches(browser: Browser, *, mails: int) -> Iterator[Answer]:
    """By every subject there may be, by words of many, and for what a browser says it remembers."""
    for mail in range(1, mails + 1):
        yield searched(browser, mail, htmx=mail % 2 == 0)
    for words in ("ubj", "su", "another", "quite mail", "review", "canary", "acme"):
        yield browser.get(f"search/?q={words}", htmx=True)
    recent = "+".join(
        f"{kind}:{pk}" for pk in (1, 1000, 1001, 1002) for kind in ("thread", "event", "person")
    )
    yield browser.get(f"search/?recent={recent}", htmx=True)


def drafts(browser: Browser, thread: int) -> Iterator[Answer]:
    """What is posted about a thread."""
    yield browser.try_post(f"emails/{thread}/access/draft/", {"audience": "workspace"})
    yield browser.try_post(f"emails/{thread}/access/", {"audience": "workspace", "everyone": "2"})
    yield browser.try_post(f"emails/{thread}/access-requests/", {"level": "3", "note": "please"})


def answers(browser: Browser, request: int) -> Iterator[Answer]:
    """What is posted about a request."""
    for level in ("2", "3"):
        for scope in ("thread", "record", "mailbox"):
            data = {"level": level, "scope": scope}
            yield browser.try_post(f"access-requests/{request}/approval/", data)
    yield browser.try_post(f"access-requests/{request}/refusal/")


def of_record(browser: Browser, plural: str, record: int) -> Iterator[Answer]:
    """Everything about one record but its list of threads and its feed."""
    url = f"{plural}/{record}/"
    yield browser.get(f"{url}emails/counts/", htmx=True)
    yield browser.get(f"{url}counts/", htmx=True)
    yield browser.get(f"{url}neighbours/?sort=-last_interaction", htmx=True)
    others = [pk for kind, pk in records(browser) if kind == plural and pk != record][:1]
    for other in others:
        yield browser.get(f"{url}merging/preview/?with={other}", htmx=True)
        yield browser.try_post(f"{url}merging/", {"with": str(other)})
    yield browser.get(f"{url}?kind=milestones", htmx=True)
    yield from browser.pages(f"{url}calendar/")
    if plural == "companies":
        yield from browser.pages(f"{url}people/")
    member = browser.member.pk if browser.member else 0
    for htmx in (False, True):
        yield browser.get(f"{url}details/", htmx=htmx)
        yield browser.get(f"{url}outside/", htmx=htmx)
        yield browser.get(f"{url}strength/?member={member}", htmx=htmx)
    for htmx in (False, True):
        yield browser.get(f"{url}access/", htmx=htmx)
        yield browser.get(f"{url}emails/?show=locked", htmx=htmx)
    yield browser.try_post(f"{url}access/draft/", {"audience": "workspace"})
    yield browser.try_post(f"{url}access/", {"audience": "workspace", "everyone": "3"})
    yield browser.try_post(f"{url}access/coverage/")


def of_workspace(browser: Browser) -> Iterator[Answer]:
    for plural in PLURALS:
        for htmx in (False, True):
            yield from browser.pages(f"{plural}/", htmx=htmx)
        yield from of_table(browser, plural)
    for htmx in (False, True):
        yield from browser.pages("notifications/", htmx=htmx)
        yield browser.get("settings/account/email-calendar/", htmx=htmx)
    for part in ("list", "log"):
        yield browser.get(f"settings/account/email-calendar/?{part}", htmx=True)
    for htmx in (False, True):
        yield browser.get("search/?q=ubj", htmx=htmx)


def of_table(browser: Browser, plural: str) -> Iterator[Answer]:
    """What there is around a table: its export, what stands under it, fresh rows, filters and views."""
    narrow = "sort=-last_interaction&filter=last_interaction:is_not_empty:"
    yield browser.get(f"{plural}/export.csv")
    yield browser.get(f"{plural}/export.csv?{narrow}")
    yield browser.get(f"{plural}/calculations/?{narrow}", htmx=True)
    ids = ",".join(str(pk) for kind, pk in records(browser) if kind == plural)
    yield browser.post(f"{plural}/changes/?sort=-last_interaction", {"shown": ids, "changed": ids})
    asked = "attribute=last_interaction&operator=with&value=me&index="
    yield browser.get(f"{plural}/filters/?{narrow}&{asked}", htmx=True)
    yield browser.try_post(f"{plural}/columns/", {"column": "last_interaction", "shown": "0"})
    yield browser.get(f"views/{plural}/tabs/?{narrow}", htmx=True)
    yield browser.get("views/")
    yield browser.get("views/?nav", htmx=True)
    yield browser.try_post(f"{plural}/bulk/export.csv", {"record": ids.split(",")})
    yield browser.try_post(f"{plural}/bulk/export.csv?{narrow}", {"all": "on"})
    for form in ("attribute", "deletion", *(["company"] if plural == "people" else [])):
        yield browser.try_post(f"{plural}/bulk/{form}/form/?{narrow}", {"all": "on"})


def everything(browser: Browser, *, threads: dict[int, list[int]], events: list[int]) -> Iterator[Answer]:
    """All of it, for comparing: `threads` with their messages."""
    yield from of_workspace(browser)
    yield from searches(browser, mails=sum(map(len, threads.values())) + 5)
    for plural, pk in records(browser):
        yield from of_record(browser, plural, pk)
        for show in SHOWS:
            yield from browser.pages(f"{plural}/{pk}/emails/?show={show}")
        for page in ("", "activity/"):
            yield from browser.pages(f"{plural}/{pk}/{page}")
    for thread, messages in threads.items():
        for message in messages:
            for found in of_thread(browser, thread, message).values():
                yield from found
        yield from drafts(browser, thread)
    for event in events:
        for htmx in (False, True):
            yield browser.get(f"events/{event}/", htmx=htmx)


def brief(browser: Browser) -> Iterator[Answer]:
    """Each page once: enough to see whether a word of a few mails shows anywhere."""
    for page in ("notifications/", "settings/account/email-calendar/", "people/", "people/export.csv"):
        yield browser.get(page)
    yield browser.get("search/?q=ubj")
    for plural, pk in records(browser):
        for page in ("", "emails/"):
            yield browser.get(f"{plural}/{pk}/{page}")
    for thread, messages in threads().items():
        for message in messages:
            for found in of_thread(browser, thread, message).values():
                yield from found


def seen(member: Member) -> set[tuple[str, int]]:
    """Every canary that a member is shown anywhere."""
    return set().union(*(answer.canaries for answer in brief(Browser(member))))


def threads() -> dict[int, list[int]]:
    """All there are, with their messages."""
    found: dict[int, list[int]] = {}
    for pk, thread in EmailMessage.objects.order_by("pk").values_list("pk", "thread_id"):
        found.setdefault(thread, []).append(pk)
    return found


def events() -> list[int]:
    return list(CalendarEvent.objects.order_by("pk").values_list("pk", flat=True))


def records(browser: Browser) -> list[tuple[str, int]]:
    home = Workspace.objects.get(slug=browser.slug)
    companies = Company.objects.filter(workspace=home).order_by("pk").values_list("pk", flat=True)
    people = Person.objects.filter(workspace=home).order_by("pk").values_list("pk", flat=True)
    return [*(("companies", pk) for pk in companies), *(("people", pk) for pk in people)]
