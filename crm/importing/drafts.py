"""Records as an import sees them: those there are, those it will make, and what it will change."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from crm.models import Address, CompanyDomain, Person
from crm.naming import name_key
from crm.plain import PLAIN
from crm.records import COMPANY, RecordType


@dataclass(slots=True, eq=False)
class Draft:
    """`values` are its domains or addresses, `added` those of them that are new, `changed` the fields that
    are, `left` the companies it does not work for any more. Without a `pk` it has to be created."""

    kind: RecordType
    name: str
    pk: int | None = None
    plain: dict[str, str] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    company: "Draft | None" = None
    added: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    left: "list[Draft]" = field(default_factory=list)

    def set(self, attribute: str, value: Any) -> bool:
        """Returns whether it makes a difference."""
        if attribute in PLAIN_NAMES:
            return self._set_plain(attribute, value)
        if getattr(self, attribute) == value:
            return False
        if attribute == "company" and self.company:
            self.left.append(self.company)
        setattr(self, attribute, value)
        self.changed.add(attribute)
        return True

    def add(self, value: str) -> bool:
        if value in self.values:
            return False
        self.values.add(value)
        self.added.append(value)
        return True

    def _set_plain(self, attribute: str, value: str) -> bool:
        if self.plain.get(attribute, "") == value:
            return False
        self.plain[attribute] = value
        self.changed.add(attribute)
        return True


PLAIN_NAMES = frozenset(one.name for attributes in PLAIN.values() for one in attributes)


class Shelf:
    """The drafts of one kind, found by id, by domain or address, and by name."""

    def __init__(self, kind: RecordType, workspace_id: int) -> None:
        self.kind, self.workspace_id = kind, workspace_id
        self.by_pk: dict[int, Draft] = {}
        self.by_value: dict[str, Draft] = {}
        self.by_name: dict[str, list[Draft]] = {}
        self.drafts: list[Draft] = []
        self._names: set[str] = set()

    def put(self, draft: Draft) -> None:
        self.drafts.append(draft)
        if draft.pk is not None:
            self.by_pk[draft.pk] = draft
        self.name(draft)
        for value in draft.values:
            self.by_value[value] = draft

    def name(self, draft: Draft) -> None:
        """It can be found by its name, also by a new one."""
        self.by_name.setdefault(name_key(draft.name), []).append(draft)

    def called(self, name: str) -> list[Draft]:
        return self.by_name.get(name_key(name), [])

    def load(self, *, pks: Iterable[int], values: Iterable[str], names: Iterable[str]) -> None:
        """What the database has of these, but for what is here already."""
        owned = self._owners(list(values))
        keys = {name_key(name) for name in names} - self._names
        self._names |= keys
        wanted = self.kind.model.objects.filter(workspace_id=self.workspace_id)
        sought = wanted.filter(Q(pk__in=set(pks) | owned) | Q(name_key__in=keys))
        found = {one.pk: one for one in sought if one.pk not in self.by_pk}
        all_values = self._values_of(list(found))
        for pk in sorted(found):
            self.put(self._draft(found[pk], all_values.get(pk, set())))

    def _draft(self, record: Any, values: set[str]) -> Draft:
        plain = {one.name: getattr(record, one.name) for one in PLAIN[self.kind.name]}
        return Draft(self.kind, record.name, pk=record.pk, plain=plain, values=values)

    def _owners(self, values: list[str]) -> set[int]:
        if self.kind is COMPANY:
            rows = CompanyDomain.objects.filter(workspace_id=self.workspace_id, domain__in=values)
            return set(rows.values_list("company_id", flat=True))
        addresses = Address.objects.filter(workspace_id=self.workspace_id, email__in=values)
        return set(addresses.exclude(person=None).values_list("person_id", flat=True))

    def _values_of(self, pks: list[int]) -> dict[int, set[str]]:
        rows: Iterable[tuple[Any, str]] = (
            CompanyDomain.objects.filter(company_id__in=pks).values_list("company_id", "domain")
            if self.kind is COMPANY
            else Address.objects.filter(person_id__in=pks).values_list("person_id", "email")
        )
        found: dict[int, set[str]] = {}
        for pk, value in rows:
            found.setdefault(pk, set()).add(value)
        return found


def employers(people: Shelf, companies: Shelf) -> None:
    """Tell the people of a shelf which companies they work for."""
    pks = [pk for pk, draft in people.by_pk.items() if draft.company is None]
    working = Person.objects.filter(pk__in=pks).exclude(company=None).values_list("pk", "company_id")
    pairs = dict(working)
    companies.load(pks=set(pairs.values()), values=(), names=())
    for pk, company_id in pairs.items():
        people.by_pk[pk].company = companies.by_pk.get(company_id)
