"""Why a tie has its grade: the days it is made of, what each counts for today, and how it will fade."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from math import fsum
from typing import Any

from crm.cells import Face
from crm.plurals import counted
from crm.statements import fetch
from crm.tables.columns import Look
from intelligence.recordkinds import RecordKind
from intelligence.strength import (
    GRADES,
    ONE_WAY,
    Grade,
    fading,
    grade,
    next_drop,
    today_score,
    weight,
)

# On a page of its own, and beside a record.
MOST_DAYS, FEW_DAYS = 60, 10
SHORTLY = 30  # days

DAYS = """
    SELECT d.day, d.emails, d.meetings, d.contacts, d.written > 0, d.heard > 0, d.met FROM {day} d
    WHERE d.{record} = %(record)s AND d.member_id = %(member)s ORDER BY d.day DESC
"""
SCORE = "SELECT c.score FROM {connection} c WHERE c.{record} = %(record)s AND c.member_id = %(member)s"


@dataclass(frozen=True, slots=True)
class Day:
    """`weight` is what it counted for then, `today` what is left of that."""

    on: date
    emails: int
    meetings: int
    contacts: int
    wrote: bool
    heard: bool
    met: bool
    weight: float
    today: float

    @property
    def way(self) -> str:
        """What decides how much the day counts."""
        if not self.contacts:
            return "In a crowd"
        return "Met" if self.met else "Wrote" if self.wrote else "Heard"

    @property
    def happened(self) -> str:
        counts = ((self.meetings, "meeting"), (self.emails, "email"))
        return ", ".join(counted(n, noun) for n, noun in counts if n)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`total` is the sum over all days, `strength` that sum with the factor."""

    face: Face
    grade: Grade
    days: Sequence[Day]
    older: Sequence[Day]
    factor: float
    total: float
    strength: float
    drops_on: date | None
    drops_to: Grade | None
    now: date

    @property
    def is_one_way(self) -> bool:
        return self.factor < 1

    @property
    def is_unanswered(self) -> bool:
        """Where it goes one way: it is the member who wrote."""
        return any(one.wrote for one in self._all)

    @property
    def older_total(self) -> float:
        return fsum(one.today for one in self.older)

    @property
    def lately(self) -> int:
        return sum(self._is_lately(one) for one in self._all if one.contacts)

    @property
    def met_lately(self) -> int:
        return sum(one.met and self._is_lately(one) for one in self._all)

    @property
    def thresholds(self) -> Sequence[Grade]:
        return [one for one in GRADES if one.threshold]

    @property
    def _all(self) -> Sequence[Day]:
        return (*self.days, *self.older)

    def _is_lately(self, day: Day) -> bool:
        return (self.now - day.on).days < SHORTLY


def explain(
    kind: RecordKind, record_id: int, member_id: int, look: Look, *, most: int = MOST_DAYS
) -> Explanation | None:
    """None where they were never in touch; `most` days are told one by one. Two statements."""
    given = {"record": record_id, "member": member_id}
    scores, rows = fetch(kind.sql(SCORE), **given), fetch(kind.sql(DAYS), **given)
    today = look.now.astimezone(UTC).date()
    score = scores[0][0] if scores else None
    found, drop = grade(score, today), next_drop(score, today)
    if found is None or score is None:
        return None
    days = [_day(row, today) for row in rows]
    return Explanation(
        face=look.faces[member_id],
        grade=found,
        days=days[:most],
        older=days[most:],
        factor=_factor(days),
        total=fsum(one.today for one in days),
        strength=today_score(score, today),
        drops_on=drop[0] if drop else None,
        drops_to=drop[1] if drop else None,
        now=today,
    )


def _day(row: Sequence[Any], today: date) -> Day:
    on, emails, meetings, contacts, wrote, heard, met = row
    counted = weight(contacts, met=met, wrote=wrote) if contacts else 0.0
    left = counted * fading((today - on).days)
    return Day(on, emails, meetings, contacts, wrote, heard, met, counted, left)


def _factor(days: Sequence[Day]) -> float:
    """Of all their history, not only of what still counts."""
    goes_both_ways = any(one.wrote for one in days) and any(one.heard for one in days)
    return 1.0 if goes_both_ways or any(one.met for one in days) else ONE_WAY
