import base64
import resource
from datetime import UTC, datetime
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.parsing.mail import parse_mail, read_mail
from mailboxes.parsing.values import Attachment, NamedAddress, ParsedMail, Unparsable

PLAIN = b"""\
Return-Path: <jane@acme.test>
Received: from mx2.acme.test (mx2.acme.test [192.0.2.7]) by mail.rapport.test
\twith ESMTPS id 7; Tue, 03 Nov 2026 10:00:05 +0000 (UTC)
Received: from laptop by mx2.acme.test; Tue, 03 Nov 2026 10:00:01 +0000
From: "Doe, Jane" <Jane.Doe@Acme.test>
To: =?utf-8?q?M=C3=BCller=2C_J=C3=BCrgen?= <jm@rapport.test>, ada@rapport.test,
 Ben <ben@rapport.test>
Cc: "O'Neil, Pat" <pat@acme.test>
Bcc: secret@acme.test
Reply-To: <office@acme.test>
Subject: =?utf-8?B?UsOpdW5pb24=?= =?utf-8?Q?_du_projet?=
Date: Tue, 3 Nov 2026 11:00:00 +0100
Message-ID: <abc.1@acme.test>
In-Reply-To: <parent@rapport.test>
References: <root@rapport.test> <middle@acme.test>
 <parent@rapport.test>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Caf=C3=A9 at ten?
""".replace(b"\n", b"\r\n")


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def with_headers(*lines: str | bytes, body: bytes = b"hello") -> bytes:
    known = [
        b"From: Jane <jane@acme.test>",
        b"To: ada@rapport.test",
        b"Subject: Hi",
        b"Message-ID: <1@acme.test>",
    ]
    given = [line.encode() if isinstance(line, str) else line for line in lines]
    names = {line.partition(b":")[0].lower() for line in given}
    kept = [line for line in known if line.partition(b":")[0].lower() not in names]
    return b"\r\n".join([*given, *kept]) + b"\r\n\r\n" + body


def multipart(*parts: bytes, kind: str = "mixed", extra: str = "") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return with_headers(f'Content-Type: multipart/{kind}; boundary="b"{extra}', body=body)


# What a normal message says


def test_parse_mail_reads_everything_of_a_normal_message():
    parsed = parse_mail(PLAIN)

    assert parsed == ParsedMail(
        message_id="abc.1@acme.test",
        in_reply_to="parent@rapport.test",
        references=("root@rapport.test", "middle@acme.test", "parent@rapport.test"),
        sender=(NamedAddress("jane.doe@acme.test", "Doe, Jane"),),
        reply_to=(NamedAddress("office@acme.test"),),
        to=(
            NamedAddress("jm@rapport.test", "Müller, Jürgen"),
            NamedAddress("ada@rapport.test"),
            NamedAddress("ben@rapport.test", "Ben"),
        ),
        cc=(NamedAddress("pat@acme.test", "O'Neil, Pat"),),
        bcc=(NamedAddress("secret@acme.test"),),
        date=datetime(2026, 11, 3, 10, 0, tzinfo=UTC),
        received=datetime(2026, 11, 3, 10, 0, 5, tzinfo=UTC),
        subject="Réunion du projet",
        category="contact",
        headers=parsed.headers,
        text="Café at ten?\n",
        html="",
        attachments=(),
        flags=(),
    )


