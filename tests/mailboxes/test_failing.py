"""Whom it is told that a mailbox cannot be read, when, and how often."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Member, Notification
from crm.notifying import in_words
from mailboxes import syncing
from mailboxes.leasing import take
from mailboxes.models import Mailbox, StreamKind, SyncStream
from mailboxes.providers.base import QuotaReached, SetupWrong, TryLater
from tests.mailboxes.letters import archive, letter, stream_of, write_mbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(ada: Member, tmp_path: Path) -> Mailbox:
    return archive(ada, mbox=write_mbox(tmp_path / "a.mbox", letter(1)))


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    def refuse(error: Exception) -> None:
        def raises(_: SyncStream) -> Any:
            raise error

        monkeypatch.setattr(syncing, "open_provider", raises)

    return refuse


def run(box: Mailbox, kind: StreamKind = StreamKind.MAIL) -> SyncStream:
    lease = take(stream_of(box, kind).pk)
    assert lease
    syncing.run(lease)
    return stream_of(box, kind)


def fail_for(box: Mailbox, hours: float) -> list[str]:
    """A try that fails after so many hours of failing; the kinds of all notices there are by then."""
    since = timezone.now() - timedelta(hours=hours)
    SyncStream.objects.filter(mailbox=box, failures__gt=0).update(failing_since=since)
    run(box)
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def test_an_owner_is_told_once_that_reading_has_failed_for_a_day(
    box: Mailbox, refused: Callable[[Exception], None]
) -> None:
    refused(TryLater("The server is busy."))

    told = [fail_for(box, hours) for hours in (0, 1, 23, 25, 49)]

    assert told == [[], [], [], ["keeps_failing"], ["keeps_failing"]]
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"For a day now there is trouble reading {box.address}"


def test_what_only_the_owner_can_mend_is_told_at_once(
    box: Mailbox, refused: Callable[[Exception], None]
) -> None:
    refused(SetupWrong("There is no such folder."))

    assert fail_for(box, 0) == ["keeps_failing"]
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"Reading has stopped: look at the settings of {box.address}"


def test_a_success_in_between_begins_the_day_anew(
    box: Mailbox, refused: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(TryLater("The server is busy."))
    fail_for(box, 25)
    fail_for(box, 25)
    with monkeypatch.context() as patch:
        patch.setattr(syncing, "_run", lambda *_: False)
        stream = run(box)
        assert (stream.failing_since, stream.owner_told_at) == (None, None)
    [note] = in_words(box.member, Notification.objects.all())
    assert note.told.sentence == f"There was trouble reading {box.address}"

    told = [fail_for(box, hours) for hours in (25, 1, 25)]

    assert told == [["keeps_failing"]] * 2 + [["keeps_failing"] * 2]


def test_limits_of_a_provider_are_no_failure(box: Mailbox, refused: Callable[[Exception], None]) -> None:
    refused(QuotaReached("Google asks us to wait.", retry_after=60))

    assert [fail_for(box, hours) for hours in (0, 25, 49)] == [[], [], []]


def test_both_streams_failing_is_told_once(box: Mailbox, refused: Callable[[Exception], None]) -> None:
    refused(SetupWrong("There is no such server."))

    for kind in StreamKind:
        run(box, kind)

    assert Notification.objects.count() == 1
