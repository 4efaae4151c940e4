from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from crm.locking import take_turn
from crm.models import Person
from crm.statements import fetch
from intelligence.verifying import differences
from mailboxes.accounts.connecting import connect
from mailboxes.leasing import LostLease, take
from mailboxes.models import EmailMessage, Mailbox, MailboxKind, StreamKind
from mailboxes.reading import Page, reader, store_page
from mailboxes.removing import begin_removal, purge, purge_removed
from mailboxes.running import run_now
from tests.desk import NOW, Desk, mail
from tests.mailboxes.letters import archive, letter, stream_of, write_ics, write_mbox

pytestmark = pytest.mark.django_db

TABLES = """
    SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


def rows_with(words: str) -> dict[str, int]:
    """In how many rows of which tables these words stand, in whatever column."""
    found = {
        table: fetch(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %(words)s", words=f"%{words}%")[0][0]
        for (table,) in fetch(TABLES)
    }
    return {table: count for table, count in found.items() if count}


def test_nothing_is_left_of_a_removed_mailbox(desk: Desk, tmp_path: Path) -> None:
    mailbox = archive(
        desk.members["ada"],
        mbox=write_mbox(
            tmp_path / "CANARY.mbox",
            *(letter(n, body=f"CANARY{n}", subject=f"CANARY{n}") for n in range(1200)),
        ),
        ics=write_ics(tmp_path / "CANARY.ics", 1, 2, 3),
    )
    for kind in StreamKind:
        run_now(stream_of(mailbox, kind))
    assert rows_with("CANARY") and rows_with("MEETING1")

    begin_removal(mailbox)
    purge(mailbox, now=NOW)

    assert rows_with("CANARY") == {}
    assert rows_with("MEETING") == {}
    assert not Mailbox.objects.filter(pk=mailbox.pk).exists()
    assert [key for key in cache._cache.get_client().scan_iter("*") if b"CANARY" in key] == []
    assert list(differences(desk.workspace.pk, now=NOW)) == []


def test_a_removal_hides_at_once_and_wins_over_a_running_sync(desk: Desk, tmp_path: Path) -> None:
    mailbox = connect(
        desk.members["ada"],
        kind=MailboxKind.IMAP,
        address="ada@halyard.example",
        settings={"imap": {"host": "imap.halyard.example"}},
        secrets={"imap": "SECRET"},
    )
    stream = stream_of(mailbox)
    lease = take(stream.pk)
    assert lease

    begin_removal(mailbox)

    mailbox.refresh_from_db()
    assert (bytes(mailbox.credential), mailbox.settings) == (b"", {})
    with pytest.raises(LostLease):
        store_page(stream, lease, reader(mailbox.pk, NOW), page=Page(gone=["x"]))


def test_what_another_mailbox_holds_stays(desk: Desk) -> None:
    shared = mail("m1", "Bob Doe <bob@acme.example>", ["ada@halyard.example", "ben@halyard.example"])
    answer = mail("m2", "ben@halyard.example", "bob@acme.example")
    desk.put("ada", shared)
    desk.put("ben", shared, answer)

    begin_removal(desk.mailboxes["ada"])
    purge(desk.mailboxes["ada"], now=NOW)

    assert EmailMessage.objects.count() == 2
    assert Person.objects.get().name == "Bob Doe"
    assert list(differences(desk.workspace.pk, now=NOW)) == []


def test_records_stay_when_all_their_mail_is_gone(desk: Desk) -> None:
    desk.put("ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>"))

    begin_removal(desk.mailboxes["ada"])
    purge(desk.mailboxes["ada"], now=NOW)

    bob = Person.objects.select_related("insight", "company").get()
    assert (bob.name, bob.company.name, bob.insight.last_at, bob.insight.score) == (
        "Bob Doe",
        "Acme",
        None,
        None,
    )


def purge_elsewhere() -> None:
    try:
        purge_removed()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time_takes_away_from_a_mailbox(desk: Desk) -> None:
    box = desk.mailboxes["ada"]
    begin_removal(box)
    with ThreadPoolExecutor(1) as others:
        with transaction.atomic():
            take_turn(box.pk)
            others.submit(purge_elsewhere).result(timeout=20)  # does not wait
            assert Mailbox.objects.filter(pk=box.pk).exists()
        others.submit(purge_elsewhere).result(timeout=20)
    assert not Mailbox.objects.filter(pk=box.pk).exists()
