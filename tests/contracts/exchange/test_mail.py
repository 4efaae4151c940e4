"""The fake of Exchange: folders, mail, and finding it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from exchangelib import EWSTimeZone
from exchangelib.errors import ErrorFolderNotFound, ErrorItemNotFound

from tests.contracts.exchange.asking import (
    ADA,
    BEN,
    INBOX,
    NOON,
    RAW,
    account,
    ask,
    cast,
    codes,
    deliver,
    found,
    get_folder,
    get_item,
    shape,
    texts,
)  # fmt: skip
from tests.fakes.ews_fields import CALENDAR_ITEM, MESSAGE
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_search import NotInThisFake
from tests.fakes.ews_soap import child, local
from tests.fakes.exchange import Exchange, exchange

HTML = (
    b'From: ben@corp.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--x--\r\n"
)


def find(*, view: str = "", more: str = "", paths: tuple[str, ...] = (), traversal: str = "Shallow") -> str:
    parents = f"<m:ParentFolderIds>{INBOX}</m:ParentFolderIds>"
    return f'<m:FindItem Traversal="{traversal}">{shape(*paths)}{view}{more}{parents}</m:FindItem>'


def page(offset: int, size: int) -> str:
    return f'<m:IndexedPageItemView MaxEntriesReturned="{size}" Offset="{offset}" BasePoint="Beginning"/>'


def test_folders_have_classes_counts_and_distinguished_ids(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 2)
    paths = ("folder:FolderClass", "folder:DistinguishedFolderId")
    calendar = '<t:DistinguishedFolderId Id="calendar"/>'

    answer = ask(fake, get_folder(INBOX, calendar, base="Default", paths=paths))

    folders = [group[0] for group in found(answer, "Folders")]
    assert [local(one) for one in folders] == ["Folder", "CalendarFolder"]
    inbox = {local(one): one.text for one in folders[0] if local(one) != "FolderId"}
    assert inbox == {
        "FolderClass": "IPF.Note",
        "DisplayName": "Inbox",
        "TotalCount": "2",
        "ChildFolderCount": "0",
        "DistinguishedFolderId": "inbox",
        "UnreadCount": "2",
    }
    assert child(folders[1], "UnreadCount") is None


def test_only_what_was_asked_for_comes_in_the_order_of_the_schema(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(RAW)
    asked = shape("message:InternetMessageId", "item:Subject", "item:DateTimeReceived")

    item = found(ask(fake, get_item(mail, shape=asked)), "Message")[0]
    bare = found(ask(fake, get_item(mail, shape=shape())), "Message")[0]

    assert [local(one) for one in item] == ["ItemId", "Subject", "DateTimeReceived", "InternetMessageId"]
    assert [local(one) for one in bare] == ["ItemId"]


def test_default_and_all_are_documented_sets(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(RAW)

    default = found(ask(fake, get_item(mail, shape=shape(base="Default"))), "Message")[0]
    everything = found(ask(fake, get_item(mail, shape=shape(base="AllProperties"))), "Message")[0]

    assert [local(one) for one in default] == (
        [
            "ItemId",
            "Subject",
            "Sensitivity",
            "Body",
            "Size",
            "DateTimeSent",
            "DateTimeCreated",
            "HasAttachments",
            "IsAssociated",
            "From",
        ]
    )
    names = [local(one) for one in everything]
    assert {"Body", "ToRecipients", "InternetMessageHeaders"} <= set(names)
    assert {"MimeContent", "TextBody", "BccRecipients"} & set(names) == set()
    order = [path.partition(":")[2] for path in MESSAGE]
    assert names == sorted(names, key=order.index)


def test_properties_of_other_kinds_and_of_nobody_are_left_out(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(b"Subject: x\r\n\r\n")
    asked = shape(
        "calendar:Start", "item:UniqueBody", "message:From", "message:InternetMessageId", "item:Subject"
    )

    item = found(ask(fake, get_item(mail, shape=asked)), "Message")[0]

    assert [local(one) for one in item] == ["ItemId", "Subject"]
    assert set(MESSAGE) & set(CALENDAR_ITEM) == {path for path in MESSAGE if path.startswith("item:")}


def test_mime_content_is_the_mail_byte_for_byte(fake: Exchange, box: Mailbox) -> None:
    content = b"From: x@y\r\nSubject: \xe4\r\n\r\n\x00\xff\n.\r\n"
    mail = box.deliver(content)
    ways = [shape("item:MimeContent"), shape(more="<t:IncludeMimeContent>true</t:IncludeMimeContent>")]

    answers = [ask(fake, get_item(mail, shape=one)) for one in ways]

    assert [base64.b64decode(texts(one, "MimeContent")[0]) for one in answers] == [content, content]
    assert [
        one.mime_content for one in account(fake).fetch([(mail, None)], only_fields=["mime_content"])
    ] == [content]


def test_mail_is_shown_decoded(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(RAW, at=NOON)

    item = next(iter(account(fake).fetch([(mail, None)])))

    assert (item.subject, item.conversation_topic, item.message_id) == (
        "Re: Grüße",
        "Grüße",
        "<b@corp.example>",
    )
    assert (item.in_reply_to, item.references) == ("<a@corp.example>", "<a@corp.example>")
    assert (item.author.name, item.author.email_address) == ("Bän", BEN)
    assert [one.email_address for one in item.to_recipients] == [ADA, "zoe@corp.example"]
    assert (item.display_to, item.display_cc) == ("Ada; zoe@corp.example", "Cleo")
    assert (item.datetime_received, item.datetime_sent) == (NOON, datetime(2026, 1, 5, 10, 59, tzinfo=UTC))
    assert (item.body, item.is_read, item.is_draft, item.is_from_me) == (
        "How are you?\r\n",
        False,
        False,
        False,
    )
    assert {one.name: one.value for one in item.headers}["Subject"] == "Re: Grüße"


def test_bodies_come_in_the_type_asked_for(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(HTML)
    kinds = ["", "<t:BodyType>Text</t:BodyType>", "<t:BodyType>HTML</t:BodyType>"]

    answers = [ask(fake, get_item(mail, shape=shape("item:Body", more=one))) for one in kinds]

    bodies = [found(one, "Body")[-1] for one in answers]
    assert [(one.get("BodyType"), (one.text or "").strip()) for one in bodies] == [
        ("HTML", "<p>rich</p>"),
        ("Text", "rich"),
        ("HTML", "<p>rich</p>"),
    ]


def test_times_are_in_the_zone_of_the_context(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(RAW, at=NOON)
    zone = '<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>'
    asked = get_item(mail, shape=shape("item:DateTimeReceived"))

    answers = [ask(fake, asked), ask(fake, asked, header=zone)]

    assert [texts(one, "DateTimeReceived") for one in answers] == [
        ["2026-01-05T12:00:00Z"],
        ["2026-01-05T13:00:00+01:00"],
    ]


def test_each_item_has_its_own_answer(fake: Exchange, box: Mailbox) -> None:
    first, gone = deliver(box, 2)
    box.delete(gone)

    answer = ask(fake, get_item(gone, "AAMkAAAA", first, shape=shape()))
    items = list(account(fake).fetch([(gone, None), (first, None)], only_fields=["subject"]))

    assert codes(answer) == (200, ["ErrorItemNotFound", "ErrorInvalidIdMalformed", "NoError"])
    assert isinstance(items[0], ErrorItemNotFound)
    assert items[1].subject == "Mail 0"


def test_ids_are_long_and_differ_by_case(fake: Exchange, box: Mailbox) -> None:
    mails = deliver(box, 4)

    assert {len(one) for one in mails} == {152}
    assert len(set(mails)) == 4
    assert len({one.lower() for one in mails}) < 4


def test_client_walks_folders_in_any_language(fake: Exchange) -> None:
    fake.add_user("gabi@corp.example", password="x", username="CORP\\gabi", german=True)
    gabi = account(fake, "gabi@corp.example", username="CORP\\gabi", password="x")
    fake.mailbox("gabi@corp.example").deliver(RAW, "sentitems")

    assert (gabi.inbox.name, gabi.sent.name, gabi.calendar.name) == (
        "Posteingang",
        "Gesendete Elemente",
        "Kalender",
    )
    assert [one.is_read for one in gabi.sent.all()] == [True]
    assert sorted(one.name for one in gabi.root.walk())[:3] == ["Aufgaben", "Entwürfe", "Gelöschte Elemente"]


def test_missing_folders_are_told_one_by_one(fake: Exchange, box: Mailbox) -> None:
    gone = box.add_folder("Gone")
    box.delete_folder(gone)
    archive = '<t:DistinguishedFolderId Id="archiveinbox"/>'

    answer = ask(fake, get_folder(f'<t:FolderId Id="{gone}"/>', archive, INBOX, '<t:FolderId Id="x"/>'))

    assert codes(answer) == (
        200,
        ["ErrorFolderNotFound", "ErrorFolderNotFound", "NoError", "ErrorInvalidIdMalformed"],
    )
    with pytest.raises(ErrorFolderNotFound):
        account(fake).archive_inbox  # noqa: B018


def test_finding_pages_newest_first(fake: Exchange, box: Mailbox) -> None:
    mails = deliver(box, 3)

    first, second = ask(fake, find(view=page(0, 2))), ask(fake, find(view=page(2, 2)))

    listed = [[one.get("Id") for one in found(answer, "ItemId")] for answer in (first, second)]
    assert listed == [[mails[2], mails[1]], [mails[0]]]
    assert [dict(found(one, "RootFolder")[0].attrib) for one in (first, second)] == [
        {"IndexedPagingOffset": "2", "TotalItemsInView": "3", "IncludesLastItemInRange": "false"},
        {"IndexedPagingOffset": "3", "TotalItemsInView": "3", "IncludesLastItemInRange": "true"},
    ]


def test_finding_returns_a_thousand_at_most(fake: Exchange, box: Mailbox) -> None:
    for _ in range(1001):
        box.deliver(b"Subject: x\r\n\r\n")

    answers = [ask(fake, find(view=one)) for one in ("", page(0, 5000))]

    assert [len(found(one, "ItemId")) for one in answers] == [1000, 1000]
    assert [found(one, "RootFolder")[0].get("IncludesLastItemInRange") for one in answers] == [
        "false",
        "false",
    ]


def test_finding_has_names_without_addresses_and_no_bodies(fake: Exchange, box: Mailbox) -> None:
    box.deliver(RAW)

    item = found(ask(fake, find(paths=("message:From", "item:Body", "message:ToRecipients"))), "Message")[0]

    assert [local(one) for one in item] == ["ItemId", "From"]
    assert [local(one) for one in item[1][0]] == ["Name"]


def test_deleted_and_associated_items_are_not_found(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1)

    answers = [ask(fake, find(traversal=one)) for one in ("SoftDeleted", "Associated")]

    assert [found(one, "ItemId") for one in answers] == [[], []]


def test_client_finds_by_time_and_in_order(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 4)
    since = (NOON + timedelta(minutes=2)).astimezone(EWSTimeZone("UTC"))
    inbox = account(fake).inbox

    late = inbox.filter(datetime_received__gte=since).order_by("datetime_received")
    exact = inbox.filter(message_id="<1@x>")

    assert [one.subject for one in late.only("subject", "datetime_received")] == ["Mail 2", "Mail 3"]
    assert [one.subject for one in exact.only("subject")] == ["Mail 1"]


def test_searching_by_words_is_not_in_this_fake() -> None:
    with pytest.raises(NotInThisFake), exchange() as fake:
        cast(fake)
        words = find().replace("</m:FindItem>", "<m:QueryString>football</m:QueryString></m:FindItem>")
        assert ask(fake, words).status_code == 501


def test_departed_people_have_no_address(fake: Exchange, box: Mailbox) -> None:
    mail = box.deliver(RAW)
    fake.depart(BEN)

    item = next(iter(account(fake).fetch([(mail, None)], only_fields=["author"])))

    assert (item.author.routing_type, item.author.mailbox_type) == ("EX", "OneOff")
    assert item.author.email_address.endswith("/CN=RECIPIENTS/CN=BEN")
