"""Where the messages of an mbox file begin and end, and what is in them.

Everything real goes by that name: mboxrd and mboxo quoting, CRLF, files of many gigabytes, a last
message cut short, Google Takeout, Thunderbird's files with deleted mail still inside.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mailboxes.providers.folders import CHAT_LABELS, is_left_out
from mailboxes.providers.rawmail import (
    LARGEST_HEAD,
    LARGEST_MESSAGE,
    content_id,
    epoch,
    head_of,
    header,
)

_CHUNK = 8 * 1024 * 1024
# How far a separator line and the line after it are looked at.
_MARGIN = 4096
_DATED = re.compile(
    rb"From +\S+ +(?=.*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)"
    rb"(?=.*\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b)"
    rb"(?=.*\b\d\d?:\d\d)(?=.*\b(?:19|20)\d\d\b)"
)
# Thunderbird writes "From - date", and sometimes only "From " or "From -".
_BARE = re.compile(rb"From +(?:-|\S+@\S+|MAILER[-_]DAEMON)?\s*$")
_FIELD = re.compile(rb"[!-9;-~]{1,100}:|>From ")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_EXPUNGED = 0x0008
# The first "message" of a file written by UW-IMAP, Pine and their heirs.
_FOLDER_DATA = "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"


@dataclass(frozen=True, slots=True)
class Span:
    """One message: from after its separator line to the next separator. `stamp` is the date in the
    separator in epoch seconds, or 0."""

    start: int
    end: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Head:
    """What one look at a message tells: its content id, its head, and whether to leave it out."""

    content_id: str
    date: int
    is_left_out: bool


def spans(file: BinaryIO) -> Iterator[Span]:
    start, stamp = -1, 0
    for offset, line in _separators(file):
        if start >= 0:
            yield Span(start, offset, stamp)
        start, stamp = offset + len(line) + 1, _stamp(line)
    size = os.fstat(file.fileno()).st_size
    if 0 <= start < size:
        yield Span(start, size, stamp)


def look(file: BinaryIO, span: Span) -> Head:
    raw = read(file, span)
    head = head_of(raw)
    return Head(content_id(raw), epoch(header(head, "Date")), _is_left_out(head))


def read(file: BinaryIO, span: Span) -> bytes:
    """The message as it was before the mbox quoted it; only the head of a huge one."""
    file.seek(span.start)
    if span.end - span.start > LARGEST_MESSAGE:
        return head_of(file.read(LARGEST_HEAD))
    raw = file.read(span.end - span.start)
    head = head_of(raw)
    body = raw[len(head) :]
    return head + _QUOTED.sub(rb"\1", body) if b">From " in body else raw


def _separators(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Offset and text of every separator line.

    Read in chunks rather than mapped: someone cutting short a mapped file kills the process. The
    first line is treated like any other by putting a blank line in front of it.
    """
    window, base, at, is_end = b"\n\n", -2, 0, False
    while not is_end:
        more = file.read(_CHUNK)
        is_end = not more
        window += more
        limit = len(window) if is_end else len(window) - _MARGIN
        while (found := window.find(b"\nFrom ", at, max(limit, 0))) >= 0:
            at = found + 1
            if line := _separator_line(window, found):
                yield base + found + 1, line
        # Searched so far: what begins before limit - 5. Two bytes more tell a blank line before.
        cut = max(limit - 8, 0)
        window, base, at = window[cut:], base + cut, max(at, limit - 5) - cut


def _separator_line(window: bytes, newline: int) -> bytes:
    """The line after `newline` if it begins a message, else nothing.

    Mail quotes mbox files and people begin sentences with "From ". So a separator needs two of: a
    blank line before, a header after, and a full date; without a date it needs both others and
    no more than a sender.
    """
    start = newline + 1
    end = window.find(b"\n", start, start + _MARGIN)
    line = window[start:end] if end >= 0 else window[start : start + _MARGIN]
    after_blank = window[newline - 1 : newline] == b"\n" or window[newline - 2 : newline] == b"\n\r"
    before_field = bool(end >= 0 and _FIELD.match(window, end + 1, end + 1 + _MARGIN))
    if _DATED.match(line):
        return line if after_blank or before_field else b""
    return line if after_blank and before_field and _BARE.match(line) else b""


def _stamp(line: bytes) -> int:
    words = line.decode("ascii", "replace").strip().split(" ", 2)
    return epoch(words[2].strip()) if len(words) == 3 else 0


def _is_left_out(head: bytes) -> bool:
    if not head.strip():
        return True
    labels = {label.strip(' "').casefold() for label in header(head, "X-Gmail-Labels").split(",")}
    if labels & CHAT_LABELS or any(is_left_out(label) for label in labels):
        return True
    return _is_deleted(head) or header(head, "Subject") == _FOLDER_DATA


def _is_deleted(head: bytes) -> bool:
    """Thunderbird keeps deleted mail until it compacts the file; Pine and Dovecot mark D and T."""
    try:
        flags = int(header(head, "X-Mozilla-Status") or "0", 16)
    except ValueError:
        flags = 0
    return bool(flags & _EXPUNGED or set("DT") & set(header(head, "X-Status")))
