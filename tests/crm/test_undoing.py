from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.creation import create_records
from crm.edits import editing
from crm.edits.changing import CannotEdit
from crm.edits.deleting import delete_records
from crm.edits.undoing import forget_old, undo
from crm.models import (
    AccessLevel,
    Address,
    AuditEvent,
    Company,
    CompanyDomain,
    Deletion,
    Member,
    Person,
    Star,
    Tombstone,
)
from crm.records import COMPANY, PERSON, RecordType
from crm.statements import fetch
from crm.workspaces import deactivate
from intelligence.verifying import differences
from mailboxes.models import AccessGrant
from mailboxes.sharing.granting import EVERYBODY, Grantee, record_target, set_access
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

BOB, EVE, FAY = "Bob Doe <bob@acme.example>", "Eve <eve@other.example>", "Fay <fay@acme.example>"
# What keeps an account of what was done, and what is worked out under ids of its own.
APART = {"crm_deletion", "crm_auditevent"}
SURROGATES = ("interaction", "day", "connection", "insight")
HASH = "SELECT md5(coalesce(string_agg(x, E'\\n' ORDER BY x), '')) FROM (SELECT {row}::text AS x FROM {table} t) rows"


@pytest.fixture
def talk(desk: Desk, cleo: Member) -> Desk:
    """Bob and Fay at Acme and Eve at Other, written down, starred and shared."""
    desk.put("ada", mail("m1", "ada@halyard.example", [BOB, FAY], at=NOW - timedelta(days=2)))
    desk.put("ada", mail("m2", "ada@halyard.example", EVE, at=NOW - timedelta(days=1)))
    Company.objects.filter(name="Acme").update(industry="Roofs", description="Slate\nand tile")
    Person.objects.filter(name="Bob Doe").update(job_title="Buyer", phone="+351 1", location="Porto")
    ada, ben = desk.members["ada"], desk.members["ben"]
    for kept in (Company.objects.get(name="Acme"), Person.objects.get(name="Bob Doe")):
        name = type(kept).__name__.lower()
        Star.objects.create(workspace=desk.workspace, member=ben, **{name: kept})
        access = {EVERYBODY: AccessLevel.SUBJECT, Grantee(member_id=ben.pk): AccessLevel.FULL}
        set_access(record_target(kept), access, by=ada)
    return desk


def person(name: str) -> Person:
    return Person.objects.get(name=name)


def company(name: str) -> Company:
    return Company.objects.get(name=name)


def delete(by: Member, kind: RecordType, *records: Any) -> Deletion:
    deletion = delete_records(kind, [one.pk for one in records], workspace_id=by.workspace_id, by=by)
    assert deletion is not None
    return deletion


def everything() -> dict[str, str]:
    """A hash of every table's rows."""
    tables = [name for name in connection.introspection.table_names() if name not in APART]
    return {table: fetch(HASH.format(table=table, row=_row(table)))[0][0] for table in sorted(tables)}


def _row(table: str) -> str:
    derived = table.startswith(("intelligence_company", "intelligence_person"))
    return "(to_jsonb(t) - 'id')" if derived and table.endswith(SURROGATES) else "t"


def right(desk: Desk) -> bool:
    return list(differences(desk.workspace.pk, now=NOW)) == []


@pytest.mark.parametrize(
    ("kind", "names"), [(PERSON, ["Bob Doe"]), (COMPANY, ["Acme"]), (COMPANY, ["Acme", "Other"])]
)
def test_undoing_a_deletion_brings_every_table_back(
    talk: Desk, ben: Member, kind: RecordType, names: list[str]
) -> None:
    before = everything()
    deletion = delete(ben, kind, *kind.model.objects.filter(name__in=names))
    deleted = everything()

    restored = undo(deletion, by=ben, now=timezone.now())

    assert sorted(restored.names) == names
    assert restored.missing == []
    assert {table for table in before if before[table] != everything()[table]} == set()
    assert {"crm_star", "crm_tombstone", "mailboxes_accessgrant", "mailboxes_grantcoverage"} <= {
        table for table in before if before[table] != deleted[table]
    }
    assert right(talk)


def test_undoing_twice_changes_nothing_more(talk: Desk, ben: Member) -> None:
    deletion = delete(ben, PERSON, person("Bob Doe"))
    undo(deletion, by=ben, now=timezone.now())
    after = everything()

    again = undo(deletion, by=ben, now=timezone.now())

    assert (again.names, everything() == after) == (["Bob Doe"], True)


def test_only_whoever_deleted_undoes_and_for_an_hour_only(talk: Desk, ben: Member, cleo: Member) -> None:
    deletion = delete(ben, PERSON, person("Bob Doe"))

    with pytest.raises(PermissionDenied):
        undo(deletion, by=cleo, now=timezone.now())
    with pytest.raises(CannotEdit, match="final"):
        undo(deletion, by=ben, now=timezone.now() + timedelta(minutes=61))

    deactivate(ben, by=cleo)
    ben.refresh_from_db()
    with pytest.raises(PermissionDenied):
        undo(deletion, by=ben, now=timezone.now())
    assert not Person.objects.filter(name="Bob Doe").exists()


