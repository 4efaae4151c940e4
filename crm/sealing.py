"""Text encrypted at rest, with a Fernet key that is kept apart from the database: the first of
CREDENTIAL_KEYS seals, all of them open."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NoKeyFits(Exception):
    """The key this was sealed with is no longer among CREDENTIAL_KEYS."""


def seal(text: str) -> bytes:
    return _box(tuple(settings.CREDENTIAL_KEYS)).encrypt(text.encode())


def unseal(token: bytes | memoryview | str) -> str:
    """Raises NoKeyFits."""
    try:
        return _box(tuple(settings.CREDENTIAL_KEYS)).decrypt(_bytes(token)).decode()
    except InvalidToken as error:
        raise NoKeyFits from error


def is_sealed(text: str) -> bool:
    """A Fernet token begins with its version, 0x80, and a time of eight bytes whose first are zero; in base
    64."""
    return text.startswith("gAAAAA")


def resealed(token: bytes | memoryview | str) -> bytes:
    """The same text under the newest key. Raises NoKeyFits."""
    try:
        return _box(tuple(settings.CREDENTIAL_KEYS)).rotate(_bytes(token))
    except InvalidToken as error:
        raise NoKeyFits from error


def _bytes(token: bytes | memoryview | str) -> bytes:
    return token.encode() if isinstance(token, str) else bytes(token)


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
