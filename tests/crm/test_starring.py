import pytest
from django.core.exceptions import PermissionDenied

from crm import starring
from crm.edits.changing import CannotEdit
from crm.models import Company, Member, Person, Star
from crm.starring import favourites, is_starred, toggle
from tests.conftest import SignIn
from tests.desk import Desk

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(desk: Desk) -> Company:
    return Company.objects.create(workspace=desk.workspace, name="Acme", name_key="acme")


def test_a_star_comes_and_goes_for_oneself_alone(acme: Company, ben: Member, ada: Member) -> None:
    bob = Person.objects.create(workspace=acme.workspace, name="Bob", name_key="bob")

    steps = [toggle(acme, by=ben), toggle(bob, by=ben), toggle(bob, by=ben), toggle(bob, by=ben)]

    assert steps == [True, True, False, True]
    assert [(one.kind, one.name, one.url) for one in favourites(ben)] == [
        ("company", "Acme", f"/halyard/companies/{acme.pk}/"),
        ("person", "Bob", f"/halyard/people/{bob.pk}/"),
    ]
    assert (is_starred(ben, bob), is_starred(ada, bob)) == (True, False)


def test_favourites_have_an_end(acme: Company, ben: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starring, "MOST_STARS", 1)
    other = Company.objects.create(workspace=acme.workspace, name="Other", name_key="other")
    toggle(acme, by=ben)

    with pytest.raises(CannotEdit, match="Take one away first"):
        toggle(other, by=ben)
    assert toggle(acme, by=ben) is False


def test_nobody_stars_what_is_not_his(acme: Company, ben: Member, dan: Member, signed_in: SignIn) -> None:
    with pytest.raises(PermissionDenied):
        toggle(acme, by=dan)
    ben.is_active = False
    with pytest.raises(PermissionDenied):
        toggle(acme, by=ben)

    assert signed_in.as_(dan).post(f"/halyard/companies/{acme.pk}/star/").status_code == 404
    assert Star.objects.count() == 0


def test_the_sidebar_and_the_button_follow(acme: Company, ben: Member, signed_in: SignIn) -> None:
    client = signed_in.as_(ben)

    button = client.post(f"/halyard/companies/{acme.pk}/star/", headers=HTMX)
    sidebar = client.get("/halyard/favourites/", headers=HTMX).content.decode()
    again = client.post(f"/halyard/companies/{acme.pk}/star/")

    assert 'aria-pressed="true"' in button.content.decode()
    assert button.headers["HX-Trigger"] == '{"favourites-changed": {}}'
    assert f'href="/halyard/companies/{acme.pk}/"' in sidebar
    assert (again.status_code, Star.objects.count()) == (302, 0)


@pytest.mark.parametrize("count", [1, 3])
def test_favourites_cost_a_page_no_statement(
    acme: Company, ben: Member, signed_in: SignIn, count: int, django_assert_num_queries: object
) -> None:
    client = signed_in.as_(ben)
    for number in range(count):
        record = Company.objects.create(workspace=acme.workspace, name=f"C{number}", name_key=f"c{number}")
        toggle(record, by=ben)
    client.get("/halyard/favourites/", headers=HTMX)

    with django_assert_num_queries(2):  # type: ignore[operator]
        client.get("/halyard/favourites/", headers=HTMX)
