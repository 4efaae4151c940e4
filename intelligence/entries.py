"""Interactions of a record one by one: when, what kind, who on both sides, and of the words as much as
the reader may see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm import moments
from crm.cells import Face
from crm.models import Member
from crm.record_pages import RecordPage
from crm.statements import fetch
from crm.tables.columns import Look
from intelligence.choosing import Choice
from intelligence.marks import EMAIL, FIRST, FIRST_EVER, LAST, MEETING, NEXT, Marks
from intelligence.recordkinds import RecordKind, kind_named
from intelligence.remaining import HIDING, REMAINS
from mailboxes.correspondence.glimpses import EventGlimpse, MailGlimpse, event_glimpses, mail_glimpses

# An index range per kind, of which each is read only as far as the page needs.
PART = f"""
    (SELECT t.interaction_id, t.kind, t.occurred_at, t.member_id, t.is_all_day, t.is_author
     FROM {{interaction}} t
     WHERE t.{{record}} = %(record)s AND t.kind = {{kind}} AND {{bound}} AND {REMAINS} {{of_member}}
     ORDER BY t.occurred_at {{order}}, t.interaction_id {{order}} LIMIT %(limit)s)
"""
ENTRIES = f"""
    WITH {HIDING}
    SELECT t.interaction_id, coalesce(i.message_id, i.event_id), t.kind, t.occurred_at, t.member_id,
           t.is_all_day, t.is_author,
           coalesce((SELECT bool_or(p.is_author) FROM intelligence_interactionparty p
             WHERE p.interaction_id = t.interaction_id AND p.member_id = t.member_id), false),
           (SELECT json_agg(json_build_array(a.person_id, coalesce(n.name, a.email))
                            ORDER BY a.id = ANY(own.ids) DESC, p.is_author DESC, a.id)
            FROM intelligence_interactionparty p JOIN crm_address a ON a.id = p.address_id
            LEFT JOIN crm_person n ON n.id = a.person_id
            WHERE p.interaction_id = t.interaction_id AND p.member_id IS NULL)
    FROM ({{parts}}) t JOIN intelligence_interaction i ON i.id = t.interaction_id,
         (SELECT ARRAY(SELECT address_id FROM ({{owned_addresses}}) o) AS ids) own
    ORDER BY t.occurred_at {{order}}, t.interaction_id {{order}} LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a timeline: `bound` is a condition on its rows `t`, `order` ASC or DESC."""

    bound: str
    order: str
    limit: int
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """`pk` is None for somebody without a record."""

    pk: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    pk: int
    kind: str
    at: datetime
    is_all_day: bool
    face: Face
    is_viewer: bool
    outside: Sequence[Person]
    wrote: str  # outside, member or neither
    now: datetime
    marks: Sequence[str]
    # What of it may be seen: mail as far as the reader's level goes.
    mail: MailGlimpse | None
    event: EventGlimpse | None
    # Only the newest of a thread: asked for once, all of it is.
    offers_request: bool

    @property
    def said(self) -> tuple[Any, ...]:
        """What a reader may miss if it changes under his eyes; not how long ago it was."""
        mail, event = self.mail, self.event
        return (
            (self.pk, self.at, self.is_ahead, self.face.name, *(one.name for one in self.outside)),
            mail and (mail.level, mail.subject, mail.request),
            event and (event.title, event.manner, event.names, event.answered),
        )

    @property
    def icon(self) -> str:
        """Of the firsts their own."""
        if self.opens:
            return {FIRST_EVER: "flag", FIRST[EMAIL]: "mail-first"}.get(self.opens, "cal-first")
        if self.kind == "email":
            return "mail"
        return "video" if self.event and self.event.is_video else "calendar"

    @property
    def opens(self) -> str:
        """Which first it is, where it is one."""
        return next((one for one in self.marks if one in (FIRST_EVER, *FIRST.values())), "")

    @property
    def also(self) -> str:
        """A first interaction is also the first of its kind."""
        if self.opens != FIRST_EVER:
            return ""
        return "Also the first email." if self.kind == "email" else "Also the first calendar interaction."

    @property
    def tags(self) -> list[str]:
        return [one for one in self.marks if one not in (FIRST_EVER, *FIRST.values())]

    @property
    def who(self) -> str:
        return "You" if self.is_viewer else self.face.name

    @property
    def sentence(self) -> str:
        """What happened, in a few words without any of the mail's own."""
        if self.kind == "meeting":
            return f"{self.who} met {self.names}"
        if self.wrote == "outside":
            return f"{self.first.name} wrote to {'you' if self.is_viewer else self.face.name}"
        if self.wrote == "member":
            return f"{self.who} wrote to {self.first.name}"
        return f"{self.who} and {self.first.name} were written to together"

    @property
    def names(self) -> str:
        names = [one.name for one in self.outside]
        if len(names) < 3:
            return " and ".join(names)
        return f"{names[0]} and {len(names) - 1} others"

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


