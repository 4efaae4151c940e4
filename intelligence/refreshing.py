"""Recompute the stored answers for given records.

Everything is recomputed from the rows below it for exactly the keys that were touched: contact
days from the timeline, ties from contact days, a record's attributes from ties and timeline.
Nothing is ever added to or subtracted from a stored number, so nothing can drift, and arrival,
deletion, rescheduling and merging take the same path.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from crm.live import announce
from crm.locking import lock_workspace
from crm.statements import arrays, execute, fetch
from intelligence.recording import Touched
from intelligence.recordkinds import RECORD_KINDS, RecordKind
from intelligence.strength import score_sql

REFRESH_DAYS = """
    WITH touched AS (
        SELECT * FROM unnest(%(records)s::bigint[], %(days)s::date[]) AS t(record_id, day)
    ),
    fresh AS (
        SELECT t.workspace_id, touched.record_id, touched.day, own.member_id,
               count(*) FILTER (WHERE i.kind = 1) AS emails,
               count(*) FILTER (WHERE i.kind = 2) AS meetings,
               count(*) FILTER (WHERE NOT i.is_crowd) AS contacts,
               count(*) FILTER (WHERE i.kind = 1 AND NOT i.is_crowd AND own.is_author) AS written,
               count(*) FILTER (WHERE i.kind = 1 AND NOT i.is_crowd AND t.is_author
                                      AND NOT own.is_author) AS heard,
               coalesce(bool_or(i.kind = 2) FILTER (WHERE NOT i.is_crowd), false) AS met,
               max(i.occurred_at) AS last_at
        FROM touched
        JOIN {interaction} t ON t.{record} = touched.record_id AND t.kind IN (1, 2)
             AND t.occurred_at >= touched.day::timestamp AT TIME ZONE 'UTC'
             AND t.occurred_at < (touched.day + 1)::timestamp AT TIME ZONE 'UTC'
             AND t.occurred_at <= %(now)s
        JOIN intelligence_interaction i ON i.id = t.interaction_id
        CROSS JOIN LATERAL (
            SELECT p.member_id, bool_or(p.is_author) AS is_author
            FROM intelligence_interactionparty p
            WHERE p.interaction_id = i.id AND p.member_id IS NOT NULL
            GROUP BY p.member_id
        ) own
        GROUP BY t.workspace_id, touched.record_id, touched.day, own.member_id
    ),
    -- Row by row and by ctid: nothing for the planner to turn into a pass over the table.
    gone AS (
        DELETE FROM {day} WHERE ctid = ANY(ARRAY(
            SELECT d.ctid FROM touched CROSS JOIN LATERAL (
                SELECT ctid, member_id FROM {day}
                WHERE {record} = touched.record_id AND day = touched.day OFFSET 0) d
            WHERE (touched.record_id, d.member_id, touched.day)
                  NOT IN (SELECT record_id, member_id, day FROM fresh)))
        RETURNING {record}, member_id
    ),
    come AS (
        INSERT INTO {day} AS d (workspace_id, {record}, day, member_id, emails, meetings, contacts,
                                written, heard, met, last_at)
        SELECT * FROM fresh
        ON CONFLICT ({record}, member_id, day) DO UPDATE SET
            emails = excluded.emails, meetings = excluded.meetings, contacts = excluded.contacts,
            written = excluded.written, heard = excluded.heard, met = excluded.met,
            last_at = excluded.last_at
        WHERE (d.emails, d.meetings, d.contacts, d.written, d.heard, d.met, d.last_at)
              IS DISTINCT FROM (excluded.emails, excluded.meetings, excluded.contacts,
                                excluded.written, excluded.heard, excluded.met, excluded.last_at)
        RETURNING d.{record}, d.member_id
    )
    SELECT * FROM gone UNION SELECT * FROM come
"""

REFRESH_CONNECTIONS = """
    WITH touched AS (
        SELECT * FROM unnest(%(records)s::bigint[], %(members)s::bigint[]) AS t(record_id, member_id)
    ),
    fresh AS (
        SELECT d.workspace_id, d.{record} AS record_id, d.member_id,
               sum(d.emails) AS emails, sum(d.meetings) AS meetings,
               max(d.last_at) AS last_at, {score} AS score
        FROM touched
        JOIN {day} d ON d.{record} = touched.record_id AND d.member_id = touched.member_id
        GROUP BY d.workspace_id, d.{record}, d.member_id
    ),
    gone AS (
        DELETE FROM {connection} c USING touched
        WHERE c.{record} = touched.record_id AND c.member_id = touched.member_id
          AND NOT EXISTS (SELECT FROM fresh f
                          WHERE f.record_id = c.{record} AND f.member_id = c.member_id)
    )
    INSERT INTO {connection} (workspace_id, {record}, member_id, emails, meetings, last_at, score)
    SELECT * FROM fresh
    ON CONFLICT ({record}, member_id) DO UPDATE SET emails = excluded.emails,
        meetings = excluded.meetings, last_at = excluded.last_at, score = excluded.score
