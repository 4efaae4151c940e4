import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.edits import editing
from crm.exporting import export_lines
from crm.importing import files, running
from crm.importing.mapping import guess
from crm.importing.tabular import read_sheet
from crm.models import (
    Address,
    AuditEvent,
    Company,
    CompanyDomain,
    ImportState,
    Member,
    Person,
    RecordImport,
    Tombstone,
)
from crm.records import COMPANY, PERSON, RecordType
from crm.workspaces import deactivate
from intelligence.verifying import differences
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

BOB, EVE = "Bob Doe <bob@acme.example>", "Eve <eve@other.example>"


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def talk(desk: Desk) -> Desk:
    desk.put("ada", mail("m1", "ada@halyard.example", BOB, at=NOW - timedelta(days=2)))
    desk.put("ada", mail("m2", "ada@halyard.example", EVE, at=NOW - timedelta(days=1)))
    return desk


def uploaded(by: Member, kind: RecordType, text: str, *, columns: list[str] | None = None) -> RecordImport:
    sheet = read_sheet(text.encode())
    job = RecordImport.objects.create(
        workspace_id=by.workspace_id,
        member=by,
        kind=kind.name,
        file_name="people.csv",
        columns=columns or guess(kind, sheet.header),
        row_count=len(sheet.lines),
    )
    files.keep(job, text.encode())
    return job


def imported(by: Member, kind: RecordType, text: str) -> RecordImport:
    job = uploaded(by, kind, text)
    running.begin(job, by=by, row_count=job.row_count)
    assert running.run(job.pk) is False
    job.refresh_from_db()
    return job


def counts(job: RecordImport) -> tuple[int, int, int, int]:
    return job.created_count, job.updated_count, job.unchanged_count, job.refused_count


def reasons(job: RecordImport) -> list[tuple[int, str]]:
    return list(job.refused.order_by("line").values_list("line", "reason"))


def right(desk: Desk) -> bool:
    return list(differences(desk.workspace.pk, now=NOW)) == []


def export(desk: Desk, kind: RecordType) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(export_lines(desk.workspace, kind, now=NOW))
    return text.getvalue()


def test_companies_are_created_updated_left_and_refused(talk: Desk, ben: Member) -> None:
    text = (
        "Company name,Website,Industry,Strength\n"
        "Acme,https://www.acme.example/about,Roofs,9\n"
        "Birch,birch.example birch.test,,\n"
        "Other,other.example,,\n"
        "Mail,gmail.com,,\n"
        ",,Nothing,\n"
    )

    job = imported(ben, COMPANY, text)

    assert (job.state, counts(job)) == (ImportState.DONE, (1, 1, 1, 2))
    assert reasons(job) == [
        (5, "Anybody can have an address at gmail.com: it belongs to no company."),
        (6, "There is neither a name nor a domain."),
    ]
    assert list(Company.objects.order_by("name").values_list("name", "industry")) == [
        ("Acme", "Roofs"),
        ("Birch", ""),
        ("Other", ""),
    ]
    assert dict(CompanyDomain.objects.values_list("domain", "company__name")) == {
        "acme.example": "Acme",
        "birch.example": "Birch",
        "birch.test": "Birch",
        "other.example": "Other",
    }
    assert right(talk)


def test_people_find_their_companies_and_their_history(talk: Desk, ben: Member) -> None:
    talk.put("ada", mail("m3", "fay@birch.example", "ada@halyard.example"))
    text = (
        "First name;Last name;E-Mail;Company;Job title\n"
        "Fay;Gold;fay@birch.example;Birch;Buyer\n"
        "Gus;Hill;gus@birch.example;birch;\n"
        "Bob;Doe;bob@acme.example;;Owner\n"
        "Ivy;Jones;ivy@other.example;;\n"
        "Ada;Byron;ada@halyard.example;;\n"
    )

    job = imported(ben, PERSON, text)

    assert counts(job) == (3, 1, 0, 1)
    assert reasons(job) == [(6, "ada@halyard.example is one of your own.")]
    working = Person.objects.order_by("name").values_list("name", "company__name", "job_title")
    assert list(working) == [
        ("Bob Doe", "Acme", "Owner"),
        ("Eve", "Other", ""),
        ("Fay Gold", "Birch", "Buyer"),
        ("Gus Hill", "Birch", ""),
        ("Ivy Jones", "Other", ""),
    ]
    counted = dict(Company.objects.values_list("name", "people_count"))
    assert counted == {"Acme": 1, "Birch": 2, "Other": 2}
    assert Person.objects.select_related("insight").get(name="Fay Gold").insight.last_at is not None
    assert right(talk)


@pytest.mark.parametrize("kind", [COMPANY, PERSON], ids=["companies", "people"])
def test_our_own_export_comes_back_unchanged(talk: Desk, ben: Member, kind: RecordType) -> None:
    record = kind.model.objects.order_by("pk").first()
    assert record is not None
    editing.rename(record, "=Sum & Co, “Ltd”", by=ben)
    text = export(talk, kind)

    job = imported(ben, kind, text)

    assert counts(job) == (0, 0, 2, 0)
    assert kind.model.objects.get(pk=record.pk).name == "=Sum & Co, “Ltd”"


