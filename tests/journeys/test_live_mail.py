"""A mail arrives at a real mail server, and pages that colleagues have open show it by themselves."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from crm.models import Company
from tests.journeys.stage import ADA, BOB, NOW, Stage, emails_of_acme, letter, sync

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 2


def open_page(page: Page, url: str) -> Page:
    page.goto(url)
    page.evaluate("window.isTheSame = true")
    return page


def test_a_mail_shows_in_an_open_table_and_record_page_without_a_reload(read: Stage) -> None:
    acme = Company.objects.get(domains__domain="acme.example")
    row = f'tr[data-record="company:{acme.pk}"]'
    table = open_page(read.page("ben"), f"{read.site}/halyard/companies/")
    record = open_page(read.page("cleo"), f"{read.site}/halyard/companies/{acme.pk}/")
    emails = open_page(read.page("ben"), emails_of_acme(read))
    for page in (table, record, emails):
        expect(page.locator("body")).to_have_attribute("data-live-url", re.compile("live"))
    expect(table.locator("[data-live-state=on]")).to_be_visible(timeout=15_000)
    before = record.locator("#feed article").count()
    threads = emails.locator(".thread-row").count()

    read.mail["ada"].deliver(letter(77, BOB, ADA, "Gutters", days_ago=0), received=NOW)
    sync(read.people["ada"].mailboxes.get())
    arrived = time.monotonic()

    cell = table.locator(f"{row} [data-attribute=last_email_interaction]")
    expect(cell).to_have_class(re.compile("is-fresh"), timeout=SECONDS * 1000)
    expect(cell).to_contain_text("Ada")
    expect(record.locator("#feed article")).to_have_count(before + 1, timeout=SECONDS * 1000)
    expect(emails.locator(".thread-row")).to_have_count(threads + 1, timeout=SECONDS * 1000)
    assert time.monotonic() - arrived < 2 * SECONDS
    assert "Gutters" not in table.content() + record.content() + emails.content()
    assert [page.evaluate("window.isTheSame") for page in (table, record, emails)] == [True] * 3
