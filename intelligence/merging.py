"""How much was said with a record that is about to become part of another, as far as it is there to see."""

from collections.abc import Sequence

from crm.statements import fetch
from intelligence.recordkinds import kind_named
from intelligence.remaining import HIDING, REMAINS

_COUNTS = f"""
    WITH {HIDING}
    SELECT count(*) FILTER (WHERE t.kind = 1), count(*) FILTER (WHERE t.kind = 2)
    FROM {{interaction}} t WHERE t.{{record}} = %(record)s AND {REMAINS}
"""


def conversation_counts(kind_name: str, record_id: int, *, workspace_id: int) -> Sequence[tuple[str, int]]:
    statement = kind_named(kind_name).sql(_COUNTS)
    emails, meetings = fetch(statement, record=record_id, workspace=workspace_id)[0]
    return [("email", emails), ("meeting", meetings)]
