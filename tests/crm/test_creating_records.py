import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from crm.edits import editing
from crm.edits.changing import CannotEdit
from crm.edits.creating import Draft, Taken, create_record
from crm.models import Address, Company, Member, Person, Tombstone
from crm.records import COMPANY, PERSON
from crm.workspaces import deactivate
from intelligence.verifying import differences
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def talk(desk: Desk) -> Desk:
    """Fay has written, and nobody to her; Bob at Acme is known."""
    desk.put(
        "ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>", at=NOW - timedelta(days=2))
    )
    desk.put("ada", mail("m2", "Fay <fay@birch.example>", "ada@halyard.example", at=NOW - timedelta(days=1)))
    return desk


@pytest.fixture
def client(signed_in: SignIn, ben: Member) -> Client:
    return signed_in.as_(ben)


def create(client: Client, plural: str, **given: str) -> Any:
    return client.post(f"/halyard/{plural}/creation/", given, headers=HTMX)


def test_a_created_company_has_its_whole_history(talk: Desk, ben: Member) -> None:
    made = create_record(
        COMPANY, Draft(values=["https://birch.example"], plain={"industry": "Trees"}), by=ben
    )

    birch = Company.objects.select_related("insight").get(pk=made.pk)
    assert (birch.name, birch.named_by_hand, birch.industry) == ("Birch", False, "Trees")
    assert birch.insight.last_at == NOW - timedelta(days=1)
    assert list(differences(talk.workspace.pk, now=NOW)) == []


def test_a_created_person_has_the_history_and_company_of_the_address(talk: Desk, ben: Member) -> None:
    create_record(COMPANY, Draft("Birch", ["birch.example"]), by=ben)
    made = create_record(PERSON, Draft("Fay Gold", ["FAY@birch.example", "fay@private.example"]), by=ben)

    fay = Person.objects.select_related("insight", "company").get(pk=made.pk)
    assert (fay.name, fay.company and fay.company.name, fay.named_by_hand) == ("Fay Gold", "Birch", True)
    assert fay.insight.last_at == NOW - timedelta(days=1)
    assert Company.objects.get(name="Birch").people_count == 1
    assert list(differences(talk.workspace.pk, now=NOW)) == []


def test_what_somebody_has_already_is_refused_with_him(talk: Desk, ben: Member) -> None:
    with pytest.raises(Taken) as person:
        create_record(PERSON, Draft("Robert", ["bob@acme.example"]), by=ben)
    with pytest.raises(Taken) as company:
        create_record(COMPANY, Draft("ACME", ["www.acme.example"]), by=ben)

    assert (person.value.record, company.value.record) == (Person.objects.get(), Company.objects.get())


