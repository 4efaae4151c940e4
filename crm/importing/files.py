"""Uploaded tables, kept for their import alone until it is done, and for a day at most."""

import os
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from crm.models import ImportState, RecordImport
from crm.room import room_in

KEPT_FOR = timedelta(days=1)

GONE = "The file is not there any more. Upload it once more."


def keep(job: RecordImport, raw: bytes) -> None:
    """Raises NoRoom."""
    with room_in(_where()):
        path = _path(job)
        path.unlink(missing_ok=True)  # of a database that is not there any more
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def read(job: RecordImport) -> bytes:
    """Raises FileNotFoundError once it is forgotten."""
    return _path(job).read_bytes()


def forget(job: RecordImport) -> None:
    """Safe to call twice."""
    _path(job).unlink(missing_ok=True)


def forget_old(*, now: datetime) -> int:
    """Imports of more than a day ago with what they said, unless they are still to be done, and files that
    nobody knows. Returns how many imports went."""
    old = RecordImport.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state=ImportState.RUNNING)
    for job in old:
        forget(job)
    for path in _root().iterdir():
        with suppress(FileNotFoundError):  # another import ends
            if time.time() - path.stat().st_mtime > 2 * KEPT_FOR.total_seconds():
                path.unlink()
    return old.delete()[1].get(RecordImport._meta.label, 0)


def _path(job: RecordImport) -> Path:
    return _root() / f"{job.workspace_id}-{job.pk}.csv"


def _where() -> Path:
    return Path(settings.DATA_DIR) / "imports"


def _root() -> Path:
    folder = _where()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
