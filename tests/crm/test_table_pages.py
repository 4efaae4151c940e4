"""What stands under a table, what changes in it, which records are beside one, and its export."""

import base64
import csv
import html
import io
import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from crm.exporting import export_view
from crm.models import Company, Member
from crm.records import COMPANY, PERSON, RecordType
from crm.tables.changes import read_changes, rows_moved
from crm.tables.columns import columns_of
from crm.tables.footer import calculate
from crm.tables.neighbours import neighbours
from crm.tables.page import look_of, shown_columns
from crm.tables.state import read_state
from intelligence.models import CompanyInsight
from intelligence.strength import GRADES, grade
from tests.conftest import SignIn
from tests.crm.shelving import RECORDS, pages
from tests.desk import NOW, Desk

pytestmark = pytest.mark.django_db

FILTERED = "filter=people:at_least:2&filter=last_interaction:within_days:5"


def walked(desk: Desk, kind: RecordType, query: str) -> list[int]:
    return [pk for page in pages(desk, kind, query) for pk in page]


# What stands under it


def calculated(desk: Desk, query: str, **wanted: str) -> tuple[int, int, dict[str, str]]:
    ada = desk.members["ada"]
    state = read_state(COMPANY, QueryDict(query))
    with CaptureQueriesContext(connection) as captured:
        count, total, found = calculate(
            ada.workspace_id,
            COMPANY,
            state,
            columns=shown_columns(COMPANY, state),
            look=look_of(ada, now=NOW),
            wanted=wanted,
        )
    assert len(captured) == 2  # the members, and everything else
    return count, total, {one.column.name: str(one.words) for one in found}


def test_calculations_are_over_all_rows_that_match(shelf: Desk) -> None:
    ids = walked(shelf, COMPANY, f"sort=name&{FILTERED}")
    insights = list(CompanyInsight.objects.filter(company__in=ids))
    companies = list(Company.objects.filter(pk__in=ids))
    grades = [sum(grade(one.score, NOW.date()) == each for one in insights) for each in GRADES]

    count, total, words = calculated(shelf, FILTERED)

    assert (count, total) == (len(ids), RECORDS)
    assert words["people"] == f"{sum(one.people_count for one in companies)} people"
    assert words["domains"] == f"{sum(one.domains.exists() for one in companies)} filled"
    assert (
        words["next_calendar_interaction"]
        == f"{sum(one.next_calendar_at is not None for one in insights)} scheduled"
    )
    assert words["strongest_connection"] == f"{len({one.strongest_id for one in insights} - {None})} members"
    assert words["connection_strength"].count("<i ") == sum(1 for one in grades if one)
    assert f'aria-label="{grades[0]} very strong, {grades[1]} strong' in words["connection_strength"]
    latest = max(one.last_at for one in insights if one.last_at)
    assert words["last_interaction"] == f"Latest {'just now' if latest == NOW else 'yesterday'}"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_under_a_column_a_date_is_a_date(shelf: Desk, zone: str) -> None:
    day = NOW.replace(hour=0, minute=0) + timedelta(days=40)
    one = CompanyInsight.objects.filter(next_calendar_at=None)[0]
    CompanyInsight.objects.exclude(pk=one.pk).update(next_calendar_at=None)
    CompanyInsight.objects.filter(pk=one.pk).update(next_calendar_at=day, next_calendar_all_day=True)

    with timezone.override(ZoneInfo(zone)):
        _, _, words = calculated(shelf, "", next_calendar_interaction="earliest")

    assert words["next_calendar_interaction"] == f"Soonest {day.day} {day:%b}"


def test_another_calculation_can_be_chosen(shelf: Desk) -> None:
    insights = list(CompanyInsight.objects.all())
    empty = sum(one.last_email_at is None for one in insights)
    earliest = min(one.last_at for one in insights if one.last_at)

    count, total, words = calculated(
        shelf, "", last_email_interaction="filled", last_interaction="earliest", people="nonsense"
    )

    assert (count, total) == (RECORDS, RECORDS)
    assert words["last_email_interaction"] == f"{RECORDS - empty} filled"
    assert words["last_interaction"] == f"Earliest {earliest:%b %Y}"
    assert words["people"].endswith(" people")


def test_an_empty_table_has_nothing_under_it(shelf: Desk) -> None:
    count, total, words = calculated(shelf, "filter=name:is:nobody")

    assert (count, total) == (0, RECORDS)
    assert (words["last_interaction"], words["connection_strength"]) == ("", "")
    assert (words["people"], words["domains"]) == ("0 people", "0 filled")


# What changes in it


