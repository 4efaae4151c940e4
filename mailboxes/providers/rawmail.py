"""The few things to know of a message's bytes without parsing them: head, date, identity."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import mktime_tz, parsedate_tz

LARGEST_MESSAGE = 25 * 1024 * 1024
LARGEST_HEAD = 1024 * 1024
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# What mail programs write into their own copy. Two exports differ in these and are still one mail.
_VOLATILE = re.compile(
    rb"^(?:X-Gmail-Labels|X-GM-THRID|Status|X-Status|X-Keywords|X-UID|X-IMAP(?:base)?"
    rb"|X-Mozilla-[\w-]+|X-Evolution[\w-]*|Content-Length|Lines):.*\n(?:[ \t].*\n)*",
    re.IGNORECASE | re.MULTILINE,
)
_BREAK = re.compile(r"\s*[\r\n]+\s*")
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def head_of(raw: bytes) -> bytes:
    """The header block with its blank line; all of it where no blank line is near."""
    end = _HEAD_END.search(raw, 0, LARGEST_HEAD)
    return raw[: end.end()] if end else raw[:LARGEST_HEAD]


def header(head: bytes, name: str) -> str:
    """The first header of that name, unfolded and decoded; "" when absent or unreadable."""
    pattern = rb"^%s:[ \t]*(.*(?:\n[ \t].*)*)" % re.escape(name.encode())
    found = re.search(pattern, head, re.IGNORECASE | re.MULTILINE)
    if not found:
        return ""
    value = re.sub(r"\r?\n", "", found[1].decode("utf-8", "replace")).strip()
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, HeaderParseError):  # broken encoded words, unknown charsets
        return value


def epoch(date: str) -> int:
    """An RFC 5322 date in epoch seconds, 0 when it is unreadable or out of any sane range."""
    try:
        parsed = parsedate_tz(date[:200])
        return sane_epoch(mktime_tz(parsed)) if parsed else 0
    except (ValueError, IndexError, TypeError, OverflowError):  # all seen with hostile dates
        return 0


def sane_epoch(seconds: float) -> int:
    return int(seconds) if _OLDEST <= seconds <= _LATEST else 0


def moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def content_id(raw: bytes) -> str:
    """The same for one mail in LF and CRLF, with and without the blank line an mbox adds."""
    text = raw.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    head = head_of(text)
    digest = hashlib.sha256(_VOLATILE.sub(b"", head))
    digest.update(text[len(head) :])
    return f"sha256:{digest.hexdigest()[:32]}"


def named(name: str, email: str) -> str:
    """Somebody, as an address header has it."""
    return f'"{name.replace(chr(92), "").replace(chr(34), chr(39))}" <{email}>'


def head(fields: Iterable[tuple[str, str]]) -> bytes:
    """The headers of a message whose text is not to be had, from names and values."""
    lines = [f"{name}: {_BREAK.sub(' ', value)}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")[:LARGEST_HEAD]
