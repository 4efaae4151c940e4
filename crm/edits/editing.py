"""What people do to records by hand: every change tells who it touches, so that derived answers
follow in the same transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied

from crm.addresses import (
    domain_of,
    host_in,
    is_freemail,
    is_public_suffix,
    kind,
    normalise,
    registrable_domain,
    without_tag,
)
from crm.edits.changing import OPERATOR, CannotEdit, Editor, Record, Touched, changing, kind_of, read_again
from crm.edits.deleting import delete_records
from crm.edits.merging import merge
from crm.models import Address, AddressKind, Company, CompanyDomain, InternalDomain, Person
from crm.naming import MAX_NAME, name_key
from crm.plain import PlainAttribute, tidied

__all__ = ["OPERATOR", "CannotEdit", "Editor", "Record", "merge"]


def rename(record: Record, name: str, *, by: Editor) -> None:
    name = tidied(name)[:MAX_NAME].rstrip()
    if not name:
        raise CannotEdit("A record needs a name.")
    with _changing(record, by) as touched:
        record.name, record.name_key, record.named_by_hand = name, name_key(name), True
        record.save(update_fields=["name", "name_key", "named_by_hand"])
        touched.rewrite(kind_of(record), [record.pk])


def write(record: Record, attribute: PlainAttribute, text: str, *, by: Editor) -> None:
    """Set a plain attribute; nothing but blanks empties it."""
    value = attribute.read(text)
    with _changing(record, by) as touched:
        setattr(record, attribute.name, value)
        record.save(update_fields=[attribute.name])
        touched.rewrite(kind_of(record), [record.pk])


def add_address(person: Person, email: str, *, by: Editor) -> Address:
    """Give somebody another address, with everything that was ever said to it."""
    normal = normalise(email)
    if normal is None:
        raise CannotEdit(f"“{email}” is not an email address.")
    with _changing(person, by) as touched:
        address = address_row(person.workspace_id, normal)
        refuse_person_address(address)
        if address.person_id not in {None, person.pk}:
            raise CannotEdit(f"{normal} belongs to {address.person}. Merge the two people instead.")
        address.person = person
        address.save(update_fields=["person"])
        touched.companies |= {person.company_id}
        touched.people |= {person.pk}
    return address


def remove_address(person: Person, address: Address, *, by: Editor) -> None:
    with _changing(person, by) as touched:
        changed = Address.objects.filter(pk=address.pk, person=person).update(person=None)
        if changed:
            touched.companies |= {person.company_id}
            touched.people |= {person.pk}


def add_domain(company: Company, text: str, *, by: Editor) -> CompanyDomain:
    domain = site_of(text)
    refuse_domain(company.workspace_id, domain)
    with _changing(company, by) as touched:
        row, _ = CompanyDomain.objects.get_or_create(
            workspace_id=company.workspace_id, domain=domain, defaults={"company": company}
        )
        if row.company_id != company.pk:
            raise CannotEdit(f"{domain} belongs to {row.company}. Merge the two companies instead.")
        touched.companies |= {company.pk}
    return row


def remove_domain(company: Company, domain: str, *, by: Editor) -> None:
    with _changing(company, by) as touched:
        CompanyDomain.objects.filter(company=company, domain=domain).delete()
        touched.companies |= {company.pk}


def move_person(person: Person, company: Company | None, *, by: Editor) -> None:
    """Somebody works elsewhere now: the history goes along, and the old company keeps its domain's."""
    if company and company.workspace_id != person.workspace_id:
        raise PermissionDenied
    with _changing(person, by) as touched:
        if company:
            read_again(company)
        touched.companies |= {person.company_id, company.pk if company else None}
        touched.rewrite(kind_of(person), [person.pk])
        person.company = company
        person.save(update_fields=["company"])


def delete_record(record: Record, *, by: Editor) -> None:
    """Gone, and never made again by itself; what was said stays with the mailboxes it is in."""
    delete_records(kind_of(record), [record.pk], workspace_id=record.workspace_id, by=by)


@contextmanager
def _changing(record: Record, by: Editor) -> Iterator[Touched]:
    with changing(record.workspace_id, by) as touched:
        read_again(record)
        yield touched


def address_row(workspace_id: int, email: str) -> Address:
    """The row of a normalised address, made if need be. Call with the workspace's lock."""
    domain = registrable_domain(domain_of(email))
    is_tagged = Address.objects.filter(
        workspace_id=workspace_id, email=without_tag(email), member__isnull=False
    )
    is_internal = (
        is_tagged.exists() or InternalDomain.objects.filter(workspace_id=workspace_id, domain=domain).exists()
    )
    address, _ = Address.objects.select_related("person").get_or_create(
        workspace_id=workspace_id,
        email=email,
        defaults={
            "domain": domain,
            "kind": kind(email),
            "is_freemail": is_freemail(domain),
            "is_internal": is_internal,
        },
    )
    return address


def refuse_person_address(address: Address) -> None:
    if address.is_internal or address.member_id:
        raise CannotEdit(f"{address.email} belongs to a colleague.")
    refuse_automated(address.email)


def refuse_automated(email: str) -> None:
    if kind(email) == AddressKind.AUTOMATED:
        raise CannotEdit(f"{email} is a program’s address: nobody is behind it.")


def site_of(text: str) -> str:
    """The registrable domain in what people paste. Raises CannotEdit."""
    host = host_in(text)
    if host is None:
        raise CannotEdit(f"“{text}” is not a domain.")
    return registrable_domain(host)


def refuse_domain(workspace_id: int, domain: str) -> None:
    refuse_shared_domain(domain)
    if InternalDomain.objects.filter(workspace_id=workspace_id, domain=domain).exists():
        raise CannotEdit(f"{domain} is your own domain.")


def refuse_shared_domain(domain: str) -> None:
    if is_freemail(domain):
        raise CannotEdit(f"Anybody can have an address at {domain}: it belongs to no company.")
    if is_public_suffix(domain):
        raise CannotEdit(f"{domain} is not one company's domain.")
