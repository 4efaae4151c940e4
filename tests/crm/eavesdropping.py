"""Listening to what open pages are told, as a process with streams does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from redis import Redis

from crm.live import channel

# Long enough for a message of the same machine, and for its absence to mean something.
SECONDS = 0.5


class Overheard:
    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub

    def messages(self) -> list[list[Any]]:
        """Everything published so far; each message is a list of [member id or None, what is told]."""
        found = []
        while message := self._pubsub.get_message(timeout=SECONDS):
            if message["type"] == "message":
                found.append(json.loads(message["data"]))
        return found


@contextmanager
def overheard(*workspace_ids: int) -> Iterator[Overheard]:
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as redis, redis.pubsub() as pubsub:
        pubsub.subscribe(*map(channel, workspace_ids))
        for _ in workspace_ids:
            assert pubsub.get_message(timeout=5)["type"] == "subscribe"
        yield Overheard(pubsub)
