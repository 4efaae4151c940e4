"""A look at an account that may be read: does it work, what is there to choose from?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from mailboxes.accounts.applications import CALENDAR, MAIL
from mailboxes.accounts.consenting import Offer, looked_at
from mailboxes.accounts.opening import egress, open_exchange, open_google, open_microsoft
from mailboxes.accounts.trying import CannotConnect, known_servers
from mailboxes.credentials import decrypt
from mailboxes.models import CONSENTED, Mailbox, MailboxKind, StreamKind
from mailboxes.providers.base import AuthExpired, ProviderError, Unreachable
from mailboxes.providers.google.calendar import GoogleCalendars
from mailboxes.providers.google.gmail import GmailMail
from mailboxes.providers.microsoft import graph
from mailboxes.providers.microsoft.calendar import GraphCalendars
from mailboxes.providers.microsoft.mail import GraphMail
from mailboxes.providers.oauth import Application

NAMES = {MAIL: "mail", CALENDAR: "calendars"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A folder, label or calendar, and whether it is read."""

    id: str
    name: str
    is_read: bool


@dataclass(frozen=True)
class Choices:
    """`problem` is why there is nothing to choose from at the moment."""

    mail: tuple[Choice, ...] = ()
    calendars: tuple[Choice, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Given:
    """The access token of a moment ago, as providers ask for it."""

    access: str = field(repr=False)

    def current(self) -> str:
        return self.access

    def renewed(self, refused: str) -> str:
        raise AuthExpired("The sign-in is no longer accepted. Begin again.")


def look(app: Application, offer: Offer) -> Offer:
    """With what stands in the way of reading each part, and the account's addresses. Raises
    CannotConnect when nothing at all can be said."""
    try:
        return _look(app, offer)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        said = f"{app.label} described this account in a way that cannot be read."
        raise CannotConnect(f"{said} Try again later.") from error


def _look(app: Application, offer: Offer) -> Offer:
    missing = {part: _not_allowed(app.label, part) for part in NAMES if part not in offer.parts}
    tokens = _Given(offer.secrets["access"])
    if offer.kind == MailboxKind.GOOGLE:
        return _look_at_google(offer, missing, tokens)
    return _look_at_microsoft(offer, missing, tokens)


def _look_at_google(offer: Offer, problems: dict[str, str], tokens: _Given) -> Offer:
    gmail = GmailMail(tokens=tokens, egress=egress(), url=settings.GOOGLE_MAIL_URL)
    calendars = GoogleCalendars(tokens=tokens, egress=egress(), url=settings.GOOGLE_CALENDAR_URL)
    try:
        aliases = _asked(MAIL, offer, problems, gmail.aliases) or []
        _asked(CALENDAR, offer, problems, calendars.calendars)
    finally:
        gmail.close()
        calendars.close()
    return looked_at(offer, problems, aliases=aliases)


def _look_at_microsoft(offer: Offer, problems: dict[str, str], tokens: _Given) -> Offer:
    """Who signs in there has a user name that need not be an address of his."""
    url = settings.MICROSOFT_GRAPH_URL
    mail = GraphMail(tokens=tokens, egress=egress(), url=url)
    calendars = GraphCalendars(tokens=tokens, egress=egress(), url=url)
    api = graph.web_api(url, tokens=tokens, egress=egress())
    try:
        user = api.get("/v1.0/me", {"$select": "mail,userPrincipalName,proxyAddresses"})
        _asked(MAIL, offer, problems, mail.folders)
        _asked(CALENDAR, offer, problems, calendars.calendars)
    except ProviderError as error:
        raise CannotConnect(str(error)) from error
    finally:
        for one in (mail, calendars, api):
            one.close()
    aliases = [one[5:] for one in user.get("proxyAddresses") or () if one[:5].casefold() == "smtp:"]
    address = str(user.get("mail") or user.get("userPrincipalName") or "")
    return looked_at(offer, problems, address=address, aliases=aliases)


def _asked(part: str, offer: Offer, problems: dict[str, str], question: Callable[[], Any]) -> Any:
    """What does not work is kept for the member to read."""
    try:
        return question() if part in offer.parts else None
    except ProviderError as error:
        problems[part] = str(error)
        return None


def choices(mailbox: Mailbox) -> Choices:
    """What the account holds now, for its owner to choose from. A problem is no reason to fail."""
    known = known_servers(mailbox)
    try:
        if mailbox.kind == MailboxKind.EXCHANGE:
            mail, calendars = (_exchange_choices(mailbox, part, known.get(part)) for part in NAMES)
            return Choices(mail, calendars)
        return Choices(
            mail=_mail_choices(mailbox, known.get(MAIL, {}).get("left_out", ())),
            calendars=_calendar_choices(mailbox, known.get(CALENDAR, {}).get("chosen")),
        )
    except ProviderError as error:
        # A member who has signed in at Google never heard of its servers.
        is_unknown = isinstance(error, Unreachable) and mailbox.kind in CONSENTED
        label = MailboxKind(mailbox.kind).label
        return Choices(problem=f"{label} does not answer at the moment." if is_unknown else str(error))


def _mail_choices(mailbox: Mailbox, left_out: Any) -> tuple[Choice, ...]:
    provider = _opened(mailbox, StreamKind.MAIL)
    try:
        found: Any = provider.labels() if isinstance(provider, GmailMail) else provider.all_folders()
        return tuple(Choice(one.id, one.name, one.id not in left_out) for one in found)
    finally:
        provider.close()


def _calendar_choices(mailbox: Mailbox, chosen: Any) -> tuple[Choice, ...]:
    provider = _opened(mailbox, StreamKind.CALENDAR)
    try:
        return tuple(
            Choice(one.id, one.name, one.is_shown if chosen is None else one.id in chosen)
            for one in provider.calendars()
        )
    finally:
        provider.close()


def _exchange_choices(mailbox: Mailbox, part: str, known: Mapping[str, Any] | None) -> tuple[Choice, ...]:
    """Also what is left out, and of a part that is switched off."""
    if known is None:
        return ()
    everything = {name: value for name, value in known.items() if name != "left_out"}
    passwords = decrypt(mailbox.credential)
    password = passwords.get(part) or next(iter(passwords.values()), "")
    provider = open_exchange({part: everything}, {part: password}, part)
    left_out = known.get("left_out", ())
    try:
        return tuple(Choice(one.id, one.name, one.id not in left_out) for one in provider.folders())
    finally:
        provider.close()


def _opened(mailbox: Mailbox, kind: str) -> Any:
    open_it = open_google if mailbox.kind == MailboxKind.GOOGLE else open_microsoft
    return open_it(mailbox, kind)


def _not_allowed(label: str, part: str) -> str:
    return f"{label} was not allowed to let us read the {NAMES[part]}. Ask again, and leave every box ticked."
