"""What an owner takes back goes from pages that are being read, and whoever reads on keeps the place."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.models import AccessLevel
from intelligence.models import CompanyConnection
from mailboxes.models import Mailbox
from mailboxes.sharing.granting import set_default_level
from tests.journeys.stage import WIDE, Trouble, is_settled
from tests.journeys.test_record_page import page_of, site

__all__ = ["site"]
pytestmark = pytest.mark.django_db(transaction=True)

SOON = 12_000  # in milliseconds
ROWS = "all => all.map(one => `${one.dataset.thread} ${one.dataset.access}`)"
LINES = "all => all.map(one => one.innerText)"


@pytest.fixture
def tie(site: str) -> CompanyConnection:
    """A colleague and the company they write with most; everybody may read it."""
    tie = CompanyConnection.objects.exclude(member__user__email__startswith="ines@").order_by(
        "-emails", "pk"
    )[0]
    give(tie, AccessLevel.FULL)
    return tie


def give(tie: CompanyConnection, level: AccessLevel) -> None:
    set_default_level(Mailbox.objects.get(member=tie.member), level, by=tie.member)


def comes_to(page: Page, selector: str, script: str, wanted: list[str]) -> None:
    """As far as it goes: more comes with reading on."""
    page.wait_for_function(
        f"""wanted => {{
            const shown = ({script})([...document.querySelectorAll('{selector}')]);
            return shown.length && JSON.stringify(shown) === JSON.stringify(wanted.slice(0, shown.length));
        }}""",
        arg=wanted,
        timeout=SOON,
    )


def test_a_meeting_that_is_open_closes_where_its_feed_shows_less(
    browser: Browser, site: str, tie: CompanyConnection
) -> None:
    page = page_of(browser, site, WIDE)
    trouble, url = Trouble(page, site), f"{site}/halyard/companies/{tie.company_id}/"
    page.goto(url)
    lines, cards = page.locator("#feed .act"), page.locator("#tab article.event")
    before = lines.evaluate_all(LINES)
    page.locator("#feed a.act__open").first.click()
    expect(cards).to_have_count(1)

    give(tie, AccessLevel.METADATA)
    expect(cards).to_have_count(0, timeout=SOON)
    expect(page).to_have_url(url)
    fresh = page.context.new_page()
    fresh.goto(url)
    after = fresh.locator("#feed .act").evaluate_all(LINES)
    assert after != before
    comes_to(page, "#feed .act", LINES, after)
    assert trouble.found == []


def go_down(page: Page, url: str) -> None:
    """To the end of the list, page by page."""
    page.goto(url)
    rows, tab = page.locator(".thread-row"), page.locator("#record-tabs [aria-current]")
    expect(tab).to_have_text(re.compile(r"Emails\s*\d+"))
    total = int(tab.inner_text().split()[-1])
    while rows.count() < total:
        page.locator(".threads__list").evaluate("it => it.scrollTo(0, it.scrollHeight)")
        page.wait_for_timeout(50)
    is_settled(page)


def test_a_list_of_several_pages_shows_less_where_it_is_read(
    browser: Browser, site: str, tie: CompanyConnection
) -> None:
    page = page_of(browser, site, WIDE)
    trouble, url = Trouble(page, site), f"{site}/halyard/companies/{tie.company_id}/emails/"
    go_down(page, url)
    rows = page.locator(".thread-row")
    before = rows.evaluate_all(ROWS)
    read = before[len(before) // 2].split()[0]  # what is below it fills more than the window
    row = page.locator(f".thread-row[data-thread='{read}']")
    row.evaluate("it => it.scrollIntoView({block: 'center'})")
    assert page.locator(".threads__list").evaluate("it => it.scrollTop") > 0

    give(tie, AccessLevel.METADATA)
    fresh = page.context.new_page()
    go_down(fresh, url)
    after = fresh.locator(".thread-row").evaluate_all(ROWS)
    assert after != before
    comes_to(page, ".thread-row", ROWS, after)
    expect(row).to_be_in_viewport()
    assert trouble.found == []
