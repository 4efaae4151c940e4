"""The IMAP provider against servers that are odd: folders, refusals, answers that are not quite right."""

from datetime import UTC, datetime

import pytest

from mailboxes.providers.base import (
    FetchedMail,
    Missing,
    TryLater,
    Unreadable,
)
from mailboxes.providers.imap.folders import Folder
from mailboxes.providers.imap.provider import Checked, check
from mailboxes.providers.rawmail import LARGEST_HEAD, LARGEST_MESSAGE
from tests.servers.engine import Engine
from tests.servers.scriptedimap import (
    RAW,
    VALIDITY,
    Asked,
    body,
    everything,
    fetch,
    ids,
    imap_server,
    no,
    sizes,
)

ARRIVED = datetime(2026, 1, 5, 10, tzinfo=UTC)


def mail(uid: int) -> FetchedMail:
    return FetchedMail(ids(uid)[0], RAW[uid], len(RAW[uid]), ARRIVED)


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 0 -1 4294967296 x 1 1 {3 99999999999999999999 2 (MODSEQ 9)\r\n",
        b"* SEARCH 2\r\n* SEARCH 1\r\n",
    ],
)
def test_search_gives_what_can_be_a_number(answer):
    with imap_server(search=answer) as there:
        assert sorted(item.provider_id for item in everything(there.provider())) == ids(1, 2)


def test_message_that_is_refused_is_unreadable_and_the_rest_goes_on():
    def bodies(asked: Asked) -> bytes:
        return b"".join(body(uid) for uid in asked.uids if uid != 2) + (
            no("[SERVERBUG] corrupted") if 2 in asked.uids else b""
        )

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    refused = Unreadable(ids(2)[0], "The mail server did not hand this message over.", len(RAW[2]))
    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), refused, mail(3)]


@pytest.mark.parametrize(
    "odd",
    [
        b"* 2 FETCH (UID 2 FLAGS ([x) BODY[] {3}\r\nabc)\r\n",
        b"* 2 FETCH (UID 2 BODY[] NIL)\r\n",
        b'* 2 FETCH (UID 2 BODY[] "")\r\n',
        b"* 2 FETCH (UID 2 BODY[])\r\n",
        b"* 2 FETCH (UID 2 BODY[] 5)\r\n",
        b"* 2 FETCH (UID 2 FLAGS %s\r\n" % (b"(" * 100_000),
    ],
)
def test_message_whose_answer_is_odd_is_unreadable_and_the_rest_goes_on(odd):
    def bodies(asked: Asked) -> bytes:
        return b"".join(odd if uid == 2 else body(uid) for uid in asked.uids)

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    garbled = Unreadable(ids(2)[0], "The mail server did not hand this message over.", len(RAW[2]))
    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), garbled, mail(3)]


def test_message_left_out_of_the_answer_has_gone():
    def bodies(asked: Asked) -> bytes:
        return b"* 9 FETCH (FLAGS (\\Seen))\r\n" + b"".join(body(uid) for uid in asked.uids if uid != 2)

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), Missing(ids(2)[0]), mail(3)]


def test_server_that_is_busy_makes_nothing_unreadable():
    with imap_server(fetch=fetch(lambda asked: no("[LIMIT] slow down"))) as there:
        with pytest.raises(TryLater, match="busy"):
            everything(there.provider())


def test_sizes_that_the_server_will_not_say_do_not_matter():
    bodies = fetch(lambda asked: b"".join(map(body, asked.uids)), sizes=lambda asked: no("no sizes"))
    with imap_server(fetch=bodies) as there:
        fetched = everything(there.provider())

    expected = [FetchedMail(ids(uid)[0], RAW[uid], len(RAW[uid]), None) for uid in (3, 2, 1)]
    assert fetched == expected


@pytest.mark.parametrize("size", [0, 10_000_000])
def test_sizes_that_are_wrong_do_not_matter(size):
    large = b"Subject: large\r\n\r\n" + b"x" * 5_000_000
    bodies = fetch(lambda asked: b"".join(body(uid, large) for uid in asked.uids), sizes=sizes(size))
    with imap_server(search=b"* SEARCH 1 2\r\n", fetch=bodies) as there:
        fetched = everything(there.provider())

    assert [(item.raw == large, item.size) for item in fetched] == [(True, len(large))] * 2


