"""How many emails and meetings a record had in each of some stretches of time, in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.utils import timezone

from crm.plurals import counted
from crm.statements import fetch
from intelligence.choosing import Choice
from intelligence.recordkinds import RecordKind
from intelligence.remaining import HIDING, REMAINS

# An all-day event lies at 00:00 UTC of its date, wherever it is looked at from.
TALLIES = f"""
    WITH {HIDING}
    SELECT width_bucket(t.occurred_at, CASE WHEN t.is_all_day THEN %(utc)s::timestamptz[]
                                            ELSE %(local)s::timestamptz[] END),
           count(*) FILTER (WHERE t.kind = 1), count(*) FILTER (WHERE t.kind = 2)
    FROM {{interaction}} t
    WHERE t.{{record}} = %(record)s AND t.kind = ANY(%(kinds)s)
      AND t.occurred_at >= %(since)s AND t.occurred_at < %(until)s AND t.occurred_at <= %(now)s
      AND {REMAINS} {{of_member}}
    GROUP BY 1
"""

# A stretch from one day up to, not including, another.
Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Tally:
    emails: int = 0
    meetings: int = 0

    @property
    def words(self) -> str:
        """`9 emails, 3 meetings`; nothing of what there is none of."""
        counts = ((self.emails, "email"), (self.meetings, "meeting"))
        return ", ".join(counted(n, noun) for n, noun in counts if n)


def tally(
    kind: RecordKind,
    record_id: int,
    spans: Iterable[Span],
    *,
    workspace_id: int,
    now: datetime,
    choice: Choice | None = None,
) -> dict[Span, Tally]:
    """Of what has been, in the reader's time zone."""
    asked, choice = list(spans), choice or Choice()
    edges = sorted({day for span in asked for day in span})
    if not edges:
        return {}
    local, utc = _midnights(edges), [datetime.combine(day, time.min, UTC) for day in edges]
    rows = fetch(
        kind.sql(TALLIES.replace("{of_member}", choice.condition)),
        record=record_id,
        workspace=workspace_id,
        now=now,
        kinds=list(choice.numbers),
        utc=utc,
        local=local,
        since=min(utc[0], local[0]),
        until=max(utc[-1], local[-1]),
        **choice.values,
    )
    counts = {place: Tally(emails, meetings) for place, emails, meetings in rows}
    return {span: counts.get(edges.index(span[0]) + 1, Tally()) for span in asked}


def _midnights(days: Sequence[date]) -> list[datetime]:
    zone = timezone.get_current_timezone()
    return [datetime.combine(day, time.min, zone) for day in days]
