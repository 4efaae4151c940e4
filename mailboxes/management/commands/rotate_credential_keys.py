"""rotate_credential_keys: encrypt every stored credential again, with the first of CREDENTIAL_KEYS."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from crm import second_factors
from crm.sealing import NoKeyFits, resealed
from mailboxes.models import Mailbox


class Command(BaseCommand):
    help = (
        "Put a new key in front of CREDENTIAL_KEYS, restart, run this, then take the old key out. "
        "Safe to run twice, and while mailboxes are being read."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        mailboxes = Mailbox.objects.exclude(credential=b"").values_list("pk", flat=True)
        factors = Authenticator.objects.values_list("pk", flat=True)
        done = [*map(self._is_rotated, mailboxes), *map(self._is_factor_rotated, factors)]
        self.stdout.write(f"{sum(done)} rotated.")
        if not all(done):
            raise CommandError("Some could not be read. Is the key they were kept with in CREDENTIAL_KEYS?")

    def _is_rotated(self, pk: int) -> bool:
        with transaction.atomic():
            # A worker that renews its tokens holds this row.
            mailbox = Mailbox.objects.select_for_update(no_key=True).get(pk=pk)
            try:
                credential = resealed(mailbox.credential)
            except NoKeyFits:
                self.stderr.write(f"{mailbox}: no key fits. Without it, its owner has to reconnect it.")
                return False
            Mailbox.objects.filter(pk=pk).update(credential=credential)
            return True

    def _is_factor_rotated(self, pk: int) -> bool:
        with transaction.atomic():
            authenticator = Authenticator.objects.select_for_update().get(pk=pk)
            try:
                second_factors.rotate(authenticator)
            except NoKeyFits:
                self.stderr.write(
                    f"{authenticator.user}: no key fits their second factor. Without it, delete it in "
                    "/admin/, and they can set up another."
                )
                return False
            return True
