"""Which thread a message belongs to.

A thread is named by the first id in References, else it is the thread of the message named in
In-Reply-To, else the message's own. A reply that came before its parent waits in a thread named
after the parent, and moves when the parent arrives. Never by subject.
"""

from dataclasses import dataclass
from datetime import datetime

from crm.statements import execute, fetch
from mailboxes.ingesting.identity import digest, message_id_key
from mailboxes.parsing.values import ParsedMail


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
SETTLE = """
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
    highest AS (SELECT DISTINCT ON (id) id, top FROM climb ORDER BY id, height DESC)
    UPDATE mailboxes_emailmessage m
    SET thread_id = t.thread_id, moved_at = CASE WHEN m.id = ANY(%(ids)s) THEN m.moved_at ELSE %(now)s END
    FROM highest JOIN mailboxes_emailmessage t ON t.id = highest.top
    WHERE m.id = highest.id AND m.thread_id <> t.thread_id
"""

DELETE_EMPTY = """
    DELETE FROM mailboxes_thread t WHERE t.workspace_id = %(workspace)s AND t.key = ANY(%(keys)s)
    AND NOT EXISTS (SELECT FROM mailboxes_emailmessage m WHERE m.thread_id = t.id)
"""


def settle(workspace_id: int, message_ids: list[int], places: list[Place], *, now: datetime) -> None:
    """Let new messages join their parents' threads, and their waiting replies join theirs."""
    if execute(SETTLE, workspace=workspace_id, ids=message_ids, now=now):
        keys = {place.thread_key for place in places} | {place.id_key for place in places}
        execute(DELETE_EMPTY, workspace=workspace_id, keys=list(keys - {None}))


def ensure_threads(workspace_id: int, keys: set[bytes]) -> dict[bytes, int]:
    found = fetch(ENSURE_THREADS, workspace=workspace_id, keys=list(keys))
    return {bytes(key): pk for key, pk in found}
