"""One thread in a list: what its reader may see of it, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import moments
from crm.models import AccessLevel
from mailboxes.models import RequestState
from mailboxes.showing.excerpts import READ, excerpt
from mailboxes.visibility import FULL, SUBJECT, best_copies

ASK_AGAIN_AFTER = timedelta(days=7)
ACCESS_WORDS = {AccessLevel.METADATA: "metadata", AccessLevel.SUBJECT: "subject", AccessLevel.FULL: "full"}

# The viewer's own latest on a thread, as one value.
LATEST_REQUEST = """
    SELECT json_build_object('pk', r.id, 'state', r.state, 'level', r.level, 'by', r.settled_by_id,
               'asked', extract(epoch FROM r.created_at), 'settled', extract(epoch FROM r.settled_at),
               'owners', (SELECT json_agg(o.owner_id ORDER BY o.owner_id)
                          FROM mailboxes_requestedowner o WHERE o.request_id = r.id)) AS request
    FROM mailboxes_accessrequest r
    WHERE r.thread_id = {thread} AND r.member_id = %(viewer)s AND r.state <> 'cancelled'
    ORDER BY r.id DESC LIMIT 1
"""

# Of `picked` threads (thread_id, at, id). A hidden subject or body is not read, so it is nowhere.
THREAD_ROWS = f"""
    letter AS MATERIALIZED (
        {
    best_copies(source="picked JOIN mailboxes_emailmessage m ON m.thread_id = picked.thread_id", where="true")
}
    )
    SELECT picked.thread_id, picked.at, picked.id, sums.messages, sums.level, words.subject,
           sums.attachments, body.snippet, people.people, asked.request
    FROM picked
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages, max(l.level) AS level,
               coalesce(sum(c.attachment_count) FILTER (WHERE l.level >= {SUBJECT}), 0) AS attachments
        FROM letter l JOIN mailboxes_messagecopy c ON c.id = l.copy_id
        WHERE l.thread_id = picked.thread_id
    ) sums
    LEFT JOIN LATERAL (
        SELECT c.subject FROM letter l JOIN mailboxes_messagecopy c ON c.id = l.copy_id
        WHERE l.thread_id = picked.thread_id AND l.level >= {SUBJECT}
        ORDER BY l.occurred_at DESC, l.id DESC LIMIT 1
    ) words ON true
    LEFT JOIN LATERAL (
        SELECT left(b.text, {READ}) AS snippet
        FROM letter l JOIN mailboxes_messagecontent b ON b.copy_id = l.copy_id
        WHERE l.thread_id = picked.thread_id AND l.level = {FULL}
        ORDER BY l.occurred_at DESC, l.id DESC LIMIT 1
    ) body ON true
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_array(one.id, one.name, one.member_id, one.person_id)
                        ORDER BY one.rank, one.id) AS people
        FROM (
            SELECT a.id, a.member_id, a.person_id,
                   min(p.role) + CASE WHEN a.member_id IS NULL THEN 0 ELSE 10 END AS rank,
                   coalesce(n.name, nullif(u.name, ''), nullif(a.display_name, ''), a.email) AS name
            FROM letter l JOIN mailboxes_participant p ON p.message_id = l.id
            JOIN crm_address a ON a.id = p.address_id
            LEFT JOIN crm_person n ON n.id = a.person_id
            LEFT JOIN crm_member w ON w.id = a.member_id LEFT JOIN crm_user u ON u.id = w.user_id
            WHERE l.thread_id = picked.thread_id
            GROUP BY a.id, n.name, u.name
        ) one
    ) people ON true
    LEFT JOIN LATERAL (
        {LATEST_REQUEST.format(thread="picked.thread_id")}
    ) asked ON true
    ORDER BY picked.at DESC, picked.id DESC
