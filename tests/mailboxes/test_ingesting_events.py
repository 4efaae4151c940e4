from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Person
from mailboxes.models import Attendee, CalendarEvent, EventCopy
from tests.desk import NOW, Desk, meeting

pytestmark = pytest.mark.django_db

ADA, BEN, BOB = "ada@halyard.example", "ben@halyard.example", "Bob Doe <bob@acme.example>"
SOON = NOW + timedelta(days=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def answers() -> dict[str, str]:
    return dict(Attendee.objects.values_list("address__email", "response"))


def test_the_same_meeting_in_two_calendars_is_one_event(desk: Desk) -> None:
    event = meeting("u1", BOB, {BOB: "accepted", ADA: "accepted", BEN: "tentative"}, at=SOON)

    desk.schedule("ada", event)
    desk.schedule("ben", event)

    assert CalendarEvent.objects.count() == 1
    assert EventCopy.objects.count() == 2


def test_the_organisers_copy_speaks_before_a_newer_one(desk: Desk) -> None:
    desk.schedule("ada", meeting("u1", ADA, {ADA: "accepted", BOB: "declined"}, at=SOON))
    desk.schedule("ben", meeting("u1", ADA, {ADA: "accepted", BOB: "accepted"}, at=NOW, sequence=9))

    event = CalendarEvent.objects.get()
    assert event.starts_at == SOON
    assert answers()["bob@acme.example"] == "declined"


def test_a_members_own_answer_comes_from_his_own_copy(desk: Desk) -> None:
    desk.schedule("ada", meeting("u1", ADA, {ADA: "accepted", BEN: "needs_action", BOB: "accepted"}, at=SOON))
    desk.schedule("ben", meeting("u1", ADA, {ADA: "needs_action", BEN: "declined", BOB: "accepted"}, at=SOON))

    assert answers() == {
        "ada@halyard.example": "accepted",
        "ben@halyard.example": "declined",
        "bob@acme.example": "accepted",
    }


def test_without_the_organiser_the_highest_sequence_speaks(desk: Desk) -> None:
    people = {BOB: "accepted", ADA: "accepted", BEN: "accepted"}
    desk.schedule("ada", meeting("u1", BOB, people, at=NOW, sequence=1))
    desk.schedule("ben", meeting("u1", BOB, people, at=SOON, sequence=2))

    assert CalendarEvent.objects.get().starts_at == SOON


def test_another_organiser_with_the_same_uid_is_another_event(desk: Desk) -> None:
    desk.schedule("ada", meeting("u1", BOB, {BOB: "accepted", ADA: "accepted"}, at=SOON))
    eve = "eve@evil.example"
    desk.schedule("ben", meeting("u1", eve, {eve: "accepted", BEN: "accepted"}, at=NOW))

    assert CalendarEvent.objects.count() == 2


def test_inviting_somebody_creates_the_record_as_writing_does(desk: Desk) -> None:
    desk.schedule("ada", meeting("u1", ADA, {ADA: "accepted", BOB: "needs_action"}, at=SOON))

    assert Person.objects.get().name == "Bob Doe"


def test_being_invited_creates_none(desk: Desk) -> None:
    desk.schedule("ada", meeting("u1", BOB, {BOB: "accepted", ADA: "accepted"}, at=SOON))

    assert not Person.objects.exists()


def test_an_occurrence_that_is_no_longer_in_its_resource_goes(desk: Desk) -> None:
    people = {ADA: "accepted", BOB: "accepted"}
    first = meeting("u1", ADA, people, at=SOON, recurrence_id=SOON)
    later = SOON + timedelta(days=7)
    second = meeting("u1", ADA, people, at=later, recurrence_id=later)
    desk.schedule("ada", first, second)

    desk.schedule("ada", second)

    assert CalendarEvent.objects.get().starts_at == later
    assert Attendee.objects.count() == 2


def test_a_page_is_a_fixed_number_of_statements(desk: Desk) -> None:
    def statements(first: int, count: int) -> int:
        events = [
            meeting(f"u{n}", ADA, {ADA: "accepted", f"p{n}@c{n}.example": "accepted"}, at=SOON)
            for n in range(first, first + count)
        ]
        with CaptureQueriesContext(connection) as captured:
            desk.schedule("ada", *events)
        return len(captured)

    few = statements(0, 3)

    assert statements(100, 200) == few
