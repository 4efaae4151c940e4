"""The abuse cases that a page or a verb can meet, each named after its line in the list of them. What
is refused leaves the whole database as it was."""

import contextlib
import csv
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.test import Client

from crm.edits.editing import rename
from crm.models import AccessLevel, Company, Member, Team
from crm.surfaces import surfaces
from crm.workspaces import create_workspace
from mailboxes import blocking
from mailboxes.models import AccessGrant, AccessRequest, BlocklistEntry, Scope
from mailboxes.removing import remove
from mailboxes.sharing import granting
from mailboxes.sharing.requesting import AlreadySettled, CannotAsk
from tests.desk import HOME
from tests.privacy import crawl
from tests.privacy.crawl import Answer, Browser
from tests.privacy.oracle import EVERYBODY, FULL, METADATA, SUBJECT
from tests.privacy.rows import database, unchanged
from tests.privacy.world import Letter, World

pytestmark = pytest.mark.django_db

NEVER = 999_999
TOKENS = re.compile(r"\b[A-Za-z0-9]{64}\b|nonce-[\w+/=-]+")


def to_ada(number: int, **more: Any) -> Letter:
    return Letter(number, "ada", "bob@acme.example", (f"ada@{HOME}",), **more)


@pytest.fixture
def world(db: None) -> World:
    """Ada, who shares nothing, got two mails from Bob; Ben is a colleague, Cleo the admin."""
    world = World()
    world.deliver(to_ada(1), to_ada(2, is_html=True))
    return world


@pytest.fixture
def dan(db: None) -> Member:
    """The admin of another workspace, with a team, a company and a mailbox of his own there."""
    workspace = create_workspace("elsewhere", name="Elsewhere", admin_email="dan@elsewhere.example")
    Team.objects.create(workspace=workspace, name="Theirs")
    Company.objects.create(workspace=workspace, name="Theirs", name_key="theirs")
    return Member.objects.get(workspace=workspace)


def ids(world: World, mail: int = 1) -> tuple[int, int]:
    return world.thread_pks()[mail], world.message_pks()[mail]


def seen(world: World, name: str) -> set[tuple[str, int]]:
    return crawl.seen(world.member(name))


def masked(answer: Answer) -> str:
    return TOKENS.sub("·", answer.text)


# A1 to A3: other people's things.


def test_a1_what_is_not_yours_answers_like_what_is_not_there(world: World, dan: Member) -> None:
    thread, message = ids(world)
    ben, theirs = Browser(world.member("ben")), Browser(dan, slug="elsewhere")
    below_full = [f"messages/{message}/body/", f"emails/{thread}/access/"]
    elsewhere = [
        f"emails/{thread}/",
        f"emails/{thread}/row/",
        f"emails/{thread}/access/",
        f"emails/{thread}/access-requests/new/",
        f"messages/{message}/",
        f"messages/{message}/body/",
        f"companies/{Company.objects.filter(workspace=world.desk.workspace).get().pk}/emails/",
    ]

    answers = [(ben, path) for path in below_full] + [(theirs, path) for path in elsewhere]
    world.deliver(to_ada(3, cc=("eve@blocked.example",)))
    gone_thread, gone_message = ids(world, 3)
    world.block("ada", "blocked.example")
    for name in ("ada", "ben", "cleo"):
        browser = Browser(world.member(name))
        gone = [path.replace(str(thread), str(gone_thread)) for path in elsewhere[:4]]
        gone += [f"messages/{gone_message}/", f"messages/{gone_message}/body/"]
        answers += [(browser, path) for path in gone]

    for browser, path in answers:
        there = browser.get(path)
        missing = browser.get(re.sub(r"\d+", str(NEVER), path))
        assert (path, there.status, masked(there)) == (path, 404, masked(missing))


