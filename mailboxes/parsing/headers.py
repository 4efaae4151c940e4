"""The header block of a message: cut to size, split into fields, each read with patience."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from datetime import UTC, datetime, timedelta, timezone
from email.utils import getaddresses, parsedate_tz

from crm.addresses import normalise
from mailboxes.parsing.text import clean, decode, one_line
from mailboxes.parsing.values import NamedAddress

MAX_HEADER = 32 * 1024
MAX_HEADERS = 256 * 1024
# Before giant headers are cut: what follows 20,000 recipients may be the subject.
MAX_SEARCHED = 4 * 1024 * 1024
MAX_ADDRESSES = 2000
MAX_ID = 500
MAX_REFERENCES = 100
MAX_SUBJECT = 1000
MAX_NAME = 200

Fields = dict[str, list[str]]

# Not shown to anybody but the owner, who reads them from `ParsedMail.bcc`.
_HIDDEN = frozenset({"bcc", "resent-bcc", "x-bcc"})
_ADDRESS_FIELDS = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"})
_FIELD = re.compile(r"^([!-9;-~]++)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FIELD_LINE = re.compile(rb"\n[!-9;-~]++[ \t]*:")
_OTHER_LINE = re.compile(rb"\n(?![!-9;-~]++[ \t]*:|[ \t\r\n]|>?From )(?=.)")


# The block


def find_headers(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the headers of the entity in raw[start:end] end, and where its body starts."""
    if raw.startswith((b"\n", b"\r\n"), start, end):  # a MIME part without headers
        return start, start + (1 if raw[start : start + 1] == b"\n" else 2)
    blank = _BLANK_LINE.search(raw, start, end)
    if blank:
        return blank.start(), blank.end()
    old_mac = raw.find(b"\r\r", start, end) if raw.find(b"\n", start, end) < 0 else -1
    return (old_mac, old_mac + 2) if old_mac >= 0 else (end, end)


def find_body(raw: bytes) -> tuple[int, int]:
    """The same for a whole message, where the blank line may be missing altogether."""
    headers_end, body = find_headers(raw, 0, len(raw))
    block = raw[: min(headers_end, MAX_HEADERS)]
    odd = _OTHER_LINE.search(block)
    if odd and not _FIELD_LINE.search(block, odd.end()):
        return odd.start(), odd.end()
    return headers_end, body


def split_fields(block: bytes) -> tuple[Fields, str, set[str]]:
    """The fields by lower-case name, the block as text, and flags for what was cut."""
    flags = {"headers_cut"} if len(block) > MAX_HEADERS else set()
    fields: Fields = {}
    kept = []
    for shown, value in _FIELD.findall(_as_lines(block[:MAX_SEARCHED])):
        name = shown.lower()
        if len(value) > MAX_HEADER:
            value = _cut(name, value, flags)
        fields.setdefault(name, []).append(value)
        if name not in _HIDDEN:
            kept.append(f"{shown}: {value}")
    return fields, clean("\n".join(kept)[:MAX_HEADERS]), flags


def _cut(name: str, value: str, flags: set[str]) -> str:
    flags.add("headers_cut")
    value = value[:MAX_HEADER]
    if name not in _ADDRESS_FIELDS:
        return value
    flags.add("addresses_cut")
    return value.rpartition(",")[0]  # half an address would be somebody else's


def _as_lines(block: bytes) -> str:
    text = block.decode("utf_8", "replace")
    # A bare CR ends a line only where nothing else does; elsewhere it would smuggle a header in.
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")


def first(fields: Fields, name: str) -> str:
    values = fields.get(name)
    return values[0] if values else ""


# Words in other charsets

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")


def decode_words(text: str) -> str:
    """RFC 2047: `=?utf-8?q?Caf=C3=A9?=` -> `Café`. Neighbours are joined before decoding, because
    senders cut in the middle of a character."""
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _ENCODED_WORD.finditer(text):
        gap = text[end : word.start()]
        same = word[1].partition("*")[0].lower()
        if pending and (gap.strip() or same != charset):
            out.append(decode(pending, charset)[0])
            pending = b""
        if gap.strip() or not end:
            out.append(gap)
        pending, charset, end = pending + _word_bytes(word[2], word[3]), same, word.end()
    if end:
        out.append(decode(pending, charset)[0])
    return "".join(out) + text[end:]


def _word_bytes(encoding: str, encoded: str) -> bytes:
    data = encoded.encode("utf_8", "replace")
    return a2b_qp(data, header=True) if encoding in "qQ" else base64_bytes(data)


def base64_bytes(data: bytes) -> bytes:
    """As much of broken base64 as can be read."""
    try:
        return a2b_base64(data)
    except Base64Error:
        pass
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return a2b_base64(letters + b"=" * (-len(letters) % 4))


