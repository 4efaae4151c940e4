"""Uploaded files on their way in: to a folder of their own on disk, up to the limit of one upload, while
there is room."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from crm.room import NO_ROOM, NoRoom, room_in

UPLOAD_BYTES = 2 * 1024**3
# What must stay free on the disk, for the database is likely to be on the same one.
SPARE_BYTES = 1024**3
_LEFTOVER_SECONDS = 24 * 3600

TOO_LARGE = f"All files of one upload together may have {UPLOAD_BYTES // 1024**3} GB."


@contextmanager
def staging() -> Iterator[Path]:
    """A folder to receive and unpack in. What is not kept is gone afterwards. Raises NoRoom."""
    incoming = private(private(root()) / "incoming")
    with room_in(incoming):
        _clear_leftovers(incoming)
    folder = private(incoming / secrets.token_hex(16))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Received(UploadedFile):
    """A file on disk, never in memory. With a `problem` it is not all there."""

    def __init__(self, path: Path, *, name: str, digest: str, size: int, problem: str) -> None:
        super().__init__(None, name, size=size)
        self.path, self.digest, self.problem = path, digest, problem

    def close(self) -> None:
        """It is closed since it was received."""


class ToDisk(FileUploadHandler):
    """Streams every file of a request into `folder`, up to the limit of one upload."""

    def __init__(self, request: HttpRequest, folder: Path) -> None:
        super().__init__(request)
        self._folder = folder
        self._left = UPLOAD_BYTES
        self._count = 0
        self._file: BinaryIO | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._count += 1
        self._path = self._folder / str(self._count)
        with room_in(self._folder):
            self._file = create(self._path)
        self._digest = hashlib.sha256()
        self._problem = ""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._left -= len(raw_data)
        if not self._problem:
            self._problem = self._write(raw_data)

    def file_complete(self, file_size: int) -> Received:
        self._close()
        digest = self._digest.hexdigest()[:32]
        name = self.file_name or ""
        return Received(self._path, name=name, digest=digest, size=file_size, problem=self._problem)

    def upload_interrupted(self) -> None:
        self._close()

    def _write(self, raw: bytes) -> str:
        """What is wrong, and then the rest of the file goes nowhere."""
        if self._left < 0:
            return TOO_LARGE
        try:
            refuse_without_room(self._folder)
            assert self._file is not None
            with room_in(self._folder):
                self._file.write(raw)
        except NoRoom:
            return NO_ROOM
        self._digest.update(raw)
        return ""

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with room_in(self._folder):
                file.close()


def root() -> Path:
    return Path(settings.DATA_DIR) / "uploads"


def private(folder: Path) -> Path:
    """Raises NoRoom."""
    with room_in(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def refuse_without_room(folder: Path) -> None:
    """Raises NoRoom."""
    with room_in(folder):
        if shutil.disk_usage(folder).free < SPARE_BYTES:
            raise OSError(errno.ENOSPC, "too little is left on its disk")


def _clear_leftovers(incoming: Path) -> None:
    """Of uploads whose process has died."""
    for folder in incoming.iterdir():
        with suppress(FileNotFoundError):  # another upload ends
            if time.time() - folder.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