def abused(world: World, request: AccessRequest, entry: BlocklistEntry) -> list[tuple[str, dict[str, str]]]:
    """What only Ada may do."""
    thread, _ = ids(world)
    box = world.mailbox("ada").pk
    return [
        (f"mailboxes/{box}/default-level/", {"level": "3"}),
        (f"mailboxes/{box}/shares/", {"add": f"member-{world.member('ben').pk}"}),
        (f"mailboxes/{box}/blocklist/", {"entries": "acme.example"}),
        (f"mailboxes/{box}/blocklist/preview/", {"entries": "acme.example"}),
        (f"mailboxes/{box}/removal/", {"understood": "yes"}),
        (f"blocklist/{entry.pk}/removal/", {}),
        (f"access-requests/{request.pk}/approval/", {"level": "3", "scope": "thread"}),
        (f"access-requests/{request.pk}/refusal/", {}),
        (f"emails/{thread}/access/", {"audience": "workspace", "everyone": "3"}),
        (f"emails/{thread}/access/draft/", {"audience": "workspace", "everyone": "3"}),
    ]


def test_a2_others_decide_nothing_for_an_owner(world: World, dan: Member) -> None:
    world.desk.join("dora")
    request = world.ask("dora", 1, FULL)
    world.block("ada", "spam.example")
    entry = BlocklistEntry.objects.get()
    gone = world.desk.join("finn")
    world.deactivate("finn")
    viewers = {
        404: [Browser(world.member("ben")), Browser(world.member("cleo")), Browser(world.member("dora"))],
        302: [Browser(None)],
    }
    viewers[404] += [Browser(dan, slug="elsewhere"), Browser(dan), Browser(gone)]
    box, colleagues = (
        world.mailbox("ada").pk,
        [Browser(world.member(name)) for name in ("ada", "ben", "cleo")],
    )

    with unchanged():
        for status, browsers in viewers.items():
            for browser in browsers:
                for path, data in abused(world, request, entry):
                    assert (path, browser.post(path, data).status) == (path, status)
                for path in (f"mailboxes/{box}/items/", f"mailboxes/{box}/removal/form/"):
                    assert (path, browser.get(path).status) == (path, status)
        # Only who asked takes it back, not even who was asked.
        for browser in colleagues:
            assert browser.post(f"access-requests/{request.pk}/cancellation/").status == 404


def test_a2_the_verbs_refuse_by_themselves(world: World, dan: Member) -> None:
    world.desk.join("dora")
    request = world.ask("dora", 1, FULL)
    world.block("ada", "spam.example")
    world.share_mailbox("ada", {"dora": SUBJECT})
    grant, entry, box = AccessGrant.objects.get(), BlocklistEntry.objects.get(), world.mailbox("ada")
    verbs: list[Callable[[Member], Any]] = [
        lambda by: box.set_default_level(AccessLevel.FULL, by=by),
        lambda by: granting.set_access(granting.mailbox_target(box), {}, by=by),
        lambda by: grant.revoke(by=by),
        lambda by: grant.confirm(by=by),
        lambda by: request.approve(by=by, level=AccessLevel.FULL),
        lambda by: request.decline(by=by),
        lambda by: blocking.block(box, ["acme.example"], by=by),
        lambda by: blocking.preview(box, ["acme.example"], by=by),
        lambda by: blocking.unblock(entry, by=by),
        lambda by: remove(box, by=by),
    ]
    world.deactivate("ada")

    with unchanged():
        for by in (world.member("ben"), world.member("cleo"), world.member("dora"), dan, world.member("ada")):
            for verb in verbs:
                with pytest.raises(PermissionDenied), transaction.atomic():
                    verb(by)


