"""Write what a plan has made of a batch of rows, in a fixed number of statements."""

from collections.abc import Sequence
from typing import Any, cast

from crm.addresses import domain_of, is_freemail, kind, registrable_domain
from crm.edits.changing import Touched
from crm.importing.drafts import Draft, Shelf
from crm.models import Address, CompanyDomain, Tombstone
from crm.naming import name_key
from crm.plain import PLAIN
from crm.records import COMPANY, PERSON, RecordType
from crm.statements import arrays, execute

# Whoever was a colleague when it was planned is refused by then; this is for whoever became one since.
_ATTACH = """
    UPDATE crm_address a SET person_id = u.person
    FROM unnest(%(emails)s::text[], %(people)s::bigint[]) AS u(email, person)
    WHERE a.workspace_id = %(workspace)s AND a.email = u.email
      AND a.member_id IS NULL AND NOT a.is_internal
"""


def store(shelf: Shelf, touched: Touched) -> None:
    """What is new and what has changed. Companies go before the people who work for them."""
    new = [draft for draft in shelf.drafts if draft.pk is None]
    changed = [draft for draft in shelf.drafts if draft.pk is not None and draft.changed]
    grown = [draft for draft in shelf.drafts if draft.added]
    if new:
        _create(shelf, new)
    if changed:
        _update(shelf, changed)
    if grown:
        _own(shelf, grown)
    _tell(shelf.kind, new, changed, grown, touched)


def _create(shelf: Shelf, drafts: Sequence[Draft]) -> None:
    rows = shelf.kind.model.objects.bulk_create([_row(shelf, draft) for draft in drafts])
    for draft, row in zip(drafts, rows, strict=True):
        draft.pk = row.pk


def _update(shelf: Shelf, drafts: Sequence[Draft]) -> None:
    fields = sorted({name for draft in drafts for name in draft.changed})
    if "name" in fields:
        fields += ["name_key", "named_by_hand"]
    renamed = {draft.pk for draft in drafts if "name" in draft.changed}
    kept = shelf.kind.model.objects.in_bulk([draft.pk for draft in drafts])
    rows = []
    for draft in drafts:
        row = _row(shelf, draft)
        before = kept.get(draft.pk)
        if before and draft.pk not in renamed:
            row.named_by_hand = before.named_by_hand
        rows.append(row)
    shelf.kind.model.objects.bulk_update(rows, fields)


def _row(shelf: Shelf, draft: Draft) -> Any:
    row: Any = shelf.kind.model(
        pk=draft.pk,
        workspace_id=shelf.workspace_id,
        name=draft.name,
        name_key=name_key(draft.name),
        named_by_hand=True,
        **{one.name: draft.plain.get(one.name, "") for one in PLAIN[shelf.kind.name]},
    )
    if shelf.kind is PERSON:
        row.company_id = draft.company.pk if draft.company else None
    return row


def _own(shelf: Shelf, drafts: Sequence[Draft]) -> None:
    pairs = [(value, cast(int, draft.pk)) for draft in drafts for value in draft.added]
    values = [value for value, _ in pairs]
    if shelf.kind is COMPANY:
        CompanyDomain.objects.bulk_create(
            CompanyDomain(workspace_id=shelf.workspace_id, company_id=pk, domain=value) for value, pk in pairs
        )
    else:
        new = [_address(shelf.workspace_id, value) for value in values]
        Address.objects.bulk_create(new, ignore_conflicts=True)
        execute(_ATTACH, workspace=shelf.workspace_id, **arrays(pairs, "emails", "people"))
    Tombstone.objects.filter(workspace_id=shelf.workspace_id, value__in=values).delete()


def _address(workspace_id: int, email: str) -> Address:
    domain = registrable_domain(domain_of(email))
    return Address(
        workspace_id=workspace_id,
        email=email,
        domain=domain,
        kind=kind(email),
        is_freemail=is_freemail(domain),
    )


def _tell(
    kind: RecordType,
    new: Sequence[Draft],
    changed: Sequence[Draft],
    grown: Sequence[Draft],
    touched: Touched,
) -> None:
    touched.add(kind, (draft.pk for draft in [*new, *grown]))
    touched.rewrite(kind, (draft.pk for draft in changed))
    moved = [draft for draft in changed if "company" in draft.changed]
    touched.add(COMPANY, (draft.company.pk for draft in [*new, *grown, *moved] if draft.company))
    touched.add(COMPANY, (company.pk for draft in changed for company in draft.left))
