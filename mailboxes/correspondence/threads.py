"""A record's threads, newest first, as far as the reader may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from crm import moments
from crm.models import Member
from crm.places import place_after, read_place
from crm.records import RecordType
from crm.statements import fetch
from mailboxes.correspondence.threadrows import THREAD_ROWS, ThreadRow, thread_row
from mailboxes.reach import REACH
from mailboxes.visibility import BOXES, COPIES, FULL, LEVEL, viewing

PAGE_THREADS = 25
MOST_COUNTED = 500
# Among so many messages there are usually as many threads as are counted.
SOME_MESSAGES = 3_000

# Of an outer message `o`.
# (A scalar with LIMIT stays a probe of one index; an EXISTS becomes a join over everything where
# statistics are missing, as after a large import.)
_IS_HELD = f"(SELECT true FROM {COPIES} WHERE c.message_id = o.id LIMIT 1) IS NOT NULL"

# Threads of which the reader can read something in full.
IS_OPEN = f"""((
    SELECT true FROM mailboxes_emailmessage m JOIN ({COPIES}) ON c.message_id = m.id
    WHERE m.thread_id = {{thread}} AND {LEVEL} = {FULL} LIMIT 1
) IS NOT NULL)"""

# The newest message of the record before (at, id) that is in none of the threads seen: one step in
# each range of the record, of which the newest is taken.
_STEP = f"""
    SELECT x.* FROM reach CROSS JOIN LATERAL (
        (SELECT p.occurred_at AS at, p.message_id AS id, o.thread_id
         FROM mailboxes_participant p JOIN mailboxes_emailmessage o ON o.id = p.message_id
         WHERE reach.address_id IS NULL AND p.workspace_id = %(workspace)s AND p.domain = reach.domain
           AND p.domain <> '' AND (p.occurred_at, p.message_id) < ({{at}}, {{id}})
           AND o.thread_id <> ALL({{seen}}) AND {_IS_HELD} {{only}}
         ORDER BY p.occurred_at DESC, p.message_id DESC LIMIT 1)
        UNION ALL
        (SELECT p.occurred_at, p.message_id, o.thread_id
         FROM mailboxes_participant p JOIN mailboxes_emailmessage o ON o.id = p.message_id
         WHERE p.address_id = reach.address_id AND (p.occurred_at, p.message_id) < ({{at}}, {{id}})
           AND o.thread_id <> ALL({{seen}}) AND {_IS_HELD} {{only}}
         ORDER BY p.occurred_at DESC, p.message_id DESC LIMIT 1)
    ) x
    ORDER BY x.at DESC, x.id DESC LIMIT 1
