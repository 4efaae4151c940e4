"""A line of each message and meeting in a feed, as far as the reader may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.models import AccessLevel, Member
from crm.statements import fetch
from mailboxes.ingesting.events import ELECTED
from mailboxes.meetings import IS_LEFT
from mailboxes.threadrows import LATEST_REQUEST, SNIPPET, Asked, asked, may_ask, redacted_width
from mailboxes.visibility import BOXES, FULL, SUBJECT, best_copies, viewing

_MAIL = f"""
    WITH {BOXES},
    best AS ({best_copies(where="m.id = ANY(%(ids)s) AND m.workspace_id = %(workspace)s")})
    SELECT b.id, b.thread_id, b.level, CASE WHEN b.level >= {SUBJECT} THEN c.subject END,
           left(body.text, 2 * {SNIPPET}),
           (SELECT asked.request FROM ({LATEST_REQUEST.format(thread="b.thread_id")}) asked)
    FROM best b JOIN mailboxes_messagecopy c ON c.id = b.copy_id
    LEFT JOIN mailboxes_messagecontent body ON body.copy_id = b.copy_id AND b.level = {FULL}
"""

_EVENTS = f"""
    WITH mailboxes_eventcopy AS (
        SELECT c.* FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.event_id = ANY(%(ids)s) AND c.workspace_id = %(workspace)s AND {IS_LEFT}
    )
    SELECT c.event_id, c.title, c.location FROM ({ELECTED}) c
"""


@dataclass(frozen=True, slots=True)
class MailGlimpse:
    """`subject` is None and `snippet` empty where the reader may not see them."""

    thread_id: int
    level: AccessLevel
    subject: str | None
    snippet: str
    request: Asked | None
    now: datetime

    @property
    def may_ask(self) -> bool:
        return self.level < AccessLevel.FULL and may_ask(self.request, self.now)

    @property
    def redacted(self) -> float:
        return redacted_width(self.thread_id)


@dataclass(frozen=True, slots=True)
class EventGlimpse:
    """Events have no levels."""

    pk: int
    title: str
    location: str


def mail_glimpses(viewer: Member, message_ids: Sequence[int], *, now: datetime) -> dict[int, MailGlimpse]:
    """Without those that nobody holds any more. One statement."""
    rows = fetch(_MAIL, ids=list(message_ids), **viewing(viewer)) if message_ids else []
    return {
        pk: MailGlimpse(
            thread_id,
            AccessLevel(level),
            subject,
            " ".join((text or "").split())[:SNIPPET],
            asked(request, (), now) if request else None,
            now,
        )
        for pk, thread_id, level, subject, text, request in rows
    }


def event_glimpses(viewer: Member, event_ids: Sequence[int]) -> dict[int, EventGlimpse]:
    rows = fetch(_EVENTS, ids=list(event_ids), workspace=viewer.workspace_id) if event_ids else []
    return {pk: EventGlimpse(pk, title, location) for pk, title, location in rows}
