"""What somebody does shows on pages that are open elsewhere: colleagues', and his own other tabs'."""

import re

import pytest
from playwright.sync_api import Page, expect

from crm import accounts
from crm.edits.editing import move_person, rename
from crm.models import AccessLevel, Company, Person
from crm.starring import toggle
from crm.tables.saved_views import save_view
from crm.teams import create_team, delete_team, join_team, rename_team
from mailboxes.blocking import block
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.policy import Creation, set_creation
from mailboxes.sharing.granting import set_default_level
from mailboxes.sharing.requesting import ask
from tests.journeys.stage import (
    ADA,
    BOB,
    NOW,
    SETTINGS,
    Held,
    Stage,
    emails_of_acme,
    is_settled,
    letter,
    roof,
    row_of,
    sync,
)
from tests.journeys.test_table import shelf

__all__ = ["shelf"]
pytestmark = pytest.mark.django_db(transaction=True)

SOON = 12_000  # in milliseconds
MBOX = b"From bob Sun Nov  1 10:00:00 2026\n" + letter(9, BOB, ADA, "From an archive")
TELL = "told => document.dispatchEvent(new CustomEvent('told', { detail: told }))"
DOWN = "Math.max(scrollY, document.getElementById('tab').scrollTop)"


def opened(stage: Stage, name: str, path: str) -> Page:
    page = stage.page(name)
    page.goto(f"{stage.site}{path}")
    return page


def test_a_new_name_shows_wherever_it_stands(read: Stage) -> None:
    ada, bob = read.people["ada"], Person.objects.get(name="Bob Doe")
    acme = bob.company
    assert acme
    person = opened(read, "ada", f"/halyard/people/{bob.pk}/")
    people = opened(read, "ben", "/halyard/people/")
    feed = opened(read, "ada", f"/halyard/companies/{acme.pk}/")
    search = opened(read, "ben", "/halyard/search/?q=Acme")
    mail = opened(read, "ada", f"/halyard/emails/{roof().pk}/")
    expect(feed.locator("#feed")).to_contain_text("Bob")

    rename(acme, "Acme Works", by=ada)
    expect(person.locator("#record-head")).to_contain_text("Acme Works", timeout=SOON)
    expect(person.locator("#record-details")).to_contain_text("Acme Works", timeout=SOON)
    expect(people.locator("#rows")).to_contain_text("Acme Works", timeout=SOON)
    expect(search.locator("#found")).to_contain_text("Acme Works", timeout=SOON)

    rename(bob, "Roberta Doe", by=ada)
    expect(feed.locator("#feed")).to_contain_text("Roberta", timeout=SOON)
    expect(mail.locator("#thread")).to_contain_text("Roberta", timeout=SOON)

    move_person(bob, None, by=ada)
    for page in (person, people):
        expect(page.locator("main")).not_to_contain_text("Acme Works", timeout=SOON)

    accounts.rename(ada.user, "Adaline")
    expect(people.locator("#rows")).to_contain_text("Adaline", timeout=SOON)
    expect(person.locator("#record-details, #known").first).to_contain_text("Adaline", timeout=SOON)


def test_a_reply_comes_into_the_conversation_that_is_open(read: Stage) -> None:
    page = opened(read, "ada", f"/halyard/emails/{roof().pk}/")
    thread = page.locator("#thread")
    messages = thread.locator(".msg")
    expect(messages).to_have_count(3)
    messages.first.locator("a").click()
    expect(messages.first.get_by_role("button", name="Fold this message")).to_be_visible()
    is_settled(page)
    page.evaluate("document.querySelector('.msg').dataset.kept = ''")

    answer = letter(7, BOB, ADA, "Re: Slate roof", text="One more thing.\n", answers=1, days_ago=0)
    read.mail["ada"].deliver(answer, received=NOW)
    sync(Mailbox.objects.get(member=read.people["ada"]))

    expect(messages).to_have_count(4, timeout=SOON)
    expect(messages.last).to_contain_text("One more thing.")
    expect(thread.locator(".thread__head")).to_contain_text("4 messages")
    expect(messages.first).to_have_attribute("data-kept", "")
    expect(messages.first).to_contain_text("PARAGRAPH")


