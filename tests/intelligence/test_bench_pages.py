"""The bench of pages, run on a workspace of a hundredth of its size: what it measures on is what the
product would have stored, and it says every figure it promises."""

import json
from collections import Counter

import pytest
from django.utils import timezone

from crm.models import Company, Person
from crm.records import COMPANY, PERSON
from crm.statements import fetch
from crm.tables.columns import columns_of
from intelligence.bench.library import Library
from intelligence.bench.pages import FILTERS, Pages
from intelligence.bench.visiting import open_house
from intelligence.models import CompanyConnection, CompanyInsight, Interaction, PersonInsight
from intelligence.verifying import differences
from mailboxes.models import CalendarEvent, EmailMessage, MessageContent, MessageCopy

pytestmark = pytest.mark.django_db

COMPANIES, LARGE = 200, 300
SCHEMA = """
    SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    UNION ALL
    SELECT 'key', conrelid::regclass::text || ' ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    ORDER BY 1, 2
"""


@pytest.fixture
def library(db: None) -> Library:
    return Library(companies=COMPANIES, large=LARGE, now=timezone.now())


def test_the_library_holds_what_the_product_would_have_stored(library: Library) -> None:
    found = list(differences(library.workspace.pk, now=timezone.now()))

    assert found == []


def test_the_library_is_as_large_as_was_asked_for(library: Library) -> None:
    kinds = Counter(Interaction.objects.values_list("kind", flat=True))

    assert Company.objects.count() == CompanyInsight.objects.count() == COMPANIES
    assert Person.objects.count() == PersonInsight.objects.count() == 5 * COMPANIES + 40
    assert kinds == {1: (10 * COMPANIES + LARGE) * 4 // 5, 2: (10 * COMPANIES + LARGE) // 5}
    assert (EmailMessage.objects.count(), CalendarEvent.objects.count()) == (kinds[1], kinds[2])
    assert MessageCopy.objects.count() == MessageContent.objects.count() > kinds[1]


def test_the_library_has_strangers_meetings_to_come_and_a_large_company(library: Library) -> None:
    strangers = CompanyInsight.objects.filter(first_at=None)
    coming = CompanyInsight.objects.filter(next_calendar_at__isnull=False)
    timeline = fetch("SELECT company_id, count(*) FROM intelligence_companyinteraction GROUP BY 1")

    assert COMPANIES // 8 < strangers.count() < COMPANIES // 3
    assert coming.count() > COMPANIES // 20
    assert CompanyConnection.objects.filter(company=library.large).count() > 40
    assert max(timeline, key=lambda row: row[1])[0] == library.large.pk
    assert dict(timeline)[library.ordinary("company", 10)] == 10


def test_filling_puts_every_index_and_key_back(db: None) -> None:
    before = fetch(SCHEMA)

    Library(companies=20, large=20, now=timezone.now())

    assert fetch(SCHEMA) == before


def test_every_figure_is_printed(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    with open_house():
        Pages(library, rounds=1).run()

    figures = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [figure["figure"] for figure in figures]
    assert len(names) == len(set(names))
    assert set(names) == {
        *(f"page of {kind.plural} by {sort}" for kind in (COMPANY, PERSON) for sort in sorts(kind.name)),
        *(
            f"{what} of {kind.plural} where {text} by {sort}"
            for what in ("page", "rows")
            for kind in (COMPANY, PERSON)
            for text in FILTERS[kind]
            for sort in ("-last_interaction", "name")
        ),
        *(
            f"rows of {plural} with two opposed filters by {sort}"
            for plural in ("companies", "people")
            for sort in ("-last_interaction", "name")
        ),
        *(f"{part}{end}" for part in PARTS for end in ENDS),
        "second page of the feed of the large company",
        *(f"search for {words}" for words in SEARCHES),
        *(f"{aside} of {plural}" for aside in ASIDES for plural in ("companies", "people")),
        *(f"page of {plural} against Django admin's list" for plural in ("companies", "people")),
        "scripts of the table page, zipped, of what is allowed",
    }
    sorted_pages = [
        one for one in figures if one["figure"].startswith("page") and one["goal"].startswith("<= 5")
    ]
    assert {figure["queries"] for figure in sorted_pages} == {4}
    assert all(figure["ratio"] == round(figure["ratio"], 4) > 0 for figure in figures)
    assert all(figure["of"] > 0 and figure["against"] > 0 for figure in figures)


PARTS = (
    "whole page",
    "emails tab",
    "calendar tab",
    "details",
    "counts on tabs",
    "strength explained",
)
ENDS = (
    " of an ordinary company",
    " of the large company",
    ", large company against ordinary",
    " of a person",
)
SEARCHES = (
    "three letters",
    "a name of two words",
    "an address",
    "a word of a subject",
    "what there is not",
)
ASIDES = (
    "calculations",
    "calculations under a filter",
    "pager",
    "pager under a filter",
    "changes",
    "view counts",
)


def sorts(kind: str) -> list[str]:
    return [f"{sign}{name}" for name, column in columns_of(kind).items() if column.walk for sign in ("", "-")]
