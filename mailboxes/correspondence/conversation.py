"""One thread, message by message, as far as its reader may see each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from crm import moments
from crm.models import AccessLevel, Member
from crm.statements import fetch
from mailboxes.correspondence.threadrows import (
    ACCESS_WORDS,
    LATEST_REQUEST,
    Asked,
    Correspondent,
    asked,
    may_ask,
    redacted_width,
    whom,
)
from mailboxes.models import ParticipantRole
from mailboxes.showing.excerpts import READ, excerpt
from mailboxes.visibility import BOXES, FULL, SUBJECT, best_copies, viewing

_MESSAGES = f"""
    WITH {BOXES}, best AS ({{best}})
    SELECT b.id, b.thread_id, b.occurred_at, b.level, b.copy_id, b.is_own, c.category,
           CASE WHEN b.level >= {SUBJECT} THEN c.subject END,
           CASE WHEN b.level >= {SUBJECT} THEN c.attachment_count ELSE 0 END,
           left(body.text, {READ}),
           (SELECT json_agg(json_build_array(p.role, a.id, a.email,
                        coalesce(n.name, nullif(u.name, ''), nullif(a.display_name, ''), a.email),
                        a.member_id, a.person_id) ORDER BY p.role, p.position)
            FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id
            LEFT JOIN crm_person n ON n.id = a.person_id
            LEFT JOIN crm_member w ON w.id = a.member_id LEFT JOIN crm_user u ON u.id = w.user_id
            WHERE p.message_id = b.id)
    FROM best b JOIN mailboxes_messagecopy c ON c.id = b.copy_id
    LEFT JOIN mailboxes_messagecontent body ON body.copy_id = b.copy_id AND b.level = {FULL}
    ORDER BY b.occurred_at, b.id
"""
_OF_THREAD = _MESSAGES.format(
    best=best_copies(where="m.thread_id = %(thread)s AND m.workspace_id = %(workspace)s")
)
_ONE = _MESSAGES.format(best=best_copies(where="m.id = %(message)s AND m.workspace_id = %(workspace)s"))

# A thread of more messages has its middle folded.
LONG = 5

# The reader is known to see this copy in full; Bcc is for the owner of the copy alone.
_BODY = """
    SELECT b.text, b.html, b.attachments, CASE WHEN x.member_id = %(viewer)s THEN b.bcc ELSE '[]' END
    FROM mailboxes_messagecontent b
    JOIN mailboxes_messagecopy c ON c.id = b.copy_id JOIN mailboxes_mailbox x ON x.id = c.mailbox_id
    WHERE b.copy_id = %(copy)s
"""

_REQUEST = LATEST_REQUEST.format(thread="%(thread)s")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody on a message, in one role."""

    role: int
    pk: int
    email: str
    name: str
    member_id: int | None
    person_id: int | None

    @property
    def face(self) -> int:
        return self.member_id or self.person_id or self.pk


@dataclass(frozen=True)
class VisibleEmail:
    """What its reader may see of one message. `subject`, `snippet` and `attachments` are empty where
    the level hides them."""

    pk: int
    thread_id: int
    at: datetime
    level: AccessLevel
    copy_id: int
    is_own: bool
    category: str
    subject: str | None
    attachments: int
    snippet: str
    parties: Sequence[Party]
    viewer_id: int
    now: datetime

    @property
    def is_readable(self) -> bool:
        return self.level == AccessLevel.FULL

    @property
    def access(self) -> str:
        return ACCESS_WORDS[self.level]

    @cached_property
    def author(self) -> Party:
        return self.parties[0]

    @property
    def author_name(self) -> str:
        return "You" if self.author.member_id == self.viewer_id else self.author.name

    @property
    def recipients(self) -> str:
        names = [
            "you" if one.member_id == self.viewer_id else one.name
            for one in self.parties
            if one.role in (ParticipantRole.TO, ParticipantRole.CC)
        ]
        shown = names[:6] + ([f"{len(names) - 6} more"] if len(names) > 6 else [])
        return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)

    @property
    def time(self) -> str:
        return moments.on_message(self.at, self.now)

    @property
    def absolute(self) -> str:
        return moments.absolute(self.at)

    @property
    def machine(self) -> str:
        return moments.machine(self.at)


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Body:
    """The words of a message, for somebody who may read them. `bcc` only for the copy's owner."""

    text: str
    html: str
    attachments: Sequence[Attachment]
    bcc: Sequence[str]


