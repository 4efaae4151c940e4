"""Mail of Microsoft 365 through the real engine, against the strict fake of Graph."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Member
from mailboxes import syncing
from mailboxes.listing import store_listing
from mailboxes.models import EmailMessage, Mailbox, MessageCopy, PendingItem, QuarantinedItem
from mailboxes.providers.base import ListedItem, Listing
from mailboxes.providers.microsoft.heads import headers_of
from mailboxes.running import run_now
from mailboxes.syncing import REFUSED_FOR
from tests.conftest import SignIn
from tests.desk import HOME, NOW, Desk, mail
from tests.fakes.faults import Fault
from tests.fakes.graph_mailbox import Mailbox as Mail
from tests.fakes.microsoft import Microsoft
from tests.mailboxes.consentrig import answer_of, microsoft_set_up, read_well
from tests.mailboxes.letters import letter, stream_of

pytestmark = pytest.mark.django_db
ADA = "ada@halyard.example"
DELTA = "/v1.0/me/mailFolders/.../messages/delta"


@pytest.fixture
def fake() -> Iterator[Microsoft]:
    with microsoft_set_up() as fake:
        fake.add_tenant("halyard.example")
        fake.add_user(ADA, name="Ada Lovelace")
        yield fake


@pytest.fixture
def inbox(fake: Microsoft) -> Mail:
    return fake.mailbox(ADA)


@pytest.fixture
def browser(ada: Member, signed_in: SignIn) -> Client:
    return signed_in.as_(ada)


def subjects() -> set[str]:
    return set(MessageCopy.objects.values_list("subject", flat=True))


def deliver(inbox: Mail, *numbers: int, folder: str = "inbox") -> list[str]:
    return [inbox.deliver(letter(number).encode(), folder=folder) for number in numbers]


def test_all_folders_are_read_but_drafts_junk_and_deleted_items(box: Mailbox, inbox: Mail) -> None:
    inbox.add_folder("Clients")
    inbox.add_folder("Acme", parent="Clients")
    inbox.add_folder("Old", parent="deleteditems")
    for number, folder in enumerate(("inbox", "sentitems", "archive", "Clients", "Acme")):
        deliver(inbox, number, folder=folder)
    for number, folder in enumerate(("drafts", "junkemail", "deleteditems", "Old"), start=10):
        deliver(inbox, number, folder=folder)

    read_well(box)

    assert subjects() == {f"SUBJECT{number}" for number in range(5)}


def test_changes_come_by_link(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    gone, trashed, kept = deliver(inbox, 1, 2, 3)
    read_well(box)
    fake.log.clear()
    inbox.delete(gone)
    inbox.move(trashed, "deleteditems")
    inbox.change(kept, is_read=True)
    inbox.replay(kept)
    deliver(inbox, 4)

    read_well(box)

    assert subjects() == {"SUBJECT3", "SUBJECT4"}


def test_a_moved_message_is_never_gone(box: Mailbox, inbox: Mail) -> None:
    (one,) = deliver(inbox, 1)
    read_well(box)
    before = EmailMessage.objects.get()
    inbox.move(one, "archive")

    read_well(box)

    assert (EmailMessage.objects.get().pk, subjects()) == (before.pk, {"SUBJECT1"})


def test_a_lost_state_is_compared_with_what_is_stored(box: Mailbox, inbox: Mail) -> None:
    gone, _ = deliver(inbox, 1, 2)
    read_well(box)
    inbox.delete(gone)
    deliver(inbox, 3)
    inbox.forget_state()

    read_well(box)

    assert subjects() == {"SUBJECT2", "SUBJECT3"}


@pytest.mark.parametrize(("status", "code"), [(410, "SyncStateNotFound"), (400, "syncStateNotFound")])
def test_both_ways_to_say_so_are_understood(box: Mailbox, inbox: Mail, status: int, code: str) -> None:
    deliver(inbox, 1)
    read_well(box)
    inbox.forget_state(status=status, code=code)
    deliver(inbox, 2)

    read_well(box)

    assert subjects() == {"SUBJECT1", "SUBJECT2"}


def test_a_deleted_folder_goes_with_its_mail(box: Mailbox, inbox: Mail) -> None:
    inbox.add_folder("Clients")
    deliver(inbox, 1, folder="Clients")
    deliver(inbox, 2)
    read_well(box)
    inbox.delete_folder("Clients")

    read_well(box)

    assert subjects() == {"SUBJECT2"}


def test_long_folders_are_read_page_by_page(box: Mailbox, inbox: Mail) -> None:
    deliver(inbox, *range(501))

    read_well(box)

    assert MessageCopy.objects.count() == 501


@pytest.mark.parametrize("page", ["empty", "duplicated", "reversed"])
def test_pages_may_be_empty_doubled_or_in_any_order(
    box: Mailbox, inbox: Mail, fake: Microsoft, page: str
) -> None:
    deliver(inbox, *range(30))
    fake.faults.on("GET", DELTA, page=page, call=range(1, 9))  # type: ignore[arg-type]

    read_well(box)

    assert MessageCopy.objects.count() == 30


def test_a_throttled_part_of_a_batch_is_fetched_later(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    deliver(inbox, *range(5))
    fake.faults.on("GET", "/v1.0/me/messages/.../$value", call=3, status=429, retry_after=7)

    run_now(stream_of(box))
    first = stream_of(box)
    stored = MessageCopy.objects.count()
    read_well(box)

    assert (stored, first.failures, first.last_error) == (4, 0, "Microsoft asks us to wait.")
    assert MessageCopy.objects.count() == 5


def test_the_refresh_token_is_another_one_each_time(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    for number in range(3):
        fake.expire_access(ADA)
        deliver(inbox, number)
        read_well(box)

    assert len(subjects()) == 3
    assert len(fake.log.of("POST", "/.../oauth2/v2.0/token")) == 3


def test_a_mailbox_that_is_on_premises_says_so(fake: Microsoft, browser: Client) -> None:
    fake.disable_mailbox(ADA)
    fake.consents(ADA)

    back = browser.get(answer_of(browser, "halyard", kind="microsoft"))
    page = browser.get(back["Location"]).content.decode()

    assert "connect Exchange instead" in page


def test_an_organisation_that_asks_its_administrator_gets_the_link(fake: Microsoft, browser: Client) -> None:
    fake.add_tenant("strict.example", bars_consent=True)
    fake.add_user("ada@strict.example")
    fake.consents("ada@strict.example")

    page = browser.get(answer_of(browser, "halyard", kind="microsoft"))

    assert page.status_code == 400
    assert "administrator" in page.content.decode()
    assert f"{fake.login_url}/organizations/adminconsent?" in page.content.decode()


def test_an_address_that_is_only_typed_there_claims_no_contact(
    fake: Microsoft, browser: Client, desk: Desk
) -> None:
    """Whoever administers a tenant writes what he likes as somebody's address."""
    desk.put("ben", mail("1@x", "bob@acme.example", f"ben@{HOME}", at=NOW))
    fake.add_tenant("acme.example")
    fake.add_user("bob@acme.example")
    fake.consents("bob@acme.example")
    back = browser.get(answer_of(browser, "halyard", kind="microsoft"))

    page = browser.post(back["Location"], {"reads_mail": "on"})

    assert "bob@acme.example is known here as somebody outside." in page.content.decode()
    assert not Mailbox.objects.filter(kind="microsoft").exists()


