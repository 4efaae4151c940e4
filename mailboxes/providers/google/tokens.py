"""New access tokens of Google, by Google's own library, which knows when it is worth asking again."""

import logging
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import httpx
from google.auth import exceptions, transport
from google.oauth2.credentials import Credentials

from mailboxes.egress import Egress, connection_problem, http_client
from mailboxes.providers.base import ProviderError, TryLater
from mailboxes.providers.oauth import Application, Grant, refusal
from mailboxes.providers.webapi import retry_after

# It names the scopes that are missing, and we have words of our own for that.
logging.getLogger("google.auth").setLevel(logging.ERROR)


def renew(app: Application, refresh: str, *, egress: Egress) -> Grant:
    """A new access token; the refresh token stays. Raises a ProviderError."""
    credentials = Credentials(
        None,
        refresh_token=refresh,
        token_uri=app.token_url,
        client_id=app.client_id,
        client_secret=app.client_secret,
    )
    client = http_client(egress)
    try:
        credentials.refresh(_Request(client))
    except exceptions.RefreshError as error:
        answer = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
        status = 503 if error.retryable else 400
        raise refusal(app.label, status, answer, wait=None) from None
    except exceptions.GoogleAuthError as error:
        cause = error.__cause__ or error
        raise cause if isinstance(cause, ProviderError) else TryLater("Google does not answer.") from None
    finally:
        client.close()
    assert credentials.token and credentials.expiry
    return Grant(credentials.token, credentials.expiry.replace(tzinfo=UTC))


class _Response(transport.Response):
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content


class _Request(transport.Request):
    """Its requests, through our door."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> _Response:
        try:
            response = self._client.request(method, url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise exceptions.TransportError() from connection_problem(error, httpx.URL(url).host)
        if response.status_code == 429 or response.status_code >= 500:
            # The library would ask again at once, while others wait for us.
            wait = retry_after(response.headers.get("retry-after", ""))
            said = "Google does not answer at the moment."
            raise exceptions.TransportError() from TryLater(said, retry_after=wait)
        return _Response(response)
