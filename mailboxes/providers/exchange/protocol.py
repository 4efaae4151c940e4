"""How exchangelib gets to a server: through the door, once, and with nothing left behind.

exchangelib shares much within a process: protocols with their credentials, connections and cookies
by endpoint, and what autodiscover found, that even in a file for everybody. Here each session has a
protocol of its own that no cache knows, and exchangelib's own autodiscover is never called.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from exchangelib import Account, Configuration, Version
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.ewsdatetime import UTC
from exchangelib.protocol import BaseProtocol, FailFast, Protocol
from exchangelib.transport import DEFAULT_HEADERS, NOAUTH, NTLM, get_auth_instance
from exchangelib.util import is_xml
from exchangelib.version import EXCHANGE_2013_SP1
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from mailboxes.egress import REFUSED, Egress
from mailboxes.egress_requests import GuardedAdapter, GuardedSession
from mailboxes.providers.exchange.errors import explain, refusal

AuthKind = Literal["basic", "ntlm"]

# A message of 25 MB is 46 MB in an answer. What else there is, is asked for in smaller portions.
_ANSWER_BYTES = 96 * 2**20
_ANSWER_SECONDS = 180.0
_READ_SECONDS = 60
# The oldest that is told apart. All later ones speak it, and to older ones exchangelib adapts.
_VERSION = EXCHANGE_2013_SP1

# At DEBUG they write down requests with their passwords and answers with their mail, and at ERROR
# requests too.
for _talkative in ("exchangelib", "spnego"):
    logging.getLogger(_talkative).setLevel(logging.CRITICAL + 1)


class _NoWay(HTTPAdapter):
    """What exchangelib might open by itself leads nowhere: only sessions of ours have a door."""

    def send(self, *args: Any, **options: Any) -> requests.Response:
        raise requests.ConnectionError(REFUSED)


BaseProtocol.HTTP_ADAPTER_CLS = _NoWay


@dataclass(frozen=True, slots=True)
class Login:
    """`impersonate`: the user is a service account that acts for the address."""

    endpoint: str
    address: str
    username: str
    password: str = field(repr=False)
    auth: AuthKind
    impersonate: bool
    egress: Egress

    @property
    def http_auth(self) -> AuthBase:
        if self.auth == "basic":
            # As text, requests would put anything but Latin-1 into an error.
            return HTTPBasicAuth(self.username.encode(), self.password.encode())
        # An address is no user of a domain, which NTLM is told by a backslash in front.
        name = f"\\{self.username}" if "@" in self.username else self.username
        return get_auth_instance(NTLM, username=name, password=self.password)


@contextmanager
def explained(host: str) -> Iterator[None]:
    """What comes out is a ProviderError, StateOld or NotThere. exchangelib meets what it did not
    expect with any exception there is, and its texts may quote mail: they are not passed on."""
    try:
        yield
    except Exception as error:
        raise explain(error, host) from None


def guarded(login: Login, *, signed_in: bool = True) -> requests.Session:
    # NTLM signs in a connection rather than a request, so there is only one.
    adapter = GuardedAdapter(
        login.egress, answer_bytes=_ANSWER_BYTES, answer_seconds=_ANSWER_SECONDS, connections=1
    )
    session = GuardedSession(adapter)
    session.headers.update(DEFAULT_HEADERS)
    session.auth = login.http_auth if signed_in else None
    return session


def account(login: Login, endpoint: str) -> Account:
    """Nothing is sent yet."""
    # The protocol that an Account makes for itself stays in a cache of the process for good, so it is
    # one that knows no credentials; ours takes its place.
    nobody = Configuration(service_endpoint=endpoint, auth_type=NOAUTH)
    made = Account(
        login.address,
        config=nobody,
        access_type=IMPERSONATION if login.impersonate else DELEGATE,
        # Otherwise it asks the machine, and naive times and days depend on where that stands.
        locale="en_US",
        default_timezone=UTC,
    )
    with suppress(KeyError):
        del Protocol[nobody]
    made.protocol = _OwnProtocol(config=_configuration(login, endpoint), login=login)
    return made


def discovery(login: Login, url: str) -> "Discovery":
    return Discovery(_configuration(login, url), login)


def _configuration(login: Login, url: str) -> Configuration:
    """The way to sign in is named, so that nobody tries which one it is; credentials are the
    session's affair."""
    version = Version(build=_VERSION)
    return Configuration(
        service_endpoint=url, auth_type=NOAUTH, version=version, retry_policy=_NoPatience(login)
    )


class _NoPatience(FailFast):
    """Never sleeps: waiting is up to the scheduler. exchangelib's own policies take a 401 or a
    redirect for a busy server when the connection is closed afterwards."""

    def __init__(self, login: Login) -> None:
        self._auth = login.auth

    def raise_response_errors(self, response: requests.Response) -> None:
        is_soap = response.status_code == requests.codes.server_error and is_xml(response.content)
        if response.status_code != requests.codes.ok and not is_soap:
            raise refusal(response, self._auth)


class _OwnSession:
    """A protocol whose connections are ours."""

    TIMEOUT = _READ_SECONDS
    # Where a busy server names no time, exchangelib would name this one, and the pauses would not grow.
    RETRY_WAIT = 0
    _login: Login

    def create_session(self) -> requests.Session:
        session: Any = guarded(self._login)
        # exchangelib's book-keeping.
        session.session_id, session.usage_count = random.randint(10000, 99999), 0  # noqa: S311
        return session


class _Uncached(type(Protocol)):  # type: ignore[misc]
    def __call__(cls, *args: Any, **options: Any) -> Any:
        return type.__call__(cls, *args, **options)


class _OwnProtocol(_OwnSession, Protocol, metaclass=_Uncached):
    def __init__(self, config: Configuration, login: Login) -> None:
        self._login = login
        super().__init__(config=config)


class Discovery(_OwnSession, AutodiscoverProtocol):
    def __init__(self, config: Configuration, login: Login) -> None:
        self._login = login
        super().__init__(config=config)

    @property
    def host(self) -> str:
        return urlsplit(self.service_endpoint).hostname or ""
