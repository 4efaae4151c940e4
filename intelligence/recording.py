"""Messages and events → interactions.

Given ids of messages or events whose facts may have changed in any way (arrived, gone, cancelled,
moved, an attendee's answer, an alias that turned out to be a member's), the interactions are made
what they should be. What already is right is not touched, so doing it twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crm.statements import arrays, execute, fetch
from intelligence.models import InteractionKind
from intelligence.recordkinds import RECORD_KINDS
from intelligence.strength import MAIL_CROWD, MEETING_CROWD

# Days on which something changed, per kind of record: {"company": {(record id, day), …}, …}
Touched = dict[str, set[tuple[int, date]]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an interaction says, comparable between what is stored and what should be."""

    occurred_at: datetime
    is_crowd: bool
    is_all_day: bool
    member_id: int
    addresses: list[int]
    members: list[int | None]
    authors: list[bool]


# Outside stands for "may belong to a record": not a colleague, not a machine.
OUTSIDE = "NOT a.is_internal AND a.kind <> 'automated'"

WANTED_FROM_MESSAGES = f"""
    WITH party AS (
        SELECT p.message_id, p.address_id, a.member_id, bool_or(p.role <= 2) AS is_author,
               bool_or({OUTSIDE}) AS is_outside,
               -- the author, else the first in To, then in Cc
               min(CASE WHEN p.role <= 2 THEN 0 ELSE p.role * 100000 + p.position END) AS place
        FROM mailboxes_participant p
        JOIN crm_address a ON a.id = p.address_id
        WHERE p.message_id = ANY(%(ids)s) AND (a.member_id IS NOT NULL OR {OUTSIDE})
        GROUP BY p.message_id, p.address_id, a.member_id
    )
    SELECT m.id, m.occurred_at, m.recipients > {MAIL_CROWD}, false,
           (array_agg(party.member_id ORDER BY party.place, party.member_id)
            FILTER (WHERE party.member_id IS NOT NULL))[1],
           array_agg(party.address_id ORDER BY party.address_id),
           array_agg(party.member_id ORDER BY party.address_id),
           array_agg(party.is_author ORDER BY party.address_id)
    FROM mailboxes_emailmessage m JOIN party ON party.message_id = m.id
    WHERE m.id = ANY(%(ids)s) AND m.is_contact
    GROUP BY m.id
    HAVING bool_or(party.member_id IS NOT NULL) AND bool_or(party.is_outside)
"""

WANTED_FROM_EVENTS = f"""
    WITH party AS (
        SELECT t.event_id, t.address_id, a.member_id, t.is_organiser, {OUTSIDE} AS is_outside,
               CASE WHEN t.is_organiser THEN 0 WHEN t.response = 'accepted' THEN 1
                    WHEN t.response = 'tentative' THEN 2 ELSE 3 END AS rank
        FROM mailboxes_attendee t
        JOIN crm_address a ON a.id = t.address_id
        WHERE t.event_id = ANY(%(ids)s)
          AND ((a.member_id IS NOT NULL AND t.response <> 'declined') OR {OUTSIDE})
    )
    SELECT e.id, e.starts_at, e.attendee_count > {MEETING_CROWD}, e.all_day,
           (array_agg(party.member_id ORDER BY party.rank, party.member_id)
            FILTER (WHERE party.member_id IS NOT NULL))[1],
           array_agg(party.address_id ORDER BY party.address_id),
           array_agg(party.member_id ORDER BY party.address_id),
           array_agg(party.is_organiser ORDER BY party.address_id)
    FROM mailboxes_calendarevent e JOIN party ON party.event_id = e.id
    WHERE e.id = ANY(%(ids)s) AND e.status <> 'cancelled'
    GROUP BY e.id
    HAVING bool_or(party.member_id IS NOT NULL) AND bool_or(party.is_outside)
"""

