"""Screen what is stored again, when somebody turned out to be a colleague, or not to be one."""

from datetime import datetime

from crm.locking import lock_workspace
from crm.statements import execute, fetch
from mailboxes.ingesting.events import elect
from mailboxes.ingesting.mail import COMPANY_DOMAIN
from mailboxes.models import Mailbox, SkipReason, StreamKind
from mailboxes.removing import forget_events, remove_mail
from mailboxes.signals import communication_changed

MENTIONED_IN_MAIL = """
    SELECT DISTINCT message_id FROM mailboxes_participant WHERE address_id = ANY(%(addresses)s)
"""
MENTIONED_IN_EVENTS = """
    SELECT DISTINCT c.event_id FROM unnest(%(addresses)s::bigint[]) AS one
    JOIN mailboxes_eventcopy c ON c.workspace_id = %(workspace)s
     AND c.attendees @> jsonb_build_array(jsonb_build_object('address', one))
"""

# Who is a colleague belongs to no company, in mail that was stored before either.
FOLLOW_DOMAINS = f"""
    UPDATE mailboxes_participant p SET domain = w.domain
    FROM (SELECT a.id, {COMPANY_DOMAIN} AS domain FROM crm_address a WHERE a.id = ANY(%(addresses)s)) w
    WHERE p.address_id = w.id AND p.domain <> w.domain
"""

COPIES_AMONG_COLLEAGUES = """
    SELECT c.mailbox_id, array_agg(c.provider_id) FROM mailboxes_messagecopy c
    WHERE c.message_id = ANY(%(ids)s)
      AND NOT EXISTS (SELECT FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id
                      WHERE p.message_id = c.message_id AND NOT a.is_internal AND a.kind <> 'automated')
    GROUP BY c.mailbox_id
"""

# Each copy by whom it names itself: another calendar may know of more people, or of fewer.
DELETE_EVENT_COPIES_AMONG_COLLEAGUES = """
    DELETE FROM mailboxes_eventcopy c WHERE c.event_id = ANY(%(ids)s)
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(c.attendees) one
                      JOIN crm_address a ON a.id = (one->>'address')::bigint
                      WHERE NOT a.is_internal AND a.kind <> 'automated')
    RETURNING c.mailbox_id, c.event_id, c.source_id
"""

# A resource of which nothing is left is not kept as text either.
FORGET_EMPTY_SOURCES = """
    WITH gone AS (
        DELETE FROM mailboxes_calendarsource s WHERE s.id = ANY(%(ids)s)
          AND NOT EXISTS (SELECT FROM mailboxes_eventcopy c WHERE c.source_id = s.id)
        RETURNING s.workspace_id, s.mailbox_id, s.provider_id, s.version
    )
    INSERT INTO mailboxes_skippeditem (workspace_id, stream_id, provider_id, version, reason)
    SELECT gone.workspace_id, t.id, gone.provider_id, gone.version, %(reason)s
    FROM gone JOIN mailboxes_syncstream t ON t.mailbox_id = gone.mailbox_id AND t.kind = 'calendar'
    ON CONFLICT (stream_id, provider_id) DO NOTHING
"""

# It stays known as skipped, so that the next poll does not fetch it again.
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
    execute(FOLLOW_DOMAINS, addresses=address_ids)
    messages = [row[0] for row in fetch(MENTIONED_IN_MAIL, addresses=address_ids)]
    events = [row[0] for row in fetch(MENTIONED_IN_EVENTS, workspace=workspace_id, addresses=address_ids)]
    _drop_mail(messages, now)
    _drop_events(events, now)
    elect(events)
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
    gone = fetch(DELETE_EVENT_COPIES_AMONG_COLLEAGUES, ids=event_ids)
    for mailbox_id in {row[0] for row in gone}:
        lost = {event for mailbox, event, _ in gone if mailbox == mailbox_id}
        forget_events(Mailbox.objects.get(pk=mailbox_id), lost, now=now)
    execute(FORGET_EMPTY_SOURCES, ids=[row[2] for row in gone], reason=SkipReason.INTERNAL)
