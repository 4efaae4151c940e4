"""The privacy story as two or three people click through it, on a real mail server: connect, ask, answer,
share, take back, block, decide for everybody, remove."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage as Letter
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import celery
import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect

from crm.models import AccessLevel, Company, InternalDomain, Member, Role, Team, TeamMembership, Workspace
from crm.workspaces import add_member
from intelligence.models import CompanyInsight
from mailboxes.blocking import purge_blocked
from mailboxes.connecting import connect_servers
from mailboxes.granting import Grantee, open_further, thread_target
from mailboxes.models import AccessRequest, Mailbox, MessageCopy, Thread
from mailboxes.removing import purge_removed
from mailboxes.requesting import ask
from mailboxes.running import run_now
from tests.journeys.test_browser import NARROW, WIDE, Trouble, chromium
from tests.mailboxes.letters import expire_leases
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD, Dovecot, MailUser, dovecot
from tests.servers.radicale import Radicale, calendar

pytestmark = pytest.mark.django_db(transaction=True)

SIGN_IN = "a-long-password"
NOW = datetime.now(UTC).replace(microsecond=0)
ADA, BEN, BOB = "Ada <ada@halyard.example>", "Ben <ben@halyard.example>", "Bob Doe <bob@acme.example>"
EVE = "Eve <eve@other.example>"
SECRETS = ("Slate roof", "Chimney", "PARAGRAPH", "drawing.pdf", "Invoice")
SETTINGS = "/halyard/settings/account/email-calendar/"
WORKSPACE_SETTINGS = "/halyard/settings/workspace/email-calendar/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@dataclass
class Stage:
    """The workspace, its members, and a browser for each of them."""

    site: str
    browser: Browser
    mail_server: Dovecot
    people: dict[str, Member]
    mail: dict[str, MailUser] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    def page(self, name: str = "", *, size: dict[str, int] = WIDE) -> Page:
        """A window of somebody's, signed in; without a name nobody's."""
        context = self.browser.new_context(viewport=size, has_touch=size == NARROW)  # type: ignore[arg-type]
        if name:
            client = Client()
            client.force_login(
                self.people[name].user, backend="django.contrib.auth.backends.ModelBackend"
            )
            cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.site}]
            )
        page = context.new_page()
        page.set_default_timeout(15_000)
        self.troubles.append(Trouble(page, self.site))
        return page

    def connect(self, name: str) -> Mailbox:
        user = self.mail_server.new_user()
        self.mail[name] = user
        imap = {"host": "127.0.0.1", "port": self.mail_server.port, "security": "none", "username": user.name}
        address = self.people[name].user.email
        return connect_servers(self.people[name], address=address, passwords={"imap": PASSWORD}, imap=imap)


@pytest.fixture
def stage(live_server: Any, browser: Browser, mail_server: Dovecot, settings: Any) -> Iterator[Stage]:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}"]
    workspace = Workspace.objects.create(slug="halyard", name="Halyard")
    InternalDomain.objects.create(workspace=workspace, domain="halyard.example")
    people = {name: _join(workspace, name) for name in ("ada", "ben")}
    people["cleo"] = _join(workspace, "cleo", role=Role.ADMIN)
    stage = Stage(str(live_server.url), browser, mail_server, people)
    yield stage
    for context in browser.contexts:
        context.close()
    for user in stage.mail.values():
        user.close()
    assert [one for trouble in stage.troubles for one in trouble.found] == []


def _join(workspace: Workspace, name: str, *, role: Role = Role.MEMBER) -> Member:
    return add_member(
        workspace, f"{name}@halyard.example", name=name.title(), password=SIGN_IN, role=role
    )


@pytest.fixture
def read(stage: Stage) -> Stage:
    """Ada's and Ben's accounts are connected and read."""
    boxes = [stage.connect(name) for name in ("ada", "ben")]
    fill(stage.mail["ada"])
    stage.mail["ben"].deliver(letter(9, BOB, BEN, "Lunch", text="At noon.\n", days_ago=6), received=NOW)
    for box in boxes:
        sync(box)
    return stage


def fill(ada: MailUser) -> None:
    """A thread of three, one mail besides, and one from somebody nobody has written to."""
    ada.make_folder("Gesendetes")
    ada.deliver(letter(1, ADA, BOB, "Slate roof"), "Gesendetes", received=NOW)
    quoting = "Chimney too?\n\nOn Monday, Ada wrote:\n> PARAGRAPH of the first letter\n> and its end\n"
    ada.deliver(letter(2, BOB, ADA, "Re: Slate roof", text=quoting, answers=1, days_ago=2), received=NOW)
    ada.deliver(with_pictures(3, answers=1), received=NOW)
    ada.deliver(letter(4, BOB, ADA, "Invoice 7", days_ago=5), received=NOW)
    ada.deliver(letter(5, EVE, ADA, "Introducing Other", days_ago=4), received=NOW)


def letter(
    number: int,
    sender: str,
    to: str,
    subject: str,
    *,
    text: str = "PARAGRAPH of text.\n",
    days_ago: float = 3,
    answers: int = 0,
) -> bytes:
    return bytes(_letter(number, sender, to, subject, text=text, days_ago=days_ago, answers=answers))


def with_pictures(number: int, *, answers: int) -> bytes:
    """HTML with two remote images, and a drawing attached."""
    made = _letter(number, BOB, ADA, "Re: Slate roof", text="PARAGRAPH", days_ago=1, answers=answers)
    html = "<p>PARAGRAPH in <b>bold</b></p>" + '<img src="http://tracker.example/x.png">' * 2
    made.add_alternative(html, subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="drawing.pdf")
    return bytes(made)


def _letter(
    number: int, sender: str, to: str, subject: str, *, text: str, days_ago: float, answers: int
) -> Letter:
    made = Letter()
    made["Message-ID"] = f"<m{number}@story.example>"
    made["Date"] = format_datetime(NOW - timedelta(days=days_ago))
    made["From"], made["To"], made["Subject"] = sender, to, subject
    if answers:
        made["In-Reply-To"] = made["References"] = f"<m{answers}@story.example>"
    made.set_content(text)
    return made


def sync(mailbox: Mailbox) -> None:
    expire_leases()
    for stream in mailbox.streams.order_by("kind"):
        run_now(stream)


def roof() -> Thread:
    return Thread.objects.get(pk=MessageCopy.objects.filter(subject="Slate roof").get().message.thread_id)


def emails_of_acme(stage: Stage) -> str:
    return f"{stage.site}/halyard/companies/{Company.objects.get().pk}/emails/"


def row_of(page: Page, thread: Thread) -> Locator:
    return page.locator(f".thread-row[data-thread='{thread.pk}']")


def is_still(page: Page) -> None:
    """Nothing moves sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText")).strip()


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

        sync(Mailbox.objects.get())
    expect(account).to_have_attribute("data-state", "ok", timeout=10_000)
    expect(account).to_contain_text(re.compile(r"Up to date.*5 emails.*1 event"))
    is_still(page)
    page.get_by_role("link", name="Back to Halyard").first.click()
    expect(page.locator("tr[data-record]")).to_have_count(1)
    expect(page.locator("td[data-attribute=last_interaction]")).to_contain_text("Ada")


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
    opener = row.get_by_role("button", name="Request access")
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
    to_bell(ada, size)
    note = ada.locator(".note")
    expect(note).to_contain_text("Ben asks to read")
    is_still(ada)
    note.locator("p a").click()
    form = ada.locator("form.request")
    expect(form).to_contain_text("“For the roof’s offer”")
    assert form.get_by_label("Level").input_value() == str(AccessLevel.FULL.value)
    is_still(ada)
    form.get_by_role("button", name="Approve").click()
    expect(ada.locator(".thread .notice").first).to_contain_text("Ben has Full access to: This thread.")
    expect(ada.locator(".sidebar .badge")).to_have_count(0)
    assert AccessRequest.objects.get(state="approved").settled_by == read.people["ada"]
    ben.reload()
    expect(row).to_have_attribute("data-request", "approved")
    expect(row).to_have_attribute("data-access", "full")


