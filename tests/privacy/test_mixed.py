"""Threads of several mails at different levels, and the same mail in two mailboxes, in worlds made up
at random, for everybody in them: the highest level wins, and words come from a copy that shows them."""

import os
import random

import pytest

from tests.privacy import oracle
from tests.privacy.crawl import Answer, Browser
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.plans import NAMES, make_plan, new_world
from tests.privacy.world import Letter, World

pytestmark = pytest.mark.django_db

WORLDS = 60 if os.environ.get("RAPPORT_GRID") == "full" else 5


@pytest.mark.parametrize("seed", range(1000, 1000 + WORLDS))
def test_mixed_threads_show_what_the_oracle_says(seed: int) -> None:
    world = new_world(make_plan(random.Random(seed)))
    wrong: list[str] = []

    for name in NAMES:
        if name not in world.inactive:
            _walk(world, name, wrong)

    assert wrong == []


def test_the_higher_of_two_levels_wins_with_its_own_words(db: None) -> None:
    world = World(("dora",))
    to = tuple(f"{name}@halyard.example" for name in ("ada", "ben"))
    one = Letter(1, "ada", "bob@acme.example", to)
    world.deliver(one, Letter(2, "ben", "bob@acme.example", to, message=1))
    expected = {
        (METADATA, METADATA): set(),
        (SUBJECT, METADATA): {("SUBJ", 1)},
        (METADATA, FULL): {("SUBJ", 1), ("SNIP", 2), ("BODY", 2), ("ATTN", 2)},
        (FULL, SUBJECT): {("SUBJ", 1), ("SNIP", 1), ("BODY", 1), ("ATTN", 1)},
    }

    for (ada, ben), words in expected.items():
        world.set_default("ada", ada)
        world.set_default("ben", ben)
        page = Browser(world.member("cleo")).get(f"emails/{world.thread_pks()[1]}/")
        assert (ada, ben, page.canaries) == (ada, ben, words)


def test_a_locked_mail_in_a_shared_thread_stays_locked(db: None) -> None:
    world = World()
    home = ("ada@halyard.example",)
    world.deliver(
        Letter(1, "ada", "bob@acme.example", home),
        Letter(2, "ben", "bob@acme.example", ("ben@halyard.example",), thread=1),
    )
    world.share_thread("ada", 1, {EVERYBODY: FULL})

    page = Browser(world.member("cleo")).get(f"emails/{world.thread_pks()[1]}/")

    assert {number for _, number in page.canaries} == {1}
    assert page.messages == {world.message_pks()[1]: FULL, world.message_pks()[2]: METADATA}
    assert page.threads == {world.thread_pks()[1]: FULL}


def _walk(world: World, name: str, wrong: list[str]) -> None:
    browser, viewer, grants, copies = (
        Browser(world.member(name)),
        world.viewer(name),
        world.grants(),
        world.copies(),
    )
    messages, threads = world.message_pks(), world.thread_pks()
    found = {mail: oracle.shown(viewer, copies[mail], grants) for mail in messages}
    for mail, pk in messages.items():
        level, sources = found[mail]
        for surface, path in (("open", ""), ("closed", "?closed"), ("body", "body/")):
            answer = browser.get(f"messages/{pk}/{path}")
            if problem := _problem(world, viewer, answer, surface, mail, level, sources):
                wrong.append(f"{name} at {path} of mail {mail}: {problem}")
    for root, pk in threads.items():
        of_thread = {one.mail for one in world.letters.values() if threads.get(one.root) == pk}
        levels = {mail: found[mail][0] for mail in of_thread & set(messages) if found[mail][0]}
        for path in ("", "row/"):
            answer = browser.get(f"emails/{pk}/{path}", htmx=True)
            if problem := _thread_problem(world, viewer, answer, pk, levels):
                wrong.append(f"{name} at {path} of thread {root}: {problem}")


def _problem(
    world: World,
    viewer: oracle.Viewer,
    answer: Answer,
    surface: str,
    mail: int,
    level: int,
    sources: list[oracle.Copy],
) -> str:
    status = 200 if level >= (FULL if surface == "body" else METADATA) else 404
    if answer.status != status:
        return f"{answer.status} at level {level}"
    if level < FULL:
        lines = [{("SUBJ", mail)}] if level == SUBJECT and status == 200 else [set()]
    else:
        lines = [_words(world.letters[copy.number], viewer, surface) for copy in sources]
    return "" if answer.canaries in lines else f"{answer.canaries} is none of {lines}"


def _words(letter: Letter, viewer: oracle.Viewer, surface: str) -> set[tuple[str, int]]:
    """What one copy would show."""
    text = {"HTML"} if letter.is_html and surface == "body" else {"SNIP", "BODY"}
    kinds = {
        "open": {"ATTN"}
        | (set() if letter.is_html else text)
        | ({"BCC"} if letter.holder == viewer.name else set()),
        "closed": {"SNIP"},
        "body": text,
    }
    return {(kind, letter.number) for kind in kinds[surface]}


def _thread_problem(
    world: World, viewer: oracle.Viewer, answer: Answer, pk: int, levels: dict[int, int]
) -> str:
    if answer.status != (200 if levels else 404):
        return f"{answer.status} at {levels}"
    if not levels:
        return str(answer.canaries or "")
    messages = {world.message_pks()[mail]: level for mail, level in levels.items()}
    if answer.threads != {pk: max(levels.values())} or answer.messages not in ({}, messages):
        return f"says {answer.threads}, {answer.messages} instead of {messages}"
    at = {one.mail: one.at for one in world.letters.values()}
    titled = max((mail for mail, level in levels.items() if level >= SUBJECT), key=at.__getitem__, default=0)
    titles = {number for kind, number in answer.canaries if kind == "SUBJ"}
    allowed = {
        (kind, number)
        for mail, level in levels.items()
        for copy in oracle.shown(viewer, world.copies()[mail], world.grants())[1]
        for kind in oracle.kinds(viewer, copy, level)
        for number in ((mail,) if kind == "SUBJ" else (copy.number,))
    }
    if answer.canaries - allowed or (titled and titled not in titles) or (not titled and titles):
        return f"shows {answer.canaries}, titled {titled}"
    return ""
