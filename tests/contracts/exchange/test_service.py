"""The fake of Exchange: signing in, acting for others, strictness, faults."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from exchangelib import IMPERSONATION, FaultTolerance
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorMailboxMoveInProgress,
    ErrorNonExistentMailbox,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    RateLimitError,
    UnauthorizedError,
)

from tests.contracts.exchange.asking import (
    ADA,
    BEN,
    INBOX,
    account,
    ask,
    cast,
    codes,
    envelope,
    found,
    get_folder,
    get_item,
    shape,
    sync,
    texts,
)  # fmt: skip
from tests.contracts.http import HTTP
from tests.fakes.ews_search import NotInThisFake
from tests.fakes.exchange import Exchange, exchange

RAW = b"From: ben@corp.example\r\nSubject: Hello\r\nMessage-ID: <a@corp.example>\r\n\r\nHow are you?\r\n"
NOBODY = "zoe@corp.example"


def acting_for(email: str, kind: str = "PrimarySmtpAddress") -> str:
    who = f"<t:ConnectingSID><t:{kind}>{email}</t:{kind}></t:ConnectingSID>"
    return f"<t:ExchangeImpersonation>{who}</t:ExchangeImpersonation>"


def inbox_of(email: str) -> str:
    mailbox = f"<t:Mailbox><t:EmailAddress>{email}</t:EmailAddress></t:Mailbox>"
    return f'<t:DistinguishedFolderId Id="inbox">{mailbox}</t:DistinguishedFolderId>'


def test_wrong_credentials_are_a_401_that_names_the_ways_in(fake: Exchange) -> None:
    wrong = ask(fake, get_folder(), password="guess")
    nobody = ask(fake, get_folder(), user="CORP\\zoe")
    none = HTTP.post(fake.url, content=envelope(get_folder()))

    assert [one.status_code for one in (wrong, nobody, none)] == [401, 401, 401]
    assert wrong.headers["www-authenticate"] == 'Negotiate, NTLM, Basic realm="127.0.0.1"'
    with pytest.raises(UnauthorizedError):
        account(fake, password="guess").root  # noqa: B018


def test_people_sign_in_with_username_or_address_in_any_case(fake: Exchange) -> None:
    answers = [ask(fake, get_folder(), user=user) for user in ("corp\\ADA", ADA)]

    assert [codes(one) for one in answers] == [(200, ["NoError"])] * 2
    assert [call.user for call in fake.calls("GetFolder")] == ["CORP\\ada"] * 2


def test_other_mailboxes_are_refused(fake: Exchange) -> None:
    bens = fake.mailbox(BEN).deliver(RAW)
    folder = f'<t:FolderId Id="{fake.mailbox(BEN).id_of("inbox")}"/>'

    refused = ask(fake, get_folder(inbox_of(BEN), folder, INBOX))
    item = ask(fake, get_item(bens, shape=shape()))

    assert codes(refused) == (200, ["ErrorAccessDenied", "ErrorAccessDenied", "NoError"])
    assert codes(item) == (200, ["ErrorAccessDenied"])
    with pytest.raises(ErrorAccessDenied):
        account(fake, BEN).root  # noqa: B018


def test_mailboxes_are_named_by_their_primary_address(fake: Exchange) -> None:
    answer = ask(fake, get_folder(inbox_of(ADA), inbox_of("A.Lovelace@corp.example"), inbox_of(NOBODY)))

    assert codes(answer) == (200, ["NoError", "ErrorNonPrimarySmtpAddress", "ErrorNonExistentMailbox"])
    assert [(one.get("Name"), one.text) for one in found(answer, "Value")] == [("Primary", ADA)]


def test_services_act_for_others_with_the_role_only(fake: Exchange) -> None:
    fake.add_service_account("CORP\\svc", "pw", may_impersonate=True)
    header = acting_for(BEN)

    allowed = ask(fake, get_folder(), header=header, user="CORP\\svc", password="pw")
    fake.account("CORP\\svc").may_impersonate = False
    denied = ask(fake, get_folder(), header=header, user="CORP\\svc", password="pw")

    assert codes(allowed) == (200, ["NoError"])
    assert found(allowed, "FolderId")[0].get("Id") == fake.mailbox(BEN).id_of("inbox")
    assert codes(denied) == (500, ["ErrorImpersonateUserDenied"])
    assert texts(denied, "faultcode") == ["a:ErrorImpersonateUserDenied"]


def test_services_act_for_existing_people_under_their_own_address(fake: Exchange) -> None:
    fake.add_service_account("CORP\\svc", "pw", may_impersonate=True)
    headers = [
        acting_for(NOBODY),
        acting_for("a.lovelace@corp.example"),
        acting_for("corp\\ben", "PrincipalName"),
    ]

    answers = [ask(fake, get_folder(), header=one, user="CORP\\svc", password="pw") for one in headers]

    assert [codes(one) for one in answers] == [
        (500, ["ErrorNonExistentMailbox"]),
        (500, ["ErrorNonPrimarySmtpAddress"]),
        (200, ["NoError"]),
    ]


def test_services_have_no_mailbox_of_their_own(fake: Exchange) -> None:
    fake.add_service_account("CORP\\svc", "pw", may_impersonate=True)

    answer = ask(fake, get_folder(INBOX, inbox_of(ADA)), user="CORP\\svc", password="pw")

    assert codes(answer) == (200, ["ErrorMissingEmailAddress", "ErrorAccessDenied"])


def test_client_acts_for_others(fake: Exchange) -> None:
    fake.add_service_account("CORP\\svc", "pw", may_impersonate=True)
    fake.mailbox(BEN).deliver(RAW)
    service = {"username": "CORP\\svc", "password": "pw", "access_type": IMPERSONATION}

    assert [one.subject for one in account(fake, BEN, **service).inbox.all()] == ["Hello"]
    with pytest.raises(ErrorImpersonateUserDenied):
        account(fake, BEN, access_type=IMPERSONATION).root  # noqa: B018
    with pytest.raises(ErrorNonExistentMailbox):
        account(fake, NOBODY, **service).root  # noqa: B018


@pytest.mark.parametrize(
    "operation",
    [
        get_folder('<t:DistinguishedFolderId Id="post"/>'),
        get_folder('<t:DistinguishedFolderId id="inbox"/>'),
        get_folder("<t:FolderId/>"),
        get_folder("<m:FolderId Id='x'/>"),
        get_folder(base="Everything"),
        get_folder(paths=("folder:Colour",)),
        "<m:GetFolder><m:FolderIds/></m:GetFolder>",
        f"<m:GetFolder><m:FolderIds>{INBOX}</m:FolderIds>{shape(name='FolderShape')}</m:GetFolder>",
        f"<m:SyncFolderItems>{shape()}<m:SyncFolderId>{INBOX}</m:SyncFolderId></m:SyncFolderItems>",
        sync(most=0),
        sync(most=513),
        sync(most="many"),
        sync(folder=INBOX + INBOX),
        f"<m:FindItem>{shape()}<m:ParentFolderIds>{INBOX}</m:ParentFolderIds></m:FindItem>",
        get_item(shape=shape()),
        "<m:SendItem/>",
        "<GetFolder xmlns='urn:elsewhere'/>",
    ],
)
def test_schema_violations_are_faults(fake: Exchange, operation: str) -> None:
    answer = ask(fake, operation)

    assert codes(answer) == (500, ["ErrorSchemaValidation"])
    assert texts(answer, "LineNumber") == ["1"]


def test_limits_of_the_schema_are_allowed(fake: Exchange) -> None:
    answers = [ask(fake, sync(most=most)) for most in (1, 9, 99, 499, 509, 512)]

    assert [codes(one) for one in answers] == [(200, ["NoError"])] * 6


def test_what_is_no_request_is_refused(fake: Exchange) -> None:
    version = '<t:RequestServerVersion Version="V2017_07_11"/>'
    zone = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Europe/Berlin"/></t:TimeZoneContext>'

    assert codes(ask(fake, "<m:GetFolder>")) == (500, ["ErrorInvalidRequest"])
    assert codes(ask(fake, get_folder(), header=version)) == (500, ["ErrorInvalidServerVersion"])
    assert codes(ask(fake, get_folder(), header=zone)) == (500, ["ErrorTimeZone"])
    assert codes(ask(fake, get_folder(), header="<t:Colour/>")) == (500, ["ErrorSchemaValidation"])
    assert ask(fake, get_folder(), content_type="application/json").status_code == 415
    assert HTTP.get(fake.url, auth=("CORP\\ada", "secret")).status_code == 405
    assert HTTP.get(f"{fake.url}/x", auth=("CORP\\ada", "secret")).status_code == 404


def test_answers_tell_the_version_and_faults_do_not(fake: Exchange) -> None:
    answer, fault = ask(fake, get_folder()), ask(fake, sync(most=0))

    assert dict(found(answer, "ServerVersionInfo")[0].attrib) == {
        "MajorVersion": "15",
        "MinorVersion": "1",
        "MajorBuildNumber": "2507",
        "MinorBuildNumber": "39",
        "Version": "V2017_07_11",
    }
    assert found(fault, "Header") == []
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"


def test_client_keeps_asking_for_the_version_it_was_told(fake: Exchange) -> None:
    ada = account(fake)

    ada.inbox.refresh()

    assert (str(ada.version.build), ada.version.api_version) == ("15.1.2507.39", "Exchange2016")


def test_names_are_resolved_with_aliases(fake: Exchange) -> None:
    fake.add_user("adam@corp.example", password="x", username="CORP\\adam")
    entry = "<m:UnresolvedEntry>{}</m:UnresolvedEntry>"
    resolve = '<m:ResolveNames ReturnFullContactData="true">' + entry + "</m:ResolveNames>"

    one, two, none = (ask(fake, resolve.format(name)) for name in ("a.lovelace@", "ADA", "zoe"))

    assert codes(one) == (200, ["NoError"])
    assert texts(one, "Entry") == [f"SMTP:{ADA}", "smtp:a.lovelace@corp.example"]
    assert codes(two) == (200, ["ErrorNameResolutionMultipleResults"])
    assert found(two, "ResolveNamesResponseMessage")[0].get("ResponseClass") == "Warning"
    assert texts(two, "EmailAddress") == [ADA, "adam@corp.example"]
    assert codes(none) == (200, ["ErrorNameResolutionNoResults"])
    assert [found.email_address for found in account(fake).protocol.resolve_names(["a.love"])] == [ADA]


def test_time_zones_have_names_of_windows(fake: Exchange) -> None:
    ids = "<m:Ids><t:Id>W. Europe Standard Time</t:Id><t:Id>UTC</t:Id></m:Ids>"
    operation = f'<m:GetServerTimeZones ReturnFullTimeZoneData="false">{ids}</m:GetServerTimeZones>'

    zones = found(ask(fake, operation), "TimeZoneDefinition")

    assert [(one.get("Id"), one.get("Name")) for one in zones] == [
        ("UTC", "(UTC) UTC"),
        ("W. Europe Standard Time", "(UTC+01:00) W. Europe"),
    ]


def test_rules_of_time_zones_are_not_in_this_fake() -> None:
    with pytest.raises(NotInThisFake), exchange() as fake:
        cast(fake)
        answer = ask(fake, "<m:GetServerTimeZones/>")
        assert answer.status_code == 501


def test_log_knows_the_operation_whatever_happens(fake: Exchange) -> None:
    fake.on("GetFolder", call=2, reset=True)
    fake.on("GetFolder", call=3, status=503)

    ask(fake, get_folder())
    with pytest.raises(httpx.TransportError):
        ask(fake, get_folder())
    ask(fake, get_folder())
    ask(fake, get_folder(), password="guess")
    ask(fake, sync())

    assert [(call.status, call.user) for call in fake.calls("GetFolder")] == [
        (200, "CORP\\ada"),
        (0, "CORP\\ada"),
        (503, "CORP\\ada"),
        (401, ""),
    ]
    assert [call.status for call in fake.calls("SyncFolderItems")] == [200]


def test_busy_servers_say_for_how_long(fake: Exchange) -> None:
    ada = account(fake)
    inbox = ada.inbox
    fake.fails("SyncFolderItems", "ErrorServerBusy", back_off=30_000)

    answer = ask(fake, sync())

    assert codes(answer) == (500, ["ErrorServerBusy"])
    assert [(one.get("Name"), one.text) for one in found(answer, "Value")] == [
        ("BackOffMilliseconds", "30000")
    ]
    with pytest.raises(ErrorServerBusy) as raised:
        list(inbox.sync_items())
    assert raised.value.back_off == 30


def test_client_gives_up_when_it_may_not_wait_that_long(fake: Exchange) -> None:
    fake.fails("GetFolder", "ErrorServerBusy", back_off=30_000)

    with pytest.raises(RateLimitError):
        account(fake, retry_policy=FaultTolerance(max_wait=1)).root  # noqa: B018


def test_errors_come_in_messages_too(fake: Exchange) -> None:
    inbox = account(fake).inbox
    fake.fails("SyncFolderItems", "ErrorMailboxMoveInProgress", in_message=True, call=(1, 2))

    answer = ask(fake, sync())

    assert codes(answer) == (200, ["ErrorMailboxMoveInProgress"])
    assert (texts(answer, "SyncState"), texts(answer, "IncludesLastItemInRange")) == ([""], ["true"])
    with pytest.raises(ErrorMailboxMoveInProgress):
        list(inbox.sync_items())
    assert list(inbox.sync_items()) == []


def test_mailboxes_can_refuse_everybody(fake: Exchange) -> None:
    fake.mailbox(ADA).refuses = "ErrorMailboxStoreUnavailable"

    answers = [ask(fake, one) for one in (get_folder(), sync())]
    fake.mailbox(ADA).refuses = ""

    assert [codes(one) for one in answers] == [(200, ["ErrorMailboxStoreUnavailable"])] * 2
    assert codes(ask(fake, get_folder())) == (200, ["NoError"])


def test_web_server_fails_without_soap(fake: Exchange) -> None:
    ada = account(fake)
    inbox = ada.inbox
    fake.on("SyncFolderItems", status=503, retry_after=7)

    answer = ask(fake, sync())

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    with pytest.raises(ErrorServerBusy):
        list(inbox.sync_items())


def test_connections_break(fake: Exchange) -> None:
    fake.on("GetFolder", call=1, truncate=True)
    fake.on("GetFolder", call=2, reset=True)

    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            ask(fake, get_folder())
    assert codes(ask(fake, get_folder())) == (200, ["NoError"])


def test_client_takes_a_broken_connection_for_a_timeout(fake: Exchange) -> None:
    fake.on("GetFolder", reset=True)

    with pytest.raises(ErrorTimeoutExpired):
        account(fake).root  # noqa: B018


def test_answers_hang_until_released(fake: Exchange) -> None:
    fault = fake.on("GetFolder", hang="until released", call=1)

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, fake, get_folder())
        while not fault.struck:
            time.sleep(0.005)
        before = waiting.done()
        fault.release()

    assert not before
    assert codes(waiting.result()) == (200, ["NoError"])


def test_connections_at_a_time_are_limited(fake: Exchange) -> None:
    fake.most_connections = 1
    both = threading.Barrier(2, timeout=10)
    fake.on("GetFolder", run=both.wait)

    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(ask, fake, get_folder()) for _ in range(2)]

    assert sorted(codes(one.result()) for one in answers)[-1] == (500, ["ErrorExceededConnectionCount"])


def test_mistakes_inside_are_told_at_the_end() -> None:
    with pytest.raises(KeyError), exchange() as fake:
        cast(fake)
        fake.directory.boxes.clear()
        assert ask(fake, get_folder()).status_code == 501