def test_what_somebody_else_has_by_now_stays_with_him(talk: Desk, ben: Member) -> None:
    editing.add_address(person("Bob Doe"), "bob@private.example", by=ben)
    deletion = delete(ben, PERSON, person("Bob Doe"))
    editing.add_address(person("Eve"), "bob@acme.example", by=ben)

    restored = undo(deletion, by=ben, now=timezone.now())

    assert restored.missing == ["bob@acme.example"]
    owners = Address.objects.filter(person__isnull=False).values_list("email", "person__name")
    assert dict(owners) == {
        "bob@acme.example": "Eve",
        "bob@private.example": "Bob Doe",
        "eve@other.example": "Eve",
        "fay@acme.example": "Fay",
    }
    assert right(talk)


def test_people_who_moved_on_and_companies_that_went_are_left(talk: Desk, ben: Member) -> None:
    acme = delete(ben, COMPANY, company("Acme"))
    editing.move_person(person("Bob Doe"), company("Other"), by=ben)
    eve = delete(ben, PERSON, person("Eve"))
    delete(ben, COMPANY, company("Other"))

    undo(acme, by=ben, now=timezone.now())
    undo(eve, by=ben, now=timezone.now())

    working = dict(Person.objects.values_list("name", "company__name"))
    assert working == {"Bob Doe": "Acme", "Fay": "Acme", "Eve": None}
    assert right(talk)


def test_a_domain_given_away_meanwhile_is_named(talk: Desk, ben: Member) -> None:
    acme = delete(ben, COMPANY, company("Acme"))
    Tombstone.objects.all().delete()
    editing.add_domain(company("Other"), "acme.example", by=ben)

    restored = undo(acme, by=ben, now=timezone.now())

    assert restored.missing == ["acme.example"]
    assert dict(CompanyDomain.objects.values_list("domain", "company__name")) == {
        "acme.example": "Other",
        "other.example": "Other",
    }
    assert right(talk)


def test_sharing_of_members_who_have_left_is_not_restored(talk: Desk, ben: Member, cleo: Member) -> None:
    deletion = delete(cleo, PERSON, person("Bob Doe"))
    deactivate(ben, by=cleo)

    undo(deletion, by=cleo, now=timezone.now())

    grants = AccessGrant.objects.filter(person__name="Bob Doe")
    assert list(grants.values_list("member", "level")) == [(None, AccessLevel.SUBJECT)]


def test_a_tombstone_that_was_there_before_stays(talk: Desk, ben: Member) -> None:
    Tombstone.objects.create(workspace=talk.workspace, value="bob@acme.example")
    deletion = delete(ben, PERSON, person("Bob Doe"), person("Fay"))

    undo(deletion, by=ben, now=timezone.now())

    assert list(Tombstone.objects.values_list("value", flat=True)) == ["bob@acme.example"]


def test_records_of_another_workspace_are_passed_over(talk: Desk, dan: Member) -> None:
    assert delete_records(PERSON, [person("Eve").pk], workspace_id=dan.workspace_id, by=dan) is None
    with pytest.raises(PermissionDenied):
        delete_records(PERSON, [person("Eve").pk], workspace_id=talk.workspace.pk, by=dan)

    assert Person.objects.count() == 3


@pytest.mark.parametrize("count", [1, 3, 200])
def test_any_number_is_deleted_in_as_many_statements(talk: Desk, ben: Member, count: int) -> None:
    rows = [Person(workspace=talk.workspace, name=f"P{n}", name_key=f"p{n}") for n in range(count)]
    ids = [one.pk for one in Person.objects.bulk_create(rows)]

    with CaptureQueriesContext(connection) as deleting:
        deletion = delete_records(PERSON, ids, workspace_id=talk.workspace.pk, by=ben)
    assert deletion is not None
    with CaptureQueriesContext(connection) as restoring:
        undo(deletion, by=ben, now=timezone.now())

    assert (len(deleting), len(restoring)) == (15, 15)


def test_more_than_can_be_kept_is_refused(talk: Desk, ben: Member) -> None:
    with pytest.raises(CannotEdit, match="500"):
        delete_records(PERSON, range(501), workspace_id=talk.workspace.pk, by=ben)


def test_a_deletion_is_forgotten_after_an_hour_and_nobody_writes_down_words(talk: Desk, ben: Member) -> None:
    deletion = delete(ben, PERSON, person("Bob Doe"))
    event = AuditEvent.objects.get(action="records_deleted")

    went = [forget_old(now=timezone.now() + timedelta(minutes=minutes)) for minutes in (59, 61)]

    assert went == [0, 1]
    assert event.details == {"kind": "person", "deletion": deletion.pk, "count": 1}


def test_a_record_made_again_by_mail_after_undoing_is_none(talk: Desk, ben: Member) -> None:
    """The tombstone goes with the undoing, and the domain has its company: nothing is made twice."""
    undo(delete(ben, COMPANY, company("Acme")), by=ben, now=timezone.now())

    created = create_records(talk.workspace.pk, domains=["acme.example"], address_ids=[])

    assert (created.company_ids, created.person_ids) == ([], [])


def test_an_address_that_went_with_its_last_mail_comes_back_with_its_person(talk: Desk, ben: Member) -> None:
    deletion = delete(ben, PERSON, person("Bob Doe"))
    talk.trash("ada", "m1")
    assert not Address.objects.filter(email="bob@acme.example").exists()

    restored = undo(deletion, by=ben, now=timezone.now())

    assert list(restored.missing) == []
    assert Address.objects.get(email="bob@acme.example").person == person("Bob Doe")
    assert right(talk)
