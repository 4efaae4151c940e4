"""The records before and after one in the table it was opened from."""

from dataclasses import dataclass, replace

from crm.models import Member
from crm.plurals import Capped
from crm.records import RecordType
from crm.statements import fetch
from crm.tables.columns import Look
from crm.tables.ordering import ordering
from crm.tables.page import COUNTED, MOST_COUNTED
from crm.tables.state import State
from crm.tables.walking import Place


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Ids, None at either end."""

    before: int | None
    after: int | None
    count: Capped


def neighbours(member: Member, kind: RecordType, state: State, pk: int, look: Look) -> Neighbours | None:
    """None for a record that the table does not hold (any more)."""
    own = _place_of(member.workspace_id, kind, state, pk, look)
    if own is None:
        return None
    after, matching = _first(member.workspace_id, kind, replace(state, after=own), look)
    backwards = replace(state, is_descending=not state.is_descending, after=own)
    before, _ = _first(member.workspace_id, kind, backwards, look)
    # What has no value comes last both ways: before the first of those stands the last with one.
    if before is None and own.key is None:
        before, _ = _first(member.workspace_id, kind, replace(backwards, after=None), look)
        before = before if before and before.key is not None else None
    elif before and before.key is None and own.key is not None:
        before = None
    return Neighbours(
        before.pk if before else None,
        after.pk if after else None,
        _count(member.workspace_id, kind) if matching is None else matching,
    )


def _place_of(workspace_id: int, kind: RecordType, state: State, pk: int, look: Look) -> Place | None:
    """Where the record stands, found as if it were the only one."""
    sql, parameters = ordering(workspace_id, kind, replace(state, after=None), look).only([pk])
    rows = fetch(f"{sql} LIMIT %(limit)s", limit=1, **parameters)
    return Place(rows[0][1], pk, 0) if rows else None


def _first(
    workspace_id: int, kind: RecordType, state: State, look: Look
) -> tuple[Place | None, Capped | None]:
    (sql, parameters), matching = ordering(workspace_id, kind, state, look).all()
    rows = fetch(f"{sql} LIMIT %(limit)s", limit=1, **parameters)
    return (Place(rows[0][1], rows[0][0], 0) if rows else None), matching


def _count(workspace_id: int, kind: RecordType) -> Capped:
    counted = f"SELECT {COUNTED.format(table=kind.table)}"
    return Capped(fetch(counted, workspace=workspace_id)[0][0], MOST_COUNTED)
