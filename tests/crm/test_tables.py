"""The tables' order, pages and cost. Order is compared with sorting in Python, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from crm.cells import Face
from crm.models import Company, Member
from crm.records import COMPANY, PERSON, RecordType
from crm.tables.columns import columns_of
from crm.tables.page import build_table, members_of
from crm.tables.state import BadState, read_state
from intelligence.models import CompanyInsight
from tests.conftest import SignIn
from tests.crm.shelving import RECORDS, keys, pages, ways
from tests.desk import NOW, Desk, mail, meeting

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, column.name)
        for kind in (COMPANY, PERSON)
        for column in columns_of(kind.name).values()
        if column.walk
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_column_sorts_both_ways_with_gaps_last(
    shelf: Desk, kind: RecordType, name: str, sign: str
) -> None:
    by_key = keys(shelf, kind, name)
    with_key = [pk for pk in by_key if by_key[pk] is not None]
    without = [pk for pk in by_key if by_key[pk] is None]
    # Equal keys follow the id, in the same direction; those of one member's likewise.
    wanted = sorted(with_key, key=lambda pk: (by_key[pk], pk), reverse=bool(sign))
    wanted += sorted(without, reverse=bool(sign))

    found = pages(shelf, kind, f"sort={sign}{name}")

    assert [pk for page in found for pk in page] == wanted
    assert [len(page) for page in found] == [50, 50, 50, RECORDS - 150]


# By what is asked: the table's own rows, their insight, both, and what belongs to them.
NARROWED: dict[str, Callable[[Company, CompanyInsight], Any]] = {
    "filter=people:at_most:1": lambda r, i: r.people_count <= 1,
    "filter=last_email_interaction:more_than_days_ago:4&filter=connection_strength:is:Very weak": lambda r, i: (
        i.last_email_at and i.last_email_at < NOW - timedelta(days=4) and i.score is not None
    ),
    "filter=name:contains:united&filter=last_interaction:is_not_empty:": lambda r, i: (
        "united" in r.name_key and i.last_at
    ),
    "filter=domains:is_not_empty:&filter=last_interaction:is_not_empty:": lambda r, i: (
        r.domains.exists() and i.last_at
    ),
}


SORTS = [f"{sign}{c.name}" for c in columns_of(COMPANY.name).values() if c.walk for sign in ("", "-")]


@pytest.mark.parametrize(("number", "sort"), enumerate(SORTS), ids=SORTS)
def test_filters_narrow_every_walk_and_what_is_left_is_sorted(
    shelf: Desk, number: int, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_key = keys(shelf, COMPANY, sort.removeprefix("-"))
    insights = {one.company_id: one for one in CompanyInsight.objects.all()}
    # Every two sorts, which are one column's, meet them all.
    for query, is_met in list(NARROWED.items())[number % 2 :: 2]:
        meets = [one.pk for one in Company.objects.all() if is_met(one, insights[one.pk])]
        keyed = [pk for pk in meets if by_key[pk] is not None]
        is_descending = sort.startswith("-")
        wanted = sorted(keyed, key=lambda pk: (by_key[pk], pk), reverse=is_descending)
        wanted += sorted((pk for pk in meets if by_key[pk] is None), reverse=is_descending)

        assert 50 < len(wanted) < RECORDS
        for way in ways(monkeypatch):
            found = pages(shelf, COMPANY, f"sort={sort}&{query}")
            assert [pk for page in found for pk in page] == wanted, (query, way)


@pytest.mark.parametrize(
    "query",
    ["sort=subject", "sort=name_key", "sort=description", "after=x", "after=W10", "filter=subject:is:x", "filter=last_interaction:is:x",
     "filter=connection_strength:is:Superb", "filter=last_interaction:before:yesterday", "filter=x"],
)  # fmt: skip
def test_what_does_not_exist_is_refused(query: str) -> None:
    with pytest.raises(BadState):
        read_state(COMPANY, QueryDict(query))


def test_a_table_is_one_statement_with_three_records_or_many(shelf: Desk, ada: Member) -> None:
    counts = []
    for keep in (RECORDS, 3, 1, 0):
        Company.objects.exclude(pk__in=list(Company.objects.values_list("pk", flat=True)[:keep])).delete()
        with CaptureQueriesContext(connection) as captured:
            table = build_table(ada, COMPANY, read_state(COMPANY, QueryDict("")), now=NOW)
        counts.append((len(table.rows), table.count.number, len(captured)))

    assert counts == [(50, RECORDS, 2), (3, 3, 2), (1, 1, 2), (0, 0, 2)]


@pytest.mark.parametrize(
    "path", ["companies/", "people/", "companies/?sort=name", "people/?sort=-strongest_connection"]
)
def test_a_table_page_is_four_queries(shelf: Desk, signed_in: SignIn, path: str) -> None:
    browser = signed_in.as_(shelf.members["ben"])
    browser.get("/halyard/people/")  # the session is read from the database once

    with time_machine.travel(NOW, tick=False), CaptureQueriesContext(connection) as captured:
        response = browser.get(f"/halyard/{path}")

    assert response.status_code == 200
    assert [query["sql"].split()[0] for query in captured] == ["SELECT", "SELECT", "SELECT", "WITH"]


def test_an_event_that_has_started_since_the_sweep_is_shown_as_last(desk: Desk) -> None:
    desk.workspace.enhanced_creation = False
    desk.workspace.save()
    desk.schedule(
        "ada",
        meeting(
            "u1",
            "bob@acme.example",
            {"bob@acme.example": "accepted", "ada@halyard.example": "accepted"},
            at=NOW + timedelta(hours=1),
        ),
    )
    later = NOW + timedelta(hours=2)

    state = read_state(PERSON, QueryDict(""))
    before, after = (build_table(desk.members["ada"], PERSON, state, now=now) for now in (NOW, later))

    def filled(html: str) -> set[str]:
        cells = html.split("<td")[1:]
        return {cell.split('data-attribute="')[1].split('"')[0] for cell in cells if "<time" in cell}

    assert filled(before.rows[0].html) == {"next_calendar_interaction"}
    assert filled(after.rows[0].html) == {
        "first_interaction", "last_interaction", "first_calendar_interaction", "last_calendar_interaction",
    }  # fmt: skip


def test_columns_are_shown_and_hidden_for_one_member_alone(shelf: Desk, signed_in: SignIn) -> None:
    ben, cleo = signed_in.as_(shelf.members["ben"]), signed_in.as_(shelf.members["cleo"])

    hidden = ben.post("/halyard/companies/columns/", {"column": "domains", "shown": "0"})
    refused = ben.post("/halyard/companies/columns/", {"column": "subject", "shown": "1"})

    assert (hidden.status_code, refused.status_code) == (302, 400)
    assert 'data-attribute="domains"' not in ben.get("/halyard/companies/").content.decode()
    assert 'data-attribute="domains"' in cleo.get("/halyard/companies/").content.decode()
    ben.post("/halyard/companies/columns/", {"column": "domains", "shown": "1"})
    assert 'data-attribute="domains"' in ben.get("/halyard/companies/").content.decode()


def test_another_workspace_does_not_exist(desk: Desk, dan: Member, signed_in: SignIn) -> None:
    desk.put("ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>"))
    company = Company.objects.get(name="Acme")
    browser = signed_in.as_(dan)

    statuses = {
        path: browser.get(path).status_code
        for path in ("/halyard/companies/", "/halyard/people/", f"/halyard/companies/{company.pk}/",
                     f"/elsewhere/companies/{company.pk}/", "/halyard/companies/export.csv", "/elsewhere/companies/")
    }  # fmt: skip

    assert statuses == {
        "/halyard/companies/": 404,
        "/halyard/people/": 404,
        f"/halyard/companies/{company.pk}/": 404,
        f"/elsewhere/companies/{company.pk}/": 404,
        "/halyard/companies/export.csv": 404,
        "/elsewhere/companies/": 200,
    }


def test_a_deactivated_member_and_a_visitor_see_nothing(
    desk: Desk, ben: Member, signed_in: SignIn, client: Any
) -> None:
    browser = signed_in.as_(ben)
    ben.is_active = False
    ben.save()

    assert browser.get("/halyard/companies/").status_code == 404
    visitor = client.get("/halyard/companies/")
    assert (visitor.status_code, visitor.url) == (302, "/accounts/login/?next=/halyard/companies/")


def test_faces_are_in_the_order_of_names(desk: Desk) -> None:
    assert [face.name for face in members_of(desk.workspace.pk).values()] == ["Ada", "Ben", "Cleo"]
    assert isinstance(next(iter(members_of(desk.workspace.pk).values())), Face)
