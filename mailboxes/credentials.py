"""What lets us into a mailbox, encrypted at rest; and access tokens renewed once, however many workers find
them old."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, transaction

from crm.sealing import NoKeyFits, seal, unseal
from crm.statements import execute
from mailboxes.accounts.failing import ask_to_reconnect
from mailboxes.models import Mailbox, MailboxState
from mailboxes.providers.base import AuthExpired, TryLater
from mailboxes.providers.oauth import Grant

logger = logging.getLogger(__name__)

# An access token is taken for old this long before it is.
MARGIN = timedelta(minutes=2)
# Renewing is the one call to a provider that holds a lock; nobody waits for it longer than this.
LOCK_WAIT = "20s"
_FAILED_SECONDS = 15


def encrypt(secrets: dict[str, str]) -> bytes:
    return seal(json.dumps(secrets))


class KeyMissing(TryLater):
    """No key fits. That may be one worker's mistake, for which nobody need connect again."""


def decrypt(token: bytes | memoryview) -> dict[str, str]:
    """Raises KeyMissing."""
    try:
        return json.loads(unseal(token))
    except NoKeyFits:
        logger.error("What lets us into a mailbox cannot be read: its key is missing from CREDENTIAL_KEYS.")
        raise KeyMissing(
            "This server lacks the key to what lets it into the account. Reading goes on when whoever runs "
            "it has put the key back, or when you reconnect the account."
        ) from None


def granted(grant: Grant, *, refresh: str = "") -> dict[str, str]:
    """A grant as secrets to keep. Google gives the refresh token once, Microsoft a new one each time."""
    return {
        "access": grant.access,
        "expires_at": grant.expires_at.isoformat(),
        "refresh": grant.refresh or refresh,
    }


class AccountTokens:
    """Access tokens of one mailbox, as `providers.webapi.Tokens`."""

    def __init__(self, mailbox_id: int, renew: Callable[[str], Grant]) -> None:
        """`renew` takes the refresh token to the provider. Raises AuthExpired when it is over."""
        self._mailbox_id, self._renew = mailbox_id, renew
        self._known: dict[str, str] = {}

    def current(self) -> str:
        if not _is_fresh(self._known):
            self._known = self._read(refused="")
        return self._known["access"]

    def renewed(self, refused: str) -> str:
        self._known = self._read(refused=refused)
        return self._known["access"]

    def _read(self, *, refused: str) -> dict[str, str]:
        secrets = decrypt(self._row().credential)
        if not _is_fresh(secrets, refused):
            secrets = self._renewed(refused)
        return secrets

    def _renewed(self, refused: str) -> dict[str, str]:
        """Whoever comes first renews; the others wait for the row, and find it done."""
        try:
            with transaction.atomic():
                execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
                mailbox = self._row(locked=True)
                secrets = decrypt(mailbox.credential)
                if _is_fresh(secrets, refused):
                    return secrets
                try:
                    return self._ask(mailbox, secrets)
                except AuthExpired as error:
                    # Said before the row is let go, so that those who wait do not ask again.
                    ask_to_reconnect(mailbox.pk)
                    over = error
        except OperationalError as error:
            raise TryLater("The sign-in is being renewed. It will be tried again.") from error
        raise over

    def _ask(self, mailbox: Mailbox, secrets: dict[str, str]) -> dict[str, str]:
        failed = f"token-renewal-failed:{mailbox.pk}"
        if cache.get(failed):
            raise TryLater("The sign-in could not be renewed a moment ago.", retry_after=_FAILED_SECONDS)
        try:
            grant = self._renew(secrets.get("refresh", ""))
        except TryLater:
            # Those that wait for the row need not all hear the same.
            cache.set(failed, 1, _FAILED_SECONDS)
            raise
        renewed = granted(grant, refresh=secrets.get("refresh", ""))
        # With whatever else belongs to the account.
        mailbox.credential = encrypt(secrets | renewed)
        mailbox.save(update_fields=["credential"])
        return secrets | renewed

    def _row(self, *, locked: bool = False) -> Mailbox:
        found: Any = Mailbox.objects.filter(pk=self._mailbox_id)
        # Rows that point to the mailbox can still be written meanwhile.
        found = found.select_for_update(no_key=True) if locked else found
        mailbox: Mailbox | None = found.only("pk", "state", "credential").first()
        if mailbox is None or mailbox.state != MailboxState.ACTIVE:
            raise AuthExpired("The account no longer lets us in. Reconnect it.")
        return mailbox


def _is_fresh(secrets: dict[str, str], refused: str = "") -> bool:
    access = secrets.get("access", "")
    if not access or access == refused:
        return False
    return datetime.fromisoformat(secrets["expires_at"]) - MARGIN > datetime.now(UTC)
