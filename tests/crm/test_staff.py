import re
from datetime import timedelta

import pytest

from crm import staff
from crm.edits.creating import Draft, create_record
from crm.models import Company, Member, Person
from crm.records import COMPANY
from crm.staff import read_staff
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(desk: Desk) -> Company:
    people = [f"{name} <{name.lower()}@acme.example>" for name in ("Zoe", "Bob", "Éva")]
    desk.put("ada", mail("m1", "ada@halyard.example", people, at=NOW - timedelta(days=2)))
    return Company.objects.get()


def test_the_people_of_a_company_by_name_a_page_at_a_time(
    acme: Company, ben: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "PAGE_PEOPLE", 2)

    first = read_staff(acme, member=ben, now=NOW)
    rest = read_staff(acme, member=ben, place=first.next_place, now=NOW)

    assert [one.name for one in first.people] == ["Bob", "Éva"]
    assert ([one.name for one in rest.people], rest.next_place) == (["Zoe"], "")
    shown = {column.name: value for column, value in first.people[0].cells}
    assert list(shown) == ["job_title", "last_interaction", "connection_strength", "email_addresses"]
    assert "bob@acme.example" in shown["email_addresses"] and "2 days ago" in shown["last_interaction"]


def test_the_tab_shows_them_and_how_to_add_one(acme: Company, ben: Member, signed_in: SignIn) -> None:
    page = signed_in.as_(ben).get(f"/halyard/companies/{acme.pk}/people/").content.decode()

    bob = Person.objects.get(name="Bob")
    assert "3 people" in page and f'href="/halyard/people/{bob.pk}/"' in page
    assert f"/halyard/people/creation/form/?company_id={acme.pk}" in page


def test_the_tab_is_a_table_as_any_other(acme: Company, ben: Member, signed_in: SignIn) -> None:
    page = signed_in.as_(ben).get(f"/halyard/companies/{acme.pk}/people/").content.decode()

    heads = re.findall(r'<th scope="col" class="([\w-]+)"', page)
    row = re.findall(r'<t[dh] (?:scope="row" )?class="([\w-]+)" data-attribute', page)[:5]
    assert heads == row == ["col-lead", "c-plain", "c-smart", "c-smart", "c-plain"]


def test_an_empty_tab_says_what_to_do(desk: Desk, ben: Member, signed_in: SignIn) -> None:
    made = create_record(COMPANY, Draft("New"), by=ben)

    page = signed_in.as_(ben).get(f"/halyard/companies/{made.pk}/people/").content.decode()

    assert "Nobody at New yet" in page and "Add person" in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_tab_takes_as_many_statements_for_any_number(
    desk: Desk, ben: Member, signed_in: SignIn, count: int, django_assert_num_queries: object
) -> None:
    people = [f"p{n}@acme.example" for n in range(count)]
    desk.put("ada", mail("m1", "ada@halyard.example", people))
    client, url = signed_in.as_(ben), f"/halyard/companies/{Company.objects.get().pk}/people/"
    client.get(url)

    with django_assert_num_queries(7):  # type: ignore[operator]
        client.get(url)


def test_a_place_we_did_not_make_is_a_mistake_and_people_have_no_people(
    acme: Company, ben: Member, signed_in: SignIn, dan: Member
) -> None:
    client, url = signed_in.as_(ben), f"/halyard/companies/{acme.pk}/people/"
    bob = Person.objects.get(name="Bob")

    answers = [
        client.get(url, {"after": "nonsense"}).status_code,
        client.get(f"/halyard/people/{bob.pk}/people/").status_code,
        signed_in.as_(dan).get(url).status_code,
    ]

    assert answers == [400, 404, 404]
