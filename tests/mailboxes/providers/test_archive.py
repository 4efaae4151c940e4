import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailboxes.providers.archive import provider
from mailboxes.providers.archive.provider import ArchiveCalendar, ArchiveMail
from mailboxes.providers.base import AtWork, FetchedMail, Listing, Missing, SetupWrong


def letter(number: int, *, body: str = "Hello.", extra: str = "", day: int = 1) -> str:
    return (
        f"{extra}Message-ID: <m{number}@example.com>\n"
        f"Date: Mon, {day:02} Jan 2024 10:00:00 +0000\n"
        f"From: Eve <eve@example.com>\nTo: Ada <ada@example.org>\n"
        f"Subject: Number {number}\n\n{body}\n"
    )


def as_mbox(*letters: str, separator: str = "From eve@example.com Mon Jan  1 10:00:00 2024") -> str:
    return "".join(f"{separator}\n{one}\n" for one in letters)


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def listed(provider: ArchiveMail | ArchiveCalendar) -> list[str]:
    return [item.provider_id for page in provider.list_changes("") for item in page.items]


def fetched(provider: ArchiveMail) -> list[bytes]:
    return [one.raw for one in provider.fetch(listed(provider)) if isinstance(one, FetchedMail)]


def subjects(provider: ArchiveMail) -> list[str]:
    heads = [raw.split(b"Subject: ", 1)[1] for raw in fetched(provider)]
    return [head.splitlines()[0].decode() for head in heads]


def test_mbox_messages_are_listed_newest_first(tmp_path):
    text = as_mbox(letter(1, day=1), letter(2, day=9), letter(3, day=5))
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", text)])

    assert subjects(archive) == ["Number 2", "Number 3", "Number 1"]


def test_a_large_archive_gives_signs_of_life_while_it_is_read_through(tmp_path, monkeypatch):
    monkeypatch.setattr(provider, "_STRETCH", 300)
    path = write(tmp_path / "a.mbox", as_mbox(*(letter(n) for n in range(1, 6))))
    listings = list(ArchiveMail(mbox=[path]).list_changes("before"))
    ids = [item.provider_id for page in listings for item in page.items]

    answers = list(ArchiveMail(mbox=[path]).fetch(ids))

    assert [page.cursor == "before" for page in listings[:-1]] == [True] * (len(listings) - 1)
    assert len(listings) > 2 and len(ids) == 5
    assert [type(one) for one in answers].count(AtWork) == len(listings) - 1
    assert [one.provider_id for one in answers if isinstance(one, FetchedMail)] == ids


def test_mbox_message_is_handed_over_byte_for_byte(tmp_path):
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(letter(1)))])

    [message] = archive.fetch(listed(archive))

    assert isinstance(message, FetchedMail)
    assert message.raw == letter(1).encode() + b"\n"
    assert message.size == len(message.raw)
    assert message.received_at == datetime(2024, 1, 1, 10, tzinfo=UTC)


def test_mbox_quoting_is_undone_and_does_not_begin_a_message(tmp_path):
    body = ">From here on it rains.\n>>From there too.\n\n>From eve@x Mon Jan  1 10:00:00 2024\nA: b"
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(letter(1, body=body)))])

    [raw] = fetched(archive)

    assert raw.decode().split("\n\n", 1)[1] == (
        "From here on it rains.\n>From there too.\n\nFrom eve@x Mon Jan  1 10:00:00 2024\nA: b\n\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        "\nFrom now on we meet on Mondays.\nNote: bring cake",
        "\nFrom Monday, Jan 5 2024 we begin\nat nine",
        "text\nFrom 10:30 Mon Jan 2024 to noon\nplain",
    ],
)
def test_mbox_sentence_that_begins_with_from_is_not_a_message(tmp_path, body):
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(letter(1, body=body)))])

    assert subjects(archive) == ["Number 1"]


@pytest.mark.parametrize(
    "separator",
    [
        "From - Mon Jan 01 10:00:00 2024",
        "From 1788@xxx Mon Jan 01 10:00:00 +0000 2024",
        "From eve@example.com Mon, 1 Jan 2024 10:00:00 +0000",
        "From -",
        "From ",
        "From eve@example.com",
    ],
)
def test_mbox_separator_is_recognised_as_every_program_writes_it(tmp_path, separator):
    text = as_mbox(letter(1), letter(2), separator=separator)

    for name, content in (("lf", text), ("crlf", text.replace("\n", "\r\n"))):
        archive = ArchiveMail(mbox=[write(tmp_path / name, content)])
        assert sorted(subjects(archive)) == ["Number 1", "Number 2"]


