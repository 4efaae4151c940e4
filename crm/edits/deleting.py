"""Deleting records by hand, any number at once in a fixed number of statements, and what is kept so that
it can be undone (see `undoing`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from crm.auditing import audit
from crm.edits.changing import CannotEdit, Editor, Touched, changing
from crm.live import MOST_RECORDS, announce
from crm.models import Deletion, Member
from crm.records import COMPANY, PERSON, RecordType
from crm.signals import records_deleted
from crm.statements import execute, fetch

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Owned:
    """What a kind of record owns: the column of its rows in `table`, which are unlinked or go with it,
    and the text in them by which it would be made again."""

    name: str
    table: str
    record: str
    text: str


OWNED = {
    "company": Owned("domains", "crm_companydomain", "company_id", "domain"),
    "person": Owned("addresses", "crm_address", "person_id", "email"),
}

# jsonb is handed on as it is: moments keep their last digit on the way there and back.
_ROWS = "SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.id), '[]') FROM {table} r WHERE {condition}"
_LINKS = "SELECT x.id, x.{record}, x.{text} FROM {table} x WHERE x.{record} = ANY(%(ids)s) ORDER BY x.id"
_BURY = """
    INSERT INTO crm_tombstone (workspace_id, value)
    SELECT %(workspace)s, v FROM unnest(%(values)s::text[]) AS v
    ON CONFLICT (workspace_id, value) DO NOTHING RETURNING value
"""


def delete_records(kind: RecordType, ids: Sequence[int], *, workspace_id: int, by: Editor) -> Deletion | None:
    """Gone, and never made again by themselves; what was said stays with the mailboxes it is in. Ids of
    records that are not there are passed over. What a member deletes can be undone."""
    if len(ids) > MOST_AT_ONCE:
        raise CannotEdit(f"At most {MOST_AT_ONCE} records can be deleted at once.")
    with changing(workspace_id, by) as touched:
        contents = _contents(kind, ids, workspace_id=workspace_id)
        here = [row["id"] for row in contents["records"]]
        if not here:
            return None
        contents["tombstones"] = _bury(workspace_id, [text for _, _, text in contents["owned"]])
        contents["kept"] = _asked(kind, here, workspace_id=workspace_id)
        _touch(touched, kind, contents)
        execute(f"DELETE FROM {kind.table} WHERE id = ANY(%(ids)s)", ids=here)
        if len(here) <= MOST_RECORDS:
            announce(workspace_id, topics=[f"gone:{kind.name}:{pk}" for pk in here])
        return _kept(kind, contents, by=by) if isinstance(by, Member) else None


def _contents(kind: RecordType, ids: Sequence[int], *, workspace_id: int) -> dict[str, Any]:
    """The rows as they are."""
    records = _json(
        kind.table, "r.id = ANY(%(ids)s) AND r.workspace_id = %(workspace)s", ids=ids, workspace=workspace_id
    )
    here = [row["id"] for row in records]
    owned = OWNED[kind.name]
    links = _LINKS.format(record=owned.record, text=owned.text, table=owned.table)
    employed = "SELECT id, company_id FROM crm_person WHERE company_id = ANY(%(ids)s) ORDER BY id"
    return {
        "records": records,
        "owned": [list(row) for row in fetch(links, ids=here)],
        "people": [list(row) for row in fetch(employed, ids=here)] if kind.name == "company" else [],
        "stars": _json("crm_star", f"r.{kind.name}_id = ANY(%(ids)s)", ids=here),
    }


def _json(table: str, condition: str, **parameters: Any) -> list[dict[str, Any]]:
    found = fetch(_ROWS.format(table=table, condition=condition), **parameters)
    return cast(list[dict[str, Any]], json.loads(found[0][0]))


def _bury(workspace_id: int, values: list[str]) -> list[str]:
    """Returns those that had no tombstone before."""
    return sorted(row[0] for row in fetch(_BURY, workspace=workspace_id, values=values))


def _asked(kind: RecordType, ids: list[int], *, workspace_id: int) -> dict[str, Any]:
    answers = records_deleted.send(
        sender=kind.model, workspace_id=workspace_id, kind_name=kind.name, record_ids=ids
    )
    return dict(cast(tuple[str, Any], answer) for _, answer in answers if answer)


def _touch(touched: Touched, kind: RecordType, contents: dict[str, Any]) -> None:
    touched.add(kind, (row["id"] for row in contents["records"]))
    touched.add(COMPANY, (row.get("company_id") for row in contents["records"]))
    touched.rewrite(PERSON, (pk for pk, _ in contents["people"]))


def _kept(kind: RecordType, contents: dict[str, Any], *, by: Member) -> Deletion:
    deletion = Deletion.objects.create(
        workspace_id=by.workspace_id, member=by, kind=kind.name, contents=contents
    )
    audit("records_deleted", by=by, kind=kind.name, deletion=deletion.pk, count=len(contents["records"]))
    return deletion