# What Microsoft will not hand over.


def refuse(fake: Microsoft, id: str, *, status: int = 500) -> Fault:
    """As it does for some messages whose text it cannot put together."""
    return fake.faults.on(
        "GET", "/v1.0/me/messages/.../$value", when=lambda asked: id in unquote(asked.path), status=status
    )


def test_a_message_that_is_refused_keeps_nobody_from_the_others(
    box: Mailbox, inbox: Mail, fake: Microsoft
) -> None:
    newest, *_ = reversed(deliver(inbox, 1, 2, 3))
    refuse(fake, newest)

    read_well(box)

    assert subjects() == {"SUBJECT1", "SUBJECT2"}
    assert list(PendingItem.objects.values_list("attempts", "is_removal")) == [(0, False)]
    assert stream_of(box).backfilled_at
    fake.faults.clear()
    read_well(box)
    assert subjects() == {"SUBJECT1", "SUBJECT2", "SUBJECT3"}
    assert not PendingItem.objects.exists()


@pytest.mark.parametrize("status", [500, 400])
def test_a_message_that_is_refused_for_hours_is_kept_aside(
    box: Mailbox, inbox: Mail, fake: Microsoft, status: int
) -> None:
    _kept, trashed, odd = deliver(inbox, 1, 2, 3)
    refuse(fake, odd, status=status)
    read_well(box)
    PendingItem.objects.update(refused_since=timezone.now() - REFUSED_FOR - timedelta(minutes=1))
    # Nothing else is handed over: it may be Microsoft, not the message.
    read_well(box)
    assert (PendingItem.objects.count(), QuarantinedItem.objects.count()) == (1, 0)
    inbox.move(trashed, "deleteditems")
    deliver(inbox, 4)

    read_well(box)

    assert subjects() == {"SUBJECT1", "SUBJECT4"}
    assert not PendingItem.objects.exists()
    aside = QuarantinedItem.objects.get()
    assert odd in aside.provider_id
    assert "Microsoft" in aside.reason