def test_mbox_crlf_and_lf_exports_hold_the_same_items(tmp_path):
    text = as_mbox(letter(1), letter(2))
    unix = ArchiveMail(mbox=[write(tmp_path / "unix", text)])
    windows = ArchiveMail(mbox=[write(tmp_path / "windows", text.replace("\n", "\r\n"))])

    assert listed(unix) == listed(windows)


def test_mbox_last_message_may_be_cut_short(tmp_path):
    text = as_mbox(letter(1), letter(2))[:-80]
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", text)])

    assert len(listed(archive)) == 2


def test_mbox_messages_around_every_edge_of_a_chunk_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr("mailboxes.providers.archive.mbox._CHUNK", 97)
    monkeypatch.setattr("mailboxes.providers.archive.mbox._MARGIN", 64)
    letters = [letter(number, body="x" * number) for number in range(120)]
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(*letters))])

    assert sorted(fetched(archive)) == sorted(one.encode() + b"\n" for one in letters)


@pytest.mark.parametrize(
    "labels",
    [
        "Spam",
        "Inbox,Trash",
        "Drafts",
        "Chat",
        "Papierkorb,Wichtig",
        "=?UTF-8?Q?Entw=C3=BCrfe,Ge=C3=B6ffnet?=",
        "=?UTF-8?B?44K044Of566x?=",
        'Wichtig,\n "Corbeille"',
    ],
)
def test_takeout_labels_keep_spam_trash_drafts_and_chats_out(tmp_path, labels):
    text = as_mbox(letter(1), letter(2, extra=f"X-GM-THRID: 7\nX-Gmail-Labels: {labels}\n"))
    archive = ArchiveMail(mbox=[write(tmp_path / "All mail.mbox", text)])

    assert subjects(archive) == ["Number 1"]


def test_takeout_of_another_day_has_other_labels_and_the_same_items(tmp_path):
    earlier = as_mbox(letter(1, extra="X-GM-THRID: 7\nX-Gmail-Labels: Inbox,\n Unread\n"))
    later = as_mbox(letter(1, extra="X-GM-THRID: 7\nX-Gmail-Labels: Inbox,Opened,Work\n"))
    archive = ArchiveMail(mbox=[write(tmp_path / "earlier", earlier), write(tmp_path / "later", later)])

    assert len(listed(archive)) == 1


@pytest.mark.parametrize("extra", ["X-Mozilla-Status: 0009\n", "X-Status: AD\n", "X-Status: T\n"])
def test_mbox_mail_deleted_but_not_yet_compacted_is_left_out(tmp_path, extra):
    text = as_mbox(letter(1, extra="X-Mozilla-Status: 0001\n"), letter(2, extra=extra))
    archive = ArchiveMail(mbox=[write(tmp_path / "Inbox", text)])

    assert subjects(archive) == ["Number 1"]


def test_unchanged_files_list_nothing_and_changed_ones_everything(tmp_path):
    path = write(tmp_path / "a.mbox", as_mbox(letter(1)))
    [first] = ArchiveMail(mbox=[path]).list_changes("")

    assert list(ArchiveMail(mbox=[path]).list_changes(first.cursor)) == [Listing((), first.cursor)]

    write(path, as_mbox(letter(1), letter(2)))
    [second] = ArchiveMail(mbox=[path]).list_changes(first.cursor)

    assert {item.provider_id for item in first.items} < {item.provider_id for item in second.items}
    assert second.snapshot_of is None


def test_long_listing_moves_its_cursor_with_the_last_page_only(tmp_path, monkeypatch):
    monkeypatch.setattr("mailboxes.providers.archive.provider._PAGE", 2)
    path = write(tmp_path / "a.mbox", as_mbox(*map(letter, range(5))))

    pages = list(ArchiveMail(mbox=[path]).list_changes("before"))

    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert [page.cursor == "before" for page in pages] == [True, True, False]


def test_overlapping_exports_hold_one_item_each(tmp_path):
    first = write(tmp_path / "a.mbox", as_mbox(letter(1), letter(2)))
    second = write(tmp_path / "b.mbox", as_mbox(letter(2), letter(3)))
    folder = write(tmp_path / "M" / "cur" / "1704103200.M1.host:2,S", letter(3)).parent.parent

    archive = ArchiveMail(mbox=[first, second], maildir=[folder])

    assert sorted(subjects(archive)) == ["Number 1", "Number 2", "Number 3"]


