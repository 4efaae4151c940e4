"""Somebody shares or answers while an admin, or the blocklist, takes away what it rests on."""

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import AccessLevel, Member, Notification
from crm.workspaces import set_active
from mailboxes.blocking import block, purge_blocked
from mailboxes.models import AccessGrant, AccessRequest, RequestState, Thread
from mailboxes.sharing.granting import Grantee, set_access, thread_target
from mailboxes.sharing.requesting import ask
from tests.desk import Desk, mail
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BOB = "ada@halyard.example", "bob@acme.example"
FULL = AccessLevel.FULL


@pytest.fixture
def thread(desk: Desk) -> Thread:
    desk.put("ada", mail("1@x", ADA, BOB))
    return Thread.objects.get()


@pytest.mark.parametrize("who", ["ada", "ben"])
def test_nothing_is_shared_by_or_with_somebody_deactivated_meanwhile(
    desk: Desk, thread: Thread, who: str
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    leaving = Member.objects.get(pk=desk.members[who].pk)

    with pytest.raises(PermissionDenied):
        meanwhile(
            lambda: set_active(leaving, active=False),
            lambda: set_access(thread_target(thread), {Grantee(member_id=ben.pk): FULL}, by=ada),
        )

    assert not AccessGrant.objects.exists()


def test_nobody_asks_who_was_deactivated_meanwhile(desk: Desk, thread: Thread) -> None:
    ben = desk.members["ben"]
    leaving = Member.objects.get(pk=ben.pk)

    with pytest.raises(PermissionDenied):
        meanwhile(lambda: set_active(leaving, active=False), lambda: ask(thread, by=ben, level=FULL))

    assert not AccessRequest.objects.exists()


def test_an_approval_stands_though_the_mail_is_blocked_meanwhile(desk: Desk, thread: Thread) -> None:
    ada, ben, mailbox = desk.members["ada"], desk.members["ben"], desk.mailboxes["ada"]
    request = ask(thread, by=ben, level=FULL)
    block(mailbox, [BOB], by=ada)
    desk.put("ada", mail("2@x", ADA, "eve@birch.example", references=("1@x",)))

    meanwhile(lambda: request.approve(by=ada, level=FULL), lambda: purge_blocked(mailbox))

    assert AccessRequest.objects.get().state == RequestState.APPROVED
    assert list(Notification.objects.filter(member=ben).values_list("kind", flat=True)) == ["access_approved"]
