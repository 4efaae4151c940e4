"""Exchange on premises, for tests: Exchange Web Services on loopback, with mail and calendars.

with exchange() as fake:
    fake.add_user("ada@corp.example", password="secret", username="CORP\\\\ada")
    item = fake.mailbox("ada@corp.example").deliver(raw)
    fake.calendar("ada@corp.example").import_ics(ics)
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from tests.fakes.ews_calendar import Calendar
from tests.fakes.ews_directory import Account, Directory, Person
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_operations import HANDLERS, Asked
from tests.fakes.ews_schema import VERSIONS, operation_of
from tests.fakes.ews_soap import Element, Fault, Refusal, fault_answer, local, parse, refused, response
from tests.fakes.ews_zones import zone_of
from tests.fakes.faults import Answer, Call, Clock, Faults, Log, Request, html_answer
from tests.fakes.faults import Fault as Script
from tests.fakes.serving import HttpFake

PATH = "/EWS/Exchange.asmx"
HOST = "exchange"


@contextmanager
def exchange() -> Iterator["Exchange"]:
    fake = Exchange()
    with fake.http.listening(HOST) as urls:
        fake.url = urls[HOST] + PATH
        yield fake


class Exchange:
    """One organisation. `most_connections` is how many requests of one account are answered at a time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.directory = Directory(self.clock)
        self.http = HttpFake(self._answer, owner=self._owner, refusal=refusal, clock=self.clock)
        self.url = ""
        self.most_connections = 27

    @property
    def log(self) -> Log:
        return self.http.log

    @property
    def faults(self) -> Faults:
        return self.http.faults

    def calls(self, operation: str) -> list[Call]:
        return [call for call in self.log.calls if call.detail == operation]

    # Whom there is.

    def add_user(
        self,
        email: str,
        *,
        password: str,
        username: str,
        aliases: tuple[str, ...] = (),
        name: str = "",
        german: bool = False,
    ) -> Mailbox:
        """With the usual folders, all of them empty; their names may be German."""
        person = Person(email, name or email.partition("@")[0].title(), aliases)
        return self.directory.add(person, username, password, german=german)

    def add_service_account(self, username: str, password: str, *, may_impersonate: bool = False) -> Account:
        account = Account(username, password, may_impersonate=may_impersonate)
        self.directory.accounts[username.lower()] = account
        return account

    def account(self, username: str) -> Account:
        return self.directory.accounts[username.lower()]

    def mailbox(self, email: str) -> Mailbox:
        return self.directory.boxes[email]

    def calendar(self, email: str, folder: str = "calendar") -> Calendar:
        box = self.mailbox(email)
        return Calendar(box, box.folder(folder).id)

    def add_calendar(self, email: str, name: str) -> Calendar:
        return Calendar(
            self.mailbox(email), self.mailbox(email).add_folder(name, folder_class="IPF.Appointment")
        )

    def depart(self, email: str) -> None:
        """Somebody left: mail and meetings name him in the directory's way, which is no address."""
        self.directory.departed.add(email)

    # What goes wrong.

    def on(self, operation: str, **what: Any) -> Script:
        """As `faults.on`, for the calls of one operation."""
        return self.faults.on("POST", PATH, when=lambda request: request.detail == operation, **what)

    def fails(
        self, operation: str, code: str, *, back_off: int = 0, in_message: bool = False, **what: Any
    ) -> Script:
        """An error by its code, as a fault, or in the response message of the operation. `back_off` is in
        milliseconds."""
        reason = f"{code} {back_off}" if back_off else code
        return self.on(operation, status=200 if in_message else 500, reason=reason, **what)

    # Answering.

    def _owner(self, request: Request) -> str:
        """Whoever asks. It is looked up before anything else happens, so the log learns the operation here
        even when a fault lets nothing further happen."""
        request.detail = _operation_name(request.body)
        account = self.directory.signed_in(request.headers.get("authorization", ""))
        return account.username if account else ""

    def _answer(self, request: Request) -> Answer:
        if request.path.lower() != PATH.lower():
            return html_answer("<h2>404 - File or directory not found.</h2>", 404)
        account = self.directory.signed_in(request.headers.get("authorization", ""))
        if account is None:
            return unauthorised()
        request.user = account.username
        if request.method != "POST":
            return html_answer("<h2>405 - HTTP verb used is not allowed.</h2>", 405)
        if not request.headers.get("content-type", "").lower().startswith("text/xml"):
            return Answer(415, b"", {"Content-Length": "0"})
        try:
            return self._operate(request, account)
        except Fault as fault:
            return fault_answer(fault)

    def _operate(self, request: Request, account: Account) -> Answer:
        if request.in_flight > self.most_connections:
            raise Fault("ErrorExceededConnectionCount", values={"Policy": "MaxConcurrency"})
        headers, operation = operation_of(parse(request.body))
        by_name = {local(one): one for one in headers}
        _check_version(by_name.get("RequestServerVersion"))
        acting = self._acting(account, by_name.get("ExchangeImpersonation"))
        context = by_name.get("TimeZoneContext")
        zone = UTC if context is None else zone_of(str(context[0].get("Id")))
        asked = Asked(operation, request, acting, zone, self.directory)
        return response(asked.name, list(HANDLERS[asked.name](asked)))

    def _acting(self, account: Account, impersonation: Element | None) -> Person | None:
        if impersonation is None:
            return account.person
        identity = impersonation[0][0]
        return self.directory.impersonated(account, local(identity), identity.text or "")


def refusal(request: Request, status: int, reason: str) -> Answer:
    """What a fault of the script looks like: an error code in SOAP, or a page of the web server."""
    code, _, back_off = reason.partition(" ")
    values = {"BackOffMilliseconds": back_off} if back_off else {}
    if status == 401:
        return unauthorised()
    if code and status == 200:
        return response(request.detail, [refused(request.detail, Refusal(code, values=values))])
    if code:
        return fault_answer(Fault(code, values=values))
    return html_answer(f"<html><body><h1>HTTP Error {status}</h1></body></html>", status)


def unauthorised() -> Answer:
    answer = html_answer("", 401)
    answer.headers["WWW-Authenticate"] = 'Negotiate, NTLM, Basic realm="127.0.0.1"'
    return answer


def _operation_name(body: bytes) -> str:
    found = re.search(rb"Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)", body)
    return found[1].decode() if found else ""


def _check_version(element: Element | None) -> None:
    if element is not None and element.get("Version") not in VERSIONS:
        raise Fault("ErrorInvalidServerVersion")
