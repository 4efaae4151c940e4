"""Two worlds that differ only in what a viewer may not see look the same to him, byte for byte. A few
pairs in every run; RAPPORT_TWINS=500 for as many as that."""

import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction

from crm.models import Company
from crm.statements import fetch
from mailboxes.models import CalendarEvent, EmailMessage
from mailboxes.providers.base import FetchedCalendar
from mailboxes.reading import reader, store_values
from tests.desk import HOME, NOW
from tests.privacy import oracle
from tests.privacy.crawl import Answer, Browser, everything
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.world import Letter, World

pytestmark = pytest.mark.django_db

PAIRS = int(os.environ.get("RAPPORT_TWINS", "4"))
SHARE = 25
NAMES = ("ada", "ben", "cleo", "dora")
DOMAINS = ("acme.example", "birch.example")
LEVELS = (METADATA, SUBJECT, FULL)
TOKENS = re.compile(r"\b[A-Za-z0-9]{64}\b|nonce-[\w+/=-]+|nonce=\"[^\"]*\"")


@dataclass(frozen=True)
class Plan:
    """A world to be built, and who looks at it. `secret` is what only the other twin does: other
    words to what others ask and share among themselves, and mail and events that are never stored."""

    viewer: str
    letters: tuple[Letter, ...]
    defaults: dict[str, int]
    mailboxes: dict[str, dict[str, int]]
    records: tuple[tuple[str, str, dict[str, int]], ...]
    threads: tuple[tuple[str, int, dict[str, int]], ...]
    requests: tuple[tuple[str, int, int, str], ...]
    blocks: tuple[tuple[str, str], ...]


@pytest.mark.parametrize("first", range(0, PAIRS, SHARE))
def test_twins_that_differ_in_what_is_hidden_look_the_same(first: int) -> None:
    different = []
    seeds = range(first, min(first + SHARE, PAIRS))
    for seed in seeds:
        plan = _plan(random.Random(seed))
        with _world(plan) as world:
            twin = _twin(plan, world, random.Random(seed))
            one = _look(world, plan.viewer)
        with _world(twin, is_twin=True) as world:
            other = _look(world, plan.viewer)
        different += [f"seed {seed}, {plan.viewer}: {found}" for found in _differences(one, other)]
    print(f"\ntwins: {len(seeds)} pairs, {len(different)} differences", *different[:10], sep="\n")

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


# Planning.


def _plan(rng: random.Random) -> Plan:
    letters = tuple(_letters(rng))
    roots = sorted({one.root for one in letters})
    somebody = [EVERYBODY, "Sales", *NAMES]
    owners = NAMES[:3]

    def access(owner: str, *, everybody: bool = True) -> dict[str, int]:
        to = [one for one in somebody if one != owner and (everybody or one != EVERYBODY)]
        return {rng.choice(to): rng.choice((SUBJECT, FULL))} if rng.random() < 0.5 else {}

    return Plan(
        viewer=rng.choice(NAMES[1:]),
        letters=letters,
        defaults={owner: rng.choice(LEVELS) for owner in owners if rng.random() < 0.5},
        mailboxes={owner: access(owner, everybody=False) for owner in owners},
        records=tuple((owner, rng.choice(DOMAINS), access(owner)) for owner in owners),
        threads=tuple((owner, rng.choice(roots), access(owner)) for owner in owners),
        requests=tuple(
            (rng.choice(NAMES), root, rng.choice((SUBJECT, FULL)), rng.choice(("", "approve", "decline")))
            for root in roots
            if rng.random() < 0.6
        ),
        blocks=tuple((owner, f"guest@{DOMAINS[0]}") for owner in owners if rng.random() < 0.3),
    )


