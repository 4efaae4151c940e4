"""Worlds made up at random: few people, few threads, and every way of sharing."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from crm.models import Company
from mailboxes.providers.base import FetchedCalendar
from mailboxes.reading import reader, store_values
from tests.desk import HOME, NOW
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.world import Letter, World

NAMES = ("ada", "ben", "cleo", "dora")
DOMAINS = ("acme.example", "birch.example")
LEVELS = (METADATA, SUBJECT, FULL)


@dataclass(frozen=True)
class Plan:
    """A world to be built, and who looks at it."""

    viewer: str
    letters: tuple[Letter, ...]
    defaults: dict[str, int]
    mailboxes: dict[str, dict[str, int]]
    records: tuple[tuple[str, str, dict[str, int]], ...]
    threads: tuple[tuple[str, int, dict[str, int]], ...]
    requests: tuple[tuple[str, int, int, str], ...]
    blocks: tuple[tuple[str, str], ...]
    deactivated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def make_plan(rng: random.Random) -> Plan:
    letters = tuple(_letters(rng))
    roots = sorted({one.root for one in letters})
    somebody = [EVERYBODY, "Sales", *NAMES]
    owners = NAMES[:3]

    def access(owner: str, *, everybody: bool = True) -> dict[str, int]:
        to = [one for one in somebody if one != owner and (everybody or one != EVERYBODY)]
        return {rng.choice(to): rng.choice((SUBJECT, FULL))} if rng.random() < 0.5 else {}

    viewer = rng.choice(NAMES[1:])
    return Plan(
        viewer=viewer,
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
        deactivated=tuple(one for one in NAMES if one != viewer and rng.random() < 0.1),
        removed=tuple(one for one in NAMES if one != viewer and rng.random() < 0.1),
    )


def _letters(rng: random.Random) -> Iterator[Letter]:
    """Mail of few people in few threads, each in one mailbox or in two."""
    number, mails = 0, list[int]()
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


def new_world(plan: Plan, *, is_twin: bool = False) -> World:
    """The other twin also meets what is never stored: blocked mail, private events."""
    world = World(("dora",))
    world.team("Sales", "dora", "ben")
    _build(world, plan, is_twin=is_twin)
    for owner in plan.removed:
        world.remove(owner)
    for name in plan.deactivated:
        world.deactivate(name)
    return world


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
    reading = reader(world.mailbox("ada").pk, NOW)
    page = reading.read([FetchedCalendar(uid, raw.encode(), "1")])
    store_values(reading, page)
