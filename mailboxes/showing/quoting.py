"""Which part of a mail its reader has read before. In linear time, whatever somebody sends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import quotequail

from mailboxes.parsing.text import MAX_TEXT

# "On Monday, Ada wrote:", "---Original Message---", "____", "2026/11/24 Ada <ada@x.example>"
_ENDS_OF_INTRODUCTIONS = (":", "-", "_", ">")
# quotequail's patterns take time that grows with the cube of a line, and each line is held against 27.
_LONGEST_INTRODUCTION = 160
MOST_LOOKS = 500
MOST_FOLDS = 200
# Shorter quotations stand between the answers to them, and are needed there.
_FEWEST_QUOTED_LINES = 3


@dataclass(frozen=True)
class Part:
    text: str
    is_quoted: bool


class Looks:
    """Asks quotequail whether a line introduces quoted text, until it has been asked often enough."""

    def __init__(self) -> None:
        self.taken = 0

    def introduction(self, line: str, before: str = "") -> int | None:
        """How many lines the introduction takes that ends with this one: some programs wrap it."""
        line, before = line.strip(), before.strip()
        if not line.endswith(_ENDS_OF_INTRODUCTIONS) or len(line) > _LONGEST_INTRODUCTION:
            return None
        if self.taken >= MOST_LOOKS:
            return None
        self.taken += 1
        if _introduces(line):
            return 1
        is_wrapped = 0 < len(before) <= _LONGEST_INTRODUCTION and _introduces(f"{before} {line}")
        return 2 if is_wrapped else None


def _introduces(line: str) -> bool:
    return len(quotequail.quote(line)) == 2


def plain_parts(text: str) -> Sequence[Part]:
    """Plain text cut into what is shown and what is folded away; one part when it is all quoted."""
    lines = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    quoted = [False] * len(lines)
    for start, end in _quotations(lines):
        quoted[start:end] = [True] * (end - start)
    parts = list(_parts(lines, quoted))
    if not any(not part.is_quoted for part in parts):
        return [Part("\n".join(lines).strip("\n"), is_quoted=False)]
    return parts


def _parts(lines: Sequence[str], quoted: Sequence[bool]) -> Iterator[Part]:
    for is_quoted, numbers in groupby(range(len(lines)), key=quoted.__getitem__):
        text = "\n".join(lines[number] for number in numbers).strip("\n")
        if text.strip():
            yield Part(text, is_quoted)


def _quotations(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The first line of each and the line after its last."""
    looks, position, folds = Looks(), 0, 0
    while position < len(lines) and folds < MOST_FOLDS:
        introduction = _introduction(looks, lines, position)
        if introduction is None:
            position += 1
            continue
        first = _next_written(lines, position + 1) if introduction else position
        if introduction and first < len(lines) and not lines[first].startswith(">"):
            # Nothing marks where it ends: some programs put their own text on top and quote the rest bare.
            yield position - introduction + 1, len(lines)
            return
        end, marked = _run(lines, first)
        if marked >= (1 if introduction else _FEWEST_QUOTED_LINES):
            yield position - max(introduction - 1, 0), end
            folds += 1
        position = max(end, position + 1)


def _introduction(looks: Looks, lines: Sequence[str], position: int) -> int | None:
    """How many lines introduce a quotation; 0 where it begins without any."""
    if lines[position].startswith(">"):
        return 0
    return looks.introduction(lines[position], before=lines[position - 1] if position else "")


def _next_written(lines: Sequence[str], position: int) -> int:
    while position < len(lines) and not lines[position].strip():
        position += 1
    return position


def _run(lines: Sequence[str], position: int) -> tuple[int, int]:
    """The line after the last of those that start with ">", blank ones between them, and their number."""
    end, marked = position, 0
    while position < len(lines):
        if lines[position].startswith(">"):
            marked, end = marked + 1, position + 1
        elif lines[position].strip():
            break
        position += 1
    return end, marked
