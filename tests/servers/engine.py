"""What the sync engine does with a provider of mail, without a database: listings in, messages out."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mailboxes.providers.base import CursorExpired, FetchedMail, Listing, Provider


@dataclass
class Engine:
    """`stored` is the subject of every message by provider id; `pages` the last run's listings."""

    open: Callable[[], Provider]
    cursor: str = ""
    stored: dict[str, str] = field(default_factory=dict)
    pages: list[Listing] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        return sorted(self.stored.values())

    def run(self, *, pages: int | None = None) -> tuple[list[str], list[str]]:
        """Subjects that came and that went. `pages`: die after so many listings, before fetching."""
        provider = self.open()
        before, self.pages = dict(self.stored), []
        try:
            self._list(provider, pages)
            if pages is None:
                self._fetch(provider)
        finally:
            provider.close()
        came = [subject for key, subject in self.stored.items() if key not in before and subject]
        return sorted(came), sorted(subject for key, subject in before.items() if key not in self.stored)

    def _list(self, provider: Provider, pages: int | None) -> None:
        try:
            self._take_all(provider, pages)
        except CursorExpired:
            self.cursor = ""
            self._take_all(provider, pages)

    def _take_all(self, provider: Provider, pages: int | None) -> None:
        for listing in provider.list_changes(self.cursor):
            if len(self.pages) == pages:
                return
            self.pages.append(listing)
            self._take(listing)

    def _take(self, listing: Listing) -> None:
        present = {item.provider_id for item in listing.items}
        if listing.snapshot_of is not None:
            for key in [key for key in self.stored if key.startswith(listing.snapshot_of)]:
                if key not in present:
                    del self.stored[key]
        for key in listing.removed:
            self.stored.pop(key, None)
        for key in present:
            self.stored.setdefault(key, "")
        self.cursor = listing.cursor

    def _fetch(self, provider: Provider) -> None:
        wanted = [key for key, subject in self.stored.items() if not subject]
        for item in provider.fetch(wanted):
            if isinstance(item, FetchedMail):
                self.stored[item.provider_id] = subject(item)
            else:
                self.stored.pop(item.provider_id)


def subject(item: FetchedMail) -> str:
    found = re.search(rb"^Subject: (.*?)\r?$", item.raw, re.MULTILINE)
    return found[1].decode() if found else "(none)"
