"""The fake of Microsoft Graph's mail: folders, messages, ids that change and ids that stay."""

from datetime import timedelta

import pytest

from tests.contracts.microsoft.asking import ADA, LASTING, NOON, code, follow, get, letter, refused, values
from tests.fakes.graph_mailbox import Mailbox
from tests.fakes.microsoft import Microsoft

INBOX = "/me/mailFolders/inbox/messages/delta"


def test_folders_are_listed_level_by_level_and_page_by_page(
    fake: Microsoft, mailbox: Mailbox, token: str
) -> None:
    project = mailbox.add_folder("Project")
    mailbox.add_folder("Deep", parent="Project")
    mailbox.add_folder("Zebra")
    mailbox.add_folder("Zoo")

    first = get(fake, token, "/me/mailFolders", select="displayName")
    second = follow(token, first.json()["@odata.nextLink"])
    below = get(fake, token, f"/me/mailFolders/{project}/childFolders")

    assert len(values(first)) == 10
    assert [row["displayName"] for row in values(first)][-3:] == ["Project", "Sent Items", "Zebra"]
    assert [set(row) for row in values(second)] == [{"id", "displayName"}]
    assert "@odata.nextLink" not in second.json()
    assert [row["displayName"] for row in values(below)] == ["Deep"]


def test_folders_that_are_hidden_are_listed_on_request(fake: Microsoft, token: str) -> None:
    usual = get(fake, token, "/me/mailFolders", top=50)
    everything = get(fake, token, "/me/mailFolders", top=50, includeHiddenFolders="true")

    assert "Clutter" not in [row["displayName"] for row in values(usual)]
    assert "Clutter" in [row["displayName"] for row in values(everything)]


def test_folders_are_known_by_id_and_by_well_known_name(
    fake: Microsoft, mailbox: Mailbox, token: str
) -> None:
    mailbox.deliver(letter(1))
    mailbox.deliver(letter(2), is_read=True)

    inbox = get(fake, token, "/me/mailFolders/inbox").json()
    same = get(fake, token, f"/me/mailfolders('{inbox['id']}')").json()

    assert (inbox["displayName"], inbox["totalItemCount"], inbox["unreadItemCount"]) == ("Inbox", 2, 1)
    assert same == inbox
    assert refused(get(fake, token, "/me/mailFolders/Inbox Zero")) == (404, "ErrorItemNotFound")
    assert refused(get(fake, token, f"/me/mailFolders/{inbox['id'].swapcase()}")) == (
        404,
        "ErrorItemNotFound",
    )


def test_ids_change_with_a_move_unless_they_are_immutable(
    fake: Microsoft, mailbox: Mailbox, token: str
) -> None:
    lasting = mailbox.deliver(letter(1))
    before = values(get(fake, token, INBOX))[0]["id"]
    mailbox.move(lasting, "archive")
    after = values(get(fake, token, "/me/mailFolders/archive/messages/delta"))[0]["id"]

    assert before != after
    assert (
        values(get(fake, token, "/me/mailFolders/archive/messages/delta", prefer=LASTING))[0]["id"] == lasting
    )
    assert refused(get(fake, token, f"/me/messages/{before}")) == (404, "ErrorItemNotFound")
    assert get(fake, token, f"/me/messages/{after}").json()["id"] == after
    assert get(fake, token, f"/me/messages/{lasting}", prefer=LASTING).json()["id"] == lasting
    assert refused(get(fake, token, f"/me/messages/{lasting}")) == (404, "ErrorItemNotFound")
    assert refused(get(fake, token, "/me/messages/17")) == (400, "ErrorInvalidIdMalformed")


def test_ids_may_differ_in_nothing_but_case(mailbox: Mailbox) -> None:
    ids = [mailbox.deliver(letter(number)) for number in range(4)]

    assert len(set(ids)) == 4
    assert len({one.lower() for one in ids}) < 4


