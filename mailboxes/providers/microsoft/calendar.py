"""Calendars of a Microsoft 365 account through Graph: one resource for each event or whole series.

All there is comes from the plain list of a calendar, which has single events and series of any age.
Changes come from the only listing that tells them, a view of a year to either side. That view is of
occurrences, so each stands for its series; and it is fixed when it begins, so once a week it begins
again, a year around that day.
"""

import time
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote

from mailboxes.egress import Egress
from mailboxes.providers.base import (
    Fetched,
    FetchedCalendar,
    ListedItem,
    Listing,
    Missing,
    Refused,
    TryLater,
    Unreadable,
)
from mailboxes.providers.microsoft import events, graph
from mailboxes.providers.microsoft.events import PREFER, SELECT, SELECT_SERIES, Fields
from mailboxes.providers.microsoft.graph import BATCH, GRAPH_URL
from mailboxes.providers.parts import Part, PartwiseListing, Places
from mailboxes.providers.webapi import (
    Answer,
    BadRequest,
    Forbidden,
    NotThere,
    StateLost,
    Tokens,
    TooLarge,
    asks_to_wait,
    instant,
)

PAGE = 500
YEAR, WEEK = timedelta(days=365), timedelta(days=7)
# Clocks differ, and what was changed a moment ago may not be told yet.
_OVERLAP = timedelta(minutes=10)
_CHANGED = "changed "


@dataclass(frozen=True, slots=True)
class Calendar(Part):
    name: str
    is_shown: bool = True

    @property
    def path(self) -> str:
        return f"/v1.0/me/calendars/{quote(self.id, safe='')}"


class View(NamedTuple):
    """A view of changes: where it goes on, and when (epoch seconds) it began and was last asked."""

    link: str
    began: float
    asked: float

    @property
    def is_old(self) -> bool:
        return time.time() - self.began > WEEK.total_seconds()


