"""Endless series, read again as time passes, beside what a provider does to them meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from crm.locking import lock_workspace
from crm.models import Member
from mailboxes import series, syncing
from mailboxes.leasing import take
from mailboxes.models import CalendarSource, Mailbox, MailboxKind, PendingItem, StreamKind
from tests.mailboxes.letters import archive, stream_of, write_ics
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.django_db

WEEKLY = "RRULE:FREQ=WEEKLY"


@pytest.fixture
def endless(ada: Member, tmp_path: Path) -> Mailbox:
    path = write_ics(tmp_path / "a.ics", 1)
    path.write_text(path.read_text().replace("END:VEVENT", f"{WEEKLY}\r\nEND:VEVENT"))
    box = archive(ada, ics=path)
    lease = take(stream_of(box, StreamKind.CALENDAR).pk)
    assert lease
    syncing.run(lease)
    assert CalendarSource.objects.get().read_until
    return box


@pytest.fixture
def later(endless: Mailbox) -> Iterator[None]:
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        yield


@pytest.mark.django_db(transaction=True)
def test_what_the_provider_has_changed_meanwhile_is_not_overwritten(later: None, ada: Member) -> None:
    meanwhile(
        lambda: lock_workspace(ada.workspace_id),
        lambda: series.extend(timezone.now()),
        then=lambda: CalendarSource.objects.update(version="newer", raw=b"newer"),
    )

    source = CalendarSource.objects.get()
    assert (source.version, bytes(source.raw)) == ("newer", b"newer")


@pytest.mark.django_db(transaction=True)
def test_what_the_provider_has_taken_away_meanwhile_does_not_come_back(later: None, ada: Member) -> None:
    meanwhile(
        lambda: lock_workspace(ada.workspace_id),
        lambda: series.extend(timezone.now()),
        then=lambda: CalendarSource.objects.all().delete(),
    )

    assert not CalendarSource.objects.exists()


def test_a_series_that_cannot_be_read_any_more_gives_others_their_turn(later: None) -> None:
    CalendarSource.objects.update(raw=b"nothing that could be read")

    assert series.extend(timezone.now()) == 1
    assert series.extend(timezone.now()) == 0


def test_a_series_whose_text_is_not_kept_is_asked_for_again(ada: Member, endless: Mailbox) -> None:
    """One of its dates is private; an archive has nobody to ask."""
    CalendarSource.objects.update(raw=b"")
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        series.extend(timezone.now())
        assert not PendingItem.objects.exists()
        Mailbox.objects.update(kind=MailboxKind.IMAP)

        series.extend(timezone.now())
        series.extend(timezone.now())

    source = CalendarSource.objects.get()
    assert list(PendingItem.objects.values_list("provider_id", "is_removal")) == [(source.provider_id, False)]
