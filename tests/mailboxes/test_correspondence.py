from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.edits import editing
from crm.models import AccessLevel, Company, Member, Person
from crm.places import BadPlace
from crm.records import COMPANY, PERSON
from mailboxes.blocking import block
from mailboxes.correspondence import threads
from mailboxes.correspondence.threads import PAGE_THREADS, Show, count_threads, read_correspondence
from mailboxes.models import Thread
from mailboxes.sharing.granting import Grantee, set_access, thread_target
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

BOB, EVE = "Bob Hale <bob@acme.example>", "eve@acme.example"
ADA, BEN = "ada@halyard.example", "ben@halyard.example"
DAY = timedelta(days=1)


@pytest.fixture
def acme(desk: Desk) -> Company:
    desk.put("ada", mail("first@x", ADA, BOB, at=NOW - 90 * DAY, subject="Hello"))
    return Company.objects.get()


def subjects(viewer: Member, company: Company, **more: object) -> list[str]:
    found = read_correspondence(viewer, COMPANY, company.pk, now=NOW, **more)  # type: ignore[arg-type]
    return [row.subject for row in found.threads]


def test_threads_stand_newest_first_with_what_may_be_read(desk: Desk, acme: Company) -> None:
    desk.put("ada", mail("2@x", BOB, [ADA, BEN], at=NOW - DAY, subject="Plans"))
    desk.put("ada", mail("3@x", ADA, BOB, at=NOW, references=("2@x",), subject="Re: Plans"))

    rows = read_correspondence(desk.members["ada"], COMPANY, acme.pk, now=NOW).threads

    assert [(row.subject, row.messages, row.access, row.title) for row in rows] == [
        ("Re: Plans", 2, "full", "Bob Hale, Ben, you"),
        ("Hello", 1, "full", "Bob Hale, you"),
    ]
    assert rows[0].snippet == "Hello"


def test_a_colleague_sees_who_and_when_and_nothing_else(desk: Desk, acme: Company) -> None:
    row = read_correspondence(desk.members["ben"], COMPANY, acme.pk, now=NOW).threads[0]

    assert (row.access, row.has_subject, row.subject, row.snippet, row.attachments) == (
        "metadata", False, "", "", 0,
    )  # fmt: skip
    assert (row.title, row.at, row.may_ask) == ("Bob Hale, Ada", NOW - 90 * DAY, True)


def test_every_thread_comes_once_over_all_pages(desk: Desk, acme: Company) -> None:
    letters = []
    for number in range(60):
        at = NOW - number * DAY
        letters.append(mail(f"a{number}@x", BOB, ADA, at=at, subject=f"T{number}"))
        # An older message of a thread that is newer must not bring it back on a later page.
        if number % 7 == 0:
            letters.append(
                mail(f"b{number}@x", BOB, ADA, at=at - 40 * DAY, references=(f"a{number}@x",), subject="old")
            )
    desk.put("ada", *letters)
    ada = desk.members["ada"]

    seen, place = [], ""
    while True:
        page = read_correspondence(ada, COMPANY, acme.pk, now=NOW, place=place)
        seen += [row.pk for row in page.threads]
        place = page.next_place
        if not place:
            break

    assert len(seen) == len(set(seen)) == Thread.objects.count() == 61


def test_what_is_readable_and_what_is_locked_is_told_apart(desk: Desk, acme: Company) -> None:
    ada, ben = desk.members["ada"], desk.members["ben"]
    desk.put("ada", mail("2@x", BOB, ADA, at=NOW, subject="Shared"))
    thread = Thread.objects.get(messages__copies__subject="Shared")
    set_access(thread_target(thread), {Grantee(member_id=ben.pk): AccessLevel.FULL}, by=ada)

    assert subjects(ben, acme, show=Show.READABLE) == ["Shared"]
    assert subjects(ben, acme, show=Show.LOCKED) == [""]
    counts = count_threads(ben, COMPANY, acme.pk)
    assert (counts.total, counts.readable, counts.locked, counts.is_capped) == (2, 1, 1, False)


