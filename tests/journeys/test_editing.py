"""Records made, changed, merged, deleted and brought back by hand, wide and narrow."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from crm.importing import running
from crm.models import Company, Person, RecordImport
from tests.journeys.stage import NARROW, WIDE, Stage, is_settled, is_still

pytestmark = [pytest.mark.django_db(transaction=True)]

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


def create(page: Page, site: str, plural: str, **given: str) -> None:
    page.goto(f"{site}/halyard/{plural}/")
    page.locator("#new-record").click()
    dialog = page.get_by_role("dialog")
    for name, value in given.items():
        dialog.locator(f"[name={name}]").fill(value)
    is_settled(page)
    is_still(page)
    dialog.get_by_role("button", name="Create").click()


def details(page: Page) -> None:
    """Where they are a tab, open it."""
    tab = page.locator("a.tab[href$='#details']")
    if tab.is_visible():
        tab.click()


def value_of(name: str) -> str:
    return f"#record-details [data-attribute={name}] dd"


def type_into(page: Page, name: str, text: str) -> None:
    page.locator(f"{value_of(name)} a").click()
    expect(page.locator(f"{value_of(name)} [data-editor] [autofocus]")).to_be_focused()
    is_settled(page)
    page.keyboard.type(text)


@SIZES
def test_a_record_is_made_changed_deleted_and_brought_back(stage: Stage, size: dict[str, int]) -> None:
    page = stage.page("ben", size=size)

    create(page, stage.site, "companies", name="Acme Roofs", domains="www.acme.example")
    page.wait_for_url("**/companies/*/")
    expect(page.locator(".toast")).to_contain_text("Created Acme Roofs.")
    expect(page.locator("h1")).to_have_text("Acme Roofs")

    # Typed, saved with Enter, and one is back where one was.
    details(page)
    type_into(page, "industry", "Slate")
    page.keyboard.press("Enter")
    expect(page.locator(value_of("industry"))).to_contain_text("Slate")
    expect(page.locator(f"{value_of('industry')} a")).to_be_focused()

    # Escape leaves everything as it was.
    type_into(page, "location", "Porto")
    page.keyboard.press("Escape")
    expect(page.locator(value_of("location"))).to_have_text("Add location")
    expect(page.locator(f"{value_of('location')} a")).to_be_focused()

    # What is wrong is said beside the field.
    type_into(page, "domains", "gmail.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("belongs to no company")
    is_settled(page)
    page.keyboard.press("Escape")
    is_still(page)

    expect(page.locator("[data-editor]")).to_have_count(0)
    is_settled(page)
    page.locator("#record-actions").click()
    page.get_by_role("button", name="Delete company").click()
    expect(page.locator(".toast")).to_contain_text("Deleted Acme Roofs.")
    assert Company.objects.count() == 0
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).to_have_text("Acme Roofs")
    assert list(Company.objects.values_list("name", "industry", "domains__domain")) == [
        ("Acme Roofs", "Slate", "acme.example")
    ]


@SIZES
def test_a_double_is_noticed_and_merged(stage: Stage, size: dict[str, int]) -> None:
    page = stage.page("ben", size=size)
    create(page, stage.site, "people", name="Bob Doe", email_addresses="bob@acme.example")
    page.wait_for_url("**/people/*/")

    create(page, stage.site, "people", name="bob doe", email_addresses="bob@private.test")
    expect(page.locator("#likeness")).to_contain_text("of this name already")
    page.get_by_role("button", name="Create anyway").click()
    page.wait_for_url("**/people/*/")

    page.locator("#record-actions").click()
    page.get_by_role("link", name="Merge with another person").click()
    page.locator("#merge-found").get_by_text("Bob Doe").click()
    expect(page.locator("#dialog-title")).to_have_text("Merge Bob Doe into bob doe?")
    is_still(page)
    page.get_by_text("Bob Doe", exact=True).last.click()
    page.get_by_role("button", name="Merge people").click()

    expect(page.locator("h1")).to_have_text("Bob Doe")
    expect(page.locator(".toast")).to_contain_text("Bob Doe is part of bob doe now.")
    found = Person.objects.get().addresses.order_by("email").values_list("email", flat=True)
    assert list(found) == ["bob@acme.example", "bob@private.test"]


@SIZES
def test_a_file_is_imported(stage: Stage, size: dict[str, int], tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("Vorname;Nachname;E-Mail;Firma\nFay;Gold;fay@birch.example;Birch\nNo;Body;nobody;\n")
    page = stage.page("ben", size=size)

    page.goto(f"{stage.site}/halyard/people/")
    page.locator(".page-head").get_by_role("link", name="Import").click()
    page.locator("#import-file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("button", name="Import 1 person")).to_be_enabled()
    expect(page.locator(".import__problems")).to_contain_text("“nobody” is not an email address.")
    is_still(page)
    page.get_by_role("button", name="Import 1 person").click()
    expect(page.locator("#import-state")).to_contain_text("0 of 2 rows")
    running.run(RecordImport.objects.get().pk)

    expect(page.locator("#import-state")).to_contain_text("list.csv is imported")
    page.get_by_role("link", name="See all people").click()
    expect(page.locator("#rows .record-link")).to_have_text(["FGFay Gold"])
    assert list(Person.objects.values_list("name", "company__name")) == [("Fay Gold", "Birch")]
