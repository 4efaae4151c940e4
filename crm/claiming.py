"""An address turns out to be a member's: his sign-in, his mailbox, or an alias of it."""

from collections.abc import Iterable

from django.db import transaction

from crm.addresses import domain_of, is_freemail, kind, registrable_domain
from crm.locking import lock_workspace
from crm.models import Address, Member
from crm.signals import addresses_claimed, records_changed
from crm.statements import arrays, fetch

# Tagged spellings of the address (ada+shop@) are the member's too. Whoever claimed first keeps it.
CLAIM = """
    WITH claimed AS (
        SELECT * FROM unnest(%(emails)s::text[], %(domains)s::text[], %(kinds)s::text[],
            %(freemails)s::bool[]) AS u(email, domain, kind, is_freemail)
    ),
    known AS (
        SELECT a.id, a.person_id FROM crm_address a JOIN claimed u
          ON a.email = u.email
          OR (a.domain = u.domain AND starts_with(a.email, split_part(u.email, '@', 1) || '+')
              AND split_part(a.email, '@', 2) = split_part(u.email, '@', 2))
        WHERE a.workspace_id = %(workspace)s AND a.member_id IS NULL
        FOR UPDATE OF a
    ),
    taken AS (
        UPDATE crm_address a SET member_id = %(member)s, person_id = NULL, is_internal = true
        FROM known WHERE known.id = a.id
        RETURNING a.id
    ),
    fresh AS (
        INSERT INTO crm_address (workspace_id, email, domain, kind, is_freemail, is_internal,
            is_contacted, member_id, display_name, display_name_rank)
        SELECT %(workspace)s, email, domain, kind, is_freemail, true, false, %(member)s, '', 0
        FROM claimed
        ON CONFLICT (workspace_id, email) DO NOTHING
    )
    SELECT taken.id, known.person_id FROM taken JOIN known USING (id)
"""


def claim(member: Member, emails: Iterable[str]) -> list[Address]:
    """Make these normalised addresses the member's, with everything that follows from it: mail
    among colleagues goes, somebody's record loses the address. Safe to call twice."""
    wanted = sorted(set(emails))
    with transaction.atomic():
        lock_workspace(member.workspace_id)
        taken = fetch(
            CLAIM,
            workspace=member.workspace_id,
            member=member.pk,
            **arrays(map(_row, wanted), "emails", "domains", "kinds", "freemails"),
        )
        # Nothing knows an address yet that has just been written down.
        if taken:
            _tell(member.workspace_id, taken)
    return list(Address.objects.filter(workspace_id=member.workspace_id, email__in=wanted))


def _tell(workspace_id: int, taken: list[tuple[int, int | None]]) -> None:
    people = {person for _, person in taken if person}
    companies = fetch(
        """
        SELECT company_id FROM crm_person WHERE id = ANY(%(people)s) AND company_id IS NOT NULL
        UNION SELECT d.company_id FROM crm_address a JOIN crm_companydomain d
          ON d.workspace_id = a.workspace_id AND d.domain = a.domain WHERE a.id = ANY(%(addresses)s)
        """,
        people=list(people),
        addresses=[address for address, _ in taken],
    )
    addresses_claimed.send(sender=Member, workspace_id=workspace_id, address_ids=[row[0] for row in taken])
    records_changed.send(
        sender=Member,
        workspace_id=workspace_id,
        person_ids=people,
        company_ids=[row[0] for row in companies],
    )


def _row(email: str) -> tuple[str, str, str, bool]:
    domain = registrable_domain(domain_of(email))
    return email, domain, kind(email), is_freemail(domain)
