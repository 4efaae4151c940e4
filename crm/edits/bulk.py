"""The same change of many records at once, in a fixed number of statements, and how it is taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied

from crm.edits.changing import CannotEdit, Touched, changing, read_again
from crm.edits.deleting import MOST_AT_ONCE
from crm.edits.undoing import UNDOABLE_FOR
from crm.models import BulkEdit, Company, Member
from crm.plain import PlainAttribute
from crm.records import PERSON, RECORD_TYPES, RecordType
from crm.statements import arrays, fetch

COMPANY_OF = "company"

TOO_LATE = "A change of many records can be undone for an hour. This one stays."

# Those that are what is wanted already are no change.
_WRITE = """
    WITH changing AS (
        SELECT r.id, r.{column} AS was FROM {table} r
        WHERE r.id = ANY(%(ids)s) AND r.workspace_id = %(workspace)s AND r.{column} IS DISTINCT FROM %(value)s
    ),
    changed AS (UPDATE {table} r SET {column} = %(value)s FROM changing WHERE r.id = changing.id)
    SELECT id, was FROM changing ORDER BY id
"""
# Nor do those change back that somebody has changed again; nobody goes back to a company that is gone.
_TAKE_BACK = """
    UPDATE {table} r SET {column} = u.was
    FROM unnest(%(ids)s::bigint[], %(was)s::{type}[]) AS u(id, was)
    WHERE r.id = u.id AND r.workspace_id = %(workspace)s AND r.{column} IS NOT DISTINCT FROM %(value)s
          {condition}
    RETURNING r.id
"""
_IS_THERE = "AND (u.was IS NULL OR EXISTS (SELECT FROM crm_company c WHERE c.id = u.was))"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many records are what they were, and how many had been changed again."""

    kind: RecordType
    count: int
    changed_since: int


def write_all(
    kind: RecordType, ids: Sequence[int], attribute: PlainAttribute, text: str, *, by: Member
) -> BulkEdit | None:
    """Set a plain attribute of all of them. None if nothing has changed."""
    return _change(kind, ids, attribute.name, attribute.read(text), by=by)


def move_all(ids: Sequence[int], company: Company | None, *, by: Member) -> BulkEdit | None:
    """They work there now, or nowhere. None if nothing has changed."""
    if company and company.workspace_id != by.workspace_id:
        raise CannotEdit("There is no such company.")
    return _change(PERSON, ids, COMPANY_OF, company, by=by)


def take_back(edit: BulkEdit, *, by: Member, now: datetime) -> TakenBack | None:
    """Whoever changed them may, for an hour. None if it has been done already. Raises CannotEdit when it
    is too late."""
    if edit.member_id != by.pk:
        raise PermissionDenied
    kind = RECORD_TYPES[edit.kind]
    with changing(edit.workspace_id, by) as touched:
        read_again(edit, gone=TOO_LATE)
        if edit.undone_at:
            return None
        if edit.created_at < now - UNDOABLE_FOR:
            raise CannotEdit(TOO_LATE)
        back = _write_back(kind, edit)
        _touch(touched, kind, edit.attribute, back, {edit.after, *(was for _, was in edit.before)})
        edit.undone_at = now
        edit.save(update_fields=["undone_at"])
    return TakenBack(kind, len(back), len(edit.before) - len(back))


def _change(
    kind: RecordType, ids: Sequence[int], attribute: str, value: Any, *, by: Member
) -> BulkEdit | None:
    if len(ids) > MOST_AT_ONCE:
        raise CannotEdit(f"At most {MOST_AT_ONCE} records can be changed at once.")
    statement = _WRITE.format(table=kind.table, column=_column(attribute))
    with changing(by.workspace_id, by) as touched:
        if isinstance(value, Company):
            read_again(value)
            value = value.pk
        before = fetch(statement, ids=list(ids), workspace=by.workspace_id, value=value)
        if not before:
            return None
        _touch(touched, kind, attribute, [pk for pk, _ in before], {value, *(was for _, was in before)})
        return BulkEdit.objects.create(
            workspace_id=by.workspace_id,
            member=by,
            kind=kind.name,
            attribute=attribute,
            before=before,
            after=value,
        )


def _write_back(kind: RecordType, edit: BulkEdit) -> list[int]:
    is_move = edit.attribute == COMPANY_OF
    statement = _TAKE_BACK.format(
        table=kind.table,
        column=_column(edit.attribute),
        type="bigint" if is_move else "text",
        condition=_IS_THERE if is_move else "",
    )
    given = {"workspace": edit.workspace_id, "value": edit.after, **arrays(edit.before, "ids", "was")}
    return [row[0] for row in fetch(statement, **given)]


def _touch(touched: Touched, kind: RecordType, attribute: str, ids: list[int], values: set[Any]) -> None:
    touched.rewrite(kind, ids)
    if attribute == COMPANY_OF and ids:
        touched.companies.update(values)


def _column(attribute: str) -> str:
    return "company_id" if attribute == COMPANY_OF else attribute
