"""Every condition there is, against asking one record at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Company, Person
from crm.records import COMPANY, PERSON, RECORD_TYPES
from crm.statements import execute, expected, fetch
from crm.tables.filters import Asked, BadFilter, filterable, make_filter, narrowed, parse_filter
from crm.tables.page import look_of, read_page, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import BadState, read_state
from intelligence.models import CompanyConnection, CompanyInsight
from intelligence.strength import GRADES, grade
from tests.conftest import SignIn
from tests.crm.shelving import pages, ways
from tests.desk import NOW, Desk

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
Meets = Callable[[Any, Any], bool]


def with_of(insight: Any, end: str) -> int | None:
    """With whom the first or last interaction was; at equal instants the meeting's."""
    calendar, email = (getattr(insight, f"{end}_{kind}_at") for kind in ("calendar", "email"))
    at = getattr(insight, f"{end}_at")
    kind = "calendar" if calendar is not None and calendar == at else "email"
    return getattr(insight, f"{end}_{kind}_member_id") if calendar or email else None


def word_of(insight: Any) -> str:
    found = grade(insight.score, NOW.date())
    return found.word if found else ""


BEFORE = NOW - timedelta(days=4)
DAY = (NOW - timedelta(days=3)).date()

COMPANIES: dict[str, Meets] = {
    "name:contains:united 1": lambda r, i: "united 1" in r.name_key,
    "name:contains:ÜNITED 12,united 3": lambda r, i: "united 12" in r.name_key or "united 3" in r.name_key,
    "name:is:Ünited 7,united 8": lambda r, i: r.name_key in {"united 7", "united 8"},
    "name:does_not_contain:1": lambda r, i: "1" not in r.name_key,
    "domains:contains:d7": lambda r, i: any("d7" in d.domain for d in r.domains.all()),
    "domains:does_not_contain:d7": lambda r, i: not any("d7" in d.domain for d in r.domains.all()),
    "domains:is_empty:": lambda r, i: not r.domains.exists(),
    "domains:is_not_empty:": lambda r, i: r.domains.exists(),
    "people:at_least:2": lambda r, i: r.people_count >= 2,
    "people:at_most:0": lambda r, i: r.people_count == 0,
    "industry:is:rail": lambda r, i: r.industry == "Rail",
    "industry:is:Rail%2C light,LAW": lambda r, i: r.industry in {"Rail, light", "law"},
    "industry:is_empty:": lambda r, i: not r.industry,
    "location:contains:pörto 3": lambda r, i: r.location == "Pörto 3",
    "created:within_days:4": lambda r, i: r.created_at >= BEFORE,
    "created:more_than_days_ago:4": lambda r, i: r.created_at < BEFORE,
    f"created:before:{DAY}": lambda r, i: r.created_at.date() < DAY,
    "last_interaction:within_days:4": lambda r, i: i.last_at is not None and i.last_at >= BEFORE,
    "last_interaction:more_than_days_ago:4": lambda r, i: i.last_at is not None and i.last_at < BEFORE,
    f"last_interaction:before:{DAY}": lambda r, i: i.last_at is not None and i.last_at.date() < DAY,
    f"last_interaction:after:{DAY}": lambda r, i: i.last_at is not None and i.last_at.date() >= DAY,
    "last_interaction:is_empty:": lambda r, i: i.last_at is None,
    "last_email_interaction:is_not_empty:": lambda r, i: i.last_email_at is not None,
    "last_interaction:kind_is:email": lambda r, i: i.last_email_at is not None and i.last_email_at != i.last_calendar_at,
    "first_interaction:kind_is:meeting": lambda r, i: i.first_at is not None and i.first_at == i.first_calendar_at,
    "last_interaction:kind_is:meeting,email": lambda r, i: i.last_at is not None,
    "next_calendar_interaction:within_days:3": lambda r, i: (
        i.next_calendar_at is not None and i.next_calendar_at <= NOW + timedelta(days=3)
    ),
    "connection_strength:is:Very weak": lambda r, i: word_of(i) == "Very weak",
    "connection_strength:is:Good,very strong": lambda r, i: word_of(i) in {"Good", "Very strong"},
    "connection_strength:at_least:Good": lambda r, i: word_of(i) in {"Good", "Strong", "Very strong"},
    "connection_strength:at_most:Weak": lambda r, i: word_of(i) in {"Weak", "Very weak"},
    "connection_strength:is_empty:": lambda r, i: i.score is None,
    "strongest_connection:is_empty:": lambda r, i: i.strongest_id is None,
}  # fmt: skip