def test_the_id_of_our_export_renames(talk: Desk, ben: Member) -> None:
    text = export(talk, COMPANY).replace("Acme", "Acme Roofs")

    job = imported(ben, COMPANY, text)

    assert counts(job) == (0, 1, 1, 0)
    assert sorted(Company.objects.values_list("name", flat=True)) == ["Acme Roofs", "Other"]


def test_an_id_from_elsewhere_changes_nobody(talk: Desk, ben: Member) -> None:
    acme = Company.objects.get(name="Acme")

    job = imported(ben, COMPANY, f"id,name,domains\n{acme.pk},Zebra,zebra.example\n999999,Yak,yak.example\n")

    assert counts(job) == (1, 0, 0, 1)
    assert reasons(job) == [(2, "The ID is that of Acme, who has nothing in common with this row.")]
    assert sorted(Company.objects.values_list("name", flat=True)) == ["Acme", "Other", "Yak"]


def test_rows_of_one_file_that_mean_the_same_make_one_record(desk: Desk, ben: Member) -> None:
    text = (
        "name,domains,location\nAcme,acme.example,\nAcme,,Porto\nACME Ltd,acme.example,\nBirch,,\nBIRCH,,\n"
    )

    job = imported(ben, COMPANY, text)

    assert counts(job) == (2, 2, 1, 0)
    found = Company.objects.order_by("name").values_list("name", "location")
    assert list(found) == [("ACME Ltd", "Porto"), ("Birch", "")]


def test_what_is_meant_must_be_clear(talk: Desk, ben: Member) -> None:
    Company.objects.create(workspace=talk.workspace, name="Twin", name_key="twin")
    Company.objects.create(workspace=talk.workspace, name="Twin", name_key="twin")

    companies = imported(ben, COMPANY, "name,domains\nTwin,\nBoth,acme.example other.example\n")
    people = imported(ben, PERSON, "name,company\nZoe,Twin\n")

    assert reasons(companies) == [
        (2, "There are several companies called Twin."),
        (3, "This row belongs to several companies: Acme and Other. Merge them first."),
    ]
    assert reasons(people) == [(2, "There are several companies called Twin: write the domain instead.")]


def test_what_is_refused_is_quoted_as_it_was_written(desk: Desk, ben: Member) -> None:
    companies = imported(
        ben, COMPANY, "name,domains\nBoth,acme.example www.other.example\nOdd,not a domain\n"
    )
    people = imported(ben, PERSON, "name,email\nAnn,Ann Doe at home\n")

    assert counts(companies) == (1, 0, 0, 1)
    assert reasons(companies) == [(3, "“not a domain” is not a domain.")]
    assert reasons(people) == [(2, "“Ann Doe at home” is not an email address.")]


def test_a_person_of_the_same_name_with_another_address_is_somebody_else(talk: Desk, ben: Member) -> None:
    job = imported(ben, PERSON, "name,email\nBob Doe,bob@elsewhere.test\nEve,\n")

    assert counts(job) == (1, 0, 1, 0)
    assert Person.objects.filter(name="Bob Doe").count() == 2


def test_what_somebody_deleted_may_be_imported_again(talk: Desk, ben: Member) -> None:
    editing.delete_record(Person.objects.get(name="Eve"), by=ben)

    job = imported(ben, PERSON, "name,email\nEve,eve@other.example\n")

    assert (counts(job), Tombstone.objects.count()) == ((1, 0, 0, 0), 0)
    assert Address.objects.get(email="eve@other.example").person is not None
    assert right(talk)


def test_importing_a_file_twice_changes_nothing(talk: Desk, ben: Member) -> None:
    text = "name,email,company,phone\n" + "".join(
        f"P {n},p{n}@firm{n % 7}.example,Firm {n % 7},+351 {n}\n" for n in range(40)
    )
    first = imported(ben, PERSON, text)

    again = imported(ben, PERSON, text)

    assert (counts(first), counts(again)) == ((40, 0, 0, 0), (0, 0, 40, 0))
    assert Company.objects.filter(name__startswith="Firm").count() == 7


def test_an_import_that_stopped_goes_on_where_it_was(desk: Desk, ben: Member, monkeypatch: Any) -> None:
    monkeypatch.setattr(running, "BATCH_ROWS", 2)
    monkeypatch.setattr(running, "SLICE_SECONDS", -1)
    job = uploaded(ben, COMPANY, "name\n" + "".join(f"C{n}\n" for n in range(5)))
    running.begin(job, by=ben, row_count=5)

    steps = []
    while running.run(job.pk):
        job.refresh_from_db()
        steps.append(job.done_count)
    running.run(job.pk)

    job.refresh_from_db()
    assert (steps, job.state, counts(job)) == ([2, 4, 5], ImportState.DONE, (5, 0, 0, 0))
    assert Company.objects.count() == 5


