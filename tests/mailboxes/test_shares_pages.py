"""Pages where somebody shares: two of them open at once, and what Enter does."""

import re
from typing import Any

import pytest

from crm.edits import editing
from crm.models import AccessLevel, Notification, Person
from crm.notifying import in_words
from mailboxes.models import AccessGrant, AccessRequest, RequestState, Scope, Thread
from mailboxes.sharing.accesslog import read_log
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
from mailboxes.sharing.requesting import ask
from tests.conftest import SignIn
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

ADA, BOB, EVE = "ada@halyard.example", "bob@acme.example", "eve@birch.example"


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
    seen = as_seen(grants_on(mailbox_target(desk.mailboxes["ada"]), by=ada), ())
    browser.post(url, {"remove": f"member-{ben.pk}", f"member-{ben.pk}": "3", "seen": seen}, headers=headers)

    late = browser.post(
        url, {f"member-{ben.pk}": "3", "add": f"member-{cleo.pk}", "seen": seen}, headers=headers
    )

    assert not AccessGrant.objects.exists()
    assert "changed elsewhere meanwhile" in late["HX-Trigger"]
    assert f'name="seen" value="{as_seen((), ())}"' in late.content.decode()


def test_manage_access_that_is_out_of_date_shows_what_is_stored(
    desk: Desk, thread: Thread, signed_in: SignIn
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    url, browser = f"/halyard/emails/{thread.pk}/access/", signed_in.as_(ada)
    headers = {"HX-Request": "true"}
    form = {"audience": "workspace", "everyone": "3", "seen": as_seen((), thread_target(thread).reach())}
    set_access(thread_target(thread), {Grantee(member_id=ben.pk): AccessLevel.SUBJECT}, by=ada)

    late = browser.post(url, form, headers=headers).content.decode()

    assert AccessGrant.objects.get().member == ben
    assert "was changed elsewhere meanwhile" in late
    assert 'value="selected" id="audience-selected" checked' in late
    target = thread_target(thread)
    seen = as_seen(grants_on(target, by=ada), target.reach())
    assert browser.post(url, form | {"seen": seen}, headers=headers).status_code == 204
    assert AccessGrant.objects.get().member is None


def test_a_thread_says_with_how_many_it_is_shared_or_that_it_is_everyone(
    desk: Desk, thread: Thread, signed_in: SignIn
) -> None:
    ada, *others = (desk.members[name] for name in ("ada", "ben", "cleo"))

    def said(*grantees: Grantee) -> str:
        set_access(thread_target(thread), dict.fromkeys(grantees, AccessLevel.SUBJECT), by=ada)
        page = signed_in.as_(ada).get(f"/halyard/emails/{thread.pk}/").content.decode()
        return page.partition('id="thread-share"')[2].partition("</a>")[0].rpartition(">")[2]

    assert said() == "Share"
    assert said(*(Grantee(member_id=one.pk) for one in others)) == "Shared with 2"
    assert said(EVERYBODY) == "Shared with everyone"


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


SEEN = re.compile(r'name="seen(?:-record)?" value="([^"]+)"')


@pytest.mark.parametrize("gains", ["address", "merge"])
def test_what_a_record_gains_after_its_owner_looked_is_not_opened(
    desk: Desk, thread: Thread, signed_in: SignIn, gains: str
) -> None:
    """A colleague gives the person another address while the owner's form is open."""
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("2@x", ADA, EVE, subject="Secret"))
    bob, eve = (Person.objects.get(addresses__email=email) for email in (BOB, EVE))
    asked = ask(thread, by=ben, level=AccessLevel.FULL, record=bob)
    browser, headers = signed_in.as_(ada), {"HX-Request": "true"}
    manage, approve = f"/halyard/people/{bob.pk}/access/", f"/halyard/access-requests/{asked.pk}/approval/"
    seen_there = one_match(browser.get(manage, headers=headers))
    seen_asked = one_match(browser.get(f"/halyard/emails/{thread.pk}/", headers=headers))

    if gains == "merge":
        editing.merge(eve, bob, by=ben)
    else:
        editing.delete_record(eve, by=ben)
        editing.add_address(bob, EVE, by=ben)

    saved = browser.post(manage, {"audience": "workspace", "seen": seen_there}, headers=headers)
    answer = {"scope": "record", "level": "3", "seen-record": seen_asked}
    answered = browser.post(approve, answer, headers=headers)
    assert "was changed elsewhere meanwhile" in saved.content.decode()
    assert "Nothing was shared" in answered.content.decode()
    assert not AccessGrant.objects.exists()
    assert AccessRequest.objects.get().state == RequestState.PENDING

    again = one_match(answered)
    assert browser.post(approve, answer | {"seen-record": again}, headers=headers).status_code == 200
    assert AccessGrant.objects.get().coverage.count() == 2


@pytest.mark.parametrize(
    ("scope", "how"),
    [
        (Scope.THREAD, "with you"),
        (Scope.RECORD, "with you, and all their emails with Bob"),
        (Scope.MAILBOX, "with you, and all of their mailbox"),
    ],
)
def test_who_asked_is_told_how_much_was_shared_and_the_owner_reads_both_in_his_log(
    desk: Desk, scope: Scope, how: str
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("1@x", ADA, f"Bob <{BOB}>"))
    asked = ask(Thread.objects.get(), by=ben, level=AccessLevel.FULL, record=Person.objects.get())

    asked.approve(by=ada, level=AccessLevel.FULL, scope=scope)

    (note,) = in_words(ben, Notification.objects.filter(member=ben))
    assert note.told.sentence == f"Ada shared Plans {how}"
    approved, shared, _ = (line.words for line in read_log(ada))
    assert approved == "You approved Ben’s request for a thread"
    assert shared.startswith("You gave Ben full access for")


def test_covering_too_covers_what_was_shown(desk: Desk, thread: Thread, signed_in: SignIn) -> None:
    bob = Person.objects.get()
    set_access(record_target(bob), {EVERYBODY: AccessLevel.FULL}, by=desk.members["ada"])
    editing.add_address(bob, "bob@other.example", by=desk.members["ben"])
    browser, headers = signed_in.as_(desk.members["ada"]), {"HX-Request": "true"}
    url = f"/halyard/people/{bob.pk}/access/"
    seen = one_match(browser.get(url, headers=headers))
    editing.add_address(bob, "bob@third.example", by=desk.members["ben"])

    late = browser.post(f"{url}coverage/", {"seen": seen}, headers=headers)
    covered = AccessGrant.objects.get().coverage.count()
    browser.post(f"{url}coverage/", {"seen": one_match(late)}, headers=headers)

    assert (covered, AccessGrant.objects.get().coverage.count()) == (1, 3)


def one_match(response: Any) -> str:
    (seen,) = set(SEEN.findall(response.content.decode()))
    return str(seen)
