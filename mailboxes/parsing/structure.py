"""The parts of a MIME message, found by offset: nothing is copied, nothing recurses, all is bounded.

The standard library's parser goes line by line and builds every attachment; it takes 2 s for 50,000
parts and fails at a depth of about 300. Here a part is two numbers into the raw bytes.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import collapse_rfc2231_value, decode_params

from mailboxes.parsing.headers import (
    Fields,
    base64_bytes,
    decode_words,
    find_headers,
    first,
    split_fields,
)
from mailboxes.parsing.text import one_line

MAX_DEPTH = 50
MAX_PARTS = 1000
MAX_PART_HEADERS = 16 * 1024
MAX_FILE_NAME = 255
_MAX_VALUE = 4096
# A boundary may be as short as "-": look at a bounded number of places that merely resemble one.
_MAX_LOOKALIKES = 60_000

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))')


@dataclass(slots=True)
class Part:
    """A leaf. `group` is not 0 for a direct child of a multipart/alternative: they share it."""

    raw: bytes
    start: int
    end: int
    fields: Fields
    content_type: str
    parameters: dict[str, str]
    parent_type: str
    group: int

    @property
    def disposition(self) -> str:
        return first(self.fields, "content-disposition").partition(";")[0].strip().lower()

    @property
    def file_name(self) -> str:
        given = parameters_of(first(self.fields, "content-disposition")).get("filename", "")
        return file_name(given or self.parameters.get("name", ""))

    def content(self, limit: int | None = None) -> bytes:
        """Decoded; with a limit, at least that many bytes where there are as many."""
        encoding = self._encoding()
        end = self.end if limit is None else min(self.end, self.start + 4 * limit)
        data = self.raw[self.start : end]
        if encoding == "base64":
            return base64_bytes(data)
        return a2b_qp(data) if encoding == "quoted-printable" else data

    def size(self) -> int:
        """In bytes, once decoded."""
        encoding = self._encoding()
        if encoding == "quoted-printable":
            return len(self.content())
        length = self.end - self.start
        if encoding != "base64":
            return length
        padding = sum(self.raw.count(mark, self.start, self.end) for mark in (b"\r", b"\n", b"="))
        return (length - padding) * 3 // 4

    def _encoding(self) -> str:
        return first(self.fields, "content-transfer-encoding").partition(";")[0].strip().lower()


@dataclass(slots=True)
class _Entity:
    start: int
    end: int
    depth: int = 0
    parent_type: str = ""
    group: int = 0


def leaves(raw: bytes, body: int, fields: Fields, flags: set[str]) -> Iterator[Part]:
    """Every leaf of a message with these fields, in order. What had to be cut is named in `flags`."""
    cutter = _Cutter(raw, flags)
    waiting = [_Entity(body, len(raw))]
    seen = 0
    while waiting:
        entity = waiting.pop()
        seen += 1
        if seen > MAX_PARTS:
            flags.add("parts_cut")
            return
        if entity.depth:
            fields, body = _part_headers(raw, entity)
        part = _part(raw, body, entity, fields)
        children = cutter.children(part, entity, group=seen)
        if children is None:
            yield part
        else:
            waiting.extend(reversed(children))


def _part_headers(raw: bytes, entity: _Entity) -> tuple[Fields, int]:
    block_end, body = find_headers(raw, entity.start, entity.end)
    fields, _, _ = split_fields(raw[entity.start : min(block_end, entity.start + MAX_PART_HEADERS)])
    return fields, body


def _part(raw: bytes, body: int, entity: _Entity, fields: Fields) -> Part:
    value = first(fields, "content-type")[:_MAX_VALUE]
    content_type = value.partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(content_type):
        digest = entity.parent_type == "multipart/digest" and not value
        content_type = "message/rfc822" if digest else "text/plain"
    parameters = parameters_of(value) if ";" in value else {}
    return Part(raw, body, entity.end, fields, content_type, parameters, entity.parent_type, entity.group)


class _Cutter:
    """Cuts multiparts at their delimiters, within one budget for the whole message."""

    def __init__(self, raw: bytes, flags: set[str]) -> None:
        self.raw = raw
        self.flags = flags
        self.budget = _MAX_LOOKALIKES

    def children(self, part: Part, entity: _Entity, *, group: int) -> list[_Entity] | None:
        """The parts inside, or None for a leaf."""
        if not part.content_type.startswith("multipart/"):
            return None
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf_8", "replace")
        spans = self._spans(part.start, part.end, b"--" + boundary) if boundary else []
        if not spans:  # a multipart that is none: show what is there
            part.content_type = "text/plain"
            return None
        if entity.depth >= MAX_DEPTH:
            self.flags.add("depth_cut")
            return []
        kind = part.content_type
        group = group if kind == "multipart/alternative" else 0
        return [_Entity(start, end, entity.depth + 1, kind, group) for start, end in spans]

    def _spans(self, start: int, end: int, delimiter: bytes) -> list[tuple[int, int]]:
        """What is between lines made of the delimiter, up to the one with `--` behind it."""
        spans: list[tuple[int, int]] = []
        opened = -1
        for found, after in self._lookalikes(start, end, delimiter):
            line = _delimiter_line(self.raw, start, found, after, end)
            if line is None:
                continue
            if opened >= 0:
                spans.append((opened, _without_line_end(self.raw, opened, found)))
            closing, opened = line
            if closing:
                return spans
        if 0 <= opened <= end:  # the closing delimiter is missing
            spans.append((opened, end))
        return spans

    def _lookalikes(self, start: int, end: int, delimiter: bytes) -> Iterator[tuple[int, int]]:
        found = self.raw.find(delimiter, start, end)
        while found >= 0:
            self.budget -= 1
            if self.budget < 0:
                self.flags.add("parts_cut")
                return
            after = found + len(delimiter)
            yield found, after
            found = self.raw.find(delimiter, after, end)


def _delimiter_line(raw: bytes, start: int, found: int, after: int, end: int) -> tuple[bool, int] | None:
    """Is raw[found:after] a whole line? If so, whether it closes, and where the next line starts."""
    if found > start and raw[found - 1 : found] not in {b"\n", b"\r"}:
        return None
    closing = raw.startswith(b"--", after, end)
    at = after + 2 * closing
    while at < end and raw[at] in b" \t":
        at += 1
    if raw.startswith(b"\r\n", at, end):
        return closing, at + 2
    return (closing, min(at + 1, end)) if at >= end or raw[at] in b"\r\n" else None


def _without_line_end(raw: bytes, start: int, end: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
    if end > start and raw[end - 1 : end] == b"\r":
        end -= 1
    return end


# Parameters


def parameters_of(value: str) -> dict[str, str]:
    """`text/plain; name*=utf-8''caf%C3%A9` -> {"name": "café"}; the first of a name counts."""
    pairs = []
    for name, quoted, bare in _PARAMETER.findall(value[:_MAX_VALUE]):
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip()
        pairs.append((name.lower(), text))
    if any("*" in name for name, _ in pairs):
        pairs = _rfc2231(pairs)
    return dict(reversed(pairs))


def _rfc2231(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    try:
        decoded = decode_params([("", ""), *pairs])[1:]
        return [(name, _unquote(collapse_rfc2231_value(value))) for name, value in decoded]
    except (ValueError, LookupError, TypeError, IndexError):
        return [(name.partition("*")[0], value) for name, value in pairs]


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def file_name(given: str) -> str:
    """The last step of a path, without anything that could turn or break the line."""
    name = one_line(decode_words(given), _MAX_VALUE)
    return name.replace("\\", "/").rpartition("/")[2].strip()[:MAX_FILE_NAME]
