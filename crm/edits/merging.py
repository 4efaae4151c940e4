"""Two records of one kind become one: what happens to each part, told in numbers before it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.core.exceptions import PermissionDenied

from crm.auditing import audit
from crm.edits.changing import CannotEdit, Editor, Record, Touched, changing, kind_of, read_again
from crm.models import Address, Company, CompanyDomain, Member, Person
from crm.naming import name_key
from crm.plain import PLAIN
from crm.plurals import counted
from crm.records import PERSON, RecordType, read_id
from crm.search.finding import find_records
from crm.search.words import Query
from crm.signals import record_merged
from crm.statements import execute

MOST_FOUND = 8
PLURALS = {"person": "people", "email address": "email addresses"}


class Counter(Protocol):
    """Other apps say what of theirs goes along with a record: singular words, and how many there are."""

    def __call__(self, kind_name: str, record_id: int, *, workspace_id: int) -> Sequence[tuple[str, int]]: ...


_counters: list[Counter] = []

# Whoever has starred both keeps the star of the one that stays.
_MOVE_STARS = """
    UPDATE crm_star s SET {record}_id = %(into)s
    WHERE s.{record}_id = %(record)s AND NOT EXISTS (
        SELECT FROM crm_star k WHERE k.member_id = s.member_id AND k.{record}_id = %(into)s)
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """`moves` are words like `3 email addresses`; `fills` the attributes that are taken over, for the one
    that stays has none; `loses` those of which its own stay."""

    moves: Sequence[str]
    fills: Sequence[str]
    loses: Sequence[str]


def register_counter(counter: Counter) -> None:
    _counters.append(counter)


def preview(record: Record, into: Record) -> Preview:
    """What would become of `record`."""
    counts = [*_own_counts(record)]
    for counter in _counters:
        counts += counter(kind_of(record).name, record.pk, workspace_id=record.workspace_id)
    attributes = [one for one in PLAIN[kind_of(record).name] if getattr(record, one.name)]
    fills = [one.label for one in attributes if not getattr(into, one.name)]
    differing = (one for one in attributes if getattr(into, one.name) != getattr(record, one.name))
    loses = [one.label for one in differing if getattr(into, one.name)]
    return Preview(
        [counted(count, word, PLURALS.get(word, "")) for word, count in counts if count], fills, loses
    )


def candidates(record: Record, text: str) -> list[Record]:
    """Others of its kind by a part of their name, domain or address; without one those of its own name."""
    kind, query = kind_of(record), Query.of(text)
    others = kind.model.objects.filter(workspace_id=record.workspace_id).exclude(pk=record.pk)
    others = others.prefetch_related("addresses" if kind is PERSON else "domains")
    if not query.words:
        return list(others.filter(name_key=record.name_key).order_by("pk")[:MOST_FOUND])
    found = find_records(record.workspace_id, kind, query, most=MOST_FOUND + 1)
    known = others.in_bulk([one.pk for one in found])
    return [known[one.pk] for one in found if one.pk in known][:MOST_FOUND]


def merge(record: Record, into: Record, *, by: Editor, name: str = "") -> None:
    """Everything of one record becomes the other's; the one is gone. What `into` has itself stays, its name
    too unless another is given."""
    if type(record) is not type(into) or record.workspace_id != into.workspace_id:
        raise PermissionDenied
    if record.pk == into.pk:
        raise CannotEdit("A record cannot be merged with itself.")
    kind = kind_of(record)
    with changing(record.workspace_id, by) as touched:
        for one in (record, into):
            read_again(one)
        _hand_over(record, into, touched)
        _take_over(record, into, name)
        record_merged.send(
            sender=type(record),
            workspace_id=record.workspace_id,
            kind_name=kind.name,
            record_id=record.pk,
            into_id=into.pk,
        )
        moving = _MOVE_STARS.format(record=kind.name)
        execute(moving, record=record.pk, into=into.pk)
        touched.rewrite(kind, [record.pk])
        if isinstance(by, Member):
            audit("records_merged", by=by, kind=kind.name, record=record.pk, into=into.pk)
        record.delete()


def _hand_over(record: Record, into: Record, touched: Touched) -> None:
    if isinstance(record, Person) and isinstance(into, Person):
        touched.people |= {into.pk}
        touched.companies |= {record.company_id, into.company_id}
        Address.objects.filter(person=record).update(person=into)
    elif isinstance(record, Company) and isinstance(into, Company):
        touched.companies |= {into.pk}
        people = Person.objects.filter(company=record)
        touched.rewrite(PERSON, list(people.values_list("pk", flat=True)))
        CompanyDomain.objects.filter(company=record).update(company=into)
        people.update(company=into)


def _take_over(record: Record, into: Record, name: str) -> None:
    """What the one that stays has none of."""
    names = ["company_id"] if isinstance(into, Person) else []
    for attribute in [*names, *(one.name for one in PLAIN[kind_of(into).name])]:
        if not getattr(into, attribute):
            setattr(into, attribute, getattr(record, attribute))
    if name and name != into.name:
        into.name, into.name_key, into.named_by_hand = name, name_key(name), True
    into.save()


def _own_counts(record: Record) -> list[tuple[str, int]]:
    if isinstance(record, Company):
        return [("domain", record.domains.count()), ("person", record.people.count())]
    return [("email address", record.addresses.count())]


def other_of(kind: RecordType, record: Record, text: str) -> Record | None:
    """The record of this id that may be merged with it, if there is one."""
    others = kind.model.objects.filter(workspace_id=record.workspace_id).exclude(pk=record.pk)
    pk = read_id(text)
    return others.filter(pk=pk).first() if pk else None
