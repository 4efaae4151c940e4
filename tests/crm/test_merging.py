from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from crm.edits.changing import CannotEdit
from crm.edits.merging import candidates, merge, preview
from crm.models import AccessLevel, AuditEvent, Company, Member, Person, Star
from intelligence.verifying import differences
from mailboxes.models import AccessGrant, GrantCoverage
from mailboxes.sharing.granting import EVERYBODY, record_target, set_access
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail, meeting

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def talk(desk: Desk) -> Desk:
    """Bob at Acme twice, once privately; Eve at Other."""
    known = ("Bob Doe <bob@acme.example>", "Bob Doe <bob.doe@gmail.com>", "Eve <eve@other.example>")
    for number, who in enumerate(known):
        desk.put("ada", mail(f"m{number}", "ada@halyard.example", who, at=NOW - timedelta(days=number + 1)))
    lunch = {"ada@halyard.example": "accepted", "eve@other.example": "accepted"}
    desk.schedule("ada", meeting("lunch", "eve@other.example", lunch, at=NOW - timedelta(days=9)))
    return desk


@pytest.fixture
def client(signed_in: SignIn, ben: Member) -> Client:
    return signed_in.as_(ben)


def company(name: str) -> Company:
    return Company.objects.get(name=name)


def person(email: str) -> Person:
    return Person.objects.get(addresses__email=email)


def test_what_is_empty_is_filled_and_stars_go_along(talk: Desk, ben: Member, cleo: Member) -> None:
    gone, kept = person("bob.doe@gmail.com"), person("bob@acme.example")
    Person.objects.filter(pk=gone.pk).update(phone="+351 1", job_title="Buyer")
    Person.objects.filter(pk=kept.pk).update(job_title="Owner")
    for member, record in ((ben, gone), (ben, kept), (cleo, gone)):
        Star.objects.create(workspace=talk.workspace, member=member, person=record)

    merge(person("bob.doe@gmail.com"), person("bob@acme.example"), by=ben, name="Robert Doe")

    bob = person("bob.doe@gmail.com")
    assert (bob.pk, bob.name, bob.phone, bob.job_title) == (kept.pk, "Robert Doe", "+351 1", "Owner")
    assert sorted(Star.objects.values_list("member", "person")) == sorted(
        [(ben.pk, kept.pk), (cleo.pk, kept.pk)]
    )
    assert list(differences(talk.workspace.pk, now=NOW)) == []
    event = AuditEvent.objects.get(action="records_merged")
    assert event.details == {"kind": "person", "record": gone.pk, "into": kept.pk}


def test_a_merge_widens_nobodys_sharing(talk: Desk, ada: Member, ben: Member) -> None:
    set_access(record_target(company("Other")), {EVERYBODY: AccessLevel.FULL}, by=ada)

    merge(company("Other"), company("Acme"), by=ben)

    assert AccessGrant.objects.values_list("company", flat=True).get() == company("Acme").pk
    assert list(GrantCoverage.objects.values_list("domain", flat=True)) == ["other.example"]


def test_a_preview_tells_the_numbers(talk: Desk) -> None:
    Company.objects.filter(name="Other").update(industry="Roofs", location="Porto", description="Same")
    Company.objects.filter(name="Acme").update(location="Lisbon", description="Same")

    told = preview(company("Other"), company("Acme"))

    assert told.moves == ["1 domain", "1 person", "1 email", "1 meeting"]
    assert (told.fills, told.loses) == (["Industry"], ["Location"])


def test_others_are_found_by_name_domain_and_address(talk: Desk) -> None:
    bob = person("bob@acme.example")

    found = [[one.name for one in candidates(bob, text)] for text in ("", "éve", "OTHER.example", "nobody")]

    assert found == [["Bob Doe"], ["Eve"], ["Eve"], []]


def test_what_cannot_be_merged_is_refused(talk: Desk, ben: Member, dan: Member) -> None:
    acme, eve = company("Acme"), person("eve@other.example")
    theirs = Company.objects.create(workspace=dan.workspace, name="Theirs", name_key="theirs")
    gone = Company(pk=999_999, workspace=talk.workspace, name="Gone")

    for record, into, by, error in (
        (acme, acme, ben, CannotEdit),
        (gone, acme, ben, CannotEdit),
        (acme, eve, ben, PermissionDenied),
        (acme, theirs, ben, PermissionDenied),
        (acme, company("Other"), dan, PermissionDenied),
    ):
        with pytest.raises(error):
            merge(record, into, by=by)

    assert Company.objects.filter(workspace=talk.workspace).count() == 2


# Pages


def test_one_finds_sees_and_confirms(client: Client, talk: Desk) -> None:
    acme, other = company("Acme"), company("Other")
    base = f"/halyard/companies/{acme.pk}/merging/"

    found = client.get(
        f"{base}form/", {"q": "oth"}, headers=HTMX | {"HX-Target": "merge-found"}
    ).content.decode()
    shown = client.get(f"{base}preview/", {"with": other.pk}, headers=HTMX).content.decode()
    answer = client.post(base, {"with": other.pk, "name": "other"}, headers=HTMX)

    assert f"preview/?with={other.pk}" in found and "<form" not in found
    assert "1 domain, 1 person, 1 email, 1 meeting of Other become part of Acme" in shown
    assert answer.headers["HX-Redirect"] == f"/halyard/companies/{acme.pk}/"
    assert list(Company.objects.values_list("pk", "name")) == [(acme.pk, "Other")]


@pytest.mark.parametrize("sought", ["", "x", "999999", "self", "theirs", "9" * 30])
def test_a_record_that_is_not_there_is_nothing_to_merge_with(
    client: Client, talk: Desk, dan: Member, sought: str
) -> None:
    acme = company("Acme")
    theirs = Company.objects.create(workspace=dan.workspace, name="Theirs", name_key="theirs")
    value: Any = {"self": acme.pk, "theirs": theirs.pk}.get(sought, sought)

    assert client.post(f"/halyard/companies/{acme.pk}/merging/", {"with": value}).status_code == 400
    assert Company.objects.count() == 3


def test_others_do_not_merge(signed_in: SignIn, talk: Desk, dan: Member) -> None:
    acme, other = company("Acme"), company("Other")

    for slug in ("halyard", "elsewhere"):
        url = f"/{slug}/companies/{acme.pk}/merging/"
        assert signed_in.as_(dan).post(url, {"with": other.pk}).status_code == 404


def test_the_address_of_what_was_merged_leads_to_what_it_became(
    talk: Desk, ben: Member, client: Client
) -> None:
    gone, kept, last = person("bob.doe@gmail.com"), person("bob@acme.example"), person("eve@other.example")
    first, second = gone.pk, kept.pk
    merge(gone, kept, by=ben)
    merge(kept, last, by=ben)

    for pk in (first, second):
        answer = client.get(f"/halyard/people/{pk}/emails/?show=locked")
        assert (answer.status_code, answer["Location"]) == (
            302,
            f"/halyard/people/{last.pk}/emails/?show=locked",
        )
    assert client.get(f"/halyard/people/{last.pk + 999}/").status_code == 404
    assert client.post(f"/halyard/people/{first}/deletion/").status_code == 404
    assert client.get(f"/halyard/people/{first}/attributes/name/", headers=HTMX).status_code == 404
    assert client.get(f"/halyard/people/00{first}/").status_code == 404
