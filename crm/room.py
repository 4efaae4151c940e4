"""Files that members hand in, where the disk is full or a folder may not be written: told in words, and to
whoever reads the log."""

import errno
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]

logger = logging.getLogger(__name__)

NO_ROOM = "The server has no room for it. Whoever runs it finds the reason in its log."
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class NoRoom(Exception):
    def __init__(self) -> None:
        super().__init__(NO_ROOM)


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Around what writes there. Raises NoRoom for whatever keeps it from being written; the name of the file
    may be a member's, and is not logged."""
    try:
        yield
    except OSError as error:
        logger.warning("Nothing can be kept in %s: %s", folder, error.strerror or type(error).__name__)
        raise NoRoom from error


def is_full(error: BaseException | None) -> bool:
    """Wherever it comes from: did a disk refuse to take more?"""
    return isinstance(error, OSError) and error.errno in _FULL


def with_words(application: Application) -> Application:
    """A body of some megabytes is written to a disk before any view knows of it, or Django's own page for
    what went wrong."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        try:
            await application(scope, receive, send)
        except OSError as error:
            if not is_full(error):
                raise
            logger.warning("A request could not be received: %s", error.strerror)
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send(
                {
                    "type": "http.response.start",
                    "status": HTTPStatus.INSUFFICIENT_STORAGE,
                    "headers": headers,
                }
            )
            await send({"type": "http.response.body", "body": NO_ROOM.encode()})

    return answer
