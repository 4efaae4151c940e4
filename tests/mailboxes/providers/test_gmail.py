"""Gmail through the real engine, against the strict fake: what is read, what goes, what is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from intelligence.verifying import differences
from mailboxes.models import Mailbox, MessageCopy, PendingItem
from mailboxes.providers.webapi import Request
from mailboxes.running import run_now
from tests.fakes.gmail_mailbox import Mailbox as Mail
from tests.fakes.google import Google
from tests.mailboxes.consentrig import google_set_up
from tests.mailboxes.letters import letter, stream_of

pytestmark = pytest.mark.django_db
ADA = "ada@halyard.example"
MESSAGES, ME = "/gmail/v1/users/me/messages", "/gmail/v1/users/me"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_set_up() as fake:
        fake.add_user(ADA)
        yield fake


@pytest.fixture
def mail(fake: Google) -> Mail:
    return fake.mailbox(ADA)


def subjects() -> set[str]:
    return set(MessageCopy.objects.values_list("subject", flat=True))


def deliver(mail: Mail, *numbers: int, **more: object) -> list[str]:
    return [mail.deliver(letter(number).encode(), **more) for number in numbers]  # type: ignore[arg-type]


def test_all_mail_is_read_but_drafts_chats_spam_and_trash(box: Mailbox, mail: Mail) -> None:
    deliver(mail, 1)
    deliver(mail, 2, labels=["SENT"])
    deliver(mail, 3, labels=[])
    for number, label in enumerate(("DRAFT", "CHAT", "SPAM", "TRASH"), start=4):
        deliver(mail, number, labels=[label])

    counts = run_now(stream_of(box))

    assert subjects() == {"SUBJECT1", "SUBJECT2", "SUBJECT3"}
    assert (counts.stored, counts.quarantined, PendingItem.objects.count()) == (3, 0, 0)
    assert list(differences(box.workspace_id, now=timezone.now())) == []


def test_a_poll_that_finds_nothing_is_one_request_and_changes_nothing(
    box: Mailbox, mail: Mail, fake: Google
) -> None:
    deliver(mail, 1)
    run_now(stream_of(box))
    cursor = stream_of(box).cursor
    fake.log.clear()

    run_now(stream_of(box))

    assert [call.path for call in fake.log.calls] == [f"{ME}/history"]
    assert stream_of(box).cursor == cursor


def test_changes_come_by_history(box: Mailbox, mail: Mail, fake: Google) -> None:
    gone, trashed, spam, kept = deliver(mail, 1, 2, 3, 4)
    (draft,) = deliver(mail, 5, labels=["DRAFT"])
    (junk,) = deliver(mail, 6, labels=["SPAM"])
    run_now(stream_of(box))
    fake.log.clear()
    mail.delete(gone)
    mail.trash(trashed)
    mail.relabel(spam, add=["SPAM"])
    mail.relabel(kept, add=["STARRED"], remove=["UNREAD"])
    mail.delete(draft)
    mail.relabel(junk, add=["INBOX"], remove=["SPAM"])
    deliver(mail, 7)

    run_now(stream_of(box))

    assert subjects() == {"SUBJECT4", "SUBJECT6", "SUBJECT7"}
    assert len(fake.log.of("GET", MESSAGES)) == 0
    assert list(differences(box.workspace_id, now=timezone.now())) == []


def test_mail_moved_out_of_the_trash_comes_back(box: Mailbox, mail: Mail) -> None:
    (one,) = deliver(mail, 1)
    run_now(stream_of(box))
    mail.trash(one)
    run_now(stream_of(box))
    in_the_trash = subjects()
    mail.relabel(one, add=["INBOX"], remove=["TRASH"])

    run_now(stream_of(box))

    assert (in_the_trash, subjects()) == (set(), {"SUBJECT1"})


def test_what_arrives_during_the_backfill_is_not_lost(box: Mailbox, mail: Mail, fake: Google) -> None:
    deliver(mail, 1)
    fake.faults.on("GET", MESSAGES, call=1, run=lambda: deliver(mail, 2))

    run_now(stream_of(box))
    run_now(stream_of(box))

    assert subjects() == {"SUBJECT1", "SUBJECT2"}


def test_a_forgotten_history_is_compared_with_what_is_stored(box: Mailbox, mail: Mail, fake: Google) -> None:
    gone, _ = deliver(mail, 1, 2)
    run_now(stream_of(box))
    mail.delete(gone)
    deliver(mail, 3)
    mail.forget_history()
    fake.log.clear()

    run_now(stream_of(box))

    assert subjects() == {"SUBJECT2", "SUBJECT3"}
    fetched = [call for call in fake.log.of("GET", f"{MESSAGES}/...") if call.status == 200]
    assert len(fetched) == 1
    assert stream_of(box).last_error == ""


@pytest.fixture
def plenty(fake: Google, settings: Any) -> None:
    """Enough of the quota for a long mailbox at once."""
    fake.gmail.quota.limit = settings.GMAIL_UNITS_PER_MINUTE = 100_000


@pytest.mark.usefixtures("plenty")
def test_long_lists_are_read_page_by_page(box: Mailbox, mail: Mail, fake: Google) -> None:
    deliver(mail, *range(501))
    deliver(mail, *range(600, 603), labels=["DRAFT"])

    counts = run_now(stream_of(box))

    assert (counts.stored, MessageCopy.objects.count()) == (501, 501)


@pytest.mark.usefixtures("plenty")
def test_a_listing_that_was_cut_goes_on_with_its_page(box: Mailbox, mail: Mail, fake: Google) -> None:
    deliver(mail, *range(501))
    # Drafts and chats are listed first.
    fake.faults.on("GET", MESSAGES, call=4, status=503)

    run_now(stream_of(box))
    after_fault = PendingItem.objects.count()
    run_now(stream_of(box))

    assert (after_fault, MessageCopy.objects.count()) == (500, 501)


def test_a_message_too_large_for_a_batch_is_read_by_its_headers(
    box: Mailbox, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The limits of a batch, and of a message.
    monkeypatch.setattr("mailboxes.providers.google.api.Request", partial(Request, limit=20_000))
    monkeypatch.setattr("mailboxes.providers.google.gmail._MESSAGE_BYTES", 20_000)
    deliver(mail, 1, 2, 3)
    mail.deliver(letter(4, body="x" * 30_000).encode())

    counts = run_now(stream_of(box))

    assert subjects() == {"SUBJECT1", "SUBJECT2", "SUBJECT3", "SUBJECT4"}
    assert counts.quarantined == 0


def test_the_received_time_is_googles(box: Mailbox, mail: Mail) -> None:
    raw = letter(1).replace("Date: 01 Nov 2026 00:01:00 +0000\n", "")
    mail.deliver(raw.encode())

    run_now(stream_of(box))

    (stored,) = mail.mails.values()
    at = datetime.fromtimestamp(stored.received // 1000, UTC)
    assert MessageCopy.objects.get().occurred_at.replace(microsecond=0) == at


# Limits.


def test_a_quota_is_a_pause_and_no_failure(box: Mailbox, mail: Mail, fake: Google) -> None:
    fake.gmail.quota.limit = 500
    deliver(mail, *range(60))

    run_now(stream_of(box))
    paused = stream_of(box)
    stored = MessageCopy.objects.count()
    while stream_of(box).last_error:
        fake.clock.advance(seconds=61)
        run_now(stream_of(box))

    assert (paused.failures, paused.last_error) == (0, "Google asks us to wait.")
    assert paused.due_at and paused.last_run_at
    assert 50 < (paused.due_at - paused.last_run_at).total_seconds() <= 61
    assert 0 < stored < MessageCopy.objects.count() == 60


def test_our_own_limit_stops_before_google_refuses(box: Mailbox, mail: Mail, fake: Google) -> None:
    deliver(mail, *range(320))

    run_now(stream_of(box))

    refused = [call for call in fake.log.calls if call.status in (403, 429)]
    assert refused == []
    assert MessageCopy.objects.count() == 299
    assert stream_of(box).failures == 0


# Refusals that somebody has to do something about.


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (403, "accessNotConfigured", "An administrator can enable it in the Google Cloud console."),
        (403, "insufficientPermissions", "Reconnect the account and leave every box ticked."),
        (403, "domainPolicy", "The administrator of this Google account does not allow it."),
        (400, "failedPrecondition", "This Google account has no Gmail."),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(
    box: Mailbox, fake: Google, status: int, reason: str, said: str
) -> None:
    fake.faults.on("GET", f"{ME}/profile", status=status, reason=reason)

    run_now(stream_of(box))

    stream = stream_of(box)
    assert said in stream.last_error
    assert stream.due_at is None