# Parties are read interaction by interaction: as a join it is planned badly while the planner takes
# the tables for empty, as it does when they were looked at before their first rows were committed.
STORED = """
    SELECT i.{source}, i.id, i.occurred_at, i.is_crowd, i.is_all_day, i.member_id,
           party.addresses, party.members, party.authors
    FROM intelligence_interaction i
    CROSS JOIN LATERAL (
        SELECT array_agg(p.address_id) AS addresses, array_agg(p.member_id) AS members,
               array_agg(p.is_author) AS authors
        FROM (SELECT * FROM intelligence_interactionparty WHERE interaction_id = i.id
              ORDER BY address_id) p
        HAVING count(*) > 0
    ) party
    WHERE i.{source} = ANY(%(ids)s)
"""

INSERT_INTERACTIONS = """
    WITH come AS (
        INSERT INTO intelligence_interaction
            (workspace_id, kind, occurred_at, member_id, is_crowd, is_all_day, has_started, {source})
        SELECT %(workspace)s, %(kind)s, w.occurred_at, w.member_id, w.is_crowd, w.is_all_day,
               w.occurred_at <= %(now)s, w.id
        FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[], %(members)s::bigint[],
                    %(crowds)s::bool[], %(all_days)s::bool[])
             AS w(id, occurred_at, member_id, is_crowd, is_all_day)
        RETURNING {source} AS source, id
    ),
    parties AS (
        INSERT INTO intelligence_interactionparty
            (workspace_id, interaction_id, address_id, member_id, is_author)
        SELECT %(workspace)s, come.id, w.address_id, w.member_id, w.is_author
        FROM unnest(%(sources)s::bigint[], %(addresses)s::bigint[], %(party_members)s::bigint[],
                    %(authors)s::bool[]) AS w(source, address_id, member_id, is_author)
        JOIN come USING (source)
    )
    SELECT id FROM come
"""

INSERT_TIMELINE = """
    INSERT INTO {interaction}
        (workspace_id, interaction_id, {record}, kind, occurred_at, member_id, is_all_day, is_author)
    SELECT i.workspace_id, i.id, owner.record_id, i.kind, i.occurred_at, i.member_id,
           i.is_all_day, bool_or(p.is_author)
    FROM intelligence_interaction i
    JOIN intelligence_interactionparty p ON p.interaction_id = i.id AND p.member_id IS NULL
    JOIN crm_address a ON a.id = p.address_id
    CROSS JOIN LATERAL ({owners_of_address}) owner
    WHERE i.id = ANY(%(ids)s)
    GROUP BY i.id, owner.record_id
    ON CONFLICT (interaction_id, {record}) DO NOTHING
    RETURNING {record}, (occurred_at AT TIME ZONE 'UTC')::date
"""

DELETE_TIMELINE = """
    DELETE FROM {interaction} WHERE interaction_id = ANY(%(ids)s)
    RETURNING {record}, (occurred_at AT TIME ZONE 'UTC')::date
"""

# A record's timeline made what its addresses say, whatever it was.
RELINK = """
    WITH owned AS ({owned_addresses}),
    wanted AS (
        SELECT i.workspace_id, i.id, owned.record_id, i.kind, i.occurred_at, i.member_id,
               i.is_all_day, bool_or(p.is_author) AS is_author
        FROM owned
        JOIN intelligence_interactionparty p
          ON p.address_id = owned.address_id AND p.member_id IS NULL
        JOIN intelligence_interaction i ON i.id = p.interaction_id
        GROUP BY i.id, owned.record_id
    ),
    gone AS (
        DELETE FROM {interaction} t
        WHERE t.{record} = ANY(%(records)s)
          AND NOT EXISTS (SELECT FROM wanted w
                          WHERE w.id = t.interaction_id AND w.record_id = t.{record})
        RETURNING t.{record}, t.occurred_at
    ),
    come AS (
        INSERT INTO {interaction} AS t
            (workspace_id, interaction_id, {record}, kind, occurred_at, member_id, is_all_day, is_author)
        SELECT workspace_id, id, record_id, kind, occurred_at, member_id, is_all_day, is_author FROM wanted
        ON CONFLICT (interaction_id, {record}) DO UPDATE SET is_author = excluded.is_author
            WHERE t.is_author <> excluded.is_author
        RETURNING t.{record}, t.occurred_at
    )
    SELECT {record}, (occurred_at AT TIME ZONE 'UTC')::date FROM gone
    UNION SELECT {record}, (occurred_at AT TIME ZONE 'UTC')::date FROM come
"""


