"""Messages of Exchange on premises, fetched: whole, cut, missing, and what one bad one costs."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from mailboxes.providers.base import FetchedMail, Missing, TryLater, Unreadable
from mailboxes.providers.exchange import protocol as exchange_protocol
from mailboxes.providers.exchange.folders import prefix_of
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import message, t
from tests.fakes.exchange import Exchange
from tests.mailboxes.letters import letter
from tests.mailboxes.providers.exchange.rig import (
    ADA,
    answer,
    changes,
    created,
    deliver,
    fetched,
    ids,
    items,
    listings,
    own,
    reader,
)

AT = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


def test_message_comes_byte_by_byte_with_when_it_was_received(fake: Exchange, box: Mailbox) -> None:
    raw = letter(1, body="Grüße ✓").encode()
    box.deliver(raw, at=AT)
    mail = reader(fake)
    (one,) = ids(listings(mail))

    found = fetched(mail, [one])

    assert found == {one: FetchedMail(one, raw, len(raw), AT)}


def test_gone_malformed_and_foreign_ids_are_missing(fake: Exchange, box: Mailbox) -> None:
    one = deliver(box, 1)
    mail = reader(fake)
    (known,) = ids(listings(mail))
    box.delete(one)
    inbox = prefix_of(box.id_of("inbox"))
    wanted = [known, "0123456789abcdef0123/AAMk", "nonsense", "", inbox, f"{inbox}~" + "0" * 64]

    found = fetched(reader(fake), wanted)

    assert found == {one: Missing(one) for one in wanted}


def test_one_message_that_cannot_be_converted_costs_no_other(fake: Exchange, box: Mailbox) -> None:
    for number in range(4):
        deliver(box, number, at=AT.replace(hour=20 - number))
    mail = reader(fake)
    good, broken, empty, gone = ids(listings(mail))
    raw = letter(0).encode()
    id = t("ItemId", Id=own(good), ChangeKey="CQ")
    told = answer(
        "GetItem",
        items(t("Message", t("MimeContent", b64encode(raw).decode()), id)),
        message("GetItem", code="ErrorMimeContentConversionFailed"),
        items(t("Message", t("ItemId", Id=own(empty), ChangeKey="CQ"))),
        message("GetItem", code="ErrorItemNotFound"),
    )
    fake.on("GetItem", status=200, body=told)

    found = fetched(mail, [good, broken, empty, gone])

    assert [type(found[one]) for one in (good, broken, empty, gone)] == [
        FetchedMail,
        Unreadable,
        Unreadable,
        Missing,
    ]
    assert [found[one].reason for one in (broken, empty)] == [
        "The Exchange server could not hand over this message (ErrorMimeContentConversionFailed).",
        "The Exchange server handed over no text for this message.",
    ]


def test_server_that_gets_busy_in_a_batch_hands_over_the_rest_first(fake: Exchange, box: Mailbox) -> None:
    deliver(box, 1, at=AT.replace(hour=20))
    deliver(box, 2)
    mail = reader(fake)
    good, refused = ids(listings(mail))
    given = t("Message", t("MimeContent", "SGk="), t("ItemId", Id=own(good), ChangeKey="CQ"))
    busy = message("GetItem", code="ErrorServerBusy", values={"BackOffMilliseconds": "297749"})
    fake.on("GetItem", status=200, body=answer("GetItem", items(given), busy))
    found = []

    with pytest.raises(TryLater) as caught:
        found.extend(mail.fetch([good, refused]))

    assert (found, caught.value.retry_after) == ([FetchedMail(good, b"Hi", 2, None)], 297.749)


def test_huge_message_comes_as_its_headers(fake: Exchange, box: Mailbox) -> None:
    told = changes(created("huge", size=30 * 2**20))
    fake.on("SyncFolderItems", call=1, status=200, body=answer("SyncFolderItems", told))
    mail = reader(fake)
    (one,) = ids(listings(mail))
    given = t(
        "Message",
        t("ItemId", Id=own(one), ChangeKey="CQ"),
        t("DateTimeReceived", "2026-11-01T10:00:00Z"),
        t("Size", str(30 * 2**20)),
        t(
            "InternetMessageHeaders",
            t("InternetMessageHeader", "by a", HeaderName="Received"),
            t("InternetMessageHeader", "by b", HeaderName="Received"),
            t("InternetMessageHeader", "Käse", HeaderName="Subject"),
        ),
    )
    fake.on("GetItem", status=200, body=answer("GetItem", items(given)))

    found = fetched(mail, [one])

    head = "Received: by a\r\nReceived: by b\r\nSubject: Käse\r\n\r\n".encode()
    assert found == {one: FetchedMail(one, head, 30 * 2**20, AT)}


def test_huge_message_that_never_travelled_is_described_by_its_properties(
    fake: Exchange, box: Mailbox
) -> None:
    def person(name: str, address: str) -> object:
        return t("Mailbox", t("Name", name), t("EmailAddress", address), t("RoutingType", "SMTP"))

    given = t(
        "Message",
        t("ItemId", Id="huge", ChangeKey="CQ"),
        t("Subject", "Plans\r\nBcc: evil"),
        t("DateTimeReceived", "2026-11-01T10:00:00Z"),
        t("Size", str(30 * 2**20)),
        t("DateTimeSent", "2026-11-01T10:00:00Z"),
        t("ToRecipients", person("Bob", "bob@acme.example"), person("Eve", "eve@acme.example")),
        t("From", person('Ada "the" Great', ADA)),
        t("InternetMessageId", "<m1@corp.example>"),
    )
    fake.on(
        "SyncFolderItems",
        call=1,
        status=200,
        body=answer("SyncFolderItems", changes(created("huge", size=30 * 2**20))),
    )
    fake.on("GetItem", status=200, body=answer("GetItem", items(given)))
    mail = reader(fake)
    (one,) = ids(listings(mail))

    found = fetched(mail, [one])[one]

    assert found.raw.decode().split("\r\n") == [
        f"From: \"Ada 'the' Great\" <{ADA}>",
        'To: "Bob" <bob@acme.example>, "Eve" <eve@acme.example>',
        "Subject: Plans Bcc: evil",
        "Message-ID: <m1@corp.example>",
        "Date: Sun, 01 Nov 2026 10:00:00 +0000",
        "",
        "",
    ]
    assert found.size == 30 * 2**20


def test_message_that_turns_out_too_large_comes_as_its_headers(
    fake: Exchange, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_protocol, "_ANSWER_BYTES", 100_000)
    deliver(box, 1, at=AT)
    box.deliver(letter(2, body="x" * 100_000).encode(), at=AT)
    mail = reader(fake)
    wanted = ids(listings(mail))

    found = sorted((one for one in mail.fetch(wanted)), key=lambda one: one.size)

    assert [one.raw.decode().split("\r\n")[0].split("\n")[0] for one in found] == [
        "Message-ID: <m1@acme.example>",
        "Message-ID: <m2@acme.example>",
    ]
    assert [one.raw.endswith(b"Hello.\n") for one in found] == [True, False]
    assert (found[1].size > 25 * 2**20, len(found[1].raw) < 1000) == (True, True)


def test_messages_come_in_batches_of_bounded_size(fake: Exchange, box: Mailbox) -> None:
    small = [deliver(box, number) for number in range(50)]
    large = [deliver(box, number) for number in range(50, 54)]
    told = changes(*(created(one) for one in small), *(created(one, size=3 * 2**20) for one in large))
    fake.on("SyncFolderItems", call=1, status=200, body=answer("SyncFolderItems", told))
    mail = reader(fake)
    wanted = ids(listings(mail))
    fake.log.clear()
    by_listing = len(fetched(mail, wanted))
    batches = len(fake.calls("GetItem"))
    fake.log.clear()

    by_asking = len(fetched(reader(fake), wanted))

    # Fifty in twenties, the last ten of them with two large ones; then the other two.
    assert (by_listing, batches) == (54, 4)
    # The sizes are asked for first, and here they are all small.
    assert (by_asking, len(fake.calls("GetItem"))) == (54, 1 + 3)
