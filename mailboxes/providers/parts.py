"""Accounts of several parts, folders or calendars, each listed on from a place of its own.

One that cannot be read keeps nobody from the others.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Generic, TypeVar

from mailboxes.providers.base import CursorExpired, ListedItem, Listing, SetupWrong, TryLater
from mailboxes.providers.webapi import Forbidden, NotThere

logger = logging.getLogger(__name__)

Place = TypeVar("Place")


def prefix_of(id: str) -> str:
    """What the provider ids of a part's items begin with."""
    return f"{sha256(id.encode()).hexdigest()[:20]}/"


@dataclass(frozen=True, slots=True)
class Part:
    """`id` is the provider's, as long as it likes."""

    id: str

    @property
    def prefix(self) -> str:
        return prefix_of(self.id)


P = TypeVar("P", bound=Part)


@dataclass(slots=True)
class Places(Generic[Place]):
    """The cursor, read: where to go on in each part, by its id. `name` is theirs in the text."""

    name: str
    of: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str, name: str, place: Callable[[Any], Place]) -> "Places[Place]":
        """Raises CursorExpired for what cannot be read, by `place` either."""
        if not cursor:
            return cls(name)
        try:
            return cls(name, {str(id): place(one) for id, one in json.loads(cursor)[name].items()})
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise CursorExpired("Where we stopped cannot be read.") from error

    def text(self) -> str:
        return json.dumps({self.name: self.of}, separators=(",", ":"))

    def forget_others(self, there: Collection[str]) -> Iterator[str]:
        """Ids of parts that are there no more, each forgotten when its turn comes."""
        for id in [id for id in self.of if id not in there]:
            del self.of[id]
            yield id


class PartwiseListing(ABC, Generic[P, Place]):
    """`list_changes` for an account of several parts."""

    places_name: ClassVar[str]
    nothing_found: ClassVar[str]
    """For the owner, when an account that had parts seems to have none."""
    passed_over: ClassVar[tuple[type[SetupWrong], ...]] = (NotThere, Forbidden)
    """What one part alone may answer. Only Forbidden is the owner's to mend: a part that is not there went
    away meanwhile."""

    # After a cursor that could not be read, until all is listed anew: what is stored is not known.
    _is_starting_over = False

    def list_changes(self, cursor: str) -> Iterator[Listing]:
        try:
            places = Places.read(cursor, self.places_name, self._place)
        except CursorExpired:
            self._is_starting_over = True
            raise
        found = self._found()
        if not found and places.of:
            raise TryLater(self.nothing_found)
        parts = self._chosen(found)
        listed, stored = list[ListedItem](), cursor
        problems: list[SetupWrong] = []
        for part in parts:
            try:
                for listing in self._list(part, places):
                    stored = listing.cursor
                    listed += listing.items
                    yield listing
            except self.passed_over as problem:
                problems.append(problem)
        yield from self._left(parts, places)
        if self._is_starting_over and not problems:
            # Of which parts there was something is forgotten: what lies in others, goes.
            yield Listing(listed, places.text(), snapshot_of="")
        elif places.text() != stored:
            yield Listing((), places.text())
        self._is_starting_over = False
        _report(problems, len(parts))

    @abstractmethod
    def _place(self, stored: Any) -> Place:
        """Raises one of the errors of reading JSON for what is no place."""

    @abstractmethod
    def _found(self) -> Sequence[P]:
        """All parts there are."""

    @abstractmethod
    def _chosen(self, found: Sequence[P]) -> Sequence[P]:
        """Those that are read."""

    @abstractmethod
    def _list(self, part: P, places: Places[Place]) -> Iterator[Listing]:
        """One part, from its place on or from the beginning. Moves the place."""

    def _left(self, parts: Sequence[P], places: Places[Place]) -> Iterator[Listing]:
        """Last, so that an item that moved to another part is there before it is gone here."""
        for id in places.forget_others({part.id for part in parts}):
            yield Listing((), places.text(), snapshot_of=prefix_of(id))


def _report(problems: Sequence[SetupWrong], count: int) -> None:
    """What could not be listed is tried again at the next poll; the owner hears of it when it is all there
    is."""
    for problem in problems:
        logger.warning("one of several parts of an account cannot be listed: %s", type(problem).__name__)
    if problems and len(problems) == count:
        raise next((one for one in problems if isinstance(one, Forbidden)), TryLater(str(problems[0])))
