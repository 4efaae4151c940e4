"""A calendar event as a member reads it: of the copies that are left to show, the one that speaks.

Events have no levels: whatever somebody's calendar holds is everybody's to read. But a copy that is
on its owner's blocklist, or in a mailbox being removed, is gone at once, and everything that only it
said with it; what was stored from it may follow a little later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigAutoField
from django.http import Http404
from django.utils.safestring import SafeString

from crm import cells, moments
from crm.models import Member
from crm.records import COMPANY, PERSON
from crm.statements import fetch
from mailboxes.correspondence.meeting_words import When, description, linked, meeting_host, when
from mailboxes.ingesting.events import ELECTED
from mailboxes.models import EventStatus, Response

# `c` a copy, `m` its mailbox.
IS_LEFT = "c.blocked_by_id IS NULL AND m.state <> 'removing'"

# More calendars than these need not be asked what else is in the series.
SERIES_SOURCES = 5

# Under the table's own name, so that the usual election is held among the copies that are left.
SHOWN = f"""
    WITH mailboxes_eventcopy AS (
        SELECT c.*, m.member_id FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.event_id = ANY(%(ids)s) AND c.workspace_id = %(workspace)s AND {IS_LEFT}
    )
    SELECT c.id, c.title, c.location, c.description, c.conference_url, c.starts_at, c.ends_at,
           c.all_day, c.timezone, c.status, e.is_recurring,
           EXISTS (SELECT FROM mailboxes_eventcopy o WHERE o.member_id = %(viewer)s),
           ARRAY(SELECT o.source_id FROM mailboxes_eventcopy o
                 ORDER BY o.id <> c.id, o.id LIMIT {SERIES_SOURCES})
    FROM ({ELECTED}) c JOIN mailboxes_calendarevent e ON e.id = c.event_id
"""

# The answers that count are stored, unless a copy that is hidden may be where one came from. Then
# they are what they will be once it is purged: a member's own from his own copy, else the shown one's.
GUESTS = f"""
    WITH own AS (
        SELECT DISTINCT ON (a.id) a.id AS address_id, one->>'response' AS response
        FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
        JOIN crm_address a ON a.id = (one->>'address')::bigint AND a.member_id = m.member_id
        WHERE c.event_id = %(event)s AND {IS_LEFT}
        ORDER BY a.id, c.sequence DESC, c.last_modified DESC NULLS LAST, c.id
    ),
    stored AS (
        SELECT t.address_id, t.response FROM mailboxes_attendee t
        WHERE t.event_id = %(event)s AND NOT EXISTS (
            SELECT FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
            WHERE c.event_id = %(event)s AND NOT ({IS_LEFT}))
    )
    SELECT a.id, a.email, coalesce(nullif(u.name, ''), u.email, p.name, nullif(g.one->>'name', ''), a.email),
           coalesce(stored.response, own.response, g.one->>'response'), (g.one->>'optional')::bool,
           coalesce(a.id = c.organiser_id, false), a.is_internal OR a.member_id IS NOT NULL,
           a.member_id, p.id, f.id, f.name, CASE WHEN a.is_freemail THEN '' ELSE a.domain END
    FROM mailboxes_eventcopy c
    CROSS JOIN LATERAL jsonb_array_elements(c.attendees) WITH ORDINALITY AS g(one, place)
    JOIN crm_address a ON a.id = (g.one->>'address')::bigint
    LEFT JOIN stored ON stored.address_id = a.id
    LEFT JOIN own ON own.address_id = a.id
    LEFT JOIN crm_member w ON w.id = a.member_id LEFT JOIN crm_user u ON u.id = w.user_id
    LEFT JOIN crm_person p ON p.id = a.person_id
    LEFT JOIN crm_companydomain d ON d.workspace_id = a.workspace_id AND d.domain = a.domain
    LEFT JOIN crm_company f ON f.id = coalesce(p.company_id, d.company_id)
    WHERE c.id = %(copy)s
    ORDER BY g.place
"""

# A calendar's resource holds one series; `sources` are of mailboxes that stay. The times are its
# own, not the event's, which a hidden copy may have set.
NEIGHBOURS = """
    WITH occurrence AS (
        SELECT c.event_id, c.starts_at, c.all_day, c.status = 'cancelled' FROM mailboxes_eventcopy c
        WHERE c.source_id = ANY(%(sources)s) AND c.event_id <> %(event)s AND c.blocked_by_id IS NULL
    )
    (SELECT false, o.* FROM occurrence o WHERE (o.starts_at, o.event_id) < (%(at)s, %(event)s)
     ORDER BY o.starts_at DESC, o.event_id DESC LIMIT 1)
    UNION ALL
    (SELECT true, o.* FROM occurrence o WHERE (o.starts_at, o.event_id) > (%(at)s, %(event)s)
     ORDER BY o.starts_at, o.event_id LIMIT 1)
"""

# In the order in which a host reads them.
ICONS = {
    Response.ACCEPTED: "check",
    Response.TENTATIVE: "maybe",
    Response.DECLINED: "x",
    Response.NEEDS_ACTION: "waiting",
}
ANSWERS = tuple(ICONS)

FOLDED_GUESTS = 12
NO_COMPANY = "No company"


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody invited. `url` is empty without a record."""

    email: str
    name: str
    response: Response
    is_optional: bool
    is_organiser: bool
    is_viewer: bool
    is_colleague: bool
    url: str
    face: SafeString
    # (key, name, url) of the company, domain or workspace he is listed under.
    side: tuple[str, str, str]

    @property
    def note(self) -> str:
        """What he is here, else his address."""
        roles = {"you": self.is_viewer, "organiser": self.is_organiser, "optional": self.is_optional}
        words = ", ".join(role for role, is_so in roles.items() if is_so).capitalize()
        return words or (self.email if self.email != self.name else "")

    @property
    def icon(self) -> str:
        return ICONS[self.response]

    @property
    def rank(self) -> tuple[bool, int, str]:
        return not self.is_organiser, ANSWERS.index(self.response), self.name.casefold()


