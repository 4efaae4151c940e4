"""What other apps may act on, inside the same transaction.

`communication_changed` carries workspace_id, message_ids, event_ids (stored, altered or gone: the
receiver looks at what is there now), company_ids, person_ids (records just created) and now.
"""

from django.dispatch import Signal

communication_changed = Signal()
