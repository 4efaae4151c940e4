"""Files that were received (see `receiving`) → checked, unpacked within limits, kept for their mailbox alone.

They stay until they have been read (see `archives`), or the mailbox is removed.
"""

import hashlib
import os
import re
import shutil
import stat
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from crm.room import is_full, room_in
from mailboxes.accounts.receiving import Received, create, private, refuse_without_room, root
from mailboxes.models import Mailbox
from mailboxes.parsing.calendar import split_calendar
from mailboxes.parsing.values import Unparsable
from mailboxes.providers.archive import icsfiles, maildir, mbox
from mailboxes.providers.archive.files import packed_hint
from mailboxes.providers.base import SetupWrong
from mailboxes.providers.folders import is_left_out

UNPACKED_BYTES = 4 * 1024**3
CALENDAR_BYTES = 64 * 1024**2
MOST_ENTRIES = 100_000
_DEEPEST = 20
# The list of 100,000 entries fits; a list that is said to be larger is not read.
_LARGEST_READ = 16 * 1024**2
_PIECE = 1024**2
_MAIL_SUFFIXES = frozenset({"", ".mbox", ".mbx"})
_DELIVERED = re.compile(r"\d{9,10}(?=\.)")
KINDS = ("mbox", "maildir", "ics")

NEITHER = "It is neither a mailbox (.mbox) nor a calendar (.ics)"


class NotAccepted(Exception):
    """`str(error)` says why, in words for the member."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file or a Maildir, still where it was received. `name` is ours: the same content has the
    same name."""

    kind: str
    path: Path
    name: str


@dataclass(slots=True)
class Outcome:
    """What came of one uploaded file: taken in, or refused for `problem`. `remarks` are about what a
    zip had besides."""

    name: str
    accepted: list[Accepted] = field(default_factory=list)
    problem: str = ""
    remarks: list[str] = field(default_factory=list)


# Looking at what came


def look(received: Received, folder: Path) -> Outcome:
    """Judged by its content; what it is called says nothing. Raises NoRoom."""
    outcome = Outcome(received.name or "A file")
    try:
        if received.problem:
            raise NotAccepted(received.problem)
        with received.path.open("rb") as file:
            is_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        if is_zip:
            _unpack(received, private(folder / f"{received.path.name}.unpacked"), outcome)
        else:
            outcome.accepted.append(_judged(received.path, received.digest))
    except NotAccepted as error:
        outcome.accepted, outcome.problem = [], str(error)
    return outcome


def _judged(path: Path, digest: str) -> Accepted:
    """Raises NotAccepted for what no stream could read: afterwards it would stop all of the archive."""
    with path.open("rb") as file:
        start = file.read(8192)
        if not start.strip():
            raise NotAccepted("It is empty.")
        if b"BEGIN:VCALENDAR" in start.upper():
            _refuse_broken_calendar(path)
            return Accepted("ics", path, f"{digest}.ics")
        file.seek(0)
        if next(mbox.spans(file), None) is None:
            raise NotAccepted(f"{NEITHER}{packed_hint(start)}.")
    return Accepted("mbox", path, f"{digest}.mbox")


def _refuse_broken_calendar(path: Path) -> None:
    if path.stat().st_size > CALENDAR_BYTES:
        raise NotAccepted(f"It is a calendar of more than {CALENDAR_BYTES // 1024**2} MB.")
    try:
        split_calendar(icsfiles.read(path))
    except Unparsable as error:
        raise NotAccepted(str(error)) from None
    except SetupWrong:
        raise NotAccepted("It is a calendar file that cannot be read.") from None


# Unpacking