"""

# A later page leaves out what an earlier one has shown: threads that also hold something newer.
_NOT_SHOWN_BEFORE = f"""AND NOT EXISTS (
    SELECT FROM mailboxes_emailmessage n JOIN mailboxes_participant q ON q.message_id = n.id
    JOIN reach r ON (q.domain = r.domain AND q.domain <> '') OR q.address_id = r.address_id
    JOIN ({COPIES}) ON c.message_id = n.id
    WHERE n.thread_id = o.thread_id AND (q.occurred_at, q.message_id) >= (%(at)s, %(id)s)
)"""


class Show(StrEnum):
    ALL = "all"
    READABLE = "readable"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Correspondence:
    """`begun` is the heading under which an earlier page ended."""

    threads: Sequence[ThreadRow]
    next_place: str
    begun: str


def read_correspondence(
    viewer: Member,
    kind: RecordType,
    record_id: int,
    *,
    now: datetime,
    show: Show = Show.ALL,
    place: str = "",
) -> Correspondence:
    """A page of threads. One statement. Raises BadPlace."""
    after: dict[str, Any] = read_place(place) if place else START
    rows = fetch(
        page_statement(kind, show, is_first=not place),
        record=record_id,
        limit=PAGE_THREADS + 1,
        **after,
        **viewing(viewer),
    )
    threads = [thread_row(row, viewer_id=viewer.pk, now=now) for row in rows]
    shown = threads[:PAGE_THREADS]
    return Correspondence(
        shown,
        next_place=place_after(shown[-1].at, shown[-1].message_id) if len(threads) > PAGE_THREADS else "",
        begun=moments.stretch(after["at"], now) if place else "",
    )


@cache
def page_statement(kind: RecordType, show: Show, *, is_first: bool) -> str:
    is_open = IS_OPEN.format(thread="o.thread_id")
    only = {Show.ALL: "", Show.READABLE: f"AND {is_open}", Show.LOCKED: f"AND NOT {is_open}"}[show]
    if not is_first:
        only += _NOT_SHOWN_BEFORE
    first = _STEP.format(at="%(at)s::timestamptz", id="%(id)s::bigint", seen="'{}'::bigint[]", only=only)
    next_one = _STEP.format(at="walk.at", id="walk.id", seen="walk.seen", only=only)
    return f"""
        WITH RECURSIVE {BOXES}, reach AS MATERIALIZED ({REACH[kind.name]}),
        walk AS (
            SELECT n.at, n.id, n.thread_id, ARRAY[n.thread_id] AS seen, 1 AS steps FROM ({first}) n
            UNION ALL
            SELECT n.at, n.id, n.thread_id, walk.seen || n.thread_id, walk.steps + 1
            FROM walk CROSS JOIN LATERAL ({next_one}) n WHERE walk.steps < %(limit)s
        ),
        picked AS MATERIALIZED (SELECT thread_id, at, id FROM walk),
        {THREAD_ROWS}
    """


_ROWS = f"""
    WITH {BOXES},
    picked AS MATERIALIZED (
        SELECT DISTINCT ON (o.thread_id) o.thread_id, o.occurred_at AS at, o.id
        FROM mailboxes_emailmessage o
        WHERE o.thread_id = ANY(%(threads)s) AND o.workspace_id = %(workspace)s AND {_IS_HELD}
        ORDER BY o.thread_id, o.occurred_at DESC, o.id DESC
    ),
    {THREAD_ROWS}
"""


def read_rows(viewer: Member, thread_ids: Sequence[int], *, now: datetime) -> dict[int, ThreadRow]:
    """Without those threads of which nothing is there for this member."""
    rows = fetch(_ROWS, threads=list(thread_ids), **viewing(viewer)) if thread_ids else []
    return {row[0]: thread_row(row, viewer_id=viewer.pk, now=now) for row in rows}


@dataclass(frozen=True, slots=True)
class ThreadCounts:
    """Up to MOST_COUNTED threads are looked at; `is_capped` where there are more."""

    total: int
    readable: int
    is_capped: bool

    @property
    def locked(self) -> int:
        return self.total - self.readable


@cache
def _count_statement(kind: RecordType) -> str:
    """Somebody there is more than enough mail of is told by a part of it."""
    with_record = f"""
        SELECT o.thread_id FROM reach
        JOIN mailboxes_participant p ON p.workspace_id = %(workspace)s AND (
            (reach.address_id IS NULL AND p.domain = reach.domain AND p.domain <> '')
            OR p.address_id = reach.address_id)
        JOIN mailboxes_emailmessage o ON o.id = p.message_id
        WHERE {_IS_HELD}
    """
    return f"""
        WITH {BOXES}, reach AS MATERIALIZED ({REACH[kind.name]}),
        glance AS MATERIALIZED ({with_record} LIMIT {SOME_MESSAGES}),
        told AS MATERIALIZED (SELECT DISTINCT thread_id FROM glance LIMIT {MOST_COUNTED + 1}),
        thread AS MATERIALIZED (
            SELECT thread_id FROM told
            UNION
            SELECT * FROM ({with_record}) every
            WHERE (SELECT count(*) FROM glance) = {SOME_MESSAGES}
              AND (SELECT count(*) FROM told) <= {MOST_COUNTED}
            LIMIT {MOST_COUNTED + 1}
        )
        SELECT count(*), count(*) FILTER (WHERE {IS_OPEN.format(thread="thread.thread_id")}) FROM thread
    """


def count_threads(viewer: Member, kind: RecordType, record_id: int) -> ThreadCounts:
    total, readable = fetch(_count_statement(kind), record=record_id, **viewing(viewer))[0]
    return ThreadCounts(min(total, MOST_COUNTED), min(readable, MOST_COUNTED), total > MOST_COUNTED)


START = {"at": datetime.max.replace(tzinfo=UTC), "id": 0}
