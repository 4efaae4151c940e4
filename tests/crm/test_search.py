"""Quick search over records and commands."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Address, Company, CompanyDomain, Member, Person, Workspace
from crm.naming import name_key
from crm.records import COMPANY, PERSON
from crm.search.finding import FEW, NEWEST, find_records
from crm.search.quick import Group, Hit, Looking, search
from crm.search.words import Query
from crm.statements import execute, fetch
from crm.tables.filters import Asked, narrowed, parse_filter
from intelligence.models import CompanyInsight, PersonInsight
from tests.conftest import SignIn
from tests.desk import NOW, Desk

pytestmark = pytest.mark.django_db


def company(workspace: Workspace, name: str, *domains: str, days_ago: int | None = None) -> Company:
    made = Company.objects.create(workspace=workspace, name=name, name_key=name_key(name))
    for domain in domains:
        CompanyDomain.objects.create(workspace=workspace, company=made, domain=domain)
    CompanyInsight.objects.create(workspace=workspace, company=made, last_email_at=_ago(days_ago))
    return made


def person(workspace: Workspace, name: str, *emails: str, days_ago: int | None = None) -> Person:
    made = Person.objects.create(workspace=workspace, name=name, name_key=name_key(name))
    for email in emails:
        domain = email.partition("@")[2]
        Address.objects.create(workspace=workspace, email=email, domain=domain, kind="human", person=made)
    PersonInsight.objects.create(workspace=workspace, person=made, last_email_at=_ago(days_ago))
    return made


def _ago(days: int | None) -> datetime | None:
    return None if days is None else NOW - timedelta(days=days)


def companies(workspace: Workspace, said: str, *, most: int = 10) -> list[str]:
    return [one.name for one in find_records(workspace.pk, COMPANY, Query.of(said), most=most)]


def people(workspace: Workspace, said: str, *, most: int = 10) -> list[str]:
    return [one.name for one in find_records(workspace.pk, PERSON, Query.of(said), most=most)]


def looking(member: Member, here: str = "") -> Looking:
    return Looking(member, timezone.localtime(), here)


def hits(groups: list[Group], label: str) -> list[Hit]:
    return [hit for group in groups if group.label == label for hit in group.hits]


def labels(groups: list[Group], label: str) -> list[str]:
    return [hit.label for hit in hits(groups, label)]


# What matches


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("halden", ["Halden & Moss"]),
        ("HALDEN", ["Halden & Moss"]),
        ("moss hal", ["Halden & Moss"]),
        ("café", ["Café Zürich"]),
        ("cafe zur", ["Café Zürich"]),
        ("alde", ["Halden & Moss"]),
        ("al", []),
        ("haldenmoss", ["Halden & Moss"]),
        ("moss.exam", ["Halden & Moss"]),
        ("halden zurich", []),
        ("example", []),
        ("moss.com", []),
        ("%", []),
        ("_", []),
    ],
)
def test_companies_are_found_by_name_and_domain(desk: Desk, said: str, found: list[str]) -> None:
    company(desk.workspace, "Halden & Moss", "haldenmoss.example")
    company(desk.workspace, "Café Zürich", "zuri.example")

    assert companies(desk.workspace, said) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("sofia", ["Sofia Bianchi"]),
        ("sofia haldenmoss", ["Sofia Bianchi"]),
        ("sofia.b@haldenmoss", ["Sofia Bianchi"]),
        ("s.bianchi@private.exa", ["Sofia Bianchi"]),
        ("@haldenmoss.example", ["Sofia Bianchi"]),
        ("sofia lumen", []),
        ("brien", ["Ann O'Brien"]),
        ("o'b", ["Ann O'Brien"]),
    ],
)
def test_people_are_found_by_name_and_address(desk: Desk, said: str, found: list[str]) -> None:
    person(desk.workspace, "Sofia Bianchi", "sofia.b@haldenmoss.example", "s.bianchi@private.example")
    person(desk.workspace, "Ann O'Brien", "ann@lumen.example")

    assert people(desk.workspace, said) == found


def test_addresses_of_nobody_find_nobody(desk: Desk) -> None:
    Address.objects.create(
        workspace=desk.workspace, email="sofia@x.example", domain="x.example", kind="human"
    )

    assert people(desk.workspace, "sofia") == []


def test_another_workspace_is_never_looked_at(desk: Desk, dan: Member) -> None:
    company(dan.workspace, "Halden Elsewhere", "halden.example")
    person(dan.workspace, "Halden Person", "halden@x.example")

    assert (companies(desk.workspace, "halden"), people(desk.workspace, "halden")) == ([], [])
    assert companies(dan.workspace, "halden") == ["Halden Elsewhere"]


# In which order


def test_names_come_before_domains_before_the_middle_of_words_then_the_last_in_touch(desk: Desk) -> None:
    company(desk.workspace, "Lamarck", days_ago=1)
    company(desk.workspace, "Marlow", days_ago=30)
    company(desk.workspace, "Blue Marble", days_ago=20)
    company(desk.workspace, "Market")
    company(desk.workspace, "Other", "mar-io.example", days_ago=40)

    assert companies(desk.workspace, "mar") == ["Blue Marble", "Marlow", "Market", "Other", "Lamarck"]
    assert companies(desk.workspace, "mar", most=2) == ["Blue Marble", "Marlow"]


def test_common_words_are_found_at_those_lately_in_touch(desk: Desk) -> None:
    """More of them than an index is asked for, and more in touch than are looked at first."""
    many(desk.workspace, FEW + NEWEST + 50)
    person(desk.workspace, "Robin Late", days_ago=3)
    person(desk.workspace, "Robin Later", days_ago=2)

    assert people(desk.workspace, "robin", most=3)[:2] == ["Robin Later", "Robin Late"]
    assert people(desk.workspace, "obi", most=3)[:2] == ["Robin Later", "Robin Late"]
    assert people(desk.workspace, "robin number333") == ["Robin Number333"]


def many(workspace: Workspace, count: int) -> None:
    """People who were last in touch a year ago and before, the first the last."""
    execute(
        "INSERT INTO crm_person (workspace_id, name, name_key, named_by_hand, job_title, phone, location,"
        " created_at) SELECT %(workspace)s, 'Robin Number' || n, 'robin number' || n, false, '', '', '', now()"
        " FROM generate_series(1, %(count)s) n",
        workspace=workspace.pk,
        count=count,
    )
    execute(
        "INSERT INTO intelligence_personinsight (workspace_id, person_id, last_email_at)"
        " SELECT workspace_id, id, %(now)s - interval '1 year' - id * interval '1 hour' FROM crm_person",
        now=NOW,
    )


def test_each_source_is_found_by_its_index(desk: Desk) -> None:
    """An index whose expression is no longer the one that is asked for would be of no use."""
    indexes = "company_search", "person_search", "domain_search", "address_search"
    fill(desk.workspace, 4000)
    # What was just stored waits in a list before it is sorted in, which makes an index look dear.
    for index in indexes:
        fetch(f"SELECT gin_clean_pending_list('{index}')")
    plans = ""
    for kind in (COMPANY, PERSON):
        with CaptureQueriesContext(connection) as captured:
            find_records(desk.workspace.pk, kind, Query.of("halden"), most=5)
        plans += "\n".join(row[0] for row in fetch(f"EXPLAIN {captured[-1]['sql']}".replace("%", "%%")))

    assert [index for index in indexes if index not in plans] == []


def test_a_part_of_a_domain_is_found_by_an_index(desk: Desk) -> None:
    fill(desk.workspace, 4000)
    fetch("SELECT gin_clean_pending_list('domain_parts')")
    looked_for = narrowed([parse_filter("company", "domains:contains:c77.exam")], Asked(NOW))

    plan = fetch(f"EXPLAIN {looked_for.few}", workspace=desk.workspace.pk, **looked_for.values)

    assert "domain_parts" in str(plan)


def fill(workspace: Workspace, count: int) -> None:
    """As many companies and people with a domain or an address each."""
    many(workspace, count)
    for statement in (
        "INSERT INTO crm_company (workspace_id, name, name_key, named_by_hand, people_count, industry, location,"
        " description, created_at) SELECT workspace_id, name, name_key, false, 0, '', '', '', now()"
        " FROM crm_person",
        "INSERT INTO crm_companydomain (workspace_id, company_id, domain)"
        " SELECT workspace_id, id, 'c' || id || '.example' FROM crm_company",
        "INSERT INTO crm_address (workspace_id, email, domain, kind, is_freemail, is_internal, is_contacted,"
        " person_id, display_name, display_name_rank) SELECT workspace_id, 'p' || id || '@x.example',"
        " 'x.example', 'human', false, false, true, id, '', 0 FROM crm_person",
        "ANALYZE crm_company, crm_companydomain, crm_person, crm_address",
    ):
        execute(statement)


# Groups


def test_with_nothing_typed_there_is_what_was_open_and_what_there_is_to_do(desk: Desk, ada: Member) -> None:
    one, two = company(desk.workspace, "One"), person(desk.workspace, "Two")
    recent = [f"person:{two.pk}", "company:999999", f"company:{one.pk}", f"person:{two.pk}", "nonsense"]

    groups = search(looking(ada), "", recent)

    assert [group.label for group in groups] == ["Recent", "Go to", "Do"]
    assert [(hit.label, hit.key) for hit in hits(groups, "Recent")] == [
        ("Two", f"person:{two.pk}"),
        ("One", f"company:{one.pk}"),
    ]
    assert labels(groups, "Go to") == ["Companies", "People", "Notifications", "Email & calendar settings"]


@pytest.mark.parametrize("key", ["company:", "company:x", "company:٣", "company:99999999999999999999", "x:1"])
def test_what_a_browser_makes_up_is_not_recent(ada: Member, key: str) -> None:
    assert hits(search(looking(ada), "", [key]), "Recent") == []


def test_what_was_open_elsewhere_is_not_recent_here(ada: Member, dan: Member) -> None:
    foreign = company(dan.workspace, "Foreign")

    assert hits(search(looking(ada), "", [f"company:{foreign.pk}"]), "Recent") == []


def test_commands_match_by_their_words(ada: Member) -> None:
    assert labels(search(looking(ada), "new co"), "Do") == ["New company"]
    assert labels(search(looking(ada), "dark"), "Do") == ["Switch theme"]
    assert labels(search(looking(ada), "go"), "Go to") == []
    assert search(looking(ada), "...") == []


def test_admins_have_more_places_to_go(ada: Member, cleo: Member) -> None:
    assert labels(search(looking(ada), "members"), "Go to") == []
    assert labels(search(looking(cleo), "members"), "Go to") == ["Members"]


def test_access_is_managed_on_the_page_of_a_record(ada: Member) -> None:
    of_record = hits(search(looking(ada, "/halyard/companies/17/emails/"), "manage access"), "Do")

    assert [hit.url for hit in of_record] == ["/halyard/companies/17/access/"]
    for here in ("/halyard/companies/", "/elsewhere/companies/17/", "https://x/halyard/companies/17/"):
        assert hits(search(looking(ada, here), "manage access"), "Do") == []


def test_more_than_are_shown_are_found_in_the_table(desk: Desk, ada: Member, signed_in: SignIn) -> None:
    for number in range(8):
        company(desk.workspace, f"Halden {number} Group, Inc")

    (group,) = search(looking(ada), "halden group,")

    assert len(group.hits) == 6
    assert group.every and group.every.url.startswith("/halyard/companies/?filter=name")
    page = signed_in.as_(ada).get(group.every.url)
    assert (page.status_code, page.content.decode().count("data-record=")) == (200, 8)


def test_an_address_leads_to_a_table_of_addresses_and_what_is_neither_to_none(
    desk: Desk, ada: Member, signed_in: SignIn
) -> None:
    """A table of names that hold the address would be empty."""
    for number in range(8):
        person(desk.workspace, f"Somebody {number}", f"p{number}@halden.example")
        person(
            desk.workspace,
            f"Halden {number}" if number < 2 else f"Other {number}",
            f"halden{number}@x.example",
        )

    (group,) = search(looking(ada), "halden.example")
    (mixed,) = search(looking(ada), "halden")

    assert group.every and group.every.where == "address"
    assert signed_in.as_(ada).get(group.every.url).content.decode().count("data-record=") == 8
    assert mixed.every is None


# The page


def test_search_takes_one_statement_for_each_source(desk: Desk, ada: Member, signed_in: SignIn) -> None:
    one = company(desk.workspace, "Halden", "halden.example")
    browser = signed_in.as_(ada)
    browser.get("/halyard/search/?q=hal")
    asked = []
    for count in (1, 3):
        for number in range(count):
            person(desk.workspace, f"Halden {count} {number}")
        for query in ("q=hal", f"recent=company:{one.pk}+person:1+thread:1+event:1"):
            with CaptureQueriesContext(connection) as captured:
                browser.get(f"/halyard/search/?{query}", headers={"HX-Request": "true"})
            asked.append(len(captured))

    # Besides the user and the member.
    assert asked == [2 + 4] * 4


def test_search_alone_is_a_page_and_for_the_palette_a_list_of_options(
    desk: Desk, ada: Member, signed_in: SignIn
) -> None:
    one = company(desk.workspace, "Halden <b>", "halden.example")
    browser = signed_in.as_(ada)

    page = browser.get("/halyard/search/?q=halden").content.decode()
    fragment = browser.get("/halyard/search/?q=halden", headers={"HX-Request": "true"}).content.decode()

    assert "<!doctype html>" in page and 'role="option"' not in page
    assert f'href="/halyard/companies/{one.pk}/"' in page and "Halden &lt;b&gt;" in page
    assert "<!doctype" not in fragment and f'data-key="company:{one.pk}"' in fragment
    assert fragment.count('role="option"') == 1


def test_nothing_found_says_so(ada: Member, signed_in: SignIn) -> None:
    page = signed_in.as_(ada).get("/halyard/search/?q=%3Cscript%3Exyz").content.decode()

    assert "Nothing found for “&lt;script&gt;xyz”" in page


def test_search_is_for_members(ada: Member, dan: Member, signed_in: SignIn) -> None:
    assert signed_in.as_(dan).get("/halyard/search/?q=a").status_code == 404
    assert signed_in.as_(ada).post("/halyard/search/").status_code == 405


def test_shortcuts_are_a_page_and_a_dialog(ada: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)
    mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0)"

    page = browser.get("/halyard/search/shortcuts/").content.decode()
    dialog = browser.get("/halyard/search/shortcuts/", headers={"HX-Request": "true", "User-Agent": mac})

    assert "<kbd>Ctrl</kbd><kbd>K</kbd>" in page and "data-letter-switch checked" in page
    assert "<kbd>⌘</kbd><kbd>K</kbd>" in dialog.content.decode()


def test_letters_that_are_off_and_a_folded_sidebar_come_with_the_page(ada: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)
    browser.cookies["letter_keys"], browser.cookies["sidebar"] = "off", "folded"

    page = browser.get("/halyard/search/shortcuts/").content.decode()

    assert ' data-sidebar="folded" data-letter-keys="off">' in page
    assert "data-letter-switch checked" not in page
