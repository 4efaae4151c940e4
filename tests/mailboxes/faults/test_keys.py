"""The keys that credentials are encrypted with can change, and a credential that none fits is named."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.test import override_settings

from crm.models import Member
from mailboxes.credentials import decrypt, encrypt
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.providers.base import AuthExpired

pytestmark = pytest.mark.django_db

PASSWORD = "Zx9-imap-password-of-ada"


def _new_key() -> str:
    return Fernet.generate_key().decode()


def _box(member: Member, number: int, secrets: dict[str, str]) -> Mailbox:
    return Mailbox.objects.create(
        workspace_id=member.workspace_id,
        member=member,
        kind=MailboxKind.IMAP,
        address=f"box{number}@halyard.example",
        credential=encrypt(secrets) if secrets else b"",
    )


def _rotate() -> tuple[str, str]:
    said, complained = io.StringIO(), io.StringIO()
    call_command("rotate_credential_keys", stdout=said, stderr=complained)
    return said.getvalue(), complained.getvalue()


def _read(*boxes: Mailbox) -> list[dict[str, str]]:
    return [decrypt(Mailbox.objects.get(pk=box.pk).credential) for box in boxes]


def test_after_rotation_the_old_key_is_not_needed(ada: Member) -> None:
    old, new = _new_key(), _new_key()
    with override_settings(CREDENTIAL_KEYS=[old]):
        boxes = [_box(ada, number, {"imap": f"{PASSWORD}{number}"}) for number in range(3)]
        empty = _box(ada, 9, {})

    with override_settings(CREDENTIAL_KEYS=[new, old]):
        said = [_rotate(), _rotate()]
    with override_settings(CREDENTIAL_KEYS=[new]):
        found = _read(*boxes)
    with override_settings(CREDENTIAL_KEYS=[old]), pytest.raises(AuthExpired):
        _read(boxes[0])

    assert said == [("3 rotated.\n", ""), ("3 rotated.\n", "")]
    assert found == [{"imap": f"{PASSWORD}{number}"} for number in range(3)]
    assert bytes(Mailbox.objects.get(pk=empty.pk).credential) == b""


def test_a_credential_that_no_key_fits_is_named_and_left(ada: Member) -> None:
    old, new, lost = _new_key(), _new_key(), _new_key()
    with override_settings(CREDENTIAL_KEYS=[lost]):
        unreadable = _box(ada, 1, {"imap": PASSWORD})
    with override_settings(CREDENTIAL_KEYS=[old]):
        readable = _box(ada, 2, {"imap": PASSWORD})

    with override_settings(CREDENTIAL_KEYS=[new, old]):
        said, complained = _rotate()

    assert said == "1 rotated.\n"
    assert complained == "box1@halyard.example: no key fits, so its owner has to reconnect it.\n"
    with override_settings(CREDENTIAL_KEYS=[lost]):
        assert _read(unreadable) == [{"imap": PASSWORD}]
    with override_settings(CREDENTIAL_KEYS=[new]):
        assert _read(readable) == [{"imap": PASSWORD}]