def test_huge_message_is_cut_to_its_head(tmp_path):
    huge = letter(1, body=("x" * 99 + "\n") * 300_000)
    text = as_mbox(huge, letter(2))
    folder = write(tmp_path / "M" / "cur" / "1.M1.host:2,S", huge).parent.parent
    for archive in (
        ArchiveMail(mbox=[write(tmp_path / "a", text)]),
        ArchiveMail(maildir=[folder]),
    ):
        messages = [one for one in archive.fetch(listed(archive)) if b"Number 1" in one.raw]

        assert [one.raw for one in messages] == [letter(1, body="")[:-1].encode()]
        assert messages[0].size >= len(huge)


def test_maildir_leaves_out_drafts_trash_and_folders_named_so(tmp_path):
    root = tmp_path / "Maildir"
    write(root / "cur" / "1704103200.M1.host:2,S", letter(1))
    write(root / "new" / "1704103201.M2.host", letter(2))
    write(root / "cur" / "1704103202.M3.host:2,DS", letter(3))
    write(root / "cur" / "1704103203.M4.host:2,ST", letter(4))
    write(root / "tmp" / "1704103203.M5.host", letter(5))
    for number, name in enumerate((".Trash", ".Junk", ".Drafts", ".Entw&APw-rfe", ".Trash.Old"), 6):
        write(root / name / "cur" / f"170410320{number}.M{number}.host:2,S", letter(number))
    write(root / ".Work.Sent" / "cur" / "1704103300.M1.host;2,S", letter(20))
    os.symlink(root / "cur" / "1704103200.M1.host:2,S", root / "new" / "1704103301.M1.host")

    archive = ArchiveMail(maildir=[root])

    assert sorted(subjects(archive)) == ["Number 1", "Number 2", "Number 20"]


def test_maildir_file_renamed_since_the_listing_is_found_again(tmp_path):
    root = tmp_path / "Maildir"
    path = write(root / "new" / "1704103200.M1.host", letter(1))
    archive = ArchiveMail(maildir=[root])
    [provider_id] = listed(archive)
    (root / "cur").mkdir()
    path.rename(root / "cur" / "1704103200.M1.host:2,S")

    [message] = archive.fetch([provider_id])

    assert message.raw == letter(1).encode()


def test_unknown_id_is_missing(tmp_path):
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(letter(1)))])

    assert list(archive.fetch(["sha256:0"])) == [Missing("sha256:0")]


def test_empty_mbox_is_an_archive_without_mail(tmp_path):
    archive = ArchiveMail(mbox=[write(tmp_path / "empty.mbox", "")])

    assert listed(archive) == []


def test_apple_mail_folder_is_opened(tmp_path):
    write(tmp_path / "Work.mbox" / "mbox", as_mbox(letter(1)))

    assert subjects(ArchiveMail(mbox=[tmp_path / "Work.mbox"])) == ["Number 1"]


def test_files_that_cannot_be_used_are_named(tmp_path):
    zipped = write(tmp_path / "takeout.zip", b"PK\x03\x04 whatever")
    plain = write(tmp_path / "notes.txt", "From me to you.\nSome notes\n")
    empty = tmp_path / "folder"
    empty.mkdir()
    asked = {
        "there is no file": lambda: ArchiveMail(mbox=[tmp_path / "nowhere.mbox"]),
        "is not a file": lambda: ArchiveMail(mbox=[empty]),
        "but a zip archive: unpack it first": lambda: listed(ArchiveMail(mbox=[zipped])),
        "notes.txt” is no mbox file.": lambda: listed(ArchiveMail(mbox=[plain])),
        "is no maildir": lambda: listed(ArchiveMail(maildir=[empty])),
        "there is no folder": lambda: listed(ArchiveMail(maildir=[tmp_path / "nowhere"])),
        "is no calendar file": lambda: listed(ArchiveCalendar(ics=[plain])),
    }

    for sentence, ask in asked.items():
        with pytest.raises(SetupWrong) as caught:
            ask()
        assert sentence in str(caught.value).lower()


def test_closing_twice_is_fine(tmp_path):
    archive = ArchiveMail(mbox=[write(tmp_path / "a.mbox", as_mbox(letter(1)))])

    archive.close()
    archive.close()

    assert len(listed(archive)) == 1
