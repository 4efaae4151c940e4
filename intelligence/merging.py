"""How much was said with a record that is about to become part of another."""

from collections.abc import Sequence

from crm.statements import fetch
from intelligence.recordkinds import kind_named

_COUNTS = """
    SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2)
    FROM {interaction} WHERE {record} = %(record)s
"""


def conversation_counts(kind_name: str, record_id: int) -> Sequence[tuple[str, int]]:
    emails, meetings = fetch(kind_named(kind_name).sql(_COUNTS), record=record_id)[0]
    return [("email", emails), ("meeting", meetings)]
