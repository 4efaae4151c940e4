"""The pages as they are served in earnest, by uvicorn, on the database of the tests."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import uvicorn
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.db import connection
from django.test import Client

from crm import streaming
from crm.models import Member

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(port: int) -> Iterator[str]:
    """In a thread, with the settings of the tests. Signals reach the main thread alone, so streams are told
    here that it stops."""
    config = uvicorn.Config(
        ASGIStaticFilesHandler(get_asgi_application()),
        host="127.0.0.1",
        port=port,
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    _earlier.clear()
    _earlier.update(id(hub) for _, hub in streaming.running_hubs())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _await_answer(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        for loop, hub in streaming.running_hubs():
            loop.call_soon_threadsafe(hub.end)
        server.should_exit = True
        thread.join()
        # Threads have ended and their connections with them, once somebody looks.
        gc.collect()


def cookie_of(member: Member) -> str:
    client = Client()
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


# Hubs of other servers, whose visitors may not have been missed yet.
_earlier: set[int] = set()


def open_streams() -> int:
    """Of the server that is running."""
    hubs = (hub for _, hub in streaming.running_hubs() if id(hub) not in _earlier)
    return sum(len(hub.streams()) for hub in hubs)


@contextmanager
def separate_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own, as the Procfile starts it; a session of the tests is one of its too."""
    database = connection.settings_dict
    user, password = quote(database["USER"]), quote(database["PASSWORD"], safe="")
    address = f"{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    command = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:"))
    arguments = command.removeprefix("web: ").replace("${PORT:-8000}", str(port)).split()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"postgresql://{address}", "REDIS_URL": settings.REDIS_URL},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_answer(port)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


def _await_answer(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("it did not answer")
