"""Archives that members upload: what is taken, what is refused and why, where it is kept."""

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.models import Member
from crm.room import NO_ROOM
from mailboxes.accounts import receiving, uploads
from mailboxes.models import EventCopy, Mailbox, MessageCopy, SkippedItem, SkipReason, SyncStream
from mailboxes.running import run_now
from tests.conftest import SignIn
from tests.crowded import files_of_at_most
from tests.desk import Desk
from tests.mailboxes.letters import letter, stream_of, write_ics, write_mbox

HTMX = {"HTTP_HX_REQUEST": "true"}
URL = "/halyard/mailboxes/archives/"
OLD_ADDRESS = "ada@before.example"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def browser(ada: Member, signed_in: SignIn) -> Client:
    return signed_in.as_(ada)


@pytest.fixture
def mbox(tmp_path: Path) -> bytes:
    return write_mbox(tmp_path / "some.mbox", letter(1), letter(2)).read_bytes()


@pytest.fixture
def ics(tmp_path: Path) -> bytes:
    return write_ics(tmp_path / "some.ics", 1, 2).read_bytes()


def upload(browser: Client, files: dict[str, bytes], *, address: str = "ada@halyard.example") -> Any:
    sent = [SimpleUploadedFile(name, content) for name, content in files.items()]
    return browser.post(URL, {"address": address, "uploaded": sent}, **HTMX)


def zipped(entries: dict[str, bytes], *, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def archive_of(address: str = "ada@halyard.example") -> Mailbox:
    return Mailbox.objects.get(kind="archive", address=address)


def read(mailbox: Mailbox) -> list[str]:
    """Subjects after everything has been read."""
    for stream in SyncStream.objects.filter(mailbox=mailbox).order_by("-kind"):
        run_now(stream)
    assert [one.last_error for one in SyncStream.objects.filter(mailbox=mailbox)] == ["", ""]
    copies = MessageCopy.objects.filter(mailbox=mailbox).order_by("subject")
    return list(copies.values_list("subject", flat=True))


def kept(settings: Any) -> list[Path]:
    return sorted(path for path in (Path(settings.DATA_DIR) / "uploads").rglob("*") if path.is_file())


def test_mail_and_calendar_are_read_and_the_dialog_closes(browser: Client, mbox: bytes, ics: bytes) -> None:
    response = upload(browser, {"a.mbox": mbox, "b.ics": ics})

    mailbox = archive_of()
    assert (response.status_code, response.content) == (204, b"")
    assert json.loads(response["HX-Trigger"]) == {"accounts-changed": True}
    assert read(mailbox) == ["SUBJECT1", "SUBJECT2"]
    assert EventCopy.objects.filter(mailbox=mailbox).count() == 2


def test_files_are_kept_under_names_of_ours_for_nobody_else(
    browser: Client, mbox: bytes, settings: Any
) -> None:
    upload(browser, {"../../Ada’s secret mail.mbox": mbox})

    mailbox, (path,) = archive_of(), kept(settings)
    folder = Path(settings.DATA_DIR) / "uploads" / str(mailbox.workspace_id) / str(mailbox.pk)
    assert path.parent == folder
    assert "secret" not in path.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, folder.parent)] == [0o700, 0o700]
    assert mailbox.settings == {"mbox": [str(path)], "maildir": [], "ics": []}


def test_uploading_again_adds_and_changes_nothing_that_is_there(
    browser: Client, mbox: bytes, settings: Any, tmp_path: Path
) -> None:
    upload(browser, {"a.mbox": mbox})
    read(archive_of())
    stored = list(MessageCopy.objects.order_by("pk").values_list("pk", "provider_id"))
    more = write_mbox(tmp_path / "more.mbox", letter(2), letter(3)).read_bytes()

    upload(browser, {"again.mbox": mbox, "more.mbox": more})

    assert len(kept(settings)) == 2
    assert read(archive_of()) == ["SUBJECT1", "SUBJECT2", "SUBJECT3"]
    assert list(MessageCopy.objects.order_by("pk").values_list("pk", "provider_id"))[:2] == stored
    assert kept(settings) == []


def test_uploading_the_same_again_brings_back_what_was_unblocked(browser: Client, mbox: bytes) -> None:
    upload(browser, {"a.mbox": mbox})
    mailbox = archive_of()
    read(mailbox)
    taken = MessageCopy.objects.get(subject="SUBJECT1")
    SkippedItem.objects.create(
        workspace=mailbox.workspace,
        stream=stream_of(mailbox),
        provider_id=taken.provider_id,
        reason=SkipReason.BLOCKED,
    )
    taken.delete()
    SkippedItem.objects.all().delete()

    upload(browser, {"a.mbox": mbox})

    assert read(mailbox) == ["SUBJECT1", "SUBJECT2"]


