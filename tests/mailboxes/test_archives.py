"""Uploaded files go once they are read; files that an administrator named stay."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from mailboxes.accounts import uploads
from mailboxes.accounts.connecting import connect_archive
from mailboxes.models import (
    EmailMessage,
    EventCopy,
    Mailbox,
    QuarantinedItem,
    SkippedItem,
    StreamKind,
)
from mailboxes.removing import begin_removal, purge
from mailboxes.running import run_now
from tests.desk import NOW, Desk
from tests.mailboxes.letters import archive, letter, stream_of, write_mbox

pytestmark = pytest.mark.django_db


def upload(desk: Desk, path: Path) -> Mailbox:
    accepted = uploads.Accepted("mbox", path, f"{path.stem}.mbox")
    return connect_archive(desk.members["ada"], address="ada@halyard.example", files=[accepted])


def kept(mailbox: Mailbox) -> list[Path]:
    folder = Path(settings.DATA_DIR) / "uploads" / str(mailbox.workspace_id) / str(mailbox.pk)
    return sorted(folder.iterdir()) if folder.exists() else []


def read(mailbox: Mailbox) -> None:
    for kind in StreamKind:
        run_now(stream_of(mailbox, kind))


def test_files_go_when_both_streams_have_been_read(desk: Desk, tmp_path: Path) -> None:
    mailbox = upload(desk, write_mbox(tmp_path / "a.mbox", letter(1), letter(2)))
    assert len(kept(mailbox)) == 1

    run_now(stream_of(mailbox, StreamKind.MAIL))
    assert len(kept(mailbox)) == 1
    run_now(stream_of(mailbox, StreamKind.CALENDAR))

    assert kept(mailbox) == []
    assert EmailMessage.objects.count() == 2
    mailbox.refresh_from_db()
    assert [path for paths in mailbox.settings.values() for path in paths] == []


def test_more_files_add_and_take_nothing_away(desk: Desk, tmp_path: Path) -> None:
    read(upload(desk, write_mbox(tmp_path / "a.mbox", letter(1))))
    mailbox = upload(desk, write_mbox(tmp_path / "b.mbox", letter(2)))

    read(mailbox)

    assert EmailMessage.objects.count() == 2
    assert kept(mailbox) == []


def test_files_that_were_named_stay(desk: Desk, tmp_path: Path) -> None:
    path = write_mbox(tmp_path / "a.mbox", letter(1))

    read(archive(desk.members["ada"], mbox=path))

    assert path.exists()


def test_removing_the_mailbox_takes_unread_files_along(desk: Desk, tmp_path: Path) -> None:
    mailbox = upload(desk, write_mbox(tmp_path / "a.mbox", letter(1)))

    begin_removal(mailbox)
    purge(mailbox, now=NOW)

    assert kept(mailbox) == []


def test_a_meeting_from_before_anybody_kept_a_calendar_here_is_none(desk: Desk, tmp_path: Path) -> None:
    """Birthdays of 1604, and dates that a stranger made up."""
    meetings = [
        f"BEGIN:VEVENT\nUID:{year}@x\nDTSTAMP:20260101T000000Z\nDTSTART:{year}0301T100000Z\nSUMMARY:M{year}\n"
        "ORGANIZER:mailto:bob@acme.example\nATTENDEE:mailto:ada@halyard.example\nEND:VEVENT\n"
        for year in (1604, 1969, 1970, 2025)
    ]
    path = tmp_path / "calendar.ics"
    path.write_text("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + "".join(meetings) + "END:VCALENDAR\n")
    accepted = uploads.Accepted("ics", path, path.name)

    read(connect_archive(desk.members["ada"], address="ada@halyard.example", files=[accepted]))

    assert set(EventCopy.objects.values_list("title", flat=True)) == {"M1970", "M2025"}
    assert set(SkippedItem.objects.values_list("reason", flat=True)) == {"empty"}
    assert not QuarantinedItem.objects.exists()


def test_the_command_says_what_it_read_and_changes_nothing_for_a_file_that_is_not_there(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_mbox(tmp_path / "a.mbox", letter(1), letter(2))
    whose = ("import_mailbox", "halyard", "ada@halyard.example", "--address", "post@halyard.example")

    with pytest.raises(CommandError, match=r"Not there: .*b\.mbox\. Nothing was changed\."):
        call_command(*whose, "--mbox", str(path), str(tmp_path / "b.mbox"))
    assert not Mailbox.objects.filter(address="post@halyard.example").exists()

    call_command(*whose, "--mbox", str(path))
    call_command(*whose, "--mbox", str(path), "--json")

    *words, told = capsys.readouterr().out.splitlines()
    nothing = "0 fetched, 0 stored, skipped: 0, 0 quarantined, 0 removed"
    assert words == [
        "post@halyard.example",
        "mail: 2 fetched, 2 stored, skipped: 0, 0 quarantined, 0 removed",
        f"calendar: {nothing}",
    ]
    again = json.loads(told)
    assert (again["mail"]["stored"], again["calendar"]["stored"], again["errors"]) == (0, 0, [])
