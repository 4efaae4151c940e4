"""Threads that join when a parent comes later: with whoever may read them, and whoever has asked to."""

import re

import pytest

from crm.models import AccessLevel, Member, Notification
from crm.notifying import in_words
from crm.search.words import Query
from mailboxes.correspondence.finding_threads import find_threads
from mailboxes.models import AccessGrant, AccessRequest, EmailMessage, Thread
from mailboxes.sharing.granting import Grantee, open_further, set_access, thread_target
from mailboxes.sharing.requesting import ask
from mailboxes.visibility import readings
from tests.conftest import SignIn
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

ADA, BEN, BOB = "ada@halyard.example", "ben@halyard.example", "bob@acme.example"
FULL, SUBJECT = AccessLevel.FULL, AccessLevel.SUBJECT


def levels(member: Member) -> dict[str, int]:
    """Of every message, by its subject."""
    found = readings(member, list(EmailMessage.objects.values_list("pk", flat=True)))
    names = dict(EmailMessage.objects.values_list("pk", "copies__subject"))
    return {names[pk]: int(one.level) for pk, one in found.items()}


def test_what_was_open_stays_open_when_a_parent_comes_later(desk: Desk) -> None:
    """And what the parent brings in does not open, whoever wrote it."""
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ada", mail("root@x", BOB, ADA, subject="Root"))
    desk.put("ada", mail("reply@x", BOB, ADA, in_reply_to="parent@x", subject="Reply"))
    waiting = Thread.objects.get(messages__copies__subject="Reply")
    set_access(thread_target(waiting), {Grantee(member_id=ben.pk): FULL}, by=ada)
    asked = ask(waiting, by=cleo, level=FULL)

    desk.put("ada", mail("parent@x", BOB, ADA, references=("root@x",), subject="Parent"))

    thread = Thread.objects.get()
    assert levels(ben) == {"Root": 1, "Reply": 3, "Parent": 1}
    assert [hit.subject for hit in find_threads(ben, Query.of("reply"), most=5)] == ["Reply"]
    assert find_threads(ben, Query.of("parent"), most=5) == []
    asked.refresh_from_db()
    assert (asked.thread, asked.state) == (thread, "pending")

    set_access(thread_target(thread), {Grantee(member_id=ben.pk): SUBJECT}, by=ada)
    assert levels(ben) == {"Root": 2, "Reply": 2, "Parent": 2}
    set_access(thread_target(thread), {}, by=ada)
    assert levels(ben) == {"Root": 1, "Reply": 1, "Parent": 1}


def test_who_asked_for_both_threads_asks_once_when_they_join(desk: Desk) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ada", mail("root@x", BOB, ADA, subject="Root"))
    desk.put("ben", mail("reply@x", BOB, BEN, in_reply_to="parent@x", subject="Reply"))
    root, waiting = Thread.objects.order_by("pk")
    kept = ask(root, by=cleo, level=SUBJECT)
    folded = ask(waiting, by=cleo, level=FULL)

    desk.put("ada", mail("parent@x", BOB, ADA, references=("root@x",), subject="Parent"))

    assert [one.thread for one in AccessRequest.objects.all()] == [Thread.objects.get()] * 2
    kept.refresh_from_db()
    folded.refresh_from_db()
    assert (kept.state, kept.level, folded.state) == ("pending", FULL, "cancelled")
    assert {one.owner_id for one in kept.owners.all()} == {ada.pk, ben.pk}
    for owner in (ada, ben):
        (note,) = in_words(owner, Notification.objects.unread().filter(member=owner))
        assert note.told.answer_url.endswith(f"/{kept.pk}/")


@pytest.mark.parametrize("way", ["approve", "share", "bell"])
def test_what_joins_a_thread_after_its_owner_looked_is_not_opened(
    desk: Desk, signed_in: SignIn, way: str
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("root@x", BOB, ADA, subject="Root"))
    desk.put("ada", mail("reply@x", BOB, ADA, in_reply_to="parent@x", subject="Reply"))
    waiting = Thread.objects.get(messages__copies__subject="Reply")
    asked = ask(waiting, by=ben, level=FULL)
    browser, headers = signed_in.as_(ada), {"HX-Request": "true"}
    looked_at = {"approve": "emails/{}/", "share": "emails/{}/access/", "bell": "notifications/"}[way]
    page = browser.get(f"/halyard/{looked_at.format(waiting.pk)}", headers=headers).content.decode()
    name = "seen" if way == "share" else "seen-thread"
    seen = re.findall(f'name="{name}" value="([^"]+)"', page)[0]

    desk.put("ada", mail("parent@x", BOB, ADA, references=("root@x",), subject="Parent"))

    if way == "share":
        form = {"audience": "workspace", "seen": seen}
        browser.post(f"/halyard/emails/{Thread.objects.get().pk}/access/", form, headers=headers)
    else:
        form = {"scope": "thread", "level": "3", "seen-thread": seen}
        answer = browser.post(f"/halyard/access-requests/{asked.pk}/approval/", form, headers=headers)
        assert "Nothing was shared" in answer.content.decode()
    assert levels(ben) == {"Root": 1, "Reply": 1, "Parent": 1}


def test_the_most_that_was_open_stays_open(desk: Desk) -> None:
    """Of two grants that open the same, through two moves; and what is taken back stays taken back."""
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("c@x", BOB, ADA, in_reply_to="b@x", subject="C"))
    first = Thread.objects.get()
    set_access(thread_target(first), {Grantee(member_id=ben.pk): FULL}, by=ada)
    desk.put("ada", mail("b@x", BOB, ADA, in_reply_to="a@x", subject="B"))
    second = Thread.objects.get()
    open_further(thread_target(second), Grantee(member_id=ben.pk), SUBJECT, by=ada)

    desk.put("ada", mail("a@x", BOB, ADA, references=("root@x",), subject="A"))

    assert levels(ben) == {"C": 3, "B": 2, "A": 1}
    assert set(AccessGrant.objects.values_list("thread", flat=True)) == {Thread.objects.get().pk}
    set_access(thread_target(Thread.objects.get()), {}, by=ada)
    assert levels(ben) == {"C": 1, "B": 1, "A": 1}
