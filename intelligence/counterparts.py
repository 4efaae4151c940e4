"""Whom outside an interaction was with, for tooltips: asked of one record when somebody points at it."""

from crm.statements import fetch
from intelligence.recordkinds import RecordKind

# Whoever wrote, else the first that is there; of a meeting with several companies, one of this record's.
_ONE = """
    SELECT '{attribute}', (
        SELECT coalesce(p.name, nullif(a.display_name, ''), a.email)
        FROM {{interaction}} t
        JOIN intelligence_interactionparty i ON i.interaction_id = t.interaction_id AND i.member_id IS NULL
        JOIN crm_address a ON a.id = i.address_id LEFT JOIN crm_person p ON p.id = a.person_id
        CROSS JOIN LATERAL ({{owners_of_address}}) owner
        WHERE t.{{record}} = v.{{record}} AND owner.record_id = v.{{record}} AND t.kind = {kind}
          AND t.occurred_at = v.{attribute}_at AND t.member_id = v.{attribute}_member_id
        ORDER BY i.is_author DESC, t.interaction_id, a.id LIMIT 1)
    FROM {{insight}} v WHERE v.{{record}} = %(record)s AND v.workspace_id = %(workspace)s
"""
_KINDS = {"email": 1, "calendar": 2}
_ALL = " UNION ALL ".join(
    _ONE.format(attribute=f"{end}_{what}", kind=_KINDS[what])
    for end, what in (
        *(("first", what) for what in _KINDS),
        *(("last", what) for what in _KINDS),
        ("next", "calendar"),
    )
)


def counterparts(kind: RecordKind, record_id: int, *, workspace_id: int) -> dict[str, str]:
    """{"last_email": "Dora Kim"}, for each time that is stored. One statement."""
    rows = fetch(kind.sql(_ALL), record=record_id, workspace=workspace_id)
    return {stored: name for stored, name in rows if name}