@given(
    st.lists(st.integers(0, 9), unique=True, max_size=8),
    st.lists(st.integers(0, 12), unique=True, max_size=8),
)
def test_rows_moved_is_the_fewest_that_have_to_be_put_elsewhere(shown: list[int], fresh: list[int]) -> None:
    def longest_kept() -> int:
        best = 0
        for chosen in range(1 << len(fresh)):
            kept = [pk for place, pk in enumerate(fresh) if chosen >> place & 1]
            if len(kept) > best and [pk for pk in shown if pk in kept] == kept:
                best = len(kept)
        return best

    assert rows_moved(shown, fresh) == max(len(shown), len(fresh)) - longest_kept()


def test_changes_are_fresh_rows_where_they_stand_and_how_many_would_move(shelf: Desk, ada: Member) -> None:
    state = read_state(COMPANY, QueryDict("sort=-last_interaction"))
    shown = walked(shelf, COMPANY, "sort=-last_interaction")[:50]
    risen, renamed, elsewhere = shown[40], shown[3], walked(shelf, COMPANY, "sort=-last_interaction")[120]
    CompanyInsight.objects.filter(company=risen).update(last_email_at=NOW, last_email_member=ada)
    Company.objects.filter(pk=renamed).update(name="Renamed")

    with CaptureQueriesContext(connection) as captured:
        changes = read_changes(ada, COMPANY, state, shown=shown, changed=[renamed, risen, elsewhere], now=NOW)

    assert [row.pk for row in changes.rows] == [renamed, risen]
    assert "Renamed" in changes.rows[0].html
    assert f'aria-rowindex="{4 + 1}"' in changes.rows[0].html
    assert changes.moved == 1
    assert len(captured) == 3


def test_a_row_from_elsewhere_that_belongs_among_them_counts_as_moved(shelf: Desk, ada: Member) -> None:
    every = walked(shelf, COMPANY, "sort=-last_interaction")
    CompanyInsight.objects.filter(company=every[100]).update(last_email_at=NOW, last_email_member=ada)

    state = read_state(COMPANY, QueryDict("sort=-last_interaction"))
    changes = read_changes(ada, COMPANY, state, shown=every[:50], changed=[every[100]], now=NOW)

    assert (changes.rows, changes.moved) == ([], 1)


def test_changes_of_another_workspace_are_none(shelf: Desk, dan: Member) -> None:
    shown = walked(shelf, COMPANY, "sort=name")[:3]

    changes = read_changes(
        dan, COMPANY, read_state(COMPANY, QueryDict("")), shown=shown, changed=shown, now=NOW
    )

    assert (changes.rows, changes.moved) == ([], 3)  # none of them is in this table


# Which are beside one


@pytest.mark.parametrize("kind", [COMPANY, PERSON], ids=["companies", "people"])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    "query",
    ["sort={}last_interaction", "sort={}strongest_connection", "sort={}name",
     "sort={}next_calendar_interaction&filter=last_email_interaction:is_not_empty:"],
)  # fmt: skip
def test_neighbours_are_those_in_the_table(
    shelf: Desk, ada: Member, kind: RecordType, sign: str, query: str
) -> None:
    query = query.format(sign)
    every = walked(shelf, kind, query)
    state, look = read_state(kind, QueryDict(query)), look_of(ada, now=NOW)
    places = [*range(0, len(every), 9), len(every) - 1]

    found = {at: neighbours(ada, kind, state, every[at], look) for at in places}

    wanted = {
        at: (every[at - 1] if at else None, every[at + 1] if at + 1 < len(every) else None, len(every))
        for at in places
    }
    assert {at: one and (one.before, one.after, one.count.number) for at, one in found.items()} == wanted


def test_a_record_that_the_table_does_not_hold_has_no_neighbours(shelf: Desk, ada: Member) -> None:
    state = read_state(COMPANY, QueryDict("filter=people:at_least:2"))
    outside = Company.objects.filter(people_count=0).first()

    assert outside is not None
    assert neighbours(ada, COMPANY, state, outside.pk, look_of(ada, now=NOW)) is None


# Its export


def test_a_view_is_exported_as_it_is_shown(shelf: Desk, ada: Member) -> None:
    query = f"sort=-last_interaction&{FILTERED}&columns=industry,connection_strength,domains"
    state = read_state(COMPANY, QueryDict(query))

    header, *lines = list(export_view(ada, COMPANY, state, now=NOW))

    assert header == ["id", "name", "industry", "connection_strength", "connection_score", "domains"]
    assert [int(line[0]) for line in lines] == walked(shelf, COMPANY, query)
    assert len(lines) > 10


