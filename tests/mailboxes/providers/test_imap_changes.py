"""What changes in an IMAP account, on a real server as it is and as an old one would be."""

import json

import pytest

from mailboxes.providers.base import CursorExpired
from mailboxes.providers.imap.folders import Folder
from mailboxes.providers.imap.provider import ImapMail
from tests.servers.dovecot import PLAIN, commands, dovecot, letter, recording
from tests.servers.engine import Engine


@pytest.fixture(scope="module")
def modern():
    with dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def old():
    with dovecot(capabilities=PLAIN) as running:
        yield running


@pytest.fixture(params=["modern", "old"])
def ada(request):
    """Someone new in every test, on a server that counts changes and on one that does not."""
    user = request.getfixturevalue(request.param).new_user()
    yield user
    user.close()


@pytest.fixture
def eve(modern):
    user = modern.new_user()
    yield user
    user.close()


@pytest.fixture
def engine(ada):
    return Engine(ada.provider)


def test_all_folders_are_read_but_junk_trash_and_drafts(ada, engine):
    read = ["INBOX", "Gesendetes", "Sent Items", "Arbeit/Äpfel & Birnen", "Clients/Kuka", 'say "hi" \\o']
    left_out = ["Müll", "Entw", "Spamfilter", "Trash", "Papierkorb", "Junk", "INBOX/Spam", "Müll/Projekt"]
    ada.make_folder(*read[1:], *left_out)
    for folder in read + left_out:
        ada.deliver(letter(folder.encode("ascii", "replace").decode()), folder)

    came, gone = engine.run()

    assert came == sorted(folder.encode("ascii", "replace").decode() for folder in read)
    assert gone == []


def test_folder_with_a_longest_name_has_short_ids(ada, engine):
    name = "/".join(["ordner" * 13] * 3)
    ada.make_folder(name)
    ada.deliver(letter("far down"), name)

    assert engine.run() == (["far down"], [])
    assert max(map(len, engine.stored)) < 60


def test_only_new_mail_is_listed_after_the_first_run(ada, engine):
    ada.deliver(letter("one"))
    engine.run()
    ada.deliver(letter("two"))
    ada.deliver(letter("three"))

    assert engine.run() == (["three", "two"], [])
    assert engine.subjects == ["one", "three", "two"]
    assert engine.run() == ([], [])
    assert engine.pages == []


def test_deleted_mail_goes(ada, engine):
    for name in ("one", "two", "three"):
        ada.deliver(letter(name))
    engine.run()
    ada.delete("two")
    ada.deliver(letter("four"))

    assert engine.run() == (["four"], ["two"])
    ada.delete("four")
    assert engine.run() == ([], ["four"])
    assert engine.subjects == ["one", "three"]


def test_emptied_folder_is_empty(ada, engine):
    ada.deliver(letter("one"))
    engine.run()
    ada.delete("one")

    assert engine.run() == ([], ["one"])
    assert [page.items for page in engine.pages if page.snapshot_of] == [[]]


def test_mark_for_deletion_is_deletion_and_can_be_taken_back(eve):
    engine = Engine(eve.provider)
    eve.deliver(letter("one"))
    eve.deliver(letter("two"))
    engine.run()

    eve.mark_deleted("one")
    assert engine.run() == ([], ["one"])
    eve.unmark_deleted("one")
    assert engine.run() == (["one"], [])


def test_mark_for_deletion_waits_for_the_next_change_where_changes_are_not_counted(old):
    user = old.new_user()
    engine = Engine(user.provider)
    for name in ("one", "two", "three"):
        user.deliver(letter(name))
    engine.run()

    user.mark_deleted("one")
    assert engine.run() == ([], [])
    user.delete("two")
    assert engine.run() == ([], ["one", "two"])
    user.close()


def test_mail_marked_for_deletion_from_the_start_never_comes(ada, engine):
    ada.deliver(letter("one"))
    ada.deliver(letter("two"))
    ada.mark_deleted("two")
    engine.run()
    ada.deliver(letter("three"))

    assert engine.run() == (["three"], [])
    assert engine.subjects == ["one", "three"]


def test_moved_mail_is_in_its_new_folder_only(ada, engine):
    ada.make_folder("Work", "Trash")
    ada.deliver(letter("one"))
    ada.deliver(letter("two"))
    engine.run()
    ada.move("one", "INBOX", "Work")
    ada.move("two", "INBOX", "Trash")

    assert engine.run() == (["one"], ["one", "two"])
    assert engine.subjects == ["one"]


def test_renumbered_folder_is_read_anew_in_one_listing(ada, engine):
    ada.make_folder("Work")
    for name in ("one", "two"):
        ada.deliver(letter(name), "Work")
    engine.run()
    ada.renumber("Work")
    ada.deliver(letter("three"), "Work")

    assert engine.run() == (["one", "three", "two"], ["one", "two"])
    assert engine.subjects == ["one", "three", "two"]
    snapshots = [(len(page.items), page.snapshot_of) for page in engine.pages if page.items]
    assert snapshots == [(3, Folder(b"Work").prefix)]
    assert engine.run() == ([], [])


def test_removed_folder_takes_its_mail_along(ada, engine):
    ada.make_folder("Work", "Workers")
    ada.deliver(letter("one"), "Work")
    ada.deliver(letter("two"), "Workers")
    engine.run()
    ada.remove_folder("Work")

    assert engine.run() == ([], ["one"])
    assert engine.subjects == ["two"]
    assert engine.run() == ([], [])


