"""The whole grid: who looks × what the mailbox shows by default × shares × grants on records × requests
× the blocklist, on every surface that holds mail, against the oracle. A sample of it in every run;
all of it with RAPPORT_GRID=full."""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from crm.models import Company, Member, Person
from crm.surfaces import surfaces
from mailboxes.conversation import read_body, read_message, read_thread
from mailboxes.correspondence import read_rows
from mailboxes.models import CalendarEvent
from mailboxes.visibility import readings
from tests.desk import HOME, NOW, meeting
from tests.privacy import oracle
from tests.privacy.crawl import SHOWS, Answer, Browser, answers, drafts, of_record, of_thread, of_workspace
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.world import Letter, World, canaries

pytestmark = pytest.mark.django_db

IS_FULL = os.environ.get("RAPPORT_GRID") == "full"

DEFAULTS = (METADATA, SUBJECT, FULL)
SHARED, TEAMED, GONE = "dora", "emil", "finn"
MAILBOX_SHARES: tuple[dict[str, int], ...] = (
    {},
    {SHARED: SUBJECT, GONE: SUBJECT},
    {SHARED: FULL, GONE: FULL},
    {"Sales": SUBJECT},
    {"Sales": FULL},
)
RECORDS: dict[str, dict[str, int]] = {
    "plain": {},
    "all-subject": {EVERYBODY: SUBJECT},
    "all-full": {EVERYBODY: FULL},
    "one-subject": {SHARED: SUBJECT, GONE: SUBJECT},
    "one-full": {SHARED: FULL, GONE: FULL},
    "team-subject": {"Sales": SUBJECT},
    "team-full": {"Sales": FULL},
}
REQUESTS = ("none", "pending", "declined", "cancelled", "subject", "full")
BLOCKS = ("never", "before", "after")
OWNERS = [f"owner{number}" for number in range(len(DEFAULTS) * len(MAILBOX_SHARES))]
# Who is neither the owner nor signed out nor elsewhere, in the order of the issue.
COLLEAGUES = ("cleo", "ben", SHARED, TEAMED)
OUTSIDE = (GONE, "dan", "")

# Views that show the words of mail, and those that show none to anybody.
OPENED = {"SNIP", "BODY", "ATTN", "BCC"}
FOLDED = {"SNIP"}


@dataclass
class Grid:
    """A world with every state in it, each mail in a thread of its own."""

    world: World
    pages: Counter[str] = field(default_factory=Counter)
    visited: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def report(self, viewer: str, answer: Answer, problem: str) -> None:
        self.wrong.append(f"{viewer or 'signed out'} at {answer.path}: {problem}")


def test_every_surface_with_mail_is_walked() -> None:
    grid = Grid(world := _small_world())
    request, event = world.ask("ben", 1, FULL), CalendarEvent.objects.get()
    for name in ("ada", "ben"):
        browser = Browser(world.member(name))
        _walk_lists(grid, name, browser)
        _walk_threads(grid, name, browser)
        for answer in (*answers(browser, request.pk), browser.get(f"events/{event.pk}/")):
            _check_listed(grid, name, answer, {})
        grid.visited |= browser.visited

    assert {one.name for one in surfaces() if one.tag == "mail"} - grid.visited == set()
    assert grid.wrong == []


def test_nobody_sees_more_or_less_than_the_grid_says(dan: Member) -> None:
    begun = time.monotonic()
    grid = Grid(_build(full=IS_FULL))
    built = time.monotonic() - begun
    gone = Browser(grid.world.member(GONE))
    grid.world.deactivate(GONE)
    _walk_everybody(grid, gone=gone, dan=dan)
    _check_models(grid, dan)

    states = len(grid.world.letters) * (len(COLLEAGUES) + len(OUTSIDE) + 1)
    print(
        f"\ngrid: {states} states, {sum(grid.pages.values())} cells ({len(grid.pages)} surfaces), "
        f"{len(grid.wrong)} differences, built in {built:.0f} s, {time.monotonic() - begun:.0f} s in all"
    )
    print("\n".join(_by_kind(grid.wrong).values()))
    assert len(grid.wrong) == 0


