"""The whole grid: who looks × what the mailbox shows by default × shares × grants on records × requests
× the blocklist, on every surface that holds mail, against the oracle. A sample of it in every run;
all of it with RAPPORT_GRID=full."""

import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.core import mail

from crm.models import Company, Member, Notification, Person
from crm.surfaces import surfaces
from crm.tasks import mail_notification
from mailboxes.correspondence.conversation import read_body, read_message, read_thread
from mailboxes.correspondence.threads import read_rows
from mailboxes.models import CalendarEvent
from mailboxes.visibility import readings
from tests.desk import HOME, NOW, meeting
from tests.privacy import oracle
from tests.privacy.crawl import (
    SHOWS,
    Answer,
    Browser,
    answers,
    drafts,
    of_record,
    of_thread,
    of_workspace,
    searched,
)
from tests.privacy.oracle import FULL, METADATA
from tests.privacy.states import COLLEAGUES, GONE, IS_FULL, OUTSIDE, OWNERS, PARTS, build
from tests.privacy.world import Letter, World, canaries

pytestmark = pytest.mark.django_db

# What an open message shows, and the line it folds to.
OPENED = {"SNIP", "BODY", "ATTN", "BCC"}
FOLDED = {"SNIP"}


@dataclass
class Grid:
    """A world with every state in it, each mail in a thread of its own, as it stands now."""

    world: World
    is_thin: bool = not IS_FULL
    pages: Counter[str] = field(default_factory=Counter)
    visited: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.threads, self.messages = self.world.thread_pks(), self.world.message_pks()
        self.copies = {number: copy for number, (copy,) in self.world.copies().items()}
        # There are thousands of grants on threads, and only a thread's own can matter to it.
        self.by_thread: dict[tuple[str, str], list[oracle.Grant]] = defaultdict(list)
        for one in self.world.grants():
            thread = next((part for part in one.covers if part.startswith("thread:")), "")
            self.by_thread[thread, one.owner].append(one)

    def level(self, viewer: oracle.Viewer, number: int) -> int:
        owner = self.copies[number].owner
        grants = self.by_thread["", owner] + self.by_thread[f"thread:{number}", owner]
        return oracle.level(viewer, self.copies[number], grants)

    def report(self, viewer: str, answer: Answer, problem: str) -> None:
        self.wrong.append(f"{viewer or 'signed out'} at {answer.path}: {problem}")


def test_every_surface_with_mail_is_walked() -> None:
    grid = Grid(world := _small_world(), is_thin=False)
    request, event = world.ask("ben", 1, FULL), CalendarEvent.objects.get()
    for name in ("ada", "ben"):
        browser = Browser(world.member(name))
        _walk_lists(grid, name, browser)
        _walk_threads(grid, name, browser)
        _walk_mails(grid, name, world.member(name))
        for answer in (*answers(browser, request.pk), browser.get(f"events/{event.pk}/")):
            _check_leaks(grid, name, answer, {("SUBJ", 1)} if name == "ada" else set())
        grid.visited |= browser.visited

    assert {one.name for one in surfaces() if one.tag == "mail"} - grid.visited == set()
    assert grid.wrong == []


