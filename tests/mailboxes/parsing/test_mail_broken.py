from datetime import UTC, datetime

import pytest

from mailboxes.parsing.mail import parse_mail
from mailboxes.parsing.values import NamedAddress, Unparsable
from tests.mailboxes.parsing.mailtexts import with_headers

# Broken headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jane@acme.test", [("jane@acme.test", "")]),
        ("jane@acme.test (Jane Doe)", [("jane@acme.test", "Jane Doe")]),
        ("<jane@acme.test>", [("jane@acme.test", "")]),
        ("jane@acme.test <jane@acme.test>", [("jane@acme.test", "jane@acme.test")]),
        ('"Jane \\"JD\\" Doe" <jane@acme.test>', [("jane@acme.test", 'Jane "JD" Doe')]),
        ("Doe, Jane <jane@acme.test>", [("jane@acme.test", "Jane")]),
        (
            "=?utf-8?q?Doe=2C_Jane?= <jane@acme.test>, b@c.test",
            [("jane@acme.test", "Doe, Jane"), ("b@c.test", "")],
        ),
        ('"=?utf-8?b?SsO8cmdlbg==?=" <j@acme.test>', [("j@acme.test", "Jürgen")]),
        ("=?utf-8?q?J=C3?= =?utf-8?q?=BCrgen?= <j@acme.test>", [("j@acme.test", "Jürgen")]),
        ("=?hex?q?4a?= <j@acme.test>", [("j@acme.test", "4a")]),
        ("=?utf-7?q?+ADw-script?= <j@acme.test>", [("j@acme.test", "+ADw-script")]),
        ("undisclosed-recipients:;", []),
        ("Team: a@acme.test, Ben <b@acme.test>;", [("a@acme.test", ""), ("b@acme.test", "Ben")]),
        ("a@acme.test; b@acme.test", [("a@acme.test", ""), ("b@acme.test", "")]),
        ("JANE@ACME.TEST, jane@acme.test", [("jane@acme.test", "")]),
        ("jane@acme.test, Jane <jane@acme.test>", [("jane@acme.test", "Jane")]),
        ("<<<>>>[[", []),
        ("<<jane@acme.test>>", [("jane@acme.test", "")]),
        ("MAILER-DAEMON", []),
        ("", []),
        (",,,", []),
        ("@,@", []),
        ("j\xfcrgen <j@acme.test>", [("j@acme.test", "jürgen")]),
    ],
)
def test_addresses(value, expected):
    parsed = parse_mail(with_headers(f"To: {value}"))

    assert [(one.email, one.name) for one in parsed.to] == expected


def test_all_headers_of_a_name_count():
    parsed = parse_mail(with_headers("To: a@acme.test", "To: b@acme.test", "CC: c@acme.test"))

    assert [one.email for one in parsed.to + parsed.cc] == [
        "a@acme.test",
        "b@acme.test",
        "c@acme.test",
    ]


@pytest.mark.parametrize(
    ("value", "expected", "flags"),
    [
        ("<a@b>", "a@b", ()),
        (" junk <A.b@C> <other@d>", "A.b@C", ()),
        ("<abc\r\n def@x>", "abcdef@x", ()),
        ("a@b", "a@b", ()),
        ("<no-at-sign>", "no-at-sign", ()),
        ("", "", ()),
        ("<<<>>>[[", "", ("headers_repaired",)),
        ("nonsense", "", ("headers_repaired",)),
        (f"<{'x' * 600}@b>", "", ("headers_repaired",)),
        ("<a\x00b@c>", "", ("headers_repaired",)),
    ],
)
def test_message_id(value, expected, flags):
    parsed = parse_mail(with_headers(f"Message-ID: {value}"))

    assert (parsed.message_id, parsed.flags) == (expected, flags)


def test_message_id_missing_or_twice():
    assert parse_mail(b"From: jane@acme.test\r\n\r\nhello").message_id == ""
    assert parse_mail(with_headers("Message-ID: <1@x>", "Message-Id: <2@x>")).message_id == "1@x"


def test_references_keep_the_first_and_the_newest():
    ids = " ".join(f"<{number}@x>" for number in range(500))

    parsed = parse_mail(with_headers(f"References: {ids}"))

    assert len(parsed.references) == 100
    assert parsed.references[:2] == ("0@x", "401@x")
    assert parsed.references[-1] == "499@x"


