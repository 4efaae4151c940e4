"""A message as RFC 5322 bytes: what its sender keeps, and what arrives in a mailbox."""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from html import escape

from intelligence.demo.cast import Someone
from intelligence.demo.hours import zoneinfo
from intelligence.demo.messages import Attached, Message

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WIDTH = 72
_BASE64_LINE = 76
_WORD_BYTES = 42
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_UNSAFE = re.compile(rb"[^\n !-<>-~]|[ ](?=\n)")
_QP_LINE = re.compile(rb"[^\n]{1,75}(?<!=)(?<!=.)")
_AGENTS = {"phone": "Pocketmail 4.1", "plain": "Quill 115", "office": "Officemail 16.0", "web": ""}


def stored(message: Message) -> bytes:
    """As it lies among the sent mail."""
    return "\n".join((*_header_lines(message), "")).encode() + _body(message)


def delivered(message: Message, recipient: Someone) -> bytes:
    """The lines that the servers on the way put in front, newest first."""
    seconds = 2 + int(message.token[:2], 16) % 40
    arrived = message.at + timedelta(seconds=seconds)
    relayed = message.at + timedelta(seconds=seconds // 2)
    relay, desk = f"relay.{message.sender.domain}", int(message.token[2:4], 16)
    return (
        f"Delivered-To: {recipient.email}\n"
        f"Received: from {relay} by mx.{recipient.domain} with ESMTPS\n"
        f"\tid {message.token[:12]} for <{recipient.email}>; {_date(arrived, 'UTC')}\n"
        f"Received: from [10.0.{desk}.7] by {relay} with ESMTPSA\n"
        f"\tid {message.token[12:]}; {_date(relayed, 'UTC')}\n"
        f"Return-Path: <{message.sender.email}>\n"
    ).encode()


def separator(sender: str, at: datetime) -> bytes:
    """The line that begins a message in an mbox."""
    day = f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S}"
    return f"From {sender} {day} {at.year}\n".encode()


# Headers


def _header_lines(message: Message) -> Iterator[str]:
    yield f"Message-ID: <{message.id}>"
    yield f"Date: {_date(message.at, message.sender.zone)}"
    yield f"From: {_named(message.sender)}"
    yield _people("To", message.to)
    if message.cc:
        yield _people("Cc", message.cc)
    yield f"Subject: {_unstructured(message.subject)}"
    if message.parent:
        yield f"In-Reply-To: <{message.parent.id}>"
        yield "References: " + "\n ".join(f"<{one}>" for one in message.ancestors)
    for name, value in message.extra:
        yield f"{name}: {value}"
    if agent := _AGENTS[message.sender.program]:
        yield f"{'X-Mailer' if message.sender.program == 'office' else 'User-Agent'}: {agent}"
    yield "MIME-Version: 1.0"


def _date(at: datetime, zone: str) -> str:
    local = at.astimezone(zoneinfo(zone))
    day = f"{_DAYS[local.weekday()]}, {local.day:02} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day} {local:%H:%M:%S %z}"


def _people(name: str, people: tuple[Someone, ...]) -> str:
    return f"{name}: " + ",\n ".join(map(_named, people))


@lru_cache(maxsize=4096)
def _named(someone: Someone) -> str:
    name = someone.name
    if not name.isascii():
        name = _encoded(name)
    elif not _ATOMS.fullmatch(name):
        name = '"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))
    return f"{name} <{someone.email}>" if name else someone.email


def _unstructured(text: str) -> str:
    if not text.isascii():
        return _encoded(text)
    cut = text.rfind(" ", 20, 68) if len(text) > 68 else -1
    return f"{text[:cut]}\n{text[cut:]}" if cut > 0 else text


def _encoded(text: str) -> str:
    """Encoded words of at most 75 characters, none of which cuts a letter in two."""
    words, word = [], ""
    for letter in text:
        if len((word + letter).encode()) > _WORD_BYTES:
            words.append(word)
            word = ""
        word += letter
    return "\n ".join(f"=?utf-8?B?{b64encode(one.encode()).decode()}?=" for one in (*words, word))


# Bodies


def _body(message: Message) -> bytes:
    return _part(*_content(message))


Content = tuple[str, str, bytes]