def test_a3_ids_of_another_workspace_are_refused(world: World, dan: Member) -> None:
    thread, _ = ids(world)
    ada, ben, box = Browser(world.member("ada")), Browser(world.member("ben")), world.mailbox("ada").pk
    team, theirs = Team.objects.get(workspace=dan.workspace), Company.objects.get(workspace=dan.workspace)
    ours = Company.objects.get(workspace=world.desk.workspace)
    forms = [
        (path, data | extra, status)
        for path, extra in (
            (f"mailboxes/{box}/shares/", {}),
            (f"emails/{thread}/access/", {"audience": "selected"}),
            (f"companies/{ours.pk}/access/", {"audience": "selected"}),
        )
        for data, status in (
            ({f"member-{dan.pk}": "3"}, 400),
            ({f"team-{team.pk}": "3"}, 400),
            ({f"member-{NEVER}": "3"}, 400),
        )
    ]

    with unchanged():
        for path, data, status in forms:
            assert (path, data, ada.post(path, data).status) == (path, data, status)
        data = {"level": "3", "of": "companies", "record": str(theirs.pk)}
        assert ben.post(f"emails/{thread}/access-requests/", data).status == 404
        assert ada.post(f"companies/{theirs.pk}/access/", {"audience": "workspace"}).status == 404
    for field in ({"member": dan}, {"team": team}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessGrant.objects.create(
                workspace=world.desk.workspace,
                owner=world.member("ada"),
                mailbox=world.mailbox("ada"),
                level=FULL,
                **field,
            )
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


# A4 to A8: below full.


@pytest.mark.parametrize(("level", "kinds"), [(METADATA, set()), (SUBJECT, {"SUBJ"})], ids=["a4", "a5"])
def test_a4_a5_a_viewer_below_full_is_shown_what_his_level_holds(
    world: World, level: int, kinds: set[str]
) -> None:
    world.set_default("ada", level)

    assert seen(world, "ben") == {(kind, number) for kind in kinds for number in (1, 2)}
    assert ("BODY", 1) in seen(world, "ada")


@pytest.mark.parametrize(
    "name", ["q", "search", "query", "filter", "subject", "text", "contains", "sort", "order"]
)
def test_a6_a7_asking_for_hidden_words_tells_nothing(world: World, name: str) -> None:
    company = Company.objects.get().pk
    ben = Browser(world.member("ben"))
    pages = ["companies/", "people/", f"companies/{company}/", f"companies/{company}/emails/"]
    pages += [f"companies/{company}/emails/counts/", "notifications/", "companies/export.csv"]

    for page in pages:
        hit, miss = (ben.get(f"{page}?{name}={word}") for word in ("SUBJ00001", "SUBJ99999"))
        assert (hit.status, masked(hit).replace("SUBJ00001", "SUBJ99999")) == (
            miss.status,
            masked(miss),
        )
        assert hit.status in (200, 400)


def test_a8_an_export_is_the_same_for_everybody(world: World) -> None:
    exports = {
        plural: {
            name: Browser(world.member(name)).get(f"{plural}/export.csv").text for name in world.desk.members
        }
        for plural in ("companies", "people")
    }

    assert {plural: len(set(found.values())) for plural, found in exports.items()} == {
        "companies": 1,
        "people": 1,
    }
    assert all("bob@acme.example" in text for text in exports["people"].values())


# A10, A11: what was open and is not any more; who answers.


def test_a10_what_is_taken_back_is_gone_with_the_next_request(world: World) -> None:
    world.team("Sales", "ben")
    ben, (thread, message) = Browser(world.member("ben")), ids(world)
    company = Company.objects.get()

    def leave() -> None:
        world.in_teams.clear()
        world.member("ben").team_memberships.all().delete()

    steps: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (lambda: world.set_default("ada", FULL), lambda: world.set_default("ada", METADATA)),
        (lambda: world.share_mailbox("ada", {"ben": FULL}), lambda: world.share_mailbox("ada", {})),
        (
            lambda: world.share_record("ada", company, {EVERYBODY: FULL}),
            lambda: world.share_record("ada", company, {}),
        ),
        (lambda: world.share_thread("ada", 1, {"ben": FULL}), lambda: world.share_thread("ada", 1, {})),
        (lambda: world.share_mailbox("ada", {"Sales": FULL}), leave),
    ]
    for share, take_back in steps:
        share()
        opened = ben.client.get(f"/halyard/emails/{thread}/")
        assert "BODY00001" in opened.content.decode()
        assert "no-store" in opened["Cache-Control"]
        take_back()
        again = ben.client.get(
            f"/halyard/emails/{thread}/",
            headers={
                "If-None-Match": opened.get("ETag", "*"),
                "If-Modified-Since": "Fri, 01 Jan 2027 00:00:00 GMT",
            },
        )
        assert (again.status_code, "SUBJ00001" in again.content.decode()) == (200, False)
        assert ben.get(f"messages/{message}/body/").status == 404


