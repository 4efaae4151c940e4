"""Plain requests to the fake of Google, for the tests of the fake itself."""

from datetime import UTC, datetime

import httpx

from tests.contracts.http import HTTP
from tests.fakes.google import Google

ADA, BEN = "ada@example.com", "ben@example.com"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = "/calendar/v3/calendars/primary/events"


def get(fake: Google, token: str, path: str, **params: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return HTTP.get(fake.api_url + path, params=params, headers=headers)  # type: ignore[arg-type]


def reason(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["errors"][0]["reason"])


def ids(answer: httpx.Response) -> list[str]:
    return [one["id"] for one in answer.json()["items"]]


def only(answer: httpx.Response) -> dict:
    (one,) = answer.json()["items"]
    return dict(one)


def sync_token(fake: Google, token: str, path: str = EVENTS, **params: object) -> str:
    return str(get(fake, token, path, **params).json()["nextSyncToken"])
