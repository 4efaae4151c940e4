"""Grants and requests: who may, what they open, when they end."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied

from crm.edits import editing
from crm.models import AccessLevel, AuditEvent, Company, Member, Notification, Team, TeamMembership
from crm.workspaces import set_active
from mailboxes.models import AccessGrant, AccessRequest, EmailMessage, Mailbox, RequestState, Scope, Thread
from mailboxes.removing import begin_removal, purge
from mailboxes.sharing.accesslog import read_log
from mailboxes.sharing.coverage import uncovered
from mailboxes.sharing.granting import (
    EVERYBODY,
    Access,
    Grantee,
    confirm_all,
    mailbox_target,
    record_target,
    set_access,
    thread_target,
)
from mailboxes.sharing.requesting import AlreadySettled, CannotAsk, ask, choices
from mailboxes.sharing.summary import colleagues, sources, summarise_access
from mailboxes.visibility import readings
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

ADA, BEN, BOB, EVE = "ada@halyard.example", "ben@halyard.example", "bob@acme.example", "eve@birch.example"
SUBJECT, FULL = AccessLevel.SUBJECT, AccessLevel.FULL


@pytest.fixture
def thread(desk: Desk) -> Thread:
    desk.put("ada", mail("1@x", ADA, BOB))
    return Thread.objects.get()


def sees(member: Member) -> int:
    """How much of the only message; 0 for one that is not there."""
    pk = EmailMessage.objects.get().pk
    found = readings(member, [pk]).get(pk)
    return int(found.level) if found else 0


def levels(member: Member) -> dict[str, int]:
    """Of every message, by its subject."""
    found = readings(member, list(EmailMessage.objects.values_list("pk", flat=True)))
    names = dict(EmailMessage.objects.values_list("pk", "copies__subject"))
    return {names[pk]: int(one.level) for pk, one in found.items()}


# Requests


def test_a_request_asks_all_owners_and_the_first_yes_settles_it(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ben", mail("1@x", ADA, BOB))

    request = ask(thread, by=cleo, level=FULL, note=" I cover for Ada. ")

    assert request.note == "I cover for Ada."
    assert {one.owner_id for one in request.owners.all()} == {ada.pk, ben.pk}
    assert set(Notification.objects.values_list("member_id", "kind")) == {
        (ada.pk, "access_requested"),
        (ben.pk, "access_requested"),
    }
    request.approve(by=ben, level=SUBJECT)
    assert sees(cleo) == SUBJECT
    assert AccessGrant.objects.get().owner_id == ben.pk
    with pytest.raises(AlreadySettled):
        request.decline(by=ada)
    assert list(Notification.objects.filter(member=cleo).values_list("kind", flat=True)) == [
        "access_approved"
    ]


def test_asking_twice_is_asking_once(desk: Desk, thread: Thread) -> None:
    cleo = desk.members["cleo"]

    first, second = (ask(thread, by=cleo, level=FULL) for _ in range(2))

    assert first == second
    assert Notification.objects.count() == 1


def test_it_is_declined_when_all_decline_and_may_be_asked_again_after_a_week(
    desk: Desk, thread: Thread
) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ben", mail("1@x", ADA, BOB))
    with time_machine.travel(NOW, tick=False):
        request = ask(thread, by=cleo, level=FULL)
        request.decline(by=ada)
        assert AccessRequest.objects.get().state == RequestState.PENDING
        request.decline(by=ben)
        assert AccessRequest.objects.get().state == RequestState.DECLINED
        with pytest.raises(CannotAsk, match="again in 7 days"):
            ask(thread, by=cleo, level=FULL)

    with time_machine.travel(NOW + timedelta(days=7), tick=False):
        again = ask(thread, by=cleo, level=FULL)

    assert again.pk != request.pk and sees(cleo) == 1


def test_a_no_holds_for_a_week_though_the_question_was_taken_back(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ben", mail("1@x", ADA, BOB))
    with time_machine.travel(NOW, tick=False):
        request = ask(thread, by=cleo, level=FULL)
        request.decline(by=ada)
        request.cancel(by=cleo)
        again = ask(thread, by=cleo, level=FULL)
        assert [one.owner_id for one in again.owners.all()] == [ben.pk]
        again.decline(by=ben)
        with pytest.raises(CannotAsk, match="again in 7 days"):
            ask(thread, by=cleo, level=FULL)


def test_only_who_was_asked_answers_and_only_who_asked_cancels(
    desk: Desk, thread: Thread, dan: Member
) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    request = ask(thread, by=cleo, level=FULL)

    for stranger in (ben, cleo, dan):
        with pytest.raises(PermissionDenied):
            request.approve(by=stranger, level=FULL)
        with pytest.raises(PermissionDenied):
            request.decline(by=stranger)
    for stranger in (ada, ben, dan):
        with pytest.raises(PermissionDenied):
            request.cancel(by=stranger)

    assert AccessRequest.objects.get().state == RequestState.PENDING
    assert not AccessGrant.objects.exists()
    request.cancel(by=cleo)
    request.cancel(by=cleo)
    assert AccessRequest.objects.get().state == RequestState.CANCELLED
    with pytest.raises(AlreadySettled):
        request.approve(by=ada, level=FULL)


def test_nobody_asks_for_what_he_reads_already_or_approves_more_than_was_asked(
    desk: Desk, thread: Thread, dan: Member
) -> None:
    ada, cleo = desk.members["ada"], desk.members["cleo"]

    with pytest.raises(CannotAsk, match="already"):
        ask(thread, by=ada, level=FULL)
    with pytest.raises(PermissionDenied):
        ask(thread, by=dan, level=FULL)
    request = ask(thread, by=cleo, level=SUBJECT)
    with pytest.raises(ValueError):
        request.approve(by=ada, level=FULL)

    assert sees(cleo) == 1


@pytest.mark.parametrize(
    ("scope", "opened"),
    [
        (Scope.THREAD, {"Asked for": 3, "Same record": 1, "Another": 1}),
        (Scope.RECORD, {"Asked for": 3, "Same record": 3, "Another": 1}),
        (Scope.MAILBOX, {"Asked for": 3, "Same record": 3, "Another": 3}),
    ],
)
def test_an_approval_reaches_as_far_as_the_owner_says(
    desk: Desk, scope: Scope, opened: dict[str, int]
) -> None:
    ada, cleo = desk.members["ada"], desk.members["cleo"]
    desk.put("ada", mail("1@x", ADA, BOB, subject="Asked for"))
    thread = Thread.objects.get()
    company = Company.objects.get()
    request = ask(thread, by=cleo, level=FULL, record=company)
    words = {one.scope: (one.messages, one.goes_on) for one in choices(request, by=ada)}

    request.approve(by=ada, level=FULL, scope=scope)
    desk.put("ada", mail("2@x", BOB, ADA, subject="Same record"), mail("3@x", EVE, ADA, subject="Another"))

    assert levels(cleo) == opened
    assert words == {Scope.THREAD: (1, False), Scope.RECORD: (1, True), Scope.MAILBOX: (1, True)}


def test_an_approval_holds_for_what_the_record_has_by_now(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    company = Company.objects.get()
    set_access(record_target(company), {Grantee(cleo.pk): FULL}, by=ada)
    desk.put("ada", mail("2@x", EVE, ADA, subject="From Birch"))
    editing.add_domain(company, "birch.example", by=ben)
    request = ask(Thread.objects.exclude(pk=thread.pk).get(), by=cleo, level=FULL, record=company)

    request.approve(by=ada, level=FULL, scope=Scope.RECORD)

    assert levels(cleo) == {"Plans": 3, "From Birch": 3}


def test_only_a_record_that_the_thread_is_with_can_be_opened_with_it(desk: Desk, thread: Thread) -> None:
    ada, cleo = desk.members["ada"], desk.members["cleo"]
    desk.put("ada", mail("2@x", ADA, EVE, subject="Birch"))
    birch = Company.objects.get(domains__domain="birch.example")

    request = ask(thread, by=cleo, level=FULL, record=birch)

    assert request.company is None
    assert Scope.RECORD not in {one.scope for one in choices(request, by=ada)}


def test_the_owner_is_told_the_most_that_anybody_sees(desk: Desk, thread: Thread) -> None:
    """Of the mailboxes that hold the record's mail, and of no others."""
    ada, ben = desk.members["ada"], desk.members["ben"]
    company = Company.objects.get()
    desk.mailboxes["ada"].set_default_level(FULL, by=ada)
    Mailbox.objects.create(workspace=desk.workspace, member=ada, kind="imap", address="other@halyard.example")

    def told(proposed: Access) -> dict[str, tuple[AccessLevel, str]]:
        target = record_target(company)
        groups = summarise_access(
            ada,
            colleagues(ada),
            sources(ada, target, team_names={}),
            stored={},
            proposed=proposed,
            team_names={},
        )
        return {one.name: (one.level, one.why) for group in groups for one in group.shown}

    assert told({})[ben.name] == (FULL, "your default")
    Mailbox.objects.filter(address="other@halyard.example").update(default_level=SUBJECT)
    assert told({})[ben.name] == (FULL, "your default")
    desk.mailboxes["ada"].set_default_level(AccessLevel.METADATA, by=ada)
    assert told({})[ben.name] == (AccessLevel.METADATA, "your default")
    assert told({Grantee(ben.pk): SUBJECT})[ben.name] == (SUBJECT, "new, was metadata only")


