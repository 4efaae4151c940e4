"""What an interaction is to its record: the first, the last, the next, the hundredth."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm.statements import fetch
from intelligence.recordkinds import RecordKind
from intelligence.remaining import HIDING, REMAINS

EMAIL, MEETING = 1, 2
FIRST_EVER, LAST = "First-ever interaction", "Last interaction"
FIRST = {EMAIL: "First email", MEETING: "First calendar interaction"}
NEXT = "Next calendar interaction"
ROUND = {EMAIL: (100, 500, 1000), MEETING: (10, 50, 100, 500)}
NOUNS = {EMAIL: "email", MEETING: "meeting"}

# At equal instants the lower member's comes first, as in the attributes.
_ROWS = f"""
    SELECT t.interaction_id AS id, t.kind, t.occurred_at AS at, t.member_id FROM {{interaction}} t
    WHERE t.{{record}} = %(record)s AND t.kind = m.kind AND {REMAINS}
"""
MARKS = f"""
    WITH {HIDING}
    SELECT m.place, x.* FROM unnest(%(kinds)s::int[], %(places)s::bigint[]) AS m(kind, place)
    CROSS JOIN LATERAL (
        (SELECT * FROM ({_ROWS} AND m.place > 0 AND t.occurred_at <= %(now)s
            ORDER BY t.occurred_at, t.member_id, t.interaction_id LIMIT 1 OFFSET greatest(m.place - 1, 0)) a)
        UNION ALL
        (SELECT * FROM ({_ROWS} AND m.place = {{last}} AND t.occurred_at <= %(now)s
            ORDER BY t.occurred_at DESC, t.member_id, t.interaction_id LIMIT 1) b)
        UNION ALL
        (SELECT * FROM ({_ROWS} AND m.place = {{next}} AND t.occurred_at > %(now)s
            ORDER BY t.occurred_at, t.member_id, t.interaction_id LIMIT 1) c)
    ) x
"""
_LAST, _NEXT = 0, -1
_ASKED = [
    *((kind, place) for kind in NOUNS for place in (1, *ROUND[kind], _LAST)),
    (MEETING, _NEXT),
]

Marks = Mapping[int, Sequence[str]]


def read_marks(kind: RecordKind, record_id: int, *, workspace_id: int, now: datetime) -> Marks:
    """By interaction, what there is to say about it; the most telling first. One statement."""
    statement = MARKS.replace("{last}", str(_LAST)).replace("{next}", str(_NEXT))
    rows = fetch(
        kind.sql(statement),
        record=record_id,
        workspace=workspace_id,
        now=now,
        kinds=[one for one, _ in _ASKED],
        places=[place for _, place in _ASKED],
    )
    found: dict[int, list[str]] = {}
    for pk, words in [*_ends(rows), *((row[1], _words(row[2], row[0])) for row in rows)]:
        if words:
            found.setdefault(pk, []).append(words)
    return found


def _ends(rows: Sequence[Sequence[Any]]) -> list[tuple[int, str]]:
    """The first and last of all; at equal instants the meeting."""
    firsts = [(at, -kind, pk) for place, pk, kind, at, _ in rows if place == 1]
    lasts = [(at, kind, pk) for place, pk, kind, at, _ in rows if place == _LAST]
    found = [(min(firsts)[2], FIRST_EVER)] if firsts else []
    return [*found, *([(max(lasts)[2], LAST)] if lasts else [])]


def _words(kind: int, place: int) -> str:
    if place == _NEXT:
        return NEXT
    if place == _LAST:
        return ""
    return FIRST[kind] if place == 1 else f"{place}th {NOUNS[kind]}"
