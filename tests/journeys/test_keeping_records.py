"""A list brought along, two records that are one, and a filter with several values."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.edits.creating import Draft, create_record
from crm.importing import running
from crm.models import Company, RecordImport
from crm.records import COMPANY
from tests.journeys.stage import NARROW, WIDE, Stage, is_settled

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
LIST = "Company;Website;Where\nArbor;arbor.example;Porto\nMail;gmail.com;\nOdd;not a domain;\n"


def make(stage: Stage, name: str, *domains: str, **plain: str) -> Company:
    draft = Draft(name, values=domains, plain=plain)
    return create_record(COMPANY, draft, by=stage.people["ada"])  # type: ignore[return-value]


def names(page: Page, *wanted: str) -> None:
    expect(page.locator("#rows .record-link > span:last-child")).to_have_text(list(wanted))


@SIZES
def test_a_list_with_bad_rows_is_put_right_and_imported(
    stage: Stage, size: dict[str, int], tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "list.csv").write_text(LIST)
    page = stage.page("ada", size=size)
    page.goto(f"{stage.site}/halyard/companies/import/")

    page.get_by_label("CSV file").set_input_files(tmp_path / "list.csv")
    page.get_by_role("button", name="Upload and check").click()
    refused = page.get_by_role("table", name="Rows that cannot be imported")
    expect(refused.locator("tbody tr")).to_have_count(2)
    expect(refused).to_contain_text("“not a domain” is not a domain.")
    page.get_by_label("Where is imported as").select_option("location")
    is_settled(page)
    page.get_by_role("button", name="Import 1 company").click()
    expect(page.get_by_role("heading", name="Importing: 0 of 3 rows")).to_be_visible()

    running.run(RecordImport.objects.get().pk)

    expect(page.get_by_role("heading", name="list.csv is imported")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows not imported").click()
    kept = download.value.path().read_text()
    assert "Mail" in kept and "not a domain" in kept and "Arbor" not in kept
    page.get_by_role("link", name="See all companies").click()
    names(page, "Arbor")
    assert Company.objects.values_list("location", flat=True).get() == "Porto"


@SIZES
def test_two_companies_that_are_one_are_merged(stage: Stage, size: dict[str, int]) -> None:
    kept, other = make(stage, "Arbor", "arbor.example"), make(stage, "Arbor Limited", "arbor.test")
    page = stage.page("ada", size=size)
    page.goto(f"{stage.site}/halyard/companies/{kept.pk}/")

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("link", name="Merge with another company").click()
    page.get_by_label("Find a company").fill("limited")
    page.get_by_role("link", name="Arbor Limited").click()
    dialog = page.get_by_role("dialog", name="Merge Arbor Limited into Arbor?")
    expect(dialog).to_contain_text("This cannot be undone.")
    expect(dialog.get_by_role("button", name="Keep both")).to_be_focused()
    dialog.get_by_label("Arbor Limited").check()
    is_settled(page)
    dialog.get_by_role("button", name="Merge companies").click()

    expect(page.get_by_role("heading", name="Arbor Limited", exact=True)).to_be_visible()
    assert not Company.objects.filter(pk=other.pk).exists()
    domains = Company.objects.get(pk=kept.pk).domains.values_list("domain", flat=True)
    assert sorted(domains) == ["arbor.example", "arbor.test"]


@SIZES
def test_a_filter_takes_several_values_and_goes(stage: Stage, size: dict[str, int]) -> None:
    for name, industry in (("Arbor", "Slate"), ("Brightwater", "Timber"), ("Cobalt", "Glass")):
        make(stage, name, industry=industry)
    page = stage.page("ada", size=size)
    page.goto(f"{stage.site}/halyard/companies/?sort=name")

    page.locator("#filter-button").click()
    editor = page.locator("#filter-editor")
    editor.get_by_text("Industry").click()
    editor.get_by_label("Text").fill("slate")
    editor.get_by_role("button", name="Add filter").click()
    names(page, "Arbor")
    page.get_by_role("button", name="Industry contains slate, change").click()
    editor.get_by_label("Or", exact=True).fill("timber")
    editor.get_by_role("button", name="Apply").click()
    names(page, "Arbor", "Brightwater")
    page.get_by_label("Remove the filter Industry").click()
    names(page, "Arbor", "Brightwater", "Cobalt")