def found(desk: Desk, kind: Any, text: str) -> set[int]:
    query = QueryDict(mutable=True)
    query["sort"] = "name"
    query.appendlist("filter", text)
    return {pk for page in pages(desk, kind, query.urlencode()) for pk in page}


def spread_scores(insights: Any) -> None:
    """So that every grade is met, on this very day."""
    from intelligence.strength import growth

    for n, one in enumerate(insights):
        if one.score is not None:
            one.score = (0.1, 1.0, 3.0, 7.0, 20.0)[n % len(GRADES)] * growth(NOW.date())
            one.save(update_fields=["score"])


@pytest.mark.parametrize("text", COMPANIES)
def test_a_filter_finds_what_meets_it(shelf: Desk, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spread_scores(CompanyInsight.objects.order_by("company"))
    insights = {one.company_id: one for one in CompanyInsight.objects.all()}
    wanted = {one.pk for one in Company.objects.all() if COMPANIES[text](one, insights[one.pk])}

    assert 0 < len(wanted) < 173 or text.endswith("meeting,email")
    for way in ways(monkeypatch):
        assert found(shelf, COMPANY, text) == wanted, way


@pytest.mark.parametrize(
    "text",
    [
        "industry:is_empty:",
        "last_interaction:kind_is:meeting",
        "first_interaction:kind_is:email",
        "last_interaction:with:me",
        "name:contains:united 1",
    ],
)
def test_the_planner_knows_how_much_a_filter_finds(shelf: Desk, text: str) -> None:
    execute("ANALYZE crm_company, intelligence_companyinsight")
    asked = Asked(NOW, shelf.members["ada"].pk)
    found = narrowed([parse_filter("company", text)], asked)
    parameters = {"workspace": shelf.workspace.pk, **found.values}
    rows = len(fetch(found.few, **parameters))

    assert rows > 10
    assert rows / 2 < expected(found.few, **parameters).rows < rows * 2


@pytest.mark.parametrize("name", ["first_interaction", "last_interaction", "last_email_interaction"])
@pytest.mark.parametrize("who", ["me", "ben"])
def test_with_a_member_finds_what_was_with_him(shelf: Desk, name: str, who: str) -> None:
    member = shelf.members["ada" if who == "me" else who]
    insights = list(CompanyInsight.objects.all())
    for one in insights:
        for tied in {one.first_email_member_id, one.first_calendar_member_id, one.last_email_member_id} - {
            None
        }:
            CompanyConnection.objects.create(
                workspace=shelf.workspace, company_id=one.company_id, member_id=tied, emails=1, meetings=0,
                last_at=NOW, score=1,
            )  # fmt: skip
    end = name.split("_")[0]
    wanted = {
        one.company_id
        for one in insights
        if (one.last_email_member_id if "email" in name else with_of(one, end)) == member.pk
    }

    assert 0 < len(wanted) < 173
    assert found(shelf, COMPANY, f"{name}:with:{'me' if who == 'me' else member.pk}") == wanted


def test_strongest_is_me(shelf: Desk) -> None:
    ada = shelf.members["ada"]
    wanted = set(CompanyInsight.objects.filter(strongest=ada).values_list("company_id", flat=True))

    assert found(shelf, COMPANY, "strongest_connection:is:me") == wanted
    assert wanted


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("company:contains:united 1", lambda p: p.company is not None and "united 1" in p.company.name_key),
        ("company:is_empty:", lambda p: p.company is None),
        ("email_addresses:contains:@X.example", lambda p: p.addresses.exists()),
        ("job_title:contains:d_o", lambda p: "d_o" in p.job_title.lower()),
        ("job_title:contains:100%25", lambda p: "100%" in p.job_title),
        ("phone:does_not_contain:+351 1", lambda p: "+351 1" not in p.phone),
        (f"created:after:{DAY}", lambda p: p.created_at.date() >= DAY),
    ],
)
def test_people_are_filtered_too(shelf: Desk, text: str, meets: Callable[[Person], bool]) -> None:
    wanted = {one.pk for one in Person.objects.select_related("company") if meets(one)}

    assert 0 < len(wanted) < 173
    assert found(shelf, PERSON, text) == wanted


