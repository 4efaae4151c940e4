"""What to keep and what to leave out, and why. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm.addresses import domain_of, kind, registrable_domain, without_tag
from mailboxes.models.stream import SkipReason
from mailboxes.parsing.values import NamedAddress, ParsedEvent, ParsedMail

EARLIEST_DATE = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Insiders:
    """Who is a colleague: members' addresses and aliases, and the workspace's own domains."""

    emails: frozenset[str]
    domains: frozenset[str]

    def include(self, email: str) -> bool:
        return (
            email in self.emails
            or without_tag(email) in self.emails
            or registrable_domain(domain_of(email)) in self.domains
        )


def is_own(email: str, own_emails: frozenset[str]) -> bool:
    """Is this an address of the mailbox, or a tagged spelling of one?"""
    return email in own_emails or without_tag(email) in own_emails


def authors(mail: ParsedMail) -> tuple[NamedAddress, ...]:
    """From, or the people behind it: an automated sender's Reply-To."""
    return stand_ins(mail) or mail.sender


def stand_ins(mail: ParsedMail) -> tuple[NamedAddress, ...]:
    """The Reply-To addresses that stand for an automated From, if any."""
    automated = mail.sender and all(kind(one.email) == "automated" for one in mail.sender)
    return mail.reply_to if automated else ()


def participants(mail: ParsedMail) -> list[str]:
    """Everybody on it by name, an automated sender and who stands for it both. Bcc never is."""
    return [one.email for one in (*mail.sender, *stand_ins(mail), *mail.to, *mail.cc)]


def screen_mail(mail: ParsedMail, insiders: Insiders) -> SkipReason | None:
    return _screen((one.email for one in (*authors(mail), *mail.to, *mail.cc)), insiders)


def screen_event(event: ParsedEvent, insiders: Insiders) -> SkipReason | None:
    return _screen((one.email for one in event.attendees), insiders)


def _screen(emails: Iterable[str], insiders: Insiders) -> SkipReason | None:
    outside = [email for email in emails if not insiders.include(email)]
    if not outside:
        return SkipReason.INTERNAL
    if all(kind(email) == "automated" for email in outside):
        return SkipReason.NOBODY
    return None


def received_at(mail: ParsedMail, *, by_provider: datetime | None, imported_at: datetime) -> datetime:
    """The topmost Received header's date, else the provider's, else now. A date before 1990 or
    ahead of the clock is no date; one that is slightly ahead is the clocks' disagreement."""
    for moment in (mail.received, by_provider):
        if moment and EARLIEST_DATE <= moment <= imported_at + CLOCK_SKEW:
            return min(moment, imported_at)
    return imported_at


def occurred_at(mail: ParsedMail, *, by_provider: datetime | None, imported_at: datetime) -> datetime:
    """The earlier of Date and received if Date is 1990 or later, else received."""
    received = received_at(mail, by_provider=by_provider, imported_at=imported_at)
    if mail.date and mail.date >= EARLIEST_DATE:
        return min(mail.date, received)
    return received
