"""How many people a company has, stored so that a table can be sorted by it."""

from collections.abc import Iterable

from crm.statements import execute

COUNT_PEOPLE = """
    UPDATE crm_company c SET people_count = n.people
    FROM (SELECT u.id, count(p.id) AS people FROM unnest(%(ids)s::bigint[]) AS u(id)
          LEFT JOIN crm_person p ON p.company_id = u.id GROUP BY u.id) n
    WHERE c.id = n.id AND c.people_count <> n.people
"""


def count_people(company_ids: Iterable[int]) -> None:
    if ids := sorted(company_ids):
        execute(COUNT_PEOPLE, ids=ids)
