"""Calendars of a mailbox on a company's own Exchange server: one resource for each event or series.

A series is one item, which changes with any of its occurrences and names those that stand out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mailboxes.providers.base import Fetched, FetchedCalendar, ListedItem, Missing, Unreadable
from mailboxes.providers.exchange import asking
from mailboxes.providers.exchange.asking import Appointment, Change
from mailboxes.providers.exchange.errors import NoAccess, NotThere, ServerProblem
from mailboxes.providers.exchange.events import resource, times_of
from mailboxes.providers.exchange.folders import CALENDAR, DELETED, Folder, calendars
from mailboxes.providers.exchange.listing import order_of, version_of
from mailboxes.providers.exchange.reader import FolderReader

_BATCH = 50
_KIND = "ipm.appointment"
_NOT_SAID = "The Exchange server described this event in a way that cannot be read."
_NOT_GIVEN = "The Exchange server could not hand over this event ({code})."
_NO_ACCESS = "The Exchange server does not let this user read this event."


class ExchangeCalendars(FolderReader):
    """All calendars of the mailbox but those that the owner leaves out, by their folders' ids."""

    def __init__(self, *, address: str, own: Collection[str] = (), **account: Any) -> None:
        """`own` are all addresses of the mailbox's owner."""
        super().__init__(address=address, **account)
        self._own = (address, *sorted(own))

    def _chosen(self) -> list[Folder]:
        found = self.session.folders()
        return calendars(found, self.session.known_folders((CALENDAR, DELETED)), self._left_out)

    def _listed(self, folder: Folder, change: Change) -> ListedItem | None:
        if not change.kind.lower().startswith(_KIND):
            return None
        id = self._id(folder, change)
        return ListedItem(id, order_of(change.modified or change.received), version_of(change.version))

    def _read(self, ids: Mapping[str, str]) -> Iterator[Fetched]:
        wanted = list(ids.items())
        for start in range(0, len(wanted), _BATCH):
            yield from self._fetch(dict(wanted[start : start + _BATCH]))

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
