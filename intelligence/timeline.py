"""A record's interactions as a list: when, what kind, who on both sides. No words of anybody's mail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils import timezone

from crm import moments
from crm.cells import Face
from crm.columns import Look
from crm.places import place_after, read_place
from crm.record_pages import RecordPage
from crm.statements import fetch
from intelligence.recordkinds import RECORD_KINDS, RecordKind

PAGE_ENTRIES = 50
UPCOMING_ENTRIES = 20

# Two index ranges, one per kind, of which each is read only as far as the page needs.
ENDS = """
    (SELECT t.interaction_id, t.kind, t.occurred_at, t.member_id, t.is_all_day, t.is_author
     FROM {interaction} t WHERE t.{record} = %(record)s AND t.kind = {kind} AND {bound}
     ORDER BY t.occurred_at {order}, t.interaction_id {order} LIMIT %(limit)s)
"""
ENTRIES = """
    SELECT t.interaction_id, t.kind, t.occurred_at, t.member_id, t.is_all_day, t.is_author,
           coalesce((SELECT bool_or(p.is_author) FROM intelligence_interactionparty p
             WHERE p.interaction_id = t.interaction_id AND p.member_id = t.member_id), false),
           (SELECT json_agg(json_build_array(a.person_id, coalesce(n.name, a.email), a.id = ANY(own.ids))
                            ORDER BY a.id = ANY(own.ids) DESC, p.is_author DESC, a.id)
            FROM intelligence_interactionparty p JOIN crm_address a ON a.id = p.address_id
            LEFT JOIN crm_person n ON n.id = a.person_id
            WHERE p.interaction_id = t.interaction_id AND p.member_id IS NULL)
    FROM ({emails} UNION ALL {meetings}) t,
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

    @property
    def icon(self) -> str:
        return "mail" if self.kind == "email" else "calendar"

    @property
    def short(self) -> str:
        """Of what is to come the whole date; what is past stands under its month."""
        if self.is_ahead:
            return moments.relative(self.at, self.now, is_all_day=self.is_all_day)
        return moments.short(self.at, is_all_day=self.is_all_day)

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


def read_timeline(page: RecordPage, place: str = "") -> Timeline:
    """A page of the past, newest first, and on the first page what is to come. Raises BadPlace."""
    after = read_place(place) if place else {}
    entries = list(_entries(page, AFTER if after else PAST, "DESC", PAGE_ENTRIES + 1, **after))
    shown = entries[:PAGE_ENTRIES]
    return Timeline(
        upcoming=[] if after else list(_entries(page, COMING, "ASC", UPCOMING_ENTRIES)),
        months=[
            Month(title, list(same))
            for title, same in groupby(shown, key=lambda one: timezone.localtime(one.at).strftime("%B %Y"))
        ],
        next_place=place_after(shown[-1].at, shown[-1].pk) if len(entries) > PAGE_ENTRIES else "",
    )


def _entries(page: RecordPage, bound: str, order: str, limit: int, **after: Any) -> Iterator[Entry]:
    kind = next(kind for kind in RECORD_KINDS if kind.name == page.kind.name)
    rows = fetch(
        _statement(kind, bound, order),
        record=page.record.pk,
        records=[page.record.pk],
        now=page.look.now,
        limit=limit,
        **after,
    )
    return (_entry(row, page.look) for row in rows)


def _statement(kind: RecordKind, bound: str, order: str) -> str:
    emails, meetings = (ENDS.format(**kind.names, kind=number, bound=bound, order=order) for number in (1, 2))
    return ENTRIES.format(**kind.names, emails=emails, meetings=meetings, order=order)


def _entry(row: Sequence[Any], look: Look) -> Entry:
    pk, kind, at, member_id, is_all_day, is_author, member_wrote, people = row
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
    )
