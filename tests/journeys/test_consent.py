"""Ada connects her account at Google or Microsoft, as she clicks through their pages and ours: the table
fills, a grant that has ended is renewed, and nothing is left of an account that she removes."""

import re
from collections.abc import Iterator
from typing import Any

import celery
import pytest
from playwright.sync_api import Locator, Page, expect

from crm.models import Company
from intelligence.models import CompanyInsight, Interaction
from mailboxes.models import (
    CalendarEvent,
    CalendarSource,
    EmailMessage,
    Mailbox,
    MailboxAddress,
    MessageCopy,
    SyncStream,
)
from tests.journeys.consentscene import ADA, ALIAS, PRIVATE, Scene, scene_at
from tests.journeys.stage import BOB, NARROW, SETTINGS, WIDE, Stage, is_still, letter

pytestmark = pytest.mark.django_db(transaction=True)

# What reading an account leaves behind, besides companies and people.
READ = (
    Mailbox,
    MailboxAddress,
    SyncStream,
    MessageCopy,
    EmailMessage,
    CalendarSource,
    CalendarEvent,
    Interaction,
)


@pytest.fixture(params=["google", "microsoft"])
def scene(request: pytest.FixtureRequest, stage: Stage, settings: Any) -> Iterator[Scene]:
    with scene_at(request.param, stage, settings) as scene:
        yield scene


@pytest.mark.parametrize(
    ("scene", "size"),
    [("google", WIDE), ("google", NARROW), ("microsoft", WIDE)],
    ids=["google", "google-narrow", "microsoft"],
    indirect=["scene"],
)
def test_ada_connects_her_account_and_the_table_fills(scene: Scene, size: dict[str, int]) -> None:
    page = scene.stage.page("ada", size=size)
    page.goto(scene.stage.site + SETTINGS)

    # What is read and why is said before anybody leaves.
    page.get_by_role("link", name=f"Connect {scene.label}").click()
    dialog = page.locator("#dialogs")
    expect(dialog.get_by_role("heading", name=f"Connect {scene.label}")).to_be_visible()
    expect(dialog.locator(".reasons li")).to_contain_text(["Your mail", "Your calendars", "Your address"])
    expect(dialog.get_by_role("button", name=f"Continue to {scene.label}")).to_be_focused()
    is_still(page)
    page.keyboard.press("Enter")
    choose(page, ADA)

    # Nothing is linked before she has seen which account it is.
    expect(page.get_by_role("heading", name=f"Connect {ADA}?")).to_be_visible()
    expect(page.locator(".settings__page")).to_contain_text(f"You signed in at {scene.label} as Ada Lovelace")
    expect(page.locator(".settings__page")).to_contain_text(f"Mail from {ALIAS} is yours too")
    expect(page.get_by_role("switch", name="Mail")).to_be_checked()
    expect(page.get_by_role("switch", name="Calendar")).to_be_checked()
    is_still(page)
    assert Mailbox.objects.count() == 0
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("[data-toast]").first).to_contain_text(f"{ADA} is connected; reading begins")
    account = page.locator(".account")
    expect(account).to_contain_text("Reading begins within a minute")
    assert set(MailboxAddress.objects.values_list("address__email", flat=True)) == {ADA, ALIAS}

    scene.read()
    expect(account).to_have_attribute("data-state", "ok", timeout=10_000)
    expect(account).to_contain_text("Up to date")
    expect(account.locator(".num")).to_have_text(["2 emails", "2 events"])
    is_still(page)
    page.get_by_role("link", name="Back to Halyard").first.click()
    expect(page.locator("tr[data-record]")).to_have_count(1)
    expect(page.locator("tr[data-record]")).to_contain_text("Acme")
    expect(page.locator("td[data-attribute=last_email_interaction]")).to_contain_text("Yesterday")
    expect(page.locator("td[data-attribute=next_calendar_interaction]")).to_contain_text("Ada")
    soonest = CalendarEvent.objects.earliest("starts_at").starts_at
    assert CompanyInsight.objects.get().next_calendar_at == soonest


