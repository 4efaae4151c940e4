"""Mail of Microsoft 365 through the real engine, against the strict fake of Graph."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Member
from intelligence.verifying import differences
from mailboxes.models import EmailMessage, Mailbox, MessageCopy
from mailboxes.running import run_now
from tests.conftest import SignIn
from tests.desk import HOME, NOW, Desk, mail
from tests.fakes.graph_mailbox import Mailbox as Mail
from tests.fakes.microsoft import Microsoft
from tests.mailboxes.consentrig import answer_of, connected, microsoft_set_up, stream_of
from tests.mailboxes.letters import letter

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


@pytest.fixture
def box(fake: Microsoft, ada: Member, browser: Client) -> Mailbox:
    found = connected(fake, browser, ada)
    fake.log.clear()
    return found


def subjects() -> set[str]:
    return set(MessageCopy.objects.values_list("subject", flat=True))


def deliver(inbox: Mail, *numbers: int, folder: str = "inbox") -> list[str]:
    return [inbox.deliver(letter(number).encode(), folder=folder) for number in numbers]


def run(box: Mailbox) -> None:
    run_now(stream_of(box))
    assert stream_of(box).last_error == ""
    assert list(differences(box.workspace_id, now=timezone.now())) == []


def test_all_folders_are_read_but_drafts_junk_and_deleted_items(box: Mailbox, inbox: Mail) -> None:
    inbox.add_folder("Clients")
    inbox.add_folder("Acme", parent="Clients")
    inbox.add_folder("Old", parent="deleteditems")
    for number, folder in enumerate(("inbox", "sentitems", "archive", "Clients", "Acme")):
        deliver(inbox, number, folder=folder)
    for number, folder in enumerate(("drafts", "junkemail", "deleteditems", "Old"), start=10):
        deliver(inbox, number, folder=folder)

    run(box)

    assert subjects() == {f"SUBJECT{number}" for number in range(5)}


def test_changes_come_by_link(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    gone, trashed, kept = deliver(inbox, 1, 2, 3)
    run(box)
    fake.log.clear()
    inbox.delete(gone)
    inbox.move(trashed, "deleteditems")
    inbox.change(kept, is_read=True)
    inbox.replay(kept)
    deliver(inbox, 4)

    run(box)

    assert subjects() == {"SUBJECT3", "SUBJECT4"}


def test_a_moved_message_is_never_gone(box: Mailbox, inbox: Mail) -> None:
    (one,) = deliver(inbox, 1)
    run(box)
    before = EmailMessage.objects.get()
    inbox.move(one, "archive")

    run(box)

    assert (EmailMessage.objects.get().pk, subjects()) == (before.pk, {"SUBJECT1"})


def test_a_lost_state_is_compared_with_what_is_stored(box: Mailbox, inbox: Mail) -> None:
    gone, _ = deliver(inbox, 1, 2)
    run(box)
    inbox.delete(gone)
    deliver(inbox, 3)
    inbox.forget_state()

    run(box)

    assert subjects() == {"SUBJECT2", "SUBJECT3"}


@pytest.mark.parametrize(("status", "code"), [(410, "SyncStateNotFound"), (400, "syncStateNotFound")])
def test_both_ways_to_say_so_are_understood(box: Mailbox, inbox: Mail, status: int, code: str) -> None:
    deliver(inbox, 1)
    run(box)
    inbox.forget_state(status=status, code=code)
    deliver(inbox, 2)

    run(box)

    assert subjects() == {"SUBJECT1", "SUBJECT2"}


def test_a_deleted_folder_goes_with_its_mail(box: Mailbox, inbox: Mail) -> None:
    inbox.add_folder("Clients")
    deliver(inbox, 1, folder="Clients")
    deliver(inbox, 2)
    run(box)
    inbox.delete_folder("Clients")

    run(box)

    assert subjects() == {"SUBJECT2"}


def test_long_folders_are_read_page_by_page(box: Mailbox, inbox: Mail) -> None:
    deliver(inbox, *range(501))

    run(box)

    assert MessageCopy.objects.count() == 501


@pytest.mark.parametrize("page", ["empty", "duplicated", "reversed"])
def test_pages_may_be_empty_doubled_or_in_any_order(
    box: Mailbox, inbox: Mail, fake: Microsoft, page: str
) -> None:
    deliver(inbox, *range(30))
    fake.faults.on("GET", DELTA, page=page, call=range(1, 9))  # type: ignore[arg-type]

    run(box)

    assert MessageCopy.objects.count() == 30


def test_a_throttled_part_of_a_batch_is_fetched_later(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    deliver(inbox, *range(5))
    fake.faults.on("GET", "/v1.0/me/messages/.../$value", call=3, status=429, retry_after=7)

    run_now(stream_of(box))
    first = stream_of(box)
    stored = MessageCopy.objects.count()
    run(box)

    assert (stored, first.failures, first.last_error) == (4, 0, "Microsoft asks us to wait.")
    assert MessageCopy.objects.count() == 5


def test_the_refresh_token_is_another_one_each_time(box: Mailbox, inbox: Mail, fake: Microsoft) -> None:
    for number in range(3):
        fake.expire_access(ADA)
        deliver(inbox, number)
        run(box)

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
