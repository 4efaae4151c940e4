"""Tables as spreadsheets and other programs write them: bytes → rows of cells, within limits. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crm.exporting import defused

MOST_BYTES = 10 * 1024**2
MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_CELL = 10_000
DELIMITERS = ",;\t"
_LOOKED_AT = 20
_OTHER_FILES = {
    b"PK\x03\x04": "This is a workbook or a zip file. Save the sheet as CSV, and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook. Save the sheet as CSV, and upload that.",
    b"%PDF": "This is a PDF. Upload a CSV file.",
}
TOO_LARGE = f"A file may have {MOST_BYTES // 1024**2} MB at most. Split it into several."


class Unreadable(ValueError):
    """It is no table that we can read; the message says why, in the user's words."""


@dataclass(frozen=True, slots=True)
class Line:
    """`number` is where the row begins in the file, from 1."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    header: Sequence[str]
    lines: Sequence[Line]


def read_sheet(raw: bytes) -> Sheet:
    """The first row names the columns; rows without anything in them are passed over."""
    if len(raw) > MOST_BYTES:
        raise Unreadable(TOO_LARGE)
    for beginning, words in _OTHER_FILES.items():
        if raw.startswith(beginning):
            raise Unreadable(words)
    text = decode(raw)
    delimiter = _delimiter_named(text) or sniff(text)
    rows = list(_limited(_rows(text, delimiter)))
    if not rows:
        raise Unreadable("The file is empty.")
    header, lines = rows[0], rows[1:]
    if not lines:
        raise Unreadable("There is only one row in it: the first one names the columns.")
    width = max(len(line.cells) for line in rows)
    if width > MOST_COLUMNS:
        raise Unreadable(f"A table may have {MOST_COLUMNS} columns at most.")
    return Sheet(_padded(header.cells, width), [Line(one.number, _padded(one.cells, width)) for one in lines])


def decode(raw: bytes) -> str:
    """UTF-8 and UTF-16, with their marks or without, else Windows-1252, which nearly anything is."""
    text = _decoded(raw)
    if "\0" in text:
        raise Unreadable("This is not a text file. Upload a CSV file.")
    return text


def sniff(text: str) -> str:
    """The delimiter that makes the most columns of the first rows, the same number in each."""
    return max(DELIMITERS, key=lambda one: _regularity(text, one))


def undefused(cell: str) -> str:
    """Our own export puts an apostrophe before what a spreadsheet would run."""
    return cell[1:] if cell.startswith("'") and defused(cell[1:]) == cell else cell


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if wide := _wide_encoding(raw[:4096]):
        return raw.decode(wide, errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _wide_encoding(start: bytes) -> str:
    """Without a mark UTF-16 is known by the empty half of its Latin letters."""
    pairs = len(start) // 2
    if pairs < 2:
        return ""
    if start[1::2].count(0) > pairs * 0.4 and start[::2].count(0) < pairs * 0.1:
        return "utf-16-le"
    if start[::2].count(0) > pairs * 0.4 and start[1::2].count(0) < pairs * 0.1:
        return "utf-16-be"
    return ""


def _delimiter_named(text: str) -> str:
    """Some spreadsheets begin with a row that says it: sep=;"""
    first = text[:8].lower()
    return text[4] if first.startswith("sep=") and len(text) > 4 and text[4] in DELIMITERS else ""


def _regularity(text: str, delimiter: str) -> tuple[int, int]:
    try:
        rows = [line.cells for _, line in zip(range(_LOOKED_AT), _rows(text, delimiter), strict=False)]
    except Unreadable:
        return (0, 0)
    widths = [len(cells) for cells in rows]
    # The first row names the columns: what makes one of it is not what parts them.
    if not widths or widths[0] < 2:
        return (0, 0)
    return (sum(width == widths[0] for width in widths), widths[0])


def _rows(text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    try:
        for cells in reader:
            is_hint = begins == 1 and _delimiter_named(text) != "" and len("".join(cells)) <= 5
            if any(cell.strip() for cell in cells) and not is_hint:
                yield Line(begins, [_cell(cell, begins) for cell in cells])
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"Line {begins} cannot be read. Is a quotation mark missing there?") from error


def _cell(text: str, line: int) -> str:
    if len(text) > MOST_CELL:
        raise Unreadable(f"A cell on line {line} is too long. Is a quotation mark missing there?")
    return undefused(text.strip())


def _limited(lines: Iterable[Line]) -> Iterator[Line]:
    for count, line in enumerate(lines):
        if count > MOST_ROWS:
            raise Unreadable(f"A file may have {MOST_ROWS:,} rows at most. Split it into several.")
        yield line


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]
