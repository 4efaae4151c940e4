"""The private PostgreSQL: made, started and found again."""

import os
import shutil
import time
from pathlib import Path

import psycopg

from crm.embedded.home import (
    START_SECONDS,
    CannotStart,
    Home,
    answers,
    free_port,
    give_to_server,
    is_running,
    password,
    run,
)

USER, DATABASE = "crm", "rapport"


def _megabytes_of_cache() -> int:
    """An eighth of the machine's memory: a workspace's indexes should stay in it while mail is read."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(128, min(memory // 8, 2048))


def _megabytes_of_log(here: Home) -> int:
    """A tenth of what is free on the disk. After a checkpoint every block goes whole into the log with the
    first change to it, which makes four times as much of it: the fewer checkpoints while years of mail are
    read, the better. What is left after a crash is read again at the next start, hence the most."""
    free = shutil.disk_usage(here.folder).free // 2**20
    return max(1024, min(free // 10, 4096))


POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": f"{_megabytes_of_cache()}MB",
    "random_page_cost": "1.1",
    "jit": "off",
    # Its own log, too, does without the rows that it refuses.
    "log_error_verbosity": "terse",
}


def postgres_port(here: Home) -> int | None:
    """Where it listens, if it runs: its lock file says so on the first and fourth line."""
    try:
        lines = (here.postgres / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, IndexError, ValueError):
        return None
    return port if is_running(pid, str(here.postgres)) and answers(port) else None


def start_postgres(here: Home) -> int:
    if not (here.postgres / "PG_VERSION").exists():
        _init_postgres(here)
    deadline = time.monotonic() + START_SECONDS
    pg_ctl, log = here.binaries / "postgres/bin/pg_ctl", here.postgres / "server.log"
    while True:
        port = free_port()
        _forget_dead_postmaster(here)
        how: list[str | Path] = ["-D", here.postgres, "-w", "-l", log, "-o", _options(here, port)]
        if run(here, [pg_ctl, *how, "start"], check=False).returncode == 0:
            _ensure_database(here, port)
            return port
        # The children of a killed server take a moment to go, and hold its shared memory till then.
        if time.monotonic() > deadline:
            raise CannotStart(
                f"The private PostgreSQL does not start; its log is {log}. Or set DATABASE_URL."
            )
        time.sleep(0.5)


def _options(here: Home, port: int) -> str:
    own = {"port": str(port), "max_wal_size": f"{_megabytes_of_log(here)}MB"}
    return " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in (POSTGRES_OPTIONS | own).items())


def stop_postgres(here: Home) -> None:
    pg_ctl = here.binaries / "postgres/bin/pg_ctl"
    run(here, [pg_ctl, "-D", here.postgres, "-w", "-m", "fast", "stop"])


def _init_postgres(here: Home) -> None:
    """Made under another name first, so that an interrupted attempt leaves nothing half done."""
    password(here)
    unfinished = here.folder / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give_to_server(here, unfinished)
    command: list[str | Path] = [
        here.binaries / "postgres/bin/initdb", "-D", unfinished, "-U", USER, "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256",
        f"--pwfile={here.folder / 'password'}", "--data-checksums",
    ]  # fmt: skip
    made = run(here, command, check=False)
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
    if not is_running(pid, str(here.postgres)):
        lock.unlink(missing_ok=True)


def _ensure_database(here: Home, port: int) -> None:
    url = f"postgresql://{USER}:{password(here)}@127.0.0.1:{port}/postgres"
    with psycopg.connect(url, autocommit=True) as server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            server.execute(f"CREATE DATABASE {DATABASE}")
