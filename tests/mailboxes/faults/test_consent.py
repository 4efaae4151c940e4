"""Whom an account read by consent obeys: answers that nobody asked for, and members who have left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.models import AccessLevel, Member
from crm.workspaces import set_active
from mailboxes.leasing import pick_due
from mailboxes.models import AccessGrant, Mailbox, SyncStream
from mailboxes.sharing.granting import Grantee, mailbox_target, set_access
from tests.conftest import SignIn
from tests.mailboxes.consentrig import answer_of, connected, google_set_up, microsoft_set_up, read
from tests.mailboxes.faults.test_account import account, short_pages, today
from tests.mailboxes.faults.test_content import content
from tests.mailboxes.faults.test_world import SIDES
from tests.privacy.rows import unchanged

pytestmark = pytest.mark.django_db
__all__ = ["short_pages", "today"]

ADA = "ada@halyard.example"
CALLBACK = "/accounts/connections/{}/callback/"
FIRST_LOOK = {"google": "/gmail/v1/users/me/settings/sendAs", "microsoft": "/v1.0/me"}
TOKEN = {"google": "/token", "microsoft": "/.../oauth2/v2.0/token"}


@dataclass
class Asking:
    """Ada has left for the provider, and what it would say is known."""

    kind: str
    fake: Any
    browser: Client
    answer: str

    @property
    def said(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.answer).query).items()}

    def back(self, browser: Client | None = None, /, *, kind: str = "", **said: str) -> Any:
        return (browser or self.browser).get(CALLBACK.format(kind or self.kind), said)

    def exchanges(self) -> int:
        return len(self.fake.log.of("POST", TOKEN[self.kind]))


@pytest.fixture(params=["google", "microsoft"])
def asking(request: pytest.FixtureRequest, ada: Member, signed_in: SignIn) -> Iterator[Asking]:
    set_up: Any = {"google": google_set_up, "microsoft": microsoft_set_up}[request.param]
    with set_up() as fake:
        if request.param == "microsoft":
            fake.add_tenant("halyard.example")
        fake.add_user(ADA, name="Ada Lovelace")
        fake.consents(ADA)
        browser = signed_in.as_(ada)
        yield Asking(request.param, fake, browser, answer_of(browser, "halyard", kind=request.param))


# A16: answers that nobody asked for.


def test_a16_an_answer_without_its_own_question_changes_no_row(
    asking: Asking, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    said, other = asking.said, {"google": "microsoft", "microsoft": "google"}[asking.kind]
    her_other, his = signed_in.as_(ada), signed_in.as_(ben)
    with unchanged():
        pages = [
            asking.back(code=said["code"]),
            asking.back(code=said["code"], state=""),
            asking.back(code=said["code"], state=said["state"][:-1]),
            asking.back(code=said["code"], state=said["state"].swapcase()),
            asking.back(her_other, **said),
            asking.back(his, **said),
            asking.back(kind=other, **said),
        ]
        nobody = asking.back(Client(), **said)

    assert [page.status_code for page in pages] == [400] * 7
    assert all("This answer belongs to no sign-in" in page.content.decode() for page in pages)
    assert (nobody.status_code, nobody["Location"].startswith("/accounts/login/")) == (302, True)
    assert asking.exchanges() == 0
    assert asking.browser.session.get("mailbox_offer") is None


def test_a16_an_answer_counts_once(asking: Asking) -> None:
    first = asking.back(**asking.said)
    with unchanged():
        again = asking.back(**asking.said)

    assert (first.status_code, again.status_code, asking.exchanges()) == (302, 400, 1)


def test_a16_a_refused_code_ends_its_question(asking: Asking) -> None:
    with unchanged():
        wrong = asking.back(**asking.said | {"code": "another"})
        right = asking.back(**asking.said)

    assert (wrong.status_code, right.status_code, asking.exchanges()) == (400, 400, 1)
    assert Mailbox.objects.filter(kind=asking.kind).count() == 0


def test_a16_a_failure_of_our_own_ends_its_question_too(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = httpx.Client.send

    def fail(self: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        if request.url.path == FIRST_LOOK[asking.kind]:
            raise RuntimeError("nobody has thought of this")
        return send(self, request, **more)

    monkeypatch.setattr(httpx.Client, "send", fail)
    asking.browser.raise_request_exception = False

    first = asking.back(**asking.said)
    again = asking.back(**asking.said)

    assert (first.status_code, again.status_code, asking.exchanges()) == (500, 400, 1)


def test_an_account_that_is_described_in_nonsense_is_not_connected(asking: Asking) -> None:
    nonsense = {
        "google": b'{"sendAs": [1]}',
        "microsoft": b'{"mail": "ada@halyard.example", "proxyAddresses": [1]}',
    }[asking.kind]
    asking.fake.faults.on("GET", FIRST_LOOK[asking.kind], call=1, body=nonsense)
    asking.browser.raise_request_exception = False

    page = asking.back(**asking.said)

    assert page.status_code in {302, 400}
    assert Mailbox.objects.filter(kind=asking.kind).count() == 0


def test_a16_a_question_is_open_for_a_quarter_of_an_hour(asking: Asking) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True), unchanged():
        late = asking.back(**asking.said)

    assert (late.status_code, asking.exchanges()) == (400, 0)


def test_a16_an_offer_is_its_members_alone(asking: Asking, ben: Member) -> None:
    """The session of one browser, taken over by somebody else's."""
    back = asking.back(**asking.said)
    thief = Client()
    thief.force_login(ben.user, backend="django.contrib.auth.backends.ModelBackend")
    session = thief.session
    session["mailbox_offer"] = asking.browser.session["mailbox_offer"]
    session.save()
    with unchanged():
        refused = thief.post(back["Location"], {"reads_mail": "on"})

    assert refused["Location"] == "/halyard/settings/account/email-calendar/"
    assert Mailbox.objects.filter(kind=asking.kind).count() == 0