def request(page: Page, row: Locator, note: str) -> None:
    row.get_by_role("button", name="Request access").click()
    dialog = page.locator("#dialogs")
    dialog.get_by_label("Note").fill(note)
    dialog.get_by_role("button", name="Ask the owners").click()
    expect(dialog).to_be_hidden()
    expect(row).to_have_attribute("data-request", "pending")
    expect(row).to_contain_text("Asked Ada just now")
    # Not lost with the button that is gone.
    expect(row.get_by_role("link")).to_be_focused()
    is_still(page)


def to_bell(page: Page, size: dict[str, int]) -> None:
    if size == NARROW:
        page.get_by_role("button", name="Open navigation").click()
    expect(page.locator(".sidebar .badge")).to_contain_text("1")
    page.get_by_role("button", name="Notifications").click()
    expect(page.locator("#notifications")).to_be_visible()


def test_ben_reads_until_ada_takes_it_back(read: Stage) -> None:
    thread, ada = roof(), read.people["ada"]
    ask(thread, by=read.people["ben"], level=AccessLevel.FULL).approve(by=ada, level=AccessLevel.FULL)
    page, owner = read.page("ben"), read.page("ada")
    page.emulate_media(color_scheme="dark")

    # All of it: the letter on its own paper, what it would have loaded, what hangs on it.
    page.goto(emails_of_acme(read))
    counts_are(page, all=3, readable=2, locked=1)
    row_of(page, thread).get_by_role("link").press("Enter")
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
    expect(dialog).to_be_hidden()
    expect(share).to_be_visible()

    page.reload()
    expect(row_of(page, thread)).to_have_attribute("data-access", "metadata")
    counts_are(page, all=3, readable=1, locked=2)
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

    row_of(page, roof()).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Re: Slate roof")).to_be_focused()
    expect(rows.first).to_be_hidden()
    is_still(page)
    page.get_by_role("link", name="Back to threads").click()
    expect(rows.first).to_be_visible()
    expect(row_of(page, roof()).get_by_role("link")).to_be_focused()

    row_of(page, roof()).get_by_role("link").click()
    expect(rows.first).to_be_hidden()
    page.go_back()
    expect(rows.first).to_be_visible()
    expect(rows).to_have_count(3)


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
    dialog.get_by_label("Add a member or a team").select_option(label="Sales")
    expect(seen.locator(".level", has_text="Full access")).to_contain_text("Ben")
    dialog.get_by_label("What Sales can see").focus()
    dialog.get_by_label("What Sales can see").select_option(label="Subject line and metadata")
    expect(seen.locator(".level", has_text="Subject line and metadata")).to_contain_text("Ben")
    expect(dialog.get_by_label("What Sales can see")).to_be_focused()
    dialog.get_by_label("Add a member or a team").select_option(label="Cleo")
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
    expect(page.get_by_label("Subject line and metadata")).to_be_focused()
    level_is(ben, emails_of_acme(read), thread, "subject")
    page.get_by_label("Add a member or a team").select_option(label="Ben")
    expect(page.get_by_label("What Ben can see")).to_have_value(str(AccessLevel.FULL.value))
    level_is(ben, emails_of_acme(read), thread, "full")
    page.get_by_role("button", name="Remove Ben").press("Enter")
    expect(page.get_by_label("What Ben can see")).to_have_count(0)
    level_is(ben, emails_of_acme(read), thread, "subject")


