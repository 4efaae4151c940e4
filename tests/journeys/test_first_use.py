"""From nothing to a table that has filled itself: an account, a workspace, a mailbox."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from crm.models import Workspace
from mailboxes.models import Mailbox
from tests.journeys.conftest import leave
from tests.journeys.stage import NARROW, WIDE, Trouble, fill, sync
from tests.servers.dovecot import PASSWORD, Dovecot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_somebody_signs_up_connects_a_mailbox_and_finds_who_writes(
    site: str, browser: Browser, story_server: Dovecot, settings: Any, size: dict[str, int]
) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{story_server.port}"]
    user = story_server.new_user()
    page = browser.new_context(viewport=size, has_touch=size == NARROW).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(15_000)
    trouble = Trouble(page, site)

    page.goto(f"{site}/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_label("Email").fill("ada@halyard.example")
    page.get_by_label("Password", exact=True).fill("slate-roof-and-chimney")
    page.get_by_role("button", name="Create account").click()
    page.get_by_label("Name of your workspace").fill("Halyard")
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_role("heading", name="Your companies are already in your inbox")).to_be_visible()
    companies = page.url

    page.get_by_role("link", name="Connect a mailbox").click()
    page.get_by_role("link", name="IMAP and CalDAV").click()
    dialog = page.locator("#dialogs")
    dialog.locator("summary").click()
    dialog.get_by_label("Email address").fill("ada@halyard.example")
    dialog.get_by_label("User name").first.fill(user.name)
    dialog.get_by_label("Password").first.fill(PASSWORD)
    dialog.get_by_label("IMAP server").fill("127.0.0.1")
    dialog.get_by_label("Port").fill(str(story_server.port))
    dialog.get_by_label("Encryption").select_option("none")
    dialog.get_by_role("switch", name="Calendar").click()
    fill(user)
    dialog.get_by_role("button", name="Test and connect").click()
    expect(page.locator(".account")).to_have_attribute("data-state", "syncing")

    # The table waits, and fills by itself.
    page.goto(companies)
    expect(page.locator("[aria-busy=true] .skeleton").first).to_be_visible()
    page.evaluate("window.isTheSame = true")
    sync(Mailbox.objects.get())
    expect(page.locator("tr[data-record]")).to_have_count(1, timeout=30_000)
    expect(page.locator("td[data-attribute=last_interaction]")).to_contain_text("Ada")

    assert page.evaluate("window.isTheSame")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Workspace.objects.get().name == "Halyard"
    leave(browser)
    user.close()
    assert trouble.found == []
