"""The only answer to "what may this member read?", as SQL that yields the level as a column.

Everything that shows mail starts from here, so that nothing hidden is there to be filtered, sorted,
counted or found. `levels.level` is the same rule for one copy, in Python.

A statement built from these takes `workspace` and `viewer` (a member's id). Somebody who was
deactivated sees nothing, whichever door he came through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm.models import AccessLevel, Member
from crm.statements import fetch

METADATA, SUBJECT, FULL = AccessLevel.METADATA, AccessLevel.SUBJECT, AccessLevel.FULL

# Whom a grant is for: everybody, this member, or a team he is in.
FOR_VIEWER = """(
    (g.member_id IS NULL AND g.team_id IS NULL) OR g.member_id = %(viewer)s
    OR g.team_id = ANY(ARRAY(SELECT tm.team_id FROM crm_teammembership tm WHERE tm.member_id = %(viewer)s))
)"""

# Whether a grant `g` on the thread of a message `m` opens it: not what was moved there later, and of a grant
# that came with messages when those were moved, only them.
THREAD_GRANT_OPENS = """(
    CASE WHEN g.of_messages IS NULL THEN m.moved_at IS NULL OR m.moved_at <= g.created_at
         ELSE m.id = ANY(g.of_messages) END
)"""

# Every mailbox there is to read, and what the viewer sees of all that is in it.
BOXES = f"""
    box AS MATERIALIZED (
        SELECT m.id, m.member_id AS owner_id, o.is_active,
               CASE WHEN m.member_id = %(viewer)s THEN {FULL}
                    WHEN NOT o.is_active THEN {METADATA}
                    ELSE greatest(m.default_level, (
                        SELECT max(g.level) FROM mailboxes_accessgrant g
                        WHERE g.mailbox_id = m.id AND {FOR_VIEWER}))
               END AS level
        FROM mailboxes_mailbox m JOIN crm_member o ON o.id = m.member_id
        WHERE m.workspace_id = %(workspace)s AND m.state <> 'removing' AND EXISTS (
            SELECT FROM crm_member v
            WHERE v.id = %(viewer)s AND v.workspace_id = %(workspace)s AND v.is_active)
    )
"""

# The copies that exist: `c` a copy, `box` its mailbox. Blocked ones exist for nobody.
COPIES = """
    mailboxes_messagecopy c JOIN box ON box.id = c.mailbox_id AND c.blocked_by_id IS NULL
"""

# Of copy `c` of message `m` in `box`. What a grant opens is its owner's alone.
LEVEL = f"""
    CASE WHEN box.level = {FULL} OR NOT box.is_active THEN box.level ELSE greatest(
        box.level,
        (SELECT max(g.level) FROM mailboxes_accessgrant g
         WHERE g.thread_id = m.thread_id AND g.owner_id = box.owner_id
           AND {THREAD_GRANT_OPENS} AND {FOR_VIEWER}),
        (SELECT max(g.level)
         FROM mailboxes_participant p
         CROSS JOIN LATERAL (
             SELECT v.grant_id FROM mailboxes_grantcoverage v WHERE v.address_id = p.address_id
             UNION ALL
             SELECT v.grant_id FROM mailboxes_grantcoverage v
             WHERE v.workspace_id = %(workspace)s AND v.domain = p.domain AND v.domain <> ''
         ) covering
         JOIN mailboxes_accessgrant g ON g.id = covering.grant_id
         WHERE p.message_id = m.id AND g.owner_id = box.owner_id AND {FOR_VIEWER})
    ) END
"""

# One row for each message that `{source}` names as `m` and somebody still holds: the copy that shows
# most of it. Where two show as much, the viewer's own, then the older.
_BEST = f"""
    SELECT DISTINCT ON (m.id) m.id, m.thread_id, m.occurred_at, c.id AS copy_id, {LEVEL} AS level,
           box.owner_id = %(viewer)s AS is_own
    FROM {{source}} JOIN ({COPIES}) ON c.message_id = m.id
    WHERE {{where}}
    ORDER BY m.id, level DESC, is_own DESC, c.id
"""


def best_copies(*, source: str = "mailboxes_emailmessage m", where: str) -> str:
    return _BEST.format(source=source, where=where)


_READINGS = f"""
    WITH {BOXES}, best AS (
        {best_copies(where="m.id = ANY(%(ids)s) AND m.workspace_id = %(workspace)s")}
    )
    SELECT id, level, copy_id, is_own FROM best
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a viewer may see of one message, and which copy shows it."""

    level: AccessLevel
    copy_id: int
    is_own: bool


def readings(viewer: Member, message_ids: Sequence[int]) -> dict[int, Reading]:
    """Messages that nobody holds any more, or of another workspace, are not in the answer."""
    rows = fetch(_READINGS, ids=list(message_ids), **viewing(viewer))
    return {pk: Reading(AccessLevel(level), copy_id, is_own) for pk, level, copy_id, is_own in rows}


def viewing(viewer: Member) -> dict[str, Any]:
    """The parameters every statement of this module takes."""
    return {"workspace": viewer.workspace_id, "viewer": viewer.pk}
