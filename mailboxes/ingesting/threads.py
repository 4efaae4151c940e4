"""Which thread a message belongs to.

A thread is named by the first id in References, else it is the thread of the message named in
In-Reply-To, else the message's own. A reply that came before its parent waits in a thread named
after the parent, and moves when the parent arrives. Never by subject.
"""

from dataclasses import dataclass
from datetime import datetime

from crm.statements import arrays, execute, fetch
from mailboxes.ingesting.identity import digest, message_id_key
from mailboxes.parsing.values import ParsedMail
from mailboxes.visibility import THREAD_GRANT_OPENS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message says it belongs. `parent_key` is set only where In-Reply-To has to decide."""

    thread_key: bytes
    id_key: bytes | None
    parent_key: bytes | None


def place(mail: ParsedMail, identity: bytes) -> Place:
    own = message_id_key(mail.message_id)
    if mail.references:
        return Place(digest("message-id", mail.references[0]), own, None)
    if mail.in_reply_to and mail.in_reply_to != mail.message_id:
        parent = digest("message-id", mail.in_reply_to)
        return Place(parent, own, parent)
    return Place(own or identity, own, None)


ENSURE_THREADS = """
    WITH come AS (
        INSERT INTO mailboxes_thread (workspace_id, key)
        SELECT %(workspace)s, k FROM unnest(%(keys)s::bytea[]) AS k ORDER BY k
        ON CONFLICT (workspace_id, key) DO NOTHING
        RETURNING key, id
    )
    SELECT key, id FROM come
    UNION ALL
    SELECT key, id FROM mailboxes_thread WHERE workspace_id = %(workspace)s AND key = ANY(%(keys)s)
"""

# Where several messages claim one Message-ID, the lowest identity is the parent, in any order.
# The climb is bounded because two forged messages may name each other.
SETTLE = f"""
    WITH RECURSIVE below AS (
        SELECT m.id, m.id_key, m.parent_key FROM mailboxes_emailmessage m WHERE m.id = ANY(%(ids)s)
        UNION
        SELECT c.id, c.id_key, c.parent_key
        FROM below JOIN mailboxes_emailmessage c
          ON c.workspace_id = %(workspace)s AND c.parent_key = below.id_key
    ),
    climb AS (
        SELECT below.id, below.id AS top, below.parent_key, 0 AS height
        FROM below WHERE below.parent_key IS NOT NULL
        UNION ALL
        SELECT climb.id, parent.id, parent.parent_key, climb.height + 1
        FROM climb CROSS JOIN LATERAL (
            SELECT p.id, p.parent_key FROM mailboxes_emailmessage p
            WHERE p.workspace_id = %(workspace)s AND p.id_key = climb.parent_key
              AND p.id <> climb.id
            ORDER BY p.identity LIMIT 1
        ) parent
        WHERE climb.height < 200
    ),
    highest AS (SELECT DISTINCT ON (id) id, top FROM climb ORDER BY id, height DESC),
    moving AS MATERIALIZED (
        SELECT m.id, m.moved_at, m.thread_id AS before_id, t.thread_id AS then_id
        FROM highest JOIN mailboxes_emailmessage t ON t.id = highest.top
        JOIN mailboxes_emailmessage m ON m.id = highest.id AND m.thread_id <> t.thread_id
    ),
    still_shared AS (
        INSERT INTO mailboxes_accessgrant
            (workspace_id, owner_id, thread_id, member_id, team_id, level, created_at, of_messages)
        SELECT g.workspace_id, g.owner_id, m.then_id, g.member_id, g.team_id, g.level, g.created_at,
               array_agg(m.id ORDER BY m.id)
        FROM moving m JOIN mailboxes_accessgrant g ON g.thread_id = m.before_id
        WHERE NOT m.id = ANY(%(ids)s) AND {THREAD_GRANT_OPENS}
        GROUP BY g.id, m.then_id
        ON CONFLICT DO NOTHING
    )
    UPDATE mailboxes_emailmessage m
    SET thread_id = moving.then_id, moved_at = CASE WHEN m.id = ANY(%(ids)s) THEN m.moved_at ELSE %(now)s END
    FROM moving WHERE m.id = moving.id
    RETURNING moving.before_id, moving.then_id
"""

# Of a member who asks for both, the earlier question stays.
MOVE_REQUESTS = """
    WITH emptied AS (
        SELECT DISTINCT ON (u.before_id) u.* FROM unnest(%(before)s::bigint[], %(then)s::bigint[])
            AS u(before_id, then_id)
        WHERE NOT EXISTS (SELECT FROM mailboxes_emailmessage m WHERE m.thread_id = u.before_id)
        ORDER BY u.before_id, u.then_id
    )
    UPDATE mailboxes_accessrequest q SET thread_id = e.then_id FROM emptied e
    WHERE q.thread_id = e.before_id AND NOT (q.state = 'pending' AND EXISTS (
        SELECT FROM mailboxes_accessrequest o LEFT JOIN emptied oe ON oe.before_id = o.thread_id
        WHERE o.member_id = q.member_id AND o.state = 'pending' AND o.id <> q.id
          AND (o.thread_id = e.then_id OR (oe.then_id = e.then_id AND o.id < q.id))))
"""

DELETE_EMPTY = """
    DELETE FROM mailboxes_thread t WHERE t.workspace_id = %(workspace)s AND t.key = ANY(%(keys)s)
    AND NOT EXISTS (SELECT FROM mailboxes_emailmessage m WHERE m.thread_id = t.id)
"""


def settle(workspace_id: int, message_ids: list[int], places: list[Place], *, now: datetime) -> None:
    """Let new messages join their parents' threads, and their waiting replies join theirs: with whoever may
    read them, and with whoever has asked to."""
    moved = fetch(SETTLE, workspace=workspace_id, ids=message_ids, now=now)
    if moved:
        execute(MOVE_REQUESTS, **arrays(sorted(set(moved)), "before", "then"))
        keys = {place.thread_key for place in places} | {place.id_key for place in places}
        execute(DELETE_EMPTY, workspace=workspace_id, keys=list(keys - {None}))


def ensure_threads(workspace_id: int, keys: set[bytes]) -> dict[bytes, int]:
    found = fetch(ENSURE_THREADS, workspace=workspace_id, keys=list(keys))
    return {bytes(key): pk for key, pk in found}
