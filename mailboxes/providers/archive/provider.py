"""Files exported from somewhere else, read like any other account.

An id is made of the content, so importing the same or an overlapping export again adds nothing.
Archives only ever add: a listing is never a snapshot.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailboxes.providers.archive import icsfiles, maildir, mbox
from mailboxes.providers.archive.files import existing, opened, packed_hint, signature
from mailboxes.providers.base import (
    AtWork,
    Fetched,
    FetchedCalendar,
    FetchedMail,
    ListedItem,
    Listing,
    Missing,
    SetupWrong,
    Unreadable,
)
from mailboxes.providers.rawmail import moment

_PAGE = 5000
# Bytes that are read without a sign of life.
_STRETCH = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message lies: a span of an mbox file, or a Maildir file (no span)."""

    path: Path
    span: mbox.Span | None
    order: int
    stamp: int


class ArchiveMail:
    """Mail in mbox files and Maildirs."""

    def __init__(self, *, mbox: Sequence[str | Path] = (), maildir: Sequence[str | Path] = ()) -> None:
        self._mboxes = [existing(path) for path in mbox]
        self._maildirs = [Path(path) for path in maildir]
        self._places: dict[str, _Place] = {}
        self._places_of = ""

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        fingerprint = self._fingerprint()
        if cursor == fingerprint:
            yield Listing((), cursor)
            return
        for _ in self._read_places(fingerprint):
            yield Listing((), cursor)
        items = [ListedItem(key, place.order) for key, place in self._places.items()]
        items.sort(key=lambda item: -item.order)
        yield from _pages(items, cursor, fingerprint)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched | AtWork]:
        for _ in self._read_places(self._fingerprint()):
            yield AtWork()
        for provider_id in provider_ids:
            place = self._places.get(provider_id)
            yield _fetched(provider_id, place) if place else Missing(provider_id)

    def close(self) -> None:
        self._places, self._places_of = {}, ""

    def _fingerprint(self) -> str:
        """Changes when a file does. A Maildir's messages never change, so their names will do."""
        digest = hashlib.sha256()
        for path in self._mboxes:
            digest.update(signature(path))
        for root in self._maildirs:
            digest.update(repr(sorted(str(path) for path in _maildir_files(root))).encode())
        return digest.hexdigest()

    def _read_places(self, fingerprint: str) -> Iterator[None]:
        """Fills `_places`, unless they are these files'. Gigabytes take minutes, so it stops now and then."""
        if self._places_of != fingerprint:
            self._places, self._places_of = {}, ""
            for path in self._mboxes:
                yield from self._index_mbox(path)
            for root in self._maildirs:
                yield from self._index_maildir(root)
            self._places_of = fingerprint

    def _index_mbox(self, path: Path) -> Iterator[None]:
        with opened(path) as scanned, path.open("rb") as file:
            is_empty, told = True, 0
            for span in mbox.spans(scanned):
                is_empty = False
                if span.end - told > _STRETCH:
                    told = span.end
                    yield
                head = mbox.look(file, span)
                if not head.is_left_out:
                    place = _Place(path, span, head.date or span.stamp, span.stamp)
                    self._places.setdefault(head.content_id, place)
            if is_empty:
                _refuse_unless_empty(path)

    def _index_maildir(self, root: Path) -> Iterator[None]:
        for number, path in enumerate(_maildir_files(root), 1):
            if number % _PAGE == 0:
                yield
            try:
                letter = maildir.look(path)
            except FileNotFoundError:
                continue  # a running mail server renames files as it sets flags
            place = _Place(path, None, letter.date or letter.stamp, letter.stamp)
            self._places.setdefault(letter.content_id, place)


class ArchiveCalendar:
    """Events in .ics files. One UID in several files is one series, joined."""

    def __init__(self, *, ics: Sequence[str | Path] = ()) -> None:
        self._files = [existing(path) for path in ics]
        self._series: dict[str, FetchedCalendar] = {}
        self._series_of = ""

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        fingerprint = self._fingerprint()
        if cursor == fingerprint:
            yield Listing((), cursor)
            return
        items = [
            ListedItem(key, icsfiles.newest_start(one.raw), one.version)
            for key, one in self._read_series(fingerprint).items()
        ]
        items.sort(key=lambda item: -item.order)
        yield from _pages(items, cursor, fingerprint)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        series = self._read_series(self._fingerprint())
        for provider_id in provider_ids:
            yield series.get(provider_id) or Missing(provider_id)

    def close(self) -> None:
        self._series, self._series_of = {}, ""

    def _fingerprint(self) -> str:
        return hashlib.sha256(b"".join(signature(path) for path in self._files)).hexdigest()

    def _read_series(self, fingerprint: str) -> dict[str, FetchedCalendar]:
        if self._series_of != fingerprint:
            parts: dict[str, list[bytes]] = {}
            zones: dict[str, str] = {}
            for path in self._files:
                raw = icsfiles.read(path)
                zone = icsfiles.timezone(raw)
                for uid, part in icsfiles.split(path, raw):
                    parts.setdefault(uid, []).append(part)
                    zones.setdefault(uid, zone)
            self._series = {
                icsfiles.provider_id(uid): icsfiles.fetched(uid, same, timezone=zones[uid])
                for uid, same in parts.items()
            }
            self._series_of = fingerprint
        return self._series


def _pages(items: Sequence[ListedItem], before: str, after: str) -> Iterator[Listing]:
    """Only the last page moves the cursor: until then the files have not been listed."""
    for start in range(0, max(len(items), 1), _PAGE):
        is_last = start + _PAGE >= len(items)
        yield Listing(items[start : start + _PAGE], after if is_last else before)


def _fetched(provider_id: str, place: _Place) -> Fetched:
    try:
        if place.span is None:
            raw, size = maildir.read(place.path), place.path.stat().st_size
        else:
            with place.path.open("rb") as file:
                raw, size = mbox.read(file, place.span), place.span.end - place.span.start
    except FileNotFoundError:
        return Missing(provider_id)
    except OSError:
        return Unreadable(provider_id, f"The file “{place.path.name}” could not be read.")
    return FetchedMail(provider_id, raw, max(size, len(raw)), moment(place.stamp))


def _refuse_unless_empty(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.strip():
        raise SetupWrong(f"The file “{path}” is no mbox file{packed_hint(start)}.")


def _maildir_files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        raise SetupWrong(f"There is no folder “{root}”.")
    if not maildir.is_maildir(root):
        raise SetupWrong(f"The folder “{root}” is no Maildir: it has no folder “cur” or “new”.")
    return maildir.files(root)
