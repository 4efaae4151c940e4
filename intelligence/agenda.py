"""The Calendar tab: a record's meetings, those to come first, by month."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from crm import moments
from crm.models import Member
from crm.places import place_after, read_place
from crm.plurals import Capped
from crm.record_pages import RecordPage
from crm.statements import fetch
from intelligence.choosing import Choice, Kind
from intelligence.entries import Entry, read_cuts
from intelligence.marks import Marks, read_marks
from intelligence.recordkinds import RecordKind, kind_named
from intelligence.remaining import HIDING, REMAINS
from intelligence.timeline import PAGE_ENTRIES, Month, coming_cut, months, past_cut, state_of

COMING_ENTRIES = 20
MOST_COUNTED = 500

MEETINGS = Choice(Kind.MEETINGS)

COUNT = f"""
    WITH {HIDING}
    SELECT count(*) FROM (SELECT FROM {{interaction}} t
        WHERE t.{{record}} = %(record)s AND t.kind = 2 AND {REMAINS} LIMIT {MOST_COUNTED + 1}) counted
"""


@dataclass(frozen=True, slots=True)
class Agenda:
    """Each of the two lists says where it goes on; what was not asked for is empty."""

    coming: Sequence[Month]
    next_coming: str
    past: Sequence[Month]
    next_place: str

    @property
    def state(self) -> str:
        return state_of([*self.coming, *self.past])


def read_agenda(viewer: Member, page: RecordPage, *, place: str = "", coming: str = "") -> Agenda:
    """A page of both, or what follows a place in one of them. Raises BadPlace."""
    after, later = (read_place(one) if one else {} for one in (place, coming))
    cuts = {
        "past": past_cut(after) if not later else None,
        "coming": coming_cut(COMING_ENTRIES, later) if not after else None,
    }
    found = read_cuts(
        viewer, page, [cut for cut in cuts.values() if cut], choice=MEETINGS, marks=_marks(page)
    )
    by_name = dict(zip((name for name, cut in cuts.items() if cut), found, strict=True))
    past, next_place = _cut(by_name.get("past", []), PAGE_ENTRIES)
    ahead, next_coming = _cut(by_name.get("coming", []), COMING_ENTRIES)
    begun = moments.day_of(later["at"]).replace(day=1) if later else None
    return Agenda(
        coming=list(_months_ahead(ahead, begun)),
        next_coming=next_coming,
        past=months(page, past, choice=MEETINGS, since=after.get("at")),
        next_place=next_place,
    )


def count_meetings(kind: RecordKind, record_id: int, *, workspace_id: int) -> Capped:
    return Capped(fetch(kind.sql(COUNT), record=record_id, workspace=workspace_id)[0][0], MOST_COUNTED)


def _marks(page: RecordPage) -> Marks:
    kind, record = kind_named(page.kind.name), page.record
    return read_marks(kind, record.pk, workspace_id=record.workspace_id, now=page.look.now)


def _cut(entries: Sequence[Entry], size: int) -> tuple[list[Entry], str]:
    shown = list(islice(entries, size))
    return shown, place_after(shown[-1].at, shown[-1].pk) if len(entries) > size else ""


def _months_ahead(entries: Iterable[Entry], begun: date | None) -> Iterable[Month]:
    grouped: dict[date, list[Entry]] = {}
    for one in entries:
        day = moments.day_of(one.at, is_all_day=one.is_all_day)
        grouped.setdefault(day.replace(day=1), []).append(one)
    for first, together in sorted(grouped.items()):
        yield Month(f"{first:%B} {first.year}", "", together, is_continued=first == begun)
