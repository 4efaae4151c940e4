"""Files given by a person: found, opened, or refused in a sentence that names them."""

from pathlib import Path
from typing import BinaryIO

from mailboxes.providers.base import SetupWrong

_PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2", b"7z": "7-Zip", b"Ra": "RAR"}


def existing(path: str | Path) -> Path:
    found = _inside_bundle(Path(path))
    if not found.exists():
        raise SetupWrong(f"There is no file “{path}”.")
    if not found.is_file():
        raise SetupWrong(f"“{path}” is not a file.")
    return found


def opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SetupWrong(f"The file “{path}” cannot be read.") from error


def signature(path: Path) -> bytes:
    """Differs when the file has changed. Its folder may move without being another file."""
    try:
        stat = path.stat()
    except OSError as error:
        raise SetupWrong(f"The file “{path}” cannot be read any more.") from error
    return repr((path.name, stat.st_size, stat.st_mtime_ns)).encode()


def packed_hint(start: bytes) -> str:
    """The rest of a sentence that began with "is no … file"."""
    packed = _PACKED.get(start[:2])
    return f" but a {packed} archive: unpack it first" if packed else ""


def _inside_bundle(path: Path) -> Path:
    """Apple Mail exports a folder called X.mbox with the file inside."""
    inside = path / "mbox"
    return inside if path.is_dir() and inside.is_file() else path
