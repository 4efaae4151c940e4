"""rotate_credential_keys: encrypt every stored credential again, with the first of CREDENTIAL_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from mailboxes.credentials import rotate
from mailboxes.models import Mailbox


class Command(BaseCommand):
    help = (
        "Put a new key in front of CREDENTIAL_KEYS, restart, run this, then take the old key out. "
        "Safe to run twice, and while mailboxes are being read."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = 0, list[Mailbox]()
        for pk in Mailbox.objects.exclude(credential=b"").values_list("pk", flat=True):
            with transaction.atomic():
                # A worker that renews its tokens holds this row.
                mailbox = Mailbox.objects.select_for_update(no_key=True).get(pk=pk)
                credential = rotate(mailbox.credential)
                if credential is None:
                    unreadable.append(mailbox)
                    continue
                Mailbox.objects.filter(pk=pk).update(credential=credential)
                rotated += 1
        self.stdout.write(f"{rotated} rotated.")
        for mailbox in unreadable:
            self.stderr.write(f"{mailbox}: no key fits, so its owner has to reconnect it.")