def test_filters_of_records_and_of_their_insight_hold_together(shelf: Desk) -> None:
    query = "sort=-last_interaction&filter=people:at_least:2&filter=last_interaction:within_days:4&filter=domains:is_not_empty:"
    wanted = {
        one.company_id
        for one in CompanyInsight.objects.select_related("company")
        if one.last_at
        and one.last_at >= BEFORE
        and one.company.people_count >= 2
        and one.company.domains.exists()
    }

    assert {pk for page in pages(shelf, COMPANY, query) for pk in page} == wanted
    assert wanted


@pytest.mark.parametrize("kind", RECORD_TYPES)
def test_a_filter_reads_as_it_was_written(kind: str) -> None:
    for attribute in filterable(kind).values():
        for operator in attribute.operators:
            value = {"days": "3", "date": "2026-03-01", "number": "7", "text": "a,b%:c", "none": ""}.get(
                operator.field
            )
            values = [value] if value is not None else [operator.choices({})[0][0]]
            one = make_filter(kind, attribute.name, operator.name, values)

            assert parse_filter(kind, one.text) == one


@pytest.mark.parametrize(
    "text",
    ["people:at_least:-1", "people:at_least:many", "people:at_least:", "name:contains:", "last_interaction:within_days:1e3",
     "last_interaction:with:somebody", "last_interaction:kind_is:fax", "connection_strength:is:Superb",
     "last_interaction:before:2026-02-30", "last_interaction:before:0001-01-01x", "next_calendar_interaction:kind_is:email",
     "strongest_connection:is:9999999999999999999999", "name:contains:" + "x" * 201, "name:contains:a%00b", "x:is:y"],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_filter("company", text)


def test_too_many_filters_are_refused() -> None:
    query = "&".join(f"filter=people:at_least:{n}" for n in range(21))

    with pytest.raises(BadState):
        read_state(COMPANY, QueryDict(query))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("created:more_than_days_ago:45", "more than, 45 days ago"),
        ("created:within_days:1", "within the last, 1 day"),
        ("industry:is_empty:", "is empty"),
    ],
)
def test_a_chip_reads_on_behind_its_value(asked: str, said: str) -> None:
    (one,) = read_state(COMPANY, QueryDict(f"filter={asked}")).filters

    assert ", ".join(filter(None, [one.operator.lead, one.words({})])) == said


