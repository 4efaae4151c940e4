"""What was shared with a record that somebody deletes, so that it is shared again if that is undone."""

import json
from typing import Any

from crm.statements import execute, fetch

NAME = "mailboxes"

_GRANTS = """
    SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.id), '[]') FROM mailboxes_accessgrant g
    WHERE g.{record}_id = ANY(%(ids)s)
"""
_COVERAGE = """
    SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.id), '[]') FROM mailboxes_grantcoverage v
    JOIN mailboxes_accessgrant g ON g.id = v.grant_id WHERE g.{record}_id = ANY(%(ids)s)
"""
_ASKED = """
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.id, q.{record}_id) ORDER BY q.id), '[]')
    FROM mailboxes_accessrequest q WHERE q.{record}_id = ANY(%(ids)s)
"""
# Grants by and to whoever has left since ended with his time here, as did those without any mail.
_GRANT_AGAIN = """
    INSERT INTO mailboxes_accessgrant
    SELECT g.* FROM jsonb_populate_recordset(NULL::mailboxes_accessgrant, %(rows)s::jsonb) g
    JOIN crm_member owner ON owner.id = g.owner_id AND owner.workspace_id = g.workspace_id
         AND owner.is_active
    WHERE g.workspace_id = %(workspace)s AND g.{record}_id = ANY(%(ids)s)
      AND (g.member_id IS NULL OR EXISTS (SELECT FROM crm_member m WHERE m.id = g.member_id AND m.is_active))
      AND (g.team_id IS NULL OR EXISTS (SELECT FROM crm_team t WHERE t.id = g.team_id))
      AND EXISTS (SELECT FROM mailboxes_mailbox b WHERE b.member_id = g.owner_id)
    ON CONFLICT DO NOTHING
"""
_COVER_AGAIN = """
    INSERT INTO mailboxes_grantcoverage
    SELECT v.* FROM jsonb_populate_recordset(NULL::mailboxes_grantcoverage, %(rows)s::jsonb) v
    JOIN mailboxes_accessgrant g ON g.id = v.grant_id AND g.{record}_id = ANY(%(ids)s)
    WHERE v.address_id IS NULL OR EXISTS (SELECT FROM crm_address a WHERE a.id = v.address_id)
    ON CONFLICT DO NOTHING
"""
_ASK_AGAIN = """
    UPDATE mailboxes_accessrequest q SET {record}_id = (u.pair ->> 1)::bigint
    FROM jsonb_array_elements(%(rows)s::jsonb) AS u(pair)
    WHERE q.id = (u.pair ->> 0)::bigint AND q.{record}_id IS NULL
      AND (u.pair ->> 1)::bigint = ANY(%(ids)s)
"""
_KEPT = {"grants": _GRANTS, "coverage": _COVERAGE, "requests": _ASKED}
_AGAIN = {"grants": _GRANT_AGAIN, "coverage": _COVER_AGAIN, "requests": _ASK_AGAIN}


def keep(kind_name: str, record_ids: list[int]) -> tuple[str, dict[str, Any]]:
    """Ids, levels and domains; nothing of what was said."""
    kept = {
        name: json.loads(fetch(statement.format(record=kind_name), ids=record_ids)[0][0])
        for name, statement in _KEPT.items()
    }
    return NAME, kept


def share_again(
    kind_name: str, record_ids: list[int], kept: dict[str, dict[str, Any]], *, workspace_id: int
) -> None:
    for name, statement in _AGAIN.items():
        rows = json.dumps(kept.get(NAME, {}).get(name, []))
        execute(statement.format(record=kind_name), rows=rows, ids=record_ids, workspace=workspace_id)
