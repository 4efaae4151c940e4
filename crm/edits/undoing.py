"""Take a deletion back: the same rows under the same ids, as far as nobody has filled their place since."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied

from crm.auditing import audit
from crm.edits.changing import CannotEdit, Touched, changing, read_again
from crm.edits.editing import address_row
from crm.live import announce
from crm.models import Address, BulkEdit, Deletion, Member, Tombstone
from crm.records import COMPANY, PERSON, RECORD_TYPES, RecordType
from crm.signals import records_restored
from crm.statements import arrays, execute, fetch

UNDOABLE_FOR = timedelta(hours=1)

TOO_LATE = "A deletion can be undone for an hour. This one is final."

_RESTORE = """
    INSERT INTO {table} ({columns})
    SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %(rows)s::jsonb)
    WHERE workspace_id = %(workspace)s ON CONFLICT DO NOTHING RETURNING id
"""
# The company somebody worked for may be gone by now.
_LEAVE_THE_GONE = """
    UPDATE crm_person p SET company_id = NULL
    WHERE p.id = ANY(%(ids)s) AND p.company_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM crm_company c WHERE c.id = p.company_id)
"""
_TAKE_ADDRESSES = """
    UPDATE crm_address a SET person_id = u.record
    FROM unnest(%(records)s::bigint[], %(texts)s::text[]) AS u(record, text)
    WHERE a.email = u.text AND a.workspace_id = %(workspace)s
      AND a.person_id IS NULL AND a.member_id IS NULL AND NOT a.is_internal
    RETURNING a.email
"""
_TAKE_DOMAINS = """
    INSERT INTO crm_companydomain (id, workspace_id, company_id, domain)
    SELECT u.owned, %(workspace)s, u.record, u.text
    FROM unnest(%(owned)s::bigint[], %(records)s::bigint[], %(texts)s::text[]) AS u(owned, record, text)
    WHERE NOT EXISTS (SELECT FROM crm_internaldomain i
                      WHERE i.workspace_id = %(workspace)s AND i.domain = u.text)
    ON CONFLICT DO NOTHING RETURNING domain
"""
_EMPLOY = """
    UPDATE crm_person p SET company_id = u.company
    FROM unnest(%(people)s::bigint[], %(companies)s::bigint[]) AS u(person, company)
    WHERE p.id = u.person AND p.workspace_id = %(workspace)s AND p.company_id IS NULL
"""
_STAR_AGAIN = """
    INSERT INTO crm_star SELECT r.* FROM jsonb_populate_recordset(NULL::crm_star, %(rows)s::jsonb) r
    JOIN crm_member m ON m.id = r.member_id AND m.workspace_id = r.workspace_id
    WHERE r.workspace_id = %(workspace)s ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """`names` of the records that are back; `missing` are the domains or addresses that are somebody
    else's by now."""

    kind: RecordType
    ids: Sequence[int]
    names: Sequence[str]
    missing: Sequence[str]


def undo(deletion: Deletion, *, by: Member, now: datetime) -> Restored:
    """Whoever deleted may, for an hour. Safe to call twice. Raises CannotEdit when it is too late."""
    if deletion.member_id != by.pk:
        raise PermissionDenied
    kind = RECORD_TYPES[deletion.kind]
    with changing(deletion.workspace_id, by) as touched:
        read_again(deletion, gone=TOO_LATE)
        if deletion.created_at < now - UNDOABLE_FOR:
            raise CannotEdit(TOO_LATE)
        missing: list[str] = []
        if deletion.undone_at is None:
            missing = _restore(kind, deletion, touched)
            deletion.undone_at = now
            deletion.save(update_fields=["undone_at"])
            audit("deletion_undone", by=by, kind=kind.name, deletion=deletion.pk)
            announce(deletion.workspace_id, topics=["favourites"])
    return _restored(kind, deletion.contents["records"], missing)


def forget_old(*, now: datetime) -> int:
    """What cannot be undone any more is kept no longer. Returns how many went."""
    return sum(
        kept.objects.filter(created_at__lt=now - UNDOABLE_FOR).delete()[0] for kept in (Deletion, BulkEdit)
    )


def _restore(kind: RecordType, deletion: Deletion, touched: Touched) -> list[str]:
    """Returns what belongs to another record by now."""
    contents, workspace_id = deletion.contents, deletion.workspace_id
    rows = json.dumps(contents["records"])
    columns = ", ".join(f'"{one.column}"' for one in kind.model._meta.concrete_fields if not one.generated)
    restore = _RESTORE.format(table=kind.table, columns=columns)
    ids = [row[0] for row in fetch(restore, rows=rows, workspace=workspace_id)]
    Tombstone.objects.filter(workspace_id=workspace_id, value__in=contents["tombstones"]).delete()
    taken = _take_back(kind, contents["owned"], workspace_id)
    _employ(kind, ids, contents["people"], workspace_id)
    execute(_STAR_AGAIN, rows=json.dumps(contents["stars"]), workspace=workspace_id)
    records_restored.send(
        sender=kind.model,
        workspace_id=workspace_id,
        kind_name=kind.name,
        record_ids=ids,
        kept=contents["kept"],
    )
    touched.add(kind, ids)
    touched.add(COMPANY, (row.get("company_id") for row in contents["records"]))
    touched.rewrite(PERSON, (pk for pk, _ in contents["people"]))
    return sorted(text for _, _, text in contents["owned"] if text not in taken)


def _take_back(kind: RecordType, owned: Sequence[Sequence[Any]], workspace_id: int) -> set[str]:
    """Returns those domains or addresses that were free still."""
    if kind is PERSON:
        _make_forgotten([text for _, _, text in owned], workspace_id)
    statement = _TAKE_DOMAINS if kind is COMPANY else _TAKE_ADDRESSES
    values = arrays(owned, "owned", "records", "texts")
    return {row[0] for row in fetch(statement, workspace=workspace_id, **values)}


def _make_forgotten(emails: Sequence[str], workspace_id: int) -> None:
    """An address that is nobody's goes with the last mail from there."""
    known = Address.objects.filter(workspace_id=workspace_id, email__in=emails)
    for email in sorted(set(emails) - set(known.values_list("email", flat=True))):
        address_row(workspace_id, email)


def _employ(kind: RecordType, ids: list[int], people: list[list[int]], workspace_id: int) -> None:
    if kind is COMPANY:
        execute(_EMPLOY, workspace=workspace_id, **arrays(people, "people", "companies"))
    else:
        execute(_LEAVE_THE_GONE, ids=ids)


def _restored(kind: RecordType, records: list[dict[str, Any]], missing: list[str]) -> Restored:
    names = [row["name"] for row in records]
    return Restored(kind, [row["id"] for row in records], names, missing)
