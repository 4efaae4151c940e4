"""Quick search and the keys, in the system's Chromium."""

import re
from typing import cast

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.models import Company
from mailboxes.models import Thread
from tests.desk import Desk, mail
from tests.journeys.stage import NARROW, WIDTH, Stage, is_settled
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(site: str, browser: Browser, desk: Desk) -> Stage:
    """Ada has written to Bob at Acme and to Eve at Other; nobody's mail server is asked."""
    ada = "Ada <ada@halyard.example>"
    desk.put("ada", mail("roof@x", ada, "Bob Hale <bob@acme.example>", subject="Slate roof"))
    desk.put("ada", mail("tiles@x", ada, "Eve Moss <eve@other.example>", subject="Tiles"))
    return Stage(site, browser, cast(Dovecot, None), desk.members)


@pytest.fixture
def page(stage: Stage) -> Page:
    """Ada's, with the table of companies."""
    page = stage.page("ada")
    page.goto(f"{stage.site}/halyard/companies/")
    return page


def troubles(stage: Stage) -> list[str]:
    """Without requests that were cut off because somebody left the page."""
    cut_off = (
        "htmx:afterRequest",
        "htmx:sendError",
        "htmx:sendAbort",
        "Failed to load resource: net::ERR_FAILED",
    )
    return [one for trouble in stage.troubles for one in trouble.found if not one.startswith(cut_off)]


def chosen(page: Page) -> str:
    """The label of the option that Enter would take."""
    field = page.get_by_role("combobox")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("."))
    option = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    expect(option).to_have_attribute("aria-selected", "true")
    return option.locator(".clip").first.inner_text()


def test_somebody_finds_their_way_by_keys_alone(stage: Stage, page: Page) -> None:
    company = Company.objects.get(name="Acme")

    # A company by its name.
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(page.get_by_role("group", name="Go to").get_by_role("option")).not_to_have_count(0)
    page.keyboard.type("acm")
    expect(page.get_by_role("group", name="Companies").get_by_role("option").first).to_contain_text(
        company.name
    )
    is_settled(page)
    assert chosen(page) == company.name
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.site}/halyard/companies/{company.pk}/")

    # It is the first of what was open lately; arrows move round, Escape closes and gives the focus back.
    page.keyboard.press("Meta+k")
    expect(page.get_by_role("group", name="Recent").get_by_role("option")).to_have_count(1)
    assert chosen(page) == company.name
    page.keyboard.press("ArrowUp")
    assert chosen(page) == "Sign out"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert chosen(page) == "Companies"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Quick search")).to_be_hidden()

    # Access to what one shares with this record, from the palette and by its key.
    page.keyboard.press("Control+k")
    page.keyboard.type("manage acc")
    expect(page.get_by_role("option")).to_have_count(1)
    is_settled(page)
    page.keyboard.press("Enter")
    expect(page.locator("#dialogs[open] #dialog-title")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)
    page.locator("body").press("Shift+M")
    expect(page.locator("#dialogs[open] #dialog-title")).to_be_visible()
    page.keyboard.press("Escape")

    # Pages by G and a letter.
    for letter, path in (("p", "people/"), ("n", "notifications/"), ("c", "companies/")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page).to_have_url(f"{stage.site}/halyard/{path}")
    assert troubles(stage) == []


def test_what_is_remembered_is_ids_and_what_is_gone_is_not_shown(stage: Stage, page: Page) -> None:
    one, two = Company.objects.order_by("pk")[:2]
    for company in (one, two):
        page.goto(f"{stage.site}/halyard/companies/{company.pk}/")
    assert page.evaluate("localStorage.getItem('recent:halyard')") == f"company:{two.pk} company:{one.pk}"
    Company.objects.filter(pk=two.pk).update(name="Renamed since")
    Company.objects.filter(pk=one.pk).delete()

    page.goto(f"{stage.site}/halyard/people/")
    page.get_by_role("button", name="Quick search").first.click()

    options = page.get_by_role("group", name="Recent").get_by_role("option")
    expect(options.locator("> .clip")).to_have_text(["Renamed since"])


