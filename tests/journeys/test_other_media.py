"""The same pages under a finger, on a low screen and on paper."""

import pytest
from playwright.sync_api import Page, expect

from crm.models import Company, Person
from crm.naming import name_key
from intelligence.models import CompanyInsight
from tests.journeys.stage import NARROW, WIDE, Stage

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Donaudampfschifffahrtsgesellschaft" * 3
SMALL = {"width": 320, "height": 640}
LOW = {"width": 320, "height": 256}  # 1280 by 1024 at 400 %
HEIGHTS = "all => all.filter((one) => one.checkVisibility()).map((one) => one.offsetHeight)"


@pytest.fixture
def long_list(stage: Stage) -> Stage:
    """Forty companies, more than a screen or a sheet holds."""
    workspace = stage.people["ada"].workspace
    for name in [LONG, *(f"Company {n}" for n in range(39))]:
        company = Company.objects.create(workspace=workspace, name=name, name_key=name_key(name))
        CompanyInsight.objects.create(workspace=workspace, company=company)
    Person.objects.create(workspace=workspace, name="Bob", name_key="bob", company=company)
    return stage


def companies(stage: Stage, size: dict[str, int]) -> Page:
    page = stage.page("ada", size=size)
    page.goto(f"{stage.site}/halyard/companies/?sort=name")
    expect(page.locator("#calculations .calculation").first).to_be_attached()
    return page


def test_rows_to_press_are_as_high_as_a_finger(long_list: Stage) -> None:
    page = companies(long_list, NARROW)

    page.get_by_role("button", name="Open navigation").click()
    drawer = page.locator(".sidebar .nav-item").evaluate_all(HEIGHTS)
    page.keyboard.press("Escape")
    page.locator("#columns-button").click()
    menu = page.locator("#column-menu .menu__item").evaluate_all(HEIGHTS)
    field = page.get_by_placeholder("Search attributes")

    assert (min(drawer), min(menu)) == (44, 44)
    assert field.evaluate("one => getComputedStyle(one).fontSize") == "16px"


def test_a_long_name_stays_on_the_screen(long_list: Stage) -> None:
    page = long_list.page("ada", size=NARROW)
    page.goto(f"{long_list.site}/halyard/companies/{Company.objects.get(name=LONG).pk}/")

    box = page.get_by_role("heading", level=1).bounding_box()

    assert box and box["x"] + box["width"] <= NARROW["width"]


def test_the_current_tab_of_a_record_is_in_sight(long_list: Stage) -> None:
    page = long_list.page("ada", size=SMALL)
    person = Person.objects.get(name="Bob")
    page.goto(f"{long_list.site}/halyard/companies/{person.company_id}/people/")
    strip = page.locator("#record-tabs")

    # Counted, the tabs are longer, and new.
    expect(strip.locator("[aria-current] .count")).to_be_visible()
    people = strip.locator("[aria-current]").bounding_box()

    assert people and people["x"] >= 0 and people["x"] + people["width"] <= SMALL["width"]
    assert strip.locator(".tab").nth(1).inner_text() == "Details"


def test_details_are_the_current_tab_at_their_own_address_too(long_list: Stage) -> None:
    page = long_list.page("ada", size=NARROW)
    person = Person.objects.get(name="Bob")
    page.goto(f"{long_list.site}/halyard/companies/{person.company_id}/details/")

    expect(page.locator("#record-tabs .count").first).to_be_attached()
    expect(page.locator("#record-tabs [aria-current]")).to_have_text("Details")


def test_a_low_screen_scrolls_as_a_whole(long_list: Stage) -> None:
    page = companies(long_list, LOW)

    first = page.locator("#rows .record-link").first.bounding_box()
    new = page.locator("#new-record").bounding_box()
    page.mouse.move(100, 240)
    page.mouse.wheel(0, 400)

    assert first and first["y"] + first["height"] <= LOW["height"]
    assert new and new["x"] + new["width"] <= LOW["width"]
    page.wait_for_function("() => scrollY >= 400")


def test_paper_gets_every_row_and_nothing_to_press(long_list: Stage) -> None:
    page = companies(long_list, WIDE)

    page.emulate_media(media="print", color_scheme="dark")

    sheet = page.locator(".table-wrap")
    assert page.locator("#rows .record-link").count() == 40
    assert sheet.evaluate("one => one.scrollHeight - one.clientHeight") == 0
    assert page.locator("main").evaluate("one => getComputedStyle(one).colorScheme") == "light"
    for pressed in (".sidebar", "#new-record", "#columns-button", ".toasts", ".col-menu >> nth=0"):
        expect(page.locator(pressed)).to_be_hidden()
