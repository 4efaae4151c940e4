"""One account at an Exchange server: what we ask of it, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from exchangelib import Account
from exchangelib.version import EXCHANGE_2013

from mailboxes.providers.base import TryLater
from mailboxes.providers.exchange import asking
from mailboxes.providers.exchange.asking import Change, FoundFolder
from mailboxes.providers.exchange.discovery import endpoint_url, find_endpoint
from mailboxes.providers.exchange.errors import explain
from mailboxes.providers.exchange.protocol import Login, account, explained

# Exchange 2010 refuses a request that names a folder it does not know.
_SINCE_2013 = frozenset({"conflicts", "conversationhistory", "localfailures", "serverfailures", "syncissues"})
_LEFT_OUT = "The Exchange server left out part of an answer. It will be tried again."


@dataclass(frozen=True, slots=True)
class Page:
    """What has changed in a folder up to `state`. `is_stuck`: there is more, says the server, and
    begins again at the same place for ever."""

    changes: Sequence[Change]
    state: str
    is_last: bool
    is_stuck: bool


class Session:
    """Its methods raise a ProviderError, StateOld or NotThere."""

    def __init__(self, login: Login) -> None:
        """Nothing is sent yet. Raises SetupWrong for an endpoint that cannot be one."""
        self._login = login
        self.endpoint = endpoint_url(login.endpoint) if login.endpoint else ""
        self._account: Account | None = None

    @property
    def address(self) -> str:
        return self._login.address

    @property
    def is_since_2013(self) -> bool:
        """As the server said with its last answer; before the first one, what we expect."""
        return bool(self._open().version.build >= EXCHANGE_2013)

    def find_server(self) -> None:
        """Nothing more; asking does it by itself."""
        self._open()

    def sign_in(self) -> None:
        """Raises what speaks against reading this mailbox."""
        self._all_good(self._ask(asking.KnownFolders, ["msgfolderroot"], self.address)[1])

    def folders(self) -> list[FoundFolder]:
        return self._all_good(self._ask(asking.Folders, self.address)[1])

    def known_folders(self, names: Sequence[str]) -> dict[str, str]:
        """Ids by name, of those that there are."""
        told = [name for name in names if self.is_since_2013 or name not in _SINCE_2013]
        found = self._ask(asking.KnownFolders, told, self.address)[1]
        return {name: id for name, id in zip(told, found, strict=False) if isinstance(id, str)}

    def changes(self, folder: str, state: str) -> Page:
        service, found = self._ask(asking.Changes, folder, state)
        changes = [one for one in self._all_good(found) if one is not None]
        is_last = bool(service.includes_last_item_in_range)
        is_stuck = service.sync_state == state and not is_last
        return Page(changes, service.sync_state or "", is_last, is_stuck)

    def items(self, ids: Sequence[str], model: Any, fields: Sequence[str]) -> list[Any]:
        """For each id the item, or the exception that stands for it."""
        found = self._ask(asking.Items, ids, model, fields)[1]
        if len(found) != len(ids):
            raise TryLater(_LEFT_OUT)
        return [explain(one, self._host) if isinstance(one, Exception) else one for one in found]

    def close(self) -> None:
        if self._account:
            self._account.protocol.close()
        self._account = None

    def _ask(self, service: Any, *about: Any) -> tuple[Any, list[Any]]:
        opened = self._open()
        with explained(self._host):
            asked = service(account=opened)
            return asked, list(asked.call(*about))

    def _all_good(self, found: list[Any]) -> list[Any]:
        for one in found:
            if isinstance(one, Exception):
                raise explain(one, self._host) from None
        return found

    def _open(self) -> Account:
        if self._account is None:
            self.endpoint = self.endpoint or find_endpoint(self._login)
            self._account = account(self._login, self.endpoint)
        return self._account

    @property
    def _host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""