def test_what_may_be_read_no_more_leaves_the_conversation_that_is_open(read: Stage) -> None:
    box = Mailbox.objects.get(member=read.people["ada"])
    set_default_level(box, AccessLevel.FULL, by=read.people["ada"])
    ada = opened(read, "ada", f"/halyard/emails/{roof().pk}/")
    ben = opened(read, "ben", f"/halyard/emails/{roof().pk}/")
    for page in (ada, ben):
        expect(page.locator("#thread .msg")).to_have_count(3)
        expect(page.locator("#thread")).to_contain_text("PARAGRAPH of text.")

    read.mail["ada"].delete("Slate roof", "Gesendetes")
    sync(box)
    for page in (ada, ben):
        expect(page.locator("#thread .msg")).to_have_count(2, timeout=SOON)
        expect(page.locator(".thread__head")).to_contain_text("2 messages")
        expect(page.locator("#thread")).not_to_contain_text("PARAGRAPH of text.")
        expect(page.locator("#thread")).to_contain_text("drawing.pdf")

    readable = opened(read, "cleo", f"{emails_of_acme(read).removeprefix(read.site)}?show=readable")
    expect(readable.locator(".thread-row")).to_have_count(2)
    set_default_level(box, AccessLevel.METADATA, by=read.people["ada"])
    expect(ben.locator("#thread")).not_to_contain_text("drawing.pdf", timeout=SOON)
    expect(ben.locator("#thread")).not_to_contain_text("Slate roof")
    expect(ben).to_have_title("Thread · Halyard")
    expect(ada.locator("#thread")).to_contain_text("drawing.pdf")

    expect(readable.locator(".thread-row")).to_have_count(0, timeout=SOON)
    expect(readable.locator(".threads__list")).to_contain_text("Nothing to read in full")

    block(box, ["acme.example"], by=read.people["ada"])
    for page in (ada, ben):
        expect(page.locator("#thread")).to_contain_text("This email is no longer here", timeout=SOON)
        expect(page.locator("#thread .msg")).to_have_count(0)
    expect(readable.locator("#thread")).to_contain_text("This email is no longer here")
    for trouble in read.troubles:
        assert all("404" in one for one in trouble.found)
        trouble.found.clear()


def low(read: Stage) -> Page:
    """A window of Ben's that shows a part of a page."""
    return read.page("ben", size={"width": 1440, "height": 420})


def read_below(read: Stage, page: Page) -> None:
    """Ada's mail may be read, and is, further down in a feed."""
    set_default_level(Mailbox.objects.get(member=read.people["ada"]), AccessLevel.FULL, by=read.people["ada"])
    page.goto(emails_of_acme(read).replace("emails/", ""))
    expect(page.locator("#tab")).to_contain_text("Slate roof")
    page.mouse.move(600, 300)
    page.mouse.wheel(0, 40)
    page.wait_for_function(f"{DOWN} === 40")


def take_back(read: Stage) -> None:
    box = Mailbox.objects.get(member=read.people["ada"])
    set_default_level(box, AccessLevel.METADATA, by=read.people["ada"])


def is_taken_back(page: Page) -> None:
    expect(page.locator("#tab")).not_to_contain_text("Slate roof", timeout=SOON)
    assert page.evaluate(DOWN) == 40


def test_a_feed_that_is_read_further_down_loses_what_is_taken_back(read: Stage) -> None:
    page = low(read)
    read_below(read, page)

    take_back(read)
    is_taken_back(page)
    expect(page.locator("#feed-news")).to_be_hidden()


def test_an_answer_from_before_something_is_taken_back_settles_nothing(read: Stage) -> None:
    page = low(read)
    read_below(read, page)
    page.evaluate(
        """() => {
            document.body.addEventListener("live", ({ detail }) => {
                if (detail.topics.includes("access")) document.body.dataset.hasHeard = "";
            });
            for (const one of document.querySelectorAll("#tab time")) one.title = "As a minute passes";
        }"""
    )

    held = Held(page, re.compile(r"/companies/\d+/$"), only_first=True, answers=True)
    page.evaluate(TELL, {"records": [f"company:{Company.objects.get().pk}"]})
    held.has_come()
    take_back(read)
    expect(page.locator("body[data-has-heard]")).to_be_attached(timeout=SOON)
    held.let_go()
    held.ends()
    is_taken_back(page)


def test_what_nobody_heard_may_have_been_that_something_is_taken_back(read: Stage) -> None:
    page = low(read)
    Held(page, re.compile(r"/live/\?"))
    read_below(read, page)

    take_back(read)
    page.evaluate(TELL, {"all": True})
    is_taken_back(page)


