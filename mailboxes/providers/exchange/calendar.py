"""Calendars of a mailbox on a company's own Exchange server: one resource for each event or series.

A series is one item, which changes with any of its occurrences and names those that stand out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mailboxes.egress import Egress
from mailboxes.providers.base import Fetched, FetchedCalendar, ListedItem, Listing, Missing, Unreadable
from mailboxes.providers.exchange import asking
from mailboxes.providers.exchange.asking import Appointment, Change
from mailboxes.providers.exchange.errors import NoAccess, NotThere, ServerProblem
from mailboxes.providers.exchange.events import resource, times_of
from mailboxes.providers.exchange.folders import CALENDAR, DELETED, Folder, calendars
from mailboxes.providers.exchange.ids import is_shortened, own_ids, provider_id
from mailboxes.providers.exchange.listing import Lister, order_of, version_of
from mailboxes.providers.exchange.protocol import AuthKind, Login
from mailboxes.providers.exchange.session import Session

_BATCH = 50
_KIND = "ipm.appointment"
_NOT_SAID = "The Exchange server described this event in a way that cannot be read."
_NOT_GIVEN = "The Exchange server could not hand over this event ({code})."
_NO_ACCESS = "The Exchange server does not let this user read this event."


class ExchangeCalendars:
    """All calendars of the mailbox but those that the owner leaves out, by their folders' ids."""

    def __init__(
        self,
        *,
        address: str,
        username: str,
        password: str,
        egress: Egress,
        endpoint: str = "",
        auth: AuthKind = "basic",
        impersonate: bool = False,
        left_out: Collection[str] = (),
        own: Collection[str] = (),
    ) -> None:
        """Without an `endpoint` the server is found by the address. `address` is the mailbox's
        primary one, `own` are all of its owner's. Raises SetupWrong for what cannot be used;
        nothing is sent yet."""
        self.session = Session(Login(endpoint, address, username, password, auth, impersonate, egress))
        self._left_out = frozenset(left_out)
        self._own = (address, *sorted(own))
        self._lister = Lister(self.session, self._listed)
        self._folders: dict[str, Folder] = {}
        self._long: dict[str, str] = {}

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        state = self._lister.read(cursor)
        yield from self._lister.list_changes(state, self._look_around())

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        if not self._folders:
            self._look_around()
        ids = own_ids(self.session, self._folders, provider_ids, self._long)
        yield from (Missing(one) for one in provider_ids if one not in ids)
        wanted = list(ids.items())
        for start in range(0, len(wanted), _BATCH):
            yield from self._fetch(dict(wanted[start : start + _BATCH]))

    def folders(self) -> list[Folder]:
        """Those that are read, for the owner to choose from."""
        return self._look_around()

    def close(self) -> None:
        self.session.close()

    def _look_around(self) -> list[Folder]:
        found = self.session.folders()
        known = self.session.known_folders((CALENDAR, DELETED))
        chosen = calendars(found, known, self._left_out)
        self._folders = {folder.prefix: folder for folder in chosen}
        return chosen

    def _listed(self, folder: Folder, change: Change) -> ListedItem | None:
        if not change.kind.lower().startswith(_KIND):
            return None
        id = provider_id(folder, change.id)
        if is_shortened(id):
            self._long[id] = change.id
        return ListedItem(id, order_of(change.modified or change.received), version_of(change.version))

    def _fetch(self, ids: Mapping[str, str]) -> Iterator[Fetched]:
        has_texts = self.session.is_since_2013
        found = self._items(list(ids.values()))
        changed = self._changed([one for one in found if isinstance(one, Appointment)])
        for name, one in zip(ids, found, strict=True):
            if isinstance(one, Appointment):
                yield self._event(name, one, changed, has_texts)
            else:
                yield _without(name, one)

    def _items(self, ids: Sequence[str]) -> list[Appointment | Exception]:
        text = "text_body" if self.session.is_since_2013 else "body"
        return self.session.items(ids, asking.EVENT_MODEL, (*asking.EVENT_FIELDS, text))

    def _changed(self, series: Sequence[Appointment]) -> dict[str, Appointment | None]:
        """The occurrences that stand out of any of these, by their ids."""
        ids = [one.id for each in series for one in each.item.modified_occurrences or () if one.id]
        changed: dict[str, Appointment | None] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            for id, one in zip(batch, self._items(batch), strict=True):
                if isinstance(one, Exception) and not isinstance(one, NotThere | ServerProblem | NoAccess):
                    raise one
                changed[id] = one if isinstance(one, Appointment) else None
        return changed

    def _event(
        self,
        name: str,
        found: Appointment,
        changed: Mapping[str, Appointment | None],
        has_texts: bool,
    ) -> Fetched:
        version = version_of(found.item.changekey or "")
        try:
            raw = resource(found, changed, addresses=self._own, has_texts=has_texts)
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError, OSError):
            return Unreadable(name, _NOT_SAID, version=version)
        zone = times_of(found).zone
        return FetchedCalendar(name, raw, version, zone.key if zone else "UTC")


def _without(name: str, problem: object) -> Fetched:
    """What it means that this stands in place of an event. Raises it when it is about more."""
    if isinstance(problem, NotThere):
        return Missing(name)
    if isinstance(problem, ServerProblem):
        return Unreadable(name, _NOT_GIVEN.format(code=problem.code))
    if isinstance(problem, NoAccess):
        return Unreadable(name, _NO_ACCESS)
    if isinstance(problem, Exception):
        raise problem
    return Unreadable(name, _NOT_SAID)