def test_the_editor_adds_changes_and_explains(shelf: Desk, signed_in: SignIn) -> None:
    browser = signed_in.as_(shelf.members["ada"])
    base = "/halyard/companies/filters/"

    added = browser.get(f"{base}?sort=name&attribute=people&operator=at_least&value=2&index=")
    changed = browser.get(
        f"{base}?sort=name&filter=people:at_least:2&attribute=people&operator=at_most&value=1&index=0",
        headers={"HX-Request": "true"},
    )
    wrong = browser.get(f"{base}?sort=name&attribute=people&operator=at_least&value=lots&index=")

    assert (added.status_code, added.url) == (
        302,
        "/halyard/companies/?sort=name&filter=people%3Aat_least%3A2",
    )
    assert changed.headers["HX-Push-Url"] == "/halyard/companies/?sort=name&filter=people%3Aat_most%3A1"
    assert changed.headers["HX-Retarget"] == "#view"
    assert "Give a whole number." in wrong.content.decode()
    assert browser.get(f"{base}?attribute=nothing&operator=is").status_code == 400
    assert browser.get(f"{base}form/?attribute=people").status_code == 200
    assert browser.get(f"{base}menu/").status_code == 200


def test_a_menu_as_a_page_of_its_own_leads_to_the_table(shelf: Desk, signed_in: SignIn) -> None:
    browser = signed_in.as_(shelf.members["ada"])
    page = "/halyard/companies/filters/form/?attribute=people&sort=name"
    headers = {"HX-Request": "true", "HX-Current-URL": f"https://crm.example{page}"}

    column = "/halyard/companies/columns/industry/menu/?sort=name&columns="
    menu, of_hidden = (browser.get(f"{column}{shown}").text for shown in ("people,industry", "people"))
    added = browser.get(
        "/halyard/companies/filters/?sort=name&attribute=people&operator=at_least&value=2", headers=headers
    )

    assert 'id="filter-editor" hx-disable' in menu and "Move left" in menu and "Show column" not in menu
    assert "Show column" in of_hidden and "Move left" not in of_hidden and "Hide column" not in of_hidden
    assert added.headers["HX-Redirect"] == "/halyard/companies/?sort=name&filter=people%3Aat_least%3A2"


def test_what_many_meet_is_found_near_and_counted_later(shelf: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    execute("ANALYZE crm_company, intelligence_companyinsight")
    state = read_state(COMPANY, QueryDict("sort=name&filter=last_interaction:is_not_empty:"))
    look = look_of(shelf.members["ada"], now=NOW)
    selection = Selection.of(shown_columns(COMPANY, state))

    def read() -> tuple[list[int], str, int]:
        with CaptureQueriesContext(connection) as captured:
            page = read_page(shelf.workspace.pk, COMPANY, state, selection=selection, look=look)
        return [row[0] for row in page.rows], str(page.count), len(captured)

    found, count, _ = read()
    monkeypatch.setattr("crm.tables.ordering.NEAR", 150)
    monkeypatch.setattr("crm.tables.ordering.LOOK_COST", 0)
    near, counted, queries = read()

    assert near == found
    assert (int(count) > 50, counted) == (True, "50+")
    assert queries == 3


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "UTC"])
def test_a_date_is_its_date_wherever_one_looks_at_it_from(shelf: Desk, zone: str) -> None:
    """An all-day event of the 20th, and others on both sides of midnight."""
    midnight = datetime(2026, 11, 20, tzinfo=ZoneInfo(zone))
    CompanyInsight.objects.update(last_calendar_at=None)
    names = {
        one.pk: name
        for one, name in zip(CompanyInsight.objects.all(), ("date", "19th", "20th"), strict=False)
    }
    for (pk, name), at in zip(
        names.items(), (midnight.replace(tzinfo=UTC), midnight - MINUTE, midnight), strict=True
    ):
        CompanyInsight.objects.filter(pk=pk).update(last_calendar_at=at, last_calendar_all_day=name == "date")

    def having(text: str) -> set[str]:
        with timezone.override(ZoneInfo(zone)):
            return {names[pk] for pk in found(shelf, COMPANY, f"last_calendar_interaction:{text}")}

    assert having("after:2026-11-20") == {"date", "20th"}
    assert having("before:2026-11-20") == {"19th"}
    assert having("before:2026-11-21") == {"date", "19th", "20th"}
    assert having("after:2026-11-21") == set()
