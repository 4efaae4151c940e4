"""Sessions are kept in the database and remembered in Redis: without it they take a query more."""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)


class SessionCache(RedisCache):
    """What cannot be remembered is looked up. Forgetting does not fail in silence: whoever has signed out
    would be in again once Redis is back."""

    def set(self, *args: Any, **options: Any) -> None:
        try:
            super().set(*args, **options)
        except RedisError as error:
            logger.warning("A session is not remembered: %s", type(error).__name__)

    def has_key(self, *args: Any, **options: Any) -> bool:
        try:
            return super().has_key(*args, **options)
        except RedisError:
            return False
