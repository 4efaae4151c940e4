from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Address, Company, Person
from mailboxes.models import EmailMessage, MessageCopy, Thread
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

ADA, BEN = "ada@halyard.example", "ben@halyard.example"
BOB = "Bob Doe <bob@acme.example>"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_one_message_in_two_mailboxes_is_one_message_with_two_copies(desk: Desk) -> None:
    sent = mail("1@x", BOB, [ADA, BEN])

    desk.put("ada", sent)
    desk.put("ben", sent)

    assert EmailMessage.objects.count() == 1
    assert MessageCopy.objects.count() == 2


def test_storing_twice_changes_nothing(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA))
    before = list(MessageCopy.objects.values())

    desk.put("ada", mail("1@x", BOB, ADA))

    assert list(MessageCopy.objects.values()) == before
    assert EmailMessage.objects.count() == 1


@pytest.mark.parametrize(
    "forged",
    [
        mail("1@x", "Eve <eve@acme.example>", ADA),
        mail("1@x", BOB, ADA, subject="Other plans"),
        mail("1@x", BOB, ADA, at=NOW - timedelta(days=2)),
        mail("1@x", BOB, [ADA, "third@other.example"]),
    ],
    ids=["sender", "subject", "date", "recipients"],
)
def test_a_borrowed_message_id_does_not_merge(desk: Desk, forged) -> None:
    desk.put("ada", mail("1@x", BOB, ADA))

    desk.put("ben", forged)

    assert EmailMessage.objects.count() == 2


def test_mail_without_a_message_id_never_merges(desk: Desk) -> None:
    desk.put("ada", mail("", BOB, [ADA, BEN]))
    desk.put("ben", mail("", BOB, [ADA, BEN]))

    assert EmailMessage.objects.count() == 2


def test_enhanced_creation_waits_for_a_member_to_write(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA))
    assert not Person.objects.exists()

    desk.put("ada", mail("2@x", ADA, "Carla Roe <carla@acme.example>"))

    assert sorted(Person.objects.values_list("name", flat=True)) == ["Bob Doe", "Carla Roe"]
    assert Company.objects.get().name == "Acme"
    assert Person.objects.filter(company=Company.objects.get()).count() == 2


def test_without_enhanced_creation_every_human_correspondent_is_known() -> None:
    desk = Desk(enhanced=False)

    desk.put("ada", mail("1@x", BOB, ADA, cc=["info@acme.example", "no-reply@acme.example"]))

    assert list(Person.objects.values_list("name", flat=True)) == ["Bob Doe"]


def test_freemail_people_have_no_company(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, "Zoe Lang <zoe.lang@gmail.com>"))

    assert Person.objects.get().company is None
    assert not Company.objects.exists()


def test_writing_to_one_freemail_address_does_not_open_another(desk: Desk) -> None:
    desk.put("ada", mail("1@x", "Max <max@gmail.com>", ADA))
    desk.put("ada", mail("2@x", ADA, "Zoe Lang <zoe.lang@gmail.com>"))

    assert list(Person.objects.values_list("name", flat=True)) == ["Zoe Lang"]


def test_writing_to_a_role_address_creates_the_company_alone(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, "info@acme.example"))

    assert Company.objects.get().name == "Acme"
    assert not Person.objects.exists()


@pytest.mark.parametrize("category", ["bulk", "automatic", "bounce", "calendar"])
def test_mail_nobody_wrote_creates_nothing(desk: Desk, category: str) -> None:
    desk.put("ada", mail("1@x", ADA, BOB, category=category))

    assert not Person.objects.exists()
    assert not Company.objects.exists()
    assert MessageCopy.objects.count() == 1


def test_the_better_written_name_wins_in_any_order(desk: Desk) -> None:
    first = mail("1@x", "bob@acme.example", ADA)
    second = mail("2@x", "Doe, Robert <bob@acme.example>", ADA)
    third = mail("3@x", ADA, "bob <bob@acme.example>")

    desk.put("ada", second, first, third)

    assert Person.objects.get().name == "Robert Doe"


def test_a_name_given_by_hand_stays(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, "bob@acme.example"))
    Person.objects.update(name="Bobby", named_by_hand=True)

    desk.put("ada", mail("2@x", BOB, ADA))

    assert Person.objects.get().name == "Bobby"


def test_a_tagged_member_address_is_the_member(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, "ada+projects@halyard.example"))

    tagged = Address.objects.get(email="ada+projects@halyard.example")
    assert tagged.member == desk.members["ada"]


def test_a_reply_that_came_first_moves_when_its_parent_arrives(desk: Desk) -> None:
    grandchild = mail("3@x", BOB, ADA, in_reply_to="2@x", subject="Re: Plans")
    child = mail("2@x", ADA, BOB, in_reply_to="1@x", subject="Re: Plans")
    root = mail("1@x", BOB, ADA, references=("0@x",))

    desk.put("ada", grandchild)
    desk.put("ada", child)
    desk.put("ada", root)

    assert EmailMessage.objects.values("thread").distinct().count() == 1
    assert Thread.objects.count() == 1


def test_threads_are_never_joined_by_subject(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA), mail("2@x", BOB, ADA))

    assert Thread.objects.count() == 2


def test_messages_that_answer_each_other_do_not_hang(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA, in_reply_to="2@x"), mail("2@x", BOB, ADA, in_reply_to="1@x"))

    assert EmailMessage.objects.count() == 2


def test_removing_the_last_copy_leaves_nothing_but_the_record(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))

    desk.trash("ada", "1@x")

    assert not EmailMessage.objects.exists()
    assert not Thread.objects.exists()
    assert Person.objects.get().name == "Bob Doe"
    assert not Address.objects.get(email="bob@acme.example").is_contacted


def test_a_page_is_a_fixed_number_of_statements(desk: Desk) -> None:
    def statements(first: int, count: int) -> int:
        mails = [
            mail(f"{n}@x", ADA, f"person{n}@company{n}.example", at=NOW - timedelta(hours=n))
            for n in range(first, first + count)
        ]
        with CaptureQueriesContext(connection) as captured:
            desk.put("ada", *mails)
        return len(captured)

    few = statements(0, 3)

    assert statements(100, 300) == few
