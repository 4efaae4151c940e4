"""All processes of an installation on one machine, as `manage.py up` runs them.

They are marked in their environment with the data folder they serve: if `up` itself is killed, the
next one finds what it left behind by that mark and ends it first.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connections
from honcho.environ import parse_procfile
from honcho.manager import Manager

from crm import embedded

MARK = "RAPPORT_UP"
_GRACE_SECONDS = 10


@contextmanager
def only_one() -> Iterator[None]:
    folder = embedded.data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("w") as file:
        try:
            # A record lock is not inherited: what a killed `up` leaves behind does not hold it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("It is running already, from another terminal.")
        yield


def run_processes(port: int) -> int:
    """Web, worker and timetable until one ends or somebody stops them; returns the exit code."""
    environment = {
        **os.environ,
        MARK: str(embedded.data_folder()),
        "PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
    }
    connections.close_all()  # the manager forks
    manager = Manager()
    procfile = parse_procfile((embedded.CHECKOUT / "Procfile").read_text())
    for name, command in procfile.processes.items():
        manager.add_process(name, f"exec {command}", env=environment, cwd=str(embedded.CHECKOUT))
    manager.loop()
    return int(manager.returncode or 0)


def end_left_behind() -> None:
    """End processes of an earlier `up` that was killed. Call while holding `only_one`."""
    left = list(_marked())
    for pid in left:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := [pid for pid in left if _is_marked(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        _signal(pid, signal.SIGKILL)


def _marked() -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        if _is_marked(int(folder.name)):
            yield int(folder.name)


def _is_marked(pid: int) -> bool:
    mark = f"{MARK}={embedded.data_folder()}".encode()
    try:
        return pid != os.getpid() and mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
