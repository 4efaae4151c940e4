"""Signing in to Exchange on premises: what is wrong, who is told, and that nothing is left behind."""

import logging
import time

import pytest
from exchangelib.protocol import CachingProtocol

from mailboxes.providers.base import (
    AuthExpired,
    FetchedMail,
    SetupWrong,
    TryLater,
    Unreachable,
)
from mailboxes.providers.exchange.account import Checked, check, open_exchange
from mailboxes.providers.exchange.errors import ONLINE, NoAccess, ServerProblem
from tests.fakes.ews_mail import Mailbox
from tests.fakes.exchange import Exchange
from tests.mailboxes.letters import letter
from tests.mailboxes.providers.exchange.rig import (
    ADA,
    SECRET,
    USER,
    account,
    deliver,
    egress,
    fetched,
    ids,
    listings,
    own,
    problem_of,
    reader,
)


def test_service_account_acts_for_the_mailbox(fake: Exchange, box: Mailbox) -> None:
    fake.add_service_account("CORP\\crm", "key", may_impersonate=True)
    one = deliver(box, 1)
    mail = reader(fake, username="CORP\\crm", password="key", impersonate=True)

    found = ids(listings(mail))

    assert [own(each) for each in found] == [one]
    assert type(fetched(mail, found)[found[0]]) is FetchedMail


PROBLEMS = {
    "wrong password": ({"password": "wrong"}, AuthExpired, "does not accept this user name and password"),
    "may not impersonate": ({"impersonate": True}, SetupWrong, "ApplicationImpersonation"),
    "another name": ({"address": "a.lovelace@corp.example"}, SetupWrong, "primary address"),
    "nobody": ({"address": "nobody@corp.example"}, SetupWrong, "no mailbox of this address"),
    "somebody else": ({"address": "ben@corp.example"}, NoAccess, "does not let this user read"),
    "not gone through with": ({"auth": "ntlm"}, TryLater, "does not go through with it"),
}


@pytest.mark.parametrize(("change", "kind", "words"), PROBLEMS.values(), ids=list(PROBLEMS))
def test_account_that_cannot_be_read_says_why(fake: Exchange, change: dict, kind: type, words: str) -> None:
    fake.add_user("ben@corp.example", password="other", username="CORP\\ben")

    problem = problem_of(reader(fake, **change))

    assert (type(problem), words in str(problem), SECRET in str(problem)) == (kind, True, False)


FAULTS = {
    "busy": ({"code": "ErrorServerBusy", "back_off": 120_000}, TryLater, 120.0),
    "busy, in a message": (
        {"code": "ErrorServerBusy", "back_off": 90_000, "in_message": True},
        TryLater,
        90.0,
    ),
    "connections": ({"code": "ErrorExceededConnectionCount"}, TryLater, None),
    "moving": ({"code": "ErrorMailboxMoveInProgress", "in_message": True}, TryLater, None),
    "anything": ({"code": "ErrorInternalServerError", "in_message": True}, ServerProblem, None),
}


@pytest.mark.parametrize(("fault", "kind", "retry_after"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_handed_to_the_scheduler_and_nobody_sleeps(
    fake: Exchange, fault: dict, kind: type, retry_after: float | None
) -> None:
    fake.fails("FindFolder", fault.pop("code"), **fault)
    started = time.monotonic()

    problem = problem_of(reader(fake))

    assert (type(problem), problem.retry_after) == (kind, retry_after)
    assert time.monotonic() - started < 2
    assert len(fake.calls("FindFolder")) == 1


@pytest.mark.parametrize(
    ("spoilt", "kind", "retry_after"),
    [
        ({"status": 503, "retry_after": 7}, TryLater, 7.0),
        ({"status": 429}, TryLater, None),
        ({"status": 500}, TryLater, None),
        ({"status": 404}, TryLater, None),
        ({"status": 403}, TryLater, None),
        ({"status": 401}, AuthExpired, None),
        ({"reset": True}, Unreachable, None),
        ({"truncate": True}, Unreachable, None),
        ({"status": 200, "body": b"<html>Sign in</html>"}, TryLater, None),
        ({"status": 200, "body": b""}, TryLater, None),
    ],
)  # fmt: skip
def test_web_server_that_does_not_answer_as_it_should(
    fake: Exchange, spoilt: dict, kind: type, retry_after: float | None
) -> None:
    fake.on("FindFolder", **spoilt)
    started = time.monotonic()

    problem = problem_of(reader(fake))

    assert (type(problem), getattr(problem, "retry_after", None)) == (kind, retry_after)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://outlook.office365.com/EWS/Exchange.asmx",
        "outlook.office.com",
        "https://OUTLOOK.OFFICE365.COM./",
        "https://eur01.outlook.com/EWS/Exchange.asmx",
    ],
)
def test_exchange_online_is_refused_with_a_pointer(fake: Exchange, endpoint: str) -> None:
    with pytest.raises(SetupWrong) as caught:
        reader(fake, endpoint=endpoint)

    assert str(caught.value) == ONLINE


@pytest.mark.parametrize("endpoint", ["ftp://mail.corp.example/", "https://", "https://ada:secret@corp.example/", "https://[::1", "https://a:b/"])  # fmt: skip
def test_endpoint_that_is_none_is_refused(fake: Exchange, endpoint: str) -> None:
    with pytest.raises(SetupWrong, match="no address of a server"):
        reader(fake, endpoint=endpoint)


