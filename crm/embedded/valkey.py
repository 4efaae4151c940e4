"""The private Valkey."""

import os
import time

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


def valkey_port(here: Home) -> int | None:
    try:
        pid = int((here.valkey / "valkey.pid").read_text())
        port = int((here.valkey / "port").read_text())
    except (OSError, ValueError):
        return None
    return port if is_running(pid, "valkey-server") and answers(port) else None


def start_valkey(here: Home) -> int:
    here.valkey.mkdir(mode=0o700, exist_ok=True)
    give_to_server(here, here.valkey)
    port = free_port()
    settings = here.valkey / "valkey.conf"
    settings.touch(mode=0o600)
    settings.write_text(VALKEY_OPTIONS.format(port=port, password=password(here), folder=here.valkey))
    give_to_server(here, settings)
    run(here, [here.binaries / "valkey-server", settings])
    (here.valkey / "port").write_text(str(port))
    deadline = time.monotonic() + START_SECONDS
    while not valkey_port(here):
        if time.monotonic() > deadline:
            log = here.valkey / "valkey.log"
            raise CannotStart(f"The private Valkey does not start; its log is {log}. Or set REDIS_URL.")
        time.sleep(0.05)
    return port


def stop_valkey(here: Home) -> None:
    pid = int((here.valkey / "valkey.pid").read_text())
    os.kill(pid, 15)
    deadline = time.monotonic() + START_SECONDS
    while is_running(pid, "valkey-server") and time.monotonic() < deadline:
        time.sleep(0.05)