def test_what_is_asked_on_a_page_of_its_own_leads_back(read: Stage) -> None:
    page = opened(read, "ben", f"/halyard/emails/{roof().pk}/access-requests/new/")
    page.get_by_role("button", name="Request access").click()
    page.wait_for_url(f"**/halyard/emails/{roof().pk}/")
    expect(page.locator("#thread")).to_contain_text("Asked Ada just now")
    of_acme = f"of=companies&record={Company.objects.get().pk}"
    page.goto(f"{read.site}/halyard/emails/{roof().pk}/access-requests/new/?{of_acme}")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"{emails_of_acme(read)}?thread={roof().pk}")
    page.close()

    page = opened(read, "ada", "/halyard/mailboxes/archives/new/")
    files = page.locator("input[type=file]").first
    files.set_input_files({"name": "a.mbox", "mimeType": "application/mbox", "buffer": MBOX})
    page.locator("#archive-submit").click()
    page.wait_for_url(f"**{SETTINGS}")

    box = Mailbox.objects.get(member=read.people["ada"], kind=MailboxKind.IMAP)
    page = opened(read, "ada", f"/halyard/mailboxes/{box.pk}/removal/form/")
    page.get_by_role("link", name="Keep account").click()
    page.wait_for_url(f"**{SETTINGS}")
    page.go_back()
    page.get_by_label("I understand this cannot be undone").check()
    page.get_by_role("button", name="Remove account").click()
    page.wait_for_url(f"**{SETTINGS}")


def test_a_question_from_a_filtered_list_leaves_the_row_in_it(read: Stage) -> None:
    page = opened(read, "ben", f"{emails_of_acme(read).removeprefix(read.site)}?show=locked")
    row = row_of(page, roof())
    row.get_by_role("link", name="Request access").click()
    page.locator("#dialogs").get_by_role("button", name="Request access").click()
    expect(row).to_have_attribute("data-request", "pending")
    row.get_by_role("link").first.click()
    page.wait_for_url(f"**/emails/?show=locked&thread={roof().pk}")


def test_an_answer_that_is_being_chosen_outlives_another_request(read: Stage) -> None:
    ask(roof(), by=read.people["ben"], level=AccessLevel.FULL)
    page = opened(read, "ada", f"/halyard/emails/{roof().pk}/")
    first = page.locator(".request").first
    first.get_by_label("Level").select_option(label="Subject line and metadata")
    first.get_by_role("radio", name="Everything in").check()

    ask(roof(), by=read.people["cleo"], level=AccessLevel.FULL)
    page.wait_for_timeout(3_000)
    expect(first.get_by_label("Level")).to_have_value("2")
    expect(first.get_by_role("radio", name="Everything in")).to_be_checked()

    first.get_by_role("button", name="Decline").click()
    expect(page.locator(".request")).to_contain_text(["Cleo asks"], timeout=SOON)


def test_a_star_shines_in_every_tab_of_ones_own(shelf: Stage) -> None:
    ada, dune = shelf.people["ada"], Company.objects.get(name="Dune")
    record = opened(shelf, "ada", f"/halyard/companies/{dune.pk}/")
    table = opened(shelf, "ada", "/halyard/people/")
    ben = opened(shelf, "ben", "/halyard/people/")
    star = record.locator("#star")
    expect(star).to_have_attribute("aria-pressed", "false")

    toggle(dune, by=ada)
    expect(star).to_have_attribute("aria-pressed", "true", timeout=SOON)
    expect(table.locator("#favourites")).to_contain_text("Dune", timeout=SOON)
    expect(ben.locator("#favourites")).not_to_contain_text("Dune")


