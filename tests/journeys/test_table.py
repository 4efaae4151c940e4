"""The companies table in a browser: filters, views, columns, the keyboard, and what changes elsewhere."""

import re

import pytest
from playwright.sync_api import Page, expect

from crm.models import Company, Person, SavedView
from crm.naming import name_key
from intelligence.models import CompanyInsight
from tests.journeys.stage import NARROW, NOW, WIDE, Held, Stage

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("Arbor", "Brightwater", "Cobalt", "Dune", "Ember")
CHANGED = "(key) => document.body.dispatchEvent(new CustomEvent('live', { detail: { records: [key] } }))"


@pytest.fixture
def shelf(stage: Stage) -> Stage:
    """Five companies, of which three were spoken with, the last one first."""
    workspace = stage.people["ada"].workspace
    for n, name in enumerate(NAMES):
        company = Company.objects.create(
            workspace=workspace, name=name, name_key=name_key(name), people_count=n
        )
        at = NOW.replace(year=NOW.year - n) if n < 3 else None
        CompanyInsight.objects.create(
            workspace=workspace,
            company=company,
            last_email_at=at,
            last_email_member=stage.people["ben"] if at else None,
        )
    Person.objects.create(workspace=workspace, name="Bob", name_key="bob", company=company)
    return stage


def table(shelf: Stage, *, size: dict[str, int] = WIDE, query: str = "") -> Page:
    page = shelf.page("ada", size=size)
    page.goto(f"{shelf.site}/halyard/companies/{query}")
    expect(page.locator("#calculations .calculation").first).to_be_attached()
    return page


def travel(page: Page, *, forward: bool = False) -> None:
    """Back or Forward, and until the page that comes is ready for another."""
    page.evaluate("window.isOld = true")
    page.go_forward() if forward else page.go_back()
    page.wait_for_function("() => !window.isOld && window.htmx && document.readyState === 'complete'")


def names(page: Page) -> list[str]:
    return [one.strip() for one in page.locator("#rows .record-link > span:last-child").all_inner_texts()]


def settle(page: Page, *wanted: str) -> None:
    expect(page.locator("#rows .record-link > span:last-child")).to_have_text(list(wanted))


def filter_by_people(page: Page, number: int) -> None:
    page.locator("#filter-button").click()
    menu = page.locator("#filter-editor")
    menu.get_by_placeholder("Filter by…").fill("peop")
    expect(menu.locator(".menu__item:visible")).to_have_text(["People"])
    menu.get_by_text("People").click()
    menu.get_by_label("Number").fill(str(number))
    menu.get_by_role("button", name="Add filter").click()
    expect(menu).to_be_hidden()


