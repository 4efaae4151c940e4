"""A record's interactions as a list: when, what kind, who on both sides. No words of anybody's mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils import timezone

from crm import moments
from crm.cells import Face
from crm.columns import Look
from crm.models import Member
from crm.places import place_after, read_place
from crm.record_pages import RecordPage
from crm.statements import fetch
from intelligence.recordkinds import RECORD_KINDS, RecordKind
from mailboxes.glimpses import EventGlimpse, MailGlimpse, event_glimpses, mail_glimpses

PAGE_ENTRIES = 50
UPCOMING_ENTRIES = 20

# Two index ranges, one per kind, of which each is read only as far as the page needs. What is on a
# blocklist or in a mailbox being removed is gone before its interactions are.
ENDS = """
    (SELECT t.interaction_id, t.kind, t.occurred_at, t.member_id, t.is_all_day, t.is_author
     FROM {interaction} t
     WHERE t.{record} = %(record)s AND t.kind = {kind} AND {bound} AND EXISTS (
         SELECT FROM intelligence_interaction i
         JOIN {copies} c ON c.{source} = i.{source} AND c.blocked_by_id IS NULL
         JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.state <> 'removing'
         WHERE i.id = t.interaction_id)
     ORDER BY t.occurred_at {order}, t.interaction_id {order} LIMIT %(limit)s)
"""
SOURCES = {1: ("message_id", "mailboxes_messagecopy"), 2: ("event_id", "mailboxes_eventcopy")}
ENTRIES = """
    SELECT t.interaction_id, coalesce(i.message_id, i.event_id), t.kind, t.occurred_at, t.member_id,
           t.is_all_day, t.is_author,
           coalesce((SELECT bool_or(p.is_author) FROM intelligence_interactionparty p
             WHERE p.interaction_id = t.interaction_id AND p.member_id = t.member_id), false),
           (SELECT json_agg(json_build_array(a.person_id, coalesce(n.name, a.email), a.id = ANY(own.ids))
                            ORDER BY a.id = ANY(own.ids) DESC, p.is_author DESC, a.id)
            FROM intelligence_interactionparty p JOIN crm_address a ON a.id = p.address_id
            LEFT JOIN crm_person n ON n.id = a.person_id
            WHERE p.interaction_id = t.interaction_id AND p.member_id IS NULL)
    FROM ({emails} UNION ALL {meetings}) t JOIN intelligence_interaction i ON i.id = t.interaction_id,
         (SELECT ARRAY(SELECT address_id FROM ({owned_addresses}) o) AS ids) own
    ORDER BY t.occurred_at {order}, t.interaction_id {order} LIMIT %(limit)s
"""

AFTER = "(t.occurred_at, t.interaction_id) < (%(at)s::timestamptz, %(id)s)"
PAST, COMING = "t.occurred_at <= %(now)s", "t.occurred_at > %(now)s"


@dataclass(frozen=True, slots=True)
class Person:
    """`pk` is None for somebody without a record; `is_of_record` where this page is about him."""

    pk: int | None
    name: str
    is_of_record: bool


@dataclass(frozen=True, slots=True)
class Entry:
    pk: int
    kind: str
    at: datetime
    is_all_day: bool
    face: Face
    outside: Sequence[Person]
    wrote: str  # outside, member or neither
    now: datetime
    # What of it may be seen: mail as far as the reader's level goes.
    mail: MailGlimpse | None
    event: EventGlimpse | None

    @property
    def icon(self) -> str:
        return "mail" if self.kind == "email" else "calendar"

    @property
    def short(self) -> str:
        """Of what is to come the whole date; what is past stands under its month."""
        if self.is_ahead:
            return moments.relative(self.at, self.now, is_all_day=self.is_all_day)
        return moments.short(self.at, self.now, is_all_day=self.is_all_day)

    @property
    def is_ahead(self) -> bool:
        return self.at > self.now

    @property
    def absolute(self) -> str:
        return moments.absolute(self.at, is_all_day=self.is_all_day)

    @property
    def machine(self) -> str:
        return moments.machine(self.at, is_all_day=self.is_all_day)

    @property
    def first(self) -> Person:
        return self.outside[0]

    @property
    def others(self) -> int:
        return len(self.outside) - 1


@dataclass(frozen=True, slots=True)
class Month:
    title: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Timeline:
    upcoming: Sequence[Entry]
    months: Sequence[Month]
    next_place: str


def read_timeline(viewer: Member, page: RecordPage, place: str = "") -> Timeline:
    """A page of the past, newest first, and on the first page what is to come. Raises BadPlace."""
    after = read_place(place) if place else {}
    entries = _entries(viewer, page, AFTER if after else PAST, "DESC", PAGE_ENTRIES + 1, **after)
    shown = entries[:PAGE_ENTRIES]
    return Timeline(
        upcoming=[] if after else _entries(viewer, page, COMING, "ASC", UPCOMING_ENTRIES),
        months=[
            Month(title, list(same))
            for title, same in groupby(shown, key=lambda one: timezone.localtime(one.at).strftime("%B %Y"))
        ],
        next_place=place_after(shown[-1].at, shown[-1].pk) if len(entries) > PAGE_ENTRIES else "",
    )


def _entries(
    viewer: Member, page: RecordPage, bound: str, order: str, limit: int, **after: Any
) -> list[Entry]:
    kind = next(kind for kind in RECORD_KINDS if kind.name == page.kind.name)
    rows = fetch(
        _statement(kind, bound, order),
        record=page.record.pk,
        records=[page.record.pk],
        now=page.look.now,
        limit=limit,
        **after,
    )
    of_kind = {number: [row[1] for row in rows if row[2] == number] for number in SOURCES}
    mail = mail_glimpses(viewer, of_kind[1], now=page.look.now)
    events = event_glimpses(viewer, of_kind[2])
    return [_entry(row, page.look, mail=mail, events=events) for row in rows]


def _statement(kind: RecordKind, bound: str, order: str) -> str:
    emails, meetings = (
        ENDS.format(**kind.names, kind=number, bound=bound, order=order, source=source, copies=copies)
        for number, (source, copies) in SOURCES.items()
    )
    return ENTRIES.format(**kind.names, emails=emails, meetings=meetings, order=order)


def _entry(
    row: Sequence[Any], look: Look, *, mail: dict[int, MailGlimpse], events: dict[int, EventGlimpse]
) -> Entry:
    pk, source_id, kind, at, member_id, is_all_day, is_author, member_wrote, people = row
    outside = "outside" if is_author else "neither"
    return Entry(
        pk=pk,
        kind="email" if kind == 1 else "meeting",
        at=at,
        is_all_day=is_all_day,
        face=look.faces[member_id],
        outside=[Person(*one) for one in people],
        wrote="member" if member_wrote else outside,
        now=look.now,
        mail=mail.get(source_id) if kind == 1 else None,
        event=events.get(source_id) if kind == 2 else None,
    )
