"""Screen what is stored again, when somebody turned out to be a colleague."""

from datetime import datetime

from crm.locking import lock_workspace
from crm.statements import execute, fetch
from mailboxes.models import Mailbox, SkipReason, StreamKind
from mailboxes.removing import forget_events, remove_mail
from mailboxes.signals import communication_changed

MENTIONED_IN_MAIL = """
    SELECT DISTINCT message_id FROM mailboxes_participant WHERE address_id = ANY(%(addresses)s)
"""
MENTIONED_IN_EVENTS = """
    SELECT DISTINCT event_id FROM mailboxes_attendee WHERE address_id = ANY(%(addresses)s)
"""

NOBODY_OUTSIDE = """
    NOT EXISTS (SELECT FROM {table} p JOIN crm_address a ON a.id = p.address_id
                WHERE p.{column} = c.{column} AND NOT a.is_internal AND a.kind <> 'automated')
"""

COPIES_AMONG_COLLEAGUES = f"""
    SELECT c.mailbox_id, array_agg(c.provider_id) FROM mailboxes_messagecopy c
    WHERE c.message_id = ANY(%(ids)s)
      AND {NOBODY_OUTSIDE.format(table="mailboxes_participant", column="message_id")}
    GROUP BY c.mailbox_id
"""

DELETE_EVENT_COPIES_AMONG_COLLEAGUES = f"""
    WITH gone AS (
        DELETE FROM mailboxes_eventcopy c WHERE c.event_id = ANY(%(ids)s)
          AND {NOBODY_OUTSIDE.format(table="mailboxes_attendee", column="event_id")}
        RETURNING c.mailbox_id, c.event_id
    )
    SELECT mailbox_id, array_agg(event_id) FROM gone GROUP BY mailbox_id
"""

# The source stays known as skipped, so that the next poll does not fetch it again.
REMEMBER = """
    INSERT INTO mailboxes_skippeditem (workspace_id, stream_id, provider_id, version, reason)
    SELECT s.workspace_id, s.id, u, '', %(reason)s
    FROM mailboxes_syncstream s, unnest(%(ids)s::text[]) AS u
    WHERE s.mailbox_id = %(mailbox)s AND s.kind = %(kind)s
    ON CONFLICT (stream_id, provider_id) DO NOTHING
"""


def rescreen(workspace_id: int, address_ids: list[int], *, now: datetime) -> None:
    """Mail and events that mention these addresses lose what is now among colleagues, and the
    rest is told anew. Call inside a transaction."""
    lock_workspace(workspace_id)
    messages = [row[0] for row in fetch(MENTIONED_IN_MAIL, addresses=address_ids)]
    events = [row[0] for row in fetch(MENTIONED_IN_EVENTS, addresses=address_ids)]
    _drop_mail(messages, now)
    _drop_events(events, now)
    communication_changed.send(
        sender=Mailbox,
        workspace_id=workspace_id,
        message_ids=messages,
        event_ids=events,
        now=now,
    )


def _drop_mail(message_ids: list[int], now: datetime) -> None:
    for mailbox_id, provider_ids in fetch(COPIES_AMONG_COLLEAGUES, ids=message_ids):
        execute(
            REMEMBER,
            mailbox=mailbox_id,
            kind=StreamKind.MAIL,
            ids=provider_ids,
            reason=SkipReason.INTERNAL,
        )
        remove_mail(Mailbox.objects.get(pk=mailbox_id), provider_ids, now=now)


def _drop_events(event_ids: list[int], now: datetime) -> None:
    for mailbox_id, lost in fetch(DELETE_EVENT_COPIES_AMONG_COLLEAGUES, ids=event_ids):
        forget_events(Mailbox.objects.get(pk=mailbox_id), lost, now=now)
