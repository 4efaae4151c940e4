"""The privacy story as two people click through it: asked, answered, read, taken back."""

import pytest
from playwright.sync_api import Locator, Page, expect

from crm.models import AccessLevel
from mailboxes.models import AccessRequest
from mailboxes.sharing.granting import Grantee, open_further, thread_target
from mailboxes.sharing.requesting import ask
from tests.journeys.stage import (
    NARROW,
    SECRETS,
    SETTINGS,
    WIDE,
    Stage,
    emails_of_acme,
    is_settled,
    is_still,
    roof,
    row_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

TAB_STOPS = """[...document.querySelectorAll(
    "a[href], button, select, textarea, summary, [tabindex='0'], input:not([type=hidden], [type=radio])"
)].filter(it => it.checkVisibility() && !it.disabled)"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_ben_asks_and_ada_answers(read: Stage, size: dict[str, int]) -> None:
    thread = roof()
    ben, ada = read.page("ben", size=size), read.page("ada", size=size)

    # Locked: who and when, and nothing else anywhere on the page.
    ben.goto(emails_of_acme(read))
    row = row_of(ben, thread)
    expect(row).to_have_attribute("data-access", "metadata")
    expect(row.locator(".redacted")).to_be_visible()
    assert [secret for secret in SECRETS if secret in ben.content()] == []
    is_still(ben)

    # Escape leaves everything as it was; asked, taken back, asked again.
    opener = row.get_by_role("link", name="Request access")
    opener.press("Enter")
    dialog = ben.locator("#dialogs")
    expect(dialog.get_by_role("heading", name="Request access")).to_be_focused()
    ben.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    request(ben, row, "For the offer")
    row.get_by_role("button", name="Cancel").click()
    expect(opener).to_be_visible()
    assert row.get_attribute("data-request") is None
    request(ben, row, "For the roof’s offer")

    # The bell says so, and leads to the thread with the request on top.
    ada.goto(f"{read.site}/halyard/companies/")
    unread = to_bell(ada, size)
    note = ada.locator(".note").first
    expect(note).to_contain_text("Ben asks to read")
    is_still(ada)
    note.locator("p a").click()
    form = ada.locator("form.request")
    expect(form).to_contain_text("“For the roof’s offer”")
    assert form.get_by_label("Level").input_value() == str(AccessLevel.FULL.value)
    is_still(ada)
    form.get_by_role("button", name="Approve").click()
    expect(ada.locator(".thread .notice").first).to_contain_text("Ben has full access", ignore_case=True)
    expect(ada.locator(".sidebar .nav-item__end").first).to_have_text(
        f"{unread - 1} unread" if unread > 1 else ""
    )
    assert AccessRequest.objects.get(state="approved").settled_by == read.people["ada"]
    # Without a reload.
    expect(row).to_have_attribute("data-request", "approved")
    expect(row).to_have_attribute("data-access", "full")


def request(page: Page, row: Locator, note: str) -> None:
    is_settled(page)
    row.get_by_role("link").first.press("r")
    dialog = page.locator("#dialogs")
    dialog.get_by_label("Note").fill(note)
    dialog.get_by_role("button", name="Request access").click()
    expect(dialog).to_be_hidden()
    expect(row).to_have_attribute("data-request", "pending")
    expect(row).to_contain_text("Asked Ada just now")
    is_settled(page)
    # Not lost with the button that is gone.
    expect(row.get_by_role("link").first).to_be_focused()
    is_still(page)


def test_ada_answers_on_the_bell(read: Stage) -> None:
    ask(roof(), by=read.people["ben"], level=AccessLevel.FULL)
    page, ben = read.page("ada"), read.page("ben")
    page.goto(f"{read.site}/halyard/emails/{roof().pk}/")
    expect(page.locator("form.request")).to_have_count(1)
    to_bell(page, WIDE)

    # The list comes anew before the answer has settled.
    page.evaluate("htmx.config.defaultSettleDelay = 1_500")
    page.locator(".note").get_by_role("button", name="Decline").press("Enter")
    expect(page.locator(".note")).to_contain_text("(declined)")
    expect(page.locator("form.request")).to_have_count(0)
    expect(page.locator(".sidebar .badge")).to_have_count(0)
    expect(page.locator("#notifications :focus")).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.locator("#notifications")).to_be_hidden()
    expect(page.get_by_role("button", name="Notifications")).to_be_focused()

    ben.goto(emails_of_acme(read))
    row = row_of(ben, roof())
    expect(row).to_have_attribute("data-request", "declined")
    expect(row).to_contain_text("Ada kept this private just now")
    expect(row.get_by_role("link", name="Request access")).to_have_count(0)


def to_bell(page: Page, size: dict[str, int]) -> int:
    """What its badge says, and the bell opened."""
    bar = page.locator(".topbar" if size == NARROW else ".sidebar")
    bell = bar.get_by_role("button", name="Notifications")
    expect(bell.locator(".badge")).to_be_visible()
    unread = int(bell.locator(".badge").inner_text().split()[0])
    bell.click()
    expect(page.locator("#notifications .note").first).to_be_visible()
    is_settled(page)
    return unread


def test_ben_reads_until_ada_takes_it_back(read: Stage) -> None:
    thread, ada = roof(), read.people["ada"]
    ask(thread, by=read.people["ben"], level=AccessLevel.FULL).approve(by=ada, level=AccessLevel.FULL)
    page, owner = read.page("ben"), read.page("ada")
    page.emulate_media(color_scheme="dark")

    # All of it: the letter on its own paper, what it would have loaded, what hangs on it.
    page.goto(emails_of_acme(read))
    counts_are(page, all=3, readable=2, locked=1)
    row_of(page, thread).get_by_role("link").first.press("Enter")
    shown = page.locator("#thread")
    expect(shown).to_contain_text("Re: Slate roof")
    expect(page.get_by_role("heading", name="Re: Slate roof")).to_be_focused()
    expect(shown).to_contain_text("2 remote images blocked")
    expect(shown.locator(".file")).to_contain_text("drawing.pdf")
    expect(shown.frame_locator("iframe").locator("b")).to_have_text("bold")
    body = str(shown.locator("iframe").get_attribute("src"))

    # An earlier letter unfolds, what it quotes stays folded until asked for.
    shown.locator(".msg--closed", has_text="Chimney too?").get_by_role("button").press("Enter")
    quoted = shown.locator(".quoted")
    expect(quoted.locator("blockquote")).to_be_hidden()
    quoted.locator("summary").press("Enter")
    expect(quoted.locator("blockquote")).to_contain_text("PARAGRAPH of the first letter")

    # The filters show what they count.
    for name, count in (("Readable", 2), ("Locked", 1), ("All", 3)):
        page.get_by_role("group", name="Show").get_by_role("link", name=name).click()
        expect(page.locator(".thread-row")).to_have_count(count)
        counts_are(page, all=3, readable=2, locked=1)

    # Ada sees who would lose it, and takes it back.
    owner.goto(f"{read.site}/halyard/emails/{thread.pk}/")
    share = owner.get_by_role("link", name="Share")
    share.press("Enter")
    dialog = owner.locator("#dialogs")
    expect(dialog.get_by_role("heading", name="Manage access")).to_be_focused()
    dialog.get_by_label("As my default says").check()
    expect(dialog.locator("#who-sees li", has_text="Ben")).to_have_attribute("data-change", "down")
    dialog.get_by_role("button", name="Save access").click()
    expect(owner.locator(".toast")).to_contain_text("Saved who sees your emails here")
    expect(dialog).to_be_hidden()
    expect(share).to_be_visible()

    expect(row_of(page, thread)).to_have_attribute("data-access", "metadata", timeout=10_000)
    counts_are(page, all=3, readable=1, locked=2)
    expect(page.locator("#thread iframe")).to_have_count(0)
    assert [secret for secret in SECRETS if secret in page.content()] == []
    assert page.request.get(f"{read.site}{body}").status == 404


def counts_are(page: Page, **counts: int) -> None:
    for name, count in counts.items():
        expect(page.locator(f"#count-{name}")).to_have_text(str(count))


def test_back_from_a_thread_shows_the_list(read: Stage) -> None:
    open_further(
        thread_target(roof()),
        Grantee(member_id=read.people["ben"].pk),
        AccessLevel.FULL,
        by=read.people["ada"],
    )
    page = read.page("ben", size=NARROW)
    page.goto(emails_of_acme(read))
    rows = page.locator(".thread-row")
    expect(rows).to_have_count(3)

    row_of(page, roof()).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Re: Slate roof")).to_be_focused()
    expect(rows.first).to_be_hidden()
    is_still(page)
    page.get_by_role("link", name="Back to threads").click()
    expect(rows.first).to_be_visible()
    expect(row_of(page, roof()).get_by_role("link").first).to_be_focused()

    row_of(page, roof()).get_by_role("link").first.click()
    expect(rows.first).to_be_hidden()
    page.go_back()
    expect(rows.first).to_be_visible()
    expect(rows).to_have_count(3)


REACHING = """
    nameOf = (it) => [it.localName, it.id, it.href, it.name, it.value, it.textContent.trim()].join();
    reached = new Set();
    addEventListener("focusin", (event) => reached.add(nameOf(event.target)));
"""


def test_tab_reaches_everything(read: Stage) -> None:
    page = read.page("ada")

    for path in (emails_of_acme(read).removeprefix(read.site), SETTINGS):
        page.goto(read.site + path)
        is_settled(page)
        page.evaluate(REACHING)
        # What refreshes itself meanwhile is another element that says the same, and one goes on from its first.
        for _ in range(page.evaluate(f"{TAB_STOPS}.length") + 15):
            page.keyboard.press("Tab")

        missed = f"{TAB_STOPS}.filter(it => !reached.has(nameOf(it))).map(it => it.outerHTML)"
        assert page.evaluate(missed) == []
