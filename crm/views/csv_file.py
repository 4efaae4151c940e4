"""Lines as a CSV file that is sent while they are read, however many there are."""

import csv
import io
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

PART_LINES = 500


def csv_file(request: HttpRequest, name: str, lines: Iterable[list[str]]) -> StreamingHttpResponse:
    parts = _parts(iter(lines))
    content = _in_turn(parts) if isinstance(request, ASGIRequest) else parts
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _parts(lines: Iterator[list[str]]) -> Generator[str]:
    while batch := list(islice(lines, PART_LINES)):
        text = io.StringIO()
        csv.writer(text).writerows(batch)
        yield text.getvalue()


async def _in_turn(parts: Generator[str]) -> AsyncIterator[str]:
    """Of an ordinary iterator Django would collect all parts before it sends the first."""
    try:
        while part := await sync_to_async(lambda: next(parts, ""))():
            yield part
    finally:
        await sync_to_async(parts.close)()
