"""How the tests of the fake of Exchange ask it: by hand, and with a client that others wrote."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from exchangelib import BASIC, DELEGATE, Account, Configuration, Credentials, EWSTimeZone, FailFast, Version
from exchangelib.protocol import Protocol
from exchangelib.version import EXCHANGE_2016
from lxml import etree
from requests.adapters import HTTPAdapter

from tests.contracts.http import HTTP
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import MESSAGES, SOAP, TYPES, Element, local
from tests.fakes.exchange import Exchange

ADA, BEN = "ada@corp.example", "ben@corp.example"
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
BENS = f"ORGANIZER;CN=Ben:mailto:{BEN}"
ADAS = f"ORGANIZER;CN=Ada:mailto:{ADA}"
SERIES = (
    "DTSTART;TZID=Europe/Berlin:20260323T100000\nDTEND;TZID=Europe/Berlin:20260323T110000\nRRULE:FREQ=WEEKLY"
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RAW = (
    b"From: =?utf-8?q?B=C3=A4n?= <ben@corp.example>\r\nTo: Ada <ada@corp.example>, zoe@corp.example\r\n"
    b"Cc: Cleo <cleo@corp.example>\r\nSubject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <b@corp.example>\r\n"
    b"In-Reply-To: <a@corp.example>\r\nReferences: <a@corp.example>\r\nDate: Mon, 05 Jan 2026 11:59:00 +0100\r\n"
    b"\r\nHow are you?\r\n"
)


def cast(fake: Exchange) -> None:
    fake.add_user(ADA, password="secret", username="CORP\\ada", aliases=("a.lovelace@corp.example",))
    fake.add_user(BEN, password="secret", username="CORP\\ben")


def envelope(operation: str, header: str = "") -> str:
    spaces = f'xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"'
    return f"<s:Envelope {spaces}><s:Header>{header}</s:Header><s:Body>{operation}</s:Body></s:Envelope>"


def ask(
    fake: Exchange,
    operation: str,
    *,
    header: str = "",
    user: str = "CORP\\ada",
    password: str = "secret",
    content_type: str = "text/xml; charset=utf-8",
) -> httpx.Response:
    body, kind = envelope(operation, header).encode(), {"Content-Type": content_type}
    return HTTP.post(fake.url, content=body, headers=kind, auth=(user, password))


def found(answer: httpx.Response, name: str) -> list[Element]:
    return [one for one in etree.fromstring(answer.content).iter() if local(one) == name]


def texts(answer: httpx.Response, name: str) -> list[str]:
    return [one.text or "" for one in found(answer, name)]


def codes(answer: httpx.Response) -> tuple[int, list[str]]:
    return answer.status_code, texts(answer, "ResponseCode")


def shape(*paths: str, base: str = "IdOnly", name: str = "ItemShape", more: str = "") -> str:
    fields = "".join(f'<t:FieldURI FieldURI="{path}"/>' for path in paths)
    added = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>" if paths else ""
    return f"<m:{name}><t:BaseShape>{base}</t:BaseShape>{more}{added}</m:{name}>"


def get_folder(*folders: str, base: str = "IdOnly", paths: tuple[str, ...] = ()) -> str:
    asked = shape(*paths, base=base, name="FolderShape")
    return f"<m:GetFolder>{asked}<m:FolderIds>{''.join(folders or [INBOX])}</m:FolderIds></m:GetFolder>"


def get_item(*ids: str, shape: str) -> str:
    items = "".join(one if one.startswith("<") else f'<t:ItemId Id="{one}"/>' for one in ids)
    return f"<m:GetItem>{shape}<m:ItemIds>{items}</m:ItemIds></m:GetItem>"


def sync(
    state: str = "",
    *,
    folder: str = INBOX,
    most: int | str = 512,
    paths: tuple[str, ...] = (),
    ignore: str = "",
) -> str:
    before = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    rest = f"{before}{ignore}<m:MaxChangesReturned>{most}</m:MaxChangesReturned>"
    return f"<m:SyncFolderItems>{shape(*paths)}<m:SyncFolderId>{folder}</m:SyncFolderId>{rest}</m:SyncFolderItems>"


def changes(answer: httpx.Response) -> list[tuple[str, str]]:
    """Kinds with the ids of items."""
    listed = [one for group in found(answer, "Changes") for one in group]
    ids = [next(id for id in one.iter() if local(id) in {"ItemId", "FolderId"}).get("Id") for one in listed]
    return [(local(one), id) for one, id in zip(listed, ids, strict=True)]


def state_of(answer: httpx.Response) -> str:
    return texts(answer, "SyncState")[0]


class _Client(Protocol):
    """Through no door of the product's, whoever has been loaded before."""

    HTTP_ADAPTER_CLS = HTTPAdapter


def account(fake: Exchange, email: str = ADA, **about: Any) -> Account:
    """A client of others, told everything, so that it need not guess."""
    how = {"username": "CORP\\ada", "password": "secret", "access_type": DELEGATE, "retry_policy": FailFast()}
    how |= about
    configuration = Configuration(
        service_endpoint=fake.url,
        credentials=Credentials(how["username"], how["password"]),
        auth_type=BASIC,
        version=Version(build=EXCHANGE_2016),
        retry_policy=how["retry_policy"],
    )
    # Kept by endpoint and credentials, and so the one that the account will find.
    _Client(config=configuration)
    return Account(
        email,
        config=configuration,
        autodiscover=False,
        access_type=how["access_type"],
        default_timezone=EWSTimeZone("UTC"),
    )


def raw(number: int) -> bytes:
    return f"From: {BEN}\r\nSubject: Mail {number}\r\nMessage-ID: <{number}@x>\r\n\r\n{number}\r\n".encode()


def deliver(box: Mailbox, count: int) -> list[str]:
    """Ids, oldest first."""
    return [box.deliver(raw(one), at=NOON + timedelta(minutes=one)) for one in range(count)]


def ics(*events: str, method: str = "PUBLISH") -> bytes:
    """Each event with the lines that all of them need, unless it has its own."""
    made = []
    for number, event in enumerate(events):
        start = "" if "DTSTART" in event else f"DTSTART:20260105T{10 + number:02d}0000Z\nDURATION:PT1H\n"
        uid = "" if "UID:" in event else "UID:u1\n"
        made.append(f"BEGIN:VEVENT\n{uid}DTSTAMP:20260101T000000Z\n{start}{event}\nEND:VEVENT\n")
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:{method}\n{''.join(made)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def fetched(fake: Exchange, *ids: object) -> list[Any]:
    """With all properties, by that client."""
    pairs = [(one, None) if isinstance(one, str) else one for one in ids]
    return list(account(fake).fetch(pairs))
