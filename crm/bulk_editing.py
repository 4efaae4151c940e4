"""The same change of many records at once, in a fixed number of statements."""

from collections.abc import Sequence

from crm.changing import CannotEdit, changing
from crm.deleting import MOST_AT_ONCE
from crm.models import Company, Member
from crm.plain import PlainAttribute
from crm.records import PERSON, RecordType
from crm.statements import fetch

# Those that are what is wanted already are no change.
_WRITE = """
    UPDATE {table} r SET {column} = %(value)s
    WHERE r.id = ANY(%(ids)s) AND r.workspace_id = %(workspace)s AND r.{column} <> %(value)s
    RETURNING r.id
"""
_MOVE = """
    WITH moving AS (
        SELECT p.id, p.company_id FROM crm_person p
        WHERE p.id = ANY(%(ids)s) AND p.workspace_id = %(workspace)s
          AND p.company_id IS DISTINCT FROM %(company)s::bigint
    ),
    moved AS (UPDATE crm_person p SET company_id = %(company)s::bigint FROM moving WHERE p.id = moving.id)
    SELECT id, company_id FROM moving
"""


def write_all(
    kind: RecordType, ids: Sequence[int], attribute: PlainAttribute, text: str, *, by: Member
) -> int:
    """Set a plain attribute of all of them. Returns how many have changed."""
    _refuse_too_many(ids)
    value = attribute.read(text)
    statement = _WRITE.format(table=kind.table, column=attribute.name)
    with changing(by.workspace_id, by) as touched:
        changed = fetch(statement, ids=list(ids), workspace=by.workspace_id, value=value)
        touched.rewrite(kind, (row[0] for row in changed))
    return len(changed)


def move_all(ids: Sequence[int], company: Company | None, *, by: Member) -> int:
    """They work there now, or nowhere. Returns how many have changed."""
    _refuse_too_many(ids)
    if company and company.workspace_id != by.workspace_id:
        raise CannotEdit("There is no such company.")
    with changing(by.workspace_id, by) as touched:
        target = company.pk if company else None
        moved = fetch(_MOVE, ids=list(ids), workspace=by.workspace_id, company=target)
        touched.rewrite(PERSON, (row[0] for row in moved))
        if moved:
            touched.companies.update({target, *(row[1] for row in moved)})
    return len(moved)


def _refuse_too_many(ids: Sequence[int]) -> None:
    if len(ids) > MOST_AT_ONCE:
        raise CannotEdit(f"At most {MOST_AT_ONCE} records can be changed at once.")