def test_an_answer_counts_once_whatever_the_browser_does(scene: Scene) -> None:
    page = scene.stage.page("ada")
    answers: list[str] = []
    page.on("request", lambda asked: answers.append(asked.url) if "/callback/?code=" in asked.url else None)
    connect(page, scene)

    # Back to the confirmation, which is over, and to the provider's page, whose answer is another one.
    page.go_back()
    expect(page).to_have_url(scene.stage.site + SETTINGS)
    page.go_back()
    choose(page, ADA)
    belongs_to_nothing(page, scene)
    page.reload()
    belongs_to_nothing(page, scene)

    # Nor is the one that connected it taken a second time.
    page.goto(answers[0])
    belongs_to_nothing(page, scene)
    page.goto(scene.stage.site + SETTINGS)
    expect(page.locator(".account")).to_have_count(1)
    assert Mailbox.objects.count() == 1
    assert len(scene.emulator.log.of("POST", "...token")) == 1


def test_an_account_chosen_by_mistake_leaves_nothing(scene: Scene) -> None:
    page = scene.stage.page("ada")
    leave(page, scene)
    choose(page, PRIVATE)
    expect(page.get_by_role("heading", name=f"Connect {PRIVATE}?")).to_be_visible()

    page.get_by_role("button", name="Do not connect").click()

    expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible()
    assert (Mailbox.objects.count(), MailboxAddress.objects.count()) == (0, 0)
    # Nor can it be had by asking for the confirmation again.
    page.goto(f"{scene.stage.site}/halyard/mailboxes/consents/{scene.label.lower()}/confirmation/")
    expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible()


def test_the_part_that_was_allowed_is_read_without_the_other(scene: Scene) -> None:
    page = scene.stage.page("ada")
    scene.emulator.withheld = scene.account.calendar_scopes
    leave(page, scene)
    choose(page, ADA)
    problem = f"{scene.label} was not allowed to let us read the calendars. Ask again"
    expect(page.get_by_role("alert")).to_contain_text(problem)
    expect(page.get_by_role("switch", name="Calendar")).not_to_be_checked()
    is_still(page)

    # Asked again, and refused again: then without.
    page.get_by_role("button", name=f"Ask {scene.label} again").click()
    choose(page, ADA)
    expect(page.get_by_role("alert")).to_contain_text(problem)
    page.get_by_role("button", name="Connect", exact=True).click()
    account = page.locator(".account")
    expect(account.locator(".tag")).to_have_text(["Email"])
    scene.read()
    page.reload()
    expect(account).to_have_attribute("data-state", "ok")
    expect(account.locator(".num")).to_have_text(["2 emails", "0 events"])


def test_a_grant_that_has_ended_is_given_again_by_the_same_account_alone(scene: Scene) -> None:
    page = scene.stage.page("ada")
    connect(page, scene)
    scene.read()

    # An access token that is over is renewed without a word, once for mail and calendar.
    scene.account.fake.expire_access(ADA)
    assert scene.read() == {"calendar": 0, "mail": 0}
    asked = [call.detail for call in scene.emulator.log.of("POST", "...token")]
    assert asked == ["authorization_code", "refresh_token"]

    # The next run finds that it was revoked.
    stopped_at = cursors()
    scene.emulator.revoke(ADA)
    scene.account.file(letter(3, BOB, f"Ada <{ADA}>", "Gutters"))

    scene.read()
    account = page.locator(".account")
    asks_to_reconnect(page, account, scene)

    # As somebody else: refused with words.
    page.get_by_role("button", name="Reconnect").click()
    choose(page, PRIVATE)
    expect(page.locator("body")).to_contain_text(f"You signed in as {PRIVATE}, and this account is {ADA}.")
    is_refused(scene, page)
    page.get_by_role("link", name="Back to your accounts").click()
    expect(account).to_have_attribute("data-state", "error")

    # As herself: reading goes on where it stopped, and nothing is read a second time.
    page.get_by_role("button", name="Reconnect").click()
    choose(page, ADA)
    expect(page.locator("[data-toast]").first).to_contain_text(f"{ADA} is reconnected")
    assert cursors() == stopped_at
    fetched = scene.read()
    page.reload()
    expect(account).to_have_attribute("data-state", "ok")
    expect(account.locator(".num")).to_have_text(["3 emails", "2 events"])
    assert fetched == {"mail": 1, "calendar": 0}
    assert Mailbox.objects.count() == 1


