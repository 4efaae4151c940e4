"""Connected accounts in words and numbers, and what was kept aside."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Member
from mailboxes.accounts.overview import left_out, read_accounts, try_again
from mailboxes.models import (
    Mailbox,
    MailboxState,
    PendingItem,
    QuarantinedItem,
    SkippedItem,
    SkipReason,
    SyncStream,
)
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail, meeting

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@halyard.example", "bob@acme.example"


@pytest.fixture
def stream(desk: Desk) -> SyncStream:
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - timedelta(days=9)), mail("2@x", BOB, ADA, at=NOW))
    desk.schedule("ada", meeting("m", ADA, {ADA: "accepted", BOB: "accepted"}, at=NOW))
    SyncStream.objects.filter(mailbox=desk.mailboxes["ada"]).update(backfilled_at=NOW, last_run_at=NOW)
    return SyncStream.objects.get(mailbox=desk.mailboxes["ada"], kind="mail")


def test_an_account_up_to_date_says_what_it_holds(desk: Desk, ada: Member, stream: SyncStream) -> None:
    account = read_accounts(ada, now=NOW + timedelta(hours=1))[0]

    assert (account.state, account.emails, account.events, account.checked) == ("ok", 2, 1, NOW)
    assert (account.since, account.newest) == (NOW - timedelta(days=9), NOW)


def test_reading_failing_and_leaving_are_told_apart(desk: Desk, ada: Member, stream: SyncStream) -> None:
    SyncStream.objects.filter(pk=stream.pk).update(
        backfilled_at=None, due_at=NOW, total=10, done=4, began_at=NOW - timedelta(minutes=8)
    )
    reading = read_accounts(ada, now=NOW)[0]
    assert reading.state == "syncing"
    assert reading.reading
    assert (reading.reading.percent, reading.reading.left) == (40, "about 12 minutes left")

    later = NOW + timedelta(minutes=30)
    SyncStream.objects.filter(pk=stream.pk).update(last_error="Google asks us to wait.", due_at=later)
    waiting = read_accounts(ada, now=NOW)[0]
    assert (waiting.state, waiting.error, waiting.retry) == (
        "waiting",
        "Google asks us to wait.",
        "Next try 09:30",
    )

    SyncStream.objects.filter(pk=stream.pk).update(last_error="The server is busy.", failures=1)
    failing = read_accounts(ada, now=NOW)[0]
    assert (failing.state, failing.error, failing.retry) == ("error", "The server is busy.", "Next try 09:30")

    Mailbox.objects.filter(pk=stream.mailbox_id).update(state=MailboxState.REMOVING)
    assert read_accounts(ada, now=NOW)[0].state == "removing"


def test_an_account_that_goes_while_it_is_read_is_left_out(desk: Desk, ada: Member) -> None:
    box, gone = desk.mailboxes["ada"], list[int]()

    def lose(execute: Any, sql: str, *rest: Any) -> Any:
        if "mailboxes_syncstream" in sql and not gone:
            gone.append(box.pk)
            box.delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(lose):
        assert read_accounts(ada, now=NOW) == []


def test_settings_come_up_while_an_account_goes(desk: Desk, ada: Member, signed_in: SignIn) -> None:
    browser, seen = signed_in.as_(ada), list[str]()

    def go(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if '"mailboxes_syncstream"."kind" DESC' in sql and not seen:
            seen.append(sql)
            Mailbox.objects.update(state=MailboxState.REMOVING)
        return answer

    with connection.execute_wrapper(go):
        response = browser.get("/halyard/settings/account/email-calendar/", {"before": ""})
    assert seen
    assert response.status_code == 200
    assert response.context["accounts"][0].state != "removing"
    assert "Blocklist" not in response.content.decode()


def test_the_list_takes_a_fixed_number_of_statements(desk: Desk, ada: Member, stream: SyncStream) -> None:
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as captured:
            read_accounts(ada, now=NOW)
        counts.append(len(captured))
        Mailbox.objects.create(
            workspace=desk.workspace, member=ada, kind="imap", address=f"{number}@x.example"
        )

    assert counts == [3, 3]


def test_what_was_left_out_and_kept_aside_is_shown_and_tried_again(
    desk: Desk, ada: Member, ben: Member, stream: SyncStream, signed_in: SignIn
) -> None:
    for number in range(3):
        SkippedItem.objects.create(
            workspace=desk.workspace, stream=stream, provider_id=f"s{number}", reason=SkipReason.INTERNAL
        )
    QuarantinedItem.objects.create(
        workspace=desk.workspace, stream=stream, provider_id="q", reason="It has 2,000 parts.", size=10
    )
    mailbox = desk.mailboxes["ada"]
    url = f"/halyard/mailboxes/{mailbox.pk}/items/"

    page = signed_in.as_(ada).get(url).content.decode()

    assert "It has 2,000 parts." in page and "Only colleagues took part" in page
    assert [(one.reason, one.count) for one in left_out(mailbox)] == [("Only colleagues took part", 3)]
    assert signed_in.as_(ben).get(url).status_code == 404
    with pytest.raises(PermissionDenied):
        try_again(mailbox, by=ben)
    assert signed_in.as_(ben).post(f"{url}retry/").status_code == 404
    assert signed_in.as_(ada).post(f"{url}retry/").status_code == 302
    assert not QuarantinedItem.objects.exists()
    assert PendingItem.objects.get().provider_id == "q"
    stream.refresh_from_db()
    assert stream.due_at and stream.due_at <= timezone.now()


@pytest.mark.parametrize("path", ["settings/", "settings/account/"])
def test_a_shortened_address_leads_to_the_settings(ada: Member, signed_in: SignIn, path: str) -> None:
    response = signed_in.as_(ada).get(f"/halyard/{path}")

    assert response["Location"] == "/halyard/settings/account/email-calendar/"