def test_huge_message_is_asked_for_its_head_only():
    head = b"Subject: huge\r\n\r\n"
    only_head = fetch(lambda asked: body(1, head, key=b"BODY[HEADER]<0>"), sizes=sizes(LARGEST_MESSAGE + 1))
    with imap_server(search=b"* SEARCH 1\r\n", fetch=only_head) as there:
        fetched = everything(there.provider())

        assert there.said[-1] == f"UID FETCH 1 (UID BODY.PEEK[HEADER]<0.{LARGEST_HEAD}>)"
    assert fetched == [FetchedMail(ids(1)[0], head, LARGEST_MESSAGE + 1, ARRIVED)]


def test_folder_numbered_anew_between_list_and_fetch_is_missing():
    numbers = iter([VALIDITY, VALIDITY + 1])

    def examine(asked: Asked) -> bytes:
        return b"* 3 EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % next(numbers)

    with imap_server(examine=examine) as there:
        fetched = everything(there.provider())

        assert [line for line in there.said if "BODY" in line] == []
    assert sorted(fetched, key=lambda one: one.provider_id) == [Missing(one) for one in ids(1, 2, 3)]


@pytest.mark.parametrize(
    "dates",
    [b"", b'INTERNALDATE "not a date"', b"INTERNALDATE NIL", b'INTERNALDATE "01-Jan-9999 00:00:00 +9999"'],
)
def test_dates_that_are_none_leave_the_message(dates):
    def answer(asked: Asked) -> bytes:
        if b"BODY" in asked.text:
            return b"".join(map(body, asked.uids))
        return b"".join(b"* %d FETCH (UID %d RFC822.SIZE 9 %s)\r\n" % (uid, uid, dates) for uid in asked.uids)

    with imap_server(fetch=answer) as there:
        fetched = everything(there.provider())

    assert [(item.raw, item.received_at) for item in fetched] == [(RAW[uid], None) for uid in (3, 2, 1)]


def folder(flags: str, name: str, *, delimiter: str = "/") -> bytes:
    return f'* LIST ({flags}) "{delimiter}" "{name}"\r\n'.encode()


def names(lines: list[bytes], *, more: bytes = b"", **replies: bytes) -> tuple[str, ...]:
    capability = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN" + more + b"\r\n"
    with imap_server(list=b"".join(lines), capability=capability, **replies) as there:
        provider = there.provider()
        found, _ = provider.folders()
        provider.close()
    return found


def test_gmail_is_read_through_all_mail():
    lines = [
        folder("\\HasNoChildren", "INBOX"),
        folder("\\Noselect", "[Gmail]"),
        folder("\\All", "[Gmail]/All Mail"),
        folder("\\Junk", "[Gmail]/Spam"),
        folder("", "Customers"),
    ]
    capability = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN X-GM-EXT-1\r\n"
    with imap_server(list=b"".join(lines), capability=capability) as there:
        found = len(everything(there.provider()))

        assert (found, "UID SEARCH UNDELETED UNDRAFT" in there.said) == (3, True)
        assert {line for line in there.said if line.startswith("EXAMINE")} == {'EXAMINE "[Gmail]/All Mail"'}


def test_views_of_other_folders_are_left_out_elsewhere():
    lines = [folder("", "inbox"), folder("\\All", "Everything"), folder("\\Flagged", "Starred")]

    assert names([*lines, folder("\\Important", "Urgent"), folder("\\Archive", "Bin")]) == ("INBOX", "Bin")
    assert names([folder("\\All", "Everything"), folder("\\Junk", "INBOX")]) == ("Everything",)


def test_folders_of_other_people_are_left_out():
    lines = [
        folder("", name, delimiter=".")
        for name in ("INBOX", "INBOX.Work", "INBOX.Trash", "user.ben", "Shared.Sales", "sharedwork")
    ]
    spaces = b'* NAMESPACE (("INBOX." ".")) (("user." ".")) (("Shared." "."))\r\n'

    assert names(lines, more=b" NAMESPACE", namespace=spaces) == ("INBOX", "INBOX.Work", "sharedwork")
    assert names(lines, more=b" NAMESPACE", namespace=b"* NAMESPACE NIL NIL ((((\r\n") == (
        "INBOX",
        "INBOX.Work",
        "Shared.Sales",
        "sharedwork",
        "user.ben",
    )