def test_what_is_refused_takes_turns(
    box: Mailbox, inbox: Mail, fake: Microsoft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one page holds."""
    monkeypatch.setattr(syncing, "PAGE_ITEMS", 2)
    refused = []
    for number in (1, 3, 5):
        odd, _ = deliver(inbox, number, number + 1)
        refuse(fake, odd)
        refused.append(odd)
        read_well(box)
    assert subjects() == {"SUBJECT2", "SUBJECT4", "SUBJECT6"}
    fake.faults.clear()
    for odd in refused[:2]:
        refuse(fake, odd)

    read_well(box)

    assert subjects() == {"SUBJECT2", "SUBJECT4", "SUBJECT5", "SUBJECT6"}


def test_an_outage_is_not_taken_for_refused_messages(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    deliver(inbox, 1, 2, 3)
    fake.faults.on("GET", "/v1.0/me/messages/.../$value", status=503)

    run_now(stream_of(box))

    assert (stream_of(box).failures, stream_of(box).backfilled_at) == (1, None)
    assert set(PendingItem.objects.values_list("attempts", "refused_since")) == {(0, None)}
    fake.faults.clear()
    read_well(box)
    assert subjects() == {"SUBJECT1", "SUBJECT2", "SUBJECT3"}


def test_a_folder_that_goes_while_folders_are_read_is_passed_over(
    box: Mailbox, inbox: Mail, fake: Microsoft
) -> None:
    inbox.add_folder("Clients")
    deliver(inbox, 1)
    deliver(inbox, 2, folder="Clients")
    read_well(box)
    deliver(inbox, 3)
    deliver(inbox, 4, folder="Clients")
    clients = inbox.folder("Clients").id
    fake.faults.on("GET", DELTA, call=1, when=lambda asked: clients in unquote(asked.path), status=404)

    read_well(box)
    seen = subjects()
    read_well(box)

    assert seen == {"SUBJECT1", "SUBJECT2", "SUBJECT3"}
    assert subjects() == {f"SUBJECT{number}" for number in (1, 2, 3, 4)}


def test_what_comes_back_before_its_removal_stays(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    """It is told as gone, and before that is done, as there again."""
    _one, _ = deliver(inbox, 1, 2)
    read_well(box)
    stream = stream_of(box)
    provider_id = MessageCopy.objects.get(subject="SUBJECT1").provider_id
    store_listing(stream, Listing((), stream.cursor, removed=[provider_id]))
    assert PendingItem.objects.get().is_removal
    store_listing(stream, Listing([ListedItem(provider_id, 1)], stream.cursor))

    read_well(box)

    assert subjects() == {"SUBJECT1", "SUBJECT2"}


def test_a_huge_message_that_never_travelled_has_the_headers_of_its_properties() -> None:
    somebody = {"emailAddress": {"name": 'Bob "B" Doe', "address": "bob@acme.example"}}
    message = {
        "subject": "Plans",
        "from": {"emailAddress": {"name": "Ada", "address": ADA}},
        "toRecipients": [somebody, {"emailAddress": {"name": "Nobody"}}],
        "internetMessageId": "<1@acme.example>",
        "sentDateTime": "2026-11-20T10:00:00Z",
    }

    assert headers_of(message) == [
        ("From", f'"Ada" <{ADA}>'),
        ("To", "\"Bob 'B' Doe\" <bob@acme.example>"),
        ("Subject", "Plans"),
        ("Message-ID", "<1@acme.example>"),
        ("Date", "Fri, 20 Nov 2026 10:00:00 +0000"),
    ]
    assert headers_of({**message, "internetMessageHeaders": [{"name": "X", "value": "y"}]}) == [("X", "y")]
