"""Notifications and their mail say what their receiver may see when he reads them, and no more."""

from typing import Any

import pytest

from crm.models import Notification
from crm.project.celery import app as celery
from tests.desk import HOME
from tests.privacy.crawl import Browser
from tests.privacy.oracle import FULL, SUBJECT
from tests.privacy.world import Letter, World, canaries

pytestmark = pytest.mark.django_db

NOTE = "please let me see this, note"


@pytest.fixture
def world(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ada and, by Bcc, Dora hold a mail from Bob; mail goes out at once."""
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.test", "https://crm.test"
    monkeypatch.setitem(celery.conf, "task_always_eager", True)
    world = World(("dora",))
    one = Letter(1, "ada", "bob@acme.example", (f"ada@{HOME}",))
    world.deliver(one, Letter(2, "dora", "bob@acme.example", (f"ada@{HOME}",), message=1))
    return world


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def told(world: World, outbox: list[Any], name: str) -> str:
    """All that a member is told: his mail, his bell, and what his requests look like."""
    browser = Browser(world.member(name))
    thread = world.thread_pks()[1]
    pages = ["notifications/", f"emails/{thread}/", f"emails/{thread}/row/", "notifications/badge/"]
    pages += [f"emails/{thread}/access-requests/new/"]
    mails = [
        f"{mail.subject}\n{mail.body}\n{mail.extra_headers}\n{mail.alternatives}"
        for mail in outbox
        if world.member(name).user.email in mail.to
    ]
    return "\n".join([*mails, *(browser.get(page, htmx=True).text for page in pages)])


def receivers(outbox: list[Any]) -> list[str]:
    return sorted(one for mail in outbox for one in mail.recipients())


def test_owners_alone_are_asked(world: World, committing: Any, mailoutbox: list[Any]) -> None:
    with committing():
        world.ask("ben", 1, FULL, note=NOTE)

    assert receivers(mailoutbox) == [f"ada@{HOME}", f"dora@{HOME}"]
    assert sorted(Notification.objects.values_list("member__user__email", flat=True)) == [
        f"ada@{HOME}",
        f"dora@{HOME}",
    ]
    for name in ("cleo", "ben"):
        assert (name, canaries(told(world, mailoutbox, name))) == (name, set())
    assert NOTE not in told(world, mailoutbox, "cleo")
    assert ("SUBJ", 1) in canaries(told(world, mailoutbox, "ada"))


@pytest.mark.parametrize("level", [SUBJECT, FULL])
def test_who_is_approved_is_told_what_he_may_see(
    world: World, committing: Any, mailoutbox: list[Any], level: int
) -> None:
    request = world.ask("ben", 1, FULL, note=NOTE)
    with committing():
        world.approve(request, "ada", 1, "ben", level)

    assert receivers(mailoutbox) == [f"ben@{HOME}"]
    (mail,) = mailoutbox
    assert canaries(f"{mail.subject}{mail.body}") == {("SUBJ", 1)}
    found = canaries(told(world, mailoutbox, "ben"))
    assert found >= {("SUBJ", 1)} and (level == FULL or found == {("SUBJ", 1)})
    assert canaries(told(world, mailoutbox, "cleo")) == set()


def test_who_is_declined_is_told_no_subject(world: World, committing: Any, mailoutbox: list[Any]) -> None:
    request = world.ask("ben", 1, FULL)
    with committing():
        request.decline(by=world.member("ada"))
        request.decline(by=world.member("dora"))

    assert receivers(mailoutbox) == [f"ben@{HOME}"]
    assert canaries(told(world, mailoutbox, "ben")) == set()


@pytest.mark.parametrize("answer", ["approved", "declined"])
def test_an_owner_whom_nobody_sees_on_the_mail_is_not_named(
    world: World, committing: Any, mailoutbox: list[Any], answer: str
) -> None:
    """Dora got it by Bcc: that she has it is not Ben's to know."""
    request = world.ask("ben", 1, FULL)
    before = told(world, mailoutbox, "ben")
    with committing():
        if answer == "approved":
            world.approve(request, "dora", 1, "ben", FULL)
        else:
            request.decline(by=world.member("ada"))
            request.decline(by=world.member("dora"))

    dora = world.member("dora").pk
    for text in (before, told(world, mailoutbox, "ben")):
        assert ("Dora" in text, f"dora@{HOME}" in text, f"member-{dora}" in text) == (False, False, False)


@pytest.mark.parametrize("how", ["taken back", "blocked", "deactivated"])
def test_a_notice_forgets_what_its_reader_may_no_longer_see(
    world: World, committing: Any, mailoutbox: list[Any], how: str
) -> None:
    request = world.ask("ben", 1, FULL)
    with committing():
        world.approve(request, "ada", 1, "ben", FULL)
    assert ("SUBJ", 1) in canaries(Browser(world.member("ben")).get("notifications/").text)

    if how == "taken back":
        world.share_thread("ada", 1, {})
    elif how == "blocked":
        world.block("ada", "acme.example")
    else:
        world.deactivate("ada")

    assert canaries(Browser(world.member("ben")).get("notifications/").text) == set()


def test_a_mail_that_is_written_late_says_what_holds_then(
    world: World, committing: Any, mailoutbox: list[Any]
) -> None:
    """Shared and taken back before the mail left."""
    request = world.ask("ben", 1, FULL)
    with committing():
        world.approve(request, "ada", 1, "ben", FULL)
        world.share_thread("ada", 1, {})

    assert canaries("".join(f"{mail.subject}{mail.body}" for mail in mailoutbox)) == set()


def test_nothing_is_told_to_who_is_deactivated(world: World, committing: Any, mailoutbox: list[Any]) -> None:
    with committing():
        world.ask("ben", 1, FULL)
        world.deactivate("dora")

    assert receivers(mailoutbox) == [f"ada@{HOME}"]
