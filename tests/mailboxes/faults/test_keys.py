"""The keys that credentials are encrypted with can change, and a credential that none fits is named."""

import io
import json
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from crm.models import Member
from crm.sealing import is_sealed
from crm.second_factors import SecondFactors
from mailboxes import syncing
from mailboxes.credentials import KeyMissing, decrypt, encrypt
from mailboxes.leasing import pick_due
from mailboxes.models import Mailbox, MailboxKind, MailboxState, StreamKind, SyncStream

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
    try:
        call_command("rotate_credential_keys", stdout=said, stderr=complained)
    except CommandError as error:
        complained.write(str(error))
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
    with override_settings(CREDENTIAL_KEYS=[old]), pytest.raises(KeyMissing):
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
    assert "box1@halyard.example: no key fits. Without it, its owner has to reconnect it.\n" in complained
    assert complained.endswith("Is the key they were kept with in CREDENTIAL_KEYS?")
    with override_settings(CREDENTIAL_KEYS=[lost]):
        assert _read(unreadable) == [{"imap": PASSWORD}]
    with override_settings(CREDENTIAL_KEYS=[new]):
        assert _read(readable) == [{"imap": PASSWORD}]


def test_second_factors_are_sealed_and_rotate(ada: Member) -> None:
    old, new, lost = _new_key(), _new_key(), _new_key()
    secret = generate_totp_secret()
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    with override_settings(CREDENTIAL_KEYS=[old]):
        factor = TOTP.activate(ada.user, secret)
        codes = RecoveryCodes.activate(ada.user)
        shown = codes.get_unused_codes()
        stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in stored
    with override_settings(CREDENTIAL_KEYS=[new, old]):
        assert _rotate() == ("2 rotated.\n", "")

    with override_settings(CREDENTIAL_KEYS=[new]):
        factor.instance.refresh_from_db()
        codes.instance.refresh_from_db()
        assert factor.validate_code(code)
        assert codes.get_unused_codes() == shown
    with override_settings(CREDENTIAL_KEYS=[lost]):
        assert not factor.validate_code(code)
        _, complained = _rotate()
    assert complained.count("no key fits their second factor") == 2


def test_a_worker_without_the_key_disconnects_nobody(ada: Member) -> None:
    with override_settings(CREDENTIAL_KEYS=[_new_key()]):
        box = _box(ada, 1, {"imap": PASSWORD})
    Mailbox.objects.filter(pk=box.pk).update(settings={"imap": {"host": "mail.example", "port": 993}})
    stream = SyncStream.objects.create(
        workspace=box.workspace,
        mailbox=box,
        kind=StreamKind.MAIL,
        due_at=timezone.now() - timedelta(minutes=1),
    )

    syncing.run(pick_due(limit=1)[0])

    box.refresh_from_db()
    stream.refresh_from_db()
    assert box.state == MailboxState.ACTIVE
    assert "lacks the key" in stream.last_error
    assert stream.due_at is not None


def test_a_second_factor_that_was_set_up_during_the_update_works_and_is_sealed(ada: Member) -> None:
    secret = generate_totp_secret()
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    plain = Authenticator.objects.create(user=ada.user, type=Authenticator.Type.TOTP, data={"secret": secret})

    assert TOTP(plain).validate_code(code)
    assert _rotate() == ("1 rotated.\n", "")

    plain.refresh_from_db()
    assert is_sealed(plain.data["secret"])
    assert SecondFactors().decrypt(plain.data["secret"]) == secret