"""

# What an insight stores, and where REFRESH_INSIGHTS takes each from.
ANSWERS = {
    "first_email_at": "first_email.occurred_at",
    "first_email_member_id": "first_email.member_id",
    "last_email_at": "last_email.occurred_at",
    "last_email_member_id": "last_email.member_id",
    "first_calendar_at": "first_meeting.occurred_at",
    "first_calendar_member_id": "first_meeting.member_id",
    "first_calendar_all_day": "first_meeting.is_all_day",
    "last_calendar_at": "last_meeting.occurred_at",
    "last_calendar_member_id": "last_meeting.member_id",
    "last_calendar_all_day": "last_meeting.is_all_day",
    "next_calendar_at": "next_meeting.occurred_at",
    "next_calendar_member_id": "next_meeting.member_id",
    "next_calendar_all_day": "next_meeting.is_all_day",
    "score": "best.score",
    "strongest_id": "CASE WHEN best.score > 0 THEN best.member_id END",
}


def _one(alias: str, condition: str, order: str) -> str:
    """The interaction at one end of a record's timeline; at equal instants the lower member's."""
    return f"""
    LEFT JOIN LATERAL (SELECT t.occurred_at, t.member_id, t.is_all_day FROM {{interaction}} t
        WHERE t.{{record}} = r.id AND {condition}
        ORDER BY t.occurred_at {order}, t.member_id, t.is_all_day LIMIT 1) {alias} ON true"""


# Ties: a stronger one, then the later last interaction, then the lower member id.
REFRESH_INSIGHTS = f"""
    INSERT INTO {{insight}} AS s (workspace_id, {{record}}, {", ".join(ANSWERS)})
    SELECT r.workspace_id, r.id, {", ".join(ANSWERS.values())}
    FROM {{records}} r
    {_one("first_email", "t.kind = 1", "ASC")}
    {_one("last_email", "t.kind = 1", "DESC")}
    {_one("first_meeting", "t.kind = 2 AND t.occurred_at <= %(now)s", "ASC")}
    {_one("last_meeting", "t.kind = 2 AND t.occurred_at <= %(now)s", "DESC")}
    {_one("next_meeting", "t.kind = 2 AND t.occurred_at > %(now)s", "ASC")}
    LEFT JOIN LATERAL (SELECT c.score, c.member_id FROM {{connection}} c
        JOIN crm_member m ON m.id = c.member_id AND m.is_active
        WHERE c.{{record}} = r.id
        ORDER BY c.score DESC, c.last_at DESC, c.member_id LIMIT 1) best ON true
    WHERE r.id = ANY(%(records)s)
    ON CONFLICT ({{record}}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in ANSWERS)}
    WHERE ({", ".join(f"s.{name}" for name in ANSWERS)})
        IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in ANSWERS)})
"""

# Nearly always nothing is, and then nobody need wait for a lock.
IS_ANY_DUE = """
    SELECT EXISTS (SELECT FROM intelligence_interaction
                   WHERE NOT has_started AND occurred_at <= %(now)s AND workspace_id = %(workspace)s)
"""

START_DUE = """
    UPDATE intelligence_interaction SET has_started = true
    WHERE NOT has_started AND occurred_at <= %(now)s AND workspace_id = %(workspace)s
    RETURNING id
"""

TIMELINE_DAYS = """
    SELECT DISTINCT {record}, (occurred_at AT TIME ZONE 'UTC')::date
    FROM {interaction} WHERE interaction_id = ANY(%(ids)s)
"""


def refresh(touched: Touched, *, now: datetime, records: dict[str, set[int]] | None = None) -> None:
    """Make the answers right for the touched (record, day) keys, and for `records` besides, which
    are new or lost everything."""
    for kind in RECORD_KINDS:
        keys = touched.get(kind.name, set())
        refresh_connections(kind, refresh_days(kind, keys, now=now))
        others = (records or {}).get(kind.name, set())
        refresh_insights(kind, {record for record, _ in keys} | others, now=now)


def refresh_days(kind: RecordKind, keys: set[tuple[int, date]], *, now: datetime) -> list[tuple[int, int]]:
    """Returns the (record, member) pairs whose days have changed."""
    if not keys:
        return []
    return fetch(kind.sql(REFRESH_DAYS), now=now, **arrays(sorted(keys), "records", "days"))


def refresh_connections(kind: RecordKind, pairs: list[tuple[int, int]]) -> None:
    if pairs:
        statement = kind.sql(REFRESH_CONNECTIONS.replace("{score}", score_sql("d")))
        execute(statement, **arrays(pairs, "records", "members"))


def refresh_insights(kind: RecordKind, records: Iterable[int], *, now: datetime) -> None:
    ids = sorted(records)
    if ids:
        execute(kind.sql(REFRESH_INSIGHTS), records=ids, now=now)


def settle_due_events(workspace_id: int, *, now: datetime | None = None) -> int:
    """Events that have started since the last sweep become contact. Returns how many. Without `now` it is the
    clock's once the workspace is ours: what was stored while we waited may have started since we came, and
    would be taken out again by looking from before."""
    if not fetch(IS_ANY_DUE, now=now or timezone.now(), workspace=workspace_id)[0][0]:
        return 0
    with transaction.atomic():
        lock_workspace(workspace_id)
        now = now or timezone.now()
        started = [row[0] for row in fetch(START_DUE, now=now, workspace=workspace_id)]
        if started:
            touched = _days_of(started)
            refresh(touched, now=now)
            announce_touched(workspace_id, touched)
    return len(started)


def announce_touched(workspace_id: int, touched: Touched, records: dict[str, set[int]] | None = None) -> None:
    """Their answers may be the same as before; what their pages list is not."""
    for kind in RECORD_KINDS:
        ids = {record for record, _ in touched.get(kind.name, set())} | (records or {}).get(kind.name, set())
        announce(workspace_id, records=((kind.name, record) for record in ids))


def _days_of(interaction_ids: list[int]) -> Touched:
    return {kind.name: set(fetch(kind.sql(TIMELINE_DAYS), ids=interaction_ids)) for kind in RECORD_KINDS}
