"""Away from a long table and back to it; keys wherever the focus is; and what is deleted on the way."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from crm.models import Company
from intelligence.models import CompanyInsight
from tests.journeys.stage import NARROW, WIDE, WIDTH, Held, Stage, is_settled, join
from tests.journeys.test_table import travel

pytestmark = pytest.mark.django_db(transaction=True)

# In a low window the page itself scrolls.
SETTINGS_TOP = "place => scrollY + (document.querySelector('.settings__scroll')?.scrollTop ?? 0)"
ROW = "() => document.activeElement.closest('tr')?.ariaRowIndex"


@pytest.fixture
def firms(stage: Stage) -> Stage:
    workspace = stage.people["ada"].workspace
    made = Company.objects.bulk_create(
        Company(workspace=workspace, name=f"Firm {n:03}", name_key=f"firm {n:03}") for n in range(1, 231)
    )
    CompanyInsight.objects.bulk_create(CompanyInsight(workspace=workspace, company=one) for one in made)
    return stage


def table(stage: Stage, query: str = "?sort=name", *, size: dict[str, int] = WIDE) -> Page:
    page = stage.page("ada", size=size)
    page.goto(f"{stage.site}/halyard/companies/{query}")
    expect(page.locator("#calculations .calculation").first).to_be_attached()
    return page


def go_down(page: Page, rows: int) -> float:
    """So far that so many rows are there; how far that is."""
    wrap = page.locator(".table-wrap")
    for shown in range(100, rows + 1, 50):
        wrap.evaluate("it => it.scrollTo(0, it.scrollHeight)")
        expect(page.locator("#rows tr[data-record]")).to_have_count(shown)
    wrap.evaluate("it => it.scrollTo(0, it.scrollHeight - 1500)")
    return top(page)


def top(page: Page) -> float:
    return float(page.locator(".table-wrap").evaluate("it => it.scrollTop"))


def is_back_at(page: Page, place: float) -> None:
    page.wait_for_function("place => document.querySelector('.table-wrap')?.scrollTop === place", arg=place)
    expect(page.locator("#rows tr[data-record]")).to_have_count(200)


def in_focus(page: Page, name: str) -> Locator:
    cell = page.locator("#rows tr", has_text=name).locator("th")
    expect(cell).to_be_focused()
    assert cell.evaluate("it => it.matches(':focus-visible')")
    return cell


def test_the_place_in_a_table_is_there_again(firms: Stage) -> None:
    page = table(firms)
    place = go_down(page, 200)

    # By the sidebar, by a tab, by another sort, and on reloading.
    page.locator("#sidebar").get_by_role("link", name="People", exact=True).click()
    expect(page).to_have_url(re.compile("/people/"))
    travel(page)
    is_back_at(page, place)
    page.locator("#view-tabs").get_by_role("link", name="All companies").click()
    expect(page).to_have_url(re.compile("/companies/$"))
    assert top(page) == 0
    travel(page)
    is_back_at(page, place)
    page.locator("#col-name").click()
    expect(page).to_have_url(re.compile("sort=-name"))
    is_settled(page)
    travel(page)
    is_back_at(page, place)
    travel(page, forward=True)
    assert top(page) == 0
    travel(page)
    page.reload()
    is_back_at(page, place)

    # A visit of its own begins on top.
    page.goto(f"{firms.site}/halyard/companies/?sort=name&filter=")
    assert top(page) == 0


def test_a_press_on_what_brings_more_rows_stays_in_the_table(firms: Stage) -> None:
    page = firms.page("ada")
    late = Held(page, re.compile("after="))
    page.goto(f"{firms.site}/halyard/companies/?sort=name")
    page.locator(".table-wrap").evaluate("it => it.scrollTo(0, it.scrollHeight)")
    late.has_come()

    page.get_by_role("link", name="More companies").press("Enter")
    page.wait_for_timeout(300)
    late.let_go()

    expect(page.locator("#rows tr[data-record]")).to_have_count(100)
    expect(page).to_have_url(re.compile("sort=name$"))


def test_the_record_one_comes_from_is_where_keys_go_on(firms: Stage) -> None:
    page = table(firms)
    go_down(page, 150)
    page.get_by_role("link", name="Firm 130").click()
    heading, pager = page.get_by_role("heading", level=1), page.locator("[data-pager]")
    expect(heading).to_have_text("Firm 130")
    expect(pager).to_contain_text("130 of 230")

    travel(page)
    in_focus(page, "Firm 130")
    page.keyboard.press("j")
    in_focus(page, "Firm 131")
    page.keyboard.press("Enter")
    expect(pager).to_contain_text("131 of 230")
    for number in (132, 133):
        page.keyboard.press("j")
        expect(pager).to_contain_text(f"{number} of 230")
    travel(page)
    expect(pager).to_contain_text("132 of 230")
    page.keyboard.press("j")
    expect(pager).to_contain_text("133 of 230")
    page.locator(".crumbs").get_by_role("link", name="Companies").click()
    in_focus(page, "Firm 133")


def test_the_pager_keeps_the_tab(firms: Stage) -> None:
    page = table(firms)
    page.get_by_role("link", name="Firm 003").click()
    page.locator("#record-tabs").get_by_role("link", name="Emails").click()
    expect(page.locator("[data-pager]")).to_contain_text("3 of 230")

    # The tab itself can have the focus, and the whole page.
    for place, number in (("main", 4), ("#record-tabs [aria-current]", 5)):
        page.locator(place).focus()
        page.keyboard.press("j")
        expect(page.locator("[data-pager]")).to_contain_text(f"{number} of 230")
        expect(page.locator("#record-tabs [aria-current]")).to_contain_text("Emails")
    assert page.url.endswith("/emails/")


def test_keys_lead_into_the_table_from_anywhere(firms: Stage) -> None:
    page = table(firms)

    for place in ("main", "#col-name", "#filter-button"):
        page.locator(place).focus()
        for key, row in (("j", "2"), ("j", "3"), ("k", "2")):
            page.keyboard.press(key)
            assert page.evaluate(ROW) == row
    page.locator("#filter-button").click()
    page.get_by_placeholder("Filter by…").press("ArrowDown")
    assert page.evaluate(ROW) is None
    page.keyboard.press("Escape")


def test_the_settings_have_the_keys_of_every_page(stage: Stage) -> None:
    page = stage.page("ada")
    page.goto(f"{stage.site}/halyard/settings/account/profile/")
    dialog, title, root = (page.locator(one) for one in ("#dialogs[open]", "#dialog-title", "html"))

    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(title).to_have_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(dialog).to_be_visible()
    expect(title).to_have_text("New company")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#command")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#sidebar").get_by_role("button", name="Fold sidebar").click()
    expect(root).to_have_attribute("data-sidebar", "folded")
    page.keyboard.press("[")
    expect(root).not_to_have_attribute("data-sidebar", "folded")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Email & calendar")
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(f"{stage.site}/halyard/companies/")


def test_deleting_and_undoing_stay_in_the_table(firms: Stage) -> None:
    page = table(firms, "?sort=-name")
    page.get_by_role("link", name="Firm 228").click()
    expect(page.locator("[data-pager]")).to_contain_text("3 of 230")

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Delete company").click()
    expect(page).to_have_url(re.compile(r"/companies/\?sort=-name"))
    in_focus(page, "Firm 227")
    row = page.locator("#rows tr", has_text="Firm 226")
    row.hover()
    row.locator(".check").check()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 company").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Firm 226 is back.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/companies/\?sort=-name"))
    expect(row).to_have_count(1)


def test_records_are_paged_on_a_small_screen(firms: Stage) -> None:
    page = table(firms, size=NARROW)
    page.get_by_role("link", name="Firm 002").click()

    page.get_by_role("link", name="Next company").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Firm 003")
    page.get_by_role("link", name="Previous company").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Firm 002")
    for name in ("Previous company", "Next company"):
        expect(page.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    assert page.evaluate(WIDTH) <= NARROW["width"]


def test_back_from_what_a_refused_form_made_leads_to_the_form(stage: Stage) -> None:
    page = stage.page("ada")
    form = f"{stage.site}/halyard/companies/creation/form/"
    page.goto(form)
    for name, domain in (("Halcyon", "no domain"), ("Halcyon", "halcyon.example")):
        page.get_by_label("Name").fill(name)
        page.get_by_label("Domain").fill(domain)
        page.get_by_role("button", name="Create company").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", level=1)).to_have_text("Halcyon")

    travel(page)
    expect(page).to_have_url(form)
    expect(page.get_by_label("Name")).to_be_visible()


@pytest.mark.parametrize("height", [420, 640])
def test_the_place_in_the_settings_is_there_again(stage: Stage, height: int) -> None:
    for number in range(12):
        join(stage.people["ada"].workspace, f"member{number:02}")
    page = stage.page("cleo", size={"width": 1000, "height": height})
    page.goto(f"{stage.site}/halyard/settings/workspace/members/")
    page.get_by_label("Role of Member11").scroll_into_view_if_needed()
    place = page.evaluate(SETTINGS_TOP)
    assert place > 200

    # What reloads the page, and what leads away from it and back.
    page.get_by_label("Role of Member11").focus()
    page.get_by_label("Role of Member11").select_option("Admin")
    expect(page.get_by_text("Member11 is an admin")).to_be_visible()
    page.wait_for_function(SETTINGS_TOP + " === place", arg=place)
    expect(page.get_by_label("Role of Member11")).to_be_focused()
    page.get_by_role("link", name="Teams", exact=True).click()
    expect(page).to_have_url(re.compile("/teams/"))
    travel(page)
    page.wait_for_function(SETTINGS_TOP + " === place", arg=place)