"""


@dataclass(frozen=True, slots=True)
class Correspondent:
    """An address on a thread; `member_id` is None for somebody outside."""

    pk: int
    name: str
    member_id: int | None
    person_id: int | None

    @property
    def face(self) -> int:
        """What gives somebody his colour, here as on his own page."""
        return self.member_id or self.person_id or self.pk


@dataclass(frozen=True, slots=True)
class Asked:
    """The reader's latest request for a thread."""

    pk: int
    state: str
    level: int
    asked_at: datetime
    settled_at: datetime | None
    # Owners that the asker may be told of: those who are on the thread for everybody to see.
    owners: Sequence[str]
    settled_by: str


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """`subject` and `snippet` are empty where the reader may not see them (`has_subject` tells a
    hidden subject from an empty one), `attachments` is 0 there."""

    pk: int
    at: datetime
    message_id: int
    messages: int
    level: AccessLevel
    has_subject: bool
    subject: str
    attachments: int
    snippet: str
    people: Sequence[Correspondent]
    request: Asked | None
    viewer_id: int
    now: datetime

    @property
    def access(self) -> str:
        return ACCESS_WORDS[self.level]

    @property
    def is_locked(self) -> bool:
        return self.level < AccessLevel.FULL

    @property
    def first(self) -> Correspondent:
        return self.people[0]

    @property
    def title(self) -> str:
        return whom(self.people, self.viewer_id)

    @property
    def redacted(self) -> float:
        return redacted_width(self.pk)

    @property
    def may_ask(self) -> bool:
        return self.is_locked and may_ask(self.request, self.now)

    @property
    def time(self) -> str:
        return moments.in_stretch(self.at, self.now)

    @property
    def absolute(self) -> str:
        return moments.absolute(self.at)

    @property
    def machine(self) -> str:
        return moments.machine(self.at)

    @property
    def day(self) -> str:
        return moments.stretch(self.at, self.now)


def redacted_width(thread_id: int) -> float:
    """Of the bar in place of a subject, in rem: it follows from the thread's number and says nothing."""
    return 8 + (thread_id * 2654435761 >> 16) % 14 / 2


def may_ask(latest: Asked | None, now: datetime) -> bool:
    """Not while a request is open, nor within a week of a no."""
    if latest is None or latest.state == RequestState.APPROVED:
        return True
    if latest.state == RequestState.DECLINED and latest.settled_at:
        return now - latest.settled_at >= ASK_AGAIN_AFTER
    return False


def whom(people: Sequence[Correspondent], viewer_id: int) -> str:
    """`Sofia, Tomás, you`: those outside first, first names where there are several."""
    once = {(one.member_id is None, one.face): one for one in people}.values()
    others = [one for one in once if one.member_id != viewer_id]
    shown = [one.name if len(once) == 1 or "@" in one.name else one.name.split(" ")[0] for one in others]
    if len(others) <= 2 and others and others[0].member_id is None:
        shown[0] = others[0].name
    is_there = len(others) < len(once)
    rest = len(shown) - 3
    words = shown[:3] + ([f"{rest} more"] if rest > 0 else []) + (["you"] if is_there else [])
    return ", ".join(words)


def thread_row(row: Sequence[Any], *, viewer_id: int, now: datetime) -> ThreadRow:
    thread_id, at, pk, messages, level, subject, attachments, snippet, people, request = row
    correspondents = [Correspondent(*one) for one in people or []]
    return ThreadRow(
        pk=thread_id,
        at=at,
        message_id=pk,
        messages=messages,
        level=AccessLevel(level),
        has_subject=subject is not None,
        subject=subject or "",
        attachments=int(attachments),
        snippet=excerpt(snippet),
        people=correspondents,
        request=asked(request, correspondents, now) if request else None,
        viewer_id=viewer_id,
        now=now,
    )


def asked(request: dict[str, Any], people: Sequence[Correspondent], now: datetime) -> Asked:
    names = {one.member_id: one.name.split(" ")[0] for one in people if one.member_id}
    settled = request["settled"]
    return Asked(
        pk=request["pk"],
        state=request["state"],
        level=request["level"],
        asked_at=datetime.fromtimestamp(float(request["asked"]), now.tzinfo),
        settled_at=datetime.fromtimestamp(float(settled), now.tzinfo) if settled else None,
        owners=[names[owner] for owner in request["owners"] or [] if owner in names],
        settled_by=names.get(request["by"], ""),
    )