def subject(fields: Fields) -> str:
    return one_line(decode_words(first(fields, "subject")[: 16 * MAX_SUBJECT]), MAX_SUBJECT)


# Addresses

_MAILBOX = re.compile(
    r' ?(?:"((?:[^"\\]|\\.)*)" ?|([^"<>(),:;\\]*))<([^<>()"\s,;:\\]+)> ?(?:, ?|$)'
    r"""| ?([^<>()"\s,;:\\]+@[^<>()"\s,;:\\]+) ?(?:, ?|$)"""
)
_ANY_ADDRESS = re.compile(r"""[^\s<>()"',;:\\\[\]]+@[^\s<>()"',;:\\\[\]]+""")
_MANY_COMMENTS = 20


def addresses(fields: Fields, name: str, flags: set[str]) -> tuple[NamedAddress, ...]:
    """The mailboxes of every header of this name: split first, decoded afterwards, because an
    encoded comma is part of a name. Whatever is no address is left out, and so are repetitions."""
    found: dict[str, str] = {}
    for value in fields.get(name, ()):
        for shown, address in _split_addresses(" ".join(value.split()), flags):
            if len(found) == MAX_ADDRESSES:
                flags.add("addresses_cut")
                break
            email = normalise(address)
            if email and not found.get(email):
                # Python's own writer encodes the comma between two names into the second
                found[email] = one_line(decode_words(shown), MAX_NAME).strip(" ,;")
    return tuple(NamedAddress(email, shown) for email, shown in found.items())


def _split_addresses(value: str, flags: set[str]) -> list[tuple[str, str]]:
    pairs = []
    at = 0
    while at < len(value):
        mailbox = _MAILBOX.match(value, at)
        if not mailbox or mailbox.end() == at:
            return _split_unusual(value, flags)
        quoted, phrase, address, bare = mailbox.groups()
        shown = quoted.replace("\\", "") if quoted else (phrase or "").strip()
        pairs.append((shown, address or bare))
        at = mailbox.end()
    return pairs


def _split_unusual(value: str, flags: set[str]) -> list[tuple[str, str]]:
    """Groups, comments, routes, rubbish. The library recurses on brackets and fails on some spam."""
    if value.count("(") > _MANY_COMMENTS:
        value = value.replace("(", " ").replace(")", " ")
        flags.add("headers_repaired")
    try:
        pairs = getaddresses([value])
    except (IndexError, AttributeError, ValueError, TypeError, RecursionError):
        pairs = []
    if "@" not in value or any(normalise(address) for _, address in pairs):
        return pairs
    flags.add("headers_repaired")
    return [("", address) for address in _ANY_ADDRESS.findall(value)]


# Ids

_BRACKETED = re.compile(r"<([^<>]+)>")


def message_id(fields: Fields, flags: set[str]) -> str:
    given = first(fields, "message-id")
    ids = _ids(given)
    if given.strip() and not ids:
        flags.add("headers_repaired")
    return ids[0] if ids else ""


def in_reply_to(fields: Fields) -> str:
    ids = _ids(first(fields, "in-reply-to"))
    return ids[0] if ids else ""


def references(fields: Fields) -> tuple[str, ...]:
    """Oldest first. Of a very long list the first, which names the thread, and the newest stay."""
    ids = list(dict.fromkeys(_ids(" ".join(fields.get("references", ())))))
    return tuple(ids if len(ids) <= MAX_REFERENCES else ids[:1] + ids[1 - MAX_REFERENCES :])


def _ids(value: str) -> list[str]:
    """What stands in angle brackets, without folding; else bare words that look like ids."""
    found = ["".join(text.split()) for text in _BRACKETED.findall(value)]
    if not found and "<" not in value:
        found = [word for word in value.split() if "@" in word]
    return [text for text in found if 0 < len(text) <= MAX_ID and text.isprintable() and "\ufffd" not in text]


# Dates


def date(fields: Fields) -> datetime | None:
    return _date(first(fields, "date"))


def received(fields: Fields) -> datetime | None:
    """When the topmost Received header says that the last server took the message."""
    return _date(first(fields, "received").rpartition(";")[2])


# "-08:00" and "GMT-0800", which scripts write.
_ODD_ZONE = re.compile(r" (?:GMT|UTC)?([+-])(\d\d):?(\d\d)(?=$| )", re.ASCII)


def _date(value: str) -> datetime | None:
    """Aware UTC, or None. "-0000" and no zone at all mean UTC (848 of 7,069 real dates)."""
    try:
        parts = parsedate_tz(_ODD_ZONE.sub(r" \1\2\3", " ".join(value[:200].split())))
        if not parts:
            return None
        zone = timezone(timedelta(seconds=parts[9] or 0))
        second = min(parts[5], 59)  # a leap second
        return datetime(*parts[:5], second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