def _letters(rng: random.Random) -> Iterator[Letter]:
    """Mail of few people in few threads, each in one mailbox or in two."""
    number, mails = 0, []
    for _ in range(rng.randint(3, 6)):
        holders = rng.sample(NAMES, rng.choice((1, 1, 2)))
        mail, root = number + 1, rng.choice(mails) if mails and rng.random() < 0.4 else 0
        mails.append(root or mail)
        at = NOW - timedelta(days=rng.randint(0, 20), minutes=mail)
        outside, guest = f"pat@{rng.choice(DOMAINS)}", (f"guest@{DOMAINS[0]}",) if rng.random() < 0.2 else ()
        writes = rng.random() < 0.3
        for holder in holders:
            number += 1
            colleagues = tuple(f"{one}@{HOME}" for one in holders)
            yield Letter(
                number,
                holder,
                colleagues[0] if writes else outside,
                (outside,) if writes else colleagues,
                (*guest, *(colleagues[1:] if writes else ())),
                message=mail,
                thread=root,
                at=at,
                is_html=rng.random() < 0.5,
            )


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
        world = World(("dora",))
        world.team("Sales", "dora", "ben")
        _build(world, plan, is_twin=is_twin)
        yield world
        transaction.set_rollback(True)


def _build(world: World, plan: Plan, *, is_twin: bool) -> None:
    for owner in NAMES:
        world.block(owner, "never.example")
    # One by one: inside a page the ids follow a hash of everything that makes a mail what it is.
    for letter in plan.letters:
        world.deliver(letter)
    if is_twin:
        _never_stored(world)
    _event(world, "PUBLIC", "e1")
    for asker, root, level, answer in plan.requests:
        _request(world, asker, root, level, answer)
    for owner, level in plan.defaults.items():
        world.set_default(owner, level)
    for owner, access in plan.mailboxes.items():
        world.share_mailbox(owner, access)
    for owner, domain, access in plan.records:
        if company := Company.objects.filter(domains__domain=domain).first():
            world.share_record(owner, company, access)
    holders = {(one.holder, one.root) for one in plan.letters}
    for owner, root, access in plan.threads:
        if (owner, root) in holders:
            world.share_thread(owner, root, access)
    for owner, value in plan.blocks:
        world.block(owner, value)


def _request(world: World, asker: str, root: int, level: int, answer: str) -> None:
    holders = [one.holder for one in world.letters.values() if one.root == root]
    if asker in holders:
        return
    does, _, other = answer.partition(" ")
    request = world.ask(asker, root, level, note=other or "please")
    if does == "approve":
        world.approve(request, holders[0], root, asker, level)
    elif does == "decline":
        for owner in dict.fromkeys(holders):
            request.decline(by=world.member(owner))


def _never_stored(world: World) -> None:
    """Blocked before it came, and private."""
    secret = Letter(900, "ada", "pat@never.example", (f"ada@{HOME}",), at=NOW - timedelta(minutes=5))
    world.deliver(
        secret, replace(secret, number=901, sender=f"pat@{DOMAINS[0]}", cc=("x@sub.never.example",))
    )
    del world.letters[900], world.letters[901]
    _event(world, "PRIVATE", "e2")


def _event(world: World, visibility: str, uid: str) -> None:
    raw = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20261101T090000Z\r\nDTSTART:20261120T1{len(uid)}0000Z\r\n"
        f"DTEND:20261120T130000Z\r\nSUMMARY:Event {uid}\r\nCLASS:{visibility}\r\n"
        f"ORGANIZER:mailto:ada@{HOME}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:pat@{DOMAINS[0]}\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    reading = reader(world.mailbox("ada"), NOW)
    page = reading.read([FetchedCalendar(uid, raw.encode(), "1")])
    store_values(reading, page)


def _look(world: World, name: str) -> list[Answer]:
    threads: dict[int, list[int]] = {}
    for pk, thread in EmailMessage.objects.order_by("pk").values_list("pk", "thread_id"):
        threads.setdefault(thread, []).append(pk)
    events = list(CalendarEvent.objects.order_by("pk").values_list("pk", flat=True))
    return list(everything(Browser(world.member(name)), threads=threads, events=events))


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
