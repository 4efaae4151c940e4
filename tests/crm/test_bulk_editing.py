from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.edits.bulk import move_all, take_back, write_all
from crm.edits.changing import CannotEdit
from crm.edits.creating import Draft, create_record
from crm.edits.deleting import delete_records
from crm.edits.undoing import forget_old
from crm.models import BulkEdit, Company, Deletion, Member, Person
from crm.plain import plain_attribute
from crm.records import COMPANY, PERSON
from intelligence.verifying import differences
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
TITLE = plain_attribute("person", "job_title")
PEOPLE = ["Bob Doe <bob@acme.example>", "Eve <eve@acme.example>", "Fay <fay@other.example>"]


@pytest.fixture
def talk(desk: Desk) -> Desk:
    desk.put("ada", mail("m1", "ada@halyard.example", PEOPLE, at=NOW - timedelta(days=2)))
    return desk


@pytest.fixture
def client(signed_in: SignIn, ben: Member) -> Client:
    return signed_in.as_(ben)


def ids(*names: str) -> list[int]:
    return list(Person.objects.filter(name__in=names).order_by("pk").values_list("pk", flat=True))


def post(client: Client, action: str, records: list[int], **given: str) -> Any:
    return client.post(f"/halyard/people/bulk/{action}", {"record": records, **given}, headers=HTMX)


def test_an_attribute_is_written_on_all(talk: Desk, ben: Member) -> None:
    assert TITLE is not None
    Person.objects.filter(name="Eve").update(job_title="Buyer")

    edit = write_all(PERSON, ids("Bob Doe", "Eve"), TITLE, " Buyer ", by=ben)
    again = write_all(PERSON, ids("Bob Doe", "Eve"), TITLE, "Buyer", by=ben)

    assert edit is not None and (edit.before, edit.after) == ([(ids("Bob Doe")[0], "")], "Buyer")
    assert again is None
    assert dict(Person.objects.values_list("name", "job_title")) == {
        "Bob Doe": "Buyer",
        "Eve": "Buyer",
        "Fay": "",
    }


def test_all_move_and_everything_follows(talk: Desk, ben: Member) -> None:
    other = Company.objects.get(name="Other")

    moved = move_all(ids("Bob Doe", "Fay"), other, by=ben)
    left = move_all(ids("Eve"), None, by=ben)

    assert [len(edit.before) for edit in (moved, left) if edit] == [1, 1]
    assert dict(Company.objects.values_list("name", "people_count")) == {"Acme": 0, "Other": 2}
    assert list(differences(talk.workspace.pk, now=NOW)) == []


@pytest.mark.parametrize("count", [1, 3, 200])
def test_any_number_is_changed_in_as_many_statements(talk: Desk, ben: Member, count: int) -> None:
    assert TITLE is not None
    rows = [Person(workspace=talk.workspace, name=f"P{n}", name_key=f"p{n}") for n in range(count)]
    made = [one.pk for one in Person.objects.bulk_create(rows)]
    company = Company.objects.get(name="Acme")

    with CaptureQueriesContext(connection) as writing:
        write_all(PERSON, made, TITLE, "Buyer", by=ben)
    with CaptureQueriesContext(connection) as moving:
        move_all(made, company, by=ben)

    assert (len(writing), len(moving)) == (6, 10)


def test_nobody_changes_another_workspace_or_too_many(talk: Desk, ben: Member, dan: Member) -> None:
    assert TITLE is not None
    theirs = Company.objects.create(workspace=dan.workspace, name="Theirs", name_key="theirs")

    assert write_all(PERSON, ids("Eve"), TITLE, "X", by=dan) is None
    assert move_all(ids("Eve"), theirs, by=dan) is None
    with pytest.raises(CannotEdit):
        move_all(ids("Eve"), theirs, by=ben)
    with pytest.raises(CannotEdit, match="500"):
        write_all(PERSON, range(501), TITLE, "X", by=ben)
    ben.is_active = False
    with pytest.raises(PermissionDenied):
        write_all(PERSON, ids("Eve"), TITLE, "X", by=ben)

    assert Person.objects.exclude(job_title="").count() == 0


def test_what_was_written_is_taken_back_where_it_still_stands(talk: Desk, ben: Member) -> None:
    assert TITLE is not None
    Person.objects.filter(name="Eve").update(job_title="Clerk")
    edit = write_all(PERSON, ids("Bob Doe", "Eve", "Fay"), TITLE, "Buyer", by=ben)
    assert edit is not None
    Person.objects.filter(name="Fay").update(job_title="Director")
    Person.objects.filter(name="Bob Doe").delete()

    first, second = [take_back(edit, by=ben, now=timezone.now()) for _ in range(2)]

    assert dict(Person.objects.values_list("name", "job_title")) == {"Eve": "Clerk", "Fay": "Director"}
    assert first is not None and (first.count, first.changed_since) == (1, 2)
    assert second is None


