"""A file is sent while its lines are read, by either kind of server."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory, RequestFactory

from crm.views.csv_file import PART_LINES, csv_file


class Lines:
    """Remembers how many were asked for."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0

    def __iter__(self) -> Iterator[list[str]]:
        for number in range(self.count):
            self.read += 1
            yield [str(number), "a, b"]


def test_without_a_loop_it_is_read_part_by_part() -> None:
    lines = Lines(3 * PART_LINES)
    parts = iter(cast(Any, csv_file(RequestFactory().get("/"), "x.csv", lines)))

    first = next(parts)

    assert lines.read == PART_LINES
    assert first.decode().splitlines()[:2] == ['0,"a, b"', '1,"a, b"']
    assert len((first + b"".join(parts)).splitlines()) == lines.count


def test_with_a_loop_it_is_not_collected_first() -> None:
    lines = Lines(2 * PART_LINES + 1)

    async def read() -> tuple[int, int]:
        response = csv_file(AsyncRequestFactory().get("/"), "x.csv", lines)
        assert response.is_async
        parts = cast(AsyncIterator[bytes], aiter(response))
        got, read_by_then = len((await anext(parts)).splitlines()), lines.read
        async for part in parts:
            got += len(part.splitlines())
        return read_by_then, got

    assert async_to_sync(read)() == (PART_LINES, lines.count)


@pytest.mark.parametrize("count", [0, 1])
def test_a_short_one_is_whole(count: int) -> None:
    response = csv_file(RequestFactory().get("/"), "short.csv", Lines(count))

    assert response.headers["Content-Disposition"] == 'attachment; filename="short.csv"'
    assert len(b"".join(cast(Any, response)).splitlines()) == count