def test_renamed_folder_brings_new_ids_and_takes_old_ones_in_one_listing(ada, engine):
    ada.make_folder("Work")
    for name in ("one", "two"):
        ada.deliver(letter(name), "Work")
    engine.run()
    ada.rename_folder("Work", "Done")

    assert engine.run() == (["one", "two"], ["one", "two"])
    assert engine.subjects == ["one", "two"]
    snapshots = [(len(page.items), page.snapshot_of) for page in engine.pages if page.snapshot_of]
    assert snapshots == [(2, Folder(b"Work").prefix)]
    assert engine.run() == ([], [])
    assert engine.pages == []


def test_folder_renamed_to_trash_is_left(ada, engine):
    ada.make_folder("Work")
    ada.deliver(letter("one"), "Work")
    engine.run()
    ada.rename_folder("Work", "Trash")

    assert engine.run() == ([], ["one"])


def test_idle_poll_is_one_command_where_the_server_can(eve):
    eve.make_folder("Work", "Sent", "Trash")
    eve.deliver(letter("one"))
    engine = Engine(eve.provider)
    engine.run()

    with recording(eve.server) as heard:
        engine.open = lambda: eve.provider(port=heard.port, egress=eve.server.egress(heard.port))
        assert engine.run() == ([], [])

    status = "STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
    assert engine.pages == []
    assert commands(heard) == [
        "CAPABILITY",
        "AUTHENTICATE PLAIN",
        "CAPABILITY",
        "NAMESPACE",
        f'LIST "" "*" RETURN (SPECIAL-USE {status})',
        "LOGOUT",
    ]


def test_idle_poll_is_one_command_per_folder_elsewhere(old):
    user = old.new_user()
    user.make_folder("Work", "Trash")
    user.deliver(letter("one"))
    engine = Engine(user.provider)
    engine.run()

    with recording(old) as heard:
        engine.open = lambda: user.provider(port=heard.port, egress=old.egress(heard.port))
        assert engine.run() == ([], [])
        user.deliver(letter("two"))
        assert engine.run() == (["two"], [])

    items = "(MESSAGES UIDNEXT UIDVALIDITY)"
    idle = ["NAMESPACE", 'LIST "" "*"', f'STATUS "INBOX" {items}', f'STATUS "Work" {items}', "LOGOUT"]
    assert commands(heard)[3:8] == idle
    # What has come is asked for by number; the folder is not searched from the start.
    assert commands(heard)[14:18] == [
        'EXAMINE "INBOX"',
        "UID SEARCH UID 2:*",
        "UID SEARCH UNDELETED UID 2:*",
        "UID FETCH 2 (UID INTERNALDATE)",
    ]
    user.close()


def test_flag_changes_list_nothing(ada, engine):
    ada.deliver(letter("one"))
    engine.run()
    ada.mark_read("one")

    assert engine.run() == ([], [])
    assert [page.items for page in engine.pages] in ([], [()])


def test_large_folder_comes_in_pages_newest_first(ada, engine):
    ada.fill(2500)

    came, gone = engine.run()

    assert (len(came), len(set(came)), gone) == (2500, 2500, [])
    assert [len(page.items) for page in engine.pages if page.items] == [501, 1000, 999]
    orders = [item.order for page in engine.pages for item in page.items]
    assert orders == sorted(orders, reverse=True)


def test_run_that_dies_between_pages_loses_nothing(ada, engine):
    ada.fill(2500)

    engine.run(pages=2)
    assert len(engine.stored) == 1501
    engine.run()

    assert len(set(engine.subjects)) == 2500
    assert [len(page.items) for page in engine.pages if page.items] == [999]


def test_deletion_in_a_large_folder_concerns_one_block(ada, engine):
    ada.fill(2500)
    engine.run()
    ada.delete("number 1200")

    assert engine.run() == ([], ["number 1200"])
    assert [len(page.items) for page in engine.pages if page.items] == [999]
    # Those that stay are named, not dated: that would be most of the traffic.
    assert {item.order for page in engine.pages for item in page.items} == {0}


def test_unreadable_cursor_starts_over_and_finds_what_has_gone(ada, engine):
    ada.make_folder("Work", "Old")
    for folder in ("INBOX", "Work", "Old"):
        ada.deliver(letter(folder), folder)
    engine.run()
    ada.remove_folder("Old")
    ada.delete("Work", "Work")
    engine.cursor = '{"of": "another version"}'

    assert engine.run() == ([], ["Old", "Work"])
    assert engine.subjects == ["INBOX"]
    assert engine.run() == ([], [])
    assert engine.pages == []


def test_starting_over_survives_a_death_on_the_way(ada, engine):
    ada.make_folder("Old")
    ada.deliver(letter("Old"), "Old")
    ada.deliver(letter("one"))
    engine.run()
    ada.remove_folder("Old")
    engine.cursor = "[]"

    engine.run(pages=1)

    assert engine.run() == ([], ["Old"])


@pytest.mark.parametrize("cursor", ["x", "[]", "7", '{"a": 1}', '{"a": [1, [1], {}]}', "[" * 100_000])
def test_cursor_of_no_meaning_is_expired(modern, cursor):
    provider = ImapMail(host="127.0.0.1", username="ada", password="x", egress=modern.egress())

    with pytest.raises(CursorExpired):
        next(provider.list_changes(cursor))


def test_cursor_stays_small_in_a_large_folder(eve):
    eve.fill(2500)
    engine = Engine(eve.provider)
    engine.run()

    (known,) = json.loads(engine.cursor).values()

    assert known[1][:2] == [2501, 2500]
    assert {block: count for block, (count, _) in known[2].items()} == {"2": 501, "1": 1000, "0": 999}