def test_what_is_unticked_goes_and_then_the_account(scene: Scene) -> None:
    page = scene.stage.page("ada")
    connect(page, scene)
    scene.read()
    page.reload()

    dialog = options(page, "Edit or reconnect")
    for group, name in (("Mail that is read", "Roofs"), ("Calendars that are read", "Team")):
        dialog.locator("summary", has_text=group).click()
        dialog.get_by_role("checkbox", name=name).uncheck()
    is_still(page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    scene.read()
    page.reload()
    account = page.locator(".account")
    expect(account.locator(".num")).to_have_text(["1 email", "1 event"])
    assert list(MessageCopy.objects.values_list("subject", flat=True)) == ["Slate roof"]

    dialog = options(page, "Remove")
    expect(dialog).to_contain_text(re.compile(r"1 email\s+and 1 event"))
    dialog.get_by_label("I understand this cannot be undone").check()
    celery.current_app.conf.task_always_eager = True
    try:
        dialog.get_by_role("button", name="Remove account").click()
        expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible()
    finally:
        celery.current_app.conf.task_always_eager = False
    assert scene.given_back() == ([ADA] if scene.label == "Google" else [])
    kept = [one.__name__ for one in READ if one.objects.exists()]
    assert kept == []
    # Companies stay.
    assert Company.objects.count() == 1


def cursors() -> list[str]:
    return list(SyncStream.objects.order_by("kind").values_list("cursor", flat=True))


def leave(page: Page, scene: Scene) -> None:
    page.goto(scene.stage.site + SETTINGS)
    page.get_by_role("link", name=f"Connect {scene.label}").click()
    page.get_by_role("button", name=f"Continue to {scene.label}").click()


def choose(page: Page, email: str) -> None:
    """At the provider, and not the button of the account on the page that is being left."""
    page.locator(".user-form").get_by_role("button", name=email).click()


def connect(page: Page, scene: Scene) -> None:
    leave(page, scene)
    choose(page, ADA)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".account")).to_contain_text("Reading begins within a minute")


def options(page: Page, item: str) -> Locator:
    page.get_by_role("button", name=f"Options for {ADA}").click()
    page.get_by_role("link", name=item, exact=True).click()
    return page.locator("#dialogs")


def asks_to_reconnect(page: Page, account: Locator, scene: Scene) -> None:
    """The row does, and one notice, which leads to it."""
    page.reload()
    expect(account).to_have_attribute("data-state", "error")
    asks = re.compile(r"Reconnect (it|the account)\. Nothing is lost; reading resumes where it stopped\.")
    expect(account).to_contain_text(asks)
    page.goto(f"{scene.stage.site}/halyard/companies/")
    bell = page.get_by_role("button", name="Notifications")
    expect(bell.locator(".badge")).to_have_text(re.compile("^1"))
    bell.click()
    notes = page.locator("#notifications .note")
    expect(notes).to_have_count(1)
    expect(notes).to_contain_text(f"Reading has stopped: reconnect {ADA}")
    notes.get_by_role("link", name=ADA).click()


def belongs_to_nothing(page: Page, scene: Scene) -> None:
    expect(page.locator("body")).to_contain_text("This answer belongs to no sign-in that was begun here.")
    is_refused(scene, page)


def is_refused(scene: Scene, page: Page) -> None:
    """The page that says no is an answer of 400, and that is all that went wrong."""
    page.wait_for_load_state()
    (trouble,) = scene.stage.troubles
    failed = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    assert trouble.found == [f"400 {page.url}", failed]
    trouble.found.clear()
