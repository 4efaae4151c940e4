"""What outsiders forge and what colleagues edit opens nothing of an owner's mail."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm.edits.editing import add_address, add_domain, merge, move_person, remove_address, remove_domain
from crm.models import Address, Company, Member, Person
from mailboxes.models import CalendarEvent
from mailboxes.visibility import readings
from tests.desk import HOME, NOW, meeting
from tests.privacy import crawl
from tests.privacy.crawl import Browser
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, NOTHING, SUBJECT
from tests.privacy.world import Letter, World

pytestmark = pytest.mark.django_db

ABSENT = 77  # a mail that Ada never got, until somebody forges it


@pytest.fixture
def world(db: None) -> World:
    return World(("dora",))


def letter(number: int, holder: str, sender: str = "bob@acme.example", **more: Any) -> Letter:
    return Letter(number, holder, sender, (f"{holder}@{HOME}",), **more)


def level(world: World, name: str, number: int) -> int:
    row = world.copy_row(number)
    assert row is not None
    reading = readings(world.member(name), [row.message_id]).get(row.message_id)
    return reading.level if reading else NOTHING


def seen(world: World, name: str) -> set[tuple[str, int]]:
    return crawl.seen(world.member(name))


# Message-ID, References, In-Reply-To and UID are an outsider's text.


@pytest.mark.parametrize(
    "forged",
    [
        {"thread": 1},
        {"in_reply_to": 1},
        {"message": 1, "thread": 1},
        {"message": 1, "sender": "eve@evil.example"},
    ],
    ids=["references", "in-reply-to", "message-id", "message-id-and-sender"],
)
def test_forged_headers_to_a_colleague_show_their_own_mail_only(world: World, forged: dict[str, Any]) -> None:
    secret = letter(1, "ada")
    world.deliver(secret)
    words = database_words(world, 1)

    world.deliver(letter(2, "ben", **({"sender": "eve@evil.example", "subject": "Forged"} | forged)))

    assert (level(world, "ben", 1), level(world, "cleo", 1)) == (METADATA, METADATA)
    assert {number for _, number in seen(world, "ben")} == {2}
    assert ("BODY", 1) in seen(world, "ada")
    assert ("BODY", 2) not in seen(world, "ada")
    assert database_words(world, 1) == words


def test_an_equal_copy_shows_each_reader_his_own_words(world: World) -> None:
    """Who wrote a mail can send another of the same identity with other words."""
    one = Letter(1, "ada", "eve@evil.example", (f"ada@{HOME}", f"ben@{HOME}"))

    world.deliver(one, replace(one, number=2, holder="ben", message=1))
    world.set_default("ben", SUBJECT)

    assert {number for kind, number in seen(world, "ada") if kind != "SUBJ"} == {1}
    assert {number for kind, number in seen(world, "ben") if kind != "SUBJ"} == {2}
    assert seen(world, "cleo") == {("SUBJ", 1)}


@pytest.mark.parametrize("reader", ["ada", "ben", "cleo"])
@pytest.mark.parametrize("means", ["share", "request", "team", "everybody"])
def test_a_forged_parent_pulls_nothing_into_a_shared_thread(world: World, means: str, reader: str) -> None:
    """Ada shares thread 1 with Dora. Her secret 2 answers a mail that never came; the forged one says
    it is that mail, and belongs to thread 1. 3 answers the secret in its turn."""
    world.team("Sales", "dora")
    world.deliver(letter(1, "ada"), letter(2, "ada", in_reply_to=ABSENT), letter(3, "ada", in_reply_to=2))
    if means == "request":
        world.approve(world.ask("dora", 1, FULL), "ada", 1, "dora", FULL)
    else:
        to = {"share": "dora", "team": "Sales", "everybody": EVERYBODY}[means]
        world.share_thread("ada", 1, {to: FULL})

    forged = letter(ABSENT, reader, "eve@evil.example", thread=1, at=NOW - timedelta(days=3))
    world.deliver(forged)

    assert (level(world, "dora", 1), level(world, "dora", 2), level(world, "dora", 3)) == (
        FULL,
        METADATA,
        METADATA,
    )
    assert {number for _, number in seen(world, "dora")} <= {1, ABSENT}
    # What is truly new in the thread is opened, as it says.
    world.deliver(letter(4, "ada", thread=1))
    assert level(world, "dora", 4) == FULL


def test_a_forged_mail_in_ones_own_box_widens_no_record_grant(world: World) -> None:
    """Eve writes to Ada as if from Acme, in reply to what Ada keeps from everybody."""
    world.deliver(letter(1, "ada", "carl@quiet.example"), letter(2, "ada"))
    world.share_record("ada", Company.objects.get(domains__domain="acme.example"), {"dora": FULL})

    world.deliver(letter(3, "ada", "bob@acme.example", thread=1))

    assert [level(world, "dora", number) for number in (1, 2, 3)] == [METADATA, FULL, FULL]


def test_a_forged_invitation_says_nothing_in_the_organisers_name(world: World) -> None:
    ada, pat = f"ada@{HOME}", "pat@acme.example"
    world.desk.schedule("ada", meeting("e1", ada, {pat: "accepted"}, at=NOW + timedelta(days=1)))
    forged = meeting("e1", ada, {pat: "accepted", f"ben@{HOME}": "accepted"}, at=NOW, sequence=99)
    others = meeting("e1", "eve@evil.example", {f"ben@{HOME}": "accepted"}, at=NOW, sequence=99)

    world.desk.schedule("ben", replace(forged, title="Forged"), replace(others, title="Forged too"))

    pages = [
        Browser(world.member("cleo")).get(f"events/{pk}/").text
        for pk in CalendarEvent.objects.order_by("pk").values_list("pk", flat=True)
    ]
    assert [("Review" in page, "Forged" in page) for page in pages] == [(True, False), (False, True)]


# A record is everybody's to edit; a grant is its owner's.


@pytest.fixture
def shared(world: World) -> World:
    """Ada shares her mail with Acme, company or person, and keeps that with Birch to herself."""
    world.deliver(letter(1, "ada"), letter(2, "ada", "pat@birch.example"))
    return world


def company(domain: str) -> Company:
    return Company.objects.get(domains__domain=domain)


def person(email: str) -> Person:
    return Person.objects.get(addresses__email=email)


def widen_by_address(by: Member) -> None:
    pat = Address.objects.get(email="pat@birch.example")
    remove_address(person("pat@birch.example"), pat, by=by)
    add_address(person("bob@acme.example"), "pat@birch.example", by=by)


def widen_by_domain(by: Member) -> None:
    remove_domain(company("birch.example"), "birch.example", by=by)
    add_domain(company("acme.example"), "birch.example", by=by)


EDITS = {
    "address": widen_by_address,
    "domain": widen_by_domain,
    "companies merged": lambda by: merge(company("birch.example"), company("acme.example"), by=by),
    "merged the other way": lambda by: merge(company("acme.example"), company("birch.example"), by=by),
    "people merged": lambda by: merge(person("pat@birch.example"), person("bob@acme.example"), by=by),
    "people the other way": lambda by: merge(person("bob@acme.example"), person("pat@birch.example"), by=by),
    "person moved": lambda by: move_person(person("pat@birch.example"), company("acme.example"), by=by),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("of", ["company", "person"])
def test_a_colleagues_edit_of_a_record_widens_no_grant(shared: World, edit: str, of: str) -> None:
    record = company("acme.example") if of == "company" else person("bob@acme.example")
    shared.share_record("ada", record, {"dora": FULL})
    assert [level(shared, "dora", number) for number in (1, 2)] == [FULL, METADATA]

    EDITS[edit](shared.member("ben"))
    shared.deliver(letter(3, "ada", "pat@birch.example"))

    assert [level(shared, "dora", number) for number in (2, 3)] == [METADATA, METADATA]
    assert {number for _, number in seen(shared, "dora")} <= {1}


def test_the_owner_widens_it(shared: World) -> None:
    shared.share_record("ada", company("acme.example"), {"dora": FULL})
    widen_by_domain(shared.member("ben"))
    ada, dora = Browser(shared.member("ada")), Browser(shared.member("dora"))
    url = f"companies/{company('acme.example').pk}/access/coverage/"

    assert dora.post(url).status in (200, 404)
    assert level(shared, "dora", 2) == METADATA
    assert ada.post(url).status == 200

    assert level(shared, "dora", 2) == FULL


def test_saving_something_else_widens_nothing_unsaid(shared: World) -> None:
    """A colleague adds a domain; Ada then lets Ben in too, and never saw the domain as hers to open."""
    acme = company("acme.example")
    shared.share_record("ada", acme, {"dora": SUBJECT})
    widen_by_domain(shared.member("ben"))

    shared.share_record("ada", acme, {"dora": SUBJECT, "cleo": SUBJECT})

    assert level(shared, "dora", 2) == METADATA


def database_words(world: World, number: int) -> tuple[str, ...]:
    row = world.copy_row(number)
    assert row is not None
    return row.subject, row.content.text, row.content.html, row.content.headers, str(row.content.attachments)
