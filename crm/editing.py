"""What people do to records by hand: every change tells who it touches, so that derived answers
follow in the same transaction."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from crm.addresses import (
    domain_of,
    is_freemail,
    is_public_suffix,
    kind,
    normalise,
    registrable_domain,
    without_tag,
)
from crm.counting import count_people
from crm.locking import lock_workspace
from crm.models import Address, Company, CompanyDomain, InternalDomain, Member, Person, Tombstone
from crm.naming import name_key
from crm.signals import record_merged, records_changed

Record = Company | Person


class Operator:
    """Whoever runs the installation, in Django admin: of no workspace and of all."""


OPERATOR = Operator()
Editor = Member | Operator


class CannotEdit(ValueError):
    """The change makes no sense; the message says why, in the user's words."""


def rename(record: Record, name: str, *, by: Editor) -> None:
    name = " ".join(name.split())[:200]
    if not name:
        raise CannotEdit("A record needs a name.")
    with _changing(record, by):
        record.name, record.name_key, record.named_by_hand = name, name_key(name)[:200], True
        record.save(update_fields=["name", "name_key", "named_by_hand"])


def add_address(person: Person, email: str, *, by: Editor) -> Address:
    """Give somebody another address, with everything that was ever said to it."""
    normal = normalise(email)
    if normal is None:
        raise CannotEdit(f"“{email}” is not an e-mail address.")
    with _changing(person, by) as touched:
        address = _address_row(person.workspace_id, normal)
        if address.is_internal or address.member_id:
            raise CannotEdit(f"{normal} belongs to a colleague.")
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
    domain = registrable_domain(_host(text))
    _refuse_domain(company.workspace_id, domain)
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
        touched.companies |= {person.company_id, company.pk if company else None}
        person.company = company
        person.save(update_fields=["company"])


def merge(record: Record, into: Record, *, by: Editor) -> None:
    """Everything of one record becomes the other's; the one is gone."""
    if type(record) is not type(into) or record.workspace_id != into.workspace_id:
        raise PermissionDenied
    if record.pk == into.pk:
        raise CannotEdit("A record cannot be merged with itself.")
    with _changing(record, by) as touched:
        if isinstance(record, Person) and isinstance(into, Person):
            touched.people |= {into.pk}
            touched.companies |= {record.company_id, into.company_id}
            Address.objects.filter(person=record).update(person=into)
            if into.company_id is None and record.company_id:
                into.company_id = record.company_id
                into.save(update_fields=["company"])
        elif isinstance(record, Company) and isinstance(into, Company):
            touched.companies |= {into.pk}
            CompanyDomain.objects.filter(company=record).update(company=into)
            Person.objects.filter(company=record).update(company=into)
        record_merged.send(
            sender=type(record),
            workspace_id=record.workspace_id,
            kind_name=type(record).__name__.lower(),
            record_id=record.pk,
            into_id=into.pk,
        )
        record.delete()


def delete_record(record: Record, *, by: Editor) -> None:
    """Gone, and never made again by itself; what was said stays with the mailboxes it is in."""
    with _changing(record, by) as touched:
        if isinstance(record, Person):
            values = list(Address.objects.filter(person=record).values_list("email", flat=True))
            touched.companies |= {record.company_id}
        else:
            values = list(record.domains.values_list("domain", flat=True))
        Tombstone.objects.bulk_create(
            [Tombstone(workspace_id=record.workspace_id, value=value) for value in values],
            ignore_conflicts=True,
        )
        record.delete()


class _Touched:
    def __init__(self) -> None:
        self.people: set[Any] = set()
        self.companies: set[Any] = set()


@contextmanager
def _changing(record: Record, by: Editor) -> Iterator[_Touched]:
    """One change: permission, lock, and word to everybody who derives something from it."""
    if isinstance(by, Member) and not (by.is_active and by.workspace_id == record.workspace_id):
        raise PermissionDenied
    touched = _Touched()
    with transaction.atomic():
        lock_workspace(record.workspace_id)
        yield touched
        _tell(record.workspace_id, touched.people - {None}, touched.companies - {None})


def _tell(workspace_id: int, people: Iterable[int], companies: Iterable[int]) -> None:
    count_people(companies)
    if people or companies:
        records_changed.send(
            sender=Company, workspace_id=workspace_id, person_ids=people, company_ids=companies
        )


def _address_row(workspace_id: int, email: str) -> Address:
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


def _host(text: str) -> str:
    """A domain as people paste it: with https://, www. or a path."""
    host = text.strip().lower().removeprefix("https://").removeprefix("http://").split("/")[0]
    normal = normalise(f"x@{host.removeprefix('www.')}")
    if normal is None:
        raise CannotEdit(f"“{text}” is not a domain.")
    return domain_of(normal)


def _refuse_domain(workspace_id: int, domain: str) -> None:
    if is_freemail(domain):
        raise CannotEdit(f"Anybody can have an address at {domain}: it belongs to no company.")
    if is_public_suffix(domain):
        raise CannotEdit(f"{domain} is not one company's domain.")
    if InternalDomain.objects.filter(workspace_id=workspace_id, domain=domain).exists():
        raise CannotEdit(f"{domain} is your own domain.")
