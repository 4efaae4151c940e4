"""Participants → people and companies, as far as the workspace's policy allows."""

from collections.abc import Sequence

from crm.creation import Created, create_records
from crm.models import Workspace
from crm.statements import fetch

# Somebody a member had real contact with: on a person's own mail with a member on it, or invited
# to a meeting that is on and that a member has not declined. Asked row by row along the indexes: a
# scalar query cannot be turned into a join, which the planner would do in a bad order while it takes
# the tables for empty (rows that have not been committed when they are counted).
_IS_MEMBER = "(SELECT oa.member_id FROM crm_address oa WHERE oa.id = own.address_id) IS NOT NULL"
IN_CONTACT = f"""
    coalesce((
        SELECT true FROM mailboxes_participant p
        WHERE p.address_id = a.id
          AND (SELECT m.is_contact FROM mailboxes_emailmessage m WHERE m.id = p.message_id)
          AND (SELECT true FROM mailboxes_participant own
               WHERE own.message_id = p.message_id AND {_IS_MEMBER} LIMIT 1)
        LIMIT 1
    ), (
        SELECT true FROM mailboxes_attendee t
        WHERE t.address_id = a.id
          AND (SELECT e.status <> 'cancelled' FROM mailboxes_calendarevent e WHERE e.id = t.event_id)
          AND (SELECT true FROM mailboxes_attendee own
               WHERE own.event_id = t.event_id AND own.response <> 'declined' AND {_IS_MEMBER} LIMIT 1)
        LIMIT 1
    ), false)
"""

UNKNOWN = """
    NOT a.is_internal AND a.person_id IS NULL AND a.kind <> 'automated'
    AND (a.kind = 'human' OR NOT EXISTS (
        SELECT FROM crm_companydomain d
        WHERE d.workspace_id = a.workspace_id AND d.domain = a.domain))
"""

# Once a member has written to a domain, everybody there who was in contact is known; at a free
# mail provider only the very address.
WRITTEN_TO = f"""
    WITH near AS MATERIALIZED (SELECT * FROM crm_address WHERE id = ANY(%(ids)s))
    SELECT a.id, a.kind, a.domain, a.is_freemail FROM crm_address a
    WHERE a.workspace_id = %(workspace)s AND NOT a.is_freemail
      AND a.domain = ANY(ARRAY(SELECT DISTINCT domain FROM near))
      AND {UNKNOWN}
      AND (SELECT true FROM crm_address c
           WHERE c.workspace_id = a.workspace_id AND c.domain = a.domain
             AND c.is_contacted AND NOT c.is_internal LIMIT 1)
      AND {IN_CONTACT}
    UNION ALL
    SELECT a.id, a.kind, a.domain, a.is_freemail FROM near a
    WHERE a.is_freemail AND a.is_contacted AND {UNKNOWN} AND {IN_CONTACT}
"""

EVERYBODY = f"""
    SELECT a.id, a.kind, a.domain, a.is_freemail FROM crm_address a
    WHERE a.id = ANY(%(ids)s) AND (a.kind = 'human' OR a.is_contacted)
      AND {UNKNOWN} AND {IN_CONTACT}
"""


def create_from_contact(workspace: Workspace, address_ids: Sequence[int]) -> Created:
    """Records for those among the addresses (and, where a member writes to a domain for the first
    time, for earlier correspondents there) who should have one."""
    if not workspace.automatic_creation:
        return Created([], [])
    rule = WRITTEN_TO if workspace.enhanced_creation else EVERYBODY
    rows = fetch(rule, workspace=workspace.pk, ids=sorted(set(address_ids)))
    return create_records(
        workspace.pk,
        domains={domain for _, _, domain, is_freemail in rows if not is_freemail},
        address_ids={pk for pk, kind, _, _ in rows if kind == "human"},
    )


# Over everybody stored, as the two rules above would have it.
_MISSING = f"""
    SELECT count(DISTINCT a.domain) FILTER (WHERE NOT a.is_freemail AND NOT EXISTS (
               SELECT FROM crm_companydomain d
               WHERE d.workspace_id = a.workspace_id AND d.domain = a.domain)
             AND NOT EXISTS (SELECT FROM crm_tombstone t
                             WHERE t.workspace_id = a.workspace_id AND t.value = a.domain)),
           count(*) FILTER (WHERE a.kind = 'human' AND NOT EXISTS (
               SELECT FROM crm_tombstone t WHERE t.workspace_id = a.workspace_id AND t.value = a.email))
    FROM crm_address a
    WHERE a.workspace_id = %(workspace)s AND {UNKNOWN} AND {IN_CONTACT} AND (
        CASE WHEN NOT %(enhanced)s THEN a.kind = 'human' OR a.is_contacted
             WHEN a.is_freemail THEN a.is_contacted
             ELSE a.domain IN (SELECT c.domain FROM crm_address c
                               WHERE c.workspace_id = %(workspace)s AND c.is_contacted AND NOT c.is_internal)
        END)
"""


def missing_records(workspace_id: int, *, enhanced: bool) -> tuple[int, int]:
    """How many companies and people a rule would make of what is stored."""
    companies, people = fetch(_MISSING, workspace=workspace_id, enhanced=enhanced)[0]
    return companies, people
