"""Threads by their subjects, as far as somebody may read them, in one statement.

What he may read is settled first: mailboxes of which he sees every subject, and what single grants open
of the others. Only inside these is anything matched, so that a subject he may not read is not found, does
not push out one that is, and costs no time.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from crm.models import Member
from crm.search.words import Query, holds_all
from crm.statements import fetch
from mailboxes.visibility import BOXES, FOR_VIEWER, SUBJECT, THREAD_GRANT_OPENS, best_copies, viewing

# Copies looked at for a word, over all mailboxes: the newest, and those an index names.
NEWEST, FEW, FEWEST_EACH = 600, 1000, 30
# What grants on records and threads open: newest grants first, newest messages of each first.
GRANTS, MESSAGES_EACH, GRANTED = 2000, 200, 4000


@dataclass(frozen=True, slots=True)
class FoundThread:
    """`subject` is that of its newest message that was found."""

    pk: int
    subject: str
    at: datetime


def find_threads(viewer: Member, query: Query, *, most: int) -> list[FoundThread]:
    """At most `most`, those with all words at the beginning of a word first, then the newest."""
    if not query.words:
        return []
    rows = fetch(_find(len(query.words), most), **query.patterns("text"), **viewing(viewer))
    return [FoundThread(*row) for row in rows]


def recall_threads(viewer: Member, ids: list[int]) -> list[FoundThread]:
    """Those of them whose subject he may read."""
    return [FoundThread(*row) for row in fetch(_RECALL, ids=ids, **viewing(viewer))]


_SHOWN = f"""
    SELECT t.thread_id, t.subject, t.occurred_at FROM (
        SELECT DISTINCT ON (b.thread_id) b.thread_id, c.subject, b.occurred_at, b.id
        FROM best b JOIN mailboxes_messagecopy c ON c.id = b.copy_id WHERE b.level >= {SUBJECT}
        ORDER BY b.thread_id, b.occurred_at DESC, b.id DESC
    ) t
"""

_RECALL = f"""
    WITH {BOXES},
    best AS ({best_copies(where="m.thread_id = ANY(%(ids)s) AND m.workspace_id = %(workspace)s")})
    {_SHOWN}
"""

_GRANTED = f"""
    partly AS MATERIALIZED (SELECT * FROM box WHERE level < {SUBJECT} AND is_active),
    given AS MATERIALIZED (
        SELECT g.id, g.owner_id, g.thread_id, g.created_at, g.of_messages FROM mailboxes_accessgrant g
        WHERE g.workspace_id = %(workspace)s AND g.mailbox_id IS NULL AND g.level >= {SUBJECT}
          AND g.owner_id IN (SELECT owner_id FROM partly) AND {FOR_VIEWER}
        ORDER BY g.id DESC LIMIT {GRANTS}
    ),
    granted AS MATERIALIZED (
        SELECT g.owner_id, m.id AS message_id FROM given g
        JOIN mailboxes_emailmessage m ON m.thread_id = g.thread_id
        WHERE {THREAD_GRANT_OPENS}
        UNION
        SELECT g.owner_id, p.message_id FROM given g JOIN mailboxes_grantcoverage v ON v.grant_id = g.id
        CROSS JOIN LATERAL (
            (SELECT p.message_id FROM mailboxes_participant p WHERE p.address_id = v.address_id
             ORDER BY p.occurred_at DESC, p.message_id DESC LIMIT {MESSAGES_EACH})
            UNION ALL
            (SELECT p.message_id FROM mailboxes_participant p
             WHERE p.workspace_id = %(workspace)s AND p.domain = v.domain AND p.domain <> ''
             ORDER BY p.occurred_at DESC, p.message_id DESC LIMIT {MESSAGES_EACH})
        ) p
        LIMIT {GRANTED}
    )
"""


@cache
def _find(words: int, most: int) -> str:
    """`few` are asked of the index only where the newest are not enough."""
    begins, holds = holds_all("begins", words), holds_all("inside", words)
    return f"""
        WITH {BOXES},
        readable AS MATERIALIZED (SELECT id FROM box WHERE level >= {SUBJECT}),
        newest AS MATERIALIZED (
            SELECT n.message_id, {begins.format("n.subject")} AS begins
            FROM readable CROSS JOIN LATERAL (
                SELECT c.message_id, c.subject FROM mailboxes_messagecopy c
                WHERE c.mailbox_id = readable.id AND c.blocked_by_id IS NULL
                ORDER BY c.occurred_at DESC, c.id DESC LIMIT {_share(NEWEST)}
            ) n
            WHERE {holds.format("n.subject")}
        ),
        begun AS MATERIALIZED (
            {_named("begins", words)} WHERE ({_threads("newest WHERE begins")}) < {most}
        ),
        held AS MATERIALIZED (
            {_named("inside", words)}
            WHERE ({_threads("newest")}) < {most} AND ({_threads("begun")}) < {most}
        ),
        {_GRANTED},
        found AS (
            SELECT message_id, begins FROM newest
            UNION ALL SELECT message_id, true FROM begun UNION ALL SELECT message_id, false FROM held
            UNION ALL SELECT c.message_id, {begins.format("c.subject")}
            FROM granted JOIN mailboxes_messagecopy c ON c.message_id = granted.message_id
            JOIN partly ON partly.id = c.mailbox_id AND partly.owner_id = granted.owner_id
            WHERE c.blocked_by_id IS NULL AND {holds.format("c.subject")}
        ),
        first AS MATERIALIZED (
            SELECT * FROM (
                SELECT DISTINCT ON (m.thread_id) m.id, m.thread_id, m.occurred_at, f.begins
                FROM found f JOIN mailboxes_emailmessage m ON m.id = f.message_id
                ORDER BY m.thread_id, f.begins DESC, m.occurred_at DESC, m.id DESC
            ) one
            ORDER BY begins DESC, occurred_at DESC, id DESC LIMIT {most}
        ),
        best AS ({best_copies(source="first JOIN mailboxes_emailmessage m ON m.id = first.id", where="true")})
        {_SHOWN} JOIN first ON first.id = t.id ORDER BY first.begins DESC, t.occurred_at DESC, t.id DESC
    """


def _named(how: str, words: int) -> str:
    """Of each readable mailbox. Planned for all its rows, so that it asks the index, and read as far as
    the limit."""
    return f"""
        SELECT n.message_id FROM readable CROSS JOIN LATERAL (
            WITH named AS MATERIALIZED (
                SELECT c.message_id FROM mailboxes_messagecopy c
                WHERE c.mailbox_id = readable.id AND c.blocked_by_id IS NULL
                  AND {holds_all(how, words).format("c.subject")}
            )
            SELECT message_id FROM named LIMIT {_share(FEW)}
        ) n
    """


def _share(copies: int) -> str:
    return f"(SELECT greatest({copies} / greatest(count(*), 1), {FEWEST_EACH}) FROM readable)"


def _threads(found: str) -> str:
    return f"""
        SELECT count(DISTINCT m.thread_id) FROM mailboxes_emailmessage m
        WHERE m.id = ANY(ARRAY(SELECT message_id FROM {found}))
    """