def _by_kind(wrong: list[str]) -> dict[str, str]:
    """The first difference of each kind, for somebody to read."""
    found: dict[str, str] = {}
    for one in wrong:
        found.setdefault(re.sub(r"\d+", "#", one[one.find(" at ") :])[:40], one[:400])
    return found


# Building.


def _small_world() -> World:
    world = World()
    world.deliver(*(Letter(n, "ada", "bob@acme.example", (f"ada@{HOME}",), is_html=n == 2) for n in (1, 2)))
    world.desk.schedule("ada", meeting("e1", f"ada@{HOME}", {"bob@acme.example": "accepted"}, at=NOW))
    return world


def _build(*, full: bool) -> World:
    world = World((SHARED, TEAMED, GONE, *OWNERS))
    world.team("Sales", TEAMED, GONE)
    for owner in OWNERS:
        world.block(owner, "before.example")
    states = list(_states(full=full))
    world.deliver(*(_letter(number, *state) for number, state in enumerate(states, start=1)))
    _settle_requests(world, {n: state[2] for n, state in enumerate(states, start=1)})
    for owner, (default, access) in zip(OWNERS, product(DEFAULTS, MAILBOX_SHARES), strict=True):
        world.set_default(owner, default)
        world.share_mailbox(owner, access)
        _share_records(world, owner)
        world.block(owner, "after.example")
    return world


def _states(*, full: bool) -> Iterator[tuple[str, str, str, str]]:
    """(owner, record, request, block): all of them, or each pair of the last three with some owner."""
    inner = list(product(RECORDS, REQUESTS, BLOCKS))
    if full:
        yield from ((owner, *one) for owner in OWNERS for one in inner)
        return
    random.Random(11).shuffle(inner)
    for number, one in enumerate(inner):
        yield (OWNERS[number % len(OWNERS)], *one)


def _letter(number: int, owner: str, record: str, _request: str, block: str) -> Letter:
    """Half of them come with HTML; what is blocked is so by a guest on Cc, in many spellings."""
    guests = {
        "never": (),
        "before": ("Guest@Mail.BEFORE.example" if number % 2 else "guest@before.example",),
        "after": ("guest@sub.after.example" if number % 2 else "Guest@after.example",),
    }
    return Letter(
        number,
        owner,
        f"pat@{record}.example",
        (f"{owner}@{HOME}",),
        tuple(one.lower() for one in guests[block]) if number % 3 else guests[block],
        is_html=number % 4 < 2,
        at=NOW.replace(day=1 + number % 20, hour=number % 24, minute=number % 60),
    )


def _settle_requests(world: World, wanted: dict[int, str]) -> None:
    """While everybody sees no more than metadata, so that there is something to ask for."""
    for number, state in wanted.items():
        if state == "none" or world.copy_row(number) is None:
            continue
        owner = world.letters[number].holder
        for asker in (*COLLEAGUES, GONE):
            asked = SUBJECT if state == "subject" and number % 2 else FULL
            request = world.ask(asker, number, asked, note=f"note by {asker}")
            if state == "declined":
                request.decline(by=world.member(owner))
            elif state == "cancelled":
                request.cancel(by=world.member(asker))
            elif state in ("subject", "full"):
                level = SUBJECT if state == "subject" else FULL
                world.approve(request, owner, number, asker, level)


def _share_records(world: World, owner: str) -> None:
    """Every other owner says it of the person, the rest of the company."""
    for record, access in RECORDS.items():
        if OWNERS.index(owner) % 2:
            target: Any = Person.objects.filter(addresses__email=f"pat@{record}.example").first()
        else:
            target = Company.objects.filter(domains__domain=f"{record}.example").first()
        if access and target:
            world.share_record(owner, target, access)


# Walking.


