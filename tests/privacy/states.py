"""Every state of the grid as mail: whose box it is in and what that shows, whose record it belongs to,
what was asked and what is blocked."""

import os
import random
from collections.abc import Iterator
from itertools import product
from typing import Any

from crm.models import Company, Person
from crm.statements import execute
from tests.desk import HOME, NOW
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.rows import tables
from tests.privacy.world import Letter, World

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
# All of it is too much for one world at a time.
PARTS = [OWNERS[at : at + 2] for at in range(0, len(OWNERS), 2)] if IS_FULL else [OWNERS]
# Who is neither the owner nor signed out nor elsewhere, in the order of the issue.
COLLEAGUES = ("cleo", "ben", SHARED, TEAMED)
OUTSIDE = (GONE, "dan", "")


def build(owners: list[str]) -> World:
    world = World((SHARED, TEAMED, GONE, *owners))
    world.team("Sales", TEAMED, GONE)
    for owner in owners:
        world.block(owner, "before.example")
    states = list(_states(owners))
    world.deliver(*(_letter(number, *state) for number, state in enumerate(states, start=1)))
    _analyze()
    _settle_requests(world, {n: state[2] for n, state in enumerate(states, start=1)})
    for owner, (default, access) in zip(OWNERS, product(DEFAULTS, MAILBOX_SHARES), strict=True):
        if owner in owners:
            world.set_default(owner, default)
            world.share_mailbox(owner, access)
            _share_records(world, owner)
            world.block(owner, "after.example")
    _analyze()
    return world


def _analyze() -> None:
    """What is not committed is not counted by itself, and the planner would take the tables for empty."""
    execute(f"ANALYZE {', '.join(tables())}")


def _states(owners: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """(owner, record, request, block): all of them, or each of the last three with some owner."""
    inner = list(product(RECORDS, REQUESTS, BLOCKS))
    if IS_FULL:
        yield from ((owner, *one) for owner in owners for one in inner)
        return
    random.Random(11).shuffle(inner)
    for number, one in enumerate(inner):
        yield (owners[number % len(owners)], *one)


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
