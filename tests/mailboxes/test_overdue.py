"""That nobody reads is seen by whoever watches over the installation, and by admins."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models import Member
from mailboxes import leasing
from mailboxes.models import Mailbox, MailboxState, SyncStream
from tests.conftest import SignIn
from tests.mailboxes.letters import archive

pytestmark = pytest.mark.django_db

SETTINGS = "/halyard/settings/workspace/email-calendar/"


@pytest.fixture
def box(ada: Member) -> Mailbox:
    """Nothing of it has ever been read, or is due."""
    made = archive(ada)
    SyncStream.objects.filter(mailbox=made).update(due_at=None)
    return made


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


def wait(box: Mailbox, *, kind: str = "mail", **values: Any) -> None:
    SyncStream.objects.filter(mailbox=box, kind=kind).update(**values)


def overdue() -> tuple[int, int]:
    """The status, and the seconds to the nearest minute: the clock of a test goes on."""
    answer = Client().get("/health/")
    return answer.status_code, round(answer.json()["reading_overdue_seconds"] / 60)


def test_what_is_due_longest_is_counted(box: Mailbox) -> None:
    assert overdue() == (200, 0)
    wait(box, due_at=timezone.now() + timedelta(hours=1))
    assert overdue() == (200, 0)
    wait(box, due_at=ago(minutes=20))
    assert overdue() == (200, 20)
    wait(box, kind="calendar", due_at=ago(minutes=90))
    assert overdue() == (200, 90)


def test_what_somebody_is_at_is_not_overdue_until_he_is_dead(box: Mailbox) -> None:
    wait(box, due_at=ago(minutes=20), lease_until=timezone.now() + timedelta(minutes=2))
    assert overdue() == (200, 0)
    wait(box, lease_until=ago(minutes=5))
    assert overdue() == (200, 5)


def test_what_may_not_be_read_is_not_overdue(box: Mailbox) -> None:
    wait(box, due_at=ago(minutes=20))
    Mailbox.objects.filter(pk=box.pk).update(state=MailboxState.NEEDS_RECONNECT)

    assert overdue() == (200, 0)


def test_without_a_database_nothing_is_known_of_it() -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionError

    with connection.execute_wrapper(refuse):
        answer = Client().get("/health/")

    assert (answer.status_code, answer.json()["reading_overdue_seconds"]) == (503, None)


def test_that_it_cannot_be_known_takes_nobody_out_of_service() -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "syncstream" in sql:
            raise ConnectionError
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        answer = Client().get("/health/")

    assert (answer.status_code, answer.json()["reading_overdue_seconds"]) == (200, None)


def notice(cleo: Member, signed_in: SignIn) -> str:
    html = signed_in.as_(cleo).get(SETTINGS).content.decode()
    _, _, rest = html.partition("Mailboxes were last read ")
    return rest.partition(":")[0]


def test_admins_are_told_that_nobody_reads(box: Mailbox, cleo: Member, signed_in: SignIn) -> None:
    wait(box, due_at=ago(minutes=9))
    assert notice(cleo, signed_in) == ""
    wait(box, due_at=ago(minutes=14, seconds=5))
    assert notice(cleo, signed_in) == "14 min ago"
    assert "<code>beat</code>" in signed_in.as_(cleo).get(SETTINGS).content.decode()


@pytest.mark.parametrize(
    "sign", [{"lease_until": timedelta(minutes=2)}, {"last_run_at": timedelta(minutes=-1)}], ids=str
)
def test_that_there_is_much_to_read_is_not_that_nobody_reads(
    box: Mailbox, cleo: Member, signed_in: SignIn, sign: dict[str, timedelta]
) -> None:
    wait(box, due_at=ago(minutes=40))
    wait(box, kind="calendar", **{name: timezone.now() + span for name, span in sign.items()})

    assert notice(cleo, signed_in) == ""
    assert overdue() == (200, 40)


def test_that_nothing_is_due_is_not_that_nobody_reads(box: Mailbox, cleo: Member, signed_in: SignIn) -> None:
    wait(box, last_run_at=ago(days=2))

    assert notice(cleo, signed_in) == ""


def test_it_is_one_statement_more_for_any_number_of_mailboxes(
    box: Mailbox, ben: Member, cleo: Member, signed_in: SignIn, django_assert_num_queries: Any
) -> None:
    browser = signed_in.as_(cleo)
    browser.get(SETTINGS)

    for one in (box, archive(ben), archive(cleo)):
        wait(one, due_at=ago(minutes=20))
        with django_assert_num_queries(7):
            browser.get(SETTINGS)
    with django_assert_num_queries(1):
        leasing.seconds_idle()