def test_a16_a_reconnection_is_of_the_same_members_mailbox(
    asking: Asking, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    mailbox, his = connected(asking.fake, asking.browser, ada), signed_in.as_(ben)
    with unchanged():
        page = his.post(f"/halyard/mailboxes/{mailbox.pk}/consent/")

    assert page.status_code == 404


# A18: where a browser is sent.


@pytest.mark.parametrize("place", ["//e.test", "/\\e.test", "https:e.test", "javascript:alert(1)"])
def test_a18_the_way_back_leads_nowhere_else(asking: Asking, place: str) -> None:
    away = asking.browser.post(f"/halyard/mailboxes/consents/{asking.kind}/?next={place}", {"next": place})
    back = asking.back(**asking.said, next=place)

    sent = urlsplit(away["Location"])
    assert parse_qs(sent.query)["redirect_uri"] == [f"http://127.0.0.1:8000{CALLBACK.format(asking.kind)}"]
    assert "e.test" not in away["Location"] and "javascript" not in away["Location"]
    assert back["Location"] == f"/halyard/mailboxes/consents/{asking.kind}/confirmation/"


def test_a18_the_way_back_is_not_what_a_request_calls_us(asking: Asking) -> None:
    away = asking.browser.post(f"/halyard/mailboxes/consents/{asking.kind}/", headers={"Host": "localhost"})

    redirect_uri = parse_qs(urlsplit(away["Location"]).query)["redirect_uri"]
    assert redirect_uri == [f"http://127.0.0.1:8000{CALLBACK.format(asking.kind)}"]


# A15: a member who is deactivated.


def test_a15_a_deactivated_members_account_is_not_asked_again(
    asking: Asking, ada: Member, ben: Member
) -> None:
    mailbox = connected(asking.fake, asking.browser, ada)
    read(mailbox)
    set_access(mailbox_target(mailbox), {Grantee(member_id=ben.pk): AccessLevel.FULL}, by=ada)
    SyncStream.objects.filter(mailbox=mailbox).update(due_at=timezone.now() - timedelta(days=900))
    asking.fake.log.clear()

    set_active(ada, active=False)

    assert due_streams(mailbox) == set()
    assert AccessGrant.objects.count() == 0
    paths = (f"mailboxes/{mailbox.pk}/consented-account/", "settings/account/email-calendar/")
    pages = [asking.browser.get(f"/halyard/{path}") for path in paths]
    pages.append(asking.browser.post(f"/halyard/mailboxes/{mailbox.pk}/consent/"))
    assert {page.status_code for page in pages} <= {302, 403, 404}
    assert asking.fake.log.calls == []
    set_active(ada, active=True)
    assert due_streams(mailbox) == {"mail", "calendar"}


def due_streams(mailbox: Mailbox) -> set[str]:
    leased = [lease.stream_id for lease in pick_due()]
    found = set(SyncStream.objects.filter(mailbox=mailbox, pk__in=leased).values_list("kind", flat=True))
    SyncStream.objects.filter(pk__in=leased).update(lease_until=None)
    return found


def test_a15_an_answer_that_comes_after_it_is_not_taken(asking: Asking, ada: Member) -> None:
    set_active(ada, active=False)
    with unchanged():
        page = asking.back(**asking.said)

    assert page.status_code in {302, 400, 403, 404}
    assert asking.exchanges() == 0
    assert Mailbox.objects.filter(kind=asking.kind).count() == 0


@pytest.mark.usefixtures("today", "short_pages")
@pytest.mark.parametrize("name", SIDES)
def test_a15_a_run_under_way_ends_with_its_next_page(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with account(SIDES[name]) as one:
        owner = one.desk.members["ada"]
        send = httpx.Client.send

        def ask(self: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
            if owner.is_active:
                set_active(owner, active=False)
            return send(self, request, **more)

        monkeypatch.setattr(httpx.Client, "send", ask)
        one.run()
        asked, kept = len(one.asked()), content()
        again = one.run()

    # What it takes to list the first page of a mailbox, or one whole calendar with its view.
    assert asked <= {"gmail": 4, "google calendar": 4, "graph mail": 13, "graph calendar": 9}[name]
    assert (again, kept["copies"], kept["sources"], kept["pending"]) == (False, [], [], [])
