"""Live updates on their way to a browser.

Each process has one subscription, whatever the number of streams, and hands on what it hears. While
it is open a stream holds neither a thread nor a database connection.
"""

import asyncio
import json
import logging
import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.conf import settings
from django.db import connections
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from crm.live import News, channel
from crm.presence import Presence, still_present

BATCH_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 30.0
# How far back a page can hear what was announced between its rendering and its stream.
RECALL_SECONDS = 10.0
RETRY_MILLISECONDS = (2000, 6000)
# Keeps what is in between from hanging up, and tells the page that the silence is one of ours.
BEAT = ":\nevent: beat\ndata: {}\n\n"
PING_SECONDS = 15

logger = logging.getLogger(__name__)


class Stream:
    """What one browser has not been told yet. It grows no further than to “everything”, however slowly
    somebody reads."""

    def __init__(self, workspace_id: int, presence: Presence) -> None:
        self.workspace_id, self.presence = workspace_id, presence
        self._news, self._state = News(), ""
        self._stirred, self._over = asyncio.Event(), asyncio.Event()

    def hear(self, member_id: int | None, news: News) -> None:
        if member_id in (None, self.presence.member_id):
            self._news.add(news)
            self._stirred.set()

    def report(self, *, is_up: bool, is_whole: bool = False) -> None:
        """Whether news arrive at all; and if so, whether none is missing since it was asked for."""
        state = f"event: up\ndata: {json.dumps({'whole': is_whole})}" if is_up else "event: down\ndata: {}"
        self._state = f"{state}\n\n"
        self._stirred.set()

    def end(self) -> None:
        self._over.set()
        self._stirred.set()

    async def parts(self) -> AsyncIterator[str]:
        yield f"retry: {random.randint(*RETRY_MILLISECONDS)}\n\n"  # noqa: S311 (spreads load, guards nothing)
        while not self._over.is_set():
            await _until(self._stirred, at_most=HEARTBEAT_SECONDS - BATCH_SECONDS)
            if not self._over.is_set():
                yield self._take() or BEAT
                await _until(self._over, at_most=BATCH_SECONDS)

    def _take(self) -> str:
        self._stirred.clear()
        news, self._news = self._news, News()
        state, self._state = self._state, ""
        return state + (f"data: {json.dumps(news.told(), separators=(',', ':'))}\n\n" if news else "")


async def _until(event: asyncio.Event, *, at_most: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most):
            await event.wait()


@dataclass
class _Channel:
    """A workspace's, with what was said on it lately."""

    streams: set[Stream] = field(default_factory=set)
    up_since: float | None = None
    last_left: float = field(default_factory=time.monotonic)
    recent: deque[tuple[float, int | None, News]] = field(default_factory=deque)

    def hear(self, text: str) -> None:
        now = time.monotonic()
        while self.recent and now - self.recent[0][0] > RECALL_SECONDS:
            self.recent.popleft()
        for member_id, said in json.loads(text):
            news = News.heard(said)
            self.recent.append((now, member_id, news))
            for stream in self.streams:
                stream.hear(member_id, news)

    def recall(self, stream: Stream, since: float) -> None:
        for at, member_id, news in self.recent:
            if at >= since:
                stream.hear(member_id, news)

    def come_up(self) -> None:
        self.up_since = time.monotonic()
        self._report()

    def go_down(self) -> None:
        self.up_since = None
        self._report()

    def _report(self) -> None:
        for stream in self.streams:
            stream.report(is_up=self.up_since is not None)