@pytest.mark.parametrize(
    ("kind", "draft", "words"),
    [
        (COMPANY, Draft("  "), "needs a name"),
        (COMPANY, Draft("Mail", ["gmail.com"]), "belongs to no company"),
        (COMPANY, Draft("We", ["halyard.example"]), "your own domain"),
        (COMPANY, Draft("Uk", ["co.uk"]), "not one company's domain"),
        (PERSON, Draft("Ada", ["ada@halyard.example"]), "belongs to a colleague"),
        (PERSON, Draft("X", ["x"]), "not an email address"),
        (PERSON, Draft("X", plain={"phone": "1" * 41}), "room for 40"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    talk: Desk, ben: Member, kind: Any, draft: Draft, words: str
) -> None:
    with pytest.raises(CannotEdit, match=words):
        create_record(kind, draft, by=ben)

    assert (Person.objects.count(), Company.objects.count()) == (1, 1)


def test_what_somebody_deleted_may_be_created_by_hand(talk: Desk, ben: Member) -> None:
    editing.delete_record(Person.objects.get(), by=ben)
    editing.delete_record(Company.objects.get(), by=ben)

    create_record(COMPANY, Draft("Acme", ["acme.example"]), by=ben)
    create_record(PERSON, Draft("Bob", ["bob@acme.example"]), by=ben)

    assert Tombstone.objects.count() == 0
    assert Address.objects.get(email="bob@acme.example").person == Person.objects.get()


def test_only_active_members_create_and_only_at_home(
    talk: Desk, ben: Member, cleo: Member, dan: Member
) -> None:
    theirs = Company.objects.create(workspace=dan.workspace, name="Theirs", name_key="theirs")
    with pytest.raises(CannotEdit):
        create_record(PERSON, Draft("X", company=theirs), by=ben)
    deactivate(ben, by=cleo)
    ben.refresh_from_db()

    with pytest.raises(PermissionDenied):
        create_record(PERSON, Draft("X"), by=ben)


# Pages


def test_the_form_opens_in_the_dialog_and_alone(client: Client, talk: Desk) -> None:
    acme = Company.objects.get()
    inside = client.get("/halyard/people/creation/form/", headers=HTMX).content.decode()
    alone = client.get(f"/halyard/people/creation/form/?company_id={acme.pk}").content.decode()

    assert inside.lstrip().startswith("<form") and "New person" in inside
    assert f'action="/halyard/people/creation/?company_id={acme.pk}"' in alone
    assert "At Acme" in alone and "<main" in alone


def test_creating_leads_to_the_record(client: Client, talk: Desk) -> None:
    answer = create(client, "companies", name="Birch", domains="birch.example, birch.test", industry="Trees")

    birch = Company.objects.get(name="Birch")
    assert answer.headers["HX-Redirect"] == f"/halyard/companies/{birch.pk}/"
    assert sorted(birch.domains.values_list("domain", flat=True)) == ["birch.example", "birch.test"]


def test_an_address_that_is_none_is_said_at_its_field(client: Client, talk: Desk) -> None:
    given = {"name": "Nora", "email_addresses": "nora@"}

    page = client.post("/halyard/people/creation/", given, headers=HTMX).content.decode()

    assert "“nora@” is not an email address." in page
    field = page[page.index('name="email_addresses"') :].partition(">")[0]
    assert "aria-invalid" in field and "autofocus" in field
    assert "autofocus" not in page[page.index('name="name"') :].partition(">")[0]
    assert not Person.objects.filter(name="Nora").exists()


def test_a_namesake_is_a_warning_once(client: Client, talk: Desk) -> None:
    warned = create(client, "companies", name="ACME").content.decode()
    create(client, "companies", name="ACME", anyway="1")

    assert "There is a company of this name already" in warned and "Create anyway" in warned
    assert sorted(Company.objects.values_list("name", flat=True)) == ["ACME", "Acme"]


def test_a_taken_address_is_a_refusal_with_a_way_to_the_record(client: Client, talk: Desk) -> None:
    answer = create(client, "people", name="Robert", email_addresses="bob@acme.example", company="Brand new")

    text = answer.content.decode()
    assert "bob@acme.example belongs to Bob Doe." in text
    assert f'href="/halyard/people/{Person.objects.get().pk}/"' in text
    assert Company.objects.count() == 1


def test_while_typing_one_sees_who_is_there(client: Client, talk: Desk) -> None:
    given = {"name": "bob dóe", "email_addresses": "bob@acme.example x", "company": "acm"}
    text = client.get("/halyard/people/creation/check/", given, headers=HTMX).content.decode()

    assert "There is a person of this name already" in text
    assert '<option value="Acme">acme.example </option>' in text
    assert "Creates the company <b>acm</b>, unless you choose one that is there" in text
    known = client.get("/halyard/people/creation/check/", given | {"company": "ACME"}, headers=HTMX)
    assert "Creates the company" not in known.content.decode()


def test_a_company_is_named_by_name_or_domain_and_made_if_need_be(client: Client, talk: Desk) -> None:
    said = []
    for number, company in enumerate(("acme", "ACME.example", "Fresh", "")):
        create(client, "people", name=f"P{number}", company=company)
        said += re.findall("Created [^<]*", client.get("/halyard/people/").content.decode())

    working = dict(Person.objects.filter(name__startswith="P").values_list("name", "company__name"))
    assert working == {"P0": "Acme", "P1": "Acme", "P2": "Fresh", "P3": None}
    assert said == ["Created P0.", "Created P1.", "Created P2 and Fresh, a new company.", "Created P3."]


def test_the_person_of_a_company_page_works_there(client: Client, talk: Desk) -> None:
    acme = Company.objects.get()

    client.post(f"/halyard/people/creation/?company_id={acme.pk}", {"name": "Zoe"}, headers=HTMX)

    assert Person.objects.values_list("company", flat=True).get(name="Zoe") == acme.pk
    assert Company.objects.get().people_count == 2


def test_others_create_nothing(signed_in: SignIn, talk: Desk, dan: Member) -> None:
    theirs = signed_in.as_(dan)

    assert create(theirs, "companies", name="X").status_code == 404
    company = Company.objects.get(name="Acme")
    refused = theirs.post(f"/elsewhere/people/creation/?company_id={company.pk}", {"name": "X"})
    assert (refused.status_code, Person.objects.filter(name="X").exists()) == (404, False)


def test_a_programs_address_is_nobodys(desk: Desk, ben: Member) -> None:
    draft = Draft(name="Robot", values=["no-reply@acme.example"])

    with pytest.raises(CannotEdit, match="nobody is behind it"):
        create_record(PERSON, draft, by=ben)

    assert not Person.objects.exists()