def test_the_count_is_completed_by_its_own_table_alone(shelf: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.tables.ordering.FEW", 2)  # what a thousand is to a large table
    page = shelf.page("ada")
    late = Held(page, "**/calculations/?sort=name")
    page.goto(f"{shelf.site}/halyard/companies/?sort=name")
    expect(page.locator("#record-count")).to_have_text("5")

    filter_by_people(page, 2)
    expect(page.locator("#calculations .calculation").first).to_be_attached()
    expect(page.locator("#record-count")).to_have_text("3")
    with page.expect_response("**/calculations/?sort=name"):
        late.let_go()
    page.wait_for_timeout(300)

    expect(page.locator("#record-count")).to_have_text("3")


def test_a_count_that_came_late_with_its_page_follows_at_once(shelf: Stage) -> None:
    page = shelf.page("ada")
    first = Held(page, "**/calculations/**")
    page.goto(f"{shelf.site}/halyard/companies/")
    first.has_come()
    page.wait_for_timeout(1_000)
    first.let_go()
    first.ends()
    expect(page.locator("#calculations .calculation").first).to_be_attached()

    workspace = shelf.people["ada"].workspace
    fable = Company.objects.create(workspace=workspace, name="Fable", name_key=name_key("Fable"))
    CompanyInsight.objects.create(workspace=workspace, company=fable)
    page.evaluate(CHANGED, f"company:{fable.pk}")

    # Twenty times what that answer took would be some twenty seconds, and ten are the most.
    expect(page.locator("#record-count")).to_have_text("6", timeout=5_000)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_filters_are_added_changed_and_removed_and_back_undoes_each(
    shelf: Stage, size: dict[str, int]
) -> None:
    page = table(shelf, size=size)

    filter_by_people(page, 2)
    settle(page, "Cobalt", "Ember", "Dune")
    expect(page.locator("#filter-button")).to_be_focused()
    page.locator("#filter-0").click()
    page.locator("#filter-editor").get_by_label("Condition").select_option("at_most")
    page.locator("#filter-editor").get_by_role("button", name="Apply").click()
    settle(page, "Arbor", "Brightwater", "Cobalt")
    page.get_by_role("link", name="Remove the filter People").click()
    settle(page, "Arbor", "Brightwater", "Cobalt", "Ember", "Dune")
    travel(page)
    settle(page, "Arbor", "Brightwater", "Cobalt")
    travel(page)
    settle(page, "Cobalt", "Ember", "Dune")
    travel(page, forward=True)
    settle(page, "Arbor", "Brightwater", "Cobalt")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_view_is_saved_changed_discarded_and_deleted(shelf: Stage) -> None:
    page = table(shelf)
    filter_by_people(page, 3)
    page.get_by_role("link", name="Save view").click()
    page.get_by_label("Name").fill("Big ones")
    page.get_by_label("For everyone in Halyard").check()
    page.get_by_role("button", name="Save", exact=True).click()
    tab = page.locator("#view-tabs").get_by_role("link", name="Big ones")
    expect(tab).to_have_attribute("aria-current", "page")
    expect(tab.locator(".count")).to_have_text("2")
    settle(page, "Ember", "Dune")

    page.locator("#col-name").click()
    settle(page, "Dune", "Ember")
    page.get_by_role("link", name="Discard").click()
    settle(page, "Ember", "Dune")
    page.locator("#col-name").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    settle(page, "Dune", "Ember")

    ben = shelf.page("ben")
    ben.goto(f"{shelf.site}/halyard/companies/")
    ben.locator("#sidebar").get_by_role("link", name="Big ones").click()
    settle(ben, "Dune", "Ember")
    expect(ben.get_by_role("link", name="Change the view “Big ones”")).to_have_count(0)

    page.get_by_role("link", name="Change the view “Big ones”").click()
    page.get_by_role("button", name="Delete view").click()
    page.get_by_role("button", name="Delete for everyone").click()
    expect(page.locator("#view-tabs .tab[aria-current]")).to_have_text("All companies")
    assert SavedView.objects.count() == 0


def test_columns_come_go_and_move_from_their_menus(shelf: Stage) -> None:
    page = table(shelf)
    heads = page.locator(".table thead th .col-head")
    before = [one.strip() for one in heads.all_inner_texts()]

    page.get_by_role("button", name="Add column").click()
    page.locator("#column-menu").get_by_role("checkbox", name="Industry").click()
    expect(heads).to_have_count(len(before) + 1)
    # What has just come is a plain link until htmx has seen it.
    expect(page.locator(".htmx-settling")).to_have_count(0)
    page.keyboard.press("Escape")
    page.locator("#menu-industry").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Move left").click()
    expect(heads.nth(2)).to_have_text("Industry")
    page.locator("#menu-industry").click()
    page.get_by_role("button", name="Hide column").click()
    expect(heads).to_have_text(before)


def test_columns_are_dragged_to_another_place(shelf: Stage) -> None:
    page = table(shelf, query="?columns=domains,people,industry,location")
    heads = page.locator("thead th[data-column]")

    def order() -> list[str | None]:
        return [one.get_attribute("data-column") for one in heads.all()]

    def drag(name: str, onto: str, *, after: bool) -> None:
        box = page.locator(f"th[data-column={onto}]").bounding_box()
        assert box
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator(f"th[data-column={name}]").drag_to(
                page.locator(f"th[data-column={onto}]"),
                source_position={"x": 40, "y": 12},
                target_position={"x": box["width"] - 40 if after else 10, "y": 12},
            )

    assert order() == ["domains", "people", "industry", "location"]
    drag("location", "people", after=False)
    expect(heads.nth(1)).to_have_attribute("data-column", "location")
    assert order() == ["domains", "location", "people", "industry"]
    drag("domains", "industry", after=True)
    expect(heads.last).to_have_attribute("data-column", "domains")
    assert order() == ["location", "people", "industry", "domains"]
    assert page.url.endswith("columns=location%2Cpeople%2Cindustry%2Cdomains")


def test_the_table_is_one_tab_stop_and_keys_do_the_rest(shelf: Stage) -> None:
    page = table(shelf)

    page.keyboard.press("ArrowDown")
    expect(page.locator("#rows tr").nth(0).locator("th")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    expect(page.locator("#rows .check:checked")).to_have_count(2)
    expect(page.locator(".bulk")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#rows .check:checked")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#rows tr").nth(2).locator("[data-attribute=domains]")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/companies/\d+/"))

    pager = page.locator("[data-pager]")
    expect(pager).to_contain_text("3 of 5")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ember")
    expect(pager).to_contain_text("4 of 5")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cobalt")


def test_arrows_go_on_from_a_box_that_was_clicked(shelf: Stage) -> None:
    page = table(shelf, query="?sort=name")
    box = page.locator("#rows tr", has_text="Cobalt").locator(".check")
    box.locator("xpath=ancestor::tr").hover()
    box.click()

    page.keyboard.press("ArrowDown")

    expect(page.locator("#rows tr", has_text="Dune").locator("th")).to_be_focused()
    expect(box).to_be_checked()


def test_the_record_leads_back_to_the_table_it_was_opened_from(shelf: Stage) -> None:
    page = table(shelf, query="?sort=name&filter=people:at_least:2")
    page.get_by_role("link", name="Dune").click()

    expect(page.locator("[data-pager]")).to_contain_text("2 of 3")
    page.locator(".crumbs").get_by_role("link", name="Companies").click()

    settle(page, "Cobalt", "Dune", "Ember")


def test_who_comes_back_finds_the_table_where_it_was(shelf: Stage) -> None:
    workspace = shelf.people["ada"].workspace
    firms = Company.objects.bulk_create(
        Company(workspace=workspace, name=f"Firm {n:03}", name_key=f"firm {n:03}") for n in range(130)
    )
    CompanyInsight.objects.bulk_create(CompanyInsight(workspace=workspace, company=firm) for firm in firms)
    page = table(shelf, query="?sort=name")
    wrap = page.locator(".table-wrap")
    far = page.get_by_role("link", name="Firm 120")
    for rows in (100, 135):
        wrap.evaluate("it => it.scrollTo(0, it.scrollHeight)")
        expect(page.locator("#rows tr[data-record]")).to_have_count(rows)
    far.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Firm 120")

    for way_back in (page.go_back, page.locator(".crumbs").get_by_role("link", name="Companies").click):
        way_back()
        expect(far).to_be_in_viewport()
        far.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Firm 120")

    page.goto(f"{shelf.site}/halyard/companies/?sort=name")
    assert wrap.evaluate("it => it.scrollTop") == 0


def test_a_value_that_changes_elsewhere_changes_in_place_and_rows_wait(shelf: Stage) -> None:
    page = table(shelf)
    cobalt = Company.objects.get(name="Cobalt")
    row = page.locator(f'tr[data-record="company:{cobalt.pk}"]')
    row.hover()
    row.locator(".check").check()

    CompanyInsight.objects.filter(company=cobalt).update(
        last_email_at=NOW, last_email_member=shelf.people["ada"]
    )
    CompanyInsight.objects.filter(company__name="Arbor").update(last_email_at=NOW.replace(year=NOW.year - 5))
    page.evaluate(CHANGED, f"company:{cobalt.pk}")

    expect(row.locator("[data-attribute=last_interaction]")).to_have_class(re.compile("is-fresh"))
    expect(row.locator("[data-attribute=last_interaction]")).to_contain_text("Ada")
    expect(row.locator("[data-attribute=domains]")).not_to_have_class(re.compile("is-fresh"))
    expect(row.locator(".check")).to_be_checked()
    expect(page.locator("#moved")).to_have_text("2 rows moved")
    assert names(page)[:3] == ["Arbor", "Brightwater", "Cobalt"]
    page.locator("#moved").click()
    settle(page, "Cobalt", "Brightwater", "Arbor", "Ember", "Dune")
    expect(page.locator("#moved")).to_be_hidden()


def test_another_calculation_is_a_press_away(shelf: Stage) -> None:
    page = table(shelf)
    cell = page.locator("#calculation-last_interaction")

    expect(cell).to_contain_text("Latest")
    cell.click()
    expect(cell).to_contain_text("Earliest")
    cell.click()
    expect(cell).to_have_text("3 filled")
    # There is but one of this, so it is no button.
    people = page.locator("#calculation-people")
    expect(people).to_have_text("10 people")
    expect(people.and_(page.get_by_role("button"))).to_have_count(0)
    people.click()
    expect(page.locator("#calculation-last_interaction")).to_have_text("3 filled")


def test_a_table_address_works_alone_and_exports_what_it_shows(shelf: Stage) -> None:
    page = table(shelf, query="?sort=-name&filter=people:at_most:1&columns=people")

    settle(page, "Brightwater", "Arbor")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").first.click()
    text = download.value.path().read_text()

    assert [line.split(",")[1] for line in text.splitlines()] == ["name", "Brightwater", "Arbor"]


def test_columns_are_found_by_typing(shelf: Stage) -> None:
    page = table(shelf, query="?columns=domains&sort=name")

    page.keyboard.press("Shift+C")
    expect(page.locator("#column-menu input[type=search]")).to_be_focused()
    page.keyboard.type("indus")
    expect(page.locator("#column-menu .menu__item:visible")).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page.locator("thead").get_by_role("link", name="Industry")).to_be_visible()
    expect(page).to_have_url(re.compile("columns=domains%2Cindustry|columns=domains,industry"))


def test_filters_are_all_in_sight_on_a_small_screen(shelf: Stage) -> None:
    filters = "&".join(f"filter=name:contains:{letter}" for letter in "arbo")
    page = table(shelf, size=NARROW, query=f"?sort=name&{filters}")

    chips = page.locator(".toolbar__chips > .chip")
    expect(chips).to_have_count(5)
    expect(page.locator("#filter-button")).to_be_in_viewport(ratio=1)
    chips.last.scroll_into_view_if_needed()
    expect(chips.last).to_be_in_viewport(ratio=1)
    expect(page.locator("#filter-button")).to_be_in_viewport(ratio=1)