class Hub:
    """All streams of an event loop, and the subscription they share."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._pubsub: PubSub | None = None
        self._is_over = False
        self._changing = asyncio.Lock()
        self._tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._look_after())]
        _on_signal(asyncio.get_running_loop(), self.end)

    async def join(self, stream: Stream, *, age: float) -> None:
        """`age` is how many seconds ago the page was made that wants to miss nothing."""
        name = channel(stream.workspace_id)
        is_new = name not in self._channels
        known = self._channels.setdefault(name, _Channel())
        known.streams.add(stream)
        if self._is_over:
            stream.end()
        if is_new and self._pubsub:
            async with self._changing:
                with suppress(RedisError, OSError):  # the listener finds out too, and subscribes anew
                    await self._pubsub.subscribe(name)
        if known.up_since is not None:
            since = time.monotonic() - age
            stream.report(is_up=True, is_whole=age <= RECALL_SECONDS and known.up_since < since)
            known.recall(stream, since)

    def leave(self, stream: Stream) -> None:
        known = self._channels.get(channel(stream.workspace_id))
        if known:
            known.streams.discard(stream)
            known.last_left = time.monotonic()

    def end(self) -> None:
        """The server is about to stop."""
        self._is_over = True
        for stream in self.streams():
            stream.end()

    def streams(self) -> list[Stream]:
        return [stream for known in self._channels.values() for stream in known.streams]

    async def _listen(self) -> None:
        while not _is_cancelled():
            try:
                await self._listen_once()
            except Exception as error:  # whatever it is, pages should not stay deaf
                logger.warning("Live updates are interrupted: %s", error)
            self._pubsub = None
            for known in self._channels.values():
                known.go_down()
            await asyncio.sleep(random.uniform(0.5, 2))  # noqa: S311 (spreads load, guards nothing)

    async def _listen_once(self) -> None:
        async with _redis() as redis, redis.pubsub() as pubsub:
            # Without any channel there is no connection; workspaces begin at 1.
            known = [channel(0), *self._channels]
            await pubsub.subscribe(*known)
            self._pubsub = pubsub
            if come_meanwhile := self._channels.keys() - set(known):
                await pubsub.subscribe(*come_meanwhile)
            while not _is_cancelled():
                self._take(await pubsub.get_message(timeout=PING_SECONDS))

    def _take(self, message: dict[str, Any] | None) -> None:
        known = self._channels.get(message["channel"]) if message and message["channel"] else None
        if known and message and message["type"] == "subscribe":
            known.come_up()
        elif known and message and message["type"] == "message":
            known.hear(message["data"])

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._end_strangers()
                await self._leave_silent_channels()
            except Exception as error:  # while the database is down nothing changes either
                logger.warning("Who may hear live updates could not be looked up: %s", error)

    async def _end_strangers(self) -> None:
        streams = self.streams()
        asked = {stream.presence for stream in streams}
        present = await sync_to_async(_look_up, thread_sensitive=False)(asked) if asked else set()
        for stream in streams:
            if stream.presence not in present:
                stream.end()

    async def _leave_silent_channels(self) -> None:
        """Not at once: whoever goes from page to page comes back in a moment."""
        async with self._changing:
            limit = time.monotonic() - CHECK_SECONDS
            known = self._channels.items()
            silent = [name for name, one in known if not one.streams and one.last_left < limit]
            for name in silent:
                del self._channels[name]
            if silent and self._pubsub:
                await self._pubsub.unsubscribe(*silent)


def _is_cancelled() -> bool:
    """Now and then a cancellation is lost in redis-py, where a time-out ends at the same moment; a loop that
    is closed would wait for its task for good."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _look_up(asked: set[Presence]) -> set[Presence]:
    """In a thread of the loop's, which lives on; its connection does not."""
    try:
        return still_present(asked)
    finally:
        connections.close_all()


def _redis() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        client_name=f"live-{os.getpid()}",  # in CLIENT LIST, for whoever runs it
        decode_responses=True,
        socket_connect_timeout=5,
        socket_keepalive=True,
        health_check_interval=PING_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


async def follow(stream: Stream, *, age: float) -> AsyncIterator[str]:
    """Everything the stream says until it ends or nobody reads it any more."""
    await _let_go_of_the_thread()
    hub = _hub()
    try:
        await hub.join(stream, age=age)
        async for part in stream.parts():
            yield part
    finally:
        hub.leave(stream)


def in_this_thread(parts: AsyncIterator[str]) -> Iterator[str]:
    """For a server without an event loop, such as Django's own for development."""
    connections.close_all()
    with asyncio.Runner() as runner:
        while (part := runner.run(_next(parts))) is not None:
            yield part


async def _next(parts: AsyncIterator[str]) -> str | None:
    return await anext(parts, None)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def running_hubs() -> list[tuple[asyncio.AbstractEventLoop, Hub]]:
    """Nearly always one."""
    return [(loop, hub) for loop, hub in list(_hubs.items()) if not loop.is_closed()]


def _hub() -> Hub:
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [one for one in list(_hubs) if one.is_closed()]:
            _hubs.pop(closed, None)
        _hubs[loop] = Hub()
    return _hubs[loop]


async def _let_go_of_the_thread() -> None:
    """Django gives every request a thread until its answer has ended, and that thread keeps a database
    connection: for a stream, all day long."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        await sync_to_async(connections.close_all)()
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor:
            executor.shutdown(wait=False)


def _on_signal(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """A server that is told to stop waits for open answers, so these have to hear of it as well. It has
    handlers of its own, which are called afterwards; where there are none nobody waits."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(signal.getsignal(signal.SIGTERM)):
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, partial(_pass_on, loop, end, signal.getsignal(number)))


def _pass_on(
    loop: asyncio.AbstractEventLoop, end: Callable[[], None], before: Any, number: int, frame: Any
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(end)
    if callable(before):
        before(number, frame)
