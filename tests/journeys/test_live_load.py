"""What streams cost a server: two hundred people have the product open all day."""

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connections

from crm.live import announce
from crm.models import Workspace
from crm.statements import fetch
from tests.journeys.stage import join
from tests.journeys.webserver import cookie_of, separate_server
from tests.servers.loopback import free_port

pytestmark = pytest.mark.django_db(transaction=True)


class Crowd:
    """Streams of one member, as many as wanted, in so many browsers."""

    def __init__(self, url: str, cookie: str) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            cookies={settings.SESSION_COOKIE_NAME: cookie},
            timeout=30,
            limits=httpx.Limits(max_connections=None),
        )
        self.heard = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self, count: int) -> None:
        """Twenty at a time, as after a restart."""
        for _ in range(count // 20):
            ready = [asyncio.Event() for _ in range(20)]
            self.tasks += [asyncio.create_task(self._listen(one)) for one in ready]
            await asyncio.gather(*(one.wait() for one in ready))

    async def _listen(self, ready: asyncio.Event) -> None:
        async with self._client.stream("GET", self._url) as answer:
            async for line in answer.aiter_lines():
                if line == "event: up":
                    ready.set()
                self.heard += "company:17" in line

    async def close(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._client.aclose()


@dataclass
class Load:
    """What the streams cost the server, in KB; how many heard what was said; how long it took to stop."""

    grown: int
    threads: int
    connected: int
    heard: int
    seconds: float


POOLED = 20
CONNECTED = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_start > %(since)s
"""


def said_of(pid: int, name: str) -> int:
    """A number the kernel says about a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def connected_since(since: Any) -> int:
    try:
        return int(fetch(CONNECTED, since=since)[0][0])
    finally:
        connections.close_all()


def test_two_hundred_streams_hold_no_thread_and_no_connection(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ada, port = join(Workspace.objects.create(slug="halyard", name="Halyard"), "ada"), free_port()
    cookie, since = cookie_of(ada), fetch("SELECT clock_timestamp()")[0][0]
    with separate_server(port) as process:
        url = f"http://127.0.0.1:{port}/halyard/live/"
        httpx.head(url, cookies={settings.SESSION_COOKIE_NAME: cookie})
        before = said_of(process.pid, "VmRSS")

        async def scene() -> Load:
            crowd = Crowd(url, cookie)
            await crowd.open(200)
            await asyncio.sleep(1.5)
            grown, threads = said_of(process.pid, "VmRSS") - before, said_of(process.pid, "Threads")
            connected = await asyncio.to_thread(connected_since, since)
            await asyncio.to_thread(announce, ada.workspace_id, records=[("company", 17)])
            await asyncio.sleep(2)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            await asyncio.gather(asyncio.to_thread(process.wait, 10), crowd.close())
            return Load(grown, threads, connected, crowd.heard, time.monotonic() - begun)

        load = asyncio.run(scene())

    with capfd.disabled():
        print(f"\n200 streams: {load}")
    assert load.heard == 200
    assert load.grown < 150 * 1024
    # The pool that requests share; nothing that grows with the streams.
    assert load.threads < 10 and load.connected <= POOLED
    # Five, and `up` would kill it.
    assert load.seconds < 5