def test_single_keys_can_be_switched_off(stage: Stage, page: Page) -> None:
    # Not inside a field.
    page.keyboard.press("Control+k")
    page.keyboard.type("?[g")
    expect(page.get_by_role("combobox")).to_have_value("?[g")
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)

    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_focused()
    page.get_by_role("switch", name="Single keys").click()
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)
    is_settled(page)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-letter-keys", "off")
    for key in ("?", "[", "g", "p"):
        page.keyboard.press(key)
    expect(page.locator("#dialogs[open]")).to_have_count(0)
    expect(page.locator("html[data-sidebar]")).to_have_count(0)
    expect(page).to_have_url(f"{stage.site}/halyard/companies/")

    # Ctrl K still works, and what it finds leads back.
    page.keyboard.press("Control+k")
    page.keyboard.type("keyboard")
    expect(page.get_by_role("option")).to_have_count(1)
    is_settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_focused()
    page.get_by_role("switch", name="Single keys").click()
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)
    page.keyboard.press("[")
    expect(page.locator("html")).to_have_attribute("data-sidebar", "folded")
    is_settled(page)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-sidebar", "folded")
    expect(page.get_by_role("button", name="Fold sidebar")).to_have_attribute("aria-expanded", "false")
    assert page.locator("#sidebar").bounding_box()["width"] < 60  # type: ignore[index]
    page.get_by_role("button", name="Fold sidebar").click()
    expect(page.locator("html[data-sidebar]")).to_have_count(0)
    assert troubles(stage) == []


def test_new_records_filters_and_the_theme_have_their_keys_and_commands(stage: Stage, page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator("#dialogs[open] #dialog-title")).to_have_text("New company")
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("new per")
    expect(page.get_by_role("option")).to_have_count(1)
    is_settled(page)
    page.keyboard.press("Enter")
    expect(page.locator("#dialogs[open] #dialog-title")).to_have_text("New person")
    page.keyboard.press("Escape")
    expect(page.locator("#dialogs[open]")).to_have_count(0)

    page.keyboard.press("Control+k")
    page.keyboard.type("switch theme")
    expect(page.get_by_role("option")).to_have_count(1)
    is_settled(page)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    expect(page.get_by_role("option")).to_have_count(1)
    is_settled(page)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    assert troubles(stage) == []


def test_quick_search_works_by_touch_on_a_small_screen(stage: Stage) -> None:
    page = stage.page("ada", size=NARROW)
    page.goto(f"{stage.site}/halyard/people/")

    page.get_by_role("button", name="Quick search").last.tap()
    expect(page.get_by_role("combobox")).to_be_focused()
    page.get_by_role("combobox").fill("roof")
    thread = page.get_by_role("group", name="Threads").get_by_role("option").first
    expect(thread).to_contain_text("Slate roof")
    is_settled(page)
    assert page.evaluate(WIDTH) <= NARROW["width"]
    box = page.get_by_role("dialog", name="Quick search").bounding_box()
    assert box is not None and (box["x"], box["y"], box["width"]) == (0, 0, NARROW["width"])
    thread.tap()
    thread_id = Thread.objects.earliest("pk").pk
    expect(page).to_have_url(f"{stage.site}/halyard/emails/{thread_id}/")
    expect(page.get_by_role("main")).to_contain_text("Slate roof")
    is_settled(page)

    # The same as a page, without a script.
    page.goto(f"{stage.site}/halyard/search/?q=zzzzzz")
    expect(page.get_by_text("Nothing found for “zzzzzz”")).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("notif")
    page.get_by_role("button", name="Search", exact=True).tap()
    page.get_by_role("main").get_by_role("link", name="Notifications").tap()
    expect(page).to_have_url(f"{stage.site}/halyard/notifications/")
    assert troubles(stage) == []
