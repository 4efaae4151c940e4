"""What a record has gained since its owner's grants were made."""

from collections.abc import Sequence

from crm.models import Member
from crm.statements import fetch
from mailboxes.reach import REACH
from mailboxes.sharing.granting import Target

_UNCOVERED = """
    WITH reach AS ({reach})
    SELECT DISTINCT coalesce(nullif(reach.domain, ''), a.email)
    FROM reach LEFT JOIN crm_address a ON a.id = reach.address_id
    CROSS JOIN mailboxes_accessgrant g
    WHERE g.owner_id = %(owner)s AND g.{record}_id = %(record)s AND NOT EXISTS (
        SELECT FROM mailboxes_grantcoverage v WHERE v.grant_id = g.id
          AND ((reach.domain <> '' AND v.domain = reach.domain) OR v.address_id = reach.address_id
               OR (v.domain <> '' AND v.domain = a.domain)))
    ORDER BY 1
"""


def uncovered(target: Target, *, by: Member) -> Sequence[str]:
    """Domains and addresses of the record that at least one of the member's grants leaves out."""
    statement = _UNCOVERED.format(reach=REACH[target.name], record=target.name)
    return [row[0] for row in fetch(statement, owner=by.pk, record=target.row.pk)]