def test_a_request_ends_when_nobody_is_left_to_answer(desk: Desk, thread: Thread) -> None:
    ask(thread, by=desk.members["cleo"], level=FULL)
    desk.put("cleo", mail("1@x", ADA, BOB))

    begin_removal(desk.mailboxes["ada"])
    purge(desk.mailboxes["ada"], now=NOW)

    assert list(AccessRequest.objects.values_list("state", flat=True)) == [RequestState.CANCELLED]


# Grants


def test_a_grant_opens_its_owners_copies_alone(desk: Desk) -> None:
    ada, cleo = desk.members["ada"], desk.members["cleo"]
    desk.put("ada", mail("1@x", ADA, BOB, subject="Ada's"))
    desk.put("ben", mail("2@x", BOB, BEN, subject="Ben's"))
    company = Company.objects.get()

    set_access(record_target(company), {EVERYBODY: FULL}, by=ada)

    assert levels(cleo) == {"Ada's": 3, "Ben's": 1}


def test_what_a_record_gains_is_not_covered_until_its_owner_says_so(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    company = Company.objects.get()
    set_access(record_target(company), {EVERYBODY: FULL}, by=ada)
    desk.put("ada", mail("2@x", EVE, ADA, subject="From Birch"))

    editing.add_domain(company, "birch.example", by=ben)

    assert levels(cleo) == {"Plans": 3, "From Birch": 1}
    assert uncovered(record_target(company), by=ada) == ["birch.example"]
    confirm_all(record_target(company), by=ada)
    assert levels(cleo) == {"Plans": 3, "From Birch": 3}
    assert uncovered(record_target(company), by=ada) == []


def test_a_merge_widens_nobodys_grant(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    desk.put("ada", mail("2@x", ADA, EVE, subject="Birch"))
    acme = Company.objects.get(domains__domain="acme.example")
    birch = Company.objects.get(domains__domain="birch.example")
    set_access(record_target(acme), {EVERYBODY: FULL}, by=ada)
    set_access(record_target(birch), {Grantee(member_id=ben.pk): SUBJECT}, by=ada)

    editing.merge(acme, birch, by=ben)

    assert levels(cleo) == {"Plans": 3, "Birch": 1}
    assert levels(ben) == {"Plans": 3, "Birch": 2}


def test_a_merge_of_two_records_shared_with_the_same_person_keeps_the_lower_level(
    desk: Desk, thread: Thread
) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("2@x", ADA, EVE, subject="Birch"))
    acme = Company.objects.get(domains__domain="acme.example")
    birch = Company.objects.get(domains__domain="birch.example")
    set_access(record_target(acme), {EVERYBODY: FULL}, by=ada)
    set_access(record_target(birch), {EVERYBODY: SUBJECT}, by=ada)

    editing.merge(acme, birch, by=ben)

    assert levels(ben) == {"Plans": 2, "Birch": 2}


def test_a_forged_parent_moves_nothing_into_a_thread_that_is_shared(desk: Desk) -> None:
    """Ada's reply waits for a parent; a forged one would move it to the thread Cleo may read."""
    ada, cleo = desk.members["ada"], desk.members["cleo"]
    desk.put("ada", mail("shared@x", ADA, BOB, subject="Shared"))
    shared = Thread.objects.get()
    desk.put("ada", mail("secret@x", ADA, EVE, in_reply_to="parent@y", subject="Secret"))
    set_access(thread_target(shared), {Grantee(member_id=cleo.pk): FULL}, by=ada)

    desk.now = NOW + timedelta(days=30)
    desk.put("ada", mail("parent@y", "mallory@evil.example", ADA, references=("shared@x",), subject="Forged"))

    secret = EmailMessage.objects.get(copies__subject="Secret")
    assert secret.thread_id == shared.pk
    assert levels(cleo) == {"Shared": 3, "Forged": 3, "Secret": 1}


def test_grants_are_their_owners_to_give_and_take(desk: Desk, thread: Thread, dan: Member) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    mailbox = desk.mailboxes["ada"]
    to_ben = {Grantee(member_id=ben.pk): FULL}

    for stranger in (ben, dan):
        with pytest.raises(PermissionDenied):
            set_access(mailbox_target(mailbox), {Grantee(member_id=ada.pk): FULL}, by=stranger)
        with pytest.raises(PermissionDenied):
            mailbox.set_default_level(FULL, by=stranger)
    for nobody in (Grantee(member_id=dan.pk), Grantee(team_id=999_999), Grantee(member_id=ada.pk)):
        with pytest.raises(PermissionDenied):
            set_access(mailbox_target(mailbox), {nobody: FULL}, by=ada)
    set_access(mailbox_target(mailbox), to_ben, by=ada)
    with pytest.raises(PermissionDenied):
        AccessGrant.objects.get().revoke(by=ben)
    assert sees(ben) == FULL

    AccessGrant.objects.get().revoke(by=ada)

    assert sees(ben) == 1
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "owner_id", "actor_id")) == [
        ("shared", ada.pk, ada.pk),
        ("unshared", ada.pk, ada.pk),
    ]


