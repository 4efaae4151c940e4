"""Recompute every stored answer of a workspace from its messages and events, and compare.

Written apart from `recording` and `refreshing` on purpose: it starts from the facts, knows nothing
of what was touched when, and takes the formula in its decayed form. Times, kinds, members and
counts must be equal, strength within 1e-9.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from crm.locking import lock_workspace
from crm.statements import execute, fetch
from intelligence.recordkinds import RECORD_KINDS, RecordKind
from intelligence.refreshing import settle_due_events
from intelligence.strength import (
    HALF_LIFE_DAYS,
    HEARD,
    LANDMARK,
    MAIL_CROWD,
    MEETING_CROWD,
    MET,
    ONE_WAY,
    WROTE,
)
from intelligence.verifying_events import event_differences

EDGES = f"""
    CREATE TEMP TABLE verified_edge ON COMMIT DROP AS
    SELECT 1 AS kind, m.id AS source, m.occurred_at AS at, m.recipients > {MAIL_CROWD} AS crowd,
           false AS all_day,
           p.address_id, a.member_id, p.role <= 2 AS author,
           (CASE WHEN p.role <= 2 THEN 0 ELSE p.role END) * 100000
               + CASE WHEN p.role <= 2 THEN 0 ELSE p.position END AS rank
    FROM mailboxes_emailmessage m
    JOIN mailboxes_participant p ON p.message_id = m.id
    JOIN crm_address a ON a.id = p.address_id
    WHERE m.workspace_id = %(workspace)s AND m.is_contact
      AND (a.member_id IS NOT NULL OR (NOT a.is_internal AND a.kind IN ('human', 'role')))
    UNION ALL
    SELECT 2, e.id, e.starts_at, e.attendee_count > {MEETING_CROWD}, e.all_day, t.address_id, a.member_id,
           t.is_organiser,
           CASE WHEN t.is_organiser THEN 0
                ELSE array_position('{{accepted,tentative,needs_action}}', t.response::text) END
    FROM mailboxes_calendarevent e
    JOIN mailboxes_attendee t ON t.event_id = e.id
    JOIN crm_address a ON a.id = t.address_id
    WHERE e.workspace_id = %(workspace)s AND e.status <> 'cancelled'
      AND CASE WHEN a.member_id IS NULL THEN NOT a.is_internal AND a.kind IN ('human', 'role')
               ELSE t.response <> 'declined' END
"""

OURS = """
    CREATE TEMP TABLE verified_ours ON COMMIT DROP AS
    SELECT kind, source, at, crowd, member_id, bool_or(author) AS wrote, min(rank) AS rank
    FROM verified_edge WHERE member_id IS NOT NULL GROUP BY kind, source, at, crowd, member_id
"""

TIMELINE = """
    CREATE TEMP TABLE verified_{table} ON COMMIT DROP AS
    SELECT owner.record_id, e.kind, e.source, e.at, e.crowd, e.all_day,
           (SELECT o.member_id FROM verified_ours o WHERE o.kind = e.kind AND o.source = e.source
            ORDER BY o.rank, o.member_id LIMIT 1) AS member_id,
           bool_or(e.author) AS author
    FROM verified_edge e
    JOIN crm_address a ON a.id = e.address_id
    CROSS JOIN LATERAL ({owners_of_address}) owner
    WHERE e.member_id IS NULL
      AND EXISTS (SELECT FROM verified_ours o WHERE o.kind = e.kind AND o.source = e.source)
    GROUP BY owner.record_id, e.kind, e.source, e.at, e.crowd, e.all_day
"""

# Each with its parties; those that say nothing of a colleague or of somebody outside are none.
INTERACTIONS = """
    WITH party AS (
        SELECT kind, source, at, crowd, all_day, address_id, member_id, bool_or(author) AS author
        FROM verified_edge GROUP BY 1, 2, 3, 4, 5, 6, 7
    ),
    wanted AS (
        SELECT kind, source, at, crowd, all_day,
               (SELECT o.member_id FROM verified_ours o WHERE o.kind = party.kind AND o.source = party.source
                ORDER BY o.rank, o.member_id LIMIT 1) AS member_id,
               at <= %(now)s AS has_started,
               array_agg((address_id, member_id, author)::text ORDER BY address_id) AS parties
        FROM party GROUP BY 1, 2, 3, 4, 5
        HAVING bool_or(member_id IS NULL) AND bool_or(member_id IS NOT NULL)
    ),
    stored AS (
        SELECT i.kind::int, coalesce(i.message_id, i.event_id) AS source, i.occurred_at AS at,
               i.is_crowd AS crowd, i.is_all_day AS all_day, i.member_id, i.has_started,
               (SELECT array_agg((p.address_id, p.member_id, p.is_author)::text ORDER BY p.address_id)
                FROM intelligence_interactionparty p WHERE p.interaction_id = i.id) AS parties
        FROM intelligence_interaction i WHERE i.workspace_id = %(workspace)s
    )
    SELECT CASE coalesce(w.kind, s.kind) WHEN 1 THEN 'message' ELSE 'event' END,
           coalesce(w.source, s.source), 'interaction', row(w.*)::text, row(s.*)::text
    FROM wanted w FULL JOIN stored s ON s.kind = w.kind AND s.source = w.source
    WHERE w IS DISTINCT FROM s
