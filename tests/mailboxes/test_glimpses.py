"""A meeting in a line: how long, how, and who said what."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from crm.models import Member
from mailboxes.correspondence.glimpses import MOST_FACES, EventGlimpse, event_glimpses
from mailboxes.correspondence.meeting_words import lasting
from tests.desk import NOW, Desk
from tests.mailboxes.reviews import ADA, BEN, BOB, HIDING, SOON, answers, event, review, shown

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def glimpse(member: Member) -> EventGlimpse:
    return event_glimpses(member, [event().pk])[event().pk]


def test_meeting_says_who_comes_and_what_they_answered(desk: Desk, ada: Member) -> None:
    people = {BOB: "accepted", ADA: "tentative", BEN: "declined", "cleo@halyard.example": "accepted"}
    desk.schedule("ada", review(responses=people, location="Room 4"))

    found = glimpse(ada)

    assert (found.answered, found.names, found.manner) == (
        "2 accepted, 1 declined",
        "bob@acme.example, Cleo, Ada",
        "60 min, Room 4",
    )


def test_where_nobody_has_answered_that_is_said(desk: Desk, ada: Member) -> None:
    desk.schedule("ada", review(responses={BOB: "needs_action", ADA: "tentative"}))

    assert glimpse(ada).answered == "1 tentative, 1 awaiting"


def test_only_a_few_faces_are_shown(desk: Desk, ada: Member) -> None:
    people = {f"p{n}@acme.example": "accepted" for n in range(20)}
    desk.schedule("ada", review(responses={BOB: "accepted", ADA: "accepted", **people}))

    found = glimpse(ada)

    assert (len(found.faces), found.answered) == (MOST_FACES, "22 accepted")


@pytest.mark.parametrize(
    ("fields", "manner"),
    [
        ({"conference_url": "https://meet.acme.example/1"}, "60 min, video"),
        ({"location": "https://meet.acme.example/1"}, "60 min, video"),
        ({"location": "Room 4"}, "60 min, Room 4"),
        ({}, "60 min"),
    ],
)
def test_meeting_says_how_people_meet(desk: Desk, ada: Member, fields: dict[str, str], manner: str) -> None:
    desk.schedule("ada", review(**fields))

    assert glimpse(ada).manner == manner


@HIDING
def test_answers_are_those_of_the_opened_event_while_a_copy_is_hidden(
    desk: Desk, ada: Member, hide: Callable[[Desk, str], None]
) -> None:
    desk.schedule("ada", review(responses={BOB: "accepted", ADA: "accepted", BEN: "accepted"}))
    desk.schedule(
        "ben", replace(review(responses={BOB: "accepted", ADA: "accepted", BEN: "declined"}), sequence=1)
    )
    before = glimpse(ada).given

    hide(desk, "ben")

    opened = answers(shown(ada)).values()
    assert glimpse(ada).given == {one: list(opened).count(one) for one in dict.fromkeys(opened)}
    assert glimpse(ada).given != before


@HIDING
def test_meeting_of_which_no_copy_is_left_is_not_there(
    desk: Desk, ada: Member, hide: Callable[[Desk, str], None]
) -> None:
    desk.schedule("ada", review(at=SOON))

    hide(desk, "ada")

    assert event_glimpses(ada, [event().pk]) == {}


@pytest.mark.parametrize(
    ("length", "all_day", "words"),
    [
        (HOUR / 2, False, "30 min"),
        (HOUR * 1.5, False, "90 min"),
        (HOUR * 2.5, False, "2 h 30 min"),
        (HOUR * 3, False, "3 h"),
        (HOUR * 0, False, ""),
        (HOUR * 24, True, "All day"),
        (HOUR * 0, True, "All day"),
        (HOUR * 72, True, "3 days"),
    ],
)
def test_length_is_said_in_a_few_words(length: timedelta, all_day: bool, words: str) -> None:
    assert lasting(NOW, NOW + length, all_day=all_day) == words