class _Sparing:
    """A zip says itself how much of it is to be read at once; this reads no more than is sensible."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_READ:
            raise zipfile.BadZipFile
        return self._file.read(size if size >= 0 else _LARGEST_READ)


def _unpack(received: Received, folder: Path, outcome: Outcome) -> None:
    try:
        with received.path.open("rb") as file, zipfile.ZipFile(_Sparing(file)) as zipped:
            outcome.accepted = _Unpacking(zipped, folder, outcome.remarks).run(received.digest)
    except OSError as error:
        if is_full(error):
            with room_in(folder):
                raise
        raise NotAccepted("It cannot be unpacked.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise NotAccepted("It is a damaged zip file.") from None
    if not outcome.accepted:
        raise NotAccepted(" ".join(outcome.remarks) or "There is no mailbox, Maildir or calendar in it.")


class _Unpacking:
    """Mailboxes, calendars and Maildirs out of one zip. Names in it are only ever compared, but for
    those of a Maildir's folders: they say what is junk and trash."""

    def __init__(self, zipped: zipfile.ZipFile, folder: Path, remarks: list[str]) -> None:
        self._zipped, self._folder, self._remarks = zipped, folder, remarks
        self._left = UNPACKED_BYTES

    def run(self, digest: str) -> list[Accepted]:
        entries = [entry for entry in self._zipped.infolist() if _is_file(entry)]
        if len(self._zipped.infolist()) > MOST_ENTRIES:
            raise NotAccepted(f"There are more than {MOST_ENTRIES:,} files in it.")
        if sum(entry.file_size for entry in entries) > UNPACKED_BYTES:
            raise NotAccepted(_too_large_unpacked())
        _refuse_odd(entries)
        found = [one for number, entry in enumerate(entries) if (one := self._take_file(entry, number))]
        letters = [entry for entry in entries if _is_letter(entry)]
        return [*found, *self._take_maildir(letters, digest)]

    def _take_file(self, entry: zipfile.ZipInfo, number: int) -> Accepted | None:
        path = PurePosixPath(entry.filename)
        suffix = path.suffix.lower()
        is_wanted = suffix == ".ics" or (suffix in _MAIL_SUFFIXES and not is_left_out(path.stem))
        if not is_wanted or _is_letter(entry) or not entry.file_size:
            return None
        if not suffix and not self._begins_like_mail(entry):
            return None
        target = self._folder / str(number)
        digest = self._extract(entry, target)
        try:
            return _judged(target, digest)
        except NotAccepted as error:
            self._remarks.append(f"{path.name}: {error}")
            return None

    def _begins_like_mail(self, entry: zipfile.ZipInfo) -> bool:
        with self._zipped.open(entry) as packed:
            return packed.read(64).lstrip().startswith(b"From ")

    def _take_maildir(self, letters: list[zipfile.ZipInfo], digest: str) -> Iterator[Accepted]:
        """Read once with the names it came with, which tell what is deleted; kept under ours."""
        if not letters:
            return
        given, kept = self._folder / "given", self._folder / "maildir"
        for entry in letters:
            target = given.joinpath(*PurePosixPath(entry.filename).parts)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not target.exists():
                self._extract(entry, target)
                os.utime(target, (_written(entry),) * 2)
        private(kept / "cur")
        for number, path in enumerate(maildir.files(given)):
            stamp = _DELIVERED.match(path.name)
            path.rename(kept / "cur" / f"{stamp[0] if stamp else 0}.{number}")
        if any((kept / "cur").iterdir()):
            yield Accepted("maildir", kept, f"{digest}.maildir")

    def _extract(self, entry: zipfile.ZipInfo, target: Path) -> str:
        digest = hashlib.sha256()
        with self._zipped.open(entry) as packed, create(target) as file:
            while piece := packed.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise NotAccepted(_too_large_unpacked())
                refuse_without_room(self._folder)
                file.write(piece)
                digest.update(piece)
        return digest.hexdigest()[:32]


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Links are left where they are."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    return not entry.is_dir() and mode in (0, stat.S_IFREG)


def _refuse_odd(entries: Iterable[zipfile.ZipInfo]) -> None:
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or len(path.parts) > _DEEPEST:
            raise NotAccepted("There are file names in it that lead out of it, or too deep.")
        if entry.flag_bits & 0x1:
            raise NotAccepted("It is protected by a password. Upload it without.")
        # The other ways of packing may ask for gigabytes of memory.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotAccepted("It is packed in an unusual way. Upload an ordinary zip.")


def _is_letter(entry: zipfile.ZipInfo) -> bool:
    return PurePosixPath(entry.filename).parent.name in ("cur", "new")


def _written(entry: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*entry.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return time.time()


def _too_large_unpacked() -> str:
    return f"Unpacked it would have more than {UNPACKED_BYTES // 1024**3} GB."


# Keeping


def keep(mailbox: Mailbox, files: Iterable[Accepted]) -> dict[str, list[str]]:
    """Move what was accepted to the mailbox's own folder; returns its settings with it. Files that
    an administrator named and has since moved away are named no more. Raises NoRoom."""
    folder = _folder(mailbox)
    for one in (root(), folder.parent, folder):
        private(one)
    named = {kind: [path for path in mailbox.settings.get(kind, []) if Path(path).exists()] for kind in KINDS}
    for file in files:
        target = folder / file.name
        if not target.exists():
            with room_in(folder):
                file.path.rename(target)
        if str(target) not in named[file.kind]:
            named[file.kind].append(str(target))
    return named


def forget(mailbox: Mailbox) -> None:
    """Delete every file of the mailbox. Safe to call twice, and for one that never had any."""
    folder = _folder(mailbox)
    if folder.exists():
        shutil.rmtree(folder)


def forget_files(mailbox: Mailbox, paths: Iterable[str]) -> None:
    """Delete those that were uploaded; a path that an administrator named is left alone."""
    for path in paths:
        if is_uploaded(mailbox, path):
            target = Path(path)
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)


def is_uploaded(mailbox: Mailbox, path: str) -> bool:
    return Path(path).parent == _folder(mailbox)


def _folder(mailbox: Mailbox) -> Path:
    return root() / str(mailbox.workspace_id) / str(mailbox.pk)
