"""Every cell of a hand-written inbox, on the table, the record page and in the export."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import QuerySet

from crm.models import Address, Company, Member, Person
from crm.statements import fetch
from intelligence.verifying import differences
from mailboxes.models import CalendarEvent, MessageCopy, Thread
from mailboxes.reading import Counts
from tests.conftest import SignIn
from tests.tuesday import NOW, feed, load, make_workspace

pytestmark = pytest.mark.django_db

EXPECTED = load("expected.json")
ORDERS = list(permutations(("ada", "ben", "cleo")))
SMART = (
    "first_interaction", "last_interaction", "first_email_interaction", "last_email_interaction",
    "first_calendar_interaction", "last_calendar_interaction", "next_calendar_interaction",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _tuesday() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def members() -> dict[str, Member]:
    return make_workspace()


@pytest.fixture
def counts(members: dict[str, Member], tmp_path: Path) -> dict[str, dict[str, Counts]]:
    return feed(members, tmp_path, order=["ada", "ben", "cleo"])


def exported(plural: str) -> list[dict[str, str]]:
    out = io.StringIO()
    call_command("export_records", "halyard", plural, stdout=out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def letters(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", name).casefold() if c.isalnum())


def cells_of(row: dict[str, str]) -> dict[str, str]:
    plain = {"id", "name", "domains", "email_addresses", "company"}
    return {name: value for name, value in row.items() if name not in plain}


def wanted_cells(record: dict[str, Any]) -> dict[str, str]:
    return {name: value or "" for name, value in record["cells"].items()}


@pytest.mark.usefixtures("counts")
def test_the_export_says_what_was_written_down_for_every_company() -> None:
    rows = {row["domains"]: row for row in exported("companies")}

    wanted = {";".join(company["domains"]): company for company in EXPECTED["companies"]}
    assert set(rows) == set(wanted)
    for domains, company in wanted.items():
        assert cells_of(rows[domains]) == wanted_cells(company), company["why"]
        if company["name"]:
            assert letters(rows[domains]["name"]) == letters(company["name"])


@pytest.mark.usefixtures("counts")
def test_the_export_says_what_was_written_down_for_every_person() -> None:
    companies = {row["domains"]: row["name"] for row in exported("companies")}
    rows = {row["email_addresses"]: row for row in exported("people")}

    wanted = {";".join(person["email_addresses"]): person for person in EXPECTED["people"]}
    assert set(rows) == set(wanted)
    for emails, person in wanted.items():
        assert cells_of(rows[emails]) == wanted_cells(person), person["why"]
        assert rows[emails]["name"] in person["name_any_of"]
        assert rows[emails]["company"] == companies.get(person["company_domain"], "")


@pytest.mark.usefixtures("counts")
def test_nobody_else_has_a_record() -> None:
    forbidden = EXPECTED["must_not_exist"]

    people = set(Address.objects.exclude(person=None).values_list("email", flat=True))
    domains = set(Company.objects.values_list("domains__domain", flat=True))
    assert people & {one["address"] for one in forbidden["people"]} == set()
    assert domains & set(forbidden["companies"]) == set()


@pytest.mark.usefixtures("members")
def test_what_was_stored_and_skipped_is_counted(counts: dict[str, dict[str, Counts]]) -> None:
    for key, expected in EXPECTED["counts"].items():
        mail, events = counts[key]["mail"], expected["events"]
        assert (mail.fetched, mail.stored, mail.quarantined, sum(mail.skipped.values())) == (
            expected["messages"]["files"],
            expected["messages"]["stored"],
            expected["messages"]["quarantined"],
            expected["messages"]["skipped_no_outside"],
        )
        calendar = counts[key]["calendar"]
        assert calendar.quarantined == events["quarantined"]
        assert calendar.skipped["private"] == events["skipped_private"]
        stored = CalendarEvent.objects.filter(copies__mailbox__member__user__email=f"{key}@halyard.example")
        assert stored.count() == events["stored_occurrences"]


@pytest.mark.usefixtures("counts")
def test_answers_join_their_threads() -> None:
    for thread in EXPECTED["threads"]:
        keys = fetch(
            "SELECT DISTINCT m.thread_id, count(*) OVER () FROM mailboxes_emailmessage m"
            " JOIN mailboxes_messagecopy c ON c.message_id = m.id"
            " JOIN mailboxes_messagecontent w ON w.copy_id = c.id WHERE w.headers ~* %(ids)s",
            ids="Message-ID:\\s*<(" + "|".join(re.escape(one) for one in thread["message_ids"]) + ")>",
        )
        assert len({row[0] for row in keys}) == 1


@pytest.mark.parametrize("order", ORDERS[1:], ids="-".join)
def test_the_order_of_arrival_does_not_matter(
    order: tuple[str, ...], members: dict[str, Member], tmp_path: Path
) -> None:
    feed(members, tmp_path, order=list(order))

    companies = {row["domains"]: cells_of(row) for row in exported("companies")}
    people = {row["email_addresses"]: cells_of(row) for row in exported("people")}
    for record, rows, key in (
        *((one, companies, "domains") for one in EXPECTED["companies"]),
        *((one, people, "email_addresses") for one in EXPECTED["people"]),
    ):
        assert rows[";".join(record[key])] == wanted_cells(record)
    workspace = members["ada"].workspace_id
    assert list(differences(workspace, now=NOW)) == []


@pytest.mark.usefixtures("counts")
def test_feeding_the_same_files_again_changes_nothing(members: dict[str, Member], tmp_path: Path) -> None:
    before = fingerprint()

    again = feed(members, tmp_path, order=["ada", "ben", "cleo"])

    assert fingerprint() == before
    assert {sum(c.stored for c in streams.values()) for streams in again.values()} == {0}


def fingerprint() -> list[Any]:
    """Everything that is stored, but for the state of the runs."""
    tables = [
        row[0]
        for row in fetch(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relname <> 'mailboxes_syncstream'"
            " AND c.relname ~ '^(crm|mailboxes|intelligence)_' ORDER BY 1"
        )
    ]
    return [fetch(f"SELECT '{table}', xmin::text, t.*::text FROM {table} t ORDER BY 3") for table in tables]


@pytest.mark.usefixtures("counts")
def test_the_table_shows_the_cells_of_the_export(members: dict[str, Member], signed_in: SignIn) -> None:
    browser = signed_in.as_(members["ben"])

    for plural, kind in (("companies", "company"), ("people", "person")):
        html = browser.get(f"/halyard/{plural}/").content.decode()
        shown = {
            int(pk): row for pk, row in re.findall(rf'<tr data-record="{kind}:(\d+)"(.*?)</tr>', html, re.S)
        }
        rows = exported(plural)
        assert set(shown) == {int(row["id"]) for row in rows}
        for row in rows:
            cells = dict(
                re.findall(r'<td[^>]*data-attribute="(\w+)"[^>]*>(.*?)</td>', shown[int(row["id"])], re.S)
            )
            for name in SMART:
                assert shown_touch(cells[name]) == touch_of_export(row, name)
            assert text_of(cells["connection_strength"]) == row["connection_strength"]
            assert bool(text_of(cells["strongest_connection"])) == bool(row["strongest_connection"])


def shown_touch(cell: str) -> tuple[str, str]:
    """(time, kind) of a cell; an all-day event is a date."""
    found = re.search(r'title="(\w+) ·.*?<time datetime="([^"]*)"', cell, re.S)
    return (found[2][:10], found[1].lower()) if found else ("", "")


def touch_of_export(row: dict[str, str], name: str) -> tuple[str, str]:
    return row[name][:10], row[f"{name}_kind"]


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()


@pytest.mark.usefixtures("counts")
@pytest.mark.parametrize(
    "page",
    load("expected_record_pages.json")["pages"],
    ids=lambda page: str(page.get("domain") or page.get("email_address")),
)
def test_the_record_page_lists_what_was_written_down(
    page: dict[str, Any], members: dict[str, Member], signed_in: SignIn
) -> None:
    url = record_url(page)

    html = signed_in.as_(members["cleo"]).get(url).content.decode()

    entries = [
        entry_of(article)
        for article in re.findall(r'<article class="act[^"]*" (data-kind.*?)</article>', html, re.S)
    ]
    upcoming = [wanted_entry(one) for one in page["upcoming"]]
    past = [wanted_entry(one) for one in page["interactions"]]
    assert entries[: len(upcoming)] == upcoming
    assert sorted(entries[len(upcoming) :]) == sorted(past)


def record_url(page: dict[str, Any]) -> str:
    if page["record"] == "company":
        return f"/halyard/companies/{Company.objects.get(domains__domain=page['domain']).pk}/"
    return f"/halyard/people/{Person.objects.get(addresses__email=page['email_address']).pk}/"


def entry_of(article: str) -> tuple[str, str, str, str]:
    kind = re.search(r'data-kind="(\w+)"', article)
    when = re.search(r'<time datetime="([^"]*)"', article)
    who = re.search(r'data-member="(\d+)".*?data-outside="([^"]*)"', article, re.S)
    assert kind and when and who
    member = Member.objects.get(pk=who[1]).user.email
    return when[1][:10] if len(when[1]) == 10 else when[1], kind[1], member, unescape(who[2])


def wanted_entry(one: dict[str, Any]) -> tuple[str, str, str, str]:
    time = one["time"][:10] if "all-day" in one.get("note", "") else one["time"]
    person = Person.objects.filter(addresses__email=one["outside"]).first()
    return time, one["kind"], one["member"], person.name if person else one["outside"]


def first_lines(copies: QuerySet[MessageCopy]) -> set[str]:
    """Without those so short that they may stand anywhere."""
    lines = (text.partition("\n")[0] for text in copies.values_list("content__text", flat=True))
    return {line for line in lines if len(line) > 20}


@pytest.mark.usefixtures("counts")
def test_no_page_shows_a_subject_or_a_body_of_mail_the_reader_does_not_hold(
    members: dict[str, Member], signed_in: SignIn
) -> None:
    ada = members["ada"]
    browser = signed_in.as_(ada)
    own = MessageCopy.objects.filter(mailbox__member=ada)
    own_subjects = set(own.values_list("subject", flat=True))
    hidden = MessageCopy.objects.exclude(message__in=own.values("message"))
    subjects = {one for one in hidden.values_list("subject", flat=True) if len(one) > 8} - own_subjects
    bodies = first_lines(hidden) - first_lines(own)

    urls = ["/halyard/companies/", "/halyard/people/", "/halyard/companies/export.csv"]
    for kind, model in (("companies", Company), ("people", Person)):
        for pk in model.objects.values_list("pk", flat=True):
            urls += [f"/halyard/{kind}/{pk}/", f"/halyard/{kind}/{pk}/emails/"]
    urls += [f"/halyard/emails/{pk}/" for pk in Thread.objects.values_list("pk", flat=True)]
    pages = [unescape(b"".join(browser.get(url)).decode()) for url in urls]

    assert len(subjects) > 10 and len(bodies) > 10
    assert [one for one in subjects for page in pages if one in page] == []
    assert [one for one in bodies for page in pages if one in page] == []
    assert any(one in page for one in own_subjects for page in pages)