def test_a_message_is_shown_with_its_people_and_times(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    lasting = mailbox.deliver(letter(1, "In-Reply-To: <0@contoso.example>"))
    shown = get(fake, token, f"/me/messages/{lasting}", prefer=LASTING).json()

    assert shown["subject"] == "Number 1"
    assert shown["from"] == {"emailAddress": {"name": "Bén", "address": "ben@contoso.example"}}
    assert [one["emailAddress"] for one in shown["toRecipients"]] == [
        {"name": "Ada", "address": ADA}, {"name": "cleo@contoso.example", "address": "cleo@contoso.example"}
    ]  # fmt: skip
    assert (shown["internetMessageId"], shown["isDraft"]) == ("<1@contoso.example>", False)
    assert (shown["sentDateTime"], shown["receivedDateTime"]) == (
        "2026-03-01T10:00:00Z",
        "2026-03-01T12:00:00Z",
    )
    assert shown["parentFolderId"] == mailbox.folder("inbox").id
    assert shown["body"]["contentType"] == "html"
    assert "internetMessageHeaders" not in shown


def test_conversations_are_of_messages_that_answer_each_other(
    fake: Microsoft, mailbox: Mailbox, token: str
) -> None:
    ids = [
        mailbox.deliver(letter(1)),
        mailbox.deliver(letter(2, "References: <1@contoso.example>")),
        mailbox.deliver(letter(3)),
    ]

    found = [
        get(fake, token, f"/me/messages/{one}", select="conversationId", prefer=LASTING).json() for one in ids
    ]

    assert found[0]["conversationId"] == found[1]["conversationId"] != found[2]["conversationId"]


def test_internet_headers_are_of_what_was_transported(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    received, sent = mailbox.deliver(letter(1, "X-One: 1")), mailbox.deliver(letter(2), "sentitems")
    draft = mailbox.deliver(letter(3), "drafts")

    def shown(message: str) -> dict:
        select = "internetMessageHeaders,isDraft"
        return get(fake, token, f"/me/messages/{message}", select=select, prefer=LASTING).json()

    assert {"name": "X-One", "value": "1"} in shown(received)["internetMessageHeaders"]
    assert ("internetMessageHeaders" in shown(sent), shown(sent)["isDraft"]) == (False, False)
    assert shown(draft)["isDraft"] is True


def test_mime_is_as_it_was_delivered(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    lasting = mailbox.deliver(letter(1))

    answer = get(fake, token, f"/me/messages/{lasting}/$value", prefer=LASTING)

    assert (answer.content, answer.headers["content-type"]) == (letter(1), "text/plain")
    assert refused(get(fake, token, "/me/messages/AAMknone/$value")) == (404, "ErrorItemNotFound")


def test_basic_scope_hides_what_messages_say(fake: Microsoft, mailbox: Mailbox) -> None:
    lasting = mailbox.deliver(letter(1))
    token = fake.grant(ADA, "Mail.ReadBasic").access_token

    shown = get(fake, token, f"/me/messages/{lasting}", prefer=LASTING)

    assert shown.json()["subject"] == "Number 1"
    assert {"body", "bodyPreview"} & set(shown.json()) == set()
    assert refused(get(fake, token, INBOX, select="body")) == (403, "ErrorAccessDenied")
    assert refused(get(fake, token, f"/me/messages/{lasting}/$value", prefer=LASTING)) == (
        403,
        "ErrorAccessDenied",
    )


def test_bodies_come_as_text_on_request(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    mailbox.deliver(letter(1))

    (row,) = values(get(fake, token, INBOX, prefer='outlook.body-content-type="text"'))

    assert row["body"] == {"contentType": "text", "content": "Body 1\r\n"}
    assert code(get(fake, token, INBOX, prefer='outlook.body-content-type="rtf"')) == "ErrorInvalidParameter"


def test_what_is_wrong_is_said_even_where_there_is_nothing(fake: Microsoft, token: str) -> None:
    wrong = [
        {"select": "id,labels"},
        {"filter": "isRead eq true"},
        {"prefer": 'outlook.body-content-type="rtf"'},
    ]

    for changes in wrong:
        assert get(fake, token, INBOX, **changes).status_code == 400
        assert get(fake, token, "/me/mailFolders/inbox/messages", **changes).status_code == 400


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\r\n\r\nno head",
        b"Date: yesterday\r\nFrom: nobody\r\n\r\n\xff\xfe",
        b"Date: Sun, 01 Mar 2026 11:00:00 -0000\r\nSubject: \xe4\xf6\r\n\r\n",
        b"Date: Sat, 01 Jan 0001 00:00:00 +1400\r\nSubject: =?x?b?!?=\r\n\r\n",
        b"Subject: =?utf-8?b?a?=\r\nContent-Type: text/plain; charset=punycode\r\n\r\n\x80",
        b"From: a@b, , <c\r\nContent-Type: multipart/mixed\r\n\r\nno parts",
    ],
)
def test_odd_mail_is_shown_as_well_as_it_can_be(
    fake: Microsoft, mailbox: Mailbox, token: str, odd: bytes
) -> None:
    lasting = mailbox.deliver(odd)

    shown = get(fake, token, f"/me/messages/{lasting}", prefer=LASTING).json()
    mime = get(fake, token, f"/me/messages/{lasting}/$value", prefer=LASTING)

    assert (shown["id"], shown["receivedDateTime"], mime.content) == (lasting, "2026-03-01T12:00:00Z", odd)


def test_plain_listings_are_newest_first(fake: Microsoft, mailbox: Mailbox, token: str) -> None:
    for number in range(3):
        mailbox.deliver(
            letter(number), "archive" if number == 1 else "inbox", at=NOON + timedelta(hours=number)
        )

    first = get(fake, token, "/me/messages", top=2, select="subject")
    second = follow(token, first.json()["@odata.nextLink"])

    assert [row["subject"] for row in values(first) + values(second)] == ["Number 2", "Number 1", "Number 0"]
    assert "@odata.nextLink" not in second.json()
    assert len(values(get(fake, token, "/me/mailFolders/archive/messages"))) == 1
