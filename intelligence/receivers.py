from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from crm.live import announce
from crm.signals import member_changed, records_changed
from crm.statements import fetch
from intelligence.recording import Touched, record_events, record_messages, relink
from intelligence.recordkinds import RECORD_KINDS
from intelligence.refreshing import announce_touched, refresh, refresh_insights
from mailboxes.signals import communication_changed


@receiver(communication_changed)
def follow_communication(
    *,
    workspace_id: int,
    now: datetime,
    message_ids: Iterable[int] = (),
    event_ids: Iterable[int] = (),
    company_ids: Iterable[int] = (),
    person_ids: Iterable[int] = (),
    **_: Any,
) -> None:
    created = {"company": set(company_ids), "person": set(person_ids)}
    touched = join(
        record_messages(workspace_id, list(message_ids), now=now),
        record_events(workspace_id, list(event_ids), now=now),
        relink(created),
    )
    refresh(touched, now=now, records=created)
    announce_touched(workspace_id, touched, created)


@receiver(records_changed)
def follow_records(
    *,
    workspace_id: int,
    company_ids: Iterable[int] = (),
    person_ids: Iterable[int] = (),
    **_: Any,
) -> None:
    changed = {"company": set(company_ids), "person": set(person_ids)}
    touched = relink(changed)
    refresh(touched, now=timezone.now(), records=changed)
    announce_touched(workspace_id, touched, changed)


@receiver(member_changed)
def follow_member(*, workspace_id: int, member_id: int, **_: Any) -> None:
    """Only active members can be somebody's strongest connection."""
    for kind in RECORD_KINDS:
        known = fetch(
            kind.sql("SELECT {record} FROM {connection} WHERE member_id = %(member)s"),
            member=member_id,
        )
        refresh_insights(kind, [row[0] for row in known], now=timezone.now())
        announce(workspace_id, records=((kind.name, row[0]) for row in known))


def join(*parts: Touched) -> Touched:
    return {kind.name: set().union(*(part.get(kind.name, set()) for part in parts)) for kind in RECORD_KINDS}
