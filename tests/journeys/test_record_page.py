"""A record's page as somebody reads it: the feed, its filters, an event opened, the reasons for a grade,
and what happens to it all while something new arrives."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.models import Company
from intelligence.models import CompanyInteraction
from tests.journeys.demo import fill_with_demo
from tests.journeys.stage import NARROW, WIDE, WIDTH, Trouble, is_settled
from tests.journeys.test_browser import sign_in
from tests.journeys.test_table import travel

pytestmark = pytest.mark.django_db(transaction=True)

# What a live update does to a region that asks for it.
ANNOUNCE = """id => window.htmx.trigger(document.getElementById(id), "live")"""


@pytest.fixture
def site(site: str, shared_folder: Path) -> str:
    fill_with_demo(shared_folder)
    return site


def busiest() -> Company:
    """Whom there was most to do with."""
    return max(Company.objects.all(), key=lambda one: one.timeline.count())


def page_of(browser: Browser, site: str, size: dict[str, int], **more: Any) -> Page:
    page = browser.new_context(viewport=size, timezone_id="Europe/Lisbon", **more).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(15_000)
    sign_in(page, site)
    return page


def test_somebody_reads_a_record(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble, company = Trouble(page, site), busiest()
    page.goto(f"{site}/halyard/companies/{company.pk}/")
    feed, tabs = page.locator("#feed"), page.locator("#record-tabs")
    expect(tabs.get_by_role("link", name=re.compile(r"Calendar \d+"))).to_be_visible()

    # Only meetings, then only somebody's, and back.
    page.get_by_role("link", name="Meetings", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?kind=meetings$"))
    expect(feed.locator("article[data-kind=email]")).to_have_count(0)
    expect(page.locator("#feed-meetings")).to_be_focused()
    page.get_by_role("button", name="Anyone").click()
    page.locator("#feed-who a").nth(1).click()
    expect(page).to_have_url(re.compile(r"kind=meetings&member=\d+$"))
    expect(page.locator("#feed-who-button")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?kind=meetings$"))
    page.get_by_role("link", name="All", exact=True).click()

    # Down to the end, where it began.
    while page.locator(".gap").count():
        page.evaluate("() => [...document.querySelectorAll('.gap')].at(-1)?.scrollIntoView()")
        is_settled(page)
    entries = feed.locator("article[data-kind]")
    past = CompanyInteraction.objects.filter(company=company, occurred_at__lte="2026-11-24T09:00Z").count()
    assert entries.count() >= past
    expect(feed.get_by_text("First-ever interaction")).to_have_count(1)
    expect(entries.last).to_contain_text("First")

    # A meeting opens in its place and closes again.
    feed.locator("a.act__open").first.click()
    expect(feed.locator("article.event")).to_have_count(1)
    page.get_by_role("button", name="Close", exact=True).click()
    expect(feed.locator("article.event")).to_have_count(0)
    assert trouble.found == []


def test_somebody_asks_why(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble = Trouble(page, site)
    page.goto(f"{site}/halyard/companies/{busiest().pk}/")

    page.get_by_role("button", name="How these values are worked out").click()
    expect(page.locator("#how")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#how")).to_be_hidden()
    page.locator("#why-link").click()
    expect(page.locator("#reasons")).to_contain_text("Strength today")
    expect(page.get_by_role("button", name="Close the reasons")).to_be_focused()

    # It stays open while the details refresh around it.
    page.evaluate(ANNOUNCE, "known")
    is_settled(page)
    expect(page.locator("#reasons")).to_contain_text("Strength today")
    page.get_by_role("button", name="Close the reasons").click()
    expect(page.locator("#reasons")).to_have_count(0)
    expect(page.locator("#why-link")).to_be_focused()
    page.get_by_text("Week by week").click()
    expect(page.locator(".pulse__weeks tbody tr").first).to_be_visible()
    assert trouble.found == []


def test_what_is_new_comes_without_moving_anything(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble, company = Trouble(page, site), busiest()
    page.add_init_script("document.addEventListener('told', () => { window.isTold = true; })")
    page.goto(f"{site}/halyard/companies/{company.pk}/")
    # A stream that has just begun has everything looked at once more, within two seconds.
    page.wait_for_function("() => window.isTold")
    page.wait_for_timeout(2_200)
    is_settled(page)
    news, entries = page.get_by_role("button", name="New activity"), page.locator("#feed article[data-kind]")
    newest = CompanyInteraction.objects.filter(company=company).order_by("occurred_at")[0]
    page.evaluate(ANNOUNCE, "feed")
    is_settled(page)
    expect(news).to_be_hidden()

    # Further down something new is only announced.
    page.locator("#tab").evaluate("tab => tab.scrollTo(0, 300)")
    shown = entries.count()
    CompanyInteraction.objects.filter(pk=newest.pk).update(occurred_at="2026-11-24T08:59:00Z")
    page.evaluate(ANNOUNCE, "feed")
    expect(news).to_be_visible()
    assert entries.count() == shown
    news.click()
    expect(news).to_be_hidden()
    expect(page.locator("#feed-all")).to_be_focused()
    assert page.locator("#tab").evaluate("tab => tab.scrollTop") == 0

    # A value that has changed is marked, one that only grew older is not.
    is_settled(page)
    company.insight.__class__.objects.filter(pk=company.pk).update(last_email_at="2026-11-24T08:59:00Z")
    page.evaluate(ANNOUNCE, "known")
    expect(page.locator("#known .is-fresh").first).to_be_visible()
    fresh = page.locator("#known .is-fresh").evaluate_all("all => all.map(one => one.dataset.attribute)")
    assert "last_email_interaction" in fresh
    assert "first_email_interaction" not in fresh
    page.evaluate(ANNOUNCE, "known")  # and stays so when something else changes
    is_settled(page)
    expect(page.locator("#known [data-attribute=last_email_interaction].is-fresh")).to_be_visible()
    assert trouble.found == []


def test_record_page_fits_a_small_screen(browser: Browser, site: str) -> None:
    page = page_of(browser, site, NARROW, has_touch=True)
    trouble = Trouble(page, site)
    url = f"{site}/halyard/companies/{busiest().pk}/"

    widths = {}
    for path in ("", "?kind=milestones", "calendar/", "#details", "details/", "strength/?member=1"):
        answer = page.goto(f"{url}{path.replace('member=1', f'member={member_in_touch()}')}")
        assert answer is None or answer.ok
        is_settled(page)
        widths[path] = page.evaluate(WIDTH)

    assert {path: width for path, width in widths.items() if width > NARROW["width"]} == {}
    page.goto(f"{url}?kind=milestones")
    tag = page.locator("#feed .tag").get_by_text("Last interaction").bounding_box()
    assert tag is not None
    assert tag["width"] > 80
    assert trouble.found == []


def member_in_touch() -> int:
    return busiest().connections.order_by("-score")[0].member_id


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_back_and_forward_restore_what_was_shown(browser: Browser, site: str, size: dict[str, int]) -> None:
    page = page_of(browser, site, size)
    trouble, url = Trouble(page, site), f"{site}/halyard/companies/{busiest().pk}/"
    page.goto(url)
    tab = page.locator("#record-tabs [aria-current]")

    page.get_by_role("link", name="Meetings", exact=True).click()
    expect(page).to_have_url(f"{url}?kind=meetings")
    page.locator("#record-tabs").get_by_role("link", name="Emails").click()
    expect(tab).to_contain_text("Emails")
    page.locator(".thread-row[data-access=full] a").first.click()
    expect(page).to_have_url(re.compile(r"thread=\d+"))
    thread, subject = page.url, page.locator("#thread-t").inner_text()
    page.locator("#record-tabs").get_by_role("link", name="Calendar").click()
    expect(tab).to_contain_text("Calendar")
    page.locator("#record-tabs").get_by_role("link", name="People").click()
    expect(tab).to_contain_text("People")

    travel(page)
    expect(tab).to_contain_text("Calendar")
    travel(page)
    expect(page).to_have_url(thread)
    expect(page.locator("#thread-t")).to_have_text(subject)
    travel(page)
    expect(page).to_have_url(f"{url}emails/")
    expect(tab).to_contain_text("Emails")
    travel(page)
    expect(page).to_have_url(f"{url}?kind=meetings")
    expect(page.locator("#feed article[data-kind=email]")).to_have_count(0)
    travel(page)
    expect(page).to_have_url(url)
    expect(page.locator("#feed article[data-kind=email]").first).to_be_visible()
    for place in (f"{url}?kind=meetings", f"{url}emails/", thread):
        travel(page, forward=True)
        expect(page).to_have_url(place)
    expect(page.locator("#thread-t")).to_have_text(subject)

    # The same address in a window of its own shows the same.
    alone = page.context.new_page()
    alone.goto(thread)
    expect(alone.locator("#thread-t")).to_have_text(subject)
    assert trouble.found == []


def go_down(page: Page) -> None:
    """Two pages further down the feed."""
    entries = page.locator("#feed article")
    for _ in range(2):
        shown = entries.count()
        page.locator("#tab").evaluate("it => it.scrollTo(0, it.scrollHeight)")
        page.wait_for_function("n => document.querySelectorAll('#feed article').length > n", arg=shown)
    is_settled(page)


PLACE = "() => [document.querySelector('#tab').scrollTop, document.querySelectorAll('#tab article').length]"


def is_at(page: Page, place: list[float]) -> None:
    page.wait_for_function(f"place => ({PLACE})().join() === place.join()", arg=place)


def test_the_place_in_a_feed_is_there_again(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble, url = Trouble(page, site), f"{site}/halyard/companies/{busiest().pk}/"
    page.goto(url)
    go_down(page)
    mail = page.locator("#feed a.act__body")
    mail = mail.nth(mail.count() - 40)  # what follows is not in sight and stays away
    mail.scroll_into_view_if_needed()
    place = page.evaluate(PLACE)

    mail.click()
    expect(page).to_have_url(re.compile(r"thread=\d+"))
    travel(page)
    is_at(page, place)
    page.reload()
    is_at(page, place)
    page.locator("#record-tabs").get_by_role("link", name="Calendar").click()
    expect(page).to_have_url(f"{url}calendar/")
    travel(page)
    is_at(page, place)
    assert trouble.found == []


def meeting_is(page: Page, title: str, url: str, *, is_open: bool) -> None:
    expect(page.locator("#tab article.event")).to_have_count(int(is_open))
    expect(page).to_have_url(url)
    expect(page).to_have_title(re.compile(rf"^{re.escape(title)} · "))


def test_an_open_meeting_is_closed_by_back_and_opened_by_forward(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble, company = Trouble(page, site), busiest()
    url = f"{site}/halyard/companies/{company.pk}/"
    page.goto(url)
    go_down(page)
    page.evaluate("window.isSame = true")
    meeting = page.locator("#feed a.act__open").last
    name, address = meeting.inner_text(), f"{site}{meeting.get_attribute('href')}"
    meeting.click()
    meeting_is(page, name, address, is_open=True)

    close = page.get_by_role("button", name="Close", exact=True)
    for leave in (page.go_back, lambda: page.keyboard.press("Escape"), close.click):
        leave()
        meeting_is(page, company.name, url, is_open=False)
        expect(meeting).to_be_focused()
        page.go_forward()
        meeting_is(page, name, address, is_open=True)
    assert page.evaluate("window.isSame")
    assert trouble.found == []


def test_who_comes_back_to_an_open_meeting_finds_it_in_its_feed(browser: Browser, site: str) -> None:
    page = page_of(browser, site, WIDE)
    trouble, company = Trouble(page, site), busiest()
    url, cards = f"{site}/halyard/companies/{company.pk}/", page.locator("#tab article.event")
    page.goto(url)
    go_down(page)
    for place in (-1, -1):  # the second one takes the place of the first
        before = page.url
        page.locator("#feed a.act__open").nth(place).click()
        expect(page).not_to_have_url(before)
        expect(cards).to_have_count(1)
        is_settled(page)
    second, there = page.url, page.evaluate(PLACE)

    cards.locator(".attendee__who a").first.click()
    expect(page).to_have_url(re.compile(r"/(people|companies)/\d+/$"))
    page.go_back()
    expect(cards).to_have_count(1)
    expect(page).to_have_url(second)
    is_at(page, there)
    page.keyboard.press("Escape")
    meeting_is(page, company.name, url, is_open=False)
    page.go_back()
    expect(page).to_have_url(f"{site}/halyard/companies/")
    assert trouble.found == []
