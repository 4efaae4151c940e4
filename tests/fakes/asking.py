"""Plain requests to the fake of Google, for the tests of the fake itself."""

import httpx

from tests.fakes.google import Google

ADA, BEN = "ada@example.com", "ben@example.com"
# One client for all: making one takes longer than most of the tests.
HTTP = httpx.Client(timeout=5)


def get(fake: Google, token: str, path: str, **params: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return HTTP.get(fake.api_url + path, params=params, headers=headers)  # type: ignore[arg-type]


def reason(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["errors"][0]["reason"])
