"""The plain values the two parsers return. Everything in them is safe to store: no NUL, no lone
surrogate, lengths bounded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """`email` is normalised (crm.addresses.normalise); `name` is the decoded display name or ""."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """One RFC 5322 message. Ids are without angle brackets ("" when absent or unusable).

    `date` and `received` (topmost Received header) are aware UTC or None. `category` is one of
    `contact` (a person wrote it), `bulk`, `automatic`, `bounce`, `calendar`. `flags` name what was
    cut or repaired: too_large, parts_cut, depth_cut, headers_cut, headers_repaired, addresses_cut,
    text_cut (a body over 512 KB, or HTML too deep to show), charset_guessed.
    """

    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    sender: tuple[NamedAddress, ...]
    reply_to: tuple[NamedAddress, ...]
    to: tuple[NamedAddress, ...]
    cc: tuple[NamedAddress, ...]
    bcc: tuple[NamedAddress, ...]
    date: datetime | None
    received: datetime | None
    subject: str
    category: str
    headers: str
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedAttendee:
    """`response` is accepted, declined, tentative or needs_action."""

    email: str
    name: str = ""
    response: str = "needs_action"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One occurrence. `recurrence_id` is the original start in UTC for an occurrence of a series,
    else None. Times are aware UTC, ends exclusive; all-day ones at 00:00 UTC of their dates.
    `status` is confirmed, tentative or cancelled. The organiser is among the attendees (accepted);
    rooms and resources are not. `is_partial`: the provider left out some of them."""

    uid: str
    recurrence_id: datetime | None
    organiser: NamedAddress | None
    title: str
    location: str
    description: str
    conference_url: str
    starts_at: datetime
    ends_at: datetime
    all_day: bool
    timezone: str
    status: str
    sequence: int
    last_modified: datetime | None
    attendees: tuple[ParsedAttendee, ...]
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class ParsedCalendar:
    """Everything one calendar resource says. `errors` holds one plain sentence per component that
    could not be read (the others are in `events`). `private` counts the private occurrences left
    out. `goes_on` is True when the series continues past the window, so it must be read again as
    time passes. `flags`: rule_refused, series_cut, attendees_cut, dates_cut."""

    events: tuple[ParsedEvent, ...]
    errors: tuple[str, ...] = ()
    private: int = 0
    goes_on: bool = False
    flags: tuple[str, ...] = ()


class Unparsable(Exception):
    """The whole input cannot be read; `str(error)` is a plain sentence for the mailbox's owner."""