"""

COMPARE_TIMELINES = """
    SELECT coalesce(v.record_id, s.record_id), 'timeline',
           row(v.kind, v.source, v.at, v.member_id, v.author, v.all_day)::text,
           row(s.kind, s.source, s.at, s.member_id, s.author, s.all_day)::text
    FROM verified_{table} v
    FULL JOIN (
        SELECT t.{record} AS record_id, t.kind, coalesce(i.message_id, i.event_id) AS source,
               t.occurred_at AS at, t.member_id, t.is_author AS author, t.is_all_day AS all_day
        FROM {interaction} t JOIN intelligence_interaction i ON i.id = t.interaction_id
        WHERE t.workspace_id = %(workspace)s
    ) s ON s.record_id = v.record_id AND s.kind = v.kind AND s.source = v.source
    WHERE (v.at, v.member_id, v.author, v.all_day) IS DISTINCT FROM (s.at, s.member_id, s.author, s.all_day)
"""

DAYS = """
    CREATE TEMP TABLE verified_{table}_day ON COMMIT DROP AS
    SELECT t.record_id, o.member_id, (t.at AT TIME ZONE 'UTC')::date AS day,
           count(*) FILTER (WHERE t.kind = 1) AS emails,
           count(*) FILTER (WHERE t.kind = 2) AS meetings,
           count(*) FILTER (WHERE NOT t.crowd) AS contacts,
           count(*) FILTER (WHERE NOT t.crowd AND t.kind = 1 AND o.wrote) AS written,
           count(*) FILTER (WHERE NOT t.crowd AND t.kind = 1 AND t.author AND NOT o.wrote) AS heard,
           count(*) FILTER (WHERE NOT t.crowd AND t.kind = 2) > 0 AS met,
           max(t.at) AS last_at
    FROM verified_{table} t JOIN verified_ours o ON o.kind = t.kind AND o.source = t.source
    WHERE t.at <= %(now)s
    GROUP BY 1, 2, 3
"""

COMPARE_DAYS = """
    SELECT coalesce(v.record_id, s.record_id), 'day', row(v.*)::text, row(s.*)::text
    FROM verified_{table}_day v
    FULL JOIN (
        SELECT {record} AS record_id, member_id, day, emails::bigint, meetings::bigint, contacts::bigint,
               written::bigint, heard::bigint, met, last_at
        FROM {day} WHERE workspace_id = %(workspace)s
    ) s ON s.record_id = v.record_id AND s.member_id = v.member_id AND s.day = v.day
    WHERE v IS DISTINCT FROM s
"""

TIES = f"""
    CREATE TEMP TABLE verified_{{table}}_tie ON COMMIT DROP AS
    SELECT record_id, member_id, sum(emails) AS emails, sum(meetings) AS meetings,
           max(last_at) AS last_at,
           CASE WHEN bool_or(met) OR (bool_or(written > 0) AND bool_or(heard > 0)) THEN 1 ELSE {ONE_WAY} END
           * coalesce(sum(CASE WHEN met THEN {MET} WHEN written > 0 THEN {WROTE} ELSE {HEARD} END
               * power(contacts::float8, 0.25)
               * exp(greatest(-ln(2) * (%(today)s - day)::float8 / {HALF_LIFE_DAYS}, -700)))
             FILTER (WHERE contacts > 0), 0) AS s
    FROM verified_{{table}}_day GROUP BY record_id, member_id
"""

STORED_S = f"power(2::float8, (DATE '{LANDMARK}' - %(today)s)::float8 / {HALF_LIFE_DAYS})"

COMPARE_TIES = f"""
    SELECT coalesce(v.record_id, c.{{record}}), 'connection',
           row(v.member_id, v.emails, v.meetings, v.last_at, v.s)::text,
           row(c.member_id, c.emails, c.meetings, c.last_at, c.score * {STORED_S})::text
    FROM verified_{{table}}_tie v
    FULL JOIN (SELECT * FROM {{connection}} WHERE workspace_id = %(workspace)s) c
      ON c.{{record}} = v.record_id AND c.member_id = v.member_id
    WHERE (v.emails, v.meetings, v.last_at) IS DISTINCT FROM (c.emails, c.meetings, c.last_at)
       OR abs(v.s - c.score * {STORED_S}) > 1e-9 * greatest(v.s, 1e-30)