@dataclass(frozen=True, slots=True)
class Side:
    name: str
    url: str
    shown: Sequence[Guest]
    folded: Sequence[Guest]

    @property
    def count(self) -> int:
        return len(self.shown) + len(self.folded)


@dataclass(frozen=True, slots=True)
class Answers:
    """How many gave which answer."""

    response: Response
    count: int

    @property
    def words(self) -> str:
        return f"{self.count} {self.response.label.lower()}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    pk: int
    words: str


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """Everything there is to read about an event; text of others is escaped and its links are links."""

    pk: int
    title: str
    status: EventStatus
    when: When
    location: SafeString
    meeting_url: str
    meeting_host: str
    description: SafeString
    more_description: SafeString
    is_in_series: bool
    is_own: bool
    previous: Occurrence | None
    next: Occurrence | None
    organiser: Guest | None
    answers: Sequence[Answers]
    outside: Sequence[Side]
    colleagues: Sequence[Side]

    @property
    def answered(self) -> str:
        return ", ".join(one.words for one in self.answers)

    @property
    def company(self) -> Side | None:
        return next((side for side in self.outside if side.url), None)


def find_event(member: Member, pk: int, *, now: datetime) -> ShownEvent:
    """Raises Http404 for an event of another workspace, and for one of which no copy is left."""
    if pk > BigAutoField.MAX_BIGINT:
        raise Http404
    rows = fetch(SHOWN, ids=[pk], workspace=member.workspace_id, viewer=member.pk)
    if not rows:
        raise Http404
    copy_id, title, location, said, url, starts_at, ends_at, all_day, zone, *state = rows[0]
    status, is_in_series, is_own, sources = state
    guests = _guests(member, pk, copy_id)
    neighbours = _neighbours(pk, starts_at, sources)
    host = meeting_host(url)
    text, more_text = description(said)
    return ShownEvent(
        pk=pk,
        title=title or "(no title)",
        status=EventStatus(status),
        when=when(starts_at, ends_at, all_day=all_day, zone=zone, now=now),
        location=linked("" if host and location in (url, "Video call") else location),
        meeting_url=url if host else "",
        meeting_host=host,
        description=text,
        more_description=more_text,
        is_in_series=is_in_series,
        is_own=is_own,
        previous=neighbours.get(False),
        next=neighbours.get(True),
        organiser=next((one for one in guests if one.is_organiser), None),
        answers=_answers(guests),
        outside=_sides(one for one in guests if not one.is_colleague),
        colleagues=_sides(one for one in guests if one.is_colleague),
    )


def _neighbours(pk: int, at: datetime, sources: Sequence[int]) -> dict[bool, Occurrence]:
    """The occurrence before (False) and the one after (True), where there is one."""
    rows = fetch(NEIGHBOURS, event=pk, at=at, sources=sources)
    return {
        is_after: Occurrence(
            other, moments.absolute(starts_at, is_all_day=all_day) + (", cancelled" if is_off else "")
        )
        for is_after, other, starts_at, all_day, is_off in rows
    }


# Who


def _guests(member: Member, pk: int, copy_id: int) -> list[Guest]:
    return [_guest(row, member) for row in fetch(GUESTS, event=pk, copy=copy_id)]


def _guest(row: Sequence[Any], viewer: Member) -> Guest:
    address_id, email, name, response, is_optional, is_organiser, is_colleague, *others = row
    member_id, person_id, company_id, company, domain = others
    slug = viewer.workspace.slug
    if is_colleague:
        side = ("", viewer.workspace.name, "")
    elif company_id:
        side = (f"company:{company_id}", company, COMPANY.url(slug, company_id))
    else:
        side = (f"domain:{domain}", domain or NO_COMPANY, "")
    return Guest(
        email=email,
        name=name,
        response=Response(response),
        is_optional=is_optional,
        is_organiser=is_organiser,
        is_viewer=member_id == viewer.pk,
        is_colleague=is_colleague,
        url=PERSON.url(slug, person_id) if person_id else "",
        face=cells.avatar(member_id or person_id or address_id, name, "md"),
        side=side,
    )


def _answers(guests: Iterable[Guest]) -> list[Answers]:
    given = [one.response for one in guests]
    return [Answers(one, given.count(one)) for one in ANSWERS if one in given]


def _sides(guests: Iterable[Guest]) -> list[Side]:
    """The larger before the smaller; those of no company last."""
    sides: dict[tuple[str, str, str], list[Guest]] = {}
    for guest in sorted(guests, key=lambda one: one.rank):
        sides.setdefault(guest.side, []).append(guest)
    ordered = sorted(sides.items(), key=lambda one: (one[0][1] == NO_COMPANY, -len(one[1]), one[0][1]))
    return [
        Side(name, url, together[:FOLDED_GUESTS], together[FOLDED_GUESTS:])
        for (_, name, url), together in ordered
    ]
