"""Where the next page of a list begins, as text for a URL."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

MOST_PAGES = 20  # at once, for whoever comes back to where he was


class BadPlace(ValueError):
    """A place that we did not make."""


def asked_pages(text: str) -> int:
    """How many pages somebody asks for at once; whatever is no such number means one."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 1
    return min(max(number, 1), MOST_PAGES)


def encode(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")


def decode(text: str, *, length: int) -> list[Any]:
    """Raises BadPlace for what is not so many values; what they are remains to be seen."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadPlace from error
    if not isinstance(values, list) or len(values) != length:
        raise BadPlace
    return values


def is_id(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**63


def moment_of(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise BadPlace from error
    if moment.tzinfo is None:
        raise BadPlace
    return moment


def place_after(at: datetime, pk: int) -> str:
    return encode(at.astimezone(UTC).isoformat(), pk)


def read_place(place: str) -> dict[str, Any]:
    """As the parameters `at` and `id` of a statement. Raises BadPlace."""
    at, pk = decode(place, length=2)
    if not is_id(pk):
        raise BadPlace
    return {"at": moment_of(at), "id": pk}