def test_settings_say_what_was_chosen_in_another_tab(shelf: Stage) -> None:
    ada, cleo = shelf.people["ada"], shelf.people["cleo"]
    box = Mailbox.objects.create(
        workspace=ada.workspace, member=ada, kind=MailboxKind.ARCHIVE, address="ada@halyard.example"
    )
    mine = opened(shelf, "ada", SETTINGS)
    full = mine.locator("#mailbox-sharing").get_by_role("radio", name="Full access")
    expect(full).not_to_be_checked()
    mine.locator("#blocklist").get_by_role("textbox").first.fill("half a dom")
    views = opened(shelf, "ada", "/halyard/views/")
    admin = opened(shelf, "cleo", "/halyard/settings/workspace/teams/")

    set_default_level(box, AccessLevel.FULL, by=ada)
    expect(full).to_be_checked(timeout=SOON)
    expect(mine.locator("#blocklist").get_by_role("textbox").first).to_have_value("half a dom")

    # What one has just done can be taken back, also when news of it has come.
    mine.locator("#mailbox-sharing").get_by_role("radio", name="Metadata only").check()
    mine.wait_for_timeout(5_000)
    mine.locator("#mailbox-sharing").get_by_role("button", name="Undo").click()
    expect(full).to_be_checked()
    assert Mailbox.objects.get(pk=box.pk).default_level == AccessLevel.FULL
    save_view("company", "Big", sort="name", filters=[], columns=["people"], is_shared=True, by=cleo)
    expect(views.locator("#view-lists")).to_contain_text("Big", timeout=SOON)

    team = create_team("Sales", by=cleo)
    expect(admin.locator("#teams")).to_contain_text("Sales", timeout=SOON)
    admin.goto(f"{shelf.site}/halyard/settings/workspace/teams/{team.pk}/")
    choice = admin.get_by_label("Member to add to")
    choice.select_option(label="Ben")
    join_team(team, ada, by=cleo)
    rename_team(team, "Selling", by=cleo)
    admin.wait_for_timeout(2_000)
    admin.get_by_role("button", name="Add to team").click(delay=200)
    expect(admin.locator("#team .rows")).to_contain_text("Ben")
    expect(admin.locator("#team .rows")).to_contain_text("Ada")
    expect(admin.locator("h1")).to_have_text("Selling")
    expect(admin.get_by_role("button", name="Add to team")).to_be_focused()

    admin.get_by_role("button", name="Remove Ada").focus()
    rename_team(team, "Traders", by=cleo)
    expect(admin.locator("h1")).to_have_text("Traders", timeout=SOON)
    expect(admin.locator(":focus")).to_have_accessible_name("Remove Ada from Traders")

    delete_team(team, by=cleo)
    expect(admin.locator("#team")).to_have_text("This team is no longer here", timeout=SOON)
    assert any("404" in one for one in shelf.troubles[-1].found)
    shelf.troubles[-1].found.clear()


def test_what_was_not_taken_stays_to_be_read(shelf: Stage) -> None:
    ada, cleo = shelf.people["ada"], shelf.people["cleo"]
    box = Mailbox.objects.create(
        workspace=ada.workspace, member=ada, kind=MailboxKind.ARCHIVE, address="ada@halyard.example"
    )
    mine = opened(shelf, "ada", SETTINGS)
    mine.locator("#bulk").fill("northgate.example, no@@address")
    mine.get_by_role("button", name="Block", exact=True).click()
    expect(mine.locator("#blocklist .notice")).to_contain_text("Not added: no@@address")
    admin = opened(shelf, "cleo", "/halyard/settings/workspace/email-calendar/")
    admin.get_by_label("Domain", exact=True).fill("gmail.com")
    admin.get_by_role("button", name="Add domain").click()
    expect(admin.locator("#domain-problem")).to_contain_text("cannot be internal")

    set_default_level(box, AccessLevel.FULL, by=ada)
    set_creation(cleo.workspace, Creation(automatic=False, enhanced=True), by=cleo)
    expect(mine.get_by_role("radio", name="Full access").first).to_be_checked(timeout=SOON)
    expect(admin.get_by_text("Creating records is off")).to_be_visible(timeout=SOON)
    mine.wait_for_timeout(3_500)  # a region of the settings rests for three seconds

    expect(mine.locator("#blocklist .notice")).to_contain_text("Not added: no@@address")
    expect(admin.locator("#domain-problem")).to_contain_text("cannot be internal")


def test_back_leads_to_the_settings_of_the_mailbox_before(shelf: Stage) -> None:
    ada = shelf.people["ada"]
    first, second = (
        Mailbox.objects.create(workspace=ada.workspace, member=ada, kind=MailboxKind.ARCHIVE, address=address)
        for address in ("ada@halyard.example", "sales@halyard.example")
    )
    page = opened(shelf, "ada", SETTINGS)
    chosen = page.get_by_label("Settings below apply to")
    expect(chosen).to_have_value(str(first.pk))
    chosen.select_option(str(second.pk))
    page.wait_for_url(f"**?mailbox={second.pk}")
    expect(page.locator("#mailbox-sharing form").first).to_have_attribute(
        "action", re.compile(f"/{second.pk}/")
    )
    page.go_back()
    expect(page.locator("#mailbox-sharing form").first).to_have_attribute(
        "action", re.compile(f"/{first.pk}/")
    )
    expect(chosen).to_have_value(str(first.pk))
