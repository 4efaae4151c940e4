"""What other apps may act on, inside the same transaction.

`records_changed` carries workspace_id, company_ids, person_ids: records whose addresses, domains or
company have changed, that are new, or that are gone. `member_changed` carries workspace_id and
member_id: somebody was deactivated or came back. `addresses_claimed` carries workspace_id and
address_ids: addresses that turned out to be a member's. `record_merged` carries kind_name, record_id
and into_id, while both records are still there.
"""

from django.dispatch import Signal

records_changed = Signal()
member_changed = Signal()
addresses_claimed = Signal()
record_merged = Signal()