def test_name_of_a_host_is_an_endpoint(fake: Exchange) -> None:
    named = [
        reader(fake, endpoint=one).session.endpoint for one in ("mail.corp.example", "https://[::1]:8443/")
    ]

    assert named == [
        "https://mail.corp.example/EWS/Exchange.asmx",
        "https://[::1]:8443/EWS/Exchange.asmx",
    ]


def test_nothing_is_shared_with_other_accounts_nor_left_behind(fake: Exchange, box: Mailbox) -> None:
    fake.add_user("ben@corp.example", password="other", username="CORP\\ben")
    mine = deliver(box, 1)
    his = deliver(fake.mailbox("ben@corp.example"), 2)
    ada = reader(fake)
    ben = reader(fake, address="ben@corp.example", username="CORP\\ben", password="other")

    found = [[own(one) for one in ids(listings(each))] for each in (ada, ben, ada)]

    protocols = [each.session._open().protocol for each in (ada, ben)]
    assert found == [[mine], [his], [mine]]
    assert protocols[0] is not protocols[1]
    assert [endpoint for endpoint, _ in CachingProtocol._protocol_cache if endpoint == fake.url] == []


def test_wrong_password_is_not_remembered(fake: Exchange, box: Mailbox) -> None:
    one = deliver(box, 1)

    wrong = problem_of(reader(fake, password="wrong"))
    found = ids(listings(reader(fake)))

    assert (type(wrong), [own(each) for each in found]) == (AuthExpired, [one])


def test_passwords_and_mail_are_in_no_log(
    fake: Exchange, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.deliver(letter(1, body="TOPSECRET").encode())
    fake.on("GetItem", call=1, status=200, body=b"<html>TOPSECRET</html>")
    mail = reader(fake)
    with caplog.at_level(logging.DEBUG):
        found = ids(listings(mail))
        with pytest.raises(TryLater) as caught:
            fetched(mail, found)
        problem_of(reader(fake, username="CORP\\ada", password="TOPSECRET"))
        good = fetched(mail, found)

    header = "Q09SUFxhZGE6"  # CORP\ada:
    assert type(good[found[0]]) is FetchedMail
    assert caplog.records != []
    assert [word for word in ("TOPSECRET", SECRET, header) if word in caplog.text + str(caught.value)] == []


@pytest.mark.parametrize("more", [b"<a/>", b'<a b="" c=""/>'])
def test_answer_that_would_be_a_forest_is_not_read(fake: Exchange, more: bytes) -> None:
    fake.on("FindFolder", status=200, body=b"<?xml version='1.0'?><x>" + more * 2_000_001 + b"</x>")

    problem = problem_of(reader(fake))

    assert (type(problem), "more than anybody asked for" in str(problem)) == (TryLater, True)


def test_session_can_be_closed_twice_and_used_again(fake: Exchange, box: Mailbox) -> None:
    one = deliver(box, 1)
    mail = reader(fake)
    list(mail.list_changes(""))

    mail.close()
    mail.close()

    assert [own(each) for each in ids(listings(mail))] == [one]


def test_account_is_opened_by_its_settings(fake: Exchange, box: Mailbox) -> None:
    one = deliver(box, 1)
    said = {"endpoint": fake.url, "address": ADA, "username": USER, "auth": "basic", "impersonate": False}
    settings = {"mail": said, "calendar": said}

    opened = [open_exchange(settings, {kind: SECRET}, kind, egress=egress(fake)) for kind in settings]

    assert [own(each) for each in ids(listings(opened[0]))] == [one]
    assert [folder.name for folder in opened[1].folders()] == ["Calendar"]
    with pytest.raises(SetupWrong):
        open_exchange({"mail": said}, {"mail": SECRET}, "calendar", egress=egress(fake))


def test_first_look_reads_one_message(fake: Exchange, box: Mailbox) -> None:
    empty = check("mail", **account(fake))
    deliver(box, 1)
    box.add_folder("Clients")

    looked = check("mail", **account(fake))

    assert empty == Checked(fake.url, ("Inbox", "Sent Items"))
    assert looked == Checked(fake.url, ("Inbox", "Clients", "Sent Items"), 1, has_read=True)


LOOKS = {
    "sign in": {"password": "wrong"},
    "connect": {"address": "nobody@corp.example"},
    "find the server": {"endpoint": "https://outlook.office365.com/"},
}


@pytest.mark.parametrize("step", LOOKS)
def test_first_look_says_where_it_failed(fake: Exchange, step: str) -> None:
    looked = check("mail", **account(fake, **LOOKS[step]))

    assert (looked.failed, looked.has_read, bool(looked.problem)) == (step, False, True)


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        ("FindFolder", "list the folders"),
        ("SyncFolderItems", "read a message"),
        ("GetItem", "read a message"),
    ],
)
def test_first_look_says_what_cannot_be_read(fake: Exchange, box: Mailbox, operation: str, step: str) -> None:
    deliver(box, 1)
    fake.fails(operation, "ErrorInternalServerError", in_message=True)

    looked = check("mail", **account(fake))

    assert (looked.failed, "ErrorInternalServerError" in looked.problem) == (step, True)