@pytest.mark.parametrize(("some", "most"), [(2, 3), (3, 3), (4, 9), (9, 3), (9, 5), (99, 5)])
def test_counts_are_right_however_much_of_the_mail_is_looked_at(
    desk: Desk, acme: Company, monkeypatch: pytest.MonkeyPatch, some: int, most: int
) -> None:
    """Two threads of four messages and three of one."""
    letters = [mail(f"{n}@x", BOB, ADA, at=NOW - n * DAY) for n in range(4)]
    replies = [
        mail(f"r{n}{root}@x", BOB, ADA, at=NOW - n * DAY, references=(f"{root}@x",))
        for root in (0, 1)
        for n in range(3)
    ]
    desk.put("ada", *letters, *replies)
    monkeypatch.setattr(threads, "SOME_MESSAGES", some)
    monkeypatch.setattr(threads, "MOST_COUNTED", most)
    monkeypatch.setattr(threads, "_count_statement", threads._count_statement.__wrapped__)

    counts = count_threads(desk.members["ada"], COMPANY, acme.pk)

    assert (counts.total, counts.is_capped) == (min(most, 5), most < 5)


def test_a_person_and_a_company_list_what_is_theirs(desk: Desk, acme: Company) -> None:
    desk.put("ada", mail("2@x", EVE, ADA, at=NOW, subject="From Eve"))
    bob = Person.objects.get(addresses__email="bob@acme.example")

    of_bob = read_correspondence(desk.members["ada"], PERSON, bob.pk, now=NOW).threads

    assert [row.subject for row in of_bob] == ["Hello"]
    assert subjects(desk.members["ada"], acme) == ["From Eve", "Hello"]


def test_somebody_who_changes_job_takes_mail_along_and_leaves_it_too(desk: Desk, acme: Company) -> None:
    desk.put("ada", mail("2@x", ADA, "zoe@birch.example", at=NOW, subject="Birch"))
    birch = Company.objects.get(domains__domain="birch.example")
    bob = Person.objects.get(addresses__email="bob@acme.example")

    editing.move_person(bob, birch, by=desk.members["ada"])

    assert subjects(desk.members["ada"], birch) == ["Birch", "Hello"]
    assert subjects(desk.members["ada"], acme) == ["Hello"]


def test_bulk_mail_is_listed_on_its_senders_company(desk: Desk, acme: Company) -> None:
    desk.put("ada", mail("2@x", "news@acme.example", ADA, at=NOW, category="bulk", subject="News"))

    assert subjects(desk.members["ada"], acme) == ["News", "Hello"]


def test_what_is_blocked_is_not_there_for_anybody(desk: Desk, acme: Company) -> None:
    ada = desk.members["ada"]
    desk.put("ada", mail("2@x", EVE, ADA, at=NOW, subject="From Eve"))

    block(desk.mailboxes["ada"], [EVE], by=ada)

    assert subjects(ada, acme) == ["Hello"]
    assert [len(subjects(member, acme)) for member in desk.members.values()] == [1, 1, 1]


@pytest.mark.parametrize("many", [1, 3, PAGE_THREADS + 5])
def test_a_page_is_one_statement(desk: Desk, acme: Company, many: int) -> None:
    desk.put("ada", *(mail(f"{n}@x", BOB, ADA, at=NOW - n * DAY) for n in range(many)))

    with CaptureQueriesContext(connection) as captured:
        read_correspondence(desk.members["ben"], COMPANY, acme.pk, now=NOW)

    assert len(captured) == 1


@pytest.mark.parametrize("place", ["x", "e30", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwgMV0"])
def test_a_place_we_did_not_make_is_refused(desk: Desk, acme: Company, place: str) -> None:
    with pytest.raises(BadPlace):
        read_correspondence(desk.members["ada"], COMPANY, acme.pk, now=NOW, place=place)
