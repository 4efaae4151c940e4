from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from crm.signals import addresses_claimed
from mailboxes.rescreening import rescreen


@receiver(addresses_claimed)
def follow_claim(*, workspace_id: int, address_ids: list[int], **_: Any) -> None:
    rescreen(workspace_id, address_ids, now=timezone.now())
