"""What is announced, to whom, and what it costs."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.edits.editing import delete_record, merge, rename
from crm.live import announce
from crm.models import Company, Member, Notification, Person
from crm.notifying import mark_read, notify
from crm.workspaces import deactivate
from intelligence.refreshing import settle_due_events
from mailboxes.models import StreamKind
from mailboxes.removing import purge, remove
from mailboxes.running import run_now
from tests.conftest import SignIn
from tests.crm.eavesdropping import overheard
from tests.desk import NOW, Desk, mail, meeting
from tests.mailboxes.letters import archive, letter, stream_of, write_mbox

pytestmark = pytest.mark.django_db(transaction=True)

LIVE = "/halyard/live/"
KEY = re.compile(r"(company|person):\d+")
BOB = "bob@acme.example"


def test_what_a_transaction_announces_is_published_once_after_its_commit(desk: Desk) -> None:
    workspace_id = desk.workspace.pk
    with overheard(workspace_id) as pages:
        with transaction.atomic():
            announce(workspace_id, records=[("company", 17)])
            with transaction.atomic():
                announce(workspace_id, records=[("company", 17), ("person", 3)], topics=["sync"])
            before = pages.messages()

        assert before == []
        assert pages.messages() == [[[None, {"records": ["company:17", "person:3"], "topics": ["sync"]}]]]


def test_a_transaction_that_is_rolled_back_announces_nothing(desk: Desk) -> None:
    workspace_id = desk.workspace.pk
    with overheard(workspace_id) as pages:
        with transaction.atomic():
            announce(workspace_id, records=[("company", 17)])
            transaction.set_rollback(True)
        with transaction.atomic():
            announce(workspace_id, records=[("company", 18)])

        assert pages.messages() == [[[None, {"records": ["company:18"]}]]]


def test_an_inner_failure_does_not_silence_the_rest(desk: Desk) -> None:
    workspace_id = desk.workspace.pk
    with overheard(workspace_id) as pages:
        with transaction.atomic():
            with transaction.atomic():
                announce(workspace_id, topics=["sync"])
                transaction.set_rollback(True)
            announce(workspace_id, records=[("company", 17)])

        # Looking once too often does no harm.
        assert pages.messages() == [[[None, {"records": ["company:17"], "topics": ["sync"]}]]]


def test_outside_a_transaction_it_is_published_at_once(desk: Desk) -> None:
    with overheard(desk.workspace.pk) as pages:
        announce(desk.workspace.pk, records=[("company", 17)])

        assert pages.messages() == [[[None, {"records": ["company:17"]}]]]


def test_up_to_two_hundred_records_are_named_and_more_are_all(desk: Desk) -> None:
    keys = [("company", pk) for pk in range(1, 202)]

    with overheard(desk.workspace.pk) as pages:
        announce(desk.workspace.pk, records=keys[:200])
        with transaction.atomic():
            for key in keys:
                announce(desk.workspace.pk, records=[key], topics=["sync"])
        few, many = pages.messages()

    assert few == [[None, {"records": sorted(f"company:{pk}" for _, pk in keys[:200])}]]
    assert many == [[None, {"topics": ["sync"], "all": True}]]


def test_nothing_to_say_is_not_said(desk: Desk) -> None:
    with overheard(desk.workspace.pk) as pages:
        announce(desk.workspace.pk)
        announce(desk.workspace.pk, records=[])

        assert pages.messages() == []


def test_another_workspace_hears_nothing(desk: Desk, dan: Member) -> None:
    with overheard(dan.workspace_id) as pages:
        announce(desk.workspace.pk, records=[("company", 17)])

        assert pages.messages() == []


def test_two_workspaces_of_one_transaction_hear_their_own(desk: Desk, dan: Member) -> None:
    with overheard(desk.workspace.pk) as ours, overheard(dan.workspace_id) as theirs:
        with transaction.atomic():
            announce(desk.workspace.pk, records=[("company", 1)])
            announce(dan.workspace_id, records=[("company", 2)])

        assert ours.messages() == [[[None, {"records": ["company:1"]}]]]
        assert theirs.messages() == [[[None, {"records": ["company:2"]}]]]


def test_a_redis_that_is_down_breaks_nothing(
    desk: Desk, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with caplog.at_level(logging.WARNING, "crm.live"), transaction.atomic():
        company = Company.objects.create(workspace=desk.workspace, name="Acme", name_key="acme")
        announce(desk.workspace.pk, records=[("company", company.pk)])

    assert Company.objects.count() == 1
    assert [record.message for record in caplog.records] == ["Open pages were not told of a change."]


# Who may listen


def test_strangers_find_no_stream(dan: Member, desk: Desk, signed_in: SignIn) -> None:
    client = signed_in.as_(dan)

    assert (client.get(LIVE).status_code, client.head(LIVE).status_code) == (404, 404)


def test_somebody_signed_out_is_refused_rather_than_sent_to_sign_in(desk: Desk) -> None:
    answers = [Client().get(LIVE), Client().head(LIVE)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [answer.headers.get("Location") for answer in answers] == [None, None]


def test_somebody_deactivated_finds_no_stream(ada: Member, cleo: Member, signed_in: SignIn) -> None:
    client = signed_in.as_(ada)
    Member.objects.filter(pk=ada.pk).update(is_active=False)

    assert client.get(LIVE).status_code == 404
    deactivate(ada, by=cleo)
    assert client.get(LIVE).status_code == 404


def test_a_stream_says_how_it_is_to_be_handled(
    ada: Member, signed_in: SignIn, django_assert_num_queries: Any
) -> None:
    client = signed_in.as_(ada)
    client.head(LIVE)

    with django_assert_num_queries(2):
        response = client.get(LIVE)

    names = ("Content-Type", "Cache-Control", "X-Accel-Buffering")
    assert [response.headers[name] for name in names] == ["text/event-stream", "private, no-store", "no"]
    assert (response.streaming, client.post(LIVE).status_code) == (True, 405)


def test_asked_whether_one_may_listen_it_answers_without_a_stream(ada: Member, signed_in: SignIn) -> None:
    response = signed_in.as_(ada).head(LIVE)

    assert (response.status_code, response.streaming, response.content) == (200, False, b"")


# What is announced


def records(messages: list[list[Any]]) -> list[set[str]]:
    """By message; what it says must be keys and nothing else."""
    found = [set(said.get("records", ())) for message in messages for _, said in message]
    assert all(KEY.fullmatch(key) for keys in found for key in keys)
    return found


def test_an_email_announces_its_records_in_one_message(desk: Desk) -> None:
    desk.put("ada", mail("a@x", "ada@halyard.example", BOB, subject="Slate roof"))
    company, bob = Company.objects.get(), Person.objects.get()

    with overheard(desk.workspace.pk) as pages:
        desk.put("ada", mail("b@x", BOB, "ada@halyard.example", subject="Slate roof"))
        messages = pages.messages()

    assert messages == [[[None, {"records": [f"company:{company.pk}", f"person:{bob.pk}"]}]]]


def test_a_meeting_that_starts_announces_its_records(desk: Desk) -> None:
    desk.put("ada", mail("a@x", "ada@halyard.example", BOB))
    both = {"ada@halyard.example": "accepted", BOB: "accepted"}
    desk.schedule("ada", meeting("m", "ada@halyard.example", both, at=NOW.replace(hour=10)))
    company, bob = Company.objects.get(), Person.objects.get()

    with overheard(desk.workspace.pk) as pages:
        settle_due_events(desk.workspace.pk, now=NOW.replace(hour=9))
        early = pages.messages()
        settle_due_events(desk.workspace.pk, now=NOW.replace(hour=11))

        assert (early, records(pages.messages())) == ([], [{f"company:{company.pk}", f"person:{bob.pk}"}])


def test_a_record_changed_by_hand_is_announced(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("a@x", "ada@halyard.example", [BOB, "eve@other.example"]))
    acme, other = Company.objects.order_by("name")
    bob, gone = Person.objects.get(company=acme), f"company:{other.pk}"
    left = f"person:{bob.pk}"

    with overheard(desk.workspace.pk) as pages:
        rename(acme, "Acme & Sons", by=ada)
        renamed = records(pages.messages())
        merge(other, acme, by=ada)
        merged = records(pages.messages())
        delete_record(bob, by=ada)
        deleted = records(pages.messages())

    # Its people's pages name it.
    assert renamed == [{f"company:{acme.pk}", left}]
    assert [{f"company:{acme.pk}", gone} <= keys for keys in merged] == [True]
    assert deleted == [{f"company:{acme.pk}", left}]


def test_a_notification_is_announced_to_its_member_alone(ada: Member, ben: Member) -> None:
    with overheard(ada.workspace_id) as pages:
        with transaction.atomic():
            notify([ada], "needs_reconnect", 1)
        told = pages.messages()
        mark_read(ada, now=timezone.now())
        read = pages.messages()
        mark_read(ada, now=timezone.now())

        assert pages.messages() == []
    assert Notification.objects.count() == 1
    assert told == read == [[[ada.pk, {"topics": ["notifications"]}]]]


def topics(messages: list[list[Any]]) -> list[list[str]]:
    return [said.get("topics", []) for message in messages for _, said in message]


def test_reading_a_mailbox_announces_how_far_it_has_come(desk: Desk, tmp_path: Path) -> None:
    with overheard(desk.workspace.pk) as pages:
        mailbox = archive(desk.members["ada"], mbox=write_mbox(tmp_path / "a.mbox", letter(1), letter(2)))
        connected = pages.messages()
        run_now(stream_of(mailbox, StreamKind.MAIL))
        read = pages.messages()
        run_now(stream_of(mailbox, StreamKind.MAIL))

        # Nothing was new: pages that show progress are left in peace.
        assert pages.messages() == []
    assert topics(connected) == [["sync"]]
    # The listing, the page and the end of it.
    assert topics(read) == [["sync"], ["sync"], ["sync"]]


def test_removing_a_mailbox_announces_how_far_it_has_come(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("a@x", "ada@halyard.example", BOB))

    with overheard(desk.workspace.pk) as pages:
        remove(desk.mailboxes["ada"], by=ada)
        begun = pages.messages()
        purge(desk.mailboxes["ada"], now=NOW)

        taken_away = topics(pages.messages())

    # His other settings hear that the account is going, everybody that there is progress.
    assert topics(begun) == [["access", "sync"], ["settings"]]
    # Its mail, the look whether there is more, and the end of it.
    assert taken_away == [["sync"], ["sync"], ["sync"]]


def statements(desk: Desk, *mails: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        desk.put("ada", *mails)
    return len(captured)


def test_fifty_emails_cost_as_many_statements_as_one_and_one_message(desk: Desk) -> None:
    desk.put("ada", mail("first@x", "ada@halyard.example", "p@c.example"))
    many = [mail(f"{n}@x", "ada@halyard.example", f"p{n}@c{n}.example") for n in range(1, 51)]

    one = statements(desk, mail("one@x", "ada@halyard.example", "p0@c0.example"))
    with overheard(desk.workspace.pk) as pages:
        fifty = statements(desk, *many)
        messages = pages.messages()

    assert (fifty, [len(keys) for keys in records(messages)]) == (one, [100])