def test_a11_only_the_owner_answers_and_once(world: World) -> None:
    request = world.ask("ben", 1, SUBJECT)
    ben, ada, cleo = (Browser(world.member(name)) for name in ("ben", "ada", "cleo"))
    yes = {"level": "2", "scope": "thread"}

    with unchanged():
        # There is one open request of a member for a thread, and it stays as it was asked.
        with contextlib.suppress(CannotAsk):
            assert world.ask("ben", 1, FULL) == request
        for by, browser in (("ben", ben), ("cleo", cleo)):
            with pytest.raises(PermissionDenied):
                request.approve(by=world.member(by), level=AccessLevel.SUBJECT)
            assert browser.post(f"access-requests/{request.pk}/approval/", yes).status == 404
        # Not further than was asked.
        assert ada.post(f"access-requests/{request.pk}/approval/", yes | {"level": "3"}).status == 400
    assert ada.post(f"access-requests/{request.pk}/approval/", yes).status == 200
    assert AccessRequest.objects.get().state == "approved"
    settled = database()
    with pytest.raises(AlreadySettled):
        request.decline(by=world.member("ada"))
    assert ada.post(f"access-requests/{request.pk}/approval/", yes).status == 200
    assert ada.post(f"access-requests/{request.pk}/refusal/").status == 200
    assert ben.post(f"access-requests/{request.pk}/cancellation/").status < 500
    assert {name for name, value in database().items() if value != settled[name]} == set()
    assert seen(world, "ben") == {("SUBJ", 1)}


def test_a11_a_model_approves_no_further_than_was_asked(world: World) -> None:
    request = world.ask("ben", 1, SUBJECT)

    with contextlib.suppress(PermissionDenied, ValueError):
        request.approve(by=world.member("ada"), level=AccessLevel.FULL, scope=Scope.MAILBOX)

    assert ("BODY", 1) not in seen(world, "ben")
    assert [grant.level for grant in AccessGrant.objects.all() if grant.level > SUBJECT] == []


def test_a11_a_refusal_holds_for_seven_days_and_removal_ends_what_is_open(world: World) -> None:
    request = world.ask("ben", 1, FULL)
    request.decline(by=world.member("ada"))
    with pytest.raises(CannotAsk):
        world.ask("ben", 1, FULL)
    declined = AccessRequest.objects.get()
    assert declined.state == "declined"
    assert declined.settled_at is not None

    with time_machine.travel(declined.settled_at.timestamp() + 7 * 86_400 + 60, tick=False):
        again = world.ask("ben", 1, FULL)
        remove(world.mailbox("ada"), by=world.member("ada"))

        with pytest.raises((PermissionDenied, AlreadySettled)):
            again.approve(by=world.member("ada"), level=AccessLevel.FULL)
    assert AccessGrant.objects.count() == 0


# A14, A19, A25.


def test_a14_an_admin_is_shown_what_any_member_is(world: World) -> None:
    for level in (METADATA, SUBJECT):
        world.set_default("ada", level)
        world.share_thread("ada", 2, {"ben": FULL})
        assert seen(world, "cleo") == ({("SUBJ", 1), ("SUBJ", 2)} if level == SUBJECT else set())
    assert ("HTML", 2) in seen(world, "ben")


def test_a19_no_post_goes_without_its_token(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.member("cleo").user, backend="django.contrib.auth.backends.ModelBackend")
    fill = {"<slug:slug>": "halyard", "<plural:plural>": "companies"}
    routes = [one.route for one in surfaces() if one.policy in ("member", "admin", "signed-in")]

    with unchanged():
        for route in routes:
            for name, value in fill.items():
                route = route.replace(name, value)
            path = re.sub(r"<int:\w+>", "1", route)
            if "<" not in path and "^" not in path:
                assert (path, client.post(path, {"level": "3"}).status_code) == (path, 403)


def test_a19_looking_changes_nothing(world: World) -> None:
    world.ask("ben", 1, FULL)
    browsers = [Browser(world.member(name)) for name in ("ada", "ben", "cleo")]

    with unchanged():
        for browser in browsers:
            for answer in crawl.everything(browser, threads=crawl.threads(), events=[]):
                assert (answer.path, answer.status < 500) == (answer.path, True)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\u00a0=", "\u200b=", "\ufeff="])
def test_a25_no_cell_starts_a_formula(world: World, start: str) -> None:
    rename(Company.objects.get(), f"{start}cmd|' /C calc'!A0", by=world.member("ben"))

    text = Browser(world.member("ben")).get("companies/export.csv").text

    _, row = csv.reader(text.removeprefix("\ufeff").splitlines(keepends=True))
    for cell in row:
        bare = re.sub(r"^[\s\u200b\u00a0\ufeff]+", "", cell)
        assert (cell, bare[:1] in {*"=+-@"}) == (cell, False)