@pytest.mark.parametrize("owners", PARTS, ids=lambda owners: f"{owners[0]}-{owners[-1]}")
def test_nobody_sees_more_or_less_than_the_grid_says(
    owners: list[str], dan: Member, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    world = build(owners)
    world.deactivate(GONE)
    gone = Browser(world.member(GONE))  # signed in again: he is nobody here all the same
    built, grid = time.monotonic() - begun, Grid(world)
    _walk_everybody(grid, gone=gone, dan=dan)
    _check_models(grid, dan)

    states = len(world.letters) * (len(COLLEAGUES) + len(OUTSIDE) + 1)
    with capfd.disabled():
        print(
            f"\ngrid of {owners[0]} to {owners[-1]}: {states} states, {sum(grid.pages.values())} cells, "
            f"{len(grid.wrong)} differences, built in {built:.0f} s, {time.monotonic() - begun:.0f} s in all",
            *_by_kind(grid.wrong).values(),
            sep="\n",
            file=sys.stderr,
        )
    # There is something to be shown and something to be hidden for each of them.
    for name in COLLEAGUES:
        assert {grid.level(world.viewer(name), number) for number in grid.messages} >= {0, 3}
    assert len(grid.wrong) == 0


def _by_kind(wrong: list[str]) -> dict[str, str]:
    """The first difference of each kind, for somebody to read."""
    found: dict[str, str] = {}
    for one in wrong:
        found.setdefault(re.sub(r"\d+", "#", one[one.find(" at ") :])[:40], one[:400])
    return found


def _small_world() -> World:
    """Two records of each kind, as a merge takes two."""
    world = World()
    world.deliver(
        Letter(1, "ada", "bob@acme.example", (f"ada@{HOME}",)),
        Letter(2, "ada", "pat@birch.example", (f"ada@{HOME}",), is_html=True),
    )
    world.desk.schedule("ada", meeting("e1", f"ada@{HOME}", {"bob@acme.example": "accepted"}, at=NOW))
    return world


# Walking.


def _walk_everybody(grid: Grid, *, gone: Browser, dan: Member) -> None:
    browsers = {name: Browser(grid.world.member(name)) for name in COLLEAGUES}
    browsers |= {GONE: gone, "dan": Browser(dan), "": Browser(None)}
    owners = [name for name in OWNERS if name in grid.world.names]
    browsers |= {owner: Browser(grid.world.member(owner)) for owner in owners}
    for at, (name, browser) in enumerate(browsers.items()):
        _walk_threads(grid, name, browser, offset=at)
        if browser.member:
            _walk_mails(grid, name, browser.member)
        if name in COLLEAGUES or at % 5 == 0:
            _walk_lists(grid, name, browser, offset=at)


def _walk_threads(grid: Grid, name: str, browser: Browser, *, offset: int = 0) -> None:
    """An owner walks his own, everybody else all there are."""
    viewer = grid.world.viewer(name)
    for number, message in grid.messages.items():
        copy = grid.copies[number]
        if (name in OWNERS and copy.owner != name) or _leave_out(grid, number, offset):
            continue
        level = grid.level(viewer, number)
        of = f"?of=companies&record={number}"
        found = of_thread(
            browser,
            grid.threads[number],
            message,
            of=of if number % 2 else "",
            is_thin=len(OWNERS) < len(grid.messages),
        )
        found["search"] = [searched(browser, number, htmx=number % 2 == 1)]
        _check_thread(grid, name, grid.world.letters[number], copy, level, found)
        if number % 10 == 1:
            allowed = _allowed(viewer, copy, level)
            for answer in drafts(browser, grid.threads[number]):
                _check_leaks(grid, name, answer, allowed)


def _leave_out(grid: Grid, number: int, offset: int) -> bool:
    """In a sample, each viewer walks other quarters of it."""
    return grid.is_thin and (number + offset) % 4 != 0


def _allowed(viewer: oracle.Viewer, copy: oracle.Copy, level: int) -> set[tuple[str, int]]:
    return {(kind, copy.number) for kind in oracle.kinds(viewer, copy, level)}


def _check_thread(
    grid: Grid,
    name: str,
    letter: Letter,
    copy: oracle.Copy,
    level: int,
    found: dict[str, list[Answer]],
) -> None:
    allowed = oracle.kinds(grid.world.viewer(name), copy, level)
    opened = OPENED - (FOLDED | {"BODY"} if letter.is_html else set())
    shows = {
        "thread": {"SUBJ"} | opened,
        "row": {"SUBJ"} | FOLDED,
        # Folded, or not to be opened, it is a line: its snippet, or its subject where that is all.
        "message": opened if level == FULL else {"SUBJ"},
        "closed": FOLDED if level == FULL else {"SUBJ"},
        "body": {"HTML"} if letter.is_html else {"SNIP", "BODY"},
        "search": {"SUBJ"},
    }
    for surface, pages in found.items():
        expected = {(kind, copy.number) for kind in shows.get(surface, set()) & allowed}
        for answer in pages:
            grid.pages[surface] += 1
            if answer.status != _status(surface, name, copy, level):
                grid.report(name, answer, f"{answer.status} at level {level}")
            if answer.canaries != expected:
                grid.report(name, answer, f"{answer.canaries} instead of {expected} at level {level}")
            stated = {*answer.threads.values(), *answer.messages.values()}
            if answer.status == 200 and stated - {level}:
                grid.report(name, answer, f"says {stated} at level {level}")


def _status(surface: str, name: str, copy: oracle.Copy, level: int) -> int:
    if not name:
        return 302
    if surface == "search":
        return 404 if name in OUTSIDE else 200
    if surface == "access":
        return 200 if name == copy.owner and level else 404
    return 200 if level >= (FULL if surface == "body" else METADATA) else 404


def _walk_lists(grid: Grid, name: str, browser: Browser, *, offset: int = 0) -> None:
    """Whole lists at once: what is on all their pages together is exactly what may be seen."""
    viewer = grid.world.viewer(name)
    readable = _levels(grid, viewer, "")
    for answer in of_workspace(browser):
        # Tables, exports and settings say no word of mail; notifications and search may say what may be read.
        is_told = "notifications" in answer.path or "search" in answer.path
        told = readable if is_told else {}
        _check_leaks(grid, name, answer, _all_allowed(grid, viewer, told))
    for pk, plural, named in _records(grid.world):
        if _leave_out(grid, pk, offset):
            continue
        levels = _levels(grid, viewer, named)
        for answer in of_record(browser, plural, pk):
            _check_leaks(grid, name, answer, _all_allowed(grid, viewer, levels))
        for show in SHOWS:
            pages = list(browser.pages(f"{plural}/{pk}/emails/?show={show}", htmx=True))
            _check_list(grid, viewer, pages, _shown(levels, show), surface=f"list {show}")
        for page in ("", "activity/", "?kind=emails"):
            pages = list(browser.pages(f"{plural}/{pk}/{page}"))
            _check_list(grid, viewer, pages, levels, surface=f"feed {page}")


def _walk_mails(grid: Grid, name: str, member: Member) -> None:
    """Each of his notifications as the mail that would be written now."""
    viewer = grid.world.viewer(name)
    allowed = _all_allowed(grid, viewer, _levels(grid, viewer, ""))
    mail.outbox.clear()
    for pk in Notification.objects.of(member).values_list("pk", flat=True)[: 20 if grid.is_thin else 500]:
        mail_notification.run(pk)
    for one in mail.outbox:
        grid.pages["mails"] += 1
        found = canaries(f"{one.subject} {one.body} {getattr(one, 'alternatives', '')}")
        if found - allowed or one.recipients() != [member.user.email]:
            grid.wrong.append(f"{name} at mail: to {one.recipients()}, {found - allowed}")
    grid.visited.add(mail_notification.name)


def _records(world: World) -> Iterator[tuple[int, str, str]]:
    for company in Company.objects.filter(workspace=world.desk.workspace).order_by("pk"):
        yield company.pk, "companies", company.domains.get().domain
    for person in Person.objects.filter(workspace=world.desk.workspace).order_by("pk"):
        yield person.pk, "people", person.addresses.get().email


Levels = dict[int, int]


def _levels(grid: Grid, viewer: oracle.Viewer, named: str) -> Levels:
    """Of each mail of a record, or of all, that may be seen at all."""
    found = {
        number: grid.level(viewer, number)
        for number in grid.messages
        if not named or named in grid.copies[number].parts_of
    }
    return {number: level for number, level in found.items() if level}


def _all_allowed(grid: Grid, viewer: oracle.Viewer, levels: Levels) -> set[tuple[str, int]]:
    found = (_allowed(viewer, grid.copies[number], level) for number, level in levels.items())
    return set().union(*found)


def _check_leaks(grid: Grid, name: str, answer: Answer, allowed: set[tuple[str, int]]) -> None:
    grid.pages["others"] += 1
    if answer.status >= 500 or answer.canaries - allowed:
        grid.report(name, answer, f"{answer.status}, {answer.canaries - allowed}")


def _shown(levels: Levels, show: str) -> Levels:
    """Readable is what may be read in full."""
    wanted = {"all": {1, 2, 3}, "readable": {3}, "locked": {1, 2}}[show]
    return {number: level for number, level in levels.items() if level in wanted}


def _check_list(
    grid: Grid, viewer: oracle.Viewer, pages: list[Answer], levels: Levels, *, surface: str
) -> None:
    grid.pages[surface] += len(pages)
    allowed = _all_allowed(grid, viewer, levels)
    expected = {one for one in allowed if one[0] in {"SUBJ", "SNIP"}}
    found = set().union(*(page.canaries for page in pages))
    if found != expected:
        grid.report(viewer.name, pages[0], f"missing {expected - found}, too much {found - expected}")
    listed = {pk: level for page in pages for pk, level in page.threads.items()}
    wanted = {grid.threads[number]: level for number, level in levels.items()}
    if surface.startswith("list") and listed != wanted:
        grid.report(viewer.name, pages[0], f"lists {listed} instead of {wanted}")


# The models themselves.


def _check_models(grid: Grid, dan: Member) -> None:
    world = grid.world
    members = {
        name: world.member(name) for name in (*COLLEAGUES, GONE, *OWNERS) if name in world.desk.members
    }
    for name, member in (members | {"dan": dan}).items():
        viewer = world.viewer(name)
        read = readings(member, list(grid.messages.values()))
        rows = read_rows(member, list(grid.threads.values()), now=NOW)
        for number, message in grid.messages.items():
            level = grid.level(viewer, number)
            grid.pages["models"] += 2
            reading, row = read.get(message), rows.get(grid.threads[number])
            if (reading.level if reading else 0, row.level if row else 0) != (level, level):
                grid.wrong.append(f"{name} at model: mail {number}: {reading} instead of {level}")
            if number % 3 == 0:
                _check_words(grid, member, viewer, number, level)


def _check_words(grid: Grid, member: Member, viewer: oracle.Viewer, number: int, level: int) -> None:
    email = read_message(member, grid.messages[number], now=NOW)
    thread = read_thread(member, grid.threads[number], now=NOW)
    words = [email, thread, read_body(member, email) if email else None]
    grid.pages["models"] += len(words)
    if extra := canaries(repr(words)) - _allowed(viewer, grid.copies[number], level):
        grid.wrong.append(f"{viewer.name} at words: handed {extra} at level {level}")
    if (email is None) != (level == 0) or (thread is None) != (level == 0):
        grid.wrong.append(f"{viewer.name} at words: handed {email}, {thread} at level {level}")
