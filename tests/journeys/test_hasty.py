"""Somebody is quicker than the server, or the server does not answer as it should."""

import re

import pytest
from playwright.sync_api import expect

from crm.models import AccessLevel, Company, Person
from crm.naming import name_key
from crm.room import NO_ROOM
from intelligence.models import CompanyInsight, PersonInsight
from mailboxes.models import Mailbox
from tests.journeys.stage import SETTINGS, Held, Stage, emails_of_acme, fill, is_settled, sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(stage: Stage) -> Stage:
    """Ada's mail with Acme is read."""
    box = stage.connect("ada")
    fill(stage.mail["ada"])
    sync(box)
    return stage


@pytest.fixture
def shelf(stage: Stage) -> Stage:
    workspace = stage.people["ada"].workspace
    for name in ("Acme", "Acorn", "Birch"):
        company = Company.objects.create(workspace=workspace, name=name, name_key=name_key(name))
        CompanyInsight.objects.create(workspace=workspace, company=company)
    return stage


def test_the_thread_pressed_last_is_the_one_that_is_shown(acme: Stage) -> None:
    page = acme.page("ada")
    page.goto(emails_of_acme(acme))
    first, second = (page.locator(".thread-row a").nth(n) for n in (0, 1))
    wanted = second.inner_text()
    held = Held(page, re.compile(r"/emails/\d+/$"), only_first=True)

    first.click()
    second.click()
    expect(page.locator("#thread h2")).to_be_focused()
    shown, address = page.locator("#thread").get_attribute("data-thread"), page.url
    with page.expect_response(re.compile(r"/emails/\d+/$")):
        held.let_go()
    page.wait_for_timeout(200)

    assert wanted
    assert page.locator("#thread").get_attribute("data-thread") == shown
    assert page.url == address
    assert address.endswith(f"thread={shown}")
    expect(page.locator(".thread-row[aria-current]")).to_have_attribute("data-thread", str(shown))


def test_a_feed_that_cannot_be_refreshed_stays_and_comes_later(acme: Stage) -> None:
    page = acme.page("ada")
    company = Company.objects.get()
    page.goto(f"{acme.site}/halyard/companies/{company.pk}/")
    expect(page.locator("#feed .act")).not_to_have_count(0)
    lines = page.locator("#feed .act").count()
    feed = re.compile(r"/companies/\d+/$")
    page.route(
        feed,
        lambda route: route.fulfill(status=502, body="<html><main id=main>Bad gateway</main></html>"),
    )

    with page.expect_response(feed) as failed:
        page.evaluate("htmx.trigger(document.getElementById('feed'), 'live')")
    assert failed.value.status == 502
    is_settled(page)
    expect(page.locator("#feed .act")).to_have_count(lines)
    expect(page.locator("main")).to_have_count(1)
    expect(page.locator(".toast")).to_have_count(0)  # nobody has asked for anything

    page.unroute(feed)
    with page.expect_response(feed, timeout=15_000) as answer:
        pass
    assert answer.value.status == 200
    for trouble in acme.troubles:
        trouble.found.clear()


def test_enter_waits_for_what_is_being_looked_for(shelf: Stage) -> None:
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/")
    birch = Company.objects.get(name="Birch")

    page.keyboard.press("Control+k")
    expect(page.locator("#palette-results [role=option]").first).to_be_visible()
    page.keyboard.type("birch")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{shelf.site}/halyard/companies/{birch.pk}/")


def test_enter_does_not_take_what_was_found_for_other_words(shelf: Stage) -> None:
    workspace = shelf.people["ada"].workspace
    bob = Person.objects.create(workspace=workspace, name="Bob", name_key="bob")
    PersonInsight.objects.create(workspace=workspace, person=bob)
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/people/{bob.pk}/")
    page.locator("#record-details [data-attribute=company] dd a").click()
    field = page.get_by_placeholder("Find or create a company")
    field.press_sequentially("ac")
    expect(page.locator("[data-choices] button").first).to_contain_text("Acme")
    held = Held(page, re.compile("/choices/"), only_first=True)

    page.keyboard.type("orn")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    bob.refresh_from_db()
    assert bob.company is None
    held.let_go()
    expect(page.locator("[data-choices] button").first).to_contain_text("Acorn")
    is_settled(page)
    page.keyboard.press("Enter")

    expect(page.locator("[data-editor]")).to_have_count(0)
    expect(page.locator("#record-details [data-attribute=company] dd")).to_contain_text("Acorn")
    bob.refresh_from_db()
    assert bob.company and bob.company.name == "Acorn"


