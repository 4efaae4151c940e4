"""Live updates in a browser: many tabs, a restart, a tab nobody looks at, an open menu."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from crm.edits.creating import Draft, create_record
from crm.edits.deleting import delete_records
from crm.edits.editing import rename
from crm.edits.undoing import undo
from crm.live import announce
from crm.models import Company, Member, Workspace
from crm.notifying import notify
from crm.records import COMPANY, PERSON
from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream
from tests.journeys.stage import WIDE, Held, Trouble, join
from tests.journeys.webserver import cookie_of, open_streams, serving
from tests.servers.loopback import free_port

pytestmark = pytest.mark.django_db(transaction=True)

COMPANIES = "/halyard/companies/"
SETTINGS = "/halyard/settings/account/email-calendar/"
# What the first page hears: before its stream there was nobody to listen.
EVERYTHING = {"records": [], "topics": [], "all": True}
HEAR = "window.heard = []; document.body.addEventListener('live', (event) => window.heard.push(event.detail))"


@pytest.fixture
def ada(db: None) -> Member:
    workspace = Workspace.objects.create(slug="halyard", name="Halyard")
    ada = join(workspace, "ada")
    create_record(COMPANY, Draft(name="Acme"), by=ada)
    return ada


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def context(browser: Browser, ada: Member, port: int) -> Iterator[BrowserContext]:
    """Ada's browser."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    site, name = f"http://127.0.0.1:{port}", django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": cookie_of(ada), "url": site}])
    yield context
    context.close()


def visit(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(url)
    page.evaluate(HEAR)
    return page


def await_live(page: Page) -> None:
    expect(page.locator("[data-live-state=on]")).to_have_text("Live", timeout=15_000)


def await_news(page: Page, words: str) -> None:
    page.wait_for_function("(words) => JSON.stringify(window.heard).includes(words)", arg=words)


def test_ten_tabs_share_one_stream_and_an_eleventh_opens_at_once(
    context: BrowserContext, ada: Member, port: int
) -> None:
    with serving(port) as site:
        pages = [visit(context, site + COMPANIES) for _ in range(10)]
        for page in pages:
            await_live(page)
        one_stream = open_streams()
        eleventh = visit(context, site + COMPANIES)
        answered = eleventh.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
        await_live(eleventh)

        announce(ada.workspace_id, records=[("company", 17)])
        for page in (*pages, eleventh):
            await_news(page, "company:17")

        # The tab that listens is closed, and another goes on; it may have to look at everything.
        others = (*pages[1:], eleventh)
        for page in others:
            page.evaluate("window.heard = []")
        pages[0].close()
        announce(ada.workspace_id, records=[("company", 18)])
        told = "() => window.heard.some(({ all, records }) => all || records.includes('company:18'))"
        for page in others:
            page.wait_for_function(told)
        streams = (one_stream, open_streams())
        context.close()

    assert streams == (1, 1)
    assert answered < 1000


def test_a_restart_of_the_server_is_survived_and_nothing_is_missed(
    context: BrowserContext, port: int
) -> None:
    with serving(port) as site:
        page = visit(context, site + COMPANIES)
        await_live(page)
    expect(page.locator("[data-live-state=off]")).to_have_text("Not Live", timeout=15_000)
    was_heard = page.evaluate("window.heard")

    with serving(port):
        await_live(page)
        await_news(page, '"all":true')
        context.close()

    assert was_heard == [EVERYTHING]


def test_a_hidden_tab_catches_up_when_it_is_looked_at(
    context: BrowserContext, ada: Member, port: int
) -> None:
    with serving(port) as site:
        page = visit(context, site + COMPANIES)
        await_news(page, '"all":true')
        page.evaluate("window.heard = []")
        hide = "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        hide += " document.dispatchEvent(new Event('visibilitychange')) }"
        page.evaluate(hide, True)
        announce(ada.workspace_id, records=[("company", 17)])
        announce(ada.workspace_id, records=[("person", 3)], topics=["sync"])
        page.wait_for_timeout(1500)
        while_hidden = page.evaluate("window.heard")
        page.evaluate(hide, False)
        await_news(page, "person:3")
        heard = page.evaluate("window.heard")
        context.close()

    assert while_hidden == []
    assert heard == [{"records": ["company:17", "person:3"], "topics": ["sync"], "all": False}]


def test_the_bell_counts_by_itself(context: BrowserContext, ada: Member, port: int) -> None:
    with serving(port) as site:
        page = visit(context, site + COMPANIES)
        await_live(page)
        badge = page.get_by_role("button", name=re.compile("^Notifications"))
        expect(badge).to_have_text("Notifications")

        notify([ada], "needs_reconnect", 1)

        expect(badge).to_have_text(re.compile("1 unread"))
        context.close()


def reading(member: Member) -> SyncStream:
    """An account that is half read."""
    workspace = member.workspace
    mailbox = Mailbox.objects.create(
        workspace=workspace, member=member, kind=MailboxKind.ARCHIVE, address=member.user.email
    )
    stream = SyncStream.objects.create(workspace=workspace, mailbox=mailbox, kind=StreamKind.MAIL)
    SyncStream.objects.filter(pk=stream.pk).update(total=1000, done=100, due_at=timezone.now())
    return stream