def test_who_was_moved_goes_back_and_everything_follows(talk: Desk, ben: Member) -> None:
    acme, other = Company.objects.get(name="Acme"), Company.objects.get(name="Other")
    edit = move_all(ids("Bob Doe", "Eve", "Fay"), None, by=ben)
    assert edit is not None
    delete_records(COMPANY, [other.pk], workspace_id=talk.workspace.pk, by=ben)

    taken = take_back(edit, by=ben, now=timezone.now())

    employers = dict(Person.objects.values_list("name", "company"))
    assert employers == {"Bob Doe": acme.pk, "Eve": acme.pk, "Fay": None}
    assert taken is not None and (taken.count, taken.changed_since) == (2, 1)
    assert Company.objects.get().people_count == 2
    assert list(differences(talk.workspace.pk, now=NOW)) == []


def test_only_who_changed_them_takes_it_back_and_for_an_hour(talk: Desk, ben: Member, ada: Member) -> None:
    assert TITLE is not None
    edit = write_all(PERSON, ids("Eve"), TITLE, "Buyer", by=ben)
    assert edit is not None

    with pytest.raises(PermissionDenied):
        take_back(edit, by=ada, now=timezone.now())
    with pytest.raises(CannotEdit, match="for an hour"):
        take_back(edit, by=ben, now=timezone.now() + timedelta(minutes=61))

    assert Person.objects.get(name="Eve").job_title == "Buyer"
    assert forget_old(now=timezone.now() + timedelta(minutes=61)) == 1


# Pages


@pytest.mark.parametrize("action", ["deletion/form/", "attribute/form/", "company/form/"])
def test_a_dialog_names_the_number_and_changes_nothing(client: Client, talk: Desk, action: str) -> None:
    answer = post(client, action, ids("Bob Doe", "Eve")).content.decode()

    assert "2 people" in answer and answer.count('name="record"') == 2
    assert Person.objects.count() == 3


def test_ticked_people_are_deleted_and_come_back(client: Client, talk: Desk, ben: Member) -> None:
    back = "/halyard/people/?sort=name"
    answer = post(client, "deletion/", ids("Bob Doe", "Eve"), back=back)
    left = list(Person.objects.values_list("name", flat=True))
    page = client.get(back).content.decode()
    undoing = f"/halyard/deletions/{Deletion.objects.get().pk}/undoing/"
    undone = client.post(undoing)

    assert (answer.headers["HX-Redirect"], left) == (back, ["Fay"])
    assert "Deleted 2 people." in page and f'action="{undoing}?table"' in page
    assert (undone.headers["Location"], Person.objects.count()) == ("/halyard/people/", 3)


def test_undoing_leads_back_to_the_table_as_it_was(client: Client, talk: Desk) -> None:
    table = "/halyard/people/?sort=name&filter=company:is_empty:"
    here = f"https://crm.example{table}"
    post(client, "deletion/", ids("Bob Doe", "Eve"))
    undoing = f"/halyard/deletions/{Deletion.objects.get().pk}/undoing/"

    undone = client.post(undoing, headers={"HX-Request": "true", "HX-Current-URL": here})
    from_a_toast = client.post(undoing, headers={"Referer": here})
    from_elsewhere = client.post(
        undoing, headers={"Referer": "https://crm.example/halyard/companies/?sort=name"}
    )

    assert undone.headers["HX-Redirect"] == from_a_toast.headers["Location"] == table
    assert from_elsewhere.headers["Location"] == "/halyard/people/"


def test_the_page_of_what_somebody_deleted_offers_it_back_for_an_hour(
    client: Client, talk: Desk, ada: Member, dan: Member, signed_in: SignIn
) -> None:
    url = f"/halyard/people/{ids('Eve')[0]}/"
    post(client, "deletion/", ids("Eve", "Fay"))
    undoing = f'action="/halyard/deletions/{Deletion.objects.get().pk}/undoing/"'

    own, others = client.get(url), [signed_in.as_(one).get(url) for one in (ada, dan)]
    Deletion.objects.update(created_at=timezone.now() - timedelta(hours=1))
    late = client.get(url)

    assert own.status_code == 404
    assert "Eve and 1 more, just now." in own.content.decode() and undoing in own.content.decode()
    for one in (*others, late, client.get("/halyard/people/999999/")):
        text = one.content.decode()
        assert (one.status_code, undoing in text, "Eve" in text) == (404, False, False)


def test_ticked_people_are_written_and_moved(client: Client, talk: Desk) -> None:
    post(client, "attribute/", ids("Bob Doe", "Eve"), attribute="location", value="Porto")
    post(client, "company/", ids("Bob Doe", "Eve"), company="Fresh")

    found = Person.objects.order_by("name").values_list("name", "location", "company__name")
    assert list(found) == [("Bob Doe", "Porto", "Fresh"), ("Eve", "Porto", "Fresh"), ("Fay", "", "Other")]


