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
from tests.mailboxes.parsing.mailtexts import PLAIN, cpu, multipart, with_headers

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
        assert str(refusal) == "This is not an email: it has no headers."


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