def test_leaving_a_team_or_the_workspace_ends_what_it_gave(desk: Desk, thread: Thread) -> None:
    ada, ben, cleo = (desk.members[name] for name in ("ada", "ben", "cleo"))
    team = Team.objects.create(workspace=desk.workspace, name="Sales")
    membership = TeamMembership.objects.create(workspace=desk.workspace, team=team, member=ben)
    access = {Grantee(team_id=team.pk): FULL, Grantee(member_id=cleo.pk): FULL}
    set_access(mailbox_target(desk.mailboxes["ada"]), access, by=ada)
    desk.mailboxes["ada"].set_default_level(SUBJECT, by=ada)
    assert (sees(ben), sees(cleo)) == (3, 3)

    membership.delete()
    assert (sees(ben), sees(cleo)) == (2, 3)
    set_active(cleo, active=False)
    assert not AccessGrant.objects.filter(member=cleo).exists()
    set_active(ada, active=False)

    assert sees(ben) == 1
    assert not AccessGrant.objects.exists()
    assert not desk.mailboxes["ada"].streams.filter(due_at__isnull=False).exists()
    set_active(ada, active=True)
    assert sees(ben) == 2


def test_the_owner_reads_what_was_decided_and_nobody_else_does(desk: Desk, thread: Thread) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    company = Company.objects.get()
    set_access(record_target(company), {Grantee(member_id=ben.pk): SUBJECT}, by=ada)
    desk.mailboxes["ada"].set_default_level(FULL, by=ada)
    set_access(record_target(company), {}, by=ada)

    lines = [line.words for line in read_log(ada)]

    assert lines == [
        "You took Ben’s access to emails with Acme back",
        "You set what the workspace sees of ada@halyard.example: full access",
        "You gave Ben subject line and metadata for emails with Acme",
    ]
    assert read_log(ben) == []
