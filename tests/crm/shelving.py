"""A shelf of records for the tables' tests, and how to walk through it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict

from crm.models import Address, Company, CompanyDomain, Member, Person, Workspace
from crm.naming import name_key
from crm.records import RecordType
from crm.statements import execute
from crm.tables.page import look_of, read_page, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import read_state
from crm.tables.walking import Place
from intelligence.models import CompanyInsight, PersonInsight
from tests.desk import NOW, Desk

RECORDS = 173


def fill_shelf(desk: Desk) -> None:
    members, workspace = list(desk.members.values()), desk.workspace
    companies = Company.objects.bulk_create(_company(workspace, n) for n in range(RECORDS))
    people = Person.objects.bulk_create(_person(workspace, companies, n) for n in range(RECORDS))
    CompanyDomain.objects.bulk_create(
        CompanyDomain(workspace=workspace, company=one, domain=f"d{n * 7 % 90}-{n}-{domain}.example")
        for n, one in enumerate(companies)
        for domain in range(n % 3)
    )
    Address.objects.bulk_create(
        Address(
            workspace=workspace,
            person=one,
            email=f"a{n * 7 % 90}-{n}-{address}@x.example",
            domain="x.example",
            kind="human",
        )
        for n, one in enumerate(people)
        for address in range(n % 3)
    )
    CompanyInsight.objects.bulk_create(
        CompanyInsight(workspace=workspace, company=one, **answers(n, members))
        for n, one in enumerate(companies)
    )
    PersonInsight.objects.bulk_create(
        PersonInsight(workspace=workspace, person=one, **answers(n, members)) for n, one in enumerate(people)
    )
    for table in ("crm_company", "crm_person"):
        days = "make_interval(days => (mod(id, 13))::int)"
        execute(f"UPDATE {table} SET created_at = %(now)s - {days}", now=NOW)


def _company(workspace: Workspace, n: int) -> Company:
    name = f"Ünited {n % 40}"
    return Company(
        workspace=workspace,
        name=name,
        name_key=name_key(name),
        people_count=n % 4,
        industry=("", "Rail", "law", "Rail, light")[n % 4],
        location=f"Pörto {n % 9}" if n % 2 else "",
    )


def _person(workspace: Workspace, companies: list[Company], n: int) -> Person:
    return Person(
        workspace=workspace,
        name=f"P {n % 30}",
        name_key=f"p {n % 30}",
        company=companies[n % 50] if n % 4 else None,
        job_title=("", "Head_of 100%", "Partner")[n % 3],
        phone=f"+351 {n % 17}" if n % 5 else "",
    )


def answers(n: int, members: list[Member]) -> dict[str, Any]:
    at = NOW - timedelta(days=n % 11)
    return {
        "first_email_at": at - timedelta(days=90) if n % 3 else None,
        "first_email_member": members[n // 2 % 3] if n % 3 else None,
        "last_email_at": at if n % 3 else None,
        "last_email_member": members[n // 2 % 3] if n % 3 else None,
        "first_calendar_at": at - timedelta(days=80) if n % 2 else None,
        "first_calendar_member": members[n // 2 % 3] if n % 2 else None,
        "last_calendar_at": at if n % 2 else None,
        "last_calendar_member": members[n // 2 % 3] if n % 2 else None,
        "next_calendar_at": NOW + timedelta(days=n % 7 + 1) if n % 5 == 0 else None,
        "next_calendar_member": members[n // 2 % 3] if n % 5 == 0 else None,
        "score": float(n % 13) if n % 3 else None,
        "strongest": members[n // 2 % 3] if n % 3 else None,
    }


def pages(desk: Desk, kind: RecordType, query: str) -> list[list[int]]:
    """The ids on every page, walked to the end."""
    look = look_of(desk.members["ada"], now=NOW)
    found, after, number = [], None, 0
    while True:
        state = read_state(kind, QueryDict(f"{query}&after={after.encoded()}" if after else query))
        selection = Selection.of(shown_columns(kind, state))
        rows = read_page(desk.workspace.pk, kind, state, selection=selection, look=look).rows
        found.append([row[0] for row in rows[:50]])
        if len(rows) <= 50:
            return found
        number += 50
        after = Place(rows[49][1], rows[49][0], number)


def keys(desk: Desk, kind: RecordType, name: str) -> dict[int, Any]:
    """What each record is sorted by, worked out one record at a time."""
    order = {
        member.pk: rank for rank, member in enumerate(sorted(desk.members.values(), key=lambda m: m.name))
    }
    found = {}
    for record in kind.model.objects.all():
        insight = record.insight
        found[record.pk] = {
            "name": lambda r=record: r.name_key,
            "domains": lambda r=record: min((d.domain for d in r.domains.all()), default=None),
            "people": lambda r=record: r.people_count,
            "email_addresses": lambda r=record: min((a.email for a in r.addresses.all()), default=None),
            "company": lambda r=record: r.company.name_key if r.company else None,
            **{
                field: lambda r=record, field=field: getattr(r, field).lower() or None
                for field in ("industry", "location", "job_title", "phone")
            },
            "connection_strength": lambda i=insight: i.score,
            "created": lambda r=record: r.created_at,
            "strongest_connection": lambda i=insight: order.get(i.strongest_id),
        }.get(name, lambda i=insight: getattr(i, name.replace("_interaction", "_at")))()
    return found


# What a table so large that it is sorted, walked, or looked at from near would have.
SIZES: dict[str, dict[str, float]] = {
    "sorted": {},
    "walked": {"FEW": 0},
    "near in part": {"NEAR": 70, "NEAR_OF_ROW": 70, "LOOK_COST": 0, "ROW_COST": 0, "DEAR": 0},
    "near": {"NEAR": 170, "NEAR_OF_ROW": 170, "LOOK_COST": 0, "ROW_COST": 0},
}


def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each of the ways to find a table's rows, while it is the one that is taken."""
    execute("ANALYZE crm_company, crm_person, intelligence_companyinsight, intelligence_personinsight")
    for way, sizes in SIZES.items():
        with monkeypatch.context() as patched:
            for name, size in sizes.items():
                patched.setattr(f"crm.tables.ordering.{name}", size)
            yield way