def test_an_export_without_wishes_keeps_its_columns(shelf: Desk, signed_in: SignIn) -> None:
    Company.objects.filter(name_key="united 3").update(industry="=1+1")
    browser = signed_in.as_(shelf.members["ada"])

    everything = read_csv(browser.get("/halyard/companies/export.csv"))
    view = read_csv(
        browser.get("/halyard/companies/export.csv?sort=name&filter=name:is:united 3&columns=industry")
    )

    assert everything[0][:3] == ["id", "name", "domains"]
    assert not {"industry", "location", "description"} & set(everything[0])
    assert len(everything) == RECORDS + 1
    assert {tuple(line[1:]) for line in view[1:]} == {("Ünited 3", "'=1+1")}
    assert browser.get("/halyard/companies/export.csv?sort=nothing").status_code == 400


@pytest.mark.parametrize("plural", ["companies", "people"])
def test_an_export_stands_by_id_unless_somebody_sorts(shelf: Desk, signed_in: SignIn, plural: str) -> None:
    browser = signed_in.as_(shelf.members["ada"])

    header, *lines = read_csv(browser.get(f"/halyard/{plural}/export.csv"))
    narrow, *few = read_csv(browser.get(f"/halyard/{plural}/export.csv?filter=name:contains:1"))

    assert header == narrow
    assert len(lines) > len(few) > 10
    for found in (lines, few):
        ids = [int(line[0]) for line in found]
        assert ids == sorted(ids)


@pytest.mark.parametrize("plural", ["companies", "people"])
def test_a_later_page_says_how_many_there_are(shelf: Desk, signed_in: SignIn, plural: str) -> None:
    browser = signed_in.as_(shelf.members["ada"])
    first = browser.get(f"/halyard/{plural}/?sort=name").text
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', first)
    assert more

    later = browser.get(html.unescape(more[1])).text

    counts = [re.findall(r'id="record-count"[^>]*>([^<]+)<', page) for page in (first, later)]
    assert counts == [[str(RECORDS)]] * 2


FORGED = (
    "abc", "", "\0", "\ud800", "2026-01-01T00:00:00+00:00", "2026-01-01", 1, -1, 1.5, 2**40, 2**70, 10**400, True, None, [], {},
    float("inf"), float("nan"),
)  # fmt: skip


@pytest.mark.parametrize("plural", ["companies", "people"])
def test_a_place_that_somebody_made_up_is_answered(shelf: Desk, signed_in: SignIn, plural: str) -> None:
    """Whatever its key is: a page, or that there is no such place."""
    browser = signed_in.as_(shelf.members["ada"])
    kind = {"companies": "company", "people": "person"}[plural]
    answers = Counter[int]()
    for name, column in columns_of(kind).items():
        for key in FORGED if column.walk else ():
            place = base64.urlsafe_b64encode(json.dumps([key, 1, 1]).encode()).decode()
            answers[browser.get(f"/halyard/{plural}/?sort={name}&after={place}").status_code] += 1

    assert set(answers) == {200, 400}
    deep = base64.urlsafe_b64encode(b"[" * 5000).decode()
    assert browser.get(f"/halyard/{plural}/?sort=name&after={deep}").status_code == 400


@pytest.mark.parametrize("digit", ["²", "٣", "1" * 30])
def test_a_digit_that_is_none_is_no_number(shelf: Desk, signed_in: SignIn, digit: str) -> None:
    browser = signed_in.as_(shelf.members["ada"])

    for asked in ("last_interaction:within_days", "people:at_least", "strongest_connection:is"):
        assert browser.get("/halyard/companies/", {"filter": f"{asked}:{digit}"}).status_code == 400


def test_an_arranged_table_is_exported_with_every_column_it_shows(
    shelf: Desk, ada: Member, signed_in: SignIn
) -> None:
    browser = signed_in.as_(ada)

    arranged = read_csv(browser.get("/halyard/companies/export.csv?sort=-people&columns=people,industry"))
    usual = read_csv(browser.get("/halyard/companies/export.csv"))

    assert arranged[0] == ["id", "name", "people", "industry"]
    people = [int(line[2]) for line in arranged[1:]]
    assert people == sorted(people, reverse=True)
    assert "people" not in usual[0], "the columns of the usual file never change"


def read_csv(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_every_column_but_the_name_can_be_calculated_or_has_a_reason(shelf: Desk) -> None:
    without = {
        (kind, column.name)
        for kind in ("company", "person")
        for column in columns_of(kind).values()
        if not column.calculations
    }

    assert without == {("company", "name"), ("person", "name")}
