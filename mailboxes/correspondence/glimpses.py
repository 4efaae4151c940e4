"""A line of each message and meeting in a feed, as far as the reader may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.models import AccessLevel, Member
from crm.statements import fetch
from mailboxes.correspondence.meeting_words import lasting, meeting_host
from mailboxes.correspondence.meetings import ANSWERS, IS_LEFT, Answers
from mailboxes.correspondence.threadrows import LATEST_REQUEST, Asked, asked, may_ask, redacted_width
from mailboxes.ingesting.events import ELECTED
from mailboxes.models import Response
from mailboxes.showing.excerpts import READ, excerpt
from mailboxes.visibility import BOXES, FULL, SUBJECT, best_copies, viewing

_MAIL = f"""
    WITH {BOXES},
    best AS ({best_copies(where="m.id = ANY(%(ids)s) AND m.workspace_id = %(workspace)s")})
    SELECT b.id, b.thread_id, b.level, CASE WHEN b.level >= {SUBJECT} THEN c.subject END,
           left(body.text, {READ}),
           (SELECT asked.request FROM ({LATEST_REQUEST.format(thread="b.thread_id")}) asked)
    FROM best b JOIN mailboxes_messagecopy c ON c.id = b.copy_id
    LEFT JOIN mailboxes_messagecontent body ON body.copy_id = b.copy_id AND b.level = {FULL}
"""

MOST_FACES = 4

# The answers that count are stored, unless a copy that is hidden may be where one came from: see
# `meetings`, which says the same of a single event.
_EVENTS = f"""
    WITH hidden AS (
        SELECT c.event_id FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.event_id = ANY(%(ids)s) AND NOT ({IS_LEFT})
    ),
    mailboxes_eventcopy AS (
        SELECT c.*, m.member_id FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.event_id = ANY(%(ids)s) AND c.workspace_id = %(workspace)s AND {IS_LEFT}
    ),
    elected AS ({ELECTED}),
    own AS (
        SELECT DISTINCT ON (c.event_id, a.id) c.event_id, a.id AS address_id, one->>'response' AS response
        FROM mailboxes_eventcopy c CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
        JOIN crm_address a ON a.id = (one->>'address')::bigint AND a.member_id = c.member_id
        WHERE c.event_id = ANY(ARRAY(SELECT event_id FROM hidden))
        ORDER BY c.event_id, a.id, c.sequence DESC, c.last_modified DESC NULLS LAST, c.id
    ),
    guest AS (
        SELECT e.event_id, g.place, coalesce(a.member_id, a.person_id, a.id) AS pk,
               coalesce(nullif(u.name, ''), u.email, p.name, nullif(g.one->>'name', ''), a.email) AS name,
               coalesce(t.response, own.response, g.one->>'response') AS response,
               coalesce(a.id = e.organiser_id, false) AS is_organiser
        FROM elected e CROSS JOIN LATERAL jsonb_array_elements(e.attendees) WITH ORDINALITY AS g(one, place)
        JOIN crm_address a ON a.id = (g.one->>'address')::bigint
        LEFT JOIN LATERAL (
            SELECT t.response FROM mailboxes_attendee t
            WHERE t.event_id = e.event_id AND t.address_id = a.id
              AND t.event_id <> ALL(ARRAY(SELECT event_id FROM hidden)) LIMIT 1
        ) t ON true
        LEFT JOIN own ON own.event_id = e.event_id AND own.address_id = a.id
        LEFT JOIN crm_member w ON w.id = a.member_id LEFT JOIN crm_user u ON u.id = w.user_id
        LEFT JOIN crm_person p ON p.id = a.person_id
    ),
    ranked AS (
        SELECT guest.*, row_number() OVER (PARTITION BY event_id ORDER BY response = 'declined',
            NOT is_organiser, response <> 'accepted', response = 'needs_action', place) AS rank
        FROM guest
    ),
    invited AS (
        SELECT event_id, array_agg(response) AS given,
               json_agg(json_build_array(pk, name) ORDER BY rank)
                   FILTER (WHERE rank <= {MOST_FACES} AND response <> 'declined') AS faces
        FROM ranked GROUP BY event_id
    )
    SELECT e.event_id, e.title, e.location, e.conference_url, e.starts_at, e.ends_at, e.all_day,
           invited.given, invited.faces
    FROM elected e LEFT JOIN invited ON invited.event_id = e.event_id
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
    def is_subject_only(self) -> bool:
        return self.level == AccessLevel.SUBJECT

    @property
    def redacted(self) -> float:
        return redacted_width(self.thread_id)


@dataclass(frozen=True, slots=True)
class EventGlimpse:
    """Events have no levels. `faces` are (id, name) of the first who come or may."""

    pk: int
    title: str
    location: str
    length: str
    is_video: bool
    given: Mapping[Response, int]
    faces: Sequence[tuple[int, str]]

    @property
    def manner(self) -> str:
        """`90 min, video`"""
        return ", ".join(word for word in (self.length, "video" if self.is_video else self.location) if word)

    @property
    def names(self) -> str:
        return ", ".join(name for _, name in self.faces)

    @property
    def answered(self) -> str:
        """`4 accepted, 1 declined`; where nobody has said either, what there is."""
        told = [Answers(one, self.given[one]) for one in ANSWERS if one in self.given]
        plain = [one for one in told if one.response in (Response.ACCEPTED, Response.DECLINED)]
        return ", ".join(one.words for one in plain or told)


def mail_glimpses(viewer: Member, message_ids: Sequence[int], *, now: datetime) -> dict[int, MailGlimpse]:
    """Without those that nobody holds any more. One statement."""
    rows = fetch(_MAIL, ids=list(message_ids), **viewing(viewer)) if message_ids else []
    return {
        pk: MailGlimpse(
            thread_id,
            AccessLevel(level),
            subject,
            excerpt(text),
            asked(request, (), now) if request else None,
            now,
        )
        for pk, thread_id, level, subject, text, request in rows
    }


def event_glimpses(viewer: Member, event_ids: Sequence[int]) -> dict[int, EventGlimpse]:
    """Without those of which no copy is left. One statement."""
    rows = fetch(_EVENTS, ids=list(event_ids), workspace=viewer.workspace_id) if event_ids else []
    return {
        pk: EventGlimpse(
            pk,
            title,
            "" if meeting_host(location) else location,
            lasting(starts_at, ends_at, all_day=all_day),
            bool(meeting_host(url) or meeting_host(location)),
            {one: (given or []).count(one) for one in ANSWERS if one in (given or [])},
            [(face, name) for face, name in faces or []],
        )
        for pk, title, location, url, starts_at, ends_at, all_day, given, faces in rows
    }
