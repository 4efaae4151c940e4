"""Who knows a record best: every member's tie with it, the strongest first, and when each of them was
last in touch which way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crm import moments
from crm.cells import Face
from crm.statements import fetch
from crm.tables.columns import Look
from intelligence.recordkinds import RecordKind
from intelligence.strength import Grade, grade

# The contact days say when it was to the day, and of that day alone the timeline says to the second, read
# from its end until it is found.
_DAY = """
    (SELECT d.day FROM {{day}} d
     WHERE d.{{record}} = c.{{record}} AND d.member_id = c.member_id AND {day}
     ORDER BY d.day DESC LIMIT 1)
"""
LAST = f"""
    (SELECT ARRAY[date_part('epoch', t.occurred_at), t.is_all_day::int] FROM (
        SELECT t.interaction_id, t.occurred_at, t.is_all_day, t.is_author FROM {{{{interaction}}}} t
        WHERE t.{{{{record}}}} = c.{{{{record}}}} AND t.kind = {{kind}} AND t.occurred_at <= %(now)s
          AND t.occurred_at >= {_DAY}::timestamp AT TIME ZONE 'UTC'
          AND t.occurred_at < ({_DAY} + 1)::timestamp AT TIME ZONE 'UTC'
        ORDER BY t.occurred_at DESC) t
     JOIN intelligence_interaction i ON i.id = t.interaction_id AND NOT i.is_crowd
     WHERE {{way}} ORDER BY t.occurred_at DESC LIMIT 1)
"""
_OWN = """
    SELECT FROM intelligence_interactionparty p
    WHERE p.interaction_id = t.interaction_id AND p.member_id = c.member_id
"""
WAYS = {
    "wrote": LAST.format(day="d.written > 0", kind=1, way=f"EXISTS ({_OWN} AND p.is_author)"),
    "heard": LAST.format(
        day="d.heard > 0",
        kind=1,
        way=f"t.is_author AND EXISTS ({_OWN}) AND NOT EXISTS ({_OWN} AND p.is_author)",
    ),
    "met": LAST.format(day="d.met", kind=2, way=f"EXISTS ({_OWN})"),
}
TIES = f"""
    SELECT c.member_id, m.is_active, c.emails, c.meetings, c.score, {", ".join(WAYS.values())}
    FROM {{connection}} c JOIN crm_member m ON m.id = c.member_id
    WHERE c.{{record}} = %(record)s
    ORDER BY c.score DESC, c.last_at DESC, c.member_id
"""


@dataclass(frozen=True, slots=True)
class Way:
    """The last time they were in touch this way."""

    verb: str
    at: datetime
    is_all_day: bool
    now: datetime

    @property
    def words(self) -> str:
        return f"{self.verb} {moments.in_list(self.at, self.now, is_all_day=self.is_all_day)}"

    @property
    def title(self) -> str:
        return f"{self.verb.capitalize()} {moments.absolute(self.at, is_all_day=self.is_all_day)}"


@dataclass(frozen=True, slots=True)
class Tie:
    face: Face
    is_active: bool
    emails: int
    meetings: int
    grade: Grade
    ways: Sequence[Way]


def ties(kind: RecordKind, record_id: int, look: Look) -> Sequence[Tie]:
    """Those of former members too; one statement."""
    today = look.now.astimezone(UTC).date()
    rows = fetch(kind.sql(TIES), record=record_id, now=look.now)
    return [
        Tie(look.faces[member_id], is_active, emails, meetings, found, _ways(times, look.now))
        for member_id, is_active, emails, meetings, score, *times in rows
        if (found := grade(score, today))
    ]


def _ways(times: Sequence[tuple[float, float] | None], now: datetime) -> list[Way]:
    """Each comes as its seconds, and 1 for a date."""
    return [
        Way(verb, datetime.fromtimestamp(found[0], UTC), bool(found[1]), now)
        for verb, found in zip(WAYS, times, strict=True)
        if found
    ]
