"""`manage.py up` on a machine of its own: from nothing, again, after a crash, as anybody."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.loopback import free_port

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def environment(data: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return {**kept, "RAPPORT_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1", "CONCURRENCY": "1"}


def start(data: Path, port: int, *, user: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port)],
        cwd=ROOT,
        env=environment(data),
        user=user,
        extra_groups=[] if user is not None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Until it has said that it runs, and answers."""
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C" in line:
            break
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"it ended: {''.join(said)[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail("it did not answer")


def interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, and what was printed after it."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[0]


def servers_of(data: Path) -> list[int]:
    """Processes that have to do with this data folder."""
    found, home = [], shared_home(data)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(str(place).encode() in said for place in (data, home)) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def open_to_all(folder: Path) -> None:
    """pytest keeps its folders to itself."""
    for one in (folder, *folder.parents):
        if one.is_relative_to(tempfile.gettempdir()) and str(one) != tempfile.gettempdir():
            one.chmod(0o755)


def shared_home(data: Path) -> Path:
    code = "from crm.embedded import home; print(home().folder)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(data),
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(said.stdout.strip())


@contextmanager
def cleaned_up(data: Path) -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(
            [sys.executable, "-m", "crm.embedded", "stop"], cwd=ROOT, env=environment(data), check=False
        )
        for pid in servers_of(data):
            os.kill(pid, signal.SIGKILL)
        if not shared_home(data).is_relative_to(data):
            shutil.rmtree(shared_home(data))


def test_it_starts_from_nothing_survives_a_crash_and_stops_clean(tmp_path: Path) -> None:
    """In a folder of root's own, so that data and programs have to go where the servers can read."""
    tmp_path.chmod(0o700)
    parents = {folder: folder.stat().st_mode for folder in tmp_path.parents}
    data, port = tmp_path / "data", free_port()

    with cleaned_up(data):
        first = start(data, port)
        wait_for(port, first)
        first.kill()
        first.wait()
        assert len(servers_of(data)) > 3

        second = start(data, port)
        wait_for(port, second)
        second_up = start(data, port)
        assert "running already" in second_up.communicate(timeout=60)[0]
        interrupt(second)

        assert servers_of(data) == []
    assert {folder: folder.stat().st_mode for folder in tmp_path.parents} == parents


def test_a_port_in_use_is_said_in_plain_words(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    with socket.socket() as taken, cleaned_up(tmp_path / "data"):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])

        said = start(tmp_path / "data", port).communicate(timeout=120)[0]

        assert f"Port {port} is in use" in said
        assert f"PORT={port + 1}" in said
        assert servers_of(tmp_path / "data") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_can_run_it(tmp_path: Path) -> None:
    if not _everybody_reaches(ROOT) or not _everybody_reaches(Path(sys.executable).resolve()):
        pytest.skip("other users cannot reach this checkout or its Python")
    open_to_all(tmp_path)
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)

    with cleaned_up(data):
        process = start(data, port, user=NOBODY)
        wait_for(port, process)
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in servers_of(data)}
        interrupt(process)

    assert owners == {NOBODY}


def _everybody_reaches(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)
