"""An address turns out to be somebody's, or is a tagged spelling of one: what is stored follows."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crm.edits import editing
from crm.models import Address, Person
from crm.statements import execute
from intelligence.verifying import differences
from mailboxes.models import CalendarSource, EventCopy, MessageCopy, Participant, SkippedItem
from tests.desk import NOW
from tests.intelligence.material import (
    ADA,
    ADA_AT_HOME,
    ADA_TAGGED,
    BEN,
    BOB,
    BOB_TAGGED,
    CLEO,
    CONTACTS,
    DORA,
    ROBOT,
)
from tests.intelligence.office import Office
from tests.intelligence.test_property import DAY, letter, meeting, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    office = Office(CONTACTS, enhanced=False)
    office.put("cleo", letter("a@x", CLEO, DORA, BOB, days=20))
    return office


def test_a_claim_leaves_a_copy_that_still_names_somebody_outside(office: Office) -> None:
    event = meeting("v", ADA, {BEN: "accepted", BOB: "accepted"}, days=-2)
    office.schedule("ada", event)
    office.schedule("ben", replace(event, answers=(*event.answers, (DORA, "accepted"))))

    office.claim("cleo", BOB)

    assert EventCopy.objects.count() == 1
    assert office.wrong() == []


def test_a_copy_among_colleagues_goes_though_another_names_somebody_outside(office: Office) -> None:
    event = meeting("v", ADA, {BEN: "accepted", BOB: "accepted", DORA: "accepted"}, days=-2)
    office.schedule("ada", event)
    office.schedule("ben", replace(event, answers=((ADA, "accepted"), (BEN, "declined"), (BOB, "accepted"))))

    office.claim("cleo", BOB)

    assert EventCopy.objects.count() == 1
    assert office.wrong() == []


@pytest.mark.parametrize("address", [ADA_AT_HOME, ADA_TAGGED])
def test_a_members_own_answer_counts_whichever_of_his_addresses_was_invited(
    office: Office, address: str
) -> None:
    event = meeting("w", BOB, {BEN: "accepted", address: "needs_action"}, days=-2)
    office.claim("ada", ADA_AT_HOME)

    office.schedule(
        "ada", replace(event, answers=((BOB, "accepted"), (BEN, "accepted"), (address, "declined")))
    )
    office.schedule("ben", replace(event, sequence=1))

    assert office.wrong() == []


def test_an_own_answer_counts_once_the_address_turns_out_to_be_the_members(office: Office) -> None:
    event = meeting("w", BOB, {BEN: "accepted", ADA_AT_HOME: "needs_action"}, days=-2)
    office.schedule(
        "ada", replace(event, answers=((BOB, "accepted"), (BEN, "accepted"), (ADA_AT_HOME, "declined")))
    )
    office.schedule("ben", replace(event, sequence=1))

    office.claim("ada", ADA_AT_HOME)

    assert office.wrong() == []


def test_an_alias_makes_its_mailboxes_copy_the_organisers(office: Office) -> None:
    event = meeting("u", BOB, {ADA: "accepted", BEN: "accepted", DORA: "accepted"}, days=-1)
    office.schedule("ada", replace(event, sequence=1, at=NOW - 3 * DAY))
    office.schedule("ben", event)

    office.give_alias("ben", BOB)

    assert office.wrong() == []


def test_mail_from_an_alias_is_sent_once_the_alias_is_known() -> None:
    office = Office(CONTACTS)
    office.put("ada", letter("1@x", ADA_AT_HOME, DORA, days=1))

    office.give_alias("ada", ADA_AT_HOME)

    assert MessageCopy.objects.get().is_sent
    assert [one.name for one in office.people()] == ["Dora"]


def test_mail_from_a_tagged_address_is_sent() -> None:
    office = Office(CONTACTS)

    office.put("ada", letter("1@x", ADA_TAGGED, DORA, days=1))

    assert MessageCopy.objects.get().is_sent
    assert [one.name for one in office.people()] == ["Dora"]


def test_a_tagged_spelling_of_a_members_address_cannot_be_given_to_somebody(office: Office) -> None:
    office.claim("ben", BOB)

    office.edit(editing.add_address, Person.objects.get(name="Dora"), BOB_TAGGED)

    assert not Address.objects.filter(email=BOB_TAGGED, person__isnull=False).exists()


def test_a_meeting_that_became_internal_leaves_no_text_behind() -> None:
    office = Office(CONTACTS)
    office.schedule("ada", meeting("u", ADA, {BOB: "accepted"}, days=1))

    office.claim("ben", BOB)

    assert (EventCopy.objects.count(), CalendarSource.objects.count()) == (0, 0)
    assert SkippedItem.objects.values_list("reason", flat=True).get() == "internal"


def test_a_robot_in_copy_opens_nothing() -> None:
    office = Office(CONTACTS)
    office.put("ada", letter("1@x", BOB, ADA, days=2))

    office.put("ada", letter("2@x", ADA, DORA, days=1, cc=(ROBOT,)))

    assert [one.name for one in office.people()] == ["Dora"]


def test_writing_to_a_robot_opens_nothing() -> None:
    office = Office(CONTACTS)
    office.put("ada", letter("1@x", BOB, ADA, days=2))

    office.put("ada", letter("2@x", ADA, "no-reply@acme.example", days=1))

    assert office.people() == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE mailboxes_eventcopy SET sequence = 9, starts_at = starts_at + interval '1 hour'", "event"),
        ("UPDATE mailboxes_attendee SET response = 'declined'", "answer"),
        ("UPDATE mailboxes_messagecopy SET is_sent = NOT is_sent", "is_sent"),
    ],
)
def test_the_check_sees_what_is_not_as_the_copies_say(office: Office, statement: str, says: str) -> None:
    office.schedule("ada", meeting("u", ADA, {BOB: "accepted"}, days=1))
    workspace = office.desk.workspace.pk
    assert list(differences(workspace, now=NOW)) == []

    execute(statement)

    assert {what for _, _, what, _, _ in differences(workspace, now=NOW)} >= {says}


def test_mail_stored_before_belongs_to_no_company_of_who_turned_out_to_be_a_colleague(office: Office) -> None:
    assert office.wrong() == []

    office.claim("cleo", BOB)

    domains = Participant.objects.filter(address__email=BOB).values_list("domain", flat=True)
    assert set(domains) == {""}
    assert Participant.objects.exclude(domain="").exists()
    assert office.wrong() == []


def test_a_meeting_dated_centuries_ago_counts_for_nothing_and_stops_nothing(office: Office) -> None:
    """PostgreSQL refuses numbers as small as what is left of it."""
    at = datetime(1604, 1, 1, tzinfo=UTC)
    office.schedule("cleo", replace(meeting("old", CLEO, {DORA: "accepted"}, days=0), at=at))

    office.put("cleo", letter("b@x", CLEO, DORA, days=1))

    assert EventCopy.objects.count() == 1
    assert office.wrong() == []


def test_who_is_in_to_and_in_cc_is_where_he_is_named_first(office: Office) -> None:
    office.put("cleo", letter("c@x", DORA, BEN, ADA, days=1, cc=(ADA,)))

    assert person("Dora").insight.last_email_member == office.desk.members["ben"]
    assert office.wrong() == []


def test_the_copy_of_an_organiser_who_has_left_speaks_no_longer(office: Office) -> None:
    plan = meeting("plan", ADA, {BEN: "accepted", DORA: "accepted"}, days=3)
    office.schedule("ada", plan)
    office.schedule("ben", plan)
    office.set_active("ada", active=False)

    office.schedule("ben", replace(plan, status="cancelled", sequence=1))

    assert person("Dora").insight.next_calendar_at is None
    assert office.wrong() == []

    office.set_active("ada", active=True)
    assert person("Dora").insight.next_calendar_at == plan.at
    assert office.wrong() == []