def move(stream: SyncStream, done: int) -> None:
    SyncStream.objects.filter(pk=stream.pk).update(done=done)
    announce(stream.workspace_id, topics=["sync"])


def test_progress_moves_without_closing_the_menu_one_is_in(
    context: BrowserContext, ada: Member, port: int
) -> None:
    stream = reading(ada)
    with serving(port) as site:
        page = visit(context, site + SETTINGS)
        page.wait_for_timeout(1000)
        account, toast = page.locator(".account"), page.locator("#backfill-toast")
        expect(account).to_contain_text("100 of 1,000")

        move(stream, 200)
        expect(account).to_contain_text("200 of 1,000")
        expect(toast).to_contain_text("20%")

        page.get_by_role("button", name=re.compile("^Options")).click()
        menu = page.locator(".menu:popover-open")
        expect(menu).to_be_visible()
        move(stream, 300)
        expect(toast).to_contain_text("30%")
        expect(menu).to_be_visible()
        expect(account).to_contain_text("200 of 1,000")

        page.keyboard.press("Escape")
        expect(account).to_contain_text("300 of 1,000")

        # Nor does an answer that was already on its way when the menu was opened.
        held = Held(page, "**/?list")
        move(stream, 400)
        expect(toast).to_contain_text("40%")
        held.has_come()
        page.get_by_role("button", name=re.compile("^Options")).click()
        with page.expect_response("**/?list"):
            held.let_go()
        held.ends()
        page.wait_for_timeout(300)
        expect(menu).to_be_visible()
        expect(account).to_contain_text("300 of 1,000")
        page.keyboard.press("Escape")
        expect(account).to_contain_text("400 of 1,000")
        context.close()


def test_what_shows_nothing_looks_again_when_there_is_something(
    context: BrowserContext, ada: Member, port: int
) -> None:
    acme = Company.objects.get()
    with serving(port) as site:
        none_match = visit(context, f"{site}{COMPANIES}?sort=name&filter=name:contains:birch")
        nobody = visit(context, f"{site}/halyard/people/")
        staff = visit(context, f"{site}{COMPANIES}{acme.pk}/people/")
        expect(staff.get_by_role("heading", name="Nobody at Acme yet")).to_be_visible()
        await_live(none_match)
        expect(none_match.get_by_role("heading", name="No companies match")).to_be_visible()
        link = none_match.get_by_role("link", name="Export").get_attribute("href")

        rename(acme, "Birch & Sons", by=ada)
        create_record(PERSON, Draft(name="Bob Doe", company=acme), by=ada)

        expect(none_match.locator("tr[data-record]")).to_contain_text("Birch & Sons")
        expect(nobody.locator("tr[data-record]")).to_contain_text("Bob Doe")
        expect(none_match.locator("#record-count")).to_have_text("1")

        expect(staff.locator("#staff-rows tr")).to_contain_text("Bob Doe")

        create_record(PERSON, Draft(name="Eve Roe", company=acme), by=ada)
        rename(acme, "Corda", by=ada)
        expect(staff.locator("#staff-rows tr")).to_have_count(2)
        expect(staff.locator("#staff-count")).to_have_text("2 people")
        expect(none_match.get_by_role("link", name="1 row moved")).to_be_visible()
        context.close()

    assert link and link.endswith("/export.csv?sort=name&filter=name%3Acontains%3Abirch")


def test_a_row_keeps_the_focus_whatever_is_new_in_it(context: BrowserContext, ada: Member, port: int) -> None:
    acme = Company.objects.get()
    with serving(port) as site:
        page = visit(context, f"{site}{COMPANIES}?sort=name")
        await_news(page, '"all":true')
        link = page.locator("#rows .record-link")
        link.focus()
        link.evaluate("it => { window.was = it }")

        announce(ada.workspace_id, records=[("company", acme.pk)])
        with page.expect_response(re.compile("/changes/")):
            await_news(page, f"company:{acme.pk}")
        page.wait_for_timeout(300)
        assert page.evaluate("document.activeElement === window.was")

        rename(acme, "Birch", by=ada)
        expect(link).to_contain_text("Birch")
        expect(link).to_be_focused()
        context.close()


def test_a_record_is_renamed_deleted_and_brought_back_under_somebodys_eyes(
    context: BrowserContext, ada: Member, port: int
) -> None:
    acme = Company.objects.get()
    with serving(port) as site:
        page = visit(context, f"{site}{COMPANIES}{acme.pk}/")
        await_news(page, '"all":true')
        trouble = Trouble(page, site)

        rename(acme, "Birch", by=ada)
        expect(page.locator("#record-crumb")).to_have_text("Birch")
        expect(page).to_have_title("Birch · Halyard")

        page.wait_for_timeout(2500)  # for what is still to be asked because of the name
        deletion = delete_records(COMPANY, [acme.pk], workspace_id=ada.workspace_id, by=ada)
        expect(page.get_by_role("alert").filter(has_text="deleted")).to_be_visible()
        page.wait_for_timeout(1500)

        assert deletion
        undo(deletion, by=ada, now=timezone.now())
        expect(page.locator("#gone")).to_have_count(0)
        context.close()

    assert trouble.found == []
