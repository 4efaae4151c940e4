"""A look at an account that may be read: does it work, what is there to choose from?"""

from dataclasses import dataclass

from django.conf import settings

from mailboxes.applications import CALENDAR, MAIL
from mailboxes.consenting import Offer, with_problems
from mailboxes.models import Mailbox, MailboxKind, StreamKind
from mailboxes.opening import egress, open_google
from mailboxes.providers.base import AuthExpired, ProviderError
from mailboxes.providers.gmail import GmailMail
from mailboxes.providers.google_calendar import GoogleCalendars
from mailboxes.providers.oauth import Application
from mailboxes.trying import known_servers

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

    access: str

    def current(self) -> str:
        return self.access

    def renewed(self, refused: str) -> str:
        raise AuthExpired("The sign-in is no longer accepted. Begin again.")


def look(app: Application, offer: Offer) -> Offer:
    """With what stands in the way of reading each part, and the account's further addresses."""
    missing = {part: _not_allowed(app.label, part) for part in NAMES if part not in offer.parts}
    if offer.kind == MailboxKind.GOOGLE:
        return _look_at_google(offer, missing)
    return with_problems(offer, missing)


def _look_at_google(offer: Offer, problems: dict[str, str]) -> Offer:
    tokens, aliases = _Given(offer.secrets["access"]), list[str]()
    if MAIL in offer.parts:
        gmail = GmailMail(tokens=tokens, egress=egress(), url=settings.GOOGLE_MAIL_URL)
        try:
            aliases = gmail.aliases()
        except ProviderError as error:
            problems[MAIL] = str(error)
        finally:
            gmail.close()
    if CALENDAR in offer.parts:
        calendars = GoogleCalendars(tokens=tokens, egress=egress(), url=settings.GOOGLE_CALENDAR_URL)
        try:
            calendars.calendars()
        except ProviderError as error:
            problems[CALENDAR] = str(error)
        finally:
            calendars.close()
    return with_problems(offer, problems, aliases=tuple(aliases))


def choices(mailbox: Mailbox) -> Choices:
    """What the account holds now, for its owner to choose from. A problem is no reason to fail."""
    try:
        return Choices(mail=_mail_choices(mailbox), calendars=_calendar_choices(mailbox))
    except ProviderError as error:
        return Choices(problem=str(error))


def _mail_choices(mailbox: Mailbox) -> tuple[Choice, ...]:
    left_out = known_servers(mailbox).get(MAIL, {}).get("left_out", ())
    provider = open_google(mailbox, StreamKind.MAIL)
    assert isinstance(provider, GmailMail)
    try:
        return tuple(Choice(one.id, one.name, one.id not in left_out) for one in provider.labels())
    finally:
        provider.close()


def _calendar_choices(mailbox: Mailbox) -> tuple[Choice, ...]:
    chosen = known_servers(mailbox).get(CALENDAR, {}).get("chosen")
    provider = open_google(mailbox, StreamKind.CALENDAR)
    assert isinstance(provider, GoogleCalendars)
    try:
        found = provider.calendars()
        return tuple(
            Choice(one.id, one.name, one.is_shown if chosen is None else one.id in chosen) for one in found
        )
    finally:
        provider.close()


def _not_allowed(label: str, part: str) -> str:
    return f"{label} was not allowed to let us read the {NAMES[part]}. Ask again, and leave every box ticked."
