"""Remove a mailbox, block a domain: nothing of it is left in the database, uploaded files, broker, cache or
log, and pages have it no more from the first second. RAPPORT_CANARIES=10000 takes that many messages."""

import logging
import os
import time
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from crm.models import Member
from crm.statements import fetch
from intelligence.verifying import differences
from mailboxes.accounts import uploads
from mailboxes.accounts.connecting import connect_archive
from mailboxes.blocking import block, purge_blocked, unblock
from mailboxes.models import BlocklistEntry, EmailMessage, Mailbox, StreamKind
from mailboxes.removing import purge, remove
from mailboxes.running import run_now
from tests.conftest import SignIn
from tests.desk import NOW, Desk
from tests.mailboxes.letters import letter, stream_of, write_mbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _everybody_becomes_a_record(desk: Desk) -> None:
    desk.workspace.enhanced_creation = False
    desk.workspace.save()


MESSAGES = int(os.environ.get("RAPPORT_CANARIES", "400"))
CANARY, CLINIC = "CANARY7f3a", "CLINIC9b1e"
TABLES = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"


def upload(member: Member, folder: Path, name: str) -> Mailbox:
    """Every other message is from the clinic."""
    letters = (
        letter(
            number,
            sender="nurse@clinic.example" if number % 2 else "bob@acme.example",
            subject=f"{CANARY} {CLINIC * (number % 2)} {number}",
            body=f"{CANARY} {CLINIC * (number % 2)} {number}",
            day=1 + number % 20,
        )
        for number in range(MESSAGES)
    )
    path = write_mbox(folder / f"{name}.mbox", *letters)
    accepted = uploads.Accepted("mbox", path, f"{name}.mbox")
    mailbox = connect_archive(member, address=member.user.email, files=[accepted])
    for kind in StreamKind:
        run_now(stream_of(mailbox, kind))
    return mailbox


def traces(words: str, log: str) -> dict[str, int]:
    """Where the words still stand, and how often."""
    found = {"log": log.count(words)}
    with connection.cursor() as cursor:
        for (table,) in fetch(TABLES):
            with cursor.copy(f"COPY {table} TO STDOUT") as copy:  # what pg_dump writes
                found[table] = sum(bytes(piece).count(words.encode()) for piece in copy)
    for name, client in (
        ("broker", redis.from_url(settings.REDIS_URL)),
        ("cache", cache._cache.get_client()),
    ):
        found[name] = sum(words.encode() in (client.dump(key) or b"") for key in client.scan_iter("*"))
    kept = Path(settings.DATA_DIR) / "uploads"
    found["uploads"] = sum(words.encode() in path.read_bytes() for path in kept.rglob("*") if path.is_file())
    return {where: count for where, count in found.items() if count}


def pages(signed_in: SignIn, member: Member) -> str:
    browser = signed_in.as_(member)
    shown = [browser.get(url).content.decode() for url in ("/halyard/companies/", "/halyard/people/")]
    for pk, kind in fetch(
        "SELECT id, 'companies' FROM crm_company UNION ALL SELECT id, 'people' FROM crm_person"
    ):
        shown += [browser.get(f"/halyard/{kind}/{pk}/{tab}").content.decode() for tab in ("", "emails/")]
    return "".join(shown)


def test_nothing_is_left_of_a_removed_mailbox(
    desk: Desk, ada: Member, signed_in: SignIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mailbox = upload(ada, tmp_path, "all")
    assert EmailMessage.objects.count() == MESSAGES and CANARY in pages(signed_in, ada)

    assert traces(CANARY, caplog.text) != {}
    began = time.monotonic()
    remove(mailbox, by=ada)
    assert CANARY not in pages(signed_in, ada)
    hidden_after = time.monotonic() - began
    purge(Mailbox.objects.get(pk=mailbox.pk), now=NOW)

    assert traces(CANARY, caplog.text) == {}
    assert list(differences(desk.workspace.pk, now=NOW)) == []
    print(
        f"{MESSAGES} messages: hidden after {hidden_after:.2f} s, purged after {time.monotonic() - began:.1f} s"
    )


def test_nothing_is_left_of_what_is_blocked_and_all_comes_back(
    desk: Desk, ada: Member, signed_in: SignIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mailbox = upload(ada, tmp_path, "all")
    before = stored()

    began = time.monotonic()
    block(mailbox, ["clinic.example"], by=ada)
    shown = pages(signed_in, ada)
    assert CLINIC not in shown and CANARY in shown
    hidden_after = time.monotonic() - began
    purge_blocked(mailbox, now=NOW)

    assert traces(CLINIC, caplog.text) == {}
    assert EmailMessage.objects.count() == MESSAGES - MESSAGES // 2
    unblock(BlocklistEntry.objects.select_related("mailbox").get(), by=ada)
    upload(ada, tmp_path, "again")
    assert stored() == before
    assert list(differences(desk.workspace.pk, now=NOW)) == []
    print(f"{MESSAGES // 2} blocked: hidden after {hidden_after:.2f} s")


def stored() -> list[tuple[object, ...]]:
    """Everything about messages but the numbers of rows."""
    return fetch(
        "SELECT m.identity::text, m.occurred_at, t.key::text, c.subject, b.text, c.category, c.is_sent"
        " FROM mailboxes_emailmessage m JOIN mailboxes_thread t ON t.id = m.thread_id"
        " JOIN mailboxes_messagecopy c ON c.message_id = m.id"
        " JOIN mailboxes_messagecontent b ON b.copy_id = c.id ORDER BY 1, 4"
    )
