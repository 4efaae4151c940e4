"""Tell open pages what has changed: ids of records and names of topics, never what they say.

What a transaction announces is collected, and published once after its commit, on a channel of the
workspace. Nobody may depend on being told: a Redis that is down costs a line in the log.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

# More at once than this, and a page had better look at everything it shows.
MOST_RECORDS = 200

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class News:
    """Keys such as company:17, topics such as sync; `is_all` when there are too many to name."""

    records: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    is_all: bool = False

    def __bool__(self) -> bool:
        return bool(self.records or self.topics or self.is_all)

    def add(self, other: "News") -> None:
        self.records |= other.records
        self.topics |= other.topics
        self.is_all = self.is_all or other.is_all or len(self.records) > MOST_RECORDS
        if self.is_all:
            self.records.clear()

    def told(self) -> dict[str, Any]:
        said = {"records": sorted(self.records), "topics": sorted(self.topics), "all": self.is_all}
        return {name: value for name, value in said.items() if value}

    @classmethod
    def heard(cls, said: dict[str, Any]) -> "News":
        return cls(set(said.get("records", ())), set(said.get("topics", ())), said.get("all", False))


def announce(
    workspace_id: int,
    *,
    records: Iterable[tuple[str, int]] = (),
    topics: Iterable[str] = (),
    is_all: bool = False,
    member_id: int | None = None,
) -> None:
    """Call inside the transaction of what happened; `is_all` if it may show anywhere. With `member_id` only
    that member's pages hear it."""
    news = News()
    news.add(News({f"{kind}:{pk}" for kind, pk in records}, set(topics), is_all))
    if news:
        _collect(workspace_id, member_id, news)


class _Announcements:
    """Of one transaction, by workspace and member; called after the commit."""

    def __init__(self) -> None:
        self._news: dict[int, dict[int | None, News]] = {}

    def add(self, workspace_id: int, member_id: int | None, news: News) -> None:
        self._news.setdefault(workspace_id, {}).setdefault(member_id, News()).add(news)

    def __call__(self) -> None:
        try:
            redis = _publisher(settings.REDIS_URL)
            with redis.pipeline(transaction=False) as pipe:
                for workspace_id, by_member in self._news.items():
                    said = [[member_id, news.told()] for member_id, news in by_member.items()]
                    pipe.publish(channel(workspace_id), json.dumps(said, separators=(",", ":")))
                pipe.execute()
        except (RedisError, OSError):
            logger.warning("Open pages were not told of a change.", exc_info=True)


def _collect(workspace_id: int, member_id: int | None, news: News) -> None:
    """A savepoint that is rolled back takes nothing back: a page that looks once too often sees
    what is true."""
    hooks: list[Any] = connection.run_on_commit if connection.in_atomic_block else []
    found = next((hook[1] for hook in hooks if isinstance(hook[1], _Announcements)), None)
    announcements = found or _Announcements()
    announcements.add(workspace_id, member_id, news)
    if not connection.in_atomic_block:
        announcements()
    elif found is None:
        # As on_commit does, but bound to the transaction rather than to the savepoint it is in.
        hooks.append((set(), announcements, True))


def channel(workspace_id: int) -> str:
    """All databases of a Redis share their channels, so the name says which installation it is."""
    number = _publisher(settings.REDIS_URL).connection_pool.connection_kwargs.get("db") or 0
    return f"rapport:{number}:{connection.settings_dict['NAME']}:live:{workspace_id}"


@lru_cache(maxsize=2)
def _publisher(url: str) -> Redis:
    # Somebody waits for the answer of what has changed: one more attempt is for a connection that
    # was closed meanwhile, and then it is given up.
    return Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=1, socket_keepalive=True, retry=Retry(NoBackoff(), 1)
    )
