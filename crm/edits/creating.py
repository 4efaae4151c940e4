"""Creating a company or a person by hand, and who is already there under that name, domain or address."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from crm.addresses import company_name, domain_of, normalise, registrable_domain
from crm.edits.changing import CannotEdit, Record, Touched, changing, read_again
from crm.edits.editing import address_row, refuse_domain, refuse_person_address, site_of
from crm.models import Address, Company, CompanyDomain, Member, Person, Tombstone
from crm.naming import MAX_NAME, name_key, person_name
from crm.plain import PLAIN, tidied
from crm.records import COMPANY, RecordType

MOST_VALUES = 50
MOST_NAMESAKES = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """`values` are domains or addresses as they were typed. Without a name the first of them gives it;
    without a company a person gets the one that has the domain of an address."""

    name: str = ""
    values: Sequence[str] = ()
    plain: dict[str, str] = field(default_factory=dict)
    company: Company | None = None


class Taken(CannotEdit):
    """A domain or an address belongs to a record already."""

    def __init__(self, value: str, record: Record) -> None:
        super().__init__(f"{value} belongs to {record}.")
        self.record = record


def create_record(kind: RecordType, draft: Draft, *, by: Member) -> Record:
    """Raises CannotEdit, and Taken with the record that has one of its domains or addresses already. What
    somebody deleted once may be created again by hand."""
    if draft.company and draft.company.workspace_id != by.workspace_id:
        raise CannotEdit("There is no such company.")
    values = read_values(kind, draft.values)
    plain = {one.name: one.read(draft.plain.get(one.name, "")) for one in PLAIN[kind.name]}
    name = tidied(draft.name)[:MAX_NAME].rstrip() or _named_by(kind, values)
    if not name:
        raise CannotEdit("A record needs a name.")
    with changing(by.workspace_id, by) as touched:
        if draft.company:
            read_again(draft.company)
        record = kind.model(
            workspace_id=by.workspace_id,
            name=name,
            name_key=name_key(name),
            named_by_hand=bool(tidied(draft.name)),
            **plain,
        )
        if isinstance(record, Company):
            _store_company(record, values)
        else:
            _store_person(record, values, draft.company, touched)
        Tombstone.objects.filter(workspace_id=by.workspace_id, value__in=values).delete()
        touched.add(kind, [record.pk])
    return record


def read_values(kind: RecordType, texts: Sequence[str]) -> list[str]:
    """Domains or addresses in the one spelling we store, each once."""
    if len(texts) > MOST_VALUES:
        raise CannotEdit(f"One record can be created with {MOST_VALUES} of them at most.")
    return list(dict.fromkeys(map(site_of if kind is COMPANY else _address, texts)))


def owners(kind: RecordType, values: Sequence[str], *, workspace_id: int) -> dict[str, Record]:
    """The records that have these domains or addresses already."""
    if kind is COMPANY:
        domains = CompanyDomain.objects.filter(workspace_id=workspace_id, domain__in=values)
        return {one.domain: one.company for one in domains.select_related("company").order_by("domain")}
    addresses = Address.objects.filter(workspace_id=workspace_id, email__in=values, person__isnull=False)
    found = addresses.select_related("person").order_by("email")
    return {one.email: one.person for one in found if one.person}


def namesakes(kind: RecordType, name: str, *, member: Member) -> list[Record]:
    """Records of the same name, but for case and accents."""
    key = name_key(tidied(name))
    found = kind.model.objects.visible_to(member).filter(name_key=key).order_by("pk")
    return list(found[:MOST_NAMESAKES]) if key else []


def _address(text: str) -> str:
    normal = normalise(text)
    if normal is None:
        raise CannotEdit(f"“{text}” is not an email address.")
    return normal


def _named_by(kind: RecordType, values: list[str]) -> str:
    if not values:
        return ""
    return company_name(values[0]) if kind is COMPANY else person_name("", values[0])


def _store_company(company: Company, domains: list[str]) -> None:
    for domain in domains:
        refuse_domain(company.workspace_id, domain)
    _refuse_taken(COMPANY, domains, company.workspace_id)
    company.save()
    CompanyDomain.objects.bulk_create(
        CompanyDomain(workspace_id=company.workspace_id, company=company, domain=domain) for domain in domains
    )


def _store_person(person: Person, emails: list[str], company: Company | None, touched: Touched) -> None:
    rows = [address_row(person.workspace_id, email) for email in emails]
    for row in rows:
        refuse_person_address(row)
        if row.person:
            raise Taken(row.email, row.person)
    person.company = company or _employer(person.workspace_id, emails)
    person.save()
    Address.objects.filter(pk__in=[row.pk for row in rows]).update(person=person)
    touched.companies.add(person.company_id)


def _employer(workspace_id: int, emails: list[str]) -> Company | None:
    domains = [registrable_domain(domain_of(email)) for email in emails]
    known = owners(COMPANY, domains, workspace_id=workspace_id)
    return next((known[domain] for domain in domains if domain in known), None)  # type: ignore[return-value]


def _refuse_taken(kind: RecordType, values: list[str], workspace_id: int) -> None:
    for value, record in owners(kind, values, workspace_id=workspace_id).items():
        raise Taken(value, record)
