"""The pages as somebody uses them, in the system's Chromium."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect, sync_playwright

from crm.models import Company
from tests.servers.programs import needs

pytestmark = pytest.mark.django_db(transaction=True)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    program = needs("chromium", package="chromium")
    # Playwright's own loop makes Django think that everything is asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Trouble:
    """What went wrong in the background: console errors, failed answers, requests to other hosts."""

    def __init__(self, page: Page, own: str) -> None:
        self.found: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.found.append(message.text))
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and self.found.append(f"{answer.status} {answer.url}"),
        )
        page.on("request", lambda asked: asked.url.startswith((own, "data:")) or self.found.append(asked.url))


@pytest.fixture
def site(live_server: Any) -> str:
    call_command("seed_demo", "--scale=0.5", "--day=2026-11-24")
    return str(live_server.url)


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


@pytest.mark.parametrize("path", ["companies/", "people/", "companies/{pk}/"])
def test_nothing_moves_sideways_on_a_small_screen(browser: Browser, site: str, path: str) -> None:
    page = browser.new_context(viewport=NARROW, has_touch=True).new_page()  # type: ignore[arg-type]
    trouble = Trouble(page, site)
    sign_in(page, site)

    page.goto(f"{site}/halyard/{path.format(pk=Company.objects.earliest('pk').pk)}")

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="People", exact=True)).to_be_visible()
    assert trouble.found == []
