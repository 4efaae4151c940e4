"""A mailbox on an Exchange server is connected with the form and fills the tables."""

from typing import Any

import pytest
from playwright.sync_api import expect

from mailboxes.models import Mailbox
from tests.fakes.exchange import exchange
from tests.journeys.stage import BOB, NARROW, SETTINGS, WIDE, Stage, letter, sync
from tests.mailboxes.consentrig import places

pytestmark = pytest.mark.django_db(transaction=True)
ADA, PASSWORD = "ada@halyard.example", "s3cret-of-ada"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_ada_connects_her_exchange_mailbox(stage: Stage, settings: Any, size: dict[str, int]) -> None:
    with exchange() as server:
        settings.EGRESS_ALLOWED_NETWORKS += places(server.url)
        server.add_user(ADA, password=PASSWORD, username="CORP\\ada")
        server.mailbox(ADA).deliver(letter(1, f"Ada <{ADA}>", BOB, "Slate roof"), "sentitems")
        server.mailbox(ADA).deliver(letter(2, BOB, f"Ada <{ADA}>", "Re: Slate roof", days_ago=1), "inbox")
        page = stage.page("ada", size=size)
        page.goto(stage.site + SETTINGS)
        page.get_by_role("link", name="Connect Exchange").click()
        dialog = page.locator("#dialogs")
        expect(dialog.get_by_role("heading", name="Connect Exchange")).to_be_focused()

        # A wrong password: what failed is said, and what was typed stays.
        dialog.get_by_label("Server").fill(server.url)
        dialog.get_by_label("User name").fill("CORP\\ada")
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Test and connect").click()
        expect(dialog.locator(".tried li").first).to_contain_text("Could not sign in.")
        assert dialog.get_by_label("User name").input_value() == "CORP\\ada"
        assert dialog.get_by_label("Password").input_value() == ""

        dialog.get_by_label("Password").fill(PASSWORD)
        dialog.get_by_role("button", name="Test and connect").click()
        expect(dialog).to_be_hidden()
        account = page.locator(".account")
        expect(account).to_contain_text("Reading begins within a minute")
        sync(Mailbox.objects.get())
        expect(account).to_have_attribute("data-state", "ok", timeout=10_000)
        expect(account).to_contain_text("2 emails")

        page.goto(f"{stage.site}/halyard/companies/")
        expect(page.locator("[data-record^='company:']", has_text="Acme")).to_be_visible()
