"""What somebody has just deleted, or changed of many records at once, and can still take back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Func, IntegerField, JSONField
from django.db.models.fields.json import KeyTransform

from crm.edits.bulk import COMPANY_OF
from crm.edits.undoing import UNDOABLE_FOR
from crm.models import BulkEdit, Company, Deletion, Member
from crm.plain import plain_attribute
from crm.plurals import counted
from crm.records import RECORD_TYPES

MOST = 20


@dataclass(frozen=True, slots=True)
class Recent:
    """`path` below the workspace's address is where a POST takes it back."""

    words: str
    at: datetime
    path: str


def recent(member: Member, *, now: datetime) -> Sequence[Recent]:
    """The newest first. Three statements, however much there is."""
    since = now - UNDOABLE_FOR
    found = [*_deletions(member, since), *_edits(member, since)]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MOST]


def _deletions(member: Member, since: datetime) -> Iterator[Recent]:
    records: KeyTransform = KeyTransform("records", "contents")
    names = Func(
        records,
        template="jsonb_path_query_array(%(expressions)s, '$[0 to 2].name')",
        output_field=JSONField(),
    )
    count = Func(records, function="jsonb_array_length", output_field=IntegerField())
    kept = Deletion.objects.by(member).filter(undone_at=None, created_at__gt=since).order_by("-pk")[:MOST]
    for pk, kind, at, named, total in kept.values_list("pk", "kind", "created_at", names, count):
        rest = total - len(named)
        more = f" and {rest} more {RECORD_TYPES[kind].plural}" if rest else ""
        yield Recent(f"Deleted {', '.join(named)}{more}", at, f"deletions/{pk}/undoing/")


def _edits(member: Member, since: datetime) -> Iterator[Recent]:
    count = Func("before", function="jsonb_array_length", output_field=IntegerField())
    edits = BulkEdit.objects.by(member).filter(undone_at=None, created_at__gt=since).defer("before")
    kept = list(edits.annotate(count=count).order_by("-pk")[:MOST])
    targets = {edit.after for edit in kept if edit.attribute == COMPANY_OF and edit.after}
    companies = dict(Company.objects.filter(pk__in=targets).values_list("pk", "name"))
    for edit in kept:
        kind = RECORD_TYPES[edit.kind]
        changed = counted(edit.count, kind.name, kind.plural)
        attribute = plain_attribute(edit.kind, edit.attribute)
        if attribute:
            words = f"{attribute.label} of {changed} changed"
        elif edit.after:
            words = f"Moved {changed} to {companies.get(edit.after, 'a company that is gone')}"
        else:
            words = f"Moved {changed} out of their companies"
        yield Recent(words, edit.created_at, f"edits/{edit.pk}/undoing/")
