"""What members and admins decide in the settings, as they click through them: an account is connected,
shared, blocked in part and removed; records are made; somebody is invited."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import celery
import pytest
from playwright.sync_api import Locator, Page, expect

from crm.models import AccessLevel, Company, Team, TeamMembership, Workspace
from intelligence.models import CompanyInsight
from mailboxes.blocking import purge_blocked
from mailboxes.models import Mailbox, MessageCopy
from mailboxes.removing import purge_removed
from tests.journeys.stage import (
    NOW,
    SETTINGS,
    SIGN_IN,
    Stage,
    emails_of_acme,
    fill,
    is_settled,
    is_still,
    level_is,
    roof,
    row_of,
    sync,
)
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD
from tests.servers.radicale import Radicale, calendar

pytestmark = pytest.mark.django_db(transaction=True)

WORKSPACE_SETTINGS = "/halyard/settings/workspace/email-calendar/"


def test_ada_connects_her_account(stage: Stage, tmp_path: Path, settings: Any) -> None:
    with radicale_server.radicale(tmp_path) as events:
        settings.EGRESS_ALLOWED_NETWORKS += [f"127.0.0.1:{events.port}"]
        meet(events)
        stage.mail["ada"] = stage.mail_server.new_user()
        fill(stage.mail["ada"])
        page = stage.page()
        sign_in(page, stage)
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible()

        # A wrong password for the mail: what failed is said, and what was typed stays.
        page.get_by_role("link", name="IMAP and CalDAV").press("Enter")
        dialog = page.locator("#dialogs")
        expect(dialog.get_by_role("heading", name="Connect IMAP and CalDAV")).to_be_focused()
        fill_servers(dialog, stage, events, password="wrong")
        dialog.get_by_role("button", name="Test and connect").click()
        tried = dialog.locator(".tried li")
        expect(tried.first).to_contain_text("Could not sign in.")
        expect(tried.last).to_contain_text("Works: work")
        expect(dialog.locator(".form__report")).to_be_focused()
        assert dialog.get_by_label("IMAP server").input_value() == "127.0.0.1"
        assert dialog.get_by_label("Password").first.input_value() == ""

        fill_servers(dialog, stage, events, password=PASSWORD)
        dialog.get_by_role("button", name="Test and connect").click()
        expect(dialog).to_be_hidden()
        account = page.locator(".account")
        expect(account).to_have_attribute("data-state", "syncing")
        # What can be said of the account is there at once, without a reload.
        expect(page.get_by_role("heading", name="Blocklist")).to_be_visible()

        options = page.get_by_role("button", name="Options for ada@halyard.example")
        options.focus()
        sync(Mailbox.objects.get())
    expect(account).to_have_attribute("data-state", "ok", timeout=10_000)
    expect(account).to_contain_text(re.compile(r"Up to date.*5 emails.*1 event"))
    expect(options).to_be_focused()
    is_still(page)
    page.get_by_role("link", name="Back to Halyard").first.click()
    expect(page.locator("tr[data-record]")).to_have_count(1)
    expect(page.locator("td[data-attribute=last_interaction]")).to_contain_text("Ada")


def add(place: Page | Locator, name: str) -> None:
    place.get_by_role("button", name="Add a member or a team").click()
    place.get_by_placeholder("Search members and teams").fill(name[:2].lower())
    place.locator("#add-menu .menu__item:visible", has_text=name).click()


def meet(events: Radicale) -> None:
    start = NOW + timedelta(days=2)
    who = events.add_user("ada")
    who.make_calendar("work")
    text = (
        f"BEGIN:VEVENT\nUID:one@x\nDTSTAMP:{NOW:%Y%m%dT%H%M%SZ}\nDTSTART:{start:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\n"
        "SUMMARY:Look at the roof\nORGANIZER:mailto:ada@halyard.example\n"
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@acme.example\nEND:VEVENT\n"
    )
    who.put("work/one.ics", calendar(text))


def sign_in(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.site}/")
    page.get_by_label("Email").fill("ada@halyard.example")
    page.get_by_label("Password", exact=True).fill(SIGN_IN)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{stage.site}/halyard/companies/")


def fill_servers(dialog: Locator, stage: Stage, events: Radicale, *, password: str) -> None:
    own = dialog.locator("summary")
    if own.evaluate("it => !it.parentElement.open"):
        own.click()
    dialog.get_by_label("Email address").fill("ada@halyard.example")
    dialog.get_by_label("User name").first.fill(stage.mail["ada"].name)
    dialog.get_by_label("Password").first.fill(password)
    dialog.get_by_label("IMAP server").fill("127.0.0.1")
    dialog.get_by_label("Port").fill(str(stage.mail_server.port))
    dialog.get_by_label("Encryption").select_option("none")
    dialog.get_by_label("CalDAV address").fill(f"{events.url}ada/")
    dialog.get_by_label("User name").last.fill("ada")
    dialog.get_by_label("Password").last.fill(radicale_server.PASSWORD)


def test_ada_shares_a_company_and_her_mailbox(read: Stage) -> None:
    team = Team.objects.create(workspace=read.people["ben"].workspace, name="Sales")
    TeamMembership.objects.create(workspace=team.workspace, team=team, member=read.people["ben"])
    thread, page, ben = roof(), read.page("ada"), read.page("ben")
    company = f"{read.site}/halyard/companies/{Company.objects.get().pk}/"

    # Who sees what changes with every choice, before anything is saved.
    page.goto(company)
    page.get_by_role("link", name="Manage access").press("Enter")
    dialog = page.locator("#dialogs")
    seen = dialog.locator("#who-sees")
    expect(seen.locator(".level", has_text="Metadata only")).to_contain_text("Ben")
    dialog.get_by_label("With selected members or teams").check()
    is_settled(page)
    add(dialog, "Sales")
    expect(seen.locator(".level", has_text="Full access")).to_contain_text("Ben")
    is_settled(page)
    dialog.get_by_label("What Sales can see").focus()
    dialog.get_by_label("What Sales can see").select_option(label="Subject line and metadata")
    expect(seen.locator(".level", has_text="Subject line and metadata")).to_contain_text("Ben")
    is_settled(page)
    expect(dialog.get_by_label("What Sales can see")).to_be_focused()
    add(dialog, "Cleo")
    expect(seen.locator(".level", has_text="Full access")).to_contain_text("Cleo")
    dialog.get_by_role("button", name="Save access").click()
    expect(dialog).to_be_hidden()
    level_is(ben, emails_of_acme(read), thread, "subject")

    page.get_by_role("link", name="Manage access").click()
    expect(dialog.get_by_label("With selected members or teams")).to_be_checked()
    dialog.get_by_label("As my default says").check()
    expect(seen.locator(".level", has_text="Metadata only")).to_contain_text("Ben")
    dialog.get_by_role("button", name="Save access").click()
    expect(dialog).to_be_hidden()
    level_is(ben, emails_of_acme(read), thread, "metadata")

    # The whole mailbox: a level for everybody, more for one, and that taken away again.
    page.goto(read.site + SETTINGS)
    page.get_by_label("Subject line and metadata").check()
    is_settled(page)
    expect(page.get_by_label("Subject line and metadata")).to_be_focused()
    level_is(ben, emails_of_acme(read), thread, "subject")
    add(page, "Ben")
    expect(page.get_by_label("What Ben can see")).to_have_value(str(AccessLevel.FULL.value))
    level_is(ben, emails_of_acme(read), thread, "full")
    ben.goto("about:blank")  # or a body that is still on its way is refused in the middle of it
    is_settled(page)
    page.get_by_role("button", name="Remove Ben").press("Enter")
    expect(page.get_by_label("What Ben can see")).to_have_count(0)
    level_is(ben, emails_of_acme(read), thread, "subject")


def test_ada_blocks_a_domain_and_takes_that_back(read: Stage) -> None:
    page, ben = read.page("ada"), read.page("ben")
    thread, box = roof(), Mailbox.objects.get(member=read.people["ada"])

    # Said before: what it hides, and what cannot be blocked and why.
    page.goto(read.site + SETTINGS)
    page.get_by_label("Add domains or addresses").fill("https://www.acme.example/contact\nhalyard.example")
    effect = page.locator("#bulk-effect")
    expect(effect).to_contain_text("Hides 4 emails")
    expect(effect.locator("li[data-tone=amber]")).to_contain_text("halyard.example")
    expect(effect.locator("li[data-tone=amber] span").first).not_to_be_empty()
    is_still(page)
    # Cleared, it says nothing any more.
    typed = page.get_by_label("Add domains or addresses")
    text = typed.input_value()
    page.get_by_role("button", name="Clear").click()
    expect(effect).to_contain_text("One per line")
    is_settled(page)
    typed.fill(text)
    page.get_by_role("button", name="Block 1 entry").click()
    listed = page.locator("#blocked .blocked")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("acme.example")
    expect(page.locator("#blocklist [role=alert]")).to_contain_text("Not added: halyard.example")
    expect(page.get_by_role("heading", name="Blocklist")).to_be_focused()

    for one in (page, ben):
        one.goto(emails_of_acme(read))
        expect(one.locator(".thread-row")).to_have_count(1)
        expect(row_of(one, thread)).to_have_count(0)
    purge_blocked(box, now=datetime.now(UTC))
    assert MessageCopy.objects.filter(mailbox=box).count() == 1

    page.goto(read.site + SETTINGS)
    # Looking for an entry takes none away.
    page.get_by_label("Find in blocklist").fill("acme")
    page.get_by_label("Find in blocklist").press("Enter")
    expect(listed).to_have_count(1)
    page.get_by_role("button", name="Unblock acme.example").press("Enter")
    expect(page.locator("#blocklist")).to_contain_text("acme.example is no longer blocked.")
    expect(page.get_by_role("heading", name="Blocklist")).to_be_focused()
    sync(box)
    for one, count in ((page, 3), (ben, 3)):
        one.goto(emails_of_acme(read))
        expect(one.locator(".thread-row")).to_have_count(count)


def test_cleo_decides_for_everybody(read: Stage, settings: Any) -> None:
    settings.EMAIL_URL = ""
    celery.current_app.conf.task_always_eager = True
    page, ben = read.page("cleo"), read.page("ben")
    try:
        page.goto(read.site + WORKSPACE_SETTINGS)
        switch = page.get_by_role("switch", name="Enhanced record creation")
        switch.click()
        expect(page.locator("#record-creation .notice")).to_contain_text("This makes 1 company and 1 person")
        assert Company.objects.count() == 1
        page.get_by_role("button", name="Create them").click()
        expect(page.locator("#record-creation .notice")).to_have_count(0)
        expect(switch).not_to_be_checked()
        assert sorted(Company.objects.values_list("name", flat=True)) == ["Acme", "Other"]
        switch.click()
        expect(page.locator("th[data-now]")).to_contain_text("On")
        expect(switch).to_be_checked()
        is_still(page)

        page.get_by_label("Domain", exact=True).fill("gmail.com")
        page.get_by_role("button", name="Add domain").click()
        expect(page.locator("#domain-problem")).to_contain_text("cannot be internal")
        page.get_by_label("Domain", exact=True).fill("other.example")
        page.get_by_role("button", name="Add domain").click()
        asked = page.locator("#internal-domains .notice")
        expect(asked).to_contain_text("takes away 1 email and 0 events among colleagues")
        expect(page.locator("#internal-domains code")).to_have_text(["halyard.example"])
        asked.get_by_role("button", name="Make it internal").click()
        expect(page.locator("#internal-domains code")).to_have_text(["halyard.example", "other.example"])
        page.get_by_role("button", name="Remove other.example").click()
        expect(asked).to_contain_text("becomes somebody outside")
        asked.get_by_role("button", name="Remove it").click()
        expect(page.locator("#internal-domains code")).to_have_text(["halyard.example"])
    finally:
        celery.current_app.conf.task_always_eager = False

    page.get_by_role("link", name="Members").click()
    page.get_by_role("button", name="Invite people").click()
    page.get_by_label("Email addresses").fill("dora@halyard.example")
    page.get_by_role("button", name="Create links").click()
    expect(page.locator("#dialogs")).to_contain_text(f"{read.site}/accounts/invitations/")

    ben.goto(read.site + SETTINGS)
    expect(ben.get_by_role("link", name="Members")).to_have_count(0)
    assert ben.request.get(read.site + WORKSPACE_SETTINGS).status == 404


def test_cleo_is_asked_nothing_where_nothing_would_be_made(read: Stage) -> None:
    page = read.page("cleo")
    page.goto(read.site + WORKSPACE_SETTINGS)
    records = page.get_by_role("switch", name="Create records from email and calendar")

    for is_off in (True, False):
        records.click()
        expect(page.get_by_text("Creating records is off")).to_have_count(int(is_off))
        expect(page.locator("#record-creation .notice")).to_have_count(0)
    assert Workspace.objects.get().automatic_creation


def test_ada_removes_her_account(read: Stage) -> None:
    page = read.page("ada")
    page.goto(read.site + SETTINGS)

    options = page.get_by_role("button", name="Options for ada@halyard.example")
    options.click()
    page.get_by_role("link", name="Remove", exact=True).click()
    dialog = page.locator("#dialogs")
    expect(dialog.get_by_role("button", name="Keep account")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(options).to_be_focused()
    options.click()
    page.get_by_role("link", name="Remove", exact=True).click()
    dialog.get_by_label("I understand this cannot be undone").check()
    dialog.get_by_role("button", name="Remove account").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".account")).to_contain_text("Being removed")
    expect(page.get_by_role("heading", name="Blocklist")).to_have_count(0)

    purge_removed()
    expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible(timeout=10_000)
    assert Mailbox.objects.filter(member=read.people["ada"]).count() == 0
    insight = CompanyInsight.objects.get()
    assert insight.last_email_member == read.people["ben"]
    page.goto(f"{read.site}/halyard/companies/")
    expect(page.locator("td[data-attribute=last_interaction]")).to_contain_text("Ben")
