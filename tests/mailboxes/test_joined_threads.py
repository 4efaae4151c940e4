"""Threads that join when a parent comes later: with whoever may read them, and whoever has asked to."""

import pytest

from crm.models import AccessLevel, Member
from crm.search.words import Query
from mailboxes.correspondence.finding_threads import find_threads
from mailboxes.models import AccessRequest, EmailMessage, Thread
from mailboxes.sharing.granting import Grantee, set_access, thread_target
from mailboxes.sharing.requesting import ask
from mailboxes.visibility import readings
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@halyard.example", "bob@acme.example"
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
    ben = desk.members["ben"]
    desk.put("ada", mail("root@x", BOB, ADA, subject="Root"))
    desk.put("ada", mail("reply@x", BOB, ADA, in_reply_to="parent@x", subject="Reply"))
    for thread in Thread.objects.order_by("pk"):
        ask(thread, by=ben, level=FULL)

    desk.put("ada", mail("parent@x", BOB, ADA, references=("root@x",), subject="Parent"))

    assert AccessRequest.objects.get().thread == Thread.objects.get()
