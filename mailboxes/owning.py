"""A mailbox turns out to have another address: what was stored from there is its owner's own."""

from datetime import datetime

from django.db.models import Q

from crm.addresses import domain_of, registrable_domain
from crm.locking import lock_workspace
from crm.models import Address
from crm.statements import fetch
from mailboxes.ingesting.addresses import mark_contacted
from mailboxes.ingesting.events import elect
from mailboxes.matching import create_from_contact
from mailboxes.models import Mailbox
from mailboxes.screening import is_own
from mailboxes.signals import communication_changed

# Returns whom the owner has written to.
SENT = """
    WITH sent AS (
        UPDATE mailboxes_messagecopy c SET is_sent = true
        FROM mailboxes_participant p
        WHERE c.mailbox_id = %(mailbox)s AND NOT c.is_sent AND p.message_id = c.message_id
          AND p.role = 1 AND p.address_id = ANY(%(own)s)
        RETURNING c.message_id, c.category
    )
    SELECT DISTINCT p.address_id FROM sent JOIN mailboxes_participant p ON p.message_id = sent.message_id
    WHERE sent.category = 'contact' AND p.role IN (3, 4)
"""

# Returns meetings and whom the owner has invited.
ORGANISED = """
    UPDATE mailboxes_eventcopy c SET is_organiser = true
    WHERE c.mailbox_id = %(mailbox)s AND NOT c.is_organiser AND c.organiser_id = ANY(%(own)s)
    RETURNING c.event_id, ARRAY(SELECT (one->>'address')::bigint FROM jsonb_array_elements(c.attendees) one)
"""


def follow_own_addresses(mailbox: Mailbox, *, now: datetime) -> None:
    """Call inside a transaction, after the mailbox has claimed an address."""
    lock_workspace(mailbox.workspace_id)
    own = _own_address_ids(mailbox)
    contacted = {row[0] for row in fetch(SENT, mailbox=mailbox.pk, own=own)}
    organised = fetch(ORGANISED, mailbox=mailbox.pk, own=own)
    contacted.update(address for _, invited in organised for address in invited)
    events = sorted({event for event, _ in organised})
    elect(events)
    mark_contacted(contacted)
    created = create_from_contact(mailbox.workspace, sorted(contacted))
    communication_changed.send(
        sender=Mailbox,
        workspace_id=mailbox.workspace_id,
        event_ids=events,
        company_ids=created.company_ids,
        person_ids=created.person_ids,
        now=now,
    )


def _own_address_ids(mailbox: Mailbox) -> list[int]:
    """Of its addresses and of every tagged spelling that has been seen."""
    own = mailbox.own_emails()
    domains = {registrable_domain(domain_of(email)) for email in own}
    likely = Address.objects.filter(workspace_id=mailbox.workspace_id).filter(
        Q(email__in=own) | Q(domain__in=domains, email__contains="+")
    )
    return [pk for pk, email in likely.values_list("pk", "email") if is_own(email, own)]
