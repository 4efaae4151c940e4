"""What the product derives from mail and meetings, for a whole workspace at once: its own statements, each
with the set of everything in place of a list of ids."""

import re
from datetime import datetime

from crm.statements import execute
from intelligence.bench.loading import loading
from intelligence.models import InteractionKind
from intelligence.recording import INSERT_TIMELINE, WANTED_FROM_EVENTS, WANTED_FROM_MESSAGES
from intelligence.recordkinds import RECORD_KINDS
from intelligence.refreshing import REFRESH_CONNECTIONS, REFRESH_DAYS, REFRESH_INSIGHTS
from intelligence.strength import score_sql

WANTED = """
    CREATE TEMP TABLE library_wanted AS
    SELECT * FROM ({wanted})
        w(source, occurred_at, is_crowd, is_all_day, member_id, addresses, members, authors)
"""
INTERACTIONS = """
    INSERT INTO intelligence_interaction
        (workspace_id, kind, occurred_at, member_id, is_crowd, is_all_day, has_started, {source})
    SELECT %(workspace)s, %(kind)s, occurred_at, member_id, is_crowd, is_all_day, occurred_at <= %(now)s,
           source
    FROM library_wanted ORDER BY occurred_at
"""
PARTIES = """
    INSERT INTO intelligence_interactionparty (workspace_id, interaction_id, address_id, member_id, is_author)
    SELECT i.workspace_id, i.id, p.* FROM library_wanted w
    JOIN intelligence_interaction i ON i.{source} = w.source
    CROSS JOIN LATERAL unnest(w.addresses, w.members, w.authors) p
"""
DAYS = """
    SELECT DISTINCT {record} AS record_id, (occurred_at AT TIME ZONE 'UTC')::date AS day
    FROM {interaction} WHERE workspace_id = %(workspace)s
"""
PAIRS = "SELECT DISTINCT {record} AS record_id, member_id FROM {day} WHERE workspace_id = %(workspace)s"

SOURCES = (
    (InteractionKind.EMAIL, "message_id", "mailboxes_emailmessage", WANTED_FROM_MESSAGES),
    (InteractionKind.MEETING, "event_id", "mailboxes_calendarevent", WANTED_FROM_EVENTS),
)
TIMELINES = [kind.names["interaction"] for kind in RECORD_KINDS]
OF_WORKSPACE = "{}.workspace_id = %(workspace)s"
IN_WORKSPACE = "IN (SELECT id FROM {table} WHERE workspace_id = %(workspace)s)"
_LISTED = re.compile(r"SELECT \* FROM unnest\(%\((?:records|days|members)\)s.*\) AS t\(.*\)")


def record(workspace_id: int, *, now: datetime) -> None:
    """Messages and events → interactions and timelines."""
    with loading(*TIMELINES, "intelligence_interactionparty"):
        for kind, source, table, wanted in SOURCES:
            statement = wanted.replace("= ANY(%(ids)s)", IN_WORKSPACE.format(table=table))
            execute(WANTED.format(wanted=statement), workspace=workspace_id)
            common = {"workspace": workspace_id, "kind": kind.value, "now": now}
            execute(INTERACTIONS.format(source=source), **common)
            execute("ANALYZE intelligence_interaction, library_wanted")
            execute(PARTIES.format(source=source))
            execute("DROP TABLE library_wanted")
        execute("ANALYZE intelligence_interaction, intelligence_interactionparty")
        for one in RECORD_KINDS:
            of_all = INSERT_TIMELINE.replace("i.id = ANY(%(ids)s)", OF_WORKSPACE.format("i"))
            execute(one.sql(of_all.partition("RETURNING")[0]), workspace=workspace_id)


def refresh(workspace_id: int, *, now: datetime) -> None:
    """Timelines → contact days, ties and the records' answers."""
    steps = {
        "day": _of_all(REFRESH_DAYS, DAYS).partition("SELECT * FROM gone")[0] + "SELECT 1",
        "connection": _of_all(REFRESH_CONNECTIONS.replace("{score}", score_sql("d")), PAIRS),
        "insight": REFRESH_INSIGHTS.replace("r.id = ANY(%(records)s)", OF_WORKSPACE.format("r")),
    }
    for kind in RECORD_KINDS:
        execute(f"ANALYZE {kind.names['interaction']}")
        with loading(*(kind.names[table] for table in steps)):
            for table, statement in steps.items():
                execute(kind.sql(statement), workspace=workspace_id, now=now)
                execute(f"ANALYZE {kind.names[table]}")


def _of_all(statement: str, keys: str) -> str:
    filled, count = _LISTED.subn(keys, statement)
    assert count == 1  # the product's statement says it differently now
    return filled
