"""Which thread a message belongs to.

A thread is named by the first id in References, else it is the thread of the message named in
In-Reply-To, else the message's own. A reply that came before its parent waits in a thread named
after the parent, and moves when the parent arrives. Never by subject.
"""

from dataclasses import dataclass

from crm.statements import execute, fetch
from mailboxes.ingesting.identity import digest, message_id_key
from mailboxes.parsing.values import ParsedMail
from mailboxes.sharing.joining import follow
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
    opened AS (
        SELECT DISTINCT ON (g.owner_id, g.member_id, g.team_id, m.id) g.*, m.id AS message_id, m.then_id
        FROM moving m JOIN mailboxes_accessgrant g ON g.thread_id = m.before_id
        WHERE NOT m.id = ANY(%(ids)s) AND {THREAD_GRANT_OPENS}
        ORDER BY g.owner_id, g.member_id, g.team_id, m.id, g.level DESC
    ),
    still_shared AS (
        INSERT INTO mailboxes_accessgrant AS g
            (workspace_id, owner_id, thread_id, member_id, team_id, level, created_at, of_messages)
        SELECT workspace_id, owner_id, then_id, member_id, team_id, level, min(created_at),
               array_agg(message_id ORDER BY message_id)
        FROM opened GROUP BY workspace_id, owner_id, then_id, member_id, team_id, level
        ON CONFLICT ON CONSTRAINT grant_once DO UPDATE SET level = greatest(g.level, excluded.level)
    )
    UPDATE mailboxes_emailmessage m
    SET thread_id = moving.then_id,
        moved_at = CASE WHEN m.id = ANY(%(ids)s) THEN m.moved_at ELSE clock_timestamp() END
    FROM moving WHERE m.id = moving.id
    RETURNING m.id, moving.before_id, moving.then_id
"""

# A message that comes back must not find what was shared of it where it was once.
FORGET_COPIED = """
    DELETE FROM mailboxes_accessgrant
    WHERE thread_id = ANY(%(threads)s) AND of_messages <@ %(moved)s::bigint[]
"""

EMPTIED = """
    SELECT t.id FROM mailboxes_thread t
    WHERE t.workspace_id = %(workspace)s AND (t.key = ANY(%(keys)s) OR t.id = ANY(%(threads)s))
      AND NOT EXISTS (SELECT FROM mailboxes_emailmessage m WHERE m.thread_id = t.id)
"""


def settle(workspace_id: int, message_ids: list[int], places: list[Place]) -> None:
    """Let new messages join their parents' threads, and their waiting replies join theirs: with whoever may
    read them, and with whoever has asked to."""
    rows = fetch(SETTLE, workspace=workspace_id, ids=message_ids)
    if not rows:
        return
    then = {before_id: then_id for _, before_id, then_id in rows}
    moved = [row[0] for row in rows]
    execute(FORGET_COPIED, threads=list(then), moved=moved)
    keys = {place.thread_key for place in places} | {place.id_key for place in places}
    values = {"keys": list(keys - {None}), "threads": list(then)}
    emptied = [row[0] for row in fetch(EMPTIED, workspace=workspace_id, **values)]
    follow({thread_id: then[thread_id] for thread_id in emptied if thread_id in then})
    execute("DELETE FROM mailboxes_thread WHERE id = ANY(%(ids)s)", ids=emptied)


def ensure_threads(workspace_id: int, keys: set[bytes]) -> dict[bytes, int]:
    found = fetch(ENSURE_THREADS, workspace=workspace_id, keys=list(keys))
    return {bytes(key): pk for key, pk in found}
