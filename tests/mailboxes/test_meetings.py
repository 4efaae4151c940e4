from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import Http404
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from crm.models import Company, CompanyDomain, Member, Person
from mailboxes.correspondence.meetings import find_event
from mailboxes.models import Attendee, EventCopy
from tests.desk import NOW, Desk
from tests.mailboxes.reviews import (
    ADA,
    BEN,
    BOB,
    HIDING,
    SOON,
    WEEK,
    answers,
    block,
    event,
    guests,
    occurrences,
    review,
    shown,
)


def test_answers_that_nobody_gave_are_not_counted(desk: Desk, ada: Member) -> None:
    desk.schedule("ada", review(responses={BOB: "accepted", ADA: "accepted", BEN: "declined"}))

    assert shown(ada).answered == "2 accepted, 1 declined"


def test_a_members_answer_is_that_of_his_own_copy(desk: Desk, ada: Member) -> None:
    desk.schedule("ada", review(sequence=2))
    desk.schedule("ben", review(responses={BOB: "accepted", ADA: "needs_action", BEN: "declined"}))

    found = answers(shown(ada))

    assert found == {BOB: "accepted", ADA: "accepted", BEN: "declined"}
    assert found == dict(Attendee.objects.values_list("address__email", "response"))


def test_outsiders_are_listed_by_company_and_colleagues_apart(desk: Desk, ada: Member) -> None:
    people = {BOB: "accepted", ADA: "accepted", BEN: "accepted", "zoe@acme.example": "accepted"}
    others = {"joe@other.example": "accepted", "kim@gmail.com": "accepted"}
    desk.schedule("ada", review(responses=people | others))
    company = Company.objects.create(workspace=desk.workspace, name="Acme Ltd", name_key="acme ltd")
    CompanyDomain.objects.create(workspace=desk.workspace, company=company, domain="acme.example")

    one = shown(ada)

    assert [(side.name, side.url, side.count) for side in one.outside] == [
        ("Acme Ltd", f"/halyard/companies/{company.pk}/", 2),
        ("other.example", "", 1),
        ("No company", "", 1),
    ]
    assert [(side.name, [guest.name for guest in side.shown]) for side in one.colleagues] == [
        ("Halyard", ["Ada", "Ben"])
    ]


def test_a_person_is_listed_with_the_company_of_his_record(desk: Desk, ada: Member) -> None:
    desk.schedule("ada", review())
    company = Company.objects.create(workspace=desk.workspace, name="Elsewhere", name_key="elsewhere")
    bob = Person.objects.create(workspace=desk.workspace, name="Bob Doe", name_key="bob doe", company=company)
    desk.workspace.addresses.filter(email=BOB).update(person=bob)

    one = shown(ada)

    assert [side.name for side in one.outside] == ["Elsewhere"]
    assert guests(one)[BOB].name == "Bob Doe"
    assert guests(one)[BOB].url == f"/halyard/people/{bob.pk}/"


def test_what_somebody_is_here_is_said_under_the_name(desk: Desk, ada: Member) -> None:
    said = review(responses={"Bob Doe <bob@acme.example>": "accepted", ADA: "accepted", BEN: "accepted"})
    ben_too = tuple(replace(one, optional=one.email == BEN) for one in said.attendees)
    desk.schedule("ada", replace(said, attendees=ben_too))

    one = shown(ada)

    assert {email: guest.note for email, guest in guests(one).items()} == {
        BOB: "Organiser",
        ADA: "You",
        BEN: "Optional",
    }
    assert one.organiser and one.organiser.name == "Bob Doe"


def test_a_long_list_is_folded_but_counted(desk: Desk, ada: Member) -> None:
    crowd = {f"p{n:02}@acme.example": "accepted" for n in range(15)}
    desk.schedule("ada", review(responses={BOB: "accepted", ADA: "accepted"} | crowd))

    (side,) = shown(ada).outside

    assert (len(side.shown), len(side.folded), side.count) == (12, 4, 16)
    assert side.shown[0].email == BOB


