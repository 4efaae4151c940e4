from mailboxes.models.event import (
    Attendee,
    CalendarEvent,
    CalendarSource,
    EventCopy,
    EventStatus,
    Response,
)
from mailboxes.models.mailbox import Mailbox, MailboxAddress, MailboxKind, MailboxState
from mailboxes.models.message import (
    EmailMessage,
    MessageContent,
    MessageCopy,
    Participant,
    ParticipantRole,
    Thread,
)
from mailboxes.models.stream import (
    PendingItem,
    QuarantinedItem,
    SkippedItem,
    SkipReason,
    StreamKind,
    SyncStream,
)

__all__ = [
    "Attendee",
    "CalendarEvent",
    "CalendarSource",
    "EmailMessage",
    "EventCopy",
    "EventStatus",
    "Mailbox",
    "MailboxAddress",
    "MailboxKind",
    "MailboxState",
    "MessageContent",
    "MessageCopy",
    "Participant",
    "ParticipantRole",
    "PendingItem",
    "QuarantinedItem",
    "Response",
    "SkipReason",
    "SkippedItem",
    "StreamKind",
    "SyncStream",
    "Thread",
]