def test_a_change_of_many_offers_to_undo_it(
    client: Client, talk: Desk, ada: Member, signed_in: SignIn
) -> None:
    back = "/halyard/people/?sort=name"
    post(client, "attribute/", ids("Bob Doe", "Eve"), attribute="location", value="Porto", back=back)
    page = client.get(back).content.decode()
    undoing = f"/halyard/edits/{BulkEdit.objects.get().pk}/undoing/"
    others = signed_in.as_(ada).post(undoing)
    undone = client.post(undoing, headers={**HTMX, "HX-Current-URL": f"https://crm.example{back}"})
    told = client.get(back).content.decode()

    assert "Location of 2 people changed." in page and f'action="{undoing}"' in page
    assert others.status_code == 404
    assert undone.headers["HX-Redirect"] == back
    assert "Taken back for 2 people." in told
    assert Person.objects.exclude(location="").count() == 0


def test_nothing_to_change_is_said(client: Client, talk: Desk) -> None:
    post(client, "company/", ids("Bob Doe", "Eve"), company="Acme")

    assert "Nothing to change" in client.get("/halyard/people/").content.decode()
    assert not BulkEdit.objects.exists()


def test_a_value_that_is_too_long_keeps_the_dialog_with_the_reason(client: Client, talk: Desk) -> None:
    answer = post(client, "attribute/", ids("Eve"), attribute="phone", value="1" * 41).content.decode()

    assert "Phone has room for 40 characters" in answer and answer.count('name="record"') == 1


def test_only_the_ticked_are_exported_with_the_tables_columns(client: Client, talk: Desk) -> None:
    answer = client.post("/halyard/people/bulk/export.csv?columns=company,location", {"record": ids("Eve")})

    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines == ["id,name,company,location", f"{ids('Eve')[0]},Eve,Acme,"]


def test_any_number_of_ticked_rows_is_exported(client: Client, talk: Desk, ben: Member) -> None:
    workspace_id = ben.workspace_id
    Person.objects.bulk_create(Person(workspace_id=workspace_id, name=f"P{n}") for n in range(1_200))
    everybody = list(Person.objects.values_list("pk", flat=True))

    answer = client.post("/halyard/people/bulk/export.csv?columns=company", {"record": everybody})

    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == len(everybody) + 1
    asked = client.post("/halyard/people/bulk/deletion/form/", {"record": everybody}, headers=HTMX)
    assert "at most 500 can be changed at once" in asked.content.decode()


def test_all_of_a_table_are_those_its_filters_leave(client: Client, talk: Desk, ben: Member) -> None:
    for n in range(60):
        create_record(PERSON, Draft(f"Guest {n}"), by=ben)
    url = "/halyard/people/bulk/{}?filter=name:contains:guest&sort=name&columns=location"

    asked = client.post(url.format("deletion/form/"), {"all": "on", "record": ids("Eve")}, headers=HTMX)
    exported = client.post(url.format("export.csv"), {"all": "on"})

    answer = asked.content.decode()
    assert "Delete 60 people?" in answer and answer.count('name="record"') == 60
    assert f'name="record" value="{ids("Eve")[0]}"' not in answer
    lines = b"".join(exported.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 61


def test_nothing_is_done_to_all_that_a_dialog_has_not_named(client: Client, talk: Desk) -> None:
    assert client.post("/halyard/people/bulk/deletion/", {"all": "on"}).status_code == 400
    assert len(ids("Bob Doe", "Eve", "Fay")) == 3


def test_more_than_can_be_changed_at_once_is_said_before(
    client: Client, talk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.views.bulk.MOST_AT_ONCE", 2)

    answer = client.post("/halyard/people/bulk/attribute/form/", {"all": "on"}, headers=HTMX).content.decode()

    assert "At most 2 can be changed at once. Narrow the table with a filter." in answer
    assert 'name="record"' not in answer


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("people/bulk/deletion/", {}),
        ("people/bulk/deletion/", {"record": "x"}),
        ("people/bulk/attribute/", {"record": "1", "attribute": "name"}),
        ("companies/bulk/company/", {"record": "1", "company": "X"}),
        ("companies/bulk/company/form/", {"record": "1"}),
    ],
)
def test_what_no_button_sends_is_refused(
    client: Client, talk: Desk, path: str, given: dict[str, str]
) -> None:
    assert client.post(f"/halyard/{path}", given).status_code == 400


def test_nobody_goes_back_to_another_site(client: Client, talk: Desk) -> None:
    answer = post(client, "attribute/", ids("Eve"), attribute="phone", value="1", back="//evil.example/")

    assert answer.headers["HX-Redirect"] == "/halyard/people/"
