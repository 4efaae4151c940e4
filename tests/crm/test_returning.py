"""The way back to where somebody was: as many rows as there were, the same tab, the same table."""

import re
from typing import Any

import pytest
from django.test import Client

from crm.models import Company, Deletion, Member, Person
from intelligence.models import CompanyInsight, PersonInsight
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
COMPANIES = "/halyard/companies/"


@pytest.fixture
def client(signed_in: SignIn, ada: Member) -> Client:
    return signed_in.as_(ada)


@pytest.fixture
def firms(ada: Member) -> list[Company]:
    firms = Company.objects.bulk_create(
        Company(workspace=ada.workspace, name=f"Firm {n:03}", name_key=f"firm {n:03}") for n in range(170)
    )
    CompanyInsight.objects.bulk_create(CompanyInsight(workspace=ada.workspace, company=one) for one in firms)
    return firms


def rows_of(text: str) -> list[int]:
    return [int(number) - 1 for number in re.findall(r'aria-rowindex="(\d+)"', text)]


def following(text: str) -> str:
    """The address of what comes next."""
    found = re.search(r'class="skeleton" hx-get="([^"]+)"', text)
    return found[1].replace("&amp;", "&") if found else ""


def test_several_pages_of_rows_come_at_once(client: Client, firms: list[Company]) -> None:
    first = client.get(f"{COMPANIES}?sort=name&pages=3").content.decode()
    two = client.get(f"{following(first)}&pages=2", headers=HTMX).content.decode()
    rest = client.get(following(two), headers=HTMX).content.decode()
    too_many = client.get(f"{following(first)}&pages=9999999", headers=HTMX).content.decode()
    nonsense = client.get(f"{following(first)}&pages=-2", headers=HTMX).content.decode()

    assert rows_of(first) == [*range(1, 51)]
    assert rows_of(two) == [*range(51, 151)]
    assert (rows_of(rest), following(rest)) == ([*range(151, 171)], "")
    assert rows_of(too_many) == [*range(51, 171)]
    assert rows_of(nonsense) == [*range(51, 101)]


@pytest.mark.parametrize(
    ("tab", "leads_to"), [("", ""), ("emails/", "emails/"), ("people/", "people/"), ("x/../", "")]
)
def test_the_pager_stays_on_the_tab(client: Client, firms: list[Company], tab: str, leads_to: str) -> None:
    asked = {"sort": "name", "tab": tab}
    page = client.get(f"{COMPANIES}{firms[1].pk}/neighbours/", asked).content.decode()

    links = re.findall(r'href="(/[^"]+)"', page)
    assert links == [f"{COMPANIES}{firms[n].pk}/{leads_to}" for n in (0, 2)]


def test_people_have_no_tab_of_people(client: Client, ada: Member) -> None:
    pair = Person.objects.bulk_create(Person(workspace=ada.workspace, name=x, name_key=x) for x in ("a", "b"))
    PersonInsight.objects.bulk_create(PersonInsight(workspace=ada.workspace, person=one) for one in pair)
    asked = {"sort": "name", "tab": "people/"}
    page = client.get(f"/halyard/people/{pair[0].pk}/neighbours/", asked).content.decode()

    assert re.findall(r'href="(/[^"]+)"', page) == [f"/halyard/people/{pair[1].pk}/"]


@pytest.mark.parametrize(
    ("back", "leads_to"),
    [
        (f"{COMPANIES}?view=3&sort=-name", f"{COMPANIES}?view=3&sort=-name"),
        (COMPANIES, COMPANIES),
        ("", COMPANIES),
        ("/halyard/people/?sort=name", COMPANIES),
        ("/other/companies/?sort=name", COMPANIES),
        (f"https://evil.example{COMPANIES}?sort=name", COMPANIES),
        (f"//evil.example{COMPANIES}?sort=name", COMPANIES),
        ("https://[", COMPANIES),
        (f"{COMPANIES}?sort=name\r\nX-Bad: 1", f"{COMPANIES}?sort=nameX-Bad:%201"),
    ],
)
def test_a_deletion_leads_back_to_the_table(
    client: Client, firms: list[Company], back: str, leads_to: str
) -> None:
    url = f"{COMPANIES}{firms[0].pk}/deletion/"
    answer = client.post(url, {"back": back}, headers=HTMX)

    assert answer.headers["HX-Redirect"] == leads_to


def test_what_was_deleted_in_the_table_comes_back_there(client: Client, firms: list[Company]) -> None:
    table = f"{COMPANIES}?sort=name"

    def undone(url: str, **given: Any) -> str:
        """Where it leads to undo it from the table."""
        client.post(url, given, headers=HTMX)
        page = client.get(table).content.decode()
        found = re.search(r'action="(/halyard/deletions/[^"]+)"', page)
        assert found is not None
        here = f"https://crm.example{table}"
        return client.post(found[1], headers={"Referer": here}).headers["Location"]

    from_table = undone(f"{COMPANIES}bulk/deletion/", record=[firms[0].pk])
    from_record = undone(f"{COMPANIES}{firms[0].pk}/deletion/")

    assert (from_table, from_record) == (table, f"{COMPANIES}{firms[0].pk}/")
    assert Deletion.objects.count() == 2
