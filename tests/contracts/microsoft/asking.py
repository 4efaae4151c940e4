"""Plain requests to the fake of Microsoft, for the tests of the fake itself."""

from datetime import UTC, datetime

import httpx

from tests.contracts.http import HTTP
from tests.fakes.microsoft import Microsoft

ADA, BEN, EVE = "ada@contoso.example", "ben@contoso.example", "eve@fabrikam.example"
LASTING = 'IdType="ImmutableId"'
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARCH = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-04-01T00:00:00Z"}
DAILY = {
    "pattern": {"type": "daily", "interval": 1},
    "range": {"type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 3},
}
TIMES = {"start": "2026-03-02T09:00:00", "end": "2026-03-02T09:30:00"}


def get(fake: Microsoft, token: str, path: str, *, prefer: str = "", **params: object) -> httpx.Response:
    """OData's parameters are named without their dollar sign, as in `get(…, select="id")`."""
    plain = {"startDateTime", "endDateTime", "includeHiddenFolders", "changeType"}
    named = {name if name in plain else f"${name}": value for name, value in params.items()}
    return follow(token, f"{fake.graph_url}/v1.0{path}", prefer=prefer, params=named)


def follow(token: str, url: str, *, prefer: str = "", params: dict | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} | ({"Prefer": prefer} if prefer else {})
    return HTTP.get(url, params=params or None, headers=headers)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, code(answer)


def values(answer: httpx.Response) -> list[dict]:
    return list(answer.json()["value"])


def every(token: str, answer: httpx.Response, *, prefer: str = "") -> tuple[list[dict], str]:
    """What all pages of a round hold, and the link to the next round."""
    rows = values(answer)
    while "@odata.nextLink" in answer.json():
        answer = follow(token, answer.json()["@odata.nextLink"], prefer=prefer)
        rows += values(answer)
    return rows, str(answer.json()["@odata.deltaLink"])


def letter(number: int, *more: str) -> bytes:
    lines = [
        "From: =?utf-8?q?B=C3=A9n?= <ben@contoso.example>",
        f"To: Ada <{ADA}>, cleo@contoso.example",
        f"Message-ID: <{number}@contoso.example>",
        f"Subject: Number {number}",
        "Date: Sun, 01 Mar 2026 11:00:00 +0100",
        *more,
    ]
    return ("\r\n".join(lines) + f"\r\n\r\nBody {number}\r\n").encode()


def view(
    fake: Microsoft, token: str, *, prefer: str = "", path: str = "/me", **more: object
) -> httpx.Response:
    return get(fake, token, f"{path}/calendarView", prefer=prefer, **(MARCH | more))


def kinds(rows: list[dict]) -> list[str]:
    return [row["type"] if "type" in row else row["@removed"]["reason"] for row in rows]


def starts(rows: list[dict]) -> list[str]:
    return sorted(row["start"]["dateTime"][:16] for row in rows)