def test_header_block_is_text_without_the_bcc_line():
    lines = parse_mail(PLAIN).headers.split("\n")

    assert lines[0] == "Return-Path: <jane@acme.test>"
    assert "Message-ID: <abc.1@acme.test>" in lines
    assert not [line for line in lines if "secret" in line or line.lower().startswith("bcc")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_read(line_end):
    parsed = parse_mail(PLAIN.replace(b"\r\n", line_end))

    assert parsed.subject == "Réunion du projet"
    assert parsed.references[2] == "parent@rapport.test"
    assert parsed.text.strip() == "Café at ten?"


def test_alternative_gives_text_and_raw_html_and_names_attachments():
    raw = multipart(
        b'Content-Type: multipart/alternative; boundary="inner"\r\n\r\n'
        b"--inner\r\nContent-Type: text/plain\r\n\r\nplain words\r\n"
        b"--inner\r\nContent-Type: text/html\r\n\r\n<p onclick=x()>html <b>words</b></p>\r\n--inner--",
        b'Content-Type: application/pdf; name="=?utf-8?q?Angebot_M=C3=BCller.pdf?="\r\n'
        b"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"x" * 1000),
        b"Content-Type: image/png\r\nContent-Disposition: inline;\r\n filename*0*=utf-8''caf%C3%A9;\r\n filename*1=.png\r\n\r\n12345",
    )

    parsed = parse_mail(raw)

    assert parsed.text == "plain words"
    assert parsed.html == "<p onclick=x()>html <b>words</b></p>"
    assert parsed.attachments == (
        Attachment("Angebot Müller.pdf", "application/pdf", 1000),
        Attachment("café.png", "image/png", 5),
    )
    assert parsed.flags == ()


def test_html_alone_is_read_as_text_too():
    raw = with_headers(
        "Content-Type: text/html; charset=iso-8859-1",
        body="<p>Café</p><p>at&nbsp;ten</p>".encode("latin-1"),
    )

    parsed = parse_mail(raw)

    assert parsed.html == "<p>Café</p><p>at&nbsp;ten</p>"
    assert parsed.text.split() == ["Café", "at", "ten"]


def test_text_around_pictures_is_joined():
    raw = multipart(
        b"\r\nabove",
        b"Content-Type: image/png\r\nContent-ID: <i>\r\nContent-Disposition: inline; filename=a.png\r\n\r\nxx",
        b"\r\nbelow",
    )

    parsed = parse_mail(raw)

    assert parsed.text == "above\n\nbelow"
    assert parsed.attachments == (Attachment("a.png", "image/png", 2),)


def test_pictures_of_the_html_are_no_attachments():
    raw = multipart(
        b"Content-Type: text/html\r\n\r\n<img src=cid:logo>",
        b"Content-Type: image/png\r\nContent-ID: <logo>\r\n\r\nxx",
        kind="related",
    )

    assert parse_mail(raw).attachments == ()


def test_enclosed_messages_are_attachments_and_never_the_body():
    raw = multipart(
        b"\r\nsee below",
        b"Content-Type: message/rfc822\r\n\r\nSubject: The old one\r\nList-Id: x\r\n\r\nOLD",
    )

    parsed = parse_mail(raw)

    assert parsed.text == "see below"
    assert parsed.attachments == (Attachment("The old one.eml", "message/rfc822", 39),)
    assert parsed.category == "contact"


def test_a_file_name_cannot_be_a_path_or_turn_the_line():
    raw = multipart(
        b'Content-Type: text/x-c; name="..\\\\..\\\\etc/pass\x00wd\xe2\x80\xaefdp.exe"\r\nContent-Disposition: attachment\r\n\r\nx'
    )

    assert [one.name for one in parse_mail(raw).attachments] == ["pass\ufffdwdfdp.exe"]


# Category


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("List-Id: <news.acme.test>", "bulk"),
        ("List-Unsubscribe: <mailto:out@acme.test>", "bulk"),
        ("Precedence: bulk", "bulk"),
        ("Precedence: List", "bulk"),
        ("Precedence: junk", "bulk"),
        ("Precedence: normal", "contact"),
        ("Auto-Submitted: auto-generated", "automatic"),
        ("Auto-Submitted: auto-replied; owner-email=x", "automatic"),
        ("Auto-Submitted: no", "contact"),
        ("Auto-Submitted: No; x=y", "contact"),
        ("X-Autoreply: yes", "automatic"),
        ("X-Autorespond: vacation", "automatic"),
        ("Precedence: auto_reply", "automatic"),
        ("Subject: Automatic reply: Project", "automatic"),
        ("Subject: Abwesenheitsnotiz: Projekt", "automatic"),
        ("Subject: =?utf-8?q?R=C3=A9ponse_automatique=C2=A0=3A?= Projet", "automatic"),
        ("Subject: Re: Automatic reply: Project", "contact"),
        ("Subject: Automatically yours", "contact"),
        ("From: MAILER-DAEMON (Mail Delivery Subsystem)", "bounce"),
        ("From: Mail Delivery <mailer-daemon@acme.test>", "bounce"),
        ("X-Failed-Recipients: ada@acme.test", "bounce"),
        ("X-Nothing: special", "contact"),
    ],
)
def test_category_from_a_header(header, expected):
    assert parse_mail(with_headers(header)).category == expected


def test_delivery_reports_are_bounces():
    report = multipart(
        b"\r\nsorry",
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed",
        kind="report",
        extra="; report-type=delivery-status",
    )

    assert parse_mail(report).category == "bounce"
    assert parse_mail(report).attachments == ()
    assert parse_mail(b"Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n" + report).category == "bounce"


def test_read_receipts_are_automatic():
    raw = multipart(
        b"\r\nread",
        b"Content-Type: message/disposition-notification\r\n\r\nx: y",
        kind="report",
        extra="; report-type=disposition-notification",
    )

    assert parse_mail(raw).category == "automatic"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR", "calendar"),
        (
            b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR",
            "calendar",
        ),
        (
            b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(b"BEGIN:VCALENDAR\nMETHOD:CANCEL\n"),
            "calendar",
        ),
        (
            b"Content-Type: text/calendar; name=a.ics\r\n\r\nBEGIN:VCALENDAR\r\nSUMMARY:METHOD:X\r\nEND:VCALENDAR",
            "contact",
        ),
        (b"Content-Type: text/plain\r\n\r\nMETHOD:REQUEST", "contact"),
    ],
)
def test_calendar_mail_has_a_calendar_part_with_a_method(part, expected):
    assert parse_mail(multipart(b"\r\nwords", part)).category == expected


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
    with pytest.raises(Unparsable, match=r"^This is not an e-mail message: it has no headers\.$"):
        parse_mail(raw)