@dataclass(frozen=True)
class Conversation:
    """Never empty."""

    pk: int
    messages: Sequence[VisibleEmail]
    request: Asked | None
    viewer_id: int
    now: datetime

    @cached_property
    def level(self) -> AccessLevel:
        return max(one.level for one in self.messages)

    @property
    def with_records(self) -> list[Correspondent]:
        """Who on it has a record to go to, each once."""
        return list({one.person_id: one for one in self.people if one.person_id}.values())

    @property
    def access(self) -> str:
        return ACCESS_WORDS[self.level]

    @property
    def subject(self) -> str | None:
        """Of the newest message whose subject may be read."""
        return next((one.subject for one in reversed(self.messages) if one.subject is not None), None)

    @property
    def is_locked(self) -> bool:
        """Whether there is anything left to ask for."""
        return self.hidden > 0

    @property
    def hidden(self) -> int:
        """Messages that cannot be read in full."""
        return sum(not one.is_readable for one in self.messages)

    @property
    def may_ask(self) -> bool:
        return self.is_locked and may_ask(self.request, self.now)

    @property
    def shown(self) -> Sequence[VisibleEmail]:
        """Of a long thread the first message; the last two are `latest`, what is between is folded."""
        return self.messages[:1] if self._is_long else self.messages

    @property
    def folded(self) -> Sequence[VisibleEmail]:
        return self.messages[1:-2] if self._is_long else []

    @property
    def latest(self) -> Sequence[VisibleEmail]:
        return self.messages[-2:] if self._is_long else []

    @property
    def _is_long(self) -> bool:
        return len(self.messages) > LONG

    @property
    def holds_own(self) -> bool:
        return any(one.is_own for one in self.messages)

    @property
    def newest_readable(self) -> VisibleEmail | None:
        return next((one for one in reversed(self.messages) if one.is_readable), None)

    @cached_property
    def people(self) -> Sequence[Correspondent]:
        once = {one.pk: one for message in self.messages for one in message.parties}
        found = [Correspondent(one.pk, one.name, one.member_id, one.person_id) for one in once.values()]
        return sorted(found, key=lambda one: one.member_id is not None)

    @property
    def title(self) -> str:
        return whom(self.people, self.viewer_id)

    @property
    def redacted(self) -> float:
        return redacted_width(self.pk)


def read_thread(viewer: Member, thread_id: int, *, now: datetime) -> Conversation | None:
    """None for a thread of which nothing is there for this member. Two statements."""
    rows = fetch(_OF_THREAD, thread=thread_id, **viewing(viewer))
    if not rows:
        return None
    messages = [_email(row, viewer, now) for row in rows]
    conversation = Conversation(thread_id, messages, None, viewer.pk, now)
    request = fetch(_REQUEST, thread=thread_id, viewer=viewer.pk)
    if not request:
        return conversation
    latest = asked(request[0][0], conversation.people, now)
    return Conversation(thread_id, messages, latest, viewer.pk, now)


def read_message(viewer: Member, message_id: int, *, now: datetime) -> VisibleEmail | None:
    rows = fetch(_ONE, message=message_id, **viewing(viewer))
    return _email(rows[0], viewer, now) if rows else None


def read_body(viewer: Member, email: VisibleEmail) -> Body | None:
    """None where the reader may not read it in full, or it has gone a moment ago."""
    if not email.is_readable or email.viewer_id != viewer.pk:
        return None
    rows = fetch(_BODY, copy=email.copy_id, viewer=viewer.pk)
    if not rows:
        return None
    text, html, attachments, bcc = rows[0]
    return Body(
        text=text,
        html=html,
        attachments=[Attachment(*one) for one in _parsed(attachments)],
        bcc=[name or email for email, name in _parsed(bcc)],
    )


def _parsed(value: Any) -> Any:
    """Whatever the connection makes of jsonb."""
    return json.loads(value) if isinstance(value, str) else value


def _email(row: Sequence[Any], viewer: Member, now: datetime) -> VisibleEmail:
    pk, thread_id, at, level, copy_id, is_own, category, subject, attachments, snippet, parties = row
    return VisibleEmail(
        pk=pk,
        thread_id=thread_id,
        at=at,
        level=AccessLevel(level),
        copy_id=copy_id,
        is_own=is_own,
        category=category,
        subject=subject,
        attachments=attachments,
        snippet=excerpt(snippet),
        parties=[Party(*one) for one in parties or []],
        viewer_id=viewer.pk,
        now=now,
    )
