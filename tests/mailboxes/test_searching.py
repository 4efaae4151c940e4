"""Threads by subjects and events by titles: found by whoever may read them, by nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm.models import AccessLevel, Company, Member, Team, TeamMembership
from crm.search.words import Query
from crm.workspaces import set_active
from mailboxes import blocking
from mailboxes.correspondence.finding_events import find_events, recall_events
from mailboxes.correspondence.finding_threads import find_threads, recall_threads
from mailboxes.models import AccessGrant, CalendarEvent, EmailMessage, MailboxState, Thread
from mailboxes.parsing.values import ParsedEvent
from mailboxes.sharing import granting
from mailboxes.sharing.requesting import ask
from tests.desk import NOW, Desk, mail, meeting

pytestmark = pytest.mark.django_db

ADA, BOB, EVE = "ada@halyard.example", "bob@acme.example", "eve@other.example"
METADATA, SUBJECT, FULL = AccessLevel.METADATA, AccessLevel.SUBJECT, AccessLevel.FULL
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _roof(desk: Desk) -> None:
    desk.put("ada", mail("roof@x", ADA, BOB, subject="Slate roof, second offer"))


def subjects(viewer: Member, said: str = "roof", *, most: int = 10) -> list[str]:
    return [one.subject for one in find_threads(viewer, Query.of(said), most=most)]


def titles(viewer: Member, said: str, *, most: int = 10) -> list[str]:
    return [one.title for one in find_events(viewer, Query.of(said), now=NOW, most=most)]


def share(desk: Desk, target: granting.Target, level: AccessLevel, **to: int) -> None:
    granting.set_access(target, {granting.Grantee(**to): level}, by=desk.members["ada"])


# Threads: for whom


def test_the_owner_finds_a_subject_and_a_colleague_does_not(ada: Member, ben: Member, cleo: Member) -> None:
    assert (subjects(ada), subjects(ben), subjects(cleo)) == (["Slate roof, second offer"], [], [])


def test_somebody_of_another_workspace_finds_nothing(ada: Member, dan: Member) -> None:
    assert subjects(ada) == ["Slate roof, second offer"]
    assert (subjects(dan), recall_threads(dan, [Thread.objects.get().pk])) == ([], [])


@pytest.mark.parametrize("level", [SUBJECT, FULL])
def test_what_is_shared_is_found_until_it_is_taken_back(desk: Desk, ben: Member, level: AccessLevel) -> None:
    thread = Thread.objects.get()
    share(desk, granting.thread_target(thread), level, member_id=ben.pk)

    found = subjects(ben), [one.subject for one in recall_threads(ben, [thread.pk])]
    AccessGrant.objects.get().revoke(by=desk.members["ada"])

    assert found == (["Slate roof, second offer"], ["Slate roof, second offer"])
    assert (subjects(ben), recall_threads(ben, [thread.pk])) == ([], [])


def test_a_default_of_subjects_lets_everybody_find_them(desk: Desk, ada: Member, ben: Member) -> None:
    desk.mailboxes["ada"].set_default_level(SUBJECT, by=ada)
    found = subjects(ben)
    desk.mailboxes["ada"].set_default_level(METADATA, by=ada)

    assert (found, subjects(ben)) == (["Slate roof, second offer"], [])


def test_a_record_shared_with_a_team_is_found_by_its_members(desk: Desk, ben: Member, cleo: Member) -> None:
    team = Team.objects.create(workspace=desk.workspace, name="Sales")
    TeamMembership.objects.create(workspace=desk.workspace, team=team, member=ben)
    desk.put("ada", mail("else@x", ADA, EVE, subject="Roof of another"))
    acme = Company.objects.get(domains__domain="acme.example")
    share(desk, granting.record_target(acme), SUBJECT, team_id=team.pk)

    assert (subjects(ben), subjects(cleo)) == (["Slate roof, second offer"], [])


def test_a_mailbox_shared_with_a_member_is_found_by_him(desk: Desk, ben: Member, cleo: Member) -> None:
    share(desk, granting.mailbox_target(desk.mailboxes["ada"]), SUBJECT, member_id=ben.pk)

    assert (subjects(ben), subjects(cleo)) == (["Slate roof, second offer"], [])


def test_an_approved_request_is_found(desk: Desk, ada: Member, ben: Member) -> None:
    request = ask(Thread.objects.get(), by=ben, level=SUBJECT)
    before = subjects(ben)
    request.approve(by=ada, level=SUBJECT)

    assert (before, subjects(ben)) == ([], ["Slate roof, second offer"])


def test_a_grant_opens_its_owners_copies_alone(desk: Desk, ben: Member, cleo: Member) -> None:
    """Cleo holds another message of the thread and has shared nothing."""
    desk.put(
        "cleo", mail("re@x", BOB, "cleo@halyard.example", references=("roof@x",), subject="Roof secrets")
    )
    share(desk, granting.thread_target(Thread.objects.get()), FULL, member_id=ben.pk)

    assert (subjects(ben), subjects(ben, "secrets")) == (["Slate roof, second offer"], [])
    assert subjects(cleo, "secrets") == ["Roof secrets"]


def test_what_is_moved_into_a_shared_thread_later_is_not_found(desk: Desk, ben: Member) -> None:
    share(desk, granting.thread_target(Thread.objects.get()), FULL, member_id=ben.pk)
    grant = AccessGrant.objects.get()
    desk.put("ada", mail("moved@x", ADA, BOB, references=("roof@x",), subject="Roof, moved in"))
    moved = EmailMessage.objects.latest("pk")
    moved.moved_at = grant.created_at + DAY
    moved.save()

    assert subjects(ben, "moved") == []
    assert subjects(ben) == ["Slate roof, second offer"]


def test_what_is_blocked_is_found_by_nobody(desk: Desk, ada: Member) -> None:
    thread = Thread.objects.get()
    blocking.block(desk.mailboxes["ada"], ["acme.example"], by=ada)

    assert (subjects(ada), recall_threads(ada, [thread.pk])) == ([], [])


def test_a_mailbox_being_removed_and_a_member_who_left_are_not_looked_through(
    desk: Desk, ada: Member, ben: Member
) -> None:
    desk.mailboxes["ada"].set_default_level(FULL, by=ada)
    set_active(ada, active=False)
    left = subjects(ben), subjects(ada)
    set_active(ada, active=True)
    desk.mailboxes["ada"].state = MailboxState.REMOVING
    desk.mailboxes["ada"].save()

    assert (left, subjects(ada)) == (([], []), [])


# Threads: which, and in what order


def test_hidden_matches_take_no_place_from_those_that_may_be_read(desk: Desk, ben: Member) -> None:
    """However many there are, and however much newer."""
    desk.put("ben", mail("own@x", "ben@halyard.example", EVE, at=NOW - 300 * DAY, subject="Old roof"))
    hidden = (mail(f"h{n}@x", ADA, BOB, at=NOW - n * DAY, subject=f"Roof {n}") for n in range(1, 60))
    desk.put("ada", *hidden)

    assert subjects(ben, most=1) == ["Old roof"]


def test_a_thread_comes_once_under_the_subject_that_was_found(desk: Desk, ada: Member) -> None:
    again = mail("again@x", BOB, ADA, at=NOW, references=("roof@x",), subject="Re: Slate roof, third offer")
    desk.put("ada", again)

    assert subjects(ada) == ["Re: Slate roof, third offer"]
    assert subjects(ada, "second") == ["Slate roof, second offer"]


def test_beginnings_of_words_come_first_then_the_newest(desk: Desk, ada: Member) -> None:
    desk.put(
        "ada",
        mail("1@x", ADA, BOB, at=NOW, subject="Proofing"),
        mail("2@x", ADA, BOB, at=NOW - 9 * DAY, subject="Re: [Acme] Roofers"),
        mail("3@x", ADA, BOB, at=NOW - 2 * DAY, subject="Glass-roof"),
    )

    assert subjects(ada) == ["Slate roof, second offer", "Glass-roof", "Re: [Acme] Roofers", "Proofing"]
    assert subjects(ada, "ro") == ["Slate roof, second offer", "Glass-roof", "Re: [Acme] Roofers"]
    assert subjects(ada, "offer slate") == ["Slate roof, second offer"]


@pytest.mark.parametrize("said", ["uber", "Über", "ÜBER DÄC", "dacher"])
def test_accents_and_case_do_not_matter(desk: Desk, ada: Member, said: str) -> None:
    desk.put("ada", mail("u@x", ADA, BOB, subject="Angebot über Dächer"))

    assert subjects(ada, said) == ["Angebot über Dächer"]


# Events


def test_everybody_in_the_workspace_finds_a_title(desk: Desk, ada: Member, ben: Member, dan: Member) -> None:
    desk.schedule("ada", _meeting("e1", "Roof review"))

    assert (titles(ada, "rev"), titles(ben, "roof"), titles(dan, "roof")) == (
        ["Roof review"],
        ["Roof review"],
        [],
    )
    assert [one.title for one in recall_events(ben, [CalendarEvent.objects.get().pk])] == ["Roof review"]
    assert recall_events(dan, [CalendarEvent.objects.get().pk]) == []


def test_a_title_that_is_not_the_one_shown_finds_nothing(desk: Desk, ben: Member) -> None:
    desk.schedule("ada", replace(_meeting("e1", "Roof review"), sequence=2))
    desk.schedule("ben", replace(_meeting("e1", "Former name"), sequence=1))

    assert (titles(ben, "former"), titles(ben, "review")) == ([], ["Roof review"])


def test_a_blocked_or_removed_copy_is_found_by_nobody(desk: Desk, ada: Member, ben: Member) -> None:
    desk.schedule("ada", _meeting("e1", "Roof review"))
    event = CalendarEvent.objects.get().pk
    blocking.block(desk.mailboxes["ada"], ["acme.example"], by=ada)

    assert (titles(ada, "roof"), titles(ben, "roof"), recall_events(ben, [event])) == ([], [], [])


def test_of_a_series_the_occurrence_nearest_to_now_is_found(desk: Desk, ada: Member) -> None:
    weekly = [_meeting("w", "Weekly roof", weeks=week, series=True) for week in range(-3, 4)]
    desk.schedule("ada", *weekly)
    desk.schedule("ada", _meeting("o", "Roof once", weeks=20))

    found = find_events(ada, Query.of("roof"), now=NOW, most=10)

    assert [(one.title, one.starts_at) for one in found] == [
        ("Weekly roof", NOW),
        ("Roof once", NOW + 140 * DAY),
    ]


def _meeting(uid: str, title: str, *, weeks: int = 0, series: bool = False) -> ParsedEvent:
    at = NOW + weeks * 7 * DAY
    one = meeting(uid, ADA, {BOB: "accepted", ADA: "accepted"}, at=at, recurrence_id=at if series else None)
    return replace(one, title=title)