def test_good_files_are_taken_and_bad_ones_named(browser: Client, mbox: bytes) -> None:
    bad = {
        "photo.jpg": b"\xff\xd8\xff\xe0 not mail",
        "empty.mbox": b"",
        "packed.tgz": b"\x1f\x8b\x08\x00 packed",
        "none.ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    }

    response = upload(browser, {"good.mbox": mbox, **bad})

    html = response.content.decode()
    assert json.loads(response["HX-Trigger"]) == {"accounts-changed": True}
    assert html.count("Not taken.") == 4
    assert "It is empty." in html
    assert "but a gzip archive: unpack it first" in html
    assert "There is no event in this calendar file." in html
    assert read(archive_of()) == ["SUBJECT1", "SUBJECT2"]


def test_with_no_good_file_nothing_is_made(browser: Client, settings: Any) -> None:
    response = upload(browser, {"photo.jpg": b"\xff\xd8\xff"}, address=OLD_ADDRESS)

    assert "It is neither a mailbox (.mbox) nor a calendar (.ics)." in response.content.decode()
    assert Mailbox.objects.filter(address=OLD_ADDRESS).count() == 0
    assert kept(settings) == []


def test_takeout_is_unpacked(browser: Client, mbox: bytes, ics: bytes) -> None:
    takeout = zipped(
        {
            "Takeout/Mail/All mail Including Spam and Trash.mbox": mbox,
            "Takeout/Mail/User Settings/Filters.json": b"{}",
            "Takeout/Calendar/Work.ics": ics,
            "Takeout/archive_browser.html": b"<html></html>",
        }
    )

    response = upload(browser, {"takeout.zip": takeout})

    assert response.status_code == 204
    assert read(archive_of()) == ["SUBJECT1", "SUBJECT2"]
    assert EventCopy.objects.filter(mailbox=archive_of()).count() == 2


def test_a_maildir_is_unpacked_without_its_junk_and_what_is_deleted(browser: Client, settings: Any) -> None:
    maildir = zipped(
        {
            "Maildir/cur/1700000000.M1.host:2,S": letter(1).encode(),
            "Maildir/new/1700000001.M2.host": letter(2).encode(),
            "Maildir/cur/1700000002.M3.host:2,T": letter(3).encode(),
            "Maildir/.Junk/cur/1700000003.M4.host:2,": letter(4).encode(),
            "Maildir/.Work/cur/1700000004.M5.host:2,": letter(5).encode(),
        }
    )

    response = upload(browser, {"maildir.zip": maildir})

    assert response.status_code == 204
    assert sorted(path.name for path in kept(settings)) == ["1700000000.0", "1700000001.1", "1700000004.2"]
    assert read(archive_of()) == ["SUBJECT1", "SUBJECT2", "SUBJECT5"]


@pytest.mark.parametrize("name", ["../../x.mbox", "/etc/x.mbox", "a/../../x/cur/1", "..\\..\\x.mbox"])
def test_a_zip_with_path_tricks_is_refused(browser: Client, mbox: bytes, name: str, tmp_path: Path) -> None:
    response = upload(browser, {"tricky.zip": zipped({"good.mbox": mbox, name: mbox})}, address=OLD_ADDRESS)

    assert "There are file names in it that lead out of it" in response.content.decode()
    assert Mailbox.objects.filter(address=OLD_ADDRESS).count() == 0
    assert [path.name for path in tmp_path.rglob("x.mbox")] == []


def test_a_link_in_a_zip_is_left_where_it_is(browser: Client, mbox: bytes, settings: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("passwords.mbox")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.mbox", mbox)

    upload(browser, {"links.zip": packed.getvalue()})

    assert [path.is_symlink() for path in kept(settings)] == [False]
    assert read(archive_of()) == ["SUBJECT1", "SUBJECT2"]


def test_a_bomb_is_never_unpacked_past_the_limit(
    browser: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(uploads, "UNPACKED_BYTES", 1024**2)
    bomb = zipped({"bomb.mbox": b"From x\n" + b"\0" * (200 * 1024**2)})
    # The same with a size that is a lie: what is counted are the bytes that come out.
    lie = bomb.replace((200 * 1024**2 + 7).to_bytes(4, "little"), (1000).to_bytes(4, "little"))

    told = upload(browser, {"bomb.zip": bomb}, address=OLD_ADDRESS).content.decode()
    lied = upload(browser, {"lie.zip": lie}, address=OLD_ADDRESS).content.decode()

    assert len(bomb) < 300_000
    assert lie != bomb
    assert "Unpacked it would have more than" in told
    assert "Not taken." in lied
    assert kept(settings) == []


def test_a_zip_of_too_many_files_is_refused(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_ENTRIES", 3)

    html = upload(browser, {"many.zip": zipped({f"{n}.txt": b"x" for n in range(4)})}).content.decode()

    assert "There are more than 3 files in it." in html


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({"a.mbox": b"From x"}, how=zipfile.ZIP_LZMA), "It is packed in an unusual way."),
        (zipped({"a.txt": b"x"}), "There is no mailbox, Maildir or calendar in it."),
        (zipped({"a.mbox": b"x" * 999})[:-30], "It is a damaged zip file."),
        (zipped({"a.mbox": b"hello"}), "a.mbox: It is neither a mailbox"),
    ],
    # The time is in a zip, so its bytes are no name for a test.
    ids=["packing", "nothing", "damaged", "no mailbox"],
)
def test_a_zip_that_cannot_be_used_is_refused(browser: Client, content: bytes, says: str) -> None:
    assert says in upload(browser, {"x.zip": content}).content.decode()


def test_a_list_of_entries_of_any_length_is_not_read(
    browser: Client, monkeypatch: pytest.MonkeyPatch, mbox: bytes
) -> None:
    monkeypatch.setattr(uploads, "_LARGEST_READ", 1000)

    html = upload(browser, {"x.zip": zipped({f"{n}.mbox": mbox for n in range(50)})}).content.decode()

    assert "It is a damaged zip file." in html


def test_one_upload_has_a_limit_and_what_came_before_it_is_taken(
    browser: Client, mbox: bytes, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(receiving, "UPLOAD_BYTES", len(mbox) + 10)

    html = upload(browser, {"one.mbox": mbox, "two.mbox": mbox + mbox}).content.decode()

    assert html.count("Taken in") == 1
    assert receiving.TOO_LARGE in html
    assert len(kept(settings)) == 1


def test_a_full_disk_is_said(
    browser: Client, mbox: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receiving, "SPARE_BYTES", 2**62)

    html = upload(browser, {"one.mbox": mbox}).content.decode()

    assert "The server has no room for it." in html
    assert [one.levelname for one in caplog.records if "too little is left on its disk" in one.message] == [
        "WARNING"
    ]


def test_a_disk_that_fills_while_a_file_is_received_is_said(
    browser: Client, mbox: bytes, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with files_of_at_most(1000):
        answer = upload(browser, {"one.mbox": mbox * 50})

    assert (answer.status_code, kept(settings)) == (200, [])
    assert NO_ROOM in answer.content.decode()
    assert "File too large" in caplog.text


def test_a_disk_that_fills_while_a_zip_is_unpacked_is_said(
    browser: Client, mbox: bytes, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    packed = zipped({"one.mbox": mbox * 500})
    assert len(packed) < 20_000 < len(mbox * 500)

    with files_of_at_most(20_000):
        answer = upload(browser, {"one.zip": packed}, address=OLD_ADDRESS)

    assert (answer.status_code, kept(settings)) == (200, [])
    assert NO_ROOM in answer.content.decode()
    assert "File too large" in caplog.text
    assert not Mailbox.objects.filter(address=OLD_ADDRESS).exists()


@pytest.mark.parametrize("name", ["", "incoming", "{workspace}"])
def test_a_folder_that_cannot_be_written_is_said(
    browser: Client, ada: Member, mbox: bytes, settings: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Before a file is received, or once it is to be kept."""
    blocked = Path(settings.DATA_DIR) / "uploads" / name.format(workspace=ada.workspace_id)
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder at all")

    answer = upload(browser, {"one.mbox": mbox}, address=OLD_ADDRESS)

    assert (answer.status_code, Mailbox.objects.filter(address=OLD_ADDRESS).count()) == (200, 0)
    assert NO_ROOM in answer.content.decode()
    assert "WARNING" in {one.levelname for one in caplog.records if str(blocked) in one.message}


def test_an_upload_without_a_token_is_refused_and_leaves_nothing(
    ada: Member, mbox: bytes, settings: Any
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")

    response = upload(browser, {"a.mbox": mbox}, address=OLD_ADDRESS)

    assert response.status_code == 403
    assert Mailbox.objects.filter(address=OLD_ADDRESS).count() == 0
    assert kept(settings) == []


def test_below_pro_an_archive_grows_but_no_second_one_is_made(
    desk: Desk, signed_in: SignIn, mbox: bytes, settings: Any
) -> None:
    desk.workspace.plan = "free"
    desk.workspace.save()
    browser = signed_in.as_(desk.members["ada"])

    grown = upload(browser, {"a.mbox": mbox})
    refused = upload(browser, {"a.mbox": mbox}, address=OLD_ADDRESS)

    assert grown.status_code == 204
    assert "On the Free plan a member connects one account" in refused.content.decode()
    assert Mailbox.objects.filter(address=OLD_ADDRESS).count() == 0


def test_forget_deletes_the_files_of_one_mailbox(browser: Client, mbox: bytes, settings: Any) -> None:
    upload(browser, {"a.mbox": mbox})
    upload(browser, {"a.mbox": mbox}, address=OLD_ADDRESS)

    uploads.forget(archive_of())
    uploads.forget(archive_of())

    assert [str(path) for path in kept(settings)] == archive_of(OLD_ADDRESS).settings["mbox"]


def test_the_form_opened_alone_is_a_page(browser: Client) -> None:
    html = browser.get("/halyard/mailboxes/archives/new/").content.decode()

    assert html.count("<html") == 1
    assert 'enctype="multipart/form-data"' in html
    assert "You already have an archive of ada@halyard.example" in html
