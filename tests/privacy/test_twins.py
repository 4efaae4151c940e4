"""Two worlds that differ only in what a viewer may not see look the same to him, byte for byte. Two
pairs in every run; RAPPORT_TWINS=500 for as many as that."""

import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction

from crm.statements import fetch
from tests.desk import HOME, NOW
from tests.privacy import oracle
from tests.privacy.crawl import Answer, Browser, events, everything, threads
from tests.privacy.oracle import EVERYBODY, FULL, SUBJECT
from tests.privacy.plans import Plan, make_plan, new_world
from tests.privacy.world import Letter, World

pytestmark = pytest.mark.django_db

PAIRS = int(os.environ.get("RAPPORT_TWINS", "2"))
SHARE = 25
TOKENS = re.compile(r"\b[A-Za-z0-9]{64}\b|nonce-[\w+/=-]+|nonce=\"[^\"]*\"")


@pytest.mark.parametrize("first", range(0, PAIRS, SHARE))
def test_twins_that_differ_in_what_is_hidden_look_the_same(
    first: int, capfd: pytest.CaptureFixture[str]
) -> None:
    different = []
    seeds = range(first, min(first + SHARE, PAIRS))
    for seed in seeds:
        plan = make_plan(random.Random(seed))
        with _world(plan) as world:
            twin = _twin(plan, world, random.Random(seed))
            one = _look(world, plan.viewer)
        with _world(twin, is_twin=True) as world:
            other = _look(world, plan.viewer)
        different += [f"seed {seed}, {plan.viewer}: {found}" for found in _differences(one, other)]
    with capfd.disabled():
        print(
            f"\ntwins: {len(seeds)} pairs, {len(different)} differences",
            *different[:10],
            sep="\n",
            file=sys.stderr,
        )
    assert different == []


def test_twins_that_differ_in_what_is_shown_do_not_look_the_same() -> None:
    """A comparison that found nothing would prove nothing."""
    letter = Letter(1, "ada", "bob@acme.example", (f"ada@{HOME}",))
    plan = Plan("ben", (letter,), {"ada": SUBJECT}, {}, (), (), (), ())
    looks = []
    for one in (letter, replace(letter, subject="Another")):
        with _world(replace(plan, letters=(one,))) as world:
            looks.append(_look(world, "ben"))

    assert any("emails/" in found for found in _differences(*looks))


# The other twin.


def _twin(plan: Plan, world: World, rng: random.Random) -> Plan:
    """Everything hidden from the viewer is something else."""
    viewer, grants, copies = world.viewer(plan.viewer), world.grants(), world.copies()
    letters = []
    for one in plan.letters:
        best, _ = oracle.shown(viewer, copies[one.mail], grants)
        (copy,) = (copy for copy in copies[one.mail] if copy.number == one.number)
        letters.append(_other(one, best, oracle.level(viewer, copy, grants), plan.viewer, rng))
    own = {one.root for one in plan.letters if one.holder == plan.viewer}
    return replace(
        plan,
        letters=tuple(letters),
        requests=tuple(
            (asker, root, level, answer if asker == plan.viewer or root in own else f"{answer} other")
            for asker, root, level, answer in plan.requests
        ),
        mailboxes={
            owner: _elsewhere(access, viewer) if owner != plan.viewer else access
            for owner, access in plan.mailboxes.items()
        },
    )


def _other(one: Letter, best: int, level: int, viewer: str, rng: random.Random) -> Letter:
    """`best` is the level of the mail, `level` that of this copy."""
    if best < SUBJECT:
        one = replace(one, subject=f"Quite another subject of mail {one.mail}")
    if one.holder != viewer:
        one = replace(one, bcc="nobody@other.example, someone@other.example")
    if level < FULL:
        files = 1 if level == SUBJECT else rng.randint(0, 3)
        one = replace(
            one,
            text="Other words. " * rng.randint(1, 60),
            html='<p>Other words</p><img src="https://track.example/1.png">' * rng.randint(1, 3),
            is_html=rng.random() < 0.5,
            files=tuple(f"other{at}.pdf" for at in range(files)),
            header="other",
        )
    return one


def _elsewhere(access: dict[str, int], viewer: oracle.Viewer) -> dict[str, int]:
    """What is shared with others is shared further, or less far."""
    mine = {viewer.name, EVERYBODY, *viewer.teams}
    return {to: level if to in mine else SUBJECT + FULL - level for to, level in access.items()}


# Building and looking.


@contextmanager
def _world(plan: Plan, *, is_twin: bool = False) -> Iterator[World]:
    """Ids are the same in both, and so is the time; nothing stays."""
    cache.clear()
    for (sequence,) in fetch(
        "SELECT schemaname || '.' || sequencename FROM pg_sequences"
        " WHERE sequencename ~ '^(crm|mailboxes|intelligence|account)_'"
    ):
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(%s::regclass, 1000, false)", [sequence])
    with time_machine.travel(NOW + timedelta(hours=2), tick=False), transaction.atomic():
        yield new_world(plan, is_twin=is_twin)
        transaction.set_rollback(True)


def _look(world: World, name: str) -> list[Answer]:
    return list(everything(Browser(world.member(name)), threads=threads(), events=events()))


def _differences(one: list[Answer], other: list[Answer]) -> list[str]:
    if [answer.path for answer in one] != [answer.path for answer in other]:
        ways = {answer.path for answer in one} ^ {answer.path for answer in other}
        return [f"other pages are linked: {sorted(ways)[:3]}"]
    return [_first(a, b) for a, b in zip(one, other, strict=True) if _masked(a) != _masked(b)]


def _masked(answer: Answer) -> tuple[Any, ...]:
    headers = [line for line in answer.headers.splitlines() if not line.startswith("Date:")]
    hide: Callable[[str], str] = lambda text: TOKENS.sub("·", text)  # noqa: E731
    return answer.status, hide(answer.text), hide("\n".join(headers))


def _first(one: Answer, other: Answer) -> str:
    """Where two answers part."""
    a, b = (" ".join(map(str, _masked(answer))) for answer in (one, other))
    at = next((at for at, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), 0)
    return f"{one.path}: …{a[max(at - 60, 0) : at + 60]!r} against …{b[max(at - 60, 0) : at + 60]!r}"