def record_messages(workspace_id: int, message_ids: Sequence[int], *, now: datetime) -> Touched:
    """Ids of messages that no longer exist lose their interactions."""
    return _record(InteractionKind.EMAIL, workspace_id=workspace_id, ids=list(message_ids), now=now)


def record_events(workspace_id: int, event_ids: Sequence[int], *, now: datetime) -> Touched:
    return _record(InteractionKind.MEETING, workspace_id=workspace_id, ids=list(event_ids), now=now)


def relink(records: dict[str, set[int]]) -> Touched:
    """Records whose addresses, people or domains have changed, or that are new."""
    return {
        kind.name: _rows(kind.sql(RELINK), records=sorted(records[kind.name]))
        for kind in RECORD_KINDS
        if records.get(kind.name)
    }


def _record(kind: InteractionKind, *, workspace_id: int, ids: list[int], now: datetime) -> Touched:
    touched: Touched = {record_kind.name: set() for record_kind in RECORD_KINDS}
    if not ids:
        return touched
    wanted = _wanted(kind, ids)
    stored = _stored(kind, ids)
    stale = [found for source, (found, facts) in stored.items() if wanted.get(source) != facts]
    new = {s: facts for s, facts in wanted.items() if s not in stored or stored[s][1] != facts}
    if stale:
        _delete(stale, touched)
    if new:
        _insert(kind, new, workspace_id=workspace_id, now=now, touched=touched)
    return touched


def _source(kind: InteractionKind) -> str:
    return "message_id" if kind == InteractionKind.EMAIL else "event_id"


def _wanted(kind: InteractionKind, ids: list[int]) -> dict[int, Facts]:
    statement = WANTED_FROM_MESSAGES if kind == InteractionKind.EMAIL else WANTED_FROM_EVENTS
    return {row[0]: Facts(*row[1:]) for row in fetch(statement, ids=ids)}


def _stored(kind: InteractionKind, ids: list[int]) -> dict[int, tuple[int, Facts]]:
    rows = fetch(STORED.format(source=_source(kind)), ids=ids)
    return {row[0]: (row[1], Facts(*row[2:])) for row in rows}


def _delete(interaction_ids: list[int], touched: Touched) -> None:
    for kind in RECORD_KINDS:
        touched[kind.name] |= _rows(kind.sql(DELETE_TIMELINE), ids=interaction_ids)
    for table, column in (("interactionparty", "interaction_id"), ("interaction", "id")):
        execute(f"DELETE FROM intelligence_{table} WHERE {column} = ANY(%(ids)s)", ids=interaction_ids)


def _insert(
    kind: InteractionKind,
    new: dict[int, Facts],
    *,
    workspace_id: int,
    now: datetime,
    touched: Touched,
) -> None:
    ids = _insert_interactions(kind, new, workspace_id=workspace_id, now=now)
    for record_kind in RECORD_KINDS:
        touched[record_kind.name] |= _rows(record_kind.sql(INSERT_TIMELINE), ids=ids)


def _insert_interactions(
    kind: InteractionKind, new: dict[int, Facts], *, workspace_id: int, now: datetime
) -> list[int]:
    interactions = arrays(
        ((source, f.occurred_at, f.member_id, f.is_crowd, f.is_all_day) for source, f in new.items()),
        "ids", "times", "members", "crowds", "all_days",
    )  # fmt: skip
    parties = arrays(
        (
            (source, *party)
            for source, facts in new.items()
            for party in zip(facts.addresses, facts.members, facts.authors, strict=True)
        ),
        "sources", "addresses", "party_members", "authors",
    )  # fmt: skip
    statement = INSERT_INTERACTIONS.format(source=_source(kind))
    common = {"workspace": workspace_id, "kind": kind.value, "now": now}
    return [row[0] for row in fetch(statement, **common, **interactions, **parties)]


def _rows(statement: str, **parameters: Any) -> set[tuple[int, date]]:
    return set(fetch(statement, **parameters))