"""

_FIRST = """
        CROSS JOIN LATERAL (SELECT t.member_id, t.all_day FROM verified_{{table}} t
            WHERE t.record_id = m.record_id AND t.kind = m.kind AND t.at = m.{moment}
            ORDER BY t.member_id, t.all_day LIMIT 1) {name}"""

INSIGHTS = f"""
    WITH moment AS (
        SELECT record_id, kind, at <= %(now)s AS past, min(at) AS first_at, max(at) AS last_at
        FROM verified_{{table}} GROUP BY 1, 2, 3
    ),
    named AS (
        SELECT m.*, first.member_id AS first_member, first.all_day AS first_all_day,
               last.member_id AS last_member, last.all_day AS last_all_day
        FROM moment m
        {_FIRST.format(name="first", moment="first_at")}
        {_FIRST.format(name="last", moment="last_at")}
    ),
    best AS (
        SELECT DISTINCT ON (t.record_id) t.record_id, t.s,
               CASE WHEN t.s > 0 THEN t.member_id END AS member_id
        FROM verified_{{table}}_tie t JOIN crm_member m ON m.id = t.member_id AND m.is_active
        ORDER BY t.record_id, t.s DESC, t.last_at DESC, t.member_id
    ),
    wanted AS (
        SELECT r.id,
            fe.first_at AS a, fe.first_member AS b, fe.last_at AS c, fe.last_member AS d,
            fm.first_at AS e, fm.first_member AS f, fm.first_all_day AS g,
            fm.last_at AS h, fm.last_member AS i, fm.last_all_day AS j,
            nm.first_at AS k, nm.first_member AS l, nm.first_all_day AS m,
            least(fe.first_at, fm.first_at) AS n, greatest(fe.last_at, fm.last_at) AS o,
            best.s, best.member_id
        FROM {{records}} r
        LEFT JOIN named fe ON fe.record_id = r.id AND fe.kind = 1 AND fe.past
        LEFT JOIN named fm ON fm.record_id = r.id AND fm.kind = 2 AND fm.past
        LEFT JOIN named nm ON nm.record_id = r.id AND nm.kind = 2 AND NOT nm.past
        LEFT JOIN best ON best.record_id = r.id
        WHERE r.workspace_id = %(workspace)s
    )
    SELECT w.id, 'insight', row(w.*)::text, row(z.*)::text
    FROM wanted w LEFT JOIN {{insight}} z ON z.{{record}} = w.id
    WHERE z.{{record}} IS NULL
       OR (w.a, w.b, w.c, w.d, w.e, w.f, w.g, w.h, w.i, w.j, w.k, w.l, w.m, w.n, w.o)
          IS DISTINCT FROM
          (z.first_email_at, z.first_email_member_id, z.last_email_at, z.last_email_member_id,
           z.first_calendar_at, z.first_calendar_member_id, z.first_calendar_all_day,
           z.last_calendar_at, z.last_calendar_member_id, z.last_calendar_all_day,
           z.next_calendar_at, z.next_calendar_member_id, z.next_calendar_all_day,
           z.first_at, z.last_at)
       OR (w.s IS NULL) <> (z.score IS NULL)
       OR abs(w.s - z.score * {STORED_S}) > 1e-9 * greatest(w.s, 1e-30)
       -- two ties that agree to nine digits may be ordered either way by rounding
       OR (w.member_id IS DISTINCT FROM z.strongest_id AND NOT EXISTS (
             SELECT FROM verified_{{table}}_tie t WHERE t.record_id = w.id
             AND t.member_id = z.strongest_id AND abs(t.s - w.s) <= 1e-9 * w.s))
"""


TABLES = ["verified_edge", "verified_ours"] + [
    f"verified_{kind.name}{suffix}" for kind in RECORD_KINDS for suffix in ("", "_day", "_tie")
]


def differences(workspace_id: int, *, now: datetime) -> Iterator[tuple[str, Any, str, str, str]]:
    """(kind of record, record id, what, should be, is) for each wrong answer. Events that have
    started since the last sweep are settled first."""
    settle_due_events(workspace_id, now=now)
    with transaction.atomic():
        lock_workspace(workspace_id)
        common = {"workspace": workspace_id, "now": now, "today": now.date()}
        execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")  # of an earlier look in this transaction
        execute(EDGES, **common)
        execute(OURS)
        for table in ("edge", "ours"):
            execute(f"CREATE INDEX ON verified_{table} (kind, source)")
        yield from event_differences(workspace_id)
        yield from fetch(INTERACTIONS, **common)
        for kind in RECORD_KINDS:
            for row in _compare(kind, common):
                yield kind.name, *row


def _compare(kind: RecordKind, common: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    def sql(statement: str) -> str:
        return kind.sql(statement.replace("{table}", kind.name))

    execute(sql(TIMELINE), **common)
    execute(sql("CREATE INDEX ON verified_{table} (record_id, kind, at)"))
    execute(sql("CREATE INDEX ON verified_{table} (kind, source)"))
    execute(sql("ANALYZE verified_{table}"))
    execute(sql(DAYS), **common)
    execute(sql(TIES), **common)
    execute(sql("CREATE INDEX ON verified_{table}_tie (record_id, member_id)"))
    for statement in (COMPARE_TIMELINES, COMPARE_DAYS, COMPARE_TIES, INSIGHTS):
        yield from fetch(sql(statement), **common)
