"""Pages where somebody shares: two of them open at once, and what Enter does."""

import re

import pytest

from crm.edits import editing
from crm.models import AccessLevel, Person
from mailboxes.models import AccessGrant, Thread
from mailboxes.sharing.granting import (
    EVERYBODY,
    Grantee,
    as_seen,
    grants_on,
    mailbox_target,
    record_target,
    set_access,
    thread_target,
)
from tests.conftest import SignIn
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@halyard.example", "bob@acme.example"


@pytest.fixture
def thread(desk: Desk) -> Thread:
    desk.put("ada", mail("1@x", ADA, BOB))
    return Thread.objects.get()


def test_a_page_that_is_out_of_date_changes_nothing(desk: Desk, signed_in: SignIn) -> None:
    """Somebody takes access back in one tab, and adds somebody else in another that was open before."""
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    url = f"/halyard/mailboxes/{desk.mailboxes['ada'].pk}/shares/"
    browser, headers = signed_in.as_(ada), {"HX-Request": "true"}
    browser.post(url, {"add": f"member-{ben.pk}"}, headers=headers)
    seen = as_seen(grants_on(mailbox_target(desk.mailboxes["ada"]), by=ada))
    browser.post(url, {"remove": f"member-{ben.pk}", f"member-{ben.pk}": "3", "seen": seen}, headers=headers)

    late = browser.post(
        url, {f"member-{ben.pk}": "3", "add": f"member-{cleo.pk}", "seen": seen}, headers=headers
    )

    assert not AccessGrant.objects.exists()
    assert "changed elsewhere meanwhile" in late["HX-Trigger"]
    assert 'name="seen" value=""' in late.content.decode()


def test_manage_access_that_is_out_of_date_shows_what_is_stored(
    desk: Desk, thread: Thread, signed_in: SignIn
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    url, browser = f"/halyard/emails/{thread.pk}/access/", signed_in.as_(ada)
    headers = {"HX-Request": "true"}
    form = {"audience": "workspace", "everyone": "3", "seen": ""}
    set_access(thread_target(thread), {Grantee(member_id=ben.pk): AccessLevel.SUBJECT}, by=ada)

    late = browser.post(url, form, headers=headers).content.decode()

    assert AccessGrant.objects.get().member == ben
    assert "was changed elsewhere meanwhile" in late
    assert 'value="selected" id="audience-selected" checked' in late
    seen = as_seen(grants_on(thread_target(thread), by=ada))
    assert browser.post(url, form | {"seen": seen}, headers=headers).status_code == 204
    assert AccessGrant.objects.get().member is None


def test_enter_in_manage_access_saves_and_covers_nothing(
    desk: Desk, thread: Thread, signed_in: SignIn
) -> None:
    """The first button of a form is what Enter presses."""
    bob = Person.objects.get()
    set_access(record_target(bob), {EVERYBODY: AccessLevel.FULL}, by=desk.members["ada"])
    editing.add_address(bob, "bob@other.example", by=desk.members["ada"])

    page = signed_in.as_(desk.members["ada"]).get(f"/halyard/people/{bob.pk}/access/").content.decode()

    assert "Cover it too" in page
    form = page[page.index('class="access-form"') :].partition("</form>")[0]
    presses = [one for one in re.findall(r"<button[^>]*type=.submit.[^>]*>[^<]*", form) if "form=" not in one]
    assert [one.rpartition(">")[2] for one in presses] == ["Save access"]


def test_a_level_says_how_much_it_opens_and_is_taken_back(
    desk: Desk, thread: Thread, signed_in: SignIn
) -> None:
    mailbox = desk.mailboxes["ada"]
    url = f"/halyard/mailboxes/{mailbox.pk}/default-level/"
    browser, headers = signed_in.as_(desk.members["ada"]), {"HX-Request": "true"}

    opened = browser.post(url, {"level": "2"}, headers=headers)
    page = opened.content.decode()
    back = browser.post(url, {"level": "1"}, headers=headers)

    assert "of 1 email in" in opened["HX-Trigger"]
    assert "Until just now it was: metadata only." in page
    assert '<input type="hidden" name="level" value="1">' in page
    assert "Until just now it was: subject line" in back.content.decode()
    mailbox.refresh_from_db()
    assert mailbox.default_level == AccessLevel.METADATA
