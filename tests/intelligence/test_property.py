"""Whatever happens, in whatever order, every stored answer is the one that plain loops over everything
that was said arrive at. RAPPORT_EXAMPLES=200 tries that many fresh sequences."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from crm.edits import editing
from crm.models import Company, Person
from intelligence.models import (
    CompanyConnection,
    CompanyInsight,
    PersonConnection,
    PersonInsight,
    PersonInteraction,
)
from tests.desk import NOW
from tests.intelligence.life import Life
from tests.intelligence.material import (
    ADA,
    ADA_AT_HOME,
    BEN,
    BOB,
    CARLA,
    CLEO,
    CONTACTS,
    CROWD,
    DORA,
    GINA,
    INFO,
    ROBOT,
)
from tests.intelligence.naive import Expected, Mail, Meeting, Moment
from tests.intelligence.office import Office

pytestmark = pytest.mark.django_db

BY_HAND = int(os.environ.get("RAPPORT_EXAMPLES", "0"))
DAY = timedelta(days=1)


def test_every_answer_follows_whatever_happens() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=BY_HAND or 25,
            stateful_step_count=30,
            derandomize=not BY_HAND,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


# One operation at a time, in a workspace small enough to follow


def letter(message_id: str, sender: str, *to: str, days: int, **fields: Any) -> Mail:
    at = NOW - days * DAY
    return Mail(message_id, sender, to, fields.pop("cc", ()), date=at, received=at, **fields)


def meeting(uid: str, organiser: str, answers: dict[str, str], *, days: float, **fields: Any) -> Meeting:
    together = {organiser: "accepted", **answers}
    return Meeting(uid, organiser, tuple(together.items()), NOW + days * DAY, **fields)


LUNCH = meeting("lunch", BOB, {ADA: "accepted", BEN: "tentative"}, days=-5)
REVIEW = meeting("review", ADA, {BOB: "accepted", DORA: "needs_action"}, days=2)


@pytest.fixture
def office() -> Office:
    """Bob and Carla are at Acme, Dora at Birch, Gina nowhere."""
    office = Office(CONTACTS)
    office.put("ada", letter("1@x", ADA, BOB, CARLA, days=40), letter("2@x", BOB, ADA, days=39))
    office.put("ben", letter("3@x", BEN, DORA, days=10, cc=(GINA,)), letter("4@x", BEN, GINA, days=3))
    office.schedule("ada", LUNCH)
    office.schedule("ben", LUNCH)
    office.schedule("ada", REVIEW)
    return office


def answers(office: Office) -> dict[str, Expected]:
    models: dict[str, Any] = {"person": Person, "company": Company}
    return {models[kind].objects.get(pk=pk).name: one for (kind, pk), one in office.expectations().items()}


def person(name: str) -> Person:
    return Person.objects.get(name=name)


def company(name: str) -> Company:
    return Company.objects.get(name=name)


def reschedule(office: Office, name: str, event: Meeting, **changes: Any) -> None:
    office.schedule(name, replace(event, **changes))


def answered(event: Meeting, **responses: str) -> tuple[tuple[str, str], ...]:
    by_email = {email: responses.get(email.partition("@")[0], response) for email, response in event.answers}
    return tuple(by_email.items())


def remove_address(office: Office, name: str) -> None:
    one = person(name)
    office.edit(editing.remove_address, one, one.addresses.get())


def hire_and_merge(office: Office) -> None:
    office.edit(editing.move_person, person("Gina"), company("Acme"))
    office.edit(editing.merge, person("Gina"), person("Dora"))


def each_week(count: int) -> list[Meeting]:
    starts = [NOW + (week * 7 - 8) * DAY for week in range(count)]
    return [replace(REVIEW, uid="weekly", at=start, recurrence_id=start) for start in starts]


INVITATION = meeting("invitation", BOB, {ADA: "needs_action", BEN: "tentative", CLEO: "declined"}, days=1)
WHOLE_DAY = replace(REVIEW, uid="fair", at=datetime(2026, 11, 25, tzinfo=UTC), all_day=True)

# What happens, and whose answers it changes.
Operation = tuple[str, Callable[[Office], object], set[str]]
OPERATIONS: list[Operation] = [
    ("mail arrives", lambda o: o.put("ada", letter("9@x", BOB, ADA, days=1)), {"Bob", "Acme"}),
    ("older mail arrives", lambda o: o.put("ben", letter("9@x", BOB, BEN, days=300)), {"Bob", "Acme"}),
    ("a copy arrives", lambda o: o.put("ben", letter("1@x", ADA, BOB, CARLA, days=40)), set()),
    ("an earlier copy arrives", lambda o: o.put("ben", replace(letter("1@x", ADA, BOB, CARLA, days=40), received=NOW - 41 * DAY)), {"Bob", "Carla", "Acme"}),
    ("an office writes", lambda o: o.put("ada", letter("9@x", INFO, ADA, days=1)), {"Acme"}),
    ("a robot writes", lambda o: o.put("ada", letter("9@x", ROBOT, ADA, days=1)), set()),
    ("a robot writes for Bob", lambda o: o.put("ada", letter("9@x", ROBOT, ADA, days=1, reply_to=BOB)), {"Bob", "Acme"}),
    ("bulk mail arrives", lambda o: o.put("ada", letter("9@x", BOB, ADA, days=1, category="bulk")), set()),
    ("colleagues write", lambda o: o.put("ada", letter("9@x", ADA, BEN, days=1)), set()),
    ("mail to a crowd", lambda o: o.put("ada", letter("9@x", ADA, BOB, *CROWD[:25], days=1)), {"Bob", "Acme"}),
    ("mail is deleted", lambda o: o.trash("ada", "1@x"), {"Bob", "Carla", "Acme"}),
    ("a meeting is moved", lambda o: reschedule(o, "ada", REVIEW, at=NOW - DAY), {"Bob", "Dora", "Acme", "Birch"}),
    ("a meeting is cancelled", lambda o: reschedule(o, "ada", REVIEW, status="cancelled"), {"Bob", "Dora", "Acme", "Birch"}),
    ("Ben declines", lambda o: reschedule(o, "ben", LUNCH, answers=answered(LUNCH, ben="declined")), {"Bob", "Acme"}),
    ("Dora declines", lambda o: reschedule(o, "ada", REVIEW, answers=answered(REVIEW, dora="declined")), set()),
    ("Carla is invited", lambda o: reschedule(o, "ada", REVIEW, answers=(*REVIEW.answers, (CARLA, "needs_action"))), {"Carla"}),
    ("two are invited", lambda o: o.schedule("ben", INVITATION), {"Bob", "Acme"}),
    ("a newer copy", lambda o: reschedule(o, "ben", LUNCH, at=NOW - 6 * DAY, sequence=1), {"Bob", "Acme"}),
    ("a later edit", lambda o: reschedule(o, "ben", LUNCH, at=NOW - 6 * DAY, last_modified=NOW), {"Bob", "Acme"}),
    ("an attendee's newer copy", lambda o: reschedule(o, "ben", REVIEW, at=NOW - 6 * DAY, sequence=1), set()),
    ("a meeting is deleted", lambda o: o.unschedule("ada", "review"), {"Bob", "Dora", "Acme", "Birch"}),
    ("a copy of it is deleted", lambda o: o.unschedule("ben", "lunch"), set()),
    ("a series", lambda o: o.schedule("ada", *each_week(3)), {"Bob", "Dora", "Acme", "Birch"}),
    ("an all-day event", lambda o: o.schedule("ada", WHOLE_DAY), {"Bob", "Dora", "Acme", "Birch"}),
    ("a meeting starts", lambda o: o.pass_time(2 * DAY), {"Bob", "Dora", "Acme", "Birch"}),
    ("an address is added", lambda o: o.edit(editing.add_address, person("Gina"), INFO), set()),
    ("an address goes", lambda o: remove_address(o, "Bob"), {"Bob"}),
    ("a domain is added", lambda o: o.edit(editing.add_domain, company("Acme"), "corda.example"), set()),
    ("a domain goes", lambda o: o.edit(editing.remove_domain, company("Birch"), "birch.example"), set()),
    ("Gina is hired", lambda o: o.edit(editing.move_person, person("Gina"), company("Acme")), {"Acme"}),
    ("Bob changes job", lambda o: o.edit(editing.move_person, person("Bob"), company("Birch")), {"Birch"}),
    ("people are merged", lambda o: o.edit(editing.merge, person("Dora"), person("Carla")), {"Carla", "Acme"}),
    ("a hired person is merged", hire_and_merge, {"Dora", "Birch"}),
    ("companies are merged", lambda o: o.edit(editing.merge, company("Birch"), company("Acme")), {"Acme"}),
    ("a record is deleted", lambda o: o.edit(editing.delete_record, person("Gina")), set()),
    ("a name is corrected", lambda o: o.edit(editing.rename, company("Acme"), "Acme"), set()),
    ("a mailbox is removed", lambda o: o.remove_mailbox("ada"), {"Bob", "Carla", "Dora", "Acme", "Birch"}),
    ("Ben leaves", lambda o: o.set_active("ben", active=False), {"Dora", "Gina", "Birch"}),
    ("Gina is a colleague's alias", lambda o: o.claim("ada", GINA), {"Gina", "Dora", "Birch"}),
    ("Carla is Ben's alias", lambda o: o.give_alias("ben", CARLA), {"Bob", "Carla", "Acme"}),
    ("a colleague joins", lambda o: o.join("zed"), set()),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "happens", "changed"), OPERATIONS, ids=[row[0] for row in OPERATIONS])
def test_every_answer_follows_one_operation(
    office: Office, _name: str, happens: Callable[[Office], object], changed: set[str]
) -> None:
    before = _unaged(answers(office))

    happens(office)

    after = _unaged(answers(office))
    assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == changed
    assert office.wrong() == []


def _unaged(expected: dict[str, Expected]) -> dict[str, Expected]:
    """Without what only the day changes."""
    return {name: replace(one, strength=None, grade="") for name, one in expected.items()}


# The oracle itself: figures worked out by hand, and that it can say no


def test_naive_strength_is_what_the_formula_gives_by_hand(office: Office) -> None:
    ada, ben = office.desk.members["ada"].pk, office.desk.members["ben"].pk

    bob = answers(office)["Bob"]

    # Ada wrote 40 days ago, heard 39 days ago and met him 5 days ago; Ben has only met him.
    by_hand = 1.0 * 2 ** (-40 / 30) + 0.75 * 2 ** (-39 / 30) + 2.0 * 2 ** (-5 / 30)
    assert bob.ties[ada].strength(NOW.date()) == pytest.approx(by_hand, rel=1e-12)
    assert bob.ties[ben].strength(NOW.date()) == pytest.approx(2.0 * 2 ** (-5 / 30), rel=1e-12)
    assert (bob.grade, bob.strongest) == ("Weak", {ada})


def test_naive_moments_are_what_was_said(office: Office) -> None:
    ada = office.desk.members["ada"].pk
    timed = frozenset({False})

    bob = answers(office)["Bob"]

    assert bob.first_email == Moment(NOW - 40 * DAY, ada, timed)
    assert bob.last_email == Moment(NOW - 39 * DAY, ada, timed)
    assert bob.first_calendar == bob.last_calendar == Moment(NOW - 5 * DAY, ada, timed)
    assert bob.next_calendar == Moment(NOW + 2 * DAY, ada, timed)
    assert (bob.first_at, bob.last_at) == (NOW - 40 * DAY, NOW - 5 * DAY)


@pytest.mark.parametrize(("recipients", "strength"), [(25, 0.5), (26, 0.0)])
def test_naive_crowd_is_an_interaction_without_strength(
    office: Office, recipients: int, strength: float
) -> None:
    office.put("ben", letter("9@x", BEN, CARLA, *CROWD[: recipients - 1], days=0))

    carla = answers(office)["Carla"]

    tie = carla.ties[office.desk.members["ben"].pk]
    assert (tie.emails, tie.strength(NOW.date())) == (1, strength)


def test_equal_ties_go_to_whoever_spoke_last_then_to_the_lower_id(office: Office) -> None:
    ada, ben = office.desk.members["ada"].pk, office.desk.members["ben"].pk
    morning = letter("8@x", ADA, ADA_AT_HOME, days=1)
    office.put("ada", morning)
    office.put("ben", replace(morning, message_id="9@x", sender=BEN, subject="The same"))
    level = answers(office)["Ada Byron"].strongest
    later = NOW - DAY + timedelta(hours=1)

    office.put("ben", letter("10@x", ROBOT, ADA_AT_HOME, BEN, *CROWD, days=0))
    office.put("ben", replace(letter("11@x", ADA_AT_HOME, BEN, *CROWD, days=1), date=later, received=later))

    assert (level, answers(office)["Ada Byron"].strongest) == ({ada}, {ben})
    assert office.wrong() == []


TAMPERED: list[tuple[Any, dict[str, Any]]] = [
    (PersonInsight, {"first_email_at": NOW - 99 * DAY}),
    (PersonInsight, {"last_email_at": NOW}),
    (PersonInsight, {"first_calendar_all_day": True}),
    (PersonInsight, {"last_calendar_at": None}),
    (PersonInsight, {"next_calendar_at": NOW + 9 * DAY}),
    (PersonInsight, {"score": 1.0}),
    (PersonInsight, {"score": None}),
    (PersonInsight, {"strongest": None}),
    (PersonConnection, {"score": 1.0}),
    (PersonConnection, {"emails": 7}),
    (PersonConnection, {"last_at": NOW}),
    (CompanyInsight, {"first_email_at": NOW - 99 * DAY}),
    (CompanyInsight, {"score": 1.0}),
    (CompanyConnection, {"meetings": 7}),
]


@pytest.mark.parametrize(("model", "fields"), TAMPERED)
def test_a_stored_answer_tampered_with_is_reported_and_no_other(
    office: Office, model: Any, fields: dict[str, Any]
) -> None:
    kind, record = ("person", person("Bob")) if "Person" in model.__name__ else ("company", company("Acme"))

    model.objects.filter(**{kind: record}).update(**fields)

    assert {(row[0], row[1]) for row in office.disagreements()} == {(kind, record.pk)}


@pytest.mark.parametrize(
    "end", ["first_email", "last_email", "first_calendar", "last_calendar", "next_calendar"]
)
def test_a_moment_with_the_wrong_member_is_reported(office: Office, end: str) -> None:
    bob = person("Bob")

    PersonInsight.objects.filter(person=bob).update(**{f"{end}_member": office.desk.members["cleo"]})

    assert [row[:3] for row in office.disagreements()] == [("person", bob.pk, end)]


def test_a_lost_interaction_and_a_lost_record_are_reported(office: Office) -> None:
    bob, gina = person("Bob"), person("Gina")

    PersonInteraction.objects.filter(person=bob, kind=1).delete()
    PersonInsight.objects.filter(person=gina).delete()

    reported = {row[:3] for row in office.disagreements()}
    assert ("person", bob.pk, "timeline") in reported
    assert ("any", 0, "records with an insight") in reported
    assert {row[1] for row in reported} == {0, bob.pk, gina.pk}


def test_something_said_that_the_product_never_saw_is_reported(office: Office) -> None:
    unseen = letter("9@x", BOB, ADA, days=0)

    office.said.mail[office.desk.mailboxes["ada"].pk]["9@x"] = unseen

    assert {row[:2] for row in office.wrong()} == {
        ("person", person("Bob").pk),
        ("company", company("Acme").pk),
    }
