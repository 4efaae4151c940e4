"""What every provider speaks: plain values, errors named by what happens next, and two questions.

A provider lists what changed since a cursor, and fetches items by id. It knows nothing of the
database: the engine (`mailboxes.syncing`) decides what is new, what is gone and what to store.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One thing that exists at the provider.

    `provider_id` is the key inside (mailbox, stream), at most 500 characters. `order` decides what
    is fetched first: larger is newer (epoch seconds, or a UID). `version` is the ETag of a calendar
    resource; mail never changes and leaves it empty.
    """

    provider_id: str
    order: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing; `cursor` becomes valid once this page has been stored.

    With `snapshot_of` set to a prefix of provider ids ("" = all of the stream), `items` is
    *everything* that exists under that prefix: the engine finds what is new and what is gone by
    set difference. Without it `items` are additions or changes, and `removed` are deletions.
    """

    items: Sequence[ListedItem]
    cursor: str
    removed: Sequence[str] = ()
    snapshot_of: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """RFC 5322 bytes. `received_at` is the provider's own idea of arrival; `size` the full size in
    bytes, which is larger than `len(raw)` when the provider cut a huge message to its headers."""

    provider_id: str
    raw: bytes
    size: int
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchedCalendar:
    """One calendar resource: iCalendar bytes holding a series' master and its overrides.
    `timezone` (IANA) is where floating times are read."""

    provider_id: str
    raw: bytes
    version: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Missing:
    """Listed, but gone by the time it was fetched."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The provider could not hand this item over; `reason` in plain words for the mailbox's owner."""

    provider_id: str
    reason: str
    size: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider answered, but would not hand over this one, for now or for ever: it is asked for again
    for some hours, behind all others."""

    provider_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AtWork:
    """No answer yet: a sign of life from a provider that has much to read before the next."""


Fetched = FetchedMail | FetchedCalendar | Missing | Unreadable | Refused


class Provider(Protocol):
    """One stream (mail or calendar) of one account."""

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        """Pages of changes since `cursor` ("" = from the beginning). May raise any ProviderError."""

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched | AtWork]:
        """One answer per id, in any order. May raise any ProviderError but CursorExpired."""

    def close(self) -> None:
        """Give back connections. Safe to call twice."""


class ProviderError(Exception):
    """Base. `str(error)` is shown to the mailbox's owner: plain words, never a secret."""


class AuthExpired(ProviderError):
    """Signing in failed: ask the member to reconnect, and stop polling."""


class CursorExpired(ProviderError):
    """The cursor is void: start over with an empty one and compare with what is stored."""


class SetupWrong(ProviderError):
    """Retrying cannot help until the owner edits the account (refused address, wrong endpoint …)."""


class ServerWrong(SetupWrong):
    """The same to somebody who is just connecting; but whoever runs the server may mend it without a word to
    us (a certificate that has run out, a name that is not found …)."""


class TryLater(ProviderError):
    """The provider is busy or out of reach. `retry_after` in seconds where it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(TryLater):
    """Nobody answers at all, or not to the end."""


class QuotaReached(TryLater):
    """All that the provider allows for now has been read: a pause, and no failure."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, retry_after=retry_after)
