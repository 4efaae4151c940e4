"""Where the next page of a list begins, as text for a URL."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any


class BadPlace(ValueError):
    """A place that we did not make."""


def place_after(at: datetime, pk: int) -> str:
    text = json.dumps([at.astimezone(UTC).isoformat(), pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_place(place: str) -> dict[str, Any]:
    """As the parameters `at` and `id` of a statement. Raises BadPlace."""
    try:
        at, pk = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        moment, number = datetime.fromisoformat(at), int(pk)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadPlace from error
    if moment.tzinfo is None or not abs(number) < 2**63:
        raise BadPlace
    return {"at": moment, "id": number}
