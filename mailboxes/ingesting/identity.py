"""What makes two copies one message, or one event. Pure.

Message-ID, References and UID are an outsider's text: a message is the same only when everything
its readers go by is the same, so that a forged id opens or changes nothing of a colleague's.
"""

import hashlib
import json
from datetime import UTC, datetime

from mailboxes.parsing.values import NamedAddress, ParsedEvent, ParsedMail

KEY_BYTES = 16


def digest(*parts: object) -> bytes:
    """16 bytes of SHA-256 over the parts, unambiguous whatever they contain."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:KEY_BYTES]


def message_identity(mail: ParsedMail, *, mailbox_id: int, provider_id: str) -> bytes:
    """Message-ID, From, Date to the second, subject and recipients. Without a Message-ID nothing
    merges, not even within the mailbox."""
    if not mail.message_id:
        return digest("copy", mailbox_id, provider_id)
    return digest(
        "message",
        mail.message_id,
        _emails(mail.sender),
        _second(mail.date),
        " ".join(mail.subject.split()),
        _emails((*mail.to, *mail.cc)),
    )


def message_id_key(message_id: str) -> bytes | None:
    return digest("message-id", message_id) if message_id else None


def event_identity(event: ParsedEvent) -> bytes:
    """iCalUID, RECURRENCE-ID in UTC or empty, organiser."""
    organiser = event.organiser.email if event.organiser else ""
    return digest("event", event.uid, _second(event.recurrence_id), organiser)


def _emails(people: tuple[NamedAddress, ...]) -> list[str]:
    return sorted({one.email for one in people})


def _second(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") if moment else ""
