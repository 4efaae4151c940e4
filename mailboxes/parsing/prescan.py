"""A look at the bytes that decides, without parsing, whether a message needs the guard.

Only counts: real mail is far below every one of these numbers, hostile mail has to exceed one.
"""

from mailboxes.parsing.headers import MAX_HEADERS, find_headers

MAX_MESSAGE = 25 * 1024 * 1024

_MANY_DELIMITERS = 1000
_MANY_BOUNDARIES = 50
_MANY_BRACKETS = 300
_MANY_WORDS = 1500
_MANY_AT_SIGNS = 3000
_MANY_LINES = 1000


def is_suspicious(raw: bytes) -> bool:
    """May this message cost far more than its size?"""
    headers_end, _ = find_headers(raw, 0, len(raw))
    block = raw[: min(headers_end, MAX_HEADERS + 1)]
    if len(block) > MAX_HEADERS or block.count(b"(") > _MANY_BRACKETS:
        return True
    if (
        block.count(b"=?") > _MANY_WORDS
        or block.count(b"@") > _MANY_AT_SIGNS
        or block.count(b"\n") > _MANY_LINES
    ):
        return True
    return raw.count(b"\n--") > _MANY_DELIMITERS or raw.count(b"boundary=") > _MANY_BOUNDARIES
