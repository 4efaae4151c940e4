from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from crm.models import Member
from crm.signals import (
    addresses_claimed,
    member_changed,
    record_merged,
    records_deleted,
    records_restored,
)
from mailboxes.models import FollowUpKind
from mailboxes.policy import follow_later
from mailboxes.rescreening import rescreen
from mailboxes.sharing import regranting
from mailboxes.sharing.upkeep import end_membership, follow_merge, resume_reading


@receiver(addresses_claimed)
def follow_claim(*, workspace_id: int, address_ids: list[int], **_: Any) -> None:
    rescreen(workspace_id, address_ids, now=timezone.now())


@receiver(member_changed)
def follow_membership(*, member_id: int, **_: Any) -> None:
    member = Member.objects.get(pk=member_id)
    if member.is_active:
        resume_reading(member)
    else:
        end_membership(member)
    follow_later(member.workspace, FollowUpKind.ORGANISERS)


@receiver(record_merged)
def follow_record_merge(*, kind_name: str, record_id: int, into_id: int, **_: Any) -> None:
    follow_merge(kind_name, record_id, into_id)


@receiver(records_deleted)
def keep_grants(*, kind_name: str, record_ids: list[int], **_: Any) -> tuple[str, dict[str, Any]]:
    return regranting.keep(kind_name, record_ids)


@receiver(records_restored)
def share_again(
    *, workspace_id: int, kind_name: str, record_ids: list[int], kept: dict[str, Any], **_: Any
) -> None:
    regranting.share_again(kind_name, record_ids, kept, workspace_id=workspace_id)
