"""The fake of Microsoft Graph's mail: delta queries."""

from datetime import timedelta

import httpx
import pytest

from tests.contracts.microsoft.asking import LASTING, NOON, every, follow, get, letter, refused, values
from tests.fakes.faults import PageFault
from tests.fakes.graph_mailbox import Mailbox
from tests.fakes.microsoft import Microsoft

INBOX = "/me/mailFolders/inbox/messages/delta"


def subjects(rows: list[dict]) -> list[str]:
    return sorted(row["subject"] for row in rows if "subject" in row)


def removed(rows: list[dict]) -> list[tuple[str, str]]:
    return [(row["id"], row["@removed"]["reason"]) for row in rows if "@removed" in row]


def test_folder_changes_are_told_in_rounds(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    old = mailbox.add_folder("Old")
    rows, link = every(token, get(fake, token, "/me/mailFolders/delta", prefer="odata.maxpagesize=3"))
    mailbox.rename_folder("Old", "Older")
    new = mailbox.add_folder("New", parent="inbox")
    changed, link = every(token, follow(token, link))
    mailbox.delete_folder(old)
    gone, link = every(token, follow(token, link))

    assert [row["displayName"] for row in rows][-1] == "Old" and len(rows) == 9
    assert [(row["id"], row["displayName"]) for row in changed] == [(old, "Older"), (new, "New")]
    assert removed(gone) == [(old, "deleted")]
    assert every(token, follow(token, link))[0] == []


def test_messages_are_told_in_rounds_of_pages(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    ids = [mailbox.deliver(letter(number)) for number in range(5)]
    first = get(fake, token, INBOX, select="subject", prefer="odata.maxpagesize=2")
    rows, link = every(token, first, prefer="odata.maxpagesize=2")
    mailbox.change(ids[0], is_read=True)
    mailbox.deliver(letter(5))
    mailbox.deliver(letter(6), "archive")
    changed, again = every(token, follow(token, link))

    assert len(values(first)) == 2 and "@odata.deltaLink" not in first.json()
    assert subjects(rows) == [f"Number {number}" for number in range(5)]
    assert set(rows[0]) == {"@odata.type", "@odata.etag", "id", "subject"}
    assert subjects(changed) == ["Number 0", "Number 5"]
    assert again != link
    assert every(token, follow(token, again))[0] == []
    # A link that was followed can be followed again.
    assert subjects(every(token, follow(token, link))[0]) == ["Number 0", "Number 5"]


def test_messages_that_leave_are_told_with_a_reason(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    moved, deleted, back = (mailbox.deliver(letter(number)) for number in range(3))
    _, link = every(token, get(fake, token, INBOX, prefer=LASTING), prefer=LASTING)
    mailbox.move(moved, "archive")
    mailbox.delete(deleted)
    mailbox.move(back, "deleteditems")
    mailbox.move(back, "inbox")

    rows, _ = every(token, follow(token, link, prefer=LASTING), prefer=LASTING)

    assert removed(rows) == [(moved, "changed"), (deleted, "deleted")]
    assert [row["id"] for row in rows if "@removed" not in row] == [back]


def test_links_of_both_kinds_of_ids_are_the_same(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    _, link = every(token, get(fake, token, INBOX))
    lasting = mailbox.deliver(letter(1))

    assert every(token, follow(token, link, prefer=LASTING), prefer=LASTING)[0][0]["id"] == lasting


def test_filters_are_of_the_time_of_receipt_alone(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    for number in range(3):
        mailbox.deliver(letter(number), at=NOON + timedelta(hours=number))

    def found(text: str) -> list[str]:
        return subjects(values(get(fake, token, INBOX, filter=text)))

    assert found("receivedDateTime ge 2026-03-01T13:00:00Z") == ["Number 1", "Number 2"]
    assert found("receivedDateTime gt 2026-03-01T13:00:00Z") == ["Number 2"]
    for text in (
        "receivedDateTime le 2026-03-01T13:00:00Z",
        "isRead eq false",
        "receivedDateTime ge yesterday",
    ):
        assert get(fake, token, INBOX, filter=text).status_code == 400


def test_filtered_rounds_end_after_so_many_messages(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    fake.mail.most_filtered = 3
    for number in range(5):
        mailbox.deliver(letter(number))
    since = "receivedDateTime ge 2020-01-01T00:00:00Z"

    cut, link = every(token, get(fake, token, INBOX, filter=since, prefer="odata.maxpagesize=2"))
    whole, _ = every(token, get(fake, token, INBOX))

    assert (len(cut), len(whole)) == (3, 5)
    assert every(token, follow(token, link))[0] == []


def test_filters_hold_in_later_rounds(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    _, link = every(token, get(fake, token, INBOX, filter="receivedDateTime ge 2026-03-01T00:00:00Z"))
    mailbox.deliver(letter(1), at=NOON - timedelta(days=9))
    mailbox.deliver(letter(2))

    assert subjects(every(token, follow(token, link))[0]) == ["Number 2"]


def test_rounds_can_be_of_one_kind_of_change(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    old, gone = mailbox.deliver(letter(1)), mailbox.deliver(letter(2))
    kinds = ("created", "updated", "deleted")
    links = [every(token, get(fake, token, INBOX, changeType=kind))[1] for kind in kinds]
    mailbox.deliver(letter(3))
    mailbox.change(old, is_read=True)
    mailbox.delete(gone)

    created, updated, deleted = (every(token, follow(token, link))[0] for link in links)

    assert (subjects(created), subjects(updated), subjects(deleted)) == (["Number 3"], ["Number 1"], [])
    assert [len(rows) for rows in (created, updated, deleted)] == [1, 1, 1]


def test_order_is_newest_first_or_none(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    for number in range(3):
        mailbox.deliver(letter(number), at=NOON + timedelta(hours=number))

    ordered = values(get(fake, token, INBOX, orderby="receivedDateTime desc"))

    assert [row["subject"] for row in ordered] == ["Number 2", "Number 1", "Number 0"]
    assert get(fake, token, INBOX, orderby="subject").status_code == 400
    assert get(fake, token, INBOX, search='"Number"').status_code == 400


def test_parameters_are_given_once_at_the_beginning(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    for number in range(3):
        mailbox.deliver(letter(number))
    first = get(fake, token, INBOX, prefer="odata.maxpagesize=2").json()["@odata.nextLink"]
    elsewhere = first.replace("inbox", "archive")

    assert follow(token, first + "&$select=subject").status_code == 400
    assert follow(token, elsewhere).status_code == 400
    assert follow(token, first.replace("skiptoken", "deltatoken")).status_code == 400
    assert follow(token, first[:-1]).status_code == 400
    assert follow(token, first).status_code == 200


def test_lost_state_is_told_with_the_way_to_begin_anew(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    mailbox.deliver(letter(1))
    _, link = every(token, get(fake, token, INBOX, select="subject"))
    mailbox.forget_state()

    gone = follow(token, link)
    rows, _ = every(token, follow(token, gone.headers["location"]))

    assert refused(gone) == (410, "SyncStateNotFound")
    assert gone.headers["location"].endswith("/inbox/messages/delta?$select=subject&$deltatoken=")
    assert set(rows[0]) == {"@odata.type", "@odata.etag", "id", "subject"}


@pytest.mark.parametrize("name", ["syncStateNotFound", "SyncStateInvalid"])
def test_lost_state_may_be_of_one_folder_and_another_code(
    fake: Microsoft, mailbox: Mailbox, token: str, name: str
) -> None:
    links = [
        every(token, get(fake, token, path))[1]
        for path in (INBOX, "/me/mailFolders/archive/messages/delta", "/me/mailFolders/delta")
    ]
    mailbox.forget_state("inbox", status=400, code=name)

    lost, *others = (follow(token, link) for link in links)

    assert (refused(lost), "location" in lost.headers) == ((400, name), False)
    assert [answer.status_code for answer in others] == [200, 200]


def test_changes_during_a_round_come_with_it_or_the_next(
    fake: Microsoft, mailbox: Mailbox, token: str
) -> None:
    ids = [mailbox.deliver(letter(number)) for number in range(4)]
    first = get(fake, token, INBOX, prefer="odata.maxpagesize=2")
    mailbox.deliver(letter(9))
    mailbox.delete(ids[3])
    rows, link = every(token, first, prefer="odata.maxpagesize=2")
    later, _ = every(token, follow(token, link))

    # Whatever the round has had already, the next tells it again.
    assert {row["id"] for row in rows} >= {mailbox.mails[one].id for one in ids[:3]}
    assert (subjects(later), len(removed(later))) == (["Number 9"], 1)


def test_pages_can_be_empty_doubled_or_reversed(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    path = "/v1.0/me/mailFolders/inbox/messages/delta"
    for number in range(3):
        mailbox.deliver(letter(number))
    straight, _ = every(token, get(fake, token, INBOX, select="subject"))

    def first_page(page: PageFault) -> httpx.Response:
        fake.faults.clear()
        fake.faults.on("GET", path, call=1, page=page)
        return get(fake, token, INBOX, select="subject")

    empty = first_page("empty")

    assert (values(empty), every(token, empty)[0]) == ([], straight)
    assert values(first_page("duplicated")) == [*straight, straight[0]]
    assert values(first_page("reversed")) == straight[::-1]


def test_changes_can_be_replayed(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    message = mailbox.deliver(letter(1))
    _, link = every(token, get(fake, token, INBOX))
    mailbox.replay(message)

    assert subjects(every(token, follow(token, link))[0]) == ["Number 1"]
