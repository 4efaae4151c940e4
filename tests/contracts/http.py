"""Plain requests, as a program sends them that knows the documentation alone."""

from urllib.parse import parse_qs, urlsplit

import httpx

# One client for all: making one takes longer than most of the tests.
HTTP = httpx.Client(timeout=5, trust_env=False)


def came_back(answer: httpx.Response) -> dict[str, str]:
    """What a browser brings back from a page for signing in."""
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(location.query).items()}