def level_is(page: Page, url: str, thread: Thread, access: str) -> None:
    page.goto(url)
    expect(row_of(page, thread)).to_have_attribute("data-access", access)


def test_ada_blocks_a_domain_and_takes_that_back(read: Stage) -> None:
    page, ben = read.page("ada"), read.page("ben")
    thread, box = roof(), Mailbox.objects.get(member=read.people["ada"])

    # Said before: what it hides, and what cannot be blocked and why.
    page.goto(read.site + SETTINGS)
    page.get_by_label("Add domains or addresses").fill("https://www.acme.example/contact\nhalyard.example")
    effect = page.locator("#bulk-effect")
    expect(effect).to_contain_text("Hides 4 emails and 0 events now")
    expect(effect.locator("li[data-tone=amber]")).to_contain_text("halyard.example")
    expect(effect.locator("li[data-tone=amber] span").first).not_to_be_empty()
    is_still(page)
    page.get_by_role("button", name="Block", exact=True).click()
    listed = page.locator("#blocked .blocked")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("acme.example")
    expect(page.locator("#blocklist [role=alert]")).to_contain_text("Not added: halyard.example")

    for one in (page, ben):
        one.goto(emails_of_acme(read))
        expect(one.locator(".thread-row")).to_have_count(1)
        expect(row_of(one, thread)).to_have_count(0)
    purge_blocked(box, now=datetime.now(UTC))
    assert MessageCopy.objects.filter(mailbox=box).count() == 1

    page.goto(read.site + SETTINGS)
    page.get_by_role("button", name="Unblock acme.example").press("Enter")
    expect(page.locator("#blocklist")).to_contain_text("4 items are read back now.")
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
        expect(page.locator("#internal-domains code")).to_have_text(["halyard.example", "other.example"])
        page.on("dialog", lambda asked: asked.accept())
        page.get_by_role("button", name="Remove other.example").click()
        expect(page.locator("#internal-domains code")).to_have_text(["halyard.example"])
    finally:
        celery.current_app.conf.task_always_eager = False

    page.get_by_role("link", name="Members").click()
    page.get_by_role("button", name="Invite people").click()
    page.get_by_label("Email addresses").fill("dora@halyard.example")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.locator("#dialogs")).to_contain_text(f"{read.site}/accounts/invitations/")

    ben.goto(read.site + SETTINGS)
    expect(ben.get_by_role("link", name="Members")).to_have_count(0)
    assert ben.request.get(read.site + WORKSPACE_SETTINGS).status == 404


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

    purge_removed(datetime.now(UTC))
    expect(page.get_by_role("heading", name="No account connected yet")).to_be_visible(timeout=10_000)
    assert Mailbox.objects.filter(member=read.people["ada"]).count() == 0
    insight = CompanyInsight.objects.get()
    assert insight.last_email_member == read.people["ben"]
    page.goto(f"{read.site}/halyard/companies/")
    expect(page.locator("td[data-attribute=last_interaction]")).to_contain_text("Ben")
