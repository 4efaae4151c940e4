"""A parent arrives while somebody shares, takes back or approves: whoever comes second sees what the first did."""

from collections.abc import Callable

import pytest

from crm.models import AccessLevel, Member
from mailboxes.models import AccessGrant, EmailMessage, Thread
from mailboxes.sharing.granting import Grantee, set_access, thread_target
from mailboxes.sharing.requesting import ask
from mailboxes.visibility import readings
from tests.desk import Desk, mail
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BOB = "ada@halyard.example", "bob@acme.example"
FULL = AccessLevel.FULL


def reply_level(member: Member) -> int:
    pk = EmailMessage.objects.get(copies__subject="Reply").pk
    return int(readings(member, [pk])[pk].level)


def while_a_parent_waits(desk: Desk, act: Callable[[], object]) -> None:
    """`act` has happened and is not committed when the parent wants to be stored."""

    parent = mail("parent@x", BOB, ADA, references=("root@x",), subject="Parent")
    meanwhile(act, lambda: desk.put("ada", parent))
    assert Thread.objects.count() == 1


@pytest.fixture
def waiting(desk: Desk) -> Thread:
    desk.put("ada", mail("root@x", BOB, ADA, subject="Root"))
    desk.put("ada", mail("reply@x", BOB, ADA, in_reply_to="parent@x", subject="Reply"))
    return Thread.objects.get(messages__copies__subject="Reply")


def test_what_is_taken_back_meanwhile_is_not_copied(desk: Desk, waiting: Thread) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    set_access(thread_target(waiting), {Grantee(member_id=ben.pk): FULL}, by=ada)

    while_a_parent_waits(desk, lambda: set_access(thread_target(waiting), {}, by=ada))

    assert reply_level(ben) == 1
    assert not AccessGrant.objects.exists()


def test_what_is_approved_meanwhile_is_open(desk: Desk, waiting: Thread) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    asked = ask(waiting, by=ben, level=FULL)

    while_a_parent_waits(desk, lambda: asked.approve(by=ada, level=FULL))

    assert reply_level(ben) == 3