def read_cuts(
    viewer: Member, page: RecordPage, cuts: Sequence[Cut], *, choice: Choice, marks: Marks
) -> list[list[Entry]]:
    """Each cut's entries: a statement for each cut, and two for all of their words."""
    kind = kind_named(page.kind.name)
    found = [_rows(kind, page, cut, choice) for cut in cuts]
    everything = [row for rows in found for row in rows]
    mail = mail_glimpses(viewer, [row[1] for row in everything if row[2] == EMAIL], now=page.look.now)
    words = _Words(
        mail,
        event_glimpses(viewer, [row[1] for row in everything if row[2] == MEETING]),
        marks,
        _newest_to_ask_for(everything, mail),
    )
    return [[_entry(row, page.look, viewer, words) for row in rows] for rows in found]


@dataclass(frozen=True, slots=True)
class _Words:
    mail: Mapping[int, MailGlimpse]
    events: Mapping[int, EventGlimpse]
    marks: Marks
    to_ask_for: Collection[int]


def _newest_to_ask_for(rows: Sequence[tuple[Any, ...]], mail: Mapping[int, MailGlimpse]) -> Collection[int]:
    """The interaction of each thread that stands on top."""
    newest: dict[int, int] = {}
    for pk, source_id, kind, *_ in rows:
        glimpse = mail.get(source_id) if kind == EMAIL else None
        if glimpse and glimpse.may_ask and glimpse.subject is None:
            newest.setdefault(glimpse.thread_id, pk)
    return set(newest.values())


def _rows(kind: RecordKind, page: RecordPage, cut: Cut, choice: Choice) -> list[tuple[Any, ...]]:
    own = {"order": cut.order, "bound": cut.bound, "of_member": choice.condition}
    parts = (PART.format(**kind.names, kind=number, **own) for number in choice.numbers)
    return fetch(
        ENTRIES.format(**kind.names, parts=" UNION ALL ".join(parts), order=cut.order),
        record=page.record.pk,
        records=[page.record.pk],
        workspace=page.record.workspace_id,
        now=page.look.now,
        limit=cut.limit,
        **cut.values,
        **choice.values,
    )


def _entry(row: Sequence[Any], look: Look, viewer: Member, words: _Words) -> Entry:
    pk, source_id, kind, at, member_id, is_all_day, is_author, member_wrote, people = row
    outside = "outside" if is_author else "neither"
    marks = words.marks.get(pk, ())
    return Entry(
        pk=pk,
        kind="email" if kind == EMAIL else "meeting",
        at=at,
        is_all_day=is_all_day,
        face=look.faces[member_id],
        is_viewer=member_id == viewer.pk,
        outside=[Person(*one) for one in people],
        wrote="member" if member_wrote else outside,
        now=look.now,
        # The clock may have moved on since the marks were read.
        marks=[one for one in marks if one != (LAST if at > look.now else NEXT)],
        mail=words.mail.get(source_id) if kind == EMAIL else None,
        event=words.events.get(source_id) if kind == MEETING else None,
        offers_request=pk in words.to_ask_for,
    )
