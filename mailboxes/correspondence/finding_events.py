"""Meetings by their titles, in one statement. Everybody in the workspace may read those; what is on its
owner's blocklist, or in a mailbox being removed, is found by nobody."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from crm.models import Member
from crm.search.words import Query, holds_all
from crm.statements import fetch
from mailboxes.correspondence.meetings import IS_LEFT
from mailboxes.ingesting.events import ELECTED
from mailboxes.models import EventStatus

# Copies looked at for a word: those nearest to now, before and after, and those an index names.
NEAREST, FEW = 200, 500

_LEFT = f"mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id AND {IS_LEFT}"


@dataclass(frozen=True, slots=True)
class FoundEvent:
    pk: int
    title: str
    starts_at: datetime
    is_all_day: bool
    status: EventStatus


def find_events(viewer: Member, query: Query, *, now: datetime, most: int) -> list[FoundEvent]:
    """At most `most`, one of a series: those with all words at the beginning of a word first, then what
    is nearest in time."""
    if not query.words:
        return []
    statement = _find(len(query.words), most)
    rows = fetch(statement, workspace=viewer.workspace_id, now=now, **query.patterns("text"))
    return [_found(*row) for row in rows]


def recall_events(viewer: Member, ids: list[int]) -> list[FoundEvent]:
    """Those of them of which something is left."""
    return [_found(*row) for row in fetch(_RECALL, workspace=viewer.workspace_id, ids=ids)]


def _found(pk: int, title: str, starts_at: datetime, is_all_day: bool, status: str) -> FoundEvent:
    return FoundEvent(pk, title, starts_at, is_all_day, EventStatus(status))


def _spoken(ids: str) -> str:
    """Of the copies that are left of events, the ones that speak. Under the table's own name, so that
    the usual election is held among them."""
    return f"""(
        WITH mailboxes_eventcopy AS (
            SELECT c.* FROM {_LEFT} WHERE c.event_id = ANY({ids}) AND c.workspace_id = %(workspace)s
        )
        {ELECTED.replace("%(ids)s", ids)}
    )"""


_COLUMNS = "e.event_id, e.title, e.starts_at, e.all_day, e.status"
_RECALL = f"SELECT {_COLUMNS} FROM {_spoken('%(ids)s')} e"


@cache
def _find(words: int, most: int) -> str:
    begins, holds = holds_all("begins", words), holds_all("inside", words)
    return f"""
        WITH nearest AS MATERIALIZED (
            SELECT n.event_id, n.source_id, {begins.format("n.title")} AS begins FROM (
                ({_towards("<", "DESC")}) UNION ALL ({_towards(">=", "ASC")})
            ) n
            WHERE {holds.format("n.title")}
        ),
        begun AS MATERIALIZED (
            {_named("begins", words)}
            WHERE (SELECT count(DISTINCT source_id) FROM nearest WHERE begins) < {most}
        ),
        held AS MATERIALIZED (
            {_named("inside", words)}
            WHERE (SELECT count(DISTINCT source_id) FROM nearest) < {most}
              AND (SELECT count(DISTINCT source_id) FROM begun) < {most}
        ),
        found AS MATERIALIZED (
            SELECT event_id FROM nearest UNION SELECT event_id FROM begun UNION SELECT event_id FROM held
        ),
        one AS (
            SELECT DISTINCT ON (e.source_id) {_COLUMNS}, {begins.format("e.title")} AS begins,
                   abs(date_part('epoch', e.starts_at - %(now)s)) AS away
            FROM {_spoken("ARRAY(SELECT event_id FROM found)")} e WHERE {holds.format("e.title")}
            ORDER BY e.source_id, begins DESC, away, e.event_id
        )
        SELECT {_COLUMNS} FROM one e ORDER BY e.begins DESC, e.away, e.event_id LIMIT {most}
    """


def _towards(compare: str, order: str) -> str:
    return f"""
        SELECT c.event_id, c.source_id, c.title FROM {_LEFT}
        WHERE c.workspace_id = %(workspace)s AND c.starts_at {compare} %(now)s
        ORDER BY c.starts_at {order}, c.id {order} LIMIT {NEAREST}
    """


def _named(how: str, words: int) -> str:
    """Planned for all its rows, so that it asks the index, and read as far as the limit."""
    return f"""
        SELECT n.event_id, n.source_id FROM (
            WITH named AS MATERIALIZED (
                SELECT c.event_id, c.source_id FROM {_LEFT}
                WHERE c.workspace_id = %(workspace)s AND {holds_all(how, words).format("c.title")}
            )
            SELECT * FROM named LIMIT {FEW}
        ) n
    """
