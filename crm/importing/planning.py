"""What an import does with each row: create a record, change one, leave it, or refuse and say why.

Nothing is written here. The same plan is shown in numbers before, and carried out (see `running`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm.addresses import (
    company_name,
    domain_of,
    is_freemail,
    is_public_suffix,
    registrable_domain,
    without_tag,
)
from crm.edits.changing import CannotEdit
from crm.edits.creating import read_values
from crm.edits.editing import refuse_automated, refuse_shared_domain
from crm.importing.drafts import Draft, Shelf, employers
from crm.importing.mapping import Entry, targets
from crm.models import Address, InternalDomain
from crm.naming import MAX_NAME, name_key, person_name
from crm.plain import plain_attribute, tidied
from crm.records import COMPANY, PERSON, RecordType, read_id

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is empty where something is added or filled in."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`record` is what an update changes, by its name as it was, and new where an earlier row makes it."""

    entry: Entry
    what: str
    reason: str = ""
    record: str = ""
    is_new: bool = False
    changes: Sequence[Change] = ()


@dataclass(slots=True)
class _Read:
    """An entry in our own spelling."""

    name: str
    values: list[str]
    plain: dict[str, str]
    pk: int | None


class Planner:
    """Rows of one file, in their order; a row sees what the rows before it will have done."""

    def __init__(self, kind: RecordType, workspace_id: int) -> None:
        self.kind, self.workspace_id = kind, workspace_id
        self.records = Shelf(kind, workspace_id)
        self.companies = self.records if kind is COMPANY else Shelf(COMPANY, workspace_id)
        internal = InternalDomain.objects.filter(workspace_id=workspace_id)
        self._internal = set(internal.values_list("domain", flat=True))
        self._colleagues: set[str] = set()
        self._labels = targets(kind)

    def plan(self, entries: Sequence[Entry]) -> list[Outcome]:
        """A fixed number of statements, however many entries."""
        read = [self._read(entry) for entry in entries]
        self._load(entries, [one for one in read if isinstance(one, _Read)])
        return [self._decide(entry, one) for entry, one in zip(entries, read, strict=True)]

    def _read(self, entry: Entry) -> "_Read | str":
        """Or why it cannot be read."""
        try:
            values = read_values(self.kind, entry.values)
            for value in values:
                self._refuse(value)
            plain = {name: self._plain(name, text) for name, text in entry.plain.items()}
        except CannotEdit as error:
            return str(error)
        name = tidied(entry.name)
        if len(name) > MAX_NAME:
            return f"The name has more than {MAX_NAME} characters."
        pk = read_id(entry.pk)
        if not (name or values or pk):
            return "There is neither a name nor " + ("a domain." if self.kind is COMPANY else "an address.")
        return _Read(name, values, plain, pk)

    def _plain(self, name: str, text: str) -> str:
        attribute = plain_attribute(self.kind.name, name)
        assert attribute is not None
        return attribute.read(text)

    def _refuse(self, value: str) -> None:
        if self.kind is COMPANY:
            refuse_shared_domain(value)
        else:
            refuse_automated(value)
        if (value if self.kind is COMPANY else registrable_domain(domain_of(value))) in self._internal:
            raise CannotEdit(f"{value} is one of your own.")

    def _load(self, entries: Sequence[Entry], read: Sequence[_Read]) -> None:
        values = {value for one in read for value in one.values}
        names = {one.name for one in read if one.name}
        self.records.load(pks={one.pk for one in read if one.pk}, values=values, names=names)
        if self.kind is COMPANY:
            return
        employers(self.records, self.companies)
        said = {tidied(entry.company) for entry in entries} - {""}
        domains = {registrable_domain(domain_of(value)) for value in values}
        self.companies.load(pks=(), values=domains | {one.lower() for one in said}, names=said)
        own = Address.objects.filter(workspace_id=self.workspace_id, member__isnull=False)
        spellings = values | {without_tag(value) for value in values}
        self._colleagues |= set(own.filter(email__in=spellings).values_list("email", flat=True))

    def _decide(self, entry: Entry, read: "_Read | str") -> Outcome:
        if isinstance(read, str):
            return Outcome(entry, REFUSED, read)
        try:
            self._refuse_colleagues(read.values)
            draft = self._match(read)
            # Last, as it may be made: for a row that is refused, nothing is.
            company = self._company(tidied(entry.company), read.values) if self.kind is PERSON else None
        except CannotEdit as error:
            return Outcome(entry, REFUSED, str(error))
        if draft is None:
            self._create(read, company)
            return Outcome(entry, CREATED)
        name, is_new = draft.name, draft.pk is None
        changes = self._change(draft, read, company)
        what = UPDATED if changes else UNCHANGED
        return Outcome(entry, what, record=name, is_new=is_new, changes=changes)

    def _refuse_colleagues(self, values: Sequence[str]) -> None:
        for value in values:
            if self.kind is PERSON and {value, without_tag(value)} & self._colleagues:
                raise CannotEdit(f"{value} belongs to a colleague.")

    def _match(self, read: _Read) -> Draft | None:
        owners = {id(one): one for value in read.values if (one := self.records.by_value.get(value))}
        if len(owners) > 1:
            names = " and ".join(one.name for one in owners.values())
            raise CannotEdit(f"This row belongs to several {self.kind.plural}: {names}. Merge them first.")
        owner = next(iter(owners.values()), None)
        by_pk = self.records.by_pk.get(read.pk) if read.pk else None
        if by_pk:
            self._refuse_other_id(by_pk, owner, read)
            return by_pk
        return owner or self._namesake(read)

    def _refuse_other_id(self, by_pk: Draft, owner: Draft | None, read: _Read) -> None:
        """Ids of another workspace or program say nothing here."""
        if owner and owner is not by_pk:
            raise CannotEdit(f"The ID is that of {by_pk.name}, but {owner.name} has what the row says.")
        is_alike = by_pk.values & set(read.values) or by_pk in self.records.called(read.name)
        if not is_alike and by_pk.values and read.values and read.name:
            raise CannotEdit(f"The ID is that of {by_pk.name}, who has nothing in common with this row.")

    def _namesake(self, read: _Read) -> Draft | None:
        """A name alone says who is meant where nothing else does."""
        called = self.records.called(read.name) if read.name else []
        if read.values:
            called = [one for one in called if not one.values]
        if len(called) > 1:
            raise CannotEdit(f"There are several {self.kind.plural} called {read.name}.")
        return called[0] if called else None

    def _company(self, text: str, emails: Sequence[str]) -> Draft | None:
        if not text:
            return None
        if len(text) > MAX_NAME:
            raise CannotEdit(f"The company’s name has more than {MAX_NAME} characters.")
        if known := self.companies.by_value.get(text.lower()):
            return known
        called = self.companies.called(text)
        if len(called) > 1:
            raise CannotEdit(f"There are several companies called {text}: write the domain instead.")
        company = called[0] if called else Draft(COMPANY, text)
        if not called:
            self.companies.put(company)
        self._give_domain(company, emails)
        return company

    def _give_domain(self, company: Draft, emails: Sequence[str]) -> None:
        """A company without a domain that is called like that of its people has it: mail from there would
        make a second company of the name."""
        for domain in dict.fromkeys(registrable_domain(domain_of(email)) for email in emails):
            is_called_so = name_key(company_name(domain)) == name_key(company.name)
            if is_called_so and not company.values and self._is_free(domain):
                company.add(domain)
                self.companies.by_value[domain] = company

    def _is_free(self, domain: str) -> bool:
        return not (domain in self.companies.by_value or is_freemail(domain) or is_public_suffix(domain))

    def _create(self, read: _Read, company: Draft | None) -> None:
        draft = Draft(self.kind, read.name or self._name_of(read.values), plain=dict(read.plain))
        for value in read.values:
            draft.add(value)
        if self.kind is PERSON:
            domains = (registrable_domain(domain_of(value)) for value in read.values)
            known = (self.companies.by_value.get(domain) for domain in domains)
            draft.company = company or next(filter(None, known), None)
        self.records.put(draft)

    def _name_of(self, values: Sequence[str]) -> str:
        return company_name(values[0]) if self.kind is COMPANY else person_name("", values[0])

    def _change(self, draft: Draft, read: _Read, company: Draft | None) -> list[Change]:
        changes = [
            Change(self._labels[name], before, value)
            for name, value in read.plain.items()
            for before in [draft.plain.get(name, "")]
            if draft.set(name, value)
        ]
        added = [value for value in read.values if draft.add(value)]
        changes += [Change(self._labels[self.kind.known_by], "", value) for value in added]
        before = draft.name
        # Other capitals are no other name, unless an ID says that they are meant.
        is_meant = draft.pk is not None and draft.pk == read.pk
        is_other = is_meant or name_key(read.name) != name_key(before)
        if read.name and is_other and draft.set("name", read.name):
            changes.append(Change("Name", before, read.name))
            self.records.name(draft)
        left = draft.company.name if draft.company else ""
        if company and draft.set("company", company):
            changes.append(Change("Company", left, company.name))
        for value in draft.added:
            self.records.by_value[value] = draft
        return changes
