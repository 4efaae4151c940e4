from celery import shared_task
from django.utils import timezone

from crm.statements import fetch
from intelligence import refreshing

WORKSPACES_WITH_DUE_EVENTS = """
    SELECT DISTINCT workspace_id FROM intelligence_interaction
    WHERE NOT has_started AND occurred_at <= %(now)s
"""


@shared_task(ignore_result=True)
def settle_due_events() -> None:
    """What only the clock changes: next becomes last when an event starts."""
    for (workspace_id,) in fetch(WORKSPACES_WITH_DUE_EVENTS, now=timezone.now()):
        refreshing.settle_due_events(workspace_id)