def test_in_reply_to_may_be_wrapped_in_words():
    parsed = parse_mail(with_headers('In-Reply-To: Message of "Mon" from Jane <x@y> said'))

    assert parsed.in_reply_to == "x@y"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 3 Nov 2026 11:00:00 +0100", datetime(2026, 11, 3, 10, tzinfo=UTC)),
        ("Tue, 3 Nov 2026 11:00:00 -0000", datetime(2026, 11, 3, 11, tzinfo=UTC)),
        ("3 Nov 2026 11:00", datetime(2026, 11, 3, 11, tzinfo=UTC)),
        ("Tue, 3 Nov 2026 11:00:00 EST (really)", datetime(2026, 11, 3, 16, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("Thu, 31 Dec 2099 23:59:60 +0000", datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Tue, 3 Nov 2026 11:00:00 +9999", None),
        ("Tue, 33 Nov 2026 11:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date(value, expected):
    assert parse_mail(with_headers(f"Date: {value}")).date == expected


def test_received_is_the_topmost_and_may_be_missing():
    assert parse_mail(with_headers()).received is None
    assert (
        parse_mail(with_headers("Received: by x", "Received: by y; Tue, 3 Nov 2026 11:00:00 +0000")).received
        is None
    )


def test_control_characters_never_survive_in_subject_and_names():
    raw = with_headers(
        b"Subject: =?utf-8?q?Hello=0D=0ABcc=3A_eve=40x.test=00?=",
        b'From: "Jane\x00 Doe =?utf-8?b?DQpYOiB5?=" <jane@acme.test>',
    )

    parsed = parse_mail(raw)

    assert parsed.subject == "Hello Bcc: eve@x.test\ufffd"
    assert parsed.sender == (NamedAddress("jane@acme.test", "Jane\ufffd Doe X: y"),)
    assert parsed.bcc == ()


def test_a_bare_carriage_return_smuggles_no_header_in():
    parsed = parse_mail(with_headers(b"Subject: one\rBcc: eve@x.test\rList-Id: two"))

    assert parsed.bcc == ()
    assert parsed.category == "contact"
    assert parsed.subject == "one Bcc: eve@x.test List-Id: two"


@pytest.mark.parametrize(
    ("charset", "data", "expected", "flags"),
    [
        ("utf-8", "é".encode(), "é", ()),
        ("utf-8", b"caf\xe9", "caf\ufffd", ("charset_guessed",)),
        ("iso-8859-1", b"\x93quoted\x94", "“quoted”", ()),
        ("windows-1251", "Привет".encode("cp1251"), "Привет", ()),
        ("gb2312", "你好镕".encode("gb18030"), "你好镕", ()),
        ("ks_c_5601-1987", "안녕".encode("cp949"), "안녕", ()),
        ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", ()),
        ("utf-16", "hi é".encode("utf-16"), "hi é", ()),
        ("utf-16le", b"\x00\xd8a", "\ufffd", ("charset_guessed",)),
        ("x-unheard-of", b"caf\xe9", "caf\ufffd", ("charset_guessed",)),
        ("hex", b"6869", "6869", ("charset_guessed",)),
        ("idna", b"hi", "hi", ("charset_guessed",)),
        ("punycode", b"hi-a", "hi-a", ("charset_guessed",)),
        ("utf-7", b"+ADw-b", "+ADw-b", ("charset_guessed",)),
        ("unicode_escape", b"\\ud800", "\\ud800", ("charset_guessed",)),
        ("rot13", b"hi", "hi", ("charset_guessed",)),
        ("us-ascii", "é".encode(), "é", ()),
        ("us-ascii", b"caf\xe9", "café", ("charset_guessed",)),
        ("utf-8", b"a\x00b", "a\ufffdb", ()),
        ("utf-8", b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb", ("charset_guessed",)),
    ],
)
def test_charsets(charset, data, expected, flags):
    parsed = parse_mail(with_headers(f'Content-Type: text/plain; charset="{charset}"', body=data))

    assert (parsed.text, parsed.flags) == (expected, flags)


def test_eight_bit_headers_are_read_as_utf8_or_replaced():
    assert parse_mail(with_headers("Subject: Größe".encode())).subject == "Größe"
    assert parse_mail(with_headers("Subject: Größe".encode("latin-1"))).subject == "Gr\ufffd\ufffde"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            b"From: jane@acme.test\nSubject: Hi\nhello without a blank line\nmore",
            "hello without a blank line\nmore",
        ),
        (b"From: jane@acme.test\ngarbage in between\nSubject: Hi\n\nhello", "hello"),
        (
            b"From jane@acme.test Tue Nov  3 10:00:00 2026\nFrom: jane@acme.test\nSubject: Hi\n\nhello",
            "hello",
        ),
        (b"\r\n\r\nFrom: jane@acme.test\r\nSubject: Hi\r\n\r\nhello", "hello"),
        (b"Subject : Hi\r\nFrom:jane@acme.test\r\n\r\nhello", "hello"),
    ],
)
def test_broken_header_blocks(raw, text):
    parsed = parse_mail(raw)

    assert [one.email for one in parsed.sender] == ["jane@acme.test"]
    assert (parsed.subject, parsed.text) == ("Hi", text)


@pytest.mark.parametrize(
    ("raw", "text", "flags"),
    [
        (with_headers("Content-Type: multipart/mixed", body=b"no boundary"), "no boundary", ()),
        (
            with_headers('Content-Type: multipart/mixed; boundary="b"', body=b"never used"),
            "never used",
            (),
        ),
        (
            with_headers('Content-Type: multipart/mixed; boundary="b"', body=b"--b\r\n\r\nnever closed"),
            "never closed",
            (),
        ),
        (with_headers("Content-Type: nonsense"), "hello", ()),
        (
            with_headers("Content-Type: text/plain; charset", "Content-Transfer-Encoding: x-what"),
            "hello",
            (),
        ),
        (with_headers("Content-Transfer-Encoding: base64", body=b"aGVs*bG8"), "hello", ()),
        (
            with_headers("Content-Transfer-Encoding: quoted-printable", body=b"hel=\r\nlo=ZZ="),
            "hello=ZZ",
            (),
        ),
    ],
)
def test_broken_structure(raw, text, flags):
    parsed = parse_mail(raw)

    assert (parsed.text, parsed.flags) == (text, flags)


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"hello", b"\x00" * 1000, b"From jane Tue Nov 3\n\nhello"])
def test_what_has_no_headers_is_no_mail(raw):
    with pytest.raises(Unparsable, match=r"^This is not an email: it has no headers\.$"):
        parse_mail(raw)
