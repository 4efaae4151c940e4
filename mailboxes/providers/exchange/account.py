"""An Exchange account as its settings describe it: what reads it, and a first look at it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mailboxes.egress import Egress
from mailboxes.providers.base import (
    AuthExpired,
    FetchedCalendar,
    FetchedMail,
    ProviderError,
    SetupWrong,
    TryLater,
    Unreadable,
)
from mailboxes.providers.exchange.calendar import ExchangeCalendars
from mailboxes.providers.exchange.errors import NotThere, StateOld
from mailboxes.providers.exchange.mail import ExchangeMail
from mailboxes.providers.exchange.reader import FolderReader

_READERS: dict[str, type[FolderReader]] = {"mail": ExchangeMail, "calendar": ExchangeCalendars}
_WORDS = {"mail": ("list the folders", "read a message"), "calendar": ("list the calendars", "read an event")}
_CHANGED = "Something changed at the server in that moment. Try once more."


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a first look came. `failed` is the step that did not work ("" = all did), `problem`
    why, `endpoint` the address that was found or used. `has_read` is False also when there is
    nothing yet; `items` are counted by the server."""

    endpoint: str = ""
    folders: tuple[str, ...] = ()
    items: int = 0
    has_read: bool = False
    failed: str = ""
    problem: str = ""


def open_exchange(
    settings: Mapping[str, Any],
    passwords: Mapping[str, str],
    kind: str,
    *,
    egress: Egress,
    own: Collection[str] = (),
) -> FolderReader:
    """`kind` is the stream's: mail or calendar, each with settings and a password of its own; `own` are
    the owner's addresses. Raises SetupWrong for settings that cannot be used; nothing is sent yet."""
    if kind not in _READERS or kind not in settings or kind not in passwords:
        raise SetupWrong("This account does not say how it is read. Connect it again.")
    more: dict[str, Any] = {"own": own} if kind == "calendar" else {}
    return _READERS[kind](**settings[kind], **more, password=passwords[kind], egress=egress)


def check(kind: str, *, egress: Egress, **account: Any) -> Checked:
    """Find the server, sign in, list what there is, read one item from end to end; nothing is kept.
    `account` is what the reader of this kind of stream takes."""
    look = _Look(kind)
    try:
        provider = _READERS[kind](**account, egress=egress)
        try:
            look.at(provider)
        finally:
            provider.close()
    except (StateOld, NotThere):
        return look.result(TryLater(_CHANGED))
    except ProviderError as error:
        return look.result(error)
    return look.result()


@dataclass(slots=True)
class _Look:
    kind: str
    step: str = "find the server"
    endpoint: str = ""
    folders: tuple[str, ...] = ()
    items: int = 0
    has_read: bool = False

    def at(self, provider: FolderReader) -> None:
        provider.session.find_server()
        self.endpoint, self.step = provider.session.endpoint, "connect"
        provider.session.sign_in()
        self.step, reading = _WORDS[self.kind]
        found = provider.folders()
        self.folders, self.items = tuple(one.name for one in found), sum(one.count for one in found)
        self.step = reading
        self.has_read = _can_read(provider)

    def result(self, problem: ProviderError | None = None) -> Checked:
        failed = "" if problem is None else "sign in" if isinstance(problem, AuthExpired) else self.step
        return Checked(self.endpoint, self.folders, self.items, self.has_read, failed, str(problem or ""))


def _can_read(provider: FolderReader) -> bool:
    first = next((item for page in provider.list_changes("") for item in page.items), None)
    for item in provider.fetch([first.provider_id] if first else []):
        if isinstance(item, Unreadable):
            raise ProviderError(item.reason)
        return isinstance(item, FetchedMail | FetchedCalendar)
    return False
