"""Several rows changed at once, a value changed in its cell, and a record starred: by pointer, keys and
finger."""

import pytest
from playwright.sync_api import Page, expect

from crm.edits.creating import Draft, create_record
from crm.models import Company, Person
from crm.records import COMPANY, PERSON
from tests.journeys.stage import NARROW, WIDE, Stage, is_settled

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture
def shelf(stage: Stage) -> Stage:
    for name in ("Arbor", "Brightwater", "Cobalt"):
        create_record(COMPANY, Draft(name), by=stage.people["ada"])
    for name in ("Bob", "Eve"):
        create_record(PERSON, Draft(name), by=stage.people["ada"])
    return stage


def table(shelf: Stage, plural: str, size: dict[str, int]) -> Page:
    page = shelf.page("ada", size=size)
    page.goto(f"{shelf.site}/halyard/{plural}/")
    expect(page.locator("#calculations .calculation").first).to_be_attached()
    return page


def tick(page: Page, *names: str) -> None:
    select = page.get_by_role("button", name="Select rows")
    if select.is_visible():
        select.click()
    for name in names:
        row = page.locator("#rows tr", has_text=name)
        row.hover()
        row.locator(".check").check()


def settle(page: Page, *wanted: str) -> None:
    expect(page.locator("#rows .record-link > span:last-child")).to_have_text(list(wanted))


@SIZES
def test_ticked_companies_are_changed_exported_deleted_and_brought_back(
    shelf: Stage, size: dict[str, int]
) -> None:
    page = table(shelf, "companies", size)

    tick(page, "Arbor", "Cobalt")
    page.get_by_role("button", name="Edit attribute").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#dialog-title")).to_have_text("Edit 2 companies")
    dialog.get_by_label("Attribute").select_option("industry")
    dialog.get_by_label("Value").fill("Slate")
    is_settled(page)
    dialog.get_by_role("button", name="Change 2 companies").click()
    expect(page.locator(".toast")).to_contain_text("2 companies")
    assert {*Company.objects.filter(industry="Slate").values_list("name", flat=True)} == {"Arbor", "Cobalt"}

    page.goto(f"{shelf.site}/halyard/companies/")
    tick(page, "Arbor", "Cobalt")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export selected").click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["name", "Cobalt", "Arbor"]

    page.get_by_role("button", name="Delete selected").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    is_settled(page)
    page.get_by_role("button", name="Delete 2 companies").click()
    settle(page, "Brightwater")
    page.get_by_role("button", name="Undo").click()
    settle(page, "Cobalt", "Brightwater", "Arbor")


def test_all_that_match_are_changed_and_not_only_those_on_the_screen(shelf: Stage) -> None:
    ada = shelf.people["ada"]
    for n in range(58):
        create_record(COMPANY, Draft(f"Dock {n}"), by=ada)
    page = table(shelf, "companies", WIDE)
    expect(page.locator("#record-count")).to_have_text("61")

    page.get_by_label("Select all companies shown").check()
    expect(page.get_by_label("All 61")).to_be_visible()
    page.get_by_label("All 61").check()
    page.get_by_role("button", name="Edit attribute").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#dialog-title")).to_have_text("Edit 61 companies")
    dialog.get_by_role("button", name="Cancel").click()
    page.locator("#rows tr", has_text="Dock 57").locator(".check").uncheck()
    expect(page.get_by_label("All 61")).to_be_hidden()
    page.get_by_role("button", name="Edit attribute").click()
    expect(dialog.locator("#dialog-title")).to_have_text("Edit 49 companies")


def test_selecting_on_a_small_screen_ends_where_it_began(shelf: Stage) -> None:
    page = table(shelf, "companies", NARROW)
    expect(page.locator("#rows .check").first).to_be_hidden()

    tick(page, "Arbor")
    expect(page.locator(".bulk")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()

    expect(page.locator("#rows .check").first).to_be_hidden()
    expect(page.locator(".bulk")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@SIZES
def test_ticked_people_move_to_a_company(shelf: Stage, size: dict[str, int]) -> None:
    page = table(shelf, "people", size)

    tick(page, "Bob", "Eve")
    page.get_by_role("button", name="Add to company").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Company").fill("Cobalt")
    is_settled(page)
    dialog.get_by_role("button", name="Move 2 people").click()

    expect(page.locator(".toast")).to_contain_text("2 people")
    assert {*Person.objects.values_list("company__name", flat=True)} == {"Cobalt"}


def test_a_value_is_changed_in_its_cell_by_pointer_and_by_key(shelf: Stage) -> None:
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/?columns=industry,location")
    row = page.locator("#rows tr", has_text="Arbor")
    industry, location = (row.locator(f"[data-attribute={name}]") for name in ("industry", "location"))

    industry.dblclick()
    expect(industry.get_by_role("textbox")).to_be_focused()
    is_settled(page)
    page.keyboard.type("Slate")
    page.keyboard.press("Enter")
    expect(industry).to_have_text("Slate")
    expect(industry).to_be_focused()

    page.keyboard.press("ArrowRight")
    expect(location).to_be_focused()
    page.keyboard.press("Enter")
    expect(location.get_by_role("textbox")).to_be_focused()
    is_settled(page)
    page.keyboard.type("Porto")
    page.keyboard.press("Escape")
    expect(location.get_by_role("textbox")).to_have_count(0)

    arbor = Company.objects.get(name="Arbor")
    assert (arbor.industry, arbor.location) == ("Slate", "")

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(industry.get_by_role("textbox")).to_be_focused()
    is_settled(page)
    page.keyboard.type("Tin")
    page.keyboard.press("Tab")
    page.keyboard.type("Lyon")  # also before its field is there
    expect(industry).to_have_text("Tin")
    expect(location.get_by_role("textbox")).to_have_value("Lyon")
    expect(location.get_by_role("textbox")).to_be_focused()
    is_settled(page)
    page.keyboard.press("Shift+Tab")
    expect(industry.get_by_role("textbox")).to_be_focused()
    expect(location).to_have_text("Lyon")
    page.keyboard.press("Escape")


def test_whoever_points_at_a_cell_and_types_means_the_cell(shelf: Stage) -> None:
    """And no key of the page: C alone would make a company."""
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/?columns=industry,location")
    location = page.locator("#rows tr", has_text="Arbor").locator("[data-attribute=location]")

    location.click()
    page.keyboard.type("Cork")
    expect(location.get_by_role("textbox")).to_have_value("Cork")
    page.keyboard.press("Enter")
    expect(location).to_have_text("Cork")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert Company.objects.get(name="Arbor").location == "Cork"


@SIZES
def test_a_star_puts_a_record_into_the_sidebar_and_takes_it_out(shelf: Stage, size: dict[str, int]) -> None:
    page = shelf.page("ada", size=size)
    page.goto(f"{shelf.site}/halyard/companies/{Company.objects.get(name='Cobalt').pk}/")
    star, favourite = page.locator("#star"), page.locator("#sidebar").get_by_text("Cobalt")

    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    expect(favourite).to_have_count(1)
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")
    expect(favourite).to_have_count(0)