def _content(message: Message) -> Content:
    """Type, further header lines, and the encoded bytes."""
    bodies = [_text_part("plain", _plain(message))]
    if message.has_html:
        bodies.append(_text_part("html", _html(message)))
    if message.calendar:
        method, text = message.calendar
        bodies.append(_text_part("calendar", text, f"; method={method}"))
    content = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies, message.token)
    if not message.attached:
        return content
    return _multipart("mixed", [content, *map(_attachment, message.attached)], message.token)


def _part(content_type: str, more: str, content: bytes) -> bytes:
    return f"Content-Type: {content_type}\n{more}\n".encode() + content


def _text_part(kind: str, text: str, parameters: str = "") -> Content:
    data = text.replace("\r\n", "\n").rstrip("\n").encode() + b"\n"
    if text.isascii() and max(map(len, text.split("\n"))) <= 200:
        return f"text/{kind}; charset=us-ascii{parameters}", "Content-Transfer-Encoding: 7bit\n", data
    return (
        f"text/{kind}; charset=utf-8{parameters}",
        "Content-Transfer-Encoding: quoted-printable\n",
        _quoted_printable(data),
    )


def _quoted_printable(data: bytes) -> bytes:
    """A codec of our own, as the ones there are do not agree about line ends."""
    escaped = _UNSAFE.sub(lambda found: b"".join(b"=%02X" % byte for byte in found[0]), data)
    return b"\n".join(b"=\n".join(_QP_LINE.findall(line)) for line in escaped.split(b"\n"))


def _multipart(kind: str, parts: list[Content], token: str) -> Content:
    boundary = f"=_{kind}_{token}"
    content = b"".join(b"--%s\n%s\n" % (boundary.encode(), _part(*part)) for part in parts)
    return f'multipart/{kind};\n boundary="{boundary}"', "", content + f"--{boundary}--\n".encode()


def _attachment(attached: Attached) -> Content:
    coded = b64encode(attached.content)
    lines = b"\n".join(coded[at : at + _BASE64_LINE] for at in range(0, len(coded), _BASE64_LINE))
    return (
        attached.content_type,
        "Content-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment;\n filename="{_encoded_name(attached.name)}"\n',
        lines + b"\n",
    )


def _encoded_name(name: str) -> str:
    return name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "")


def _plain(message: Message) -> str:
    text = "\n".join(_wrapped(line) for line in message.text.split("\n"))
    if not (message.quotes and message.parent):
        return text
    quoted = "\n".join(_wrapped(line, "> ") for line in message.parent.text.split("\n"))
    return f"{text}\n\n{_introduction(message.parent, message.sender)}\n{quoted}"


def _introduction(parent: Message, reader: Someone) -> str:
    local = parent.at.astimezone(zoneinfo(reader.zone))
    when = f"{_DAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year} at {local:%H:%M}"
    if reader.program == "office":
        return (
            f"-----Original Message-----\nFrom: {parent.sender.name} <{parent.sender.email}>\n"
            f"Sent: {when}\nSubject: {parent.subject}\n"
        )
    return f"On {when}, {parent.sender.name} <{parent.sender.email}> wrote:"


def _wrapped(line: str, prefix: str = "") -> str:
    if len(line) + len(prefix) <= _WIDTH:
        return (prefix + line).rstrip() if prefix else line
    rows, width = [], _WIDTH - len(prefix)
    while len(line) > width:
        cut = line.rfind(" ", 1, width + 1)
        if cut < 0:
            break
        rows.append(prefix + line[:cut])
        line = line[cut + 1 :]
    rows.append(prefix + line)
    return "\n".join(rows)


def _html(message: Message) -> str:
    blocks = _paragraphs(message.text)
    if message.quotes and message.parent:
        intro = escape(_introduction(message.parent, message.sender)).replace("\n", "<br>")
        blocks += (
            f'\n<div class="quote">{intro}<blockquote style="margin:0 0 0 8px;'
            f'border-left:1px solid #ccc;padding-left:8px">{_paragraphs(message.parent.text)}'
            "</blockquote></div>"
        )
    pictures = "".join(
        f'\n<p><img src="https://img.{message.sender.domain}/{message.token[:8]}-{number}.png" alt=""></p>'
        for number in range(message.pictures)
    )
    return f"<!DOCTYPE html>\n<html><body>\n{blocks}{pictures}\n</body></html>\n"


def _paragraphs(text: str) -> str:
    paragraphs = (escape(one).replace("\n", "<br>\n") for one in text.split("\n\n"))
    return "\n".join(f"<p>{one}</p>" for one in paragraphs)
