"""A mail or calendar server is named → signed in, one item read from end to end, what failed said.

Form and command try alike; nothing of it is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.views.decorators.debug import sensitive_variables

from crm.addresses import normalise
from mailboxes.accounts.opening import egress
from mailboxes.ingesting.identity import message_id_key
from mailboxes.models import Mailbox, MessageCopy
from mailboxes.parsing.mail import parse_mail
from mailboxes.parsing.values import Unparsable
from mailboxes.providers.base import FetchedMail, ProviderError
from mailboxes.providers.caldav import provider as caldav
from mailboxes.providers.caldav.webdav import account_url
from mailboxes.providers.imap import provider as imap

# What is known of a server that is switched off. Never its password.
OFF = "off"
NAMES = {"imap": "Mail", "caldav": "Calendar", "mail": "Mail", "calendar": "Calendar"}
DEFAULT_PORTS = {"tls": 993, "starttls": 143, "none": 143}
_COMPARED_MESSAGES = 5
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?[/\\]*", re.IGNORECASE)


class CannotConnect(ValueError):
    """`str(error)` is for the member: why not, and what to do."""


@dataclass(frozen=True)
class Servers:
    """`imap` has host, port, security and username, `caldav` url and username; None is not read.
    `passwords` has one for each that is."""

    imap: dict[str, Any] | None = None
    caldav: dict[str, Any] | None = None
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> dict[str, Any]:
        servers = {"imap": self.imap, "caldav": self.caldav}
        return {name: server for name, server in servers.items() if server}

    @property
    def secrets(self) -> dict[str, str]:
        """The passwords of those that are read, and no others."""
        return {name: self.passwords[name] for name in self.settings if name in self.passwords}


@dataclass(frozen=True)
class Exchange:
    """`settings` says of mail and of the calendar how each is read, where it is: the address, the
    endpoint ("" = to be found), user name, kind of sign-in, and whether it is a service account."""

    password: str = field(repr=False)
    settings: dict[str, dict[str, Any]]

    @property
    def secrets(self) -> dict[str, str]:
        return dict.fromkeys(self.settings, self.password)


@dataclass(frozen=True, slots=True)
class Tried:
    """One server: `failed` is the step that did not work ("" = all did), `problem` why, `found` what
    is there, `elsewhere` the address the server itself points to."""

    name: str
    place: str
    failed: str
    problem: str
    found: str
    elsewhere: str = ""

    @property
    def label(self) -> str:
        return NAMES[self.name]


def mail_server(host: str, *, security: str, port: int | None, username: str) -> dict[str, Any]:
    port = port or DEFAULT_PORTS[security]
    return {"host": host.strip(), "port": port, "security": security, "username": username}


def calendar_server(url: str, *, username: str) -> dict[str, Any]:
    """Raises CannotConnect for a URL that brings a password along: it would be stored readable."""
    bare = url.strip().partition("#")[0].partition("?")[0]
    authority = re.split(r"[/\\]", _SCHEME.sub("", bare), maxsplit=1)[0]
    # An e-mail address alone is a way to name a server.
    if "@" in authority and normalise(bare) is None:
        raise CannotConnect("Leave the user name and password out of the calendar’s address.")
    return {"url": bare, "username": username}


def place_of(name: str, server: Mapping[str, Any]) -> tuple:
    """Where a password goes. A stored one is never sent anywhere else."""
    if name == "imap":
        return server["host"].casefold(), server["port"], server["security"], server["username"]
    try:
        url = account_url(server["url"])
    except ProviderError:
        return server["url"], server["username"]
    return url.scheme, url.host, url.port, server["username"]


@sensitive_variables("servers")
def try_servers(servers: Servers, *, known: Mailbox | None = None) -> list[Tried]:
    """Sign in to each and read one item from end to end, so that what is wrong is said now. Of an
    account that is `known` the mail is compared with what was read."""
    tried = []
    if servers.imap:
        tried.append(_try_mail(servers.imap, servers.passwords["imap"], known))
    if servers.caldav:
        tried.append(_try_calendar(servers.caldav, servers.passwords["caldav"]))
    return tried


@sensitive_variables("password")
def _try_mail(server: dict[str, Any], password: str, known: Mailbox | None) -> Tried:
    checked = imap.check(**server, password=password, egress=egress())
    found = f"{checked.messages:,} messages in {', '.join(checked.folders)}" if checked.folders else ""
    failed, problem = checked.failed, checked.problem
    if known and not failed and (problem := _mail_is_other(known, server, password)):
        failed = "find the mail read so far"
    return Tried("imap", f"{server['host']}:{server['port']}", failed, problem, found)


@sensitive_variables("password")
def _try_calendar(server: dict[str, Any], password: str) -> Tried:
    checked = caldav.check(**server, password=password, egress=egress())
    found = ", ".join(checked.calendars)
    return Tried("caldav", server["url"], checked.failed, checked.problem, found, checked.elsewhere)


@sensitive_variables("exchange")
def try_exchange(exchange: Exchange) -> tuple[list[Tried], Exchange]:
    """As `try_servers`; with the endpoints that were found."""
    from mailboxes.providers.exchange.account import check

    tried, settings = [], {}
    for part, account in exchange.settings.items():
        checked = check(part, egress=egress(), **account, password=exchange.password)
        found = ", ".join(checked.folders)
        place = checked.endpoint or account["endpoint"] or account["address"]
        tried.append(Tried(part, place, checked.failed, checked.problem, found))
        settings[part] = account | {"endpoint": checked.endpoint or account["endpoint"]}
    return tried, Exchange(exchange.password, settings)


def known_servers(mailbox: Mailbox) -> dict[str, dict[str, Any]]:
    """Also those that are switched off, for whoever wants them back."""
    return {**mailbox.settings.get(OFF, {}), **{k: v for k, v in mailbox.settings.items() if k != OFF}}


@sensitive_variables("password")
def _mail_is_other(mailbox: Mailbox, server: dict[str, Any], password: str) -> str:
    """What speaks against this being the account that was read: another server, or user, that gives
    the numbers of our messages to others. UIDVALIDITY is meant to rule that out, but there are
    servers where it is always 1."""
    before = known_servers(mailbox).get("imap")
    if before is None or place_of("imap", before) == place_of("imap", server):
        return ""
    copies = MessageCopy.objects.filter(mailbox=mailbox, message__id_key__isnull=False)
    newest = copies.order_by("-occurred_at").values_list("provider_id", "message__id_key")
    keys = dict(newest[:_COMPARED_MESSAGES])
    provider = imap.ImapMail(**server, password=password, egress=egress())
    try:
        there = [item for item in provider.fetch(list(keys)) if isinstance(item, FetchedMail)]
    except ProviderError as error:
        return str(error)
    finally:
        provider.close()
    is_same = all(_message_key(item.raw) == bytes(keys[item.provider_id] or b"") for item in there)
    return "" if is_same else "It has other messages where that mail should be, so it is another account."


def _message_key(raw: bytes) -> bytes | None:
    try:
        return message_id_key(parse_mail(raw).message_id)
    except Unparsable:
        return None
