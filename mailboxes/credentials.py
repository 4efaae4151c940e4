"""Secrets encrypted at rest: `MultiFernet` over CREDENTIAL_KEYS, newest key first."""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from mailboxes.providers.base import AuthExpired


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(secrets: dict[str, str]) -> bytes:
    return _box(tuple(settings.CREDENTIAL_KEYS)).encrypt(json.dumps(secrets).encode())


def decrypt(token: bytes | memoryview) -> dict[str, str]:
    """Raises AuthExpired when no key fits: the member has to connect again."""
    try:
        return json.loads(_box(tuple(settings.CREDENTIAL_KEYS)).decrypt(bytes(token)))
    except InvalidToken:
        raise AuthExpired("The stored password can no longer be read. Reconnect the account.") from None
