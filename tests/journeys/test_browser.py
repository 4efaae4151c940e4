"""The pages as somebody uses them, in the system's Chromium."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.models import Company
from mailboxes.models import CalendarEvent, Thread
from tests.journeys.demo import fill_with_demo
from tests.journeys.stage import NARROW, WIDE, WIDTH, Trouble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(site: str, shared_folder: Path) -> str:
    fill_with_demo(shared_folder)
    return site


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    page.get_by_label("Email").fill("ines@halyardstudio.example")
    page.get_by_label("Password", exact=True).fill("halyard-demo")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site}/halyard/companies/")


def test_somebody_signs_in_and_finds_their_way_around(browser: Browser, site: str) -> None:
    page = browser.new_context(viewport=WIDE).new_page()  # type: ignore[arg-type]
    trouble = Trouble(page, site)
    sign_in(page, site)
    rows = page.locator("tr[data-record]")
    expect(rows).to_have_count(50)

    # Down to the end: the next rows come by themselves.
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(Company.objects.count())

    # Sorted by another column, both ways, in the address too.
    page.get_by_role("columnheader", name="Company").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"sort=name$"))
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Company")
    names = rows.locator(".record-link").all_inner_texts()
    assert names == sorted(names, key=str.casefold)
    page.get_by_role("link", name=re.compile("turn the order round")).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Company")
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Company")

    # A column goes and comes back.
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="First interaction").click()
    expect(page.get_by_role("columnheader", name="First interaction")).to_have_count(0)
    page.get_by_role("checkbox", name="First interaction").click()
    expect(page.get_by_role("columnheader", name="First interaction")).to_have_count(1)

    # A record, and back to where one was.
    page.goto(f"{site}/halyard/companies/")
    rows.first.locator(".record-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(rows_name(page))
    expect(page.locator("article.act").first).to_be_visible()
    assert page.locator(".intel .attr").count() == 9
    page.get_by_role("link", name="Companies").first.click()
    expect(rows).to_have_count(50)
    assert trouble.found == []


def rows_name(page: Page) -> str:
    return page.locator(".crumbs [aria-current=page]").inner_text()


def test_nothing_moves_sideways_on_a_small_screen(browser: Browser, site: str) -> None:
    page = browser.new_context(viewport=NARROW, has_touch=True).new_page()  # type: ignore[arg-type]
    trouble = Trouble(page, site)
    sign_in(page, site)

    widths = {}
    for path in small_pages():
        page.goto(f"{site}/halyard/{path}")
        widths[path] = page.evaluate(WIDTH)

    assert {path: width for path, width in widths.items() if width > NARROW["width"]} == {}
    page.goto(f"{site}/halyard/companies/")
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="People", exact=True)).to_be_visible()
    assert trouble.found == []


def small_pages() -> list[str]:
    company = f"companies/{Company.objects.earliest('pk').pk}/"
    thread, event = Thread.objects.latest("pk").pk, CalendarEvent.objects.latest("pk").pk
    return [
        "companies/",
        "people/",
        company,
        f"{company}emails/",
        f"{company}access/",
        f"emails/{thread}/",
        f"events/{event}/",
        "notifications/",
        "settings/account/email-calendar/",
        "settings/workspace/email-calendar/",
    ]