def _walk_everybody(grid: Grid, *, gone: Browser, dan: Member) -> None:
    browsers = {name: Browser(grid.world.member(name)) for name in COLLEAGUES}
    browsers |= {GONE: gone, "dan": Browser(dan), "": Browser(None)}
    for name, browser in browsers.items():
        _walk_lists(grid, name, browser)
        _walk_threads(grid, name, browser)
    for owner in OWNERS:
        browser = Browser(grid.world.member(owner))
        _walk_threads(grid, owner, browser, only=owner)
        if owner in OWNERS[::5]:
            _walk_lists(grid, owner, browser)


def _walk_threads(grid: Grid, name: str, browser: Browser, *, only: str = "") -> None:
    world, viewer, grants = grid.world, grid.world.viewer(name), grid.world.grants()
    threads, messages, copies = world.thread_pks(), world.message_pks(), world.copies()
    by_copy = _grants_by_thread(grants)
    for number, letter in world.letters.items():
        if number not in messages or only not in ("", letter.holder):
            continue
        (copy,) = copies[number]
        level = oracle.level(viewer, copy, by_copy["", copy.owner] + by_copy[f"thread:{number}", copy.owner])
        found = of_thread(browser, threads[number], messages[number])
        _check_thread(grid, name, letter, copy, level, found)
        if number % 10 == 1:
            for answer in drafts(browser, threads[number]):
                grid.pages["drafts"] += 1
                if answer.canaries - _allowed(viewer, copy, level):
                    grid.report(name, answer, f"{answer.canaries}")


class _ByThread(dict[tuple[str, str], list[oracle.Grant]]):
    def __missing__(self, key: tuple[str, str]) -> list[oracle.Grant]:
        return []


def _grants_by_thread(grants: list[oracle.Grant]) -> _ByThread:
    """There are thousands of grants on threads: only a thread's own can matter to it."""
    found = _ByThread()
    for one in grants:
        (first,) = list(one.covers)[:1]
        key = (first if first.startswith("thread:") else "", one.owner)
        found.setdefault(key, []).append(one)
    return found


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
        "message": opened,
        "closed": FOLDED,
        "body": {"HTML"} if letter.is_html else {"SNIP", "BODY"},
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
    if name == GONE:
        return 404 if copy else 302
    if surface == "access":
        return 200 if name == copy.owner and level else 404
    return 200 if level >= (FULL if surface == "body" else METADATA) else 404


def _walk_lists(grid: Grid, name: str, browser: Browser) -> None:
    """Whole lists at once: what is on all their pages together is exactly what may be seen."""
    viewer, grants = grid.world.viewer(name), grid.world.grants()
    for answer in of_workspace(browser):
        grid.pages["workspace"] += 1
        _check_silent(grid, name, answer)
    for pk, plural, named in _records(grid.world):
        levels = _levels(grid.world, viewer, grants, named)
        for answer in of_record(browser, plural, pk):
            grid.pages["record"] += 1
            _check_listed(grid, name, answer, levels)
        for show in SHOWS:
            pages = list(browser.pages(f"{plural}/{pk}/emails/?show={show}", htmx=True))
            _check_list(grid, name, pages, _shown(levels, show), surface=f"list {show}")
        for page in ("", "activity/"):
            pages = list(browser.pages(f"{plural}/{pk}/{page}"))
            _check_list(grid, name, pages, levels, surface=f"feed {page}")


def _records(world: World) -> Iterator[tuple[int, str, str]]:
    for company in Company.objects.filter(workspace=world.desk.workspace).order_by("pk"):
        yield company.pk, "companies", company.domains.get().domain
    for person in Person.objects.filter(workspace=world.desk.workspace).order_by("pk"):
        yield person.pk, "people", person.addresses.get().email


Levels = dict[int, tuple[oracle.Copy, int, oracle.Viewer]]


def _levels(world: World, viewer: oracle.Viewer, grants: list[oracle.Grant], named: str) -> Levels:
    by_thread, stored = _grants_by_thread(grants), world.message_pks()
    found: Levels = {}
    for number, (copy,) in world.copies().items():
        if number in stored and named in copy.parts_of:
            mine = by_thread["", copy.owner] + by_thread[f"thread:{number}", copy.owner]
            level = oracle.level(viewer, copy, mine)
            if level:
                found[number] = (copy, level, viewer)
    return found


