"""What an action changes is there at once, for others too; other tabs are the browser's; Back keeps its word."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, TimeoutError, expect

from crm.edits.deleting import delete_records
from crm.edits.editing import rename
from crm.edits.merging import merge
from crm.edits.undoing import undo
from crm.live import announce
from crm.models import Company, SavedView
from crm.notifying import notify
from crm.records import COMPANY
from crm.starring import toggle
from crm.tables.saved_views import delete_view, describe_view, rearrange_view, save_view
from mailboxes.models import Mailbox, MailboxKind
from tests.journeys.stage import Held, Stage, is_settled
from tests.journeys.test_selecting import tick
from tests.journeys.test_table import shelf, table, travel

__all__ = ["shelf"]
pytestmark = pytest.mark.django_db(transaction=True)


def heads(page: Page) -> list[str]:
    return page.locator("thead th[data-column]").evaluate_all("all => all.map((it) => it.dataset.column)")


def add_column(page: Page, name: str) -> None:
    page.get_by_role("button", name="Add column").click()
    page.locator("#column-menu").get_by_role("checkbox", name=name).click()
    expect(page.locator("thead .col-head", has_text=name)).to_be_visible()
    is_settled(page)
    page.keyboard.press("Escape")


def test_ticked_rows_are_changed_after_a_column_was_added(shelf: Stage) -> None:
    page = table(shelf)
    add_column(page, "Location")
    address = page.url
    tick(page, "Arbor", "Cobalt")
    page.get_by_role("button", name="Edit attribute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Attribute").select_option("location")
    dialog.get_by_label("Value").fill("Lisbon")
    is_settled(page)
    dialog.get_by_role("button", name="Change 2 companies").click()

    expect(page.locator(".toast")).to_contain_text("2 companies")
    expect(page).to_have_url(address)
    expect(page.locator("#rows [data-attribute=location]", has_text="Lisbon")).to_have_count(2)


def test_back_undoes_a_column_also_where_the_address_named_none(shelf: Stage) -> None:
    page = table(shelf)
    for name in ("Industry", "Location"):  # the second time others than the usual ones are remembered
        page.goto(f"{shelf.site}/halyard/companies/")
        before = heads(page)
        page.locator("#col-name").click()
        expect(page.locator("th[aria-sort]")).to_contain_text("Company")
        add_column(page, name)
        assert {*heads(page)} == {*before, name.lower()}
        for _ in range(2):
            travel(page)
            assert heads(page) == before
        for _ in range(2):
            travel(page, forward=True)
        assert {*heads(page)} == {*before, name.lower()}


def test_a_second_press_waits_for_the_first(shelf: Stage) -> None:
    page = table(shelf, query="?filter=people:at_least:1&filter=name:contains:r&sort=name")
    held = Held(page, "**/columns/**")
    page.get_by_role("button", name="Add column").click()
    menu = page.locator("#column-menu")
    for name in ("Location", "Industry"):
        menu.get_by_role("checkbox", name=name).click()
    held.has_come()
    assert len(held.routes) == 1
    held.ends()

    expect(page.locator("thead th[data-column=industry]")).to_be_attached()
    assert {"location", "industry"} <= {*heads(page)}
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")

    is_settled(page)
    held = Held(page, "**/companies/?*")
    chips = page.locator(".chip a[aria-label^=Remove]")
    chips.nth(0).click()
    page.locator("#sort-order").click()
    chips.nth(1).click()
    held.ends()
    expect(chips).to_have_count(0)
    expect(page.locator("#rows tr[data-record]")).to_have_count(5)
    expect(page).to_have_url(re.compile(r"sort=-name"))


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("#col-name", "companies/?sort=name"),
        ("#filter-button", "filters/"),
        (".page-head__end a:has-text('New company')", "companies/creation/form/"),
        ("#view-tabs [aria-label='Save a new view']", "views/companies/form/"),
    ],
)
def test_another_tab_is_the_browsers(shelf: Stage, link: str, address: str) -> None:
    page = table(shelf)
    here = page.url
    with page.context.expect_page() as opened:
        page.locator(link).click(modifiers=["Control"])
    expect(opened.value).to_have_url(re.compile(re.escape(address)))
    expect(opened.value.locator("h1").first).to_be_attached()
    assert page.url == here
    expect(page.locator("#dialogs[open], .menu:popover-open")).to_have_count(0)


def test_links_that_speak_of_the_table_say_how_it_is(shelf: Stage) -> None:
    page = table(shelf)
    page.locator("#col-name").click()
    expect(page).to_have_url(re.compile("sort=name"))
    for link in (page.locator("[data-export]"), page.get_by_role("link", name="Save a new view")):
        link.dispatch_event("pointerdown")
        assert "sort=name" in str(link.get_attribute("href"))


def test_tabs_and_the_sidebar_follow_what_is_saved_and_counted(shelf: Stage) -> None:
    ada, ben = shelf.people["ada"], shelf.people["ben"]
    big = ["people:at_least:2"]
    save_view("company", "Big", sort="name", filters=big, columns=["people"], is_shared=True, by=ada)
    page = table(shelf)
    tab = page.locator("#view-tabs").get_by_role("link", name="Big")
    expect(tab).to_contain_text("3")

    arbor = Company.objects.get(name="Arbor")
    Company.objects.filter(pk=arbor.pk).update(people_count=7)
    announce(ada.workspace_id, records=[("company", arbor.pk)])
    expect(tab).to_contain_text("4", timeout=15_000)

    save_view("company", "Bens", sort="name", filters=[], columns=["people"], is_shared=True, by=ben)
    entry = page.locator("#nav-records").get_by_role("link", name="Bens")
    expect(entry).to_be_visible(timeout=15_000)
    expect(page.locator("#view-tabs").get_by_role("link", name="Bens")).to_be_visible(timeout=15_000)
    save_view("company", "His own", sort="name", filters=[], columns=["people"], is_shared=False, by=ben)
    delete_view(SavedView.objects.get(name="Bens"), by=ben)
    expect(entry).to_have_count(0, timeout=15_000)
    expect(page.get_by_role("link", name="His own")).to_have_count(0)


def test_a_view_that_somebody_else_changes_is_offered_anew(shelf: Stage) -> None:
    ada = shelf.people["ada"]
    big = save_view(
        "company",
        "Big",
        sort="name",
        filters=["people:at_least:2"],
        columns=["people"],
        is_shared=True,
        by=ada,
    )
    page = shelf.page("ben")
    page.goto(f"{shelf.site}/halyard/companies/?view={big.pk}")
    news, rows = page.locator("#view-news"), page.locator("#rows tr[data-record]")
    expect(rows).to_have_count(3)
    expect(news).to_be_hidden()

    rearrange_view(big, sort="-name", filters=["people:at_least:3"], columns=["people", "location"], by=ada)
    expect(news).to_have_text("View changed", timeout=15_000)
    expect(rows).to_have_count(3)
    news.click()
    expect(rows).to_have_count(2)
    expect(page.locator("thead th[data-column=location]")).to_be_attached()
    expect(news).to_be_hidden()

    describe_view(big, "Large", is_shared=True, by=ada)
    expect(page).to_have_title(re.compile("^Large · "), timeout=15_000)
    expect(news).to_be_hidden()
    describe_view(big, "Large", is_shared=False, by=ada)
    expect(news).to_have_text("View gone", timeout=15_000)
    news.click()
    expect(page.locator(".toast")).to_contain_text("That view is gone")


def test_a_row_that_is_deleted_elsewhere_is_struck_through_until_it_is_back(shelf: Stage) -> None:
    page, ben = table(shelf), shelf.people["ben"]
    dune = Company.objects.get(name="Dune")
    row = page.locator(f'tr[data-record="company:{dune.pk}"]')

    deletion = delete_records(COMPANY, [dune.pk], workspace_id=ben.workspace_id, by=ben)
    expect(row).to_have_attribute("data-is-gone", "")
    expect(page.locator("#rows tr[data-is-gone]")).to_have_count(1)
    expect(page.locator("#moved")).to_have_text("1 row moved")

    assert deletion
    undo(deletion, by=ben, now=timezone.now())
    expect(page.locator("#rows tr[data-is-gone]")).to_have_count(0)
    expect(page.locator("#moved")).to_be_hidden()


def test_what_is_as_it_was_stays_with_the_focus_in_it(shelf: Stage) -> None:
    dune = Company.objects.get(name="Dune")
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/{dune.pk}/")
    details = page.locator("#record-details")
    details.locator("button, a").first.focus()
    held = page.evaluate_handle("document.activeElement")
    with page.expect_response(re.compile("/attributes/")):
        announce(dune.workspace_id, records=[("company", dune.pk)])
    is_settled(page)
    assert held.evaluate("one => one === document.activeElement")

    rename(dune, "Dune and Sons", by=shelf.people["cleo"])
    Company.objects.filter(pk=dune.pk).update(description="Sand, and much of it")
    announce(dune.workspace_id, records=[("company", dune.pk)])
    expect(details).to_contain_text("Sand, and much of it", timeout=10_000)


def test_favourites_follow_names_and_deletions(shelf: Stage) -> None:
    ada, cleo = shelf.people["ada"], shelf.people["cleo"]
    dune, ember = (Company.objects.get(name=name) for name in ("Dune", "Ember"))
    for one in (dune, ember):
        toggle(one, by=ada)
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/companies/{ember.pk}/")
    favourites = page.locator("#favourites")
    expect(favourites.get_by_role("link", name="Ember")).to_have_attribute("aria-current", "page")

    rename(dune, "Dune and Sons", by=cleo)
    expect(favourites.get_by_role("link", name="Dune and Sons")).to_be_visible(timeout=10_000)
    expect(favourites.get_by_role("link", name="Ember")).to_have_attribute("aria-current", "page")
    deletion = delete_records(COMPANY, [dune.pk], workspace_id=dune.workspace_id, by=cleo)
    expect(favourites.get_by_role("link", name="Dune and Sons")).to_have_count(0, timeout=10_000)
    assert deletion is not None
    undo(deletion, by=cleo, now=timezone.now())
    expect(favourites.get_by_role("link", name="Dune and Sons")).to_be_visible(timeout=10_000)
    merge(Company.objects.get(pk=dune.pk), Company.objects.get(name="Cobalt"), by=cleo)
    expect(favourites.get_by_role("link", name="Dune and Sons")).to_have_count(0, timeout=10_000)


def test_an_open_list_of_notifications_follows(shelf: Stage) -> None:
    ada = shelf.people["ada"]
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/people/")
    page.get_by_role("button", name="Notifications").click()
    bell = page.locator("#notifications")
    expect(bell).to_contain_text("Nothing yet")
    box = Mailbox.objects.create(
        workspace=ada.workspace, member=ada, kind=MailboxKind.ARCHIVE, address="ada@halyard.example"
    )
    notify([ada], "needs_reconnect", box.pk)
    expect(bell.locator(".note")).to_have_count(1, timeout=10_000)


def test_the_page_of_notifications_stays_where_it_was_scrolled_to(shelf: Stage) -> None:
    ada = shelf.people["ada"]
    box = Mailbox.objects.create(
        workspace=ada.workspace, member=ada, kind=MailboxKind.ARCHIVE, address="ada@halyard.example"
    )
    notify([ada] * 60, "needs_reconnect", box.pk)
    page = shelf.page("ada")
    page.goto(f"{shelf.site}/halyard/notifications/")
    notes = page.locator(".notifications--page .note")
    expect(notes.first).to_be_visible()
    notes.last.scroll_into_view_if_needed()
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 20_000)
    expect(notes).to_have_count(60)

    with pytest.raises(TimeoutError), page.expect_response(re.compile("page=1"), timeout=2_500):
        notify([ada], "needs_reconnect", box.pk)
    expect(notes).to_have_count(60)
    page.mouse.wheel(0, -40_000)
    expect(notes.first).to_be_in_viewport()
    expect(notes).not_to_have_count(60, timeout=10_000)


def test_a_key_right_after_a_dialog_was_closed_counts(shelf: Stage) -> None:
    """Nothing is drawn in between, as where a machine is busy: the closed dialog has the focus still."""
    page = table(shelf)
    page.keyboard.press("c")
    expect(page.locator("#dialogs[open] input[name=name]")).to_be_focused()
    pressed = """() => {
        document.getElementById("dialogs").close();
        document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key: "?", bubbles: true, cancelable: true }));
    }"""
    page.evaluate(pressed)
    expect(page.locator("#dialogs[open]")).to_contain_text("Keyboard shortcuts")


def test_a_dialog_is_asked_for_once(shelf: Stage) -> None:
    page = table(shelf)
    held = Held(page, "**/creation/form/")
    for _ in range(2):
        page.keyboard.press("c")
    held.let_go()
    field = page.locator("#dialogs[open] input[name=name]")
    field.fill("Halcyon")
    is_settled(page)
    page.wait_for_timeout(500)
    assert not held.routes
    expect(field).to_have_value("Halcyon")
