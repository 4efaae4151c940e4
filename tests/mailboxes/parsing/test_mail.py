import base64
from datetime import UTC, datetime

import pytest

from mailboxes.parsing.mail import parse_mail
from mailboxes.parsing.values import Attachment, NamedAddress, ParsedMail
from tests.mailboxes.parsing.mailtexts import PLAIN, multipart, with_headers

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
        ("Subject: Out of Office Re: Project", "automatic"),
        ("Subject: Out of office\r\nIn-Reply-To: <a@acme.test>", "automatic"),
        ("Subject: Out of office", "contact"),
        ("Subject: Out of office next week - can you take the Acme call?", "contact"),
        ("Subject: Abwesend am Freitag, bitte Angebot bis Donnerstag", "contact"),
        ("Subject: Automatic response times in the SLA", "contact"),
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
