"""The IMAP provider against a real server: signing in, reading messages, a first look."""

from datetime import UTC, datetime, timedelta

import pytest

from mailboxes.providers.base import AuthExpired, FetchedMail, Missing, SetupWrong
from mailboxes.providers.imap.provider import Checked, check
from mailboxes.providers.rawmail import LARGEST_MESSAGE
from tests.servers.dovecot import RECEIVED, commands, dovecot, letter, recording
from tests.servers.engine import Engine, subject
from tests.servers.loopback import free_port


@pytest.fixture(scope="module")
def server():
    with dovecot() as running:
        yield running


@pytest.fixture
def ada(server):
    """Someone new in every test."""
    user = server.new_user()
    yield user
    user.close()


@pytest.fixture
def engine(ada):
    return Engine(ada.provider)


def test_message_comes_with_its_bytes_and_its_arrival(ada):
    raw = b"From: a@example.org\r\n\r\n\xe9\xff\x80 {3}\r\n)\r\n"
    ada.deliver(raw, received=datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC))
    provider = ada.provider()
    listed = [item for page in provider.list_changes("") for item in page.items]

    fetched = list(provider.fetch([item.provider_id for item in listed]))

    moment = datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC)
    assert [item.order for item in listed] == [moment.timestamp()]
    assert fetched == [FetchedMail(listed[0].provider_id, raw, len(raw), moment)]
    provider.close()


def test_order_is_comparable_across_folders(ada):
    ada.make_folder("Work")
    for hours, folder in enumerate(["INBOX", "Work", "INBOX", "Work"]):
        ada.deliver(letter(f"hour {hours}"), folder, received=RECEIVED + timedelta(hours=hours))
    provider = ada.provider()
    items = [item for page in provider.list_changes("") for item in page.items]

    newest = sorted(items, key=lambda item: -item.order)

    hours = [f"hour {hours}" for hours in (3, 2, 1, 0)]
    assert [subject(next(provider.fetch([item.provider_id]))) for item in newest] == hours
    provider.close()


def test_reading_leaves_no_trace(ada, engine):
    ada.make_folder("Work")
    ada.deliver(letter("one"))
    ada.deliver(letter("two"), "Work")
    with recording(ada.server) as heard:
        engine.open = lambda: ada.provider(port=heard.port, egress=ada.server.egress(heard.port))
        engine.run()

    said = " ".join(commands(heard))
    assert (ada.unread(), ada.unread("Work")) == (1, 1)
    assert "BODY.PEEK[]" in said
    assert [word for word in ("SELECT", "STORE", "EXPUNGE", "BODY[", "RFC822 ") if word in said] == []


def test_what_is_gone_by_the_time_it_is_fetched_is_missing(ada):
    ada.make_folder("Work", "Old")
    for folder in ("INBOX", "Work", "Old"):
        ada.deliver(letter(folder), folder)
    ada.deliver(letter("stays"))
    provider = ada.provider()
    listed = [item.provider_id for page in provider.list_changes("") for item in page.items]
    ada.delete("INBOX")
    ada.renumber("Work")
    ada.remove_folder("Old")

    fetched = list(provider.fetch([*listed, "Old/1/1", "00000000000000000000/1/0/1"]))

    kept = [subject(item) for item in fetched if isinstance(item, FetchedMail)]
    assert (kept, len(fetched)) == (["stays"], 6)
    assert sum(isinstance(item, Missing) for item in fetched) == 5
    provider.close()


def test_fetch_works_without_a_listing_before(ada, engine):
    ada.deliver(letter("one"))
    engine.run()
    provider = ada.provider()

    assert [subject(item) for item in provider.fetch(list(engine.stored))] == ["one"]
    provider.close()


def test_huge_message_is_cut_to_its_head(ada):
    huge = letter("huge", size=LARGEST_MESSAGE + 2**20)
    ada.deliver(huge)
    ada.deliver(letter("small"))
    provider = ada.provider()
    listed = [item.provider_id for page in provider.list_changes("") for item in page.items]

    fetched = {subject(item): item for item in provider.fetch(listed)}

    head = huge.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert (fetched["huge"].raw, fetched["huge"].size) == (head, len(huge))
    assert fetched["small"].raw == letter("small")
    provider.close()


def test_messages_are_fetched_in_batches_of_bounded_size(ada):
    for number in range(7):
        ada.deliver(letter(f"number {number}", size=3 * 2**20))
    with recording(ada.server) as heard:
        engine = Engine(lambda: ada.provider(port=heard.port, egress=ada.server.egress(heard.port)))
        came, _ = engine.run()

    fetches = [command for command in commands(heard) if "BODY.PEEK[]" in command]
    assert len(came) == 7
    assert [command.split()[2] for command in fetches] == ["6:7", "4:5", "2:3", "1"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted_connection_needs_a_certificate_that_can_be_trusted(ada, security):
    server = ada.server
    port = server.tls_port if security == "tls" else server.port
    ada.deliver(letter("one"))
    secure = {"host": "localhost", "port": port, "security": security}
    trusted = Engine(lambda: ada.provider(**secure, egress=server.egress(ca_file=server.certificate)))

    assert trusted.run() == (["one"], [])
    with recording(server) as heard:
        stranger = ada.provider(**secure)
        with pytest.raises(SetupWrong, match="certificate of localhost cannot be trusted"):
            list(stranger.list_changes(""))
        assert heard.lines == []


def test_wrong_password_is_expired_and_says_nothing_secret(ada):
    provider = ada.provider(password="hunter2")

    with pytest.raises(AuthExpired, match="did not accept") as caught:
        list(provider.list_changes(""))

    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_unencrypted_connection_stays_in_the_administrators_networks(ada):
    outside = ada.provider(host="93.184.215.14")

    with pytest.raises(SetupWrong, match="not allowed here"):
        list(outside.list_changes(""))


def test_check_reads_one_message_from_end_to_end(ada):
    ada.make_folder("Arbeit/Äpfel", "Trash")
    for number in range(3):
        ada.deliver(letter(f"number {number}"))
    ada.deliver(letter("far"), "Arbeit/Äpfel")

    assert check(**ada.account()) == Checked(("INBOX", "Arbeit/Äpfel"), messages=4, has_read=True)


def test_check_of_an_empty_account_has_nothing_to_read(ada):
    assert check(**ada.account()) == Checked(("INBOX",), messages=0, has_read=False)


def test_check_names_what_failed(ada):
    secret = check(**ada.account(password="wrong"))
    nowhere = check(**ada.account(host="imap.example.invalid"))
    silent = check(**ada.account(port=(port := free_port()), egress=ada.server.egress(port)))
    broken = check(**ada.account(password="a\r\nb LOGOUT"))

    assert secret.failed == "sign in"
    assert [one.failed for one in (nowhere, silent, broken)] == ["connect"] * 3
    assert nowhere.problem == "There is no server of that name. Check the spelling."
    assert silent.problem == f"The server 127.0.0.1 does not answer on port {port}."
    assert broken.problem.startswith("The user name or password has a character that cannot be sent")
