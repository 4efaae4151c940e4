from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied

from crm.edits import editing
from crm.edits.editing import CannotEdit
from crm.models import Address, Company, Member, Person, Tombstone
from intelligence.verifying import differences
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

BOB, EVE = "Bob Doe <bob@acme.example>", "Eve <eve@other.example>"


@pytest.fixture
def talk(desk: Desk) -> Desk:
    """Ada has written to Bob at Acme and to Eve at Other."""
    desk.put("ada", mail("m1", "ada@halyard.example", BOB, at=NOW - timedelta(days=2)))
    desk.put("ada", mail("m2", "ada@halyard.example", EVE, at=NOW - timedelta(days=1)))
    return desk


def person(name: str) -> Person:
    return Person.objects.select_related("company", "insight").get(name=name)


def company(name: str) -> Company:
    return Company.objects.select_related("insight").get(name=name)


def right(desk: Desk) -> bool:
    return list(differences(desk.workspace.pk, now=NOW)) == []


def test_a_moved_person_takes_his_history_and_leaves_it_too(talk: Desk, ben: Member) -> None:
    editing.move_person(person("Bob Doe"), company("Other"), by=ben)

    assert company("Acme").insight.last_at == NOW - timedelta(days=2)
    assert company("Other").insight.first_at == NOW - timedelta(days=2)
    assert (company("Acme").people_count, company("Other").people_count) == (0, 2)
    assert right(talk)


def test_merged_people_are_one_with_both_histories(talk: Desk, ben: Member) -> None:
    editing.merge(person("Eve"), person("Bob Doe"), by=ben)

    bob = Person.objects.select_related("insight").get()
    assert sorted(bob.addresses.values_list("email", flat=True)) == ["bob@acme.example", "eve@other.example"]
    assert (bob.insight.first_at, bob.insight.last_at) == (NOW - timedelta(days=2), NOW - timedelta(days=1))
    assert right(talk)


def test_merged_companies_are_one_with_all_domains_and_people(talk: Desk, ben: Member) -> None:
    editing.merge(company("Other"), company("Acme"), by=ben)

    acme = Company.objects.select_related("insight").get()
    assert sorted(acme.domains.values_list("domain", flat=True)) == ["acme.example", "other.example"]
    assert (acme.people_count, acme.insight.last_at) == (2, NOW - timedelta(days=1))
    assert right(talk)


def test_a_deleted_record_is_never_made_again(talk: Desk, ben: Member) -> None:
    editing.delete_record(person("Bob Doe"), by=ben)
    editing.delete_record(company("Other"), by=ben)
    talk.put("ada", mail("m3", "ada@halyard.example", [BOB, EVE]))

    assert list(Person.objects.values_list("name", flat=True)) == ["Eve"]
    assert list(Company.objects.values_list("name", "people_count")) == [("Acme", 0)]
    assert sorted(Tombstone.objects.values_list("value", flat=True)) == ["bob@acme.example", "other.example"]
    assert right(talk)


def test_an_added_address_brings_what_was_said_there(talk: Desk, ben: Member) -> None:
    talk.put("ada", mail("m3", "bobby@private.example", "ada@halyard.example", at=NOW - timedelta(hours=1)))

    editing.add_address(person("Bob Doe"), " Bobby@Private.Example ", by=ben)

    assert person("Bob Doe").insight.last_at == NOW - timedelta(hours=1)
    assert right(talk)
    editing.remove_address(person("Bob Doe"), Address.objects.get(email="bobby@private.example"), by=ben)
    assert person("Bob Doe").insight.last_at == NOW - timedelta(days=2)
    assert right(talk)


def test_an_added_domain_brings_what_was_said_there(talk: Desk, ben: Member) -> None:
    talk.put("ada", mail("m3", "x@acme-labs.example", "ada@halyard.example", at=NOW - timedelta(hours=1)))

    editing.add_domain(company("Acme"), "https://www.acme-labs.example/about", by=ben)

    assert company("Acme").insight.last_at == NOW - timedelta(hours=1)
    assert right(talk)
    editing.remove_domain(company("Acme"), "acme-labs.example", by=ben)
    assert company("Acme").insight.last_at == NOW - timedelta(days=2)
    assert right(talk)


@pytest.mark.parametrize(
    ("domain", "says"),
    [("gmail.com", "belongs to no company"), ("co.uk", "not one company's"), ("halyard.example", "your own"),
     ("other.example", "belongs to Other"), ("no domain", "not a domain")],
)  # fmt: skip
def test_some_domains_are_refused(talk: Desk, ben: Member, domain: str, says: str) -> None:
    with pytest.raises(CannotEdit, match=says):
        editing.add_domain(company("Acme"), domain, by=ben)


@pytest.mark.parametrize(
    ("email", "says"),
    [
        ("ben@halyard.example", "colleague"),
        ("anybody@halyard.example", "colleague"),
        ("eve@other.example", "belongs to Eve"),
        ("x", "no"),
    ],
)
def test_some_addresses_are_refused(talk: Desk, ben: Member, email: str, says: str) -> None:
    before = Address.objects.count()

    with pytest.raises(CannotEdit, match=says):
        editing.add_address(person("Bob Doe"), email, by=ben)

    assert Address.objects.count() == before


def test_a_name_given_by_hand_stays(talk: Desk, ben: Member) -> None:
    editing.rename(person("Bob Doe"), "  Robert  Doe ", by=ben)
    talk.put("ada", mail("m3", "Bob H. Doe <bob@acme.example>", "ada@halyard.example"))

    assert Person.objects.filter(name="Robert Doe", name_key="robert doe").exists()
    with pytest.raises(CannotEdit):
        editing.rename(person("Robert Doe"), "  ", by=ben)


def test_nobody_edits_from_outside_or_after_leaving(talk: Desk, ben: Member, dan: Member) -> None:
    bob = person("Bob Doe")
    ben.is_active = False

    for nobody in (dan, ben):
        with pytest.raises(PermissionDenied):
            editing.rename(bob, "Mallory", by=nobody)
        with pytest.raises(PermissionDenied):
            editing.delete_record(bob, by=nobody)
    with pytest.raises(PermissionDenied):
        elsewhere = Company.objects.create(workspace=dan.workspace, name="Elsewhere", name_key="elsewhere")
        editing.move_person(bob, elsewhere, by=talk.members["ada"])
    assert person("Bob Doe").company.name == "Acme"
