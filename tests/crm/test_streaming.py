"""Streams on their way to a browser: what they say, when, and when they end."""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from redis import Redis

from crm import streaming
from crm.live import News, announce, channel
from crm.models import Member
from crm.presence import Presence, still_present
from crm.streaming import Stream, follow, in_this_thread
from crm.workspaces import deactivate
from tests.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def session_of(member: Member) -> str:
    engine = import_module(django_settings.SESSION_ENGINE)
    session = engine.SessionStore()
    session[SESSION_KEY] = str(member.user_id)
    session[HASH_SESSION_KEY] = member.user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def presence_of(member: Member) -> Presence:
    return Presence(member.pk, session_of(member))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in less time."""
    monkeypatch.setattr(streaming, "BATCH_SECONDS", 0.2)
    monkeypatch.setattr(streaming, "CHECK_SECONDS", 0.3)


class Reader:
    """A browser that reads all it is sent."""

    def __init__(self, parts: AsyncIterator[str]) -> None:
        self.said: list[str] = []
        self.ended = asyncio.Event()
        self._task = asyncio.create_task(self._read(parts))

    async def _read(self, parts: AsyncIterator[str]) -> None:
        async for part in parts:
            self.said.append(part)
        self.ended.set()

    async def until(self, words: str) -> None:
        async with asyncio.timeout(5):
            while not any(words in part for part in self.said):
                await asyncio.sleep(0.01)

    @property
    def news(self) -> list[dict[str, Any]]:
        lines = [line for part in self.said for line in part.splitlines()]
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        return [one for one in told if one and "whole" not in one]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def reading(member: Member, presence: Presence, *, age: float = 0) -> AsyncIterator[Reader]:
    reader = Reader(follow(Stream(member.workspace_id, presence), age=age))
    try:
        await reader.until("event: up")
        yield reader
    finally:
        await reader.close()


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with asyncio.timeout(20):
            return await scene()

    return asyncio.run(whole())


tell = sync_to_async(announce, thread_sensitive=False)


def test_everybody_in_the_workspace_hears_and_nobody_elsewhere(ada: Member, ben: Member, dan: Member) -> None:
    here = {member: presence_of(member) for member in (ada, ben, dan)}

    async def scene() -> list[list[dict[str, Any]]]:
        async with reading(ada, here[ada]) as a, reading(ben, here[ben]) as b, reading(dan, here[dan]) as d:
            await tell(ada.workspace_id, records=[("company", 17)])
            await a.until("company:17")
            await b.until("company:17")
            await asyncio.sleep(0.3)
            return [a.news, b.news, d.news]

    assert play(scene) == [[{"records": ["company:17"]}], [{"records": ["company:17"]}], []]


def test_what_is_for_one_member_reaches_nobody_else(ada: Member, ben: Member) -> None:
    here = {member: presence_of(member) for member in (ada, ben)}

    async def scene() -> list[list[dict[str, Any]]]:
        async with reading(ada, here[ada]) as a, reading(ben, here[ben]) as b:
            await tell(ada.workspace_id, topics=["notifications"], member_id=ada.pk)
            await a.until("notifications")
            await asyncio.sleep(0.3)
            return [a.news, b.news]

    assert play(scene) == [[{"topics": ["notifications"]}], []]


@pytest.mark.usefixtures("quick")
def test_one_message_in_each_second_says_all_of_it(ada: Member) -> None:
    presence = presence_of(ada)

    async def scene() -> list[dict[str, Any]]:
        async with reading(ada, presence) as reader:
            await asyncio.sleep(0.3)
            await tell(ada.workspace_id, records=[("company", 1)])
            await reader.until("company:1")
            for pk in (2, 3, 2):
                await tell(ada.workspace_id, records=[("person", pk)], topics=["sync"])
            await reader.until("person:2")
            await asyncio.sleep(0.3)
            return reader.news

    assert play(scene) == [
        {"records": ["company:1"]},
        {"records": ["person:2", "person:3"], "topics": ["sync"]},
    ]


def test_whoever_reads_slowly_is_told_to_look_at_everything() -> None:
    stream = Stream(1, Presence(1, ""))

    async def scene() -> str:
        parts = stream.parts()
        await anext(parts)
        for pk in range(300):
            stream.hear(None, News({f"company:{pk}"}))
        return await anext(parts)

    assert play(scene) == 'data: {"all":true}\n\n'


def test_silence_is_broken_by_a_heartbeat(ada: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr(streaming, "BATCH_SECONDS", 0.1)
    presence = presence_of(ada)

    async def scene() -> list[str]:
        async with reading(ada, presence) as reader:
            await asyncio.sleep(0.8)
            return reader.said

    said = play(scene)
    assert said[0].startswith("retry: ") and 2000 <= int(said[0][7:]) <= 6000
    assert said[2:4] == [":\nevent: beat\ndata: {}\n\n"] * 2


def test_a_page_hears_what_was_announced_since_it_was_made(ada: Member) -> None:
    presence = presence_of(ada)

    async def scene() -> tuple[bool, list[dict[str, Any]], bool, list[dict[str, Any]]]:
        async with reading(ada, presence) as first:
            await tell(ada.workspace_id, records=[("company", 17)])
            await first.until("company:17")
            await asyncio.sleep(0.5)
            async with reading(ada, presence, age=0.2) as new, reading(ada, presence, age=5) as old:
                await old.until("company:17")
                await asyncio.sleep(0.2)
                return "true" in new.said[1], new.news, "true" in old.said[1], old.news

    # Nobody listened five seconds ago, so there may be more.
    assert play(scene) == (True, [], False, [{"records": ["company:17"]}])


@pytest.mark.usefixtures("quick")
def test_it_says_when_redis_goes_and_when_it_is_back(ada: Member) -> None:
    presence = presence_of(ada)

    def cut() -> None:
        with Redis.from_url(django_settings.REDIS_URL) as redis:
            for one in redis.client_list(_type="pubsub"):
                if one["name"] == f"live-{os.getpid()}":  # others listen to the same server
                    redis.client_kill_filter(_id=one["id"])

    async def scene() -> list[str]:
        async with reading(ada, presence) as reader:
            await sync_to_async(cut, thread_sensitive=False)()
            await reader.until("event: down")
            while sum("event: up" in part for part in reader.said) < 2:
                await asyncio.sleep(0.05)
            await tell(ada.workspace_id, records=[("company", 17)])
            await reader.until("company:17")
            return [part.splitlines()[0] for part in reader.said if part.startswith("event")]

    assert play(scene) == ["event: up", "event: down", "event: up"]


# Who may go on listening


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ending", ["deactivated", "signed out"])
def test_a_stream_ends_with_its_member_or_session(
    ada: Member, ben: Member, cleo: Member, ending: str
) -> None:
    mine, other = presence_of(ada), presence_of(ben)

    def end() -> None:
        if ending == "deactivated":
            deactivate(Member.objects.get(pk=ada.pk), by=cleo)
        else:
            Session.objects.filter(session_key=mine.session_key).delete()

    async def scene() -> bool:
        async with reading(ada, mine) as reader, reading(ben, other) as colleague:
            await sync_to_async(end, thread_sensitive=False)()
            async with asyncio.timeout(3):
                await reader.ended.wait()
            return colleague.ended.is_set()

    assert play(scene) is False


def test_present_are_active_members_in_a_session_of_their_own(
    ada: Member, ben: Member, cleo: Member, dan: Member, desk: Desk, django_assert_num_queries: Any
) -> None:
    ada_s, ben_s, cleo_s, dan_s = map(presence_of, (ada, ben, cleo, dan))
    outdated = presence_of(ada)
    Session.objects.filter(session_key=outdated.session_key).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    borrowed, invented = Presence(ada.pk, ben_s.session_key), Presence(ada.pk, "invented")
    Member.objects.filter(pk=ben.pk).update(is_active=False)
    dan.user.is_active = False
    dan.user.save()
    asked = {ada_s, ben_s, cleo_s, dan_s, outdated, borrowed, invented}

    with django_assert_num_queries(2):
        present = still_present(asked)

    assert present == {ada_s, cleo_s}


def test_a_new_password_ends_what_began_with_the_old_one(ada: Member) -> None:
    before = presence_of(ada)
    ada.user.set_password("another-long-password")
    ada.user.save()
    after = presence_of(ada)

    assert still_present([before, after]) == {after}


@pytest.mark.usefixtures("quick")
def test_a_workspace_nobody_listens_to_is_left_and_found_again(ada: Member, ben: Member) -> None:
    mine, other = presence_of(ada), presence_of(ben)

    def subscribers() -> int:
        with Redis.from_url(django_settings.REDIS_URL) as redis:
            return int(redis.pubsub_numsub(channel(ada.workspace_id))[0][1])

    async def scene() -> list[int]:
        count = sync_to_async(subscribers, thread_sensitive=False)
        async with reading(ada, mine):
            counts = [await count()]
        async with asyncio.timeout(5):
            while await count():
                await asyncio.sleep(0.05)
        counts.append(await count())
        async with reading(ben, other) as reader:
            await tell(ben.workspace_id, records=[("company", 17)])
            await reader.until("company:17")
            return [*counts, await count()]

    assert play(scene) == [1, 0, 1]


def test_a_thread_of_its_own_ends_when_nobody_reads_any_more(
    ada: Member, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the subscription is just waiting for."""
    monkeypatch.setattr(streaming, "PING_SECONDS", 0.05)
    presence = presence_of(ada)

    def listen() -> None:
        for pause in (0, 0.06, 0.2, 0.3):
            parts = in_this_thread(follow(Stream(ada.workspace_id, presence), age=0))
            for _ in range(2):
                next(parts)
            time.sleep(pause)
            parts.close()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    listening.join(40)

    assert not listening.is_alive()