# Built to hurt


def nested(depth: int) -> bytes:
    parts = b"".join(
        b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (n, n + 1) for n in range(depth)
    )
    return with_headers(
        'Content-Type: multipart/mixed; boundary="b0"', body=parts + b"--b%d\r\n\r\nhello" % depth
    )


def dashes() -> bytes:
    part = b'---\r\nContent-Type: multipart/mixed; boundary="-"\r\n\r\n'
    return with_headers('Content-Type: multipart/mixed; boundary="-"', body=part * 900 + b"-" * 20_000_000)


BIG_TABLE = b"<table><tr><td>" + b"x" * 200_000 + b"</td></tr>" + b"<tr><td>b</td></tr>" * 15_000

HOSTILE = {
    "60 MB": (with_headers(body=b"x" * 60 * 1024 * 1024), ("too_large",)),
    "depth 1,000": (nested(1000), ("depth_cut",)),
    "50,000 parts": (multipart(*[b"\r\nx"] * 50_000), ("parts_cut",)),
    "boundary of one dash": (dashes(), ("parts_cut", "text_cut")),
    "20,000 recipients": (
        with_headers("To: " + ", ".join(f"User {n} <u{n}@acme.test>" for n in range(20_000))),
        ("addresses_cut", "headers_cut"),
    ),
    "20,000 To headers": (
        with_headers(*[f"To: u{n}@acme.test" for n in range(20_000)]),
        ("addresses_cut", "headers_cut"),
    ),
    "8,000 brackets": (
        with_headers("To: " + "(" * 8000 + " ada@rapport.test"),
        ("headers_repaired",),
    ),
    "8,000 brackets in From": (
        with_headers("From: " + "(" * 8000 + " jane@acme.test"),
        ("headers_repaired",),
    ),
    "brackets and quotes": (
        with_headers('To: "' + '\\"(<[' * 8000),
        ("addresses_cut", "headers_cut"),
    ),
    "16,000 encoded words": (
        with_headers("X-Y: " + " ".join(["=?utf-8?q?=C3=A9?="] * 16_000)),
        ("headers_cut",),
    ),
    "a subject of encoded words": (
        with_headers("Subject: Hi" + "\r\n =?utf-8?q?=C3=A9?=" * 16_000),
        ("headers_cut",),
    ),
    "one long header": (with_headers("X-Y: " + "y" * 3_000_000), ("headers_cut",)),
    "100,000 headers": (with_headers(*["X-Y: y"] * 100_000), ("headers_cut",)),
    "parameters": (with_headers("Content-Type: text/plain" + ';a="\\' * 5000), ()),
    "RFC 2231 pieces": (
        with_headers("Content-Type: text/plain" + "".join(f"; name*{n}*=x" for n in range(2000))),
        (),
    ),
    "deep HTML": (with_headers("Content-Type: text/html", body=b"<div>" * 100_000), ("text_cut",)),
    "30 MB of HTML": (
        with_headers("Content-Type: text/html", body=b"<div>hello " * 2_000_000),
        ("text_cut",),
    ),
    "a table of 3 GB": (with_headers("Content-Type: text/html", body=BIG_TABLE), ()),
    "padding": (
        with_headers("Content-Type: text/html", body=b"<p style='padding-left:99999em'>x</p>" * 10_000),
        (),
    ),
    "open tags": (with_headers("Content-Type: text/html", body=b"<" * 500_000), ()),
    "bad base64": (with_headers("Content-Transfer-Encoding: base64", body=b"A=!" * 8_000_000), ()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_kept_flagged_and_cheap(name):
    raw, flags = HOSTILE[name]
    started = cpu()

    parsed = parse_mail(raw)

    assert cpu() - started < 6
    assert parsed.flags == flags
    assert parsed.message_id == "1@acme.test"
    assert parsed.subject.startswith("Hi")
    assert len(parsed.text) <= 512 * 1024
    assert len(parsed.html) <= 512 * 1024
    assert len(parsed.headers) <= 256 * 1024
    assert len(parsed.to) <= 2000
    assert len(parsed.attachments) <= 1000


def test_a_cut_list_of_recipients_ends_with_a_whole_address():
    parsed = parse_mail(HOSTILE["20,000 recipients"][0])

    assert [one.email for one in parsed.to] == [f"u{n}@acme.test" for n in range(len(parsed.to))]
    assert 1000 < len(parsed.to) <= 2000


def test_hostile_html_still_gives_its_words():
    assert parse_mail(HOSTILE["a table of 3 GB"][0]).text.endswith("x b b b" + " b" * 14_997)
    assert parse_mail(HOSTILE["30 MB of HTML"][0]).text.startswith("hello hello")
    assert parse_mail(HOSTILE["30 MB of HTML"][0]).html == ""


def test_the_guard_and_this_process_read_the_same():
    raw = with_headers(
        *[f"X-Y: {n}" for n in range(2000)],
        "Date: Tue, 3 Nov 2026 11:00:00 +0100",
        "Cc: Ö <c@x.test>",
        body="ä".encode(),
    )

    assert parse_mail(raw) == read_mail(raw)


# Anything at all


def assert_safe(parsed: ParsedMail) -> None:
    names = [
        one.name
        for group in (parsed.sender, parsed.reply_to, parsed.to, parsed.cc, parsed.bcc)
        for one in group
    ]
    lines = [parsed.message_id, parsed.in_reply_to, *parsed.references, parsed.subject, *names]
    lines += [text for one in parsed.attachments for text in (one.name, one.content_type)]
    for line in lines:
        assert not set(line) & set("\r\n\x00")
    for text in [*lines, parsed.headers, parsed.text, parsed.html]:
        assert "\x00" not in text
        text.encode()  # a lone surrogate would raise


def parse_anything(raw: bytes) -> None:
    try:
        assert_safe(read_mail(raw))  # not parse_mail: that would hide a bug behind Unparsable
    except Unparsable as refusal:
        assert str(refusal) == "This is not an e-mail message: it has no headers."


RICH = multipart(
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nCaf=C3=A9",
    b"Content-Type: text/html; charset*=us-ascii''utf-8\r\n\r\n<table><tr><td>x</table>",
    b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR",
    b"Content-Type: message/rfc822; name*0*=utf-8''%C3%A9; name*1=x\r\n\r\n" + PLAIN,
)
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(st.binary(max_size=2000))
def test_random_bytes_are_refused_or_safe(raw):
    parse_anything(raw)
    parse_anything(b"From: jane@acme.test\r\n" + raw)
    parse_anything(b"Content-Type: text/html\r\n\r\n" + raw)


@FUZZ
@given(
    st.sampled_from(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "References",
            "Received",
            "Content-Type",
            "List-Id",
        ]
    ),
    st.text() | st.binary(),
)
def test_random_header_values_are_safe(name, value):
    value = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value

    parse_anything(name.encode() + b": " + value + b"\r\n\r\nhello")
    parse_anything(name.encode() + b": =?utf-8?q?" + value + b"?= <" + value + b"@x.test>\r\n\r\nhello")


@FUZZ
@given(st.data())
def test_mutated_mail_is_safe(data):
    raw = bytearray(data.draw(st.sampled_from([PLAIN, RICH])))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw) - 1))
        span = data.draw(st.integers(0, 8))
        raw[at : at + span] = data.draw(
            st.binary(max_size=8)
            | st.sampled_from([b"\r\n", b"--b", b"=?", b'"', b"(", b"\x00", b"\xff", b";"])
        )

    parse_anything(bytes(raw))


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
names = st.lists(words, min_size=1, max_size=3).map(", ".join)
mailboxes = st.tuples(names, st.from_regex(r"[a-z][a-z0-9.+-]{0,10}[a-z0-9]", fullmatch=True))


@FUZZ
@given(
    st.lists(words, min_size=1, max_size=9),
    st.lists(mailboxes, min_size=1, max_size=5, unique_by=lambda one: one[1]),
    words,
)
def test_what_the_standard_library_writes_we_read_back(subject, people, text):
    message = MIMEMultipart()
    message["Subject"] = Header(" ".join(subject), "utf-8").encode()
    message["To"] = ", ".join(formataddr((name, f"{local}@acme.test")) for name, local in people)
    message.attach(MIMEText(text, "plain", "utf-8"))
    message.attach(MIMEText(f"<p>{text}</p>", "html", "utf-8"))
    message.attach(MIMEApplication(b"12345", "pdf"))
    message.get_payload(2).add_header(
        "Content-Disposition", "attachment", filename=("utf-8", "", f"{text}.pdf")
    )

    parsed = read_mail(message.as_bytes())

    assert parsed.subject == " ".join(subject)
    assert parsed.to == tuple(NamedAddress(f"{local}@acme.test", name) for name, local in people)
    assert parsed.text == text
    assert parsed.html == f"<p>{text}</p>"
    assert parsed.attachments == (Attachment(f"{text}.pdf", "application/pdf", 5),)
