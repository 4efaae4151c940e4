from mailboxes.models.access import AccessGrant, GrantCoverage
from mailboxes.models.blocklist import BlocklistEntry
from mailboxes.models.event import (
    Attendee,
    CalendarEvent,
    CalendarSource,
    EventCopy,
    EventStatus,
    Response,
)
from mailboxes.models.followup import FollowUp, FollowUpKind
from mailboxes.models.mailbox import CONSENTED, Mailbox, MailboxAddress, MailboxKind, MailboxState
from mailboxes.models.message import (
    EmailMessage,
    MessageContent,
    MessageCopy,
    Participant,
    ParticipantRole,
    Thread,
)
from mailboxes.models.request import AccessRequest, RequestedOwner, RequestState, Scope
from mailboxes.models.stream import (
    PendingItem,
    QuarantinedItem,
    SkippedItem,
    SkipReason,
    StreamKind,
    SyncStream,
)

__all__ = [
    "CONSENTED",
    "AccessGrant",
    "AccessRequest",
    "Attendee",
    "BlocklistEntry",
    "CalendarEvent",
    "CalendarSource",
    "EmailMessage",
    "EventCopy",
    "EventStatus",
    "FollowUp",
    "FollowUpKind",
    "GrantCoverage",
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
    "RequestState",
    "RequestedOwner",
    "Response",
    "Scope",
    "SkipReason",
    "SkippedItem",
    "StreamKind",
    "SyncStream",
    "Thread",
]
