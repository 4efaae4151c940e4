"""Find or create the person and company behind addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm.addresses import company_name
from crm.counting import count_people
from crm.models import Company, CompanyDomain, Person
from crm.naming import MAX_NAME, name_key
from crm.statements import arrays, execute, fetch


@dataclass(frozen=True, slots=True)
class Created:
    company_ids: list[int]
    person_ids: list[int]


# Never again for an address or domain whose record somebody deleted.
WITHOUT_COMPANY = """
    SELECT d FROM unnest(%(domains)s::text[]) AS d
    WHERE NOT EXISTS (SELECT FROM crm_companydomain c
                      WHERE c.workspace_id = %(workspace)s AND c.domain = d)
      AND NOT EXISTS (SELECT FROM crm_tombstone t
                      WHERE t.workspace_id = %(workspace)s AND t.value = d)
    ORDER BY d
"""

WITHOUT_PERSON = """
    SELECT a.id, a.display_name, c.company_id FROM crm_address a
    LEFT JOIN crm_companydomain c ON c.workspace_id = a.workspace_id AND c.domain = a.domain
    WHERE a.id = ANY(%(ids)s) AND a.person_id IS NULL AND a.member_id IS NULL
      AND NOT EXISTS (SELECT FROM crm_tombstone t
                      WHERE t.workspace_id = a.workspace_id AND t.value = a.email)
    ORDER BY a.id
"""

ATTACH = """
    UPDATE crm_address a SET person_id = u.person
    FROM unnest(%(addresses)s::bigint[], %(people)s::bigint[]) AS u(address, person)
    WHERE a.id = u.address
"""


def create_records(workspace_id: int, *, domains: Iterable[str], address_ids: Iterable[int]) -> Created:
    """A company for each domain and a person for each address that has none yet. Call inside a
    transaction that holds the workspace's lock."""
    companies = _create_companies(workspace_id, sorted(set(domains)))
    people = _create_people(workspace_id, sorted(set(address_ids)))
    return Created(companies, people)


def _create_companies(workspace_id: int, domains: Sequence[str]) -> list[int]:
    if not domains:
        return []
    wanted = [row[0] for row in fetch(WITHOUT_COMPANY, workspace=workspace_id, domains=domains)]
    companies = Company.objects.bulk_create(_company(workspace_id, company_name(domain)) for domain in wanted)
    CompanyDomain.objects.bulk_create(
        CompanyDomain(workspace_id=workspace_id, company=company, domain=domain)
        for company, domain in zip(companies, wanted, strict=True)
    )
    return [company.pk for company in companies]


def _create_people(workspace_id: int, address_ids: Sequence[int]) -> list[int]:
    wanted = fetch(WITHOUT_PERSON, ids=address_ids) if address_ids else []
    if not wanted:
        return []
    people = Person.objects.bulk_create(
        Person(
            workspace_id=workspace_id,
            company_id=company_id,
            name=name[:MAX_NAME],
            name_key=name_key(name),
        )
        for _, name, company_id in wanted
    )
    pairs = ((row[0], person.pk) for row, person in zip(wanted, people, strict=True))
    execute(ATTACH, **arrays(pairs, "addresses", "people"))
    count_people({company_id for _, _, company_id in wanted} - {None})
    return [person.pk for person in people]


def _company(workspace_id: int, name: str) -> Company:
    return Company(workspace_id=workspace_id, name=name[:MAX_NAME], name_key=name_key(name))
