"""The engine against faults: whatever dies when, the end is what a clean run would have stored."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import transaction

from crm.models import Member
from crm.statements import fetch
from intelligence.verifying import differences
from mailboxes import leasing, syncing
from mailboxes.leasing import LostLease, pause_after, pick_due, take
from mailboxes.listing import store_listing
from mailboxes.models import (
    CalendarSource,
    MessageCopy,
    PendingItem,
    QuarantinedItem,
    StreamKind,
    SyncStream,
)
from mailboxes.progress import backfill_progress
from mailboxes.providers.base import ListedItem, Listing
from mailboxes.reading import Page, reader, store_page
from mailboxes.running import Busy, run_now
from mailboxes.tasks import sync_next
from tests.desk import NOW, Desk
from tests.mailboxes.letters import (
    Died,
    archive,
    dying_at,
    dying_of,
    expire_leases,
    letter,
    stream_of,
    write_ics,
    write_mbox,
)

pytestmark = pytest.mark.django_db

STORED = (
    "SELECT provider_id, subject, occurred_at, is_sent FROM mailboxes_messagecopy ORDER BY 1",
    "SELECT identity, occurred_at, is_contact FROM mailboxes_emailmessage ORDER BY 1",
    "SELECT s.provider_id, s.version, c.title, c.starts_at FROM mailboxes_eventcopy c"
    " JOIN mailboxes_calendarsource s ON s.id = c.source_id ORDER BY 1, 4",
    "SELECT a.email, i.kind, i.occurred_at FROM intelligence_interactionparty p"
    " JOIN crm_address a ON a.id = p.address_id JOIN intelligence_interaction i ON i.id = p.interaction_id"
    " ORDER BY 1, 2, 3",
    "SELECT p.name, s.first_at, s.last_at, s.score FROM intelligence_personinsight s"
    " JOIN crm_person p ON p.id = s.person_id ORDER BY 1",
    "SELECT provider_id, reason FROM mailboxes_quarantineditem ORDER BY 1",
    "SELECT provider_id, reason FROM mailboxes_skippeditem ORDER BY 1",
    "SELECT provider_id FROM mailboxes_pendingitem ORDER BY 1",
)


def stored() -> list[Any]:
    return [fetch(statement) for statement in STORED]


@pytest.fixture
def eager(desk: Desk) -> Desk:
    """Records are made for everybody who writes."""
    desk.workspace.enhanced_creation = False
    desk.workspace.save()
    return desk


def test_a_mailbox_is_read_newest_first_in_slices(ada: Member, tmp_path: Path) -> None:
    letters = [letter(n, hour=n // 60) for n in range(600)]
    stream = stream_of(archive(ada, mbox=write_mbox(tmp_path / "a.mbox", *letters)))
    lease = take(stream.pk)
    assert lease

    syncing.run(lease, slice_seconds=1e-9)

    newest = {f"SUBJECT{n}" for n in range(100, 600)}
    assert set(MessageCopy.objects.values_list("subject", flat=True)) == newest
    stream.refresh_from_db()
    assert (stream.done, stream.total, stream.backfilled_at, stream.lease_until) == (500, 600, None, None)
    assert stream.began_at is not None
    assert [one.stream_id for one in pick_due(stream_id=stream.pk)] == [stream.pk]

    half_a_minute_later = stream.began_at + timedelta(seconds=30)
    with time_machine.travel(half_a_minute_later, tick=False):
        progress = backfill_progress(ada.workspace)
    assert progress is not None
    told = "500 of 600 items, less than a minute left. First interactions may still move earlier."
    assert (progress.percent, progress.detail) == (83, told)


def test_a_stream_is_leased_once_until_the_lease_runs_out(ada: Member, tmp_path: Path) -> None:
    stream = stream_of(archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1))))

    first = [one for one in pick_due() if one.stream_id == stream.pk]
    second = [one for one in pick_due() if one.stream_id == stream.pk]
    expire_leases()
    third = [one for one in pick_due() if one.stream_id == stream.pk]

    assert (len(first), second, len(third)) == (1, [], 1)
    assert third[0].epoch == first[0].epoch + 1


def test_a_worker_that_was_thought_dead_changes_nothing(ada: Member, tmp_path: Path) -> None:
    mailbox = archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1)))
    stream = stream_of(mailbox)
    zombie = take(stream.pk)
    expire_leases()
    assert zombie and take(stream.pk)
    before = stored()

    with pytest.raises(LostLease):
        store_page(stream, zombie, reader(mailbox.pk, NOW), page=Page(gone=["x"]))
    with pytest.raises(LostLease):
        leasing.renew(zombie)
    leasing.give_back(zombie, seconds=0, failures=9, error="too late")

    assert stored() == before
    stream.refresh_from_db()
    assert (stream.failures, stream.last_error) == (0, "")


def test_the_same_task_twice_reads_once(ada: Member, tmp_path: Path) -> None:
    archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1), letter(2)))

    for _ in StreamKind:  # which of its two streams comes first is nobody's business
        sync_next()
    before = stored()
    for _ in StreamKind:
        sync_next()

    assert stored() == before
    assert MessageCopy.objects.count() == 2


def test_a_running_stream_says_that_it_is_busy(ada: Member, tmp_path: Path) -> None:
    stream = stream_of(archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1))))
    take(stream.pk)

    with pytest.raises(Busy, match="read already"):
        run_now(stream)


def read_all(desk: Desk, tmp_path: Path) -> None:
    mailbox = archive(
        desk.members["ada"],
        mbox=write_mbox(tmp_path / "a.mbox", *(letter(n) for n in range(3))),
        ics=write_ics(tmp_path / "a.ics", 1, 2),
    )
    for kind in (StreamKind.MAIL, StreamKind.CALENDAR):
        run_now(stream_of(mailbox, kind))


def test_a_death_at_any_statement_ends_like_a_clean_run(eager: Desk, tmp_path: Path) -> None:
    with transaction.atomic():
        with dying_at(0) as seen:
            read_all(eager, tmp_path)
        clean, statements = stored(), len(seen)
        transaction.set_rollback(True)
    assert statements > 60
    assert len(clean[0]) == 3

    for number in range(1, statements + 1):
        with transaction.atomic():
            with pytest.raises(Died), dying_at(number):
                read_all(eager, tmp_path)
            expire_leases()
            read_all(eager, tmp_path)
            assert stored() == clean, f"died at statement {number}"
            assert list(differences(eager.workspace.pk, now=NOW)) == []
            transaction.set_rollback(True)


def test_one_deadly_message_among_thousands_is_kept_aside(eager: Desk, tmp_path: Path) -> None:
    letters = [letter(n, hour=n // 60 % 24, day=1 + n // 1440) for n in range(2000)]
    letters[700] = letter(700, hour=11, subject="POISON")
    stream = stream_of(archive(eager.members["ada"], mbox=write_mbox(tmp_path / "a.mbox", *letters)))
    deaths = 0

    while PendingItem.objects.exists() or not SyncStream.objects.get(pk=stream.pk).backfilled_at:
        try:
            with dying_of("POISON"):
                run_now(stream)
        except Died:
            deaths += 1
            expire_leases()

    assert deaths == syncing.MAX_ATTEMPTS
    assert MessageCopy.objects.count() == 1999
    (aside,) = QuarantinedItem.objects.all()
    assert aside.reason == "Reading it failed three times."


def test_a_new_version_is_read_however_often_the_one_before_failed(ada: Member, tmp_path: Path) -> None:
    stream = stream_of(archive(ada, ics=write_ics(tmp_path / "a.ics", 1)), StreamKind.CALENDAR)
    run_now(stream)
    (source,) = CalendarSource.objects.all()
    CalendarSource.objects.update(version="before")
    queued = ListedItem(source.provider_id, 1, "failing")
    store_listing(stream, Listing([queued], ""))
    PendingItem.objects.update(attempts=syncing.MAX_ATTEMPTS)

    store_listing(stream, Listing([replace(queued, version=source.version)], ""))
    run_now(stream)

    assert not QuarantinedItem.objects.exists()
    assert CalendarSource.objects.get().version == source.version


def test_what_is_gone_is_taken_away_however_often_reading_it_failed(ada: Member, tmp_path: Path) -> None:
    stream = stream_of(archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1))))
    run_now(stream)
    stored = MessageCopy.objects.get().provider_id
    store_listing(stream, Listing([], "", removed=[stored]))
    PendingItem.objects.update(attempts=syncing.MAX_ATTEMPTS)

    done = run_now(stream)

    assert (done.removed, done.quarantined) == (1, 0)
    assert not MessageCopy.objects.exists() and not QuarantinedItem.objects.exists()


def test_what_cannot_be_read_is_kept_aside_and_the_rest_is_stored(eager: Desk, tmp_path: Path) -> None:
    broken = "BEGIN:VEVENT\r\nUID:broken@acme.example\r\nDTSTART:tomorrow\r\nSUMMARY:Broken\r\nEND:VEVENT\r\n"
    mailbox = archive(
        eager.members["ada"],
        mbox=write_mbox(tmp_path / "a.mbox", letter(1), "no header at all\n", letter(2)),
        ics=write_ics(tmp_path / "a.ics", 1, 2, extra=broken),
    )

    mail = run_now(stream_of(mailbox))
    calendar = run_now(stream_of(mailbox, StreamKind.CALENDAR))

    assert (mail.fetched, mail.stored, mail.quarantined) == (3, 2, 1)
    assert (calendar.fetched, calendar.stored, calendar.quarantined) == (3, 2, 1)
    assert all(one.reason and one.size for one in QuarantinedItem.objects.all())


def test_an_mbox_cut_off_in_the_middle_gives_what_there_is(eager: Desk, tmp_path: Path) -> None:
    path = write_mbox(tmp_path / "a.mbox", letter(1), letter(2, body="A long story. " * 50))
    path.write_bytes(path.read_bytes()[:-300])

    counts = run_now(stream_of(archive(eager.members["ada"], mbox=path)))

    assert (counts.stored, counts.quarantined) == (2, 0)


def test_a_message_of_60_megabytes_keeps_its_headers(eager: Desk, tmp_path: Path) -> None:
    huge = write_mbox(tmp_path / "a.mbox", letter(1, body=("x" * 75 + "\n") * 800_000), letter(2))

    run_now(stream_of(archive(eager.members["ada"], mbox=huge)))

    copy = MessageCopy.objects.select_related("content").get(subject="SUBJECT1")
    assert copy.size > 60_000_000
    assert copy.flags == ["too_large"]
    assert copy.content.text == ""
    assert MessageCopy.objects.count() == 2


def test_a_file_that_is_gone_is_said_in_plain_words_and_not_tried_again(ada: Member, tmp_path: Path) -> None:
    path = write_mbox(tmp_path / "a.mbox", letter(1))
    stream = stream_of(archive(ada, mbox=path))
    path.unlink()

    run_now(stream)

    stream.refresh_from_db()
    assert "a.mbox" in stream.last_error
    assert (stream.failures, stream.due_at) == (1, None)


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 30.0), (2, 60.0), (5, 480.0), (40, 3600.0)])
def test_pauses_grow_with_jitter_up_to_an_hour(failures: int, ceiling: float) -> None:
    pauses = {pause_after(failures) for _ in range(200)}

    assert all(15.0 <= pause <= ceiling for pause in pauses)
    assert len(pauses) > 100


@pytest.mark.parametrize(("asked", "waited"), [(5.0, 5.0), (0.0, 1.0), (86_400.0, 3600.0)])
def test_a_provider_that_names_a_time_is_obeyed_within_reason(asked: float, waited: float) -> None:
    assert pause_after(3, asked) == waited