def test_what_changes_while_a_cell_is_edited_is_shown_afterwards(shelf: Stage) -> None:
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/?columns=industry,location&sort=name")
    acme, birch = Company.objects.get(name="Acme"), Company.objects.get(name="Birch")
    cell = page.locator(f'tr[data-record="company:{acme.pk}"] [data-attribute=industry]')
    cell.dblclick()
    expect(cell.get_by_role("textbox")).to_be_focused()
    is_settled(page)
    page.keyboard.type("Sla")

    Company.objects.filter(pk__in=(acme.pk, birch.pk)).update(location="Porto")
    page.evaluate(
        "(keys) => document.body.dispatchEvent(new CustomEvent('live', { detail: { records: keys } }))",
        [f"company:{acme.pk}", f"company:{birch.pk}"],
    )
    page.wait_for_timeout(300)
    page.keyboard.type("te")
    page.keyboard.press("Enter")

    expect(cell).to_have_text("Slate")
    for one in (acme, birch):
        row = page.locator(f'tr[data-record="company:{one.pk}"]')
        expect(row.locator("[data-attribute=location]")).to_have_text("Porto")


def test_a_choice_that_was_not_saved_is_what_it_was(acme: Stage) -> None:
    page = acme.page("ada")
    page.goto(f"{acme.site}{SETTINGS}")
    with page.expect_response(re.compile("default-level")):
        page.locator("#level-2").check(force=True)
    is_settled(page)
    page.route(re.compile("default-level"), lambda route: route.abort())

    page.locator("#level-3").check(force=True)
    expect(page.locator(".toast[data-from=error-toast]")).to_contain_text("The server does not answer.")

    expect(page.locator("#level-2")).to_be_checked()
    assert Mailbox.objects.get().default_level == AccessLevel.SUBJECT
    for trouble in acme.troubles:
        trouble.found.clear()


def test_what_says_it_is_a_button_is_pressed_with_space(shelf: Stage) -> None:
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/")
    page.locator("#filter-button").focus()

    page.keyboard.press("Space")

    expect(page.locator("#filter-editor")).to_be_visible()


def test_signed_out_meanwhile_nothing_that_was_typed_is_lost(shelf: Stage) -> None:
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/")
    page.locator("#new-record").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=name]").fill("Cobalt")
    page.context.clear_cookies()

    dialog.get_by_role("button", name="Create").click()

    expect(page.locator(".toast")).to_contain_text("You have been signed out.")
    expect(dialog.locator("[name=name]")).to_have_value("Cobalt")
    for trouble in shelf.troubles:
        trouble.found.clear()


def test_a_choice_is_taken_back_to_what_was_saved_last(stage: Stage) -> None:
    """Where the page stays as it came."""
    page = stage.page("cleo")
    page.goto(f"{stage.site}/halyard/settings/workspace/email-calendar/")
    levels = page.locator("input[name=level]")
    with page.expect_response(re.compile("default-level")):
        levels.nth(1).check(force=True)
    page.route(re.compile("default-level"), lambda route: route.abort())

    levels.nth(2).check(force=True)
    expect(page.locator(".toast[data-from=error-toast]")).to_contain_text("The server does not answer.")

    expect(levels.nth(1)).to_be_checked()
    for trouble in stage.troubles:
        trouble.found.clear()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (
            413,
            "<html><h1>413 Request Entity Too Large</h1></html>",
            "larger than the server in front of this one",
        ),
        (507, NO_ROOM, NO_ROOM),
    ],
)
def test_an_upload_that_does_not_come_through_says_why(
    stage: Stage, status: int, body: str, says: str
) -> None:
    page = stage.page("ada")
    page.goto(f"{stage.site}/halyard/mailboxes/archives/new/")
    page.route(re.compile("/mailboxes/archives/$"), lambda route: route.fulfill(status=status, body=body))
    page.locator("[name=uploaded]").set_input_files(
        {"name": "a.mbox", "mimeType": "application/mbox", "buffer": b"From x"}
    )

    page.locator("#archive-submit").click()

    expect(page.locator(".toast")).to_contain_text(says)
    expect(page.locator("#archive-submit")).to_be_enabled()
    for trouble in stage.troubles:
        trouble.found.clear()
