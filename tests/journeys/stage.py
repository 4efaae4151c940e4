"""Where the story is played: a workspace on a real mail server, and a browser for everybody in it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage as Letter
from email.utils import format_datetime
from re import Pattern

from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import (
    APIResponse,
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    Route,
    expect,
)

from crm.models import Company, Member, Role, Workspace
from crm.workspaces import add_member
from mailboxes.accounts.connecting import connect_servers
from mailboxes.models import Mailbox, MessageCopy, Thread
from mailboxes.running import run_now
from tests.mailboxes.letters import expire_leases
from tests.servers.dovecot import PASSWORD, Dovecot, MailUser

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SIGN_IN = "a-long-password"
NOW = datetime.now(UTC).replace(microsecond=0)
ADA, BEN, BOB = "Ada <ada@halyard.example>", "Ben <ben@halyard.example>", "Bob Doe <bob@acme.example>"
EVE = "Eve <eve@other.example>"
SETTINGS = "/halyard/settings/account/email-calendar/"
SECRETS = ("Slate roof", "Chimney", "PARAGRAPH", "drawing.pdf", "Invoice")


class Trouble:
    """What went wrong in the background: console errors, failed answers, requests to other hosts."""

    def __init__(self, page: Page, *own: str) -> None:
        self.own = own
        self.found: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("response", self._look)
        page.on("request", self._follow)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(message.text)

    def _look(self, answer: Response) -> None:
        if answer.status >= 400:
            self.found.append(f"{answer.status} {answer.url}")

    def _follow(self, asked: Request) -> None:
        if not asked.url.startswith((*self.own, "data:")):
            self.found.append(asked.url)


class Held:
    """Requests to addresses like this one, kept back until they are let go; or only the first of them. What is
    kept back may be the answers: they are those of the moment they were asked for."""

    def __init__(
        self, page: Page, pattern: str | Pattern[str], *, only_first: bool = False, answers: bool = False
    ) -> None:
        self.page, self.pattern, self.only_first, self.answers = page, pattern, only_first, answers
        self.routes: list[tuple[Route, APIResponse | None]] = []
        page.route(pattern, self._keep)

    def _keep(self, route: Route) -> None:
        if self.only_first and self.routes:
            route.fallback()
        else:
            self.routes.append((route, route.fetch() if self.answers else None))

    def has_come(self) -> None:
        """A page shows that it has asked before its request arrives here."""
        for _ in range(300):
            if self.routes:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"nothing was asked of {self.pattern}")

    def let_go(self) -> None:
        """Those that have come."""
        self.has_come()
        kept, self.routes = self.routes, []
        for route, answer in kept:
            if answer:
                route.fulfill(response=answer)
            else:
                route.continue_()

    def ends(self) -> None:
        """Nothing is kept back any longer, nor what has come."""
        self.page.unroute(self.pattern)


@dataclass
class Stage:
    """The workspace, its members, and a browser for each of them. `ways_out` are places besides the site
    that people are sent to."""

    site: str
    browser: Browser
    mail_server: Dovecot
    people: dict[str, Member]
    mail: dict[str, MailUser] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    ways_out: list[str] = field(default_factory=list)

    def page(self, name: str = "", *, size: dict[str, int] = WIDE) -> Page:
        """A window of somebody's, signed in; without a name nobody's."""
        context = self.browser.new_context(viewport=size, has_touch=size == NARROW)  # type: ignore[arg-type]
        if name:
            client = Client()
            client.force_login(self.people[name].user, backend="django.contrib.auth.backends.ModelBackend")
            cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.site}]
            )
        page = context.new_page()
        page.set_default_timeout(15_000)
        self.troubles.append(Trouble(page, self.site, *self.ways_out))
        return page

    def connect(self, name: str) -> Mailbox:
        user = self.mail_server.new_user()
        self.mail[name] = user
        imap = {"host": "127.0.0.1", "port": self.mail_server.port, "security": "none", "username": user.name}
        address = self.people[name].user.email
        return connect_servers(self.people[name], address=address, passwords={"imap": PASSWORD}, imap=imap)


def join(workspace: Workspace, name: str, *, role: Role = Role.MEMBER) -> Member:
    return add_member(workspace, f"{name}@halyard.example", name=name.title(), password=SIGN_IN, role=role)


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


def level_is(page: Page, url: str, thread: Thread, access: str) -> None:
    page.goto(url)
    expect(row_of(page, thread)).to_have_attribute("data-access", access)


# As wide as what is on the page, and what a part of it would cut off.
WIDTH = """Math.max(...[...document.querySelectorAll(
    "html, main, .settings__scroll, .threads__list, .thread__scroll, #dialogs, .notifications"
)].map(it => it.scrollWidth))"""


def is_still(page: Page) -> None:
    """Nothing moves sideways or is cut off."""
    size = page.viewport_size
    assert size is not None
    assert page.evaluate(WIDTH) <= size["width"]


def is_settled(page: Page) -> None:
    """Nothing is being loaded or put in place: only somebody faster than a hand comes in between."""
    moving = page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
    expect(moving).to_have_count(0)
