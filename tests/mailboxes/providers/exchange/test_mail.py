"""Mail of Exchange on premises, against the strict fake: what is read, what goes, what is asked."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from mailboxes.providers.base import (
    CursorExpired,
    FetchedMail,
    ListedItem,
    Missing,
)
from mailboxes.providers.exchange.errors import NoAccess
from mailboxes.providers.exchange.folders import prefix_of
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import t
from tests.fakes.exchange import Exchange, exchange
from tests.mailboxes.letters import letter
from tests.mailboxes.providers.exchange.rig import (
    ADA,
    SECRET,
    USER,
    answer,
    changes,
    created,
    deliver,
    fetched,
    ids,
    items,
    last_cursor,
    listings,
    own,
    problem_of,
    reader,
)

AT = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
IDLE = ["FindFolder", "GetFolder", "SyncFolderItems", "SyncFolderItems"]


def operations(fake: Exchange) -> list[str]:
    return [call.detail for call in fake.log.calls]


@pytest.mark.parametrize("german", [False, True])
def test_all_mail_is_read_but_what_is_junk_deleted_unsent_or_no_mail(german: bool) -> None:
    with exchange() as fake:
        box = fake.add_user(ADA, password=SECRET, username=USER, german=german)
        box.add_folder("Clients")
        box.add_folder("Acme", under="Clients")
        box.add_folder("Thrown away", under="deleteditems")
        box.add_folder("RSS Feeds", folder_class="IPF.Note.OutlookHomepage")
        box.add_folder("News", under="RSS Feeds")
        box.add_folder("Older", folder_class="")
        read = [deliver(box, n, one) for n, one in enumerate(("inbox", "sentitems", "Acme", "Older"))]
        for number, folder in enumerate(("junkemail", "deleteditems", "drafts", "outbox"), 10):
            deliver(box, number, folder)
        deliver(box, 20, "Thrown away")
        deliver(box, 21, "News")

        found = ids(listings(reader(fake)))

    assert sorted(map(own, found)) == sorted(read)


def test_newest_come_first_in_a_listing(fake: Exchange, box: Mailbox) -> None:
    for number, day in enumerate((2, 3, 1)):
        deliver(box, number, at=AT.replace(day=day))

    (listing,) = listings(reader(fake))

    days = [datetime.fromtimestamp(item.order, UTC).day for item in listing.items]
    assert days == [3, 2, 1]


def test_changes_are_told_from_the_cursor_on(fake: Exchange, box: Mailbox) -> None:
    gone, moved, read, trashed = (deliver(box, number) for number in range(4))
    first = listings(reader(fake))
    by_own = {own(one): one for one in ids(first)}
    cursor = last_cursor(reader(fake))
    box.delete(gone)
    box.trash(trashed)
    box.mark_read(read)
    there = box.move(moved, "sentitems")
    new = deliver(box, 9)

    inbox, sent = listings(reader(fake), cursor)

    assert set(map(own, ids([inbox]))) == {new}
    assert set(inbox.removed) == {by_own[gone], by_own[moved], by_own[trashed]}
    assert (list(map(own, ids([sent]))), sent.removed) == ([there], [])
    assert (inbox.snapshot_of, sent.snapshot_of) == (None, None)


def test_idle_poll_is_one_request_a_folder_and_says_nothing(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1)
    cursor = last_cursor(reader(fake))
    fake.log.clear()

    found = list(reader(fake).list_changes(cursor))

    assert (found, operations(fake)) == ([], IDLE)


def test_long_folder_is_listed_page_by_page_and_can_be_taken_up_in_the_middle(
    fake: Exchange, box: Mailbox
) -> None:
    for number in range(600):
        deliver(box, number)
    first = next(reader(fake).list_changes(""))

    rest = listings(reader(fake), first.cursor)

    assert (len(first.items), [len(one.items) for one in rest]) == (512, [88])
    assert len({*ids([first]), *ids(rest)}) == 600


def test_forgotten_position_is_a_snapshot_of_its_folder(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1)
    gone = deliver(box, 2)
    cursor = last_cursor(reader(fake))
    box.delete(gone)
    box.forget_state()

    found = listings(reader(fake), cursor)

    assert [one.snapshot_of for one in found] == [
        prefix_of(box.id_of("inbox")),
        prefix_of(box.id_of("sentitems")),
    ]
    assert [len(one.items) for one in found] == [1, 0]
    assert listings(reader(fake), found[-1].cursor) == []


@pytest.mark.parametrize("cursor", ["{", "[]", '{"folders": 7}', "x" * 9000])
def test_unreadable_cursor_becomes_one_snapshot_of_all(fake: Exchange, box: Mailbox, cursor: str) -> None:
    deliver(box, 1)
    deliver(box, 2, "sentitems")
    mail = reader(fake)
    with pytest.raises(CursorExpired):
        list(mail.list_changes(cursor))

    *signs, everything = mail.list_changes("")

    assert {(len(one.items), one.cursor, one.snapshot_of) for one in signs} == {(0, cursor, None)}
    assert (len(everything.items), everything.snapshot_of) == (2, "")
    assert listings(reader(fake), everything.cursor) == []


def test_mailbox_that_cannot_be_read_any_more_is_not_taken_for_an_empty_one(
    fake: Exchange, box: Mailbox
) -> None:
    deliver(box, 1)
    mail = reader(fake)
    with pytest.raises(CursorExpired):
        list(mail.list_changes("void"))
    fake.fails("SyncFolderItems", "ErrorAccessDenied", in_message=True)

    problem = problem_of(mail)

    assert type(problem) is NoAccess


def test_folder_that_is_gone_takes_its_mail_along(fake: Exchange, box: Mailbox) -> None:
    folder = box.add_folder("Clients")
    deliver(box, 1, "Clients")
    cursor = last_cursor(reader(fake))
    box.delete_folder("Clients")

    (listing,) = listings(reader(fake), cursor)

    assert (listing.items, listing.snapshot_of) == ((), prefix_of(folder))
    assert listings(reader(fake), listing.cursor) == []


def test_renamed_folder_is_the_same(fake: Exchange, box: Mailbox) -> None:
    box.add_folder("Clients")
    deliver(box, 1, "Clients")
    cursor = last_cursor(reader(fake))
    box.rename_folder("Clients", "Customers")

    found = list(reader(fake).list_changes(cursor))

    assert found == []


def test_folder_left_out_is_not_read_nor_what_lies_in_it(fake: Exchange, box: Mailbox) -> None:
    left_out = box.add_folder("Private")
    box.add_folder("Family", under="Private")
    deliver(box, 1, "Private")
    deliver(box, 2, "Family")
    kept = deliver(box, 3)
    one = reader(fake, left_out=[left_out])

    found = ids(listings(one))

    assert [own(each) for each in found] == [kept]
    assert [folder.name for folder in one.folders()] == ["Inbox", "Sent Items"]


def test_what_the_owner_now_leaves_out_goes(fake: Exchange, box: Mailbox) -> None:
    left_out = box.add_folder("Private")
    deliver(box, 1, "Private")
    seen = reader(fake)
    cursor = last_cursor(seen)
    (gone,) = ids(listings(reader(fake)))
    after = reader(fake, left_out=[left_out])

    found = listings(after, cursor)

    assert [(one.items, one.snapshot_of) for one in found] == [((), prefix_of(left_out))]
    assert fetched(after, [gone]) == {gone: Missing(gone)}


def test_what_is_no_mail_is_not_listed(fake: Exchange, box: Mailbox) -> None:
    told = changes(
        created("note"),
        created("bounce", kind="REPORT.IPM.Note.NDR"),
        created("invitation", element="MeetingRequest", kind="IPM.Schedule.Meeting.Request"),
        created("chat", kind="IPM.Note.Microsoft.Conversation"),
        created("post", element="PostItem", kind="IPM.Post.Rss"),
        created("contact", element="Contact", kind="IPM.Contact"),
        created("unheard of", element="Booking", kind="IPM.Whatever"),
        t(
            "Update",
            t(
                "Message",
                t("ItemId", Id="draft", ChangeKey="CQ"),
                t("ItemClass", "IPM.Note"),
                t("IsDraft", "true"),
            ),
        ),
    )
    fake.on("SyncFolderItems", call=1, status=200, body=answer("SyncFolderItems", told))

    found = ids(listings(reader(fake)))

    assert {own(one) for one in found} == {"note", "bounce", "invitation"}


def test_too_long_id_is_shortened_and_found_again(fake: Exchange, box: Mailbox) -> None:
    long = "AAMk" + "x" * 500
    told = answer("SyncFolderItems", changes(created(long), created("other")))
    raw = letter(1).encode()
    given = t("Message", t("MimeContent", b64encode(raw).decode()), t("ItemId", Id=long, ChangeKey="CQ"))
    fake.on("SyncFolderItems", call=(1, 3), status=200, body=told)
    fake.on("GetItem", status=200, body=answer("GetItem", items(given)))
    short = next(one for one in ids(listings(reader(fake))) if "other" not in one)

    found = fetched(reader(fake), [short])

    assert (len(short), found) == (20 + 1 + 1 + 64, {short: FetchedMail(short, raw, len(raw), None)})


def test_one_folder_that_cannot_be_listed_is_no_reason_to_stop(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1)
    sent = deliver(box, 2, "sentitems")
    fake.fails("SyncFolderItems", "ErrorInternalServerError", in_message=True, call=1)

    found = ids(listings(reader(fake)))

    assert [own(one) for one in found] == [sent]


def test_all_folders_that_cannot_be_listed_are_reported(fake: Exchange) -> None:
    fake.fails("SyncFolderItems", "ErrorAccessDenied", in_message=True)

    problem = problem_of(reader(fake))

    assert type(problem) is NoAccess


def test_server_that_runs_in_circles_is_left_alone(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1)
    cursor = last_cursor(reader(fake))
    new = deliver(box, 2)
    box.stall()
    stuck = listings(reader(fake), cursor)

    found = ids(listings(reader(fake), cursor))

    assert (stuck, [own(one) for one in found]) == ([], [new])


def test_listed_item_has_no_version(fake: Exchange, box: Mailbox) -> None:
    one = deliver(box, 1, at=AT)

    (listing,) = listings(reader(fake))

    inbox = prefix_of(box.id_of("inbox"))
    assert listing.items == [ListedItem(inbox + one, int(AT.timestamp()), "")]
