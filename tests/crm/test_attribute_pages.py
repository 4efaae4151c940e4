"""Changing one attribute where it stands."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from crm.models import Address, Company, Member, Person
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def bob(desk: Desk) -> Person:
    desk.put(
        "ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>", at=NOW - timedelta(days=2))
    )
    return Person.objects.get()


@pytest.fixture
def client(signed_in: SignIn, ben: Member) -> Client:
    return signed_in.as_(ben)


def url(record: Any, name: str, *more: str) -> str:
    plural = "people" if isinstance(record, Person) else "companies"
    return "/".join(["/halyard", plural, str(record.pk), "attributes", name, *more, ""])


def save(client: Client, record: Any, name: str, **given: str) -> Any:
    return client.post(url(record, name), given, headers=HTMX)


@pytest.mark.parametrize("name", ["name", "job_title", "phone", "location", "email_addresses", "company"])
def test_an_editor_opens_in_place_and_alone(client: Client, bob: Person, name: str) -> None:
    inside = client.get(url(bob, name), headers=HTMX).content.decode()
    alone = client.get(url(bob, name)).content.decode()

    assert inside.lstrip().startswith("<form") and "data-cancel" in inside
    assert "<h1>" in alone and f'action="{url(bob, name)}"' in alone


def test_a_saved_value_answers_with_the_cell_and_says_so(client: Client, bob: Person) -> None:
    answer = save(client, bob, "job_title", value="  Head\tof <Roofs> ")

    assert answer.content.decode() == (
        '<span class="cell-text" title="Head of &lt;Roofs&gt;">Head of &lt;Roofs&gt;</span>'
    )
    said = json.loads(answer.headers["HX-Trigger"])
    assert said == {"record-saved": {"record": f"person:{bob.pk}", "attribute": "job_title"}}
    assert Person.objects.get().job_title == "Head of <Roofs>"


def test_in_the_details_the_value_leads_to_its_editor_again(client: Client, bob: Person) -> None:
    filled = save(client, bob, "phone", value="+351 1", place="details").content.decode()
    emptied = save(client, bob, "phone", value=" ", place="details").content.decode()

    assert "+351 1" in filled and f'href="{url(bob, "phone")}"' in filled
    assert "Add phone" in emptied
    assert Person.objects.get().phone == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("name", "  ", "A record needs a name."),
        ("phone", "1" * 41, "Phone has room for 40 characters; this has 41."),
        ("email_addresses", "nobody", "is not an email address."),
        ("email_addresses", "ada@halyard.example", "ada@halyard.example belongs to a colleague."),
    ],
)
def test_what_cannot_be_saved_keeps_its_editor_with_the_reason(
    client: Client, bob: Person, name: str, value: str, words: str
) -> None:
    answer = save(client, bob, name, value=value)

    text = answer.content.decode()
    assert words in text and 'aria-invalid="true"' in text and "HX-Trigger" not in answer.headers
    assert (Person.objects.get().name, Address.objects.filter(person=bob).count()) == ("Bob Doe", 1)


def test_what_somebody_else_wrote_meanwhile_is_shown_before_it_is_replaced(
    client: Client, bob: Person
) -> None:
    opened = client.get(url(bob, "job_title"), headers=HTMX).content.decode()
    assert '<input type="hidden" name="seen" value="">' in opened
    Person.objects.update(job_title="Roofer")

    answer = save(client, bob, "job_title", value="Tiler", seen="").content.decode()

    assert Person.objects.get().job_title == "Roofer"
    assert "Changed to “Roofer” meanwhile. Save again to replace that." in answer
    assert 'value="Tiler"' in answer and 'name="seen" value="Roofer"' in answer
    save(client, bob, "job_title", value="Tiler", seen="Roofer")
    assert Person.objects.get().job_title == "Tiler"
    # Both wrote the same: nothing is lost.
    assert "<form" not in save(client, bob, "job_title", value="Tiler", seen="Roofer").content.decode()


def test_addresses_are_added_and_removed_one_at_a_time(client: Client, bob: Person) -> None:
    added = save(client, bob, "email_addresses", value="Bobby@Private.example").content.decode()
    save(client, bob, "email_addresses", without="bob@acme.example")
    save(client, bob, "email_addresses", without="bob@acme.example")

    assert 'name="without" value="bobby@private.example"' in added and "data-editor" in added
    assert list(bob.addresses.values_list("email", flat=True)) == ["bobby@private.example"]


def test_domains_are_added_and_removed_one_at_a_time(client: Client, bob: Person) -> None:
    acme = Company.objects.get()

    save(client, acme, "domains", value="https://www.acme.test/about")
    refused = save(client, acme, "domains", value="gmail.com").content.decode()
    save(client, acme, "domains", without="acme.example")

    assert "belongs to no company" in refused
    assert list(acme.domains.values_list("domain", flat=True)) == ["acme.test"]


def test_a_company_is_found_chosen_created_and_left(client: Client, desk: Desk, bob: Person) -> None:
    other = Company.objects.create(workspace=desk.workspace, name="Other", name_key="other")

    found = client.get(url(bob, "company", "choices"), {"q": "oth"}, headers=HTMX).content.decode()
    steps = []
    for given in ({"company": str(other.pk)}, {"create": "New Ltd"}, {"company": ""}):
        save(client, bob, "company", **given)
        steps.append(Person.objects.values_list("company__name", flat=True).get())

    assert f'name="company" value="{other.pk}"' in found and "Create “oth”" in found
    assert steps == ["Other", "New Ltd", None]
    assert dict(Company.objects.values_list("name", "people_count")) == {"Acme": 0, "Other": 0, "New Ltd": 0}


def test_a_company_of_another_workspace_is_none(client: Client, bob: Person, dan: Member) -> None:
    theirs = Company.objects.create(workspace=dan.workspace, name="Theirs", name_key="theirs")

    assert save(client, bob, "company", company=str(theirs.pk)).status_code == 404
    assert Person.objects.values_list("company__name", flat=True).get() == "Acme"


@pytest.mark.parametrize("name", ["last_interaction", "connection_strength", "workspace", "people_count"])
def test_what_the_system_works_out_has_no_editor(client: Client, bob: Person, name: str) -> None:
    assert client.get(url(bob, name), headers=HTMX).status_code == 404
    assert save(client, bob, name, value="1").status_code == 404


def test_others_find_no_editor(signed_in: SignIn, bob: Person, dan: Member, ben: Member) -> None:
    ben.is_active = False
    ben.save()
    answers = [save(signed_in.as_(member), bob, "phone", value="1") for member in (dan, ben)]
    # Dan's own workspace has no such record either.
    elsewhere = signed_in.as_(dan).post(f"/elsewhere/people/{bob.pk}/attributes/phone/", {"value": "1"})

    assert [one.status_code for one in [*answers, elsewhere]] == [404, 404, 404]
    assert Person.objects.get().phone == ""


def test_a_page_without_scripts_goes_back_to_the_record(client: Client, bob: Person) -> None:
    answer = client.post(url(bob, "phone"), {"value": "1"})

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/halyard/people/{bob.pk}/")


def test_leaving_an_editor_shows_the_value_as_it_is(client: Client, bob: Person) -> None:
    answer = client.get(url(bob, "email_addresses", "value"), headers=HTMX)

    assert (answer.content.decode(), "HX-Trigger" in answer.headers) == (
        '<span class="cell-text" title="bob@acme.example">bob@acme.example</span>',
        False,
    )


def test_the_header_and_details_bring_themselves_up_to_date(client: Client, bob: Person) -> None:
    save(client, bob, "name", value="Robert")

    header = client.get(f"/halyard/people/{bob.pk}/header/", headers=HTMX).content.decode()
    details = client.get(f"/halyard/people/{bob.pk}/attributes/", headers=HTMX).content.decode()

    assert "<h1>Robert</h1>" in header
    assert "Robert" in details and "Add job title" in details