class GraphCalendars(PartwiseListing[Calendar, View]):
    """All calendars of the account, or those that the owner chose."""

    places_name = "views"
    nothing_found = "Microsoft lists no calendars at the moment. It will be tried again."

    def __init__(
        self,
        *,
        tokens: Tokens,
        egress: Egress,
        url: str = GRAPH_URL,
        own: Collection[str] = (),
        chosen: Collection[str] | None = None,
    ) -> None:
        """`own` are the account's addresses, `chosen` ids of calendars."""
        self._api = graph.web_api(url, tokens=tokens, egress=egress)
        self._own = frozenset(one.casefold() for one in own)
        self._choice = None if chosen is None else frozenset(chosen)

    def fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        for at in range(0, len(provider_ids), BATCH):
            yield from self._fetch(provider_ids[at : at + BATCH])

    def calendars(self) -> list[Calendar]:
        found = graph.pages(self._api, "/v1.0/me/calendars", {"$select": "id,name", "$top": 100})
        return [Calendar(one["id"], str(one.get("name") or "")) for page in found for one in page.entries]

    def close(self) -> None:
        self._api.close()

    # Listing

    def _place(self, stored: Any) -> View:
        link, began, asked = stored
        return View(str(link), float(began), float(asked))

    def _found(self) -> list[Calendar]:
        return self.calendars()

    def _chosen(self, found: Sequence[Calendar]) -> list[Calendar]:
        return [one for one in found if self._choice is None or one.id in self._choice]

    def _list(self, calendar: Calendar, places: Places[View]) -> Iterator[Listing]:
        view = places.of.get(calendar.id)
        if view and not self._is_starting_over:
            try:
                yield from self._changes(calendar, view, places)
            except (StateLost, BadRequest):
                pass
            else:
                if not view.is_old:
                    return
        # The view begins before all is listed, so that nothing is lost that happens on the way.
        begun = yield from self._begun(calendar, places)
        yield from self._everything(calendar, places, begun)

    def _begun(self, calendar: Calendar, places: Places[View]) -> Generator[Listing, None, View]:
        now = datetime.now(UTC)
        window = {"startDateTime": _text(now - YEAR), "endDateTime": _text(now + YEAR)}
        path = f"{calendar.path}/calendarView/delta"
        try:
            link = yield from self._last_link(path, window, places)
        except StateLost:
            link = yield from self._last_link(path, window, places)
        return View(link, began=now.timestamp(), asked=now.timestamp())

    def _last_link(
        self, path: str, window: dict[str, Any], places: Places[View]
    ) -> Generator[Listing, None, str]:
        """With a sign of life for each page."""
        link = ""
        for page in graph.pages(self._api, path, window, size=PAGE):
            link = page.link
            yield Listing((), places.text())
        return link

    def _changes(self, calendar: Calendar, view: View, places: Places[View]) -> Iterator[Listing]:
        """What left the view may only have moved out of it, and an occurrence that is gone does not say
        of which series it was. So all that may be meant is read again, and what is not there, goes."""
        began, changed, is_less = time.time(), dict[str, Fields](), False
        link = view.link
        for page in graph.pages(self._api, link, size=PAGE):
            for one in page.entries:
                is_less |= "@removed" in one
                changed[str(one.get("seriesMasterId") or one["id"])] = one
            link = page.link
        if is_less:
            changed |= self._modified(calendar, since=view.asked)
        places.of[calendar.id] = View(link, began=view.began, asked=began)
        items = [
            ListedItem(calendar.prefix + id, _order(one), _CHANGED + sha256(link.encode()).hexdigest()[:16])
            for id, one in changed.items()
        ]
        if items:
            yield Listing(items, places.text())

    def _modified(self, calendar: Calendar, *, since: float) -> dict[str, Fields]:
        """Series that lost an occurrence are among what was changed since the last time."""
        after = datetime.fromtimestamp(since, UTC) - _OVERLAP
        params = {"$filter": f"lastModifiedDateTime ge {_text(after)}", "$select": "id,lastModifiedDateTime"}
        found = graph.pages(self._api, f"{calendar.path}/events", {**params, "$top": PAGE})
        return {one["id"]: one for page in found for one in page.entries}

    def _everything(self, calendar: Calendar, places: Places[View], begun: View) -> Iterator[Listing]:
        """With a sign of life for each page, before the snapshot. The view counts from then on."""
        params = {"$select": "id,changeKey,lastModifiedDateTime", "$top": PAGE}
        found: dict[str, ListedItem] = {}
        for page in graph.pages(self._api, f"{calendar.path}/events", params):
            for one in page.entries:
                id = calendar.prefix + one["id"]
                found[id] = ListedItem(id, _order(one), _version(one))
            yield Listing((), places.text())
        places.of[calendar.id] = begun
        items = sorted(found.values(), key=lambda item: -item.order)
        yield Listing(items, places.text(), snapshot_of=calendar.prefix)

    # Fetching

    def _fetch(self, provider_ids: Sequence[str]) -> Iterator[Fetched]:
        """Events first, then what belongs to those that are series."""
        waiting: Exception | None = None
        answers = self._batch([(one, f"?$select={SELECT}") for one in provider_ids])
        series: list[str] = []
        for provider_id, answer in answers:
            try:
                event = _event(answer)
                if event and event.get("type") == "seriesMaster":
                    series.append(provider_id)
                else:
                    yield self._fetched(provider_id, event)
            except (TryLater, BadRequest, Forbidden) as error:
                if asks_to_wait(answer, error):
                    waiting = error
                else:
                    yield Refused(provider_id, str(error))
        query = f"?$select={SELECT_SERIES}&$expand=exceptionOccurrences"
        for provider_id, answer in self._batch([(one, query) for one in series]) if series else ():
            try:
                yield self._fetched(provider_id, _event(answer))
            except (TryLater, BadRequest, Forbidden) as error:
                if asks_to_wait(answer, error):
                    waiting = error
                else:
                    yield Refused(provider_id, str(error))
        if waiting:
            raise waiting

    def _batch(self, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, Answer | None]]:
        """Two halves of it where it is too large; None for one that is so by itself."""
        urls = [f"/me/events/{quote(id.partition('/')[2], safe='')}{query}" for id, query in wanted]
        try:
            answers = graph.parts_of(self._api.send(graph.batch(urls, prefer=PREFER)), len(urls))
        except TooLarge:
            if len(wanted) == 1:
                return [(wanted[0][0], None)]
            middle = len(wanted) // 2
            return self._batch(wanted[:middle]) + self._batch(wanted[middle:])
        return [(id, answer) for (id, _), answer in zip(wanted, answers, strict=True)]

    def _fetched(self, provider_id: str, event: Fields | None) -> Fetched:
        if event is None or event.get("type") in ("occurrence", "exception"):
            # What belongs to a series is read with it.
            return Missing(provider_id)
        try:
            raw = events.resource(event, self._own)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            reason = "Microsoft described this event in a way that cannot be read."
            return Unreadable(provider_id, reason, version=_version(event))
        return FetchedCalendar(provider_id, raw, _version(event))


def _event(answer: Answer | None) -> Fields | None:
    """None when it is gone. Raises TryLater."""
    if answer is None:
        raise TryLater(graph.PART_MISSING)
    if answer.status == 200:
        found: Fields = answer.json
        return found
    problem = graph.explain(answer)
    if isinstance(problem, NotThere):
        return None
    raise problem


def _version(event: Fields) -> str:
    return str(event.get("changeKey") or "")[:200]


def _order(event: Fields) -> int:
    """Those touched last come first: they are likelier to be about these days."""
    at = instant(event.get("lastModifiedDateTime"))
    return int(at.timestamp()) if at else int(time.time())


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