@pytest.mark.parametrize("count", [1, 3, 60])
def test_an_event_is_three_statements(
    desk: Desk, ada: Member, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    crowd = {f"p{n}@c{n}.example": "accepted" for n in range(count)}
    desk.schedule("ada", review(responses=crowd | {ADA: "accepted"}))
    pk = event().pk

    with django_assert_num_queries(3):
        found = find_event(ada, pk, now=NOW)

    assert len(guests(found)) == count + 1


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Europe/London", "UTC", "Nowhere/At_All", ""])
def test_the_events_own_zone_is_silent_where_it_adds_nothing(desk: Desk, ada: Member, zone: str) -> None:
    desk.schedule("ada", review(timezone=zone, at=datetime(2026, 7, 1, 13, 30, tzinfo=UTC)))

    with timezone.override("Europe/Lisbon"):
        assert shown(ada).when.elsewhere == ""


def test_a_single_event_is_no_series(desk: Desk, ada: Member) -> None:
    desk.schedule("ada", review())

    one = shown(ada)

    assert (one.is_in_series, one.previous, one.next) == (False, None, None)


def test_an_invitation_to_one_date_knows_the_series_from_a_colleague(desk: Desk, ada: Member) -> None:
    first, second, third = occurrences(desk, "ada", 0, 1, 2)
    day = SOON + WEEK
    desk.schedule("ben", review(at=day, recurrence_id=day, sequence=9, title="For Ben too"))

    found = find_event(ada, second, now=NOW)

    assert found.title == "For Ben too"
    assert (found.previous and found.previous.pk, found.next and found.next.pk) == (first, third)


def test_a_date_that_is_hidden_is_stepped_over(desk: Desk, ada: Member) -> None:
    first, second, third = occurrences(desk, "ada", 0, 1, 2)
    block(desk, "ada")
    EventCopy.objects.exclude(event_id=second).update(blocked_by=None)

    found = find_event(ada, first, now=NOW)
    assert found.next and found.next.pk == third


@HIDING
def test_neighbours_that_are_hidden_are_no_neighbours(desk: Desk, cleo: Member, hide: Any) -> None:
    first, second, third = occurrences(desk, "ada", 0, 1, 2)
    occurrences(desk, "ben", 1, 2)

    hide(desk, "ada")

    found = find_event(cleo, second, now=NOW)
    assert (found.previous, found.next and found.next.pk) == (None, third)
    with pytest.raises(Http404):
        find_event(cleo, first, now=NOW)


@HIDING
def test_an_answer_out_of_a_hidden_copy_is_taken_back(desk: Desk, ada: Member, hide: Any) -> None:
    desk.schedule("ada", review(sequence=9))
    desk.schedule("ben", review(responses={BOB: "accepted", ADA: "needs_action", BEN: "declined"}))
    assert answers(shown(ada))[BEN] == "declined"

    hide(desk, "ben")

    assert answers(shown(ada)) == {BOB: "accepted", ADA: "accepted", BEN: "tentative"}


@HIDING
def test_a_members_own_copy_still_answers_when_another_is_hidden(desk: Desk, ada: Member, hide: Any) -> None:
    desk.join("dora")
    unanswered = {BOB: "accepted", ADA: "needs_action", BEN: "needs_action"}
    desk.schedule("dora", review(sequence=9, responses=unanswered))
    desk.schedule("ada", review(sequence=5, responses=unanswered | {ADA: "accepted"}))
    desk.schedule("ben", review(sequence=1, responses=unanswered | {BEN: "declined"}))

    hide(desk, "dora")

    assert answers(shown(ada)) == {BOB: "accepted", ADA: "accepted", BEN: "declined"}


def test_what_is_shown_without_a_hidden_copy_is_what_the_purge_will_leave(desk: Desk, ada: Member) -> None:
    desk.schedule("ben", review(sequence=9, title="Gone", responses={BOB: "declined", BEN: "declined"}))
    desk.schedule("ada", review())
    block(desk, "ben")
    before = shown(ada)

    desk.unschedule("ben", "u1")

    assert shown(ada) == before


@HIDING
def test_an_event_of_which_no_copy_is_left_does_not_exist(desk: Desk, ada: Member, hide: Any) -> None:
    desk.schedule("ada", review())

    hide(desk, "ada")

    with pytest.raises(Http404):
        shown(ada)


def test_only_the_readers_own_calendar_is_named(desk: Desk, ada: Member, ben: Member, cleo: Member) -> None:
    desk.schedule("ada", review())
    desk.schedule("ben", review())
    block(desk, "ben")

    assert [shown(member).is_own for member in (ada, ben, cleo)] == [True, False, False]
