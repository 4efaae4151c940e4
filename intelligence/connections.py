"""Who knows a record best: every member's tie with it, the strongest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from crm.cells import Face
from crm.columns import Look
from crm.statements import fetch
from intelligence.recordkinds import RecordKind
from intelligence.strength import Grade, grade

TIES = """
    SELECT c.member_id, c.emails, c.meetings, c.score FROM {connection} c
    JOIN crm_member m ON m.id = c.member_id AND m.is_active
    WHERE c.{record} = %(record)s
    ORDER BY c.score DESC, c.last_at DESC, c.member_id
"""


@dataclass(frozen=True, slots=True)
class Tie:
    face: Face
    emails: int
    meetings: int
    grade: Grade


def ties(kind: RecordKind, record_id: int, look: Look) -> Sequence[Tie]:
    today = look.now.astimezone(UTC).date()
    found = (
        (look.faces[member_id], emails, meetings, grade(score, today))
        for member_id, emails, meetings, score in fetch(kind.sql(TIES), record=record_id)
    )
    return [Tie(face, emails, meetings, tie) for face, emails, meetings, tie in found if tie]
