"""What leaves is gone: blocked mail, deactivated members, removed mailboxes; and no secret shows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm.surfaces import surfaces
from crm.workspaces import set_active
from mailboxes import blocking
from mailboxes.accounts.connecting import connect
from mailboxes.blocklists import read_entries
from mailboxes.leasing import pick_due
from mailboxes.models import AccessGrant, CalendarEvent, Mailbox, MailboxKind, SyncStream
from mailboxes.removing import purge, remove
from mailboxes.visibility import readings
from tests.desk import HOME, NOW, meeting
from tests.privacy import crawl
from tests.privacy.crawl import Answer, Browser
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.rows import dump
from tests.privacy.world import Letter, World, canaries

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World(("dora",))


def letter(number: int, holder: str, sender: str = "bob@acme.example", **more: Any) -> Letter:
    to = tuple(f"{name}@{HOME}" for name in ("ada", "ben"))
    return Letter(number, holder, sender, to, **more)


def look(world: World, name: str) -> list[Answer]:
    return list(crawl.brief(Browser(world.member(name))))


def seen(world: World, name: str) -> set[tuple[str, int]]:
    return crawl.seen(world.member(name))


# A12, A13: the blocklist.


@pytest.mark.parametrize(
    ("typed", "mail"),
    [
        ("  Eve@Spam.EXAMPLE ", {"sender": "eve@spam.example"}),
        ("https://www.spam.example/path", {"sender": "eve@spam.example"}),
        ("spam.example", {"sender": "Eve@Deep.Sub.Spam.example"}),
        ("spam.example", {"cc": ("bob@acme.example", "eve@spam.example")}),
        ("eve@spam.example", {"cc": ("EVE@SPAM.EXAMPLE",)}),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a12_blocked_mail_is_nowhere_not_even_for_its_owner(
    world: World, typed: str, mail: dict[str, Any], when: str
) -> None:
    (entry,) = read_entries(world.mailbox("ada"), typed)
    blocked = letter(2, "ada", **mail)
    world.deliver(letter(1, "ada"))
    world.set_default("ada", FULL)

    def block() -> None:
        blocking.block(world.mailbox("ada"), [entry.value], by=world.member("ada"))

    if when == "after":
        world.deliver(blocked)
        assert ("SUBJ", 2) in seen(world, "ada")
        block()
    else:
        block()
        world.deliver(blocked)

    for name in ("ada", "ben", "cleo"):
        assert {number for _, number in seen(world, name)} == {1}
    blocking.purge_blocked(world.mailbox("ada"), now=NOW)
    assert {number for _, number in canaries(dump())} == {1}


def test_a12_the_workspaces_own_is_not_blocked(world: World) -> None:
    refused = read_entries(world.mailbox("ada"), f"{HOME}, ben@{HOME}, example, co.uk")

    assert [bool(one.value) for one in refused] == [False] * 4


def test_a12_a_blocked_meeting_is_nowhere(world: World) -> None:
    answers = {f"ada@{HOME}": "accepted", "bob@acme.example": "accepted", "eve@spam.example": "declined"}
    world.deliver(letter(1, "ada"))
    event = meeting("e2", f"ada@{HOME}", answers, at=NOW)
    world.desk.schedule("ada", replace(event, title="EVT00002", description="DESC00002"))
    pk = CalendarEvent.objects.get().pk
    assert "EVT00002" in Browser(world.member("ada")).get(f"events/{pk}/").text

    blocking.block(world.mailbox("ada"), ["spam.example"], by=world.member("ada"))

    for name in ("ada", "ben"):
        assert Browser(world.member(name)).get(f"events/{pk}/").status == 404
        assert [answer.path for answer in look(world, name) if "EVT00002" in answer.text] == []
    blocking.purge_blocked(world.mailbox("ada"), now=NOW)
    assert ("EVT00002" in dump(), "DESC00002" in dump()) == (False, False)


def test_a13_mail_in_two_boxes_is_seen_through_the_one_that_keeps_it(world: World) -> None:
    one = letter(1, "ada", "eve@spam.example")
    world.deliver(one, letter(2, "ben", "eve@spam.example", message=1))
    world.set_default("ada", FULL)
    world.set_default("ben", SUBJECT)
    assert ("BODY", 1) in seen(world, "cleo")

    world.block("ada", "spam.example")

    assert seen(world, "cleo") == {("SUBJ", 1)}
    assert seen(world, "ada") == {("SUBJ", 1)}
    assert {number for kind, number in seen(world, "ben") if kind != "SUBJ"} == {2}
    blocking.purge_blocked(world.mailbox("ada"), now=NOW)
    assert {number for kind, number in canaries(dump()) if kind != "SUBJ"} == {2}


# A15: deactivated.


def test_a15_a_deactivated_member_is_out_with_the_next_request(world: World) -> None:
    world.deliver(letter(1, "ada"))
    world.share_mailbox("ada", {"dora": FULL})
    dora, thread = Browser(world.member("dora")), world.thread_pks()[1]
    SyncStream.objects.update(due_at=NOW - timedelta(days=30))
    assert dora.get(f"emails/{thread}/").status == 200

    world.deactivate("dora")

    assert {dora.get(path).status for path in (f"emails/{thread}/", "companies/", "notifications/")} <= {
        302,
        404,
    }
    leased = {lease.stream_id for lease in pick_due()}
    own = set(SyncStream.objects.filter(mailbox=world.mailbox("dora")).values_list("pk", flat=True))
    assert leased & own == set()


def test_a15_the_models_hand_nothing_to_a_deactivated_member(world: World) -> None:
    world.deliver(letter(1, "ada"))
    world.set_default("ada", FULL)

    world.deactivate("dora")

    assert readings(world.member("dora"), list(world.message_pks().values())) == {}


@pytest.mark.parametrize("means", ["mailbox", "thread", "request"])
def test_a15_grants_end_with_either_side(world: World, means: str) -> None:
    """Neither what he gave nor what he was given comes back with him."""
    world.deliver(letter(1, "ada"))
    for name in ("dora", "ada"):
        if means == "mailbox":
            world.share_mailbox("ada", {"dora": FULL})
        elif means == "thread":
            world.share_thread("ada", 1, {"dora": FULL})
        else:
            world.approve(world.ask("dora", 1, FULL), "ada", 1, "dora", FULL)
        assert ("BODY", 1) in seen(world, "dora")
        world.deactivate(name)
        assert seen(world, "dora" if name == "ada" else "cleo") == set()
        set_active(world.member(name), active=True)
        assert (name, seen(world, "dora")) == (name, set())


def test_a15_copies_of_a_deactivated_member_fall_to_metadata(world: World) -> None:
    world.deliver(letter(1, "ada"))
    world.set_default("ada", FULL)
    world.share_thread("ada", 1, {EVERYBODY: FULL})

    world.deactivate("ada")

    message = world.message_pks()[1]
    assert readings(world.member("ben"), [message])[message].level == METADATA
    assert seen(world, "ben") == set()


# A34, A35: removed mailboxes, and secrets.


def test_a34_a_removed_mailbox_is_hidden_at_once_and_leaves_no_trace(world: World) -> None:
    world.deliver(letter(1, "ada"), letter(2, "ben", message=1), letter(3, "ada", "carl@quiet.example"))
    answers = {f"ada@{HOME}": "accepted", "carl@quiet.example": "accepted"}
    world.desk.schedule("ada", meeting("EVT00004", f"ada@{HOME}", answers, at=NOW))
    world.ask("cleo", 1, FULL)
    world.set_default("ada", FULL)
    world.share_thread("ada", 3, {"dora": FULL})
    world.block("ada", "spam.example")
    mailbox, message = world.mailbox("ada"), world.message_pks()[3]

    remove(mailbox, by=world.member("ada"))

    assert [Browser(world.member(name)).get(f"messages/{message}/").status for name in ("ada", "ben")] == [
        404,
        404,
    ]
    assert {number for _, number in seen(world, "cleo")} == set()
    assert {number for kind, number in seen(world, "ada") if kind != "SUBJ"} == set()
    pk = mailbox.pk
    purge(mailbox, now=NOW)
    left = dump()
    assert {number for kind, number in canaries(left) if kind != "SUBJ"} == {2}
    assert (("SUBJ", 3) in canaries(left), "EVT00004" in left, "spam.example" in left) == (
        False,
        False,
        False,
    )
    assert (Mailbox.objects.filter(pk=pk).count(), AccessGrant.objects.count()) == (0, 0)


def test_a35_no_password_shows_on_a_page_or_in_a_row(world: World) -> None:
    secret = "Zx9-very-secret-password"
    server = {"host": "imap.example", "port": 993, "username": "ada", "security": "tls"}
    connect(
        world.member("ada"),
        kind=MailboxKind.IMAP,
        address=f"ada@{HOME}",
        settings={"imap": server},
        secrets={"imap": secret},
    )
    world.deliver(letter(1, "ada"))
    ada = Browser(world.member("ada"))

    pages = look(world, "ada")
    routes = [one.route for one in surfaces() if "/mailboxes/<int:pk>/" in one.route]
    for pk in Mailbox.objects.filter(member=world.member("ada")).values_list("pk", flat=True):
        pages += [ada.get(f"settings/account/email-calendar/?mailbox={pk}")]
        paths = (route.replace("<slug:slug>", "halyard").replace("<int:pk>", str(pk)) for route in routes)
        pages += [ada.get(path) for path in paths if "<" not in path]

    assert [page.path for page in pages if secret in page.text + page.headers] == []
    assert secret not in dump()
