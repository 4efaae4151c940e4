"""Which mail is a record's: that with anybody at its domains, and with addresses besides.

As SQL for `{kind: rows of (domain, address_id)}`, of which one is empty, with the parameter `record`.
Somebody of a company who writes from its domain is found with the domain.
"""

from collections.abc import Sequence

from crm.statements import fetch

# Those rows, in their order.
Reach = tuple[tuple[str, int | None], ...]

REACH = {
    "company": """
        SELECT d.domain, NULL::bigint AS address_id FROM crm_companydomain d
        WHERE d.company_id = %(record)s
        UNION ALL
        SELECT '', a.id FROM crm_person n JOIN crm_address a ON a.person_id = n.id
        WHERE n.company_id = %(record)s AND NOT EXISTS (
            SELECT FROM crm_companydomain d WHERE d.company_id = %(record)s AND d.domain = a.domain)
    """,
    "person": "SELECT '' AS domain, a.id AS address_id FROM crm_address a WHERE a.person_id = %(record)s",
}


def reach_of(kind_name: str, record_id: int) -> Reach:
    return tuple(fetch(f"{REACH[kind_name]} ORDER BY 1, 2", record=record_id))


def thread_reaches(thread_ids: Sequence[int]) -> dict[int, Reach]:
    """Of threads: which it is, and when something was last moved into it. One statement."""
    moved = "SELECT max(m.moved_at)::text FROM mailboxes_emailmessage m WHERE m.thread_id = t.id"
    rows = fetch(f"SELECT t.id, ({moved}) FROM unnest(%(ids)s::bigint[]) AS t(id)", ids=list(thread_ids))
    return {pk: ((at or "", pk),) for pk, at in rows}


# Of a participant `p`, and the rows of `reach`.
WITHIN = "(p.address_id = reach.address_id OR (p.domain = reach.domain AND p.domain <> ''))"
