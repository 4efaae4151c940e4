"""A record's feed: what is to come, then what has been, newest first and by month."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from crm import moments
from crm.models import Member
from crm.places import place_after, read_place
from crm.record_pages import RecordPage
from intelligence.choosing import Choice, Kind
from intelligence.entries import Cut, Entry, read_cuts
from intelligence.marks import Marks, read_marks
from intelligence.recordkinds import kind_named
from intelligence.tallies import Span, Tally, tally

PAGE_ENTRIES = 50
UPCOMING_ENTRIES = 20

AFTER = "(t.occurred_at, t.interaction_id) < (%(at)s::timestamptz, %(id)s) AND t.occurred_at <= %(now)s"
PAST, COMING = "t.occurred_at <= %(now)s", "t.occurred_at > %(now)s"
LATER = "(t.occurred_at, t.interaction_id) > (%(at)s::timestamptz, %(id)s) AND t.occurred_at > %(now)s"
MARKED = "AND t.interaction_id = ANY(%(ids)s)"


@dataclass(frozen=True, slots=True)
class Creation:
    """The record itself appeared. How is not known of all of them, so it is said of none."""

    at: datetime
    now: datetime
    noun: str
    kind: str = "creation"

    @property
    def short(self) -> str:
        return moments.short(self.at, self.now)

    @property
    def absolute(self) -> str:
        return moments.absolute(self.at)

    @property
    def machine(self) -> str:
        return moments.machine(self.at)


@dataclass(frozen=True, slots=True)
class Month:
    """`counts` says what the whole of it holds; `is_continued` where an earlier page has begun it."""

    title: str
    counts: str
    entries: Sequence[Entry | Creation]
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    upcoming: Sequence[Entry]
    has_more_upcoming: bool
    months: Sequence[Month]
    next_place: str

    @property
    def state(self) -> str:
        return state_of(self.months, self.upcoming)


def read_timeline(
    viewer: Member, page: RecordPage, place: str = "", choice: Choice | None = None, *, pages: int = 1
) -> Timeline:
    """A page of the past or several, newest first, and on the first what is to come. Raises BadPlace."""
    choice = choice or Choice()
    after = read_place(place) if place else {}
    workspace_id, now = page.record.workspace_id, page.look.now
    marks = read_marks(kind_named(page.kind.name), page.record.pk, workspace_id=workspace_id, now=now)
    cuts = [past_cut(after, pages), *([] if after else [coming_cut(UPCOMING_ENTRIES)])]
    if choice.kind == Kind.MILESTONES:
        cuts = [_marked(cut, marks) for cut in cuts]
    entries, *upcoming = read_cuts(viewer, page, cuts, choice=choice, marks=marks)
    shown = entries[: PAGE_ENTRIES * pages]
    next_place = place_after(shown[-1].at, shown[-1].pk) if len(entries) > len(shown) else ""
    coming = upcoming[0] if upcoming else []
    return Timeline(
        upcoming=coming[:UPCOMING_ENTRIES],
        has_more_upcoming=len(coming) > UPCOMING_ENTRIES,
        months=months(
            page,
            [*shown, *_creation(page, choice, since=after.get("at"), shown=shown, is_end=not next_place)],
            choice=choice,
            since=after.get("at"),
        ),
        next_place=next_place,
    )


def past_cut(after: dict[str, object], pages: int = 1) -> Cut:
    return Cut(AFTER if after else PAST, "DESC", PAGE_ENTRIES * pages + 1, after)


def coming_cut(limit: int, after: dict[str, object] | None = None) -> Cut:
    return Cut(LATER if after else COMING, "ASC", limit + 1, after or {})


def _marked(cut: Cut, marks: Marks) -> Cut:
    return Cut(f"{cut.bound} {MARKED}", cut.order, cut.limit, {**cut.values, "ids": list(marks)})


def _creation(
    page: RecordPage, choice: Choice, *, since: datetime | None, shown: Sequence[Entry], is_end: bool
) -> list[Creation]:
    """On the page on which it falls. Nobody's mail and no member's doing."""
    at = page.record.created_at
    is_before = since is None or at < since
    is_after = is_end or at >= shown[-1].at
    is_asked_for = choice.kind in (Kind.ALL, Kind.MILESTONES) and choice.member_id is None
    is_there = is_asked_for and is_before and is_after
    return [Creation(at, page.look.now, page.kind.name.capitalize())] if is_there else []


def months(
    page: RecordPage, entries: Iterable[Entry | Creation], *, choice: Choice, since: datetime | None = None
) -> list[Month]:
    """An all-day event may lie beside its month in time, but belongs to it. Counted in one statement."""
    grouped: dict[date, list[Entry | Creation]] = {}
    for one in sorted(entries, key=lambda one: (one.at, _number(one)), reverse=True):
        grouped.setdefault(_day(one).replace(day=1), []).append(one)
    counts = _counts(page, grouped, choice)
    begun = moments.day_of(since).replace(day=1) if since else None
    return [
        Month(f"{first:%B} {first.year}", counts.get(first, ""), together, is_continued=first == begun)
        for first, together in sorted(grouped.items(), reverse=True)
    ]


def state_of(months: Iterable[Month], *entries: Sequence[Entry]) -> str:
    """Another where something else is shown."""
    said = [(month.title, month.counts, list(map(_said, month.entries))) for month in months]
    return f"{zlib.crc32(repr((said, [list(map(_said, some)) for some in entries])).encode()):08x}"


def _said(one: Entry | Creation) -> Any:
    return one.said if isinstance(one, Entry) else one.at


def _number(one: Entry | Creation) -> int:
    return one.pk if isinstance(one, Entry) else 0


def _day(one: Entry | Creation) -> date:
    return moments.day_of(one.at, is_all_day=isinstance(one, Entry) and one.is_all_day)


def _counts(page: RecordPage, firsts: Iterable[date], choice: Choice) -> dict[date, str]:
    """Milestones are picked out of their months, which are not counted then."""
    if choice.kind == Kind.MILESTONES:
        return {}
    spans: dict[Span, date] = {(first, _next_month(first)): first for first in firsts}
    found: dict[Span, Tally] = tally(
        kind_named(page.kind.name),
        page.record.pk,
        spans,
        workspace_id=page.record.workspace_id,
        now=page.look.now,
        choice=choice,
    )
    return {spans[span]: one.words for span, one in found.items()}


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