def test_folder_names_come_in_every_spelling():
    lines = [
        b"* LIST () NIL INBOX\r\n",
        b"* LIST () NIL 2024\r\n",
        b'* LIST () "/" "007"\r\n',
        b'* LIST () "/" "Entw&APw-rfe"\r\n',
        b'* LIST () "/" "&Jjo-/&ZeVnLIqe-"\r\n',
        '* LIST () "/" "Prêt"\r\n'.encode(),
        b'* LIST () "/" "R&D"\r\n',
        b'* LIST () "/" {5}\r\na"b{c (extra)\r\n',
        b'* LIST (\\NonExistent) "/" Ghost\r\n',
        b"* LIST broken\r\n",
        b'* LIST () "/" %s\r\n' % (b"long/" * 300),
    ]

    found = names(lines)

    assert set(found) == {"INBOX", "2024", "007", "☺/日本語", "Prêt", "R&D", 'a"b{c'}


def test_thousands_of_folders_are_read_with_signs_of_life():
    lines = [folder("", f"Folder {number}") for number in range(3000)]
    with imap_server(list=b"".join(lines), examine=b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n") as there:
        engine = Engine(there.provider)

        assert engine.run() == ([], [])
        assert len(engine.pages) == 30 and len(engine.cursor) < 300_000
        said = len(there.said)
        assert engine.run() == ([], [])
        # The goodbye of the first run may be heard only now.
        again = [command for command in there.said[said:] if command != "LOGOUT"]
        assert sum(command.startswith("STATUS") for command in again) == 3000
        assert len(again) == 3000 + 5


def test_more_folders_than_anybody_has_are_refused():
    lines = [folder("", f"Folder {number}") for number in range(5001)]

    with pytest.raises(TryLater, match="more than 5000 folders"):
        names(lines)


def test_account_without_folders_loses_nothing():
    replies: dict[str, bytes] = {}
    with imap_server(list=lambda asked: replies.get("list", folder("", "INBOX"))) as there:
        engine = Engine(there.provider)
        engine.run()
        replies["list"] = b""

        with pytest.raises(TryLater, match="lists no folders"):
            engine.run()

    assert len(engine.subjects) == 3


def test_folder_that_cannot_be_opened_keeps_its_mail_and_lets_the_others_be_read():
    refused: set[bytes] = set()

    def examine(asked: Asked) -> bytes:
        opened = b"* 3 EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % VALIDITY
        return no("[NOPERM] hunter2") if asked.text.split()[1] in refused else opened

    def status(asked: Asked) -> bytes:
        numbers = (3, 9) if refused else (3, 4)
        return b"* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY 7)\r\n" % (asked.text.split()[1], *numbers)

    lines = folder("", "INBOX") + folder("", "Work")
    with imap_server(list=lines, examine=examine, status=status) as there:
        engine = Engine(there.provider)
        engine.run()
        refused.add(b'"Work"')
        assert engine.run() == ([], [])
        assert len(engine.stored) == 6
        work = [key for key in engine.stored if key.startswith(Folder(b"Work").prefix)]
        unread = list(there.provider().fetch(work))
        refused.add(b'"INBOX"')
        engine.cursor = engine.cursor.replace("[9,", "[4,")
        with pytest.raises(TryLater, match="would not open a folder"):
            engine.run()

    assert {one.reason for one in unread} == {"The mail server would not open the folder of this message."}


def test_folder_without_uidvalidity_is_left_for_later():
    with imap_server(examine=b"* 3 EXISTS\r\n") as there:
        with pytest.raises(TryLater, match="would not open a folder"):
            everything(there.provider())


def test_state_that_is_not_given_is_looked_for_in_the_folder():
    with imap_server(status=no("unknown")) as there:
        engine = Engine(there.provider)

        with pytest.raises(TryLater, match="tell the state"):
            engine.run()

    with imap_server(status=b"* STATUS INBOX (MESSAGES 3)\r\n") as there:
        engine = Engine(there.provider)
        assert len(engine.run()[0]) == 3
        assert engine.run() == ([], [])
        assert [line for line in there.said if line.startswith("UID SEARCH")] == ["UID SEARCH UNDELETED"] * 2


def test_check_says_which_step_failed():
    with imap_server(list=no("no")) as lists, imap_server(fetch=fetch(lambda asked: no("no"))) as reads:
        unlisted, unread = check(**lists.account()), check(**reads.account())

    assert unlisted == Checked(failed="list the folders", problem="The server would not list the folders.")
    problem = "The mail server did not hand this message over."
    assert unread == Checked(("INBOX",), 3, failed="read a message", problem=problem)
