"""What a second factor is checked against is encrypted like a mailbox's password: a dump of the database
alone makes nobody's codes."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret

from crm.sealing import NoKeyFits, is_sealed, resealed, seal, unseal

logger = logging.getLogger(__name__)

# In the data of an authenticator.
_SECRETS = ("secret", "seed")


class SecondFactors(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """A secret nobody has, where no key fits: then no code is right, until an operator takes the factor
        away. What was set up while an update was on its way may not be sealed yet."""
        if not is_sealed(encrypted_text):
            return encrypted_text
        try:
            return unseal(encrypted_text)
        except NoKeyFits:
            logger.error("A second factor cannot be read: its key is missing from CREDENTIAL_KEYS.")
            return generate_totp_secret()


def with_secrets(data: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The data of an authenticator with every secret in it changed."""
    return {name: change(value) if name in _SECRETS else value for name, value in data.items()}


def _sealed_anew(secret: str) -> str:
    return (resealed(secret) if is_sealed(secret) else seal(secret)).decode()


def rotate(authenticator: Authenticator) -> None:
    """Its secrets under the newest key. Raises NoKeyFits."""
    authenticator.data = with_secrets(authenticator.data, _sealed_anew)
    authenticator.save(update_fields=["data"])
