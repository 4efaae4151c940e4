"""What somebody has deleted or changed lately, and takes back when the toast is gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.edits.bulk import move_all, write_all
from crm.edits.deleting import delete_records
from crm.edits.recent import recent
from crm.models import Company, Deletion, Member, Person
from crm.naming import name_key
from crm.plain import plain_attribute
from crm.records import COMPANY, PERSON
from tests.conftest import SignIn
from tests.desk import Desk

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def people(desk: Desk) -> list[int]:
    names = ("Ann", "Bo", "Cy", "Di", "Eve")
    made = [Person(workspace=desk.workspace, name=name, name_key=name_key(name)) for name in names]
    return [one.pk for one in Person.objects.bulk_create(made)]


def test_the_list_is_in_words_and_each_of_it_is_taken_back(
    desk: Desk, people: list[int], ada: Member, ben: Member, signed_in: SignIn
) -> None:
    acme = Company.objects.create(workspace=desk.workspace, name="Acme", name_key="acme")
    title = plain_attribute("person", "job_title")
    assert title
    write_all(PERSON, people[:2], title, "Roofer", by=ada)
    move_all(people[:1], acme, by=ada)
    delete_records(PERSON, people, workspace_id=desk.workspace.pk, by=ada)
    delete_records(COMPANY, [acme.pk], workspace_id=desk.workspace.pk, by=ada)
    browser = signed_in.as_(ada)

    found = recent(ada, now=timezone.now())

    assert [one.words for one in found] == [
        "Deleted Acme",
        "Deleted Ann, Bo, Cy and 2 more people",
        "Moved 1 person to a company that is gone",
        "Job title of 2 people changed",
    ]
    assert recent(ben, now=timezone.now()) == []
    for path in ("/halyard/deletions/", "/halyard/search/?q=restore"):
        assert "Undo" in browser.get(path, headers=HTMX).content.decode()
    browser.post(f"/halyard/{found[1].path}")
    assert Person.objects.filter(pk__in=people).count() == 5
    assert [one.words for one in recent(ada, now=timezone.now())][0:2] == ["Deleted Acme", found[2].words]


def test_after_an_hour_there_is_nothing_to_take_back(
    desk: Desk, people: list[int], ada: Member, signed_in: SignIn
) -> None:
    delete_records(PERSON, people, workspace_id=desk.workspace.pk, by=ada)

    Deletion.objects.update(created_at=timezone.now() - timedelta(minutes=61))

    page = signed_in.as_(ada).get("/halyard/deletions/").content.decode()

    assert "There is nothing to take back" in page