def _shown(levels: Levels, show: str) -> Levels:
    """Readable is what may be read in full."""
    wanted = {"all": {1, 2, 3}, "readable": {3}, "locked": {1, 2}}[show]
    return {number: one for number, one in levels.items() if one[1] in wanted}


def _check_list(grid: Grid, name: str, pages: list[Answer], levels: Levels, *, surface: str) -> None:
    grid.pages[surface] += len(pages)
    expected = {
        (kind, number)
        for number, (copy, level, viewer) in levels.items()
        for kind in {"SUBJ", "SNIP"} & oracle.kinds(viewer, copy, level)
    }
    found = set().union(*(page.canaries for page in pages))
    if found != expected:
        grid.report(name, pages[0], f"missing {expected - found}, too much {found - expected}")
    threads = grid.world.thread_pks()
    listed = {pk: level for page in pages for pk, level in page.threads.items()}
    wanted = {threads[number]: level for number, (_, level, _) in levels.items()}
    if surface.startswith("list") and listed != wanted:
        grid.report(name, pages[0], f"lists {listed} instead of {wanted}")


def _check_listed(grid: Grid, name: str, answer: Answer, levels: Levels) -> None:
    allowed = {
        (kind, number)
        for number, (copy, level, viewer) in levels.items()
        for kind in oracle.kinds(viewer, copy, level)
    }
    if answer.status >= 500 or answer.canaries - allowed:
        grid.report(name, answer, f"{answer.status}, {answer.canaries - allowed}")


def _check_silent(grid: Grid, name: str, answer: Answer) -> None:
    """Tables, exports and settings say no word of mail; notifications may say what may be read."""
    levels = _levels(grid.world, grid.world.viewer(name), grid.world.grants(), f"@{HOME}")
    if "notifications" in answer.path:
        levels = {}
        for number, (copy,) in grid.world.copies().items():
            mine = [one for one in grid.world.grants() if one.owner == copy.owner]
            level = oracle.level(grid.world.viewer(name), copy, mine)
            levels[number] = (copy, level, grid.world.viewer(name))
    _check_listed(grid, name, answer, levels)


# The models themselves.


def _check_models(grid: Grid, dan: Member) -> None:
    world, messages, threads = grid.world, grid.world.message_pks(), grid.world.thread_pks()
    by_thread = _grants_by_thread(world.grants())
    members = {name: world.member(name) for name in (*COLLEAGUES, GONE, *OWNERS)} | {"dan": dan}
    for name, member in members.items():
        viewer = world.viewer(name) if name != "dan" else oracle.Viewer("dan", active=False)
        read = readings(member, list(messages.values()))
        rows = read_rows(member, list(threads.values()), now=NOW)
        for number, (copy,) in world.copies().items():
            if number not in messages:
                continue
            mine = by_thread["", copy.owner] + by_thread[f"thread:{number}", copy.owner]
            level = oracle.level(viewer, copy, mine)
            grid.pages["models"] += 2
            reading, row = read.get(messages[number]), rows.get(threads[number])
            if (reading.level if reading else 0, row.level if row else 0) != (level, level):
                grid.wrong.append(f"{name} reads mail {number}: {reading}, {row} instead of {level}")
            if name in COLLEAGUES and number % 7 and IS_FULL:
                continue
            _check_words(grid, name, member, (number, threads[number], messages[number]), copy, level)


def _check_words(
    grid: Grid, name: str, member: Member, ids: tuple[int, int, int], copy: oracle.Copy, level: int
) -> None:
    _, thread, message = ids
    email = read_message(member, message, now=NOW)
    words = [email, read_thread(member, thread, now=NOW), read_body(member, email) if email else None]
    grid.pages["models"] += len(words)
    allowed = _allowed(grid.world.viewer(name), copy, level)
    if extra := canaries(repr(words)) - allowed:
        grid.wrong.append(f"{name} is handed {extra} at level {level}")
    if (email is None) != (level == 0):
        grid.wrong.append(f"{name} is handed {email} at level {level}")
