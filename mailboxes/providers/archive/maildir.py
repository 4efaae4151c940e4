"""The messages of a Maildir and of the folders inside it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imapclient import imap_utf7

from mailboxes.providers.folders import is_left_out
from mailboxes.providers.rawmail import (
    LARGEST_HEAD,
    LARGEST_MESSAGE,
    content_id,
    epoch,
    head_of,
    header,
    sane_epoch,
)

# ":" is not allowed in names on Windows, where mail programs write ";", "!" or "-" instead.
_FLAGS = re.compile(r"[:;!-]2,([A-Za-z]*)$")
_DELIVERED = re.compile(r"(\d{9,10})\.")
_LEFT_OUT_FLAGS = frozenset("DT")


@dataclass(frozen=True, slots=True)
class Letter:
    """A file. `date` is the Date header, `stamp` the time of delivery, in epoch seconds or 0."""

    content_id: str
    path: Path
    size: int
    date: int
    stamp: int


def is_maildir(root: Path) -> bool:
    return next(_letter_folders(root), None) is not None


def files(root: Path) -> Iterator[Path]:
    """Regular files only: a link in somebody's archive must not lead out of it."""
    for folder in _letter_folders(root):
        with os.scandir(folder) as entries:
            for entry in entries:
                is_letter = not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
                if is_letter and not _LEFT_OUT_FLAGS & set(_flags(entry.name)):
                    yield Path(entry.path)


def look(path: Path) -> Letter:
    stat = path.stat()
    raw = read(path)
    stamps = [float(found[1]) if (found := _DELIVERED.match(path.name)) else 0, stat.st_mtime]
    # Copying loses the time of the file and moving to a new server the one in the name: the
    # earlier one is the more original.
    stamp = min((sane_epoch(one) for one in stamps if sane_epoch(one)), default=0)
    return Letter(content_id(raw), path, stat.st_size, epoch(header(head_of(raw), "Date")), stamp)


def read(path: Path) -> bytes:
    """The whole message; only the head of a huge one."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_MESSAGE:
            return head_of(file.read(LARGEST_HEAD))
        return file.read(LARGEST_MESSAGE)


def _letter_folders(root: Path) -> Iterator[Path]:
    for parent, names, _ in os.walk(root):
        inside = Path(parent)
        if any(is_left_out(part) for part in _folder_names(inside.relative_to(root))):
            names.clear()
            continue
        names.sort()
        yield from (inside / name for name in ("cur", "new") if name in names)
        names[:] = [name for name in names if name not in ("cur", "new", "tmp")]


def _folder_names(relative: Path) -> Iterator[str]:
    """Maildir++ writes INBOX/Work/Old as ".Work.Old", in modified UTF-7."""
    for part in relative.parts:
        for name in part.split("."):
            yield _decoded(name)


def _decoded(name: str) -> str:
    try:
        return imap_utf7.decode(name.encode("ascii"))
    except ValueError:  # a folder that merely looks encoded, or is named in plain UTF-8
        return name


def _flags(name: str) -> str:
    found = _FLAGS.search(name)
    return found[1] if found else ""