def test_the_forecast_is_what_happens_and_writes_nothing(talk: Desk, ben: Member) -> None:
    text = "name,email,company\nBob Doe,bob@acme.example,New\nZoe,zoe@new.example,New\nZoe,zoe@new.example,\nBad,x,\n"
    job = uploaded(ben, PERSON, text)
    before = (Person.objects.count(), Company.objects.count(), Address.objects.count())

    outcomes = running.foresee(job, read_sheet(text.encode()))

    assert (Person.objects.count(), Company.objects.count(), Address.objects.count()) == before
    assert [one.what for one in outcomes] == ["updated", "created", "unchanged", "refused"]
    assert counts(imported(ben, PERSON, text)) == (1, 1, 1, 1)
    assert right(talk)


@pytest.mark.parametrize("rows", [1, 3, 200])
def test_a_batch_is_as_many_statements_whatever_its_size(desk: Desk, ben: Member, rows: int) -> None:
    text = "name,email,company\n" + "".join(f"P{n},p{n}@f{n}.example,F{n}\n" for n in range(rows))
    job = uploaded(ben, PERSON, text)
    running.begin(job, by=ben, row_count=rows)

    with CaptureQueriesContext(connection) as captured:
        running.run(job.pk)

    assert len(captured) == 31


def test_the_file_goes_when_it_is_done_and_after_a_day(desk: Desk, ben: Member, tmp_path: Path) -> None:
    imported(ben, COMPANY, "name\nAcme\n")
    left = list((tmp_path / "imports").iterdir())
    uploaded(ben, COMPANY, "name\nAcme\n")
    kept = len(list((tmp_path / "imports").iterdir()))

    went = files.forget_old(now=timezone.now() + timedelta(hours=25))

    assert (left, kept, went) == ([], 1, 2)
    assert list((tmp_path / "imports").iterdir()) == []


def test_an_import_that_has_had_to_wait_is_still_carried_out(desk: Desk, ben: Member) -> None:
    job = uploaded(ben, COMPANY, "name\nAcme\n")
    running.begin(job, by=ben, row_count=1)

    assert files.forget_old(now=timezone.now() + timedelta(hours=25)) == 0

    assert running.run(job.pk) is False
    assert Company.objects.get().name == "Acme"


def test_an_import_without_its_file_or_its_member_stops_and_says_so(
    desk: Desk, ben: Member, cleo: Member
) -> None:
    jobs = [uploaded(ben, COMPANY, "name\nAcme\n") for _ in range(2)]
    for job in jobs:
        running.begin(job, by=ben, row_count=1)
    files.forget(jobs[0])
    running.run(jobs[0].pk)
    deactivate(ben, by=cleo)
    running.run(jobs[1].pk)

    for job in jobs:
        job.refresh_from_db()
    assert [(job.state, job.failure) for job in jobs] == [
        (ImportState.FAILED, files.GONE),
        (ImportState.FAILED, running.LEFT),
    ]
    assert Company.objects.count() == 0


def test_an_import_leaves_an_account_without_words(desk: Desk, ben: Member) -> None:
    job = imported(ben, COMPANY, "name\nAcme\n")

    event = AuditEvent.objects.get(action="records_imported")
    assert event.details == {"kind": "company", "record_import": job.pk, "created": 1, "updated": 0}


def test_a_row_that_is_refused_makes_no_company(talk: Desk, ben: Member) -> None:
    for _ in range(2):
        Person.objects.create(workspace=talk.workspace, name="Twin", name_key="twin")

    people = imported(ben, PERSON, "name,company\nTwin,Brand New\n")

    assert reasons(people) == [(2, "There are several people called Twin.")]
    assert not Company.objects.filter(name="Brand New").exists()


def test_a_company_that_is_called_like_its_peoples_domain_has_it(desk: Desk, ben: Member) -> None:
    text = (
        "name,email,company\nBob,bob@acme.example,Acme\nEve,eve@agency.example,Birch\n"
        "Gil,gil@gmail.com,Gmail\nHal,hal@acme.example,Acme Two\n"
    )

    imported(ben, PERSON, text)
    desk.put("ben", mail("m1", "ben@halyard.example", "carl@acme.example"))

    found = Company.objects.order_by("name").values_list("name", "domains__domain")
    assert list(found) == [("Acme", "acme.example"), ("Acme Two", None), ("Birch", None), ("Gmail", None)]
    assert set(Person.objects.filter(company__name="Acme").values_list("name", flat=True)) == {"Bob", "Carl"}


def test_a_companys_name_that_is_too_long_is_refused(desk: Desk, ben: Member) -> None:
    job = imported(ben, PERSON, f"name,email,company\nBob,bob@acme.example,{'Z' * 201}\n")

    assert reasons(job) == [(2, "The company’s name has more than 200 characters.")]
    assert not Company.objects.exists()


def test_every_row_that_is_refused_can_be_had_back(desk: Desk, ben: Member) -> None:
    text = "name,domains\n" + "".join(f"Row {n},gmail.com\n" for n in range(2_100))

    job = imported(ben, COMPANY, text)

    assert (job.refused_count, job.refused.count()) == (2_100, 2_100)
