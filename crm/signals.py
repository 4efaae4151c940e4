"""What other apps may act on, inside the same transaction.

`records_changed` carries workspace_id, company_ids, person_ids: records whose addresses, domains or
company have changed, that are new, or that are gone. `member_changed` carries workspace_id and
member_id: somebody was deactivated or came back. `addresses_claimed` carries workspace_id and
address_ids: addresses that turned out to be a member's. `record_merged` carries kind_name, record_id
and into_id, while both records are still there.

`records_rewritten` carries the same ids as `records_changed`, of records that only look different: a name, a
plain attribute. Nothing that is worked out depends on it.

`records_deleted` carries workspace_id, kind_name and record_ids, while the records are still there: a
receiver answers with a name of its own and what it wants back if that is undone, as JSON.
`records_restored` carries the same and `kept`, the answers by those names.
"""

from django.dispatch import Signal

records_changed = Signal()
records_rewritten = Signal()
member_changed = Signal()
addresses_claimed = Signal()
record_merged = Signal()
records_deleted = Signal()
records_restored = Signal()
