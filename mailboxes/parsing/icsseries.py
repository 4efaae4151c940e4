"""All that a calendar resource says about one UID → its occurrences.

A series is a master and its overrides: events with a RECURRENCE-ID, which stand in for one
occurrence (or for that one and all that follow).
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mailboxes.parsing.icslines import Component
from mailboxes.parsing.icslinks import conference_url
from mailboxes.parsing.icspeople import attendees, fewer, organiser
from mailboxes.parsing.icsvalues import (
    BadValue,
    Length,
    Moment,
    length,
    moment,
    title,
    whole_number,
    words,
)
from mailboxes.parsing.icszones import Zones, zone_name
from mailboxes.parsing.recurrence import Dates, TooManyDates, dates, in_series, is_series
from mailboxes.parsing.rules import RuleRefused
from mailboxes.parsing.values import ParsedCalendar, ParsedEvent

MOST_OCCURRENCES = 8_000
MOST_EVENTS = 20_000
MOST_ERRORS = 50
# A series repeats its words and its people: a small file could fill the database.
MOST_WORDS = 20_000_000
MOST_ATTENDEES = 200_000

_PUBLIC = frozenset({"", "PUBLIC"})
_STATUSES = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """`original` is when it was to be before it was moved (None outside of a series); `length` is
    only set where it is not its event's."""

    event: Component
    start: Moment
    original: datetime | None = None
    length: Length | None = None


@dataclass(frozen=True, slots=True)
class _Override:
    """`original` is in the series' own zone."""

    event: Component
    start: Moment
    original: Moment

    @property
    def follows(self) -> bool:
        found = self.event.one("RECURRENCE-ID")
        return found is not None and found.parameters.get("RANGE", "").upper() == "THISANDFUTURE"


@dataclass(slots=True)
class Reading:
    """What has been read so far of one resource. `since` and `until` bound what repeats; of single
    events only the past has a limit."""

    zones: Zones
    until: datetime
    since: datetime | None
    events: list[ParsedEvent] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    private: int = 0
    goes_on: bool = False
    _hidden: int = 0

    def read(self, uid: str, same: list[Component]) -> None:
        master, overrides = _sorted_out(same)
        self._hidden += sum(not _is_public(event) for event in same)
        self.errors += [_sentence(event, "it has no end") for event in same if not event.is_whole]
        start = self._start(master) if master else None
        changed = self._changed(overrides, start)
        if master and start and not is_series(master) and not changed:
            found = [_Occurrence(master, start)]
        else:
            found = self._within_window(self._series(master, start, changed))
        recent = [one for one in found if self.since is None or one.start.utc >= self.since]
        self._keep(uid, self._within_limits(recent))

    def result(self) -> ParsedCalendar:
        return ParsedCalendar(
            events=tuple(self.events),
            errors=tuple(self.errors[:MOST_ERRORS]),
            # An event that is read by nobody, for its age, is as private.
            private=max(self.private, self._hidden),
            goes_on=self.goes_on,
            flags=tuple(sorted(self.flags)),
        )

    # From events to occurrences

    def _start(self, event: Component) -> Moment | None:
        """None, and a sentence among the errors, when it has none."""
        try:
            return self._read_start(event)
        except BadValue as error:
            self.errors.append(_sentence(event, str(error)))
            return None

    def _read_start(self, event: Component) -> Moment:
        found = event.one("DTSTART")
        if found is None:
            raise BadValue("it does not say when it starts")
        return moment(found, self.zones)

    def _changed(self, overrides: list[Component], start: Moment | None) -> list[_Override]:
        """The newest override of each occurrence, in order."""
        newest: dict[datetime, _Override] = {}
        for event in overrides:
            try:
                one = _Override(event, self._read_start(event), self._original(event, start))
            except BadValue as error:
                self.errors.append(_sentence(event, str(error)))
                continue
            known = newest.get(one.original.utc)
            if known is None or _rank(event) > _rank(known.event):
                newest[one.original.utc] = one
        return [one for _, one in sorted(newest.items())]

    def _original(self, event: Component, start: Moment | None) -> Moment:
        found = event.all("RECURRENCE-ID")[0]
        if start is None:
            return moment(found, self.zones)
        return start.moved(in_series(moment(found, self.zones, floating=start.zone), start))

    def _series(
        self, master: Component | None, start: Moment | None, changed: list[_Override]
    ) -> list[_Occurrence]:
        own = [_Occurrence(one.event, one.start, one.original.utc) for one in changed]
        if master is None or start is None:
            return own
        dates = self._dates(master, start)
        self.goes_on |= dates.goes_on
        replaced = {one.original.local for one in changed}
        following = [one for one in changed if one.follows]
        since = [one.original.local for one in following]
        for one in dates.starts:
            if one.local not in replaced:
                event, moved = _as_changed(master, one, following, since)
                own.append(_Occurrence(event, moved, one.utc, dates.lengths.get(one.local)))
        return own

    def _dates(self, master: Component, start: Moment) -> Dates:
        try:
            return dates(master, start, self.zones, until=self.until)
        except RuleRefused:
            self.flags.add("rule_refused")
        except TooManyDates:
            self.flags.add("dates_cut")
        return Dates([start])

    def _within_window(self, found: list[_Occurrence]) -> list[_Occurrence]:
        """In order. Of a series that takes place later only, the first one stays, whichever way the
        dates before it were called off: there is something to read again."""
        ordered = sorted(found, key=lambda one: one.start.utc)
        inside = [one for one in ordered if one.start.utc <= self.until]
        self.goes_on |= len(inside) < len(ordered)
        live = next((one for one in ordered if _status(one.event) != "cancelled"), None)
        if live and live.start.utc > self.until:
            return [*inside, live]
        return inside or ordered[:1]

    def _within_limits(self, found: list[_Occurrence]) -> list[_Occurrence]:
        if len(found) > MOST_OCCURRENCES:
            self.flags.add("series_cut")
            found = [found[0], *found[-(MOST_OCCURRENCES - 1) :]]
        if len(self.events) + len(found) > MOST_EVENTS:
            self.errors.append(f"There are more than {MOST_EVENTS:,} dates in this file.")
            return []
        return found

    # From occurrences to values

    def _keep(self, uid: str, found: list[_Occurrence]) -> None:
        often = Counter(id(one.event) for one in found)
        said: dict[int, tuple[ParsedEvent, Length]] = {}
        for one in found:
            if not _is_public(one.event):
                self.private += 1
                continue
            key = id(one.event)
            if key not in said:
                said[key] = self._said(uid, one.event, often[key])
            event, usual = said[key]
            ends_at = (one.length or usual).after(one.start)
            self.events.append(
                replace(event, recurrence_id=one.original, starts_at=one.start.utc, ends_at=ends_at)
            )

    def _said(self, uid: str, event: Component, times: int) -> tuple[ParsedEvent, Length]:
        """What each of its `times` occurrences repeats, and how long each takes."""
        start = self._read_start(event)
        by = organiser(event)
        people = attendees(event, by)
        if "ATTENDEE" in event.cut or len(people) * times > MOST_ATTENDEES:
            self.flags.add("attendees_cut")
            people = fewer(people, by, MOST_ATTENDEES // times)
        said = ParsedEvent(
            uid=uid,
            recurrence_id=None,
            organiser=by,
            title=title(event.value("SUMMARY")),
            location=title(event.value("LOCATION")),
            description=words(event.value("DESCRIPTION"))[: MOST_WORDS // times],
            conference_url=conference_url(event),
            starts_at=start.utc,
            ends_at=start.utc,
            all_day=start.is_date,
            timezone=zone_name(start.zone),
            status=_status(event),
            sequence=whole_number(event.value("SEQUENCE")),
            last_modified=self._last_modified(event),
            attendees=people,
            is_partial=event.value("X-RAPPORT-ATTENDEES") == "PARTIAL",
        )
        return said, length(event, start, self.zones)

    def _last_modified(self, event: Component) -> datetime | None:
        for name in ("LAST-MODIFIED", "DTSTAMP"):
            if found := event.one(name):
                try:
                    return moment(found, self.zones, floating=UTC).utc
                except BadValue:
                    continue
        return None


def _sorted_out(same: list[Component]) -> tuple[Component | None, list[Component]]:
    """The newest master, and all overrides with what they have from it. What has no end is not to
    be trusted with more than being private."""
    masters = [event for event in same if not event.one("RECURRENCE-ID")]
    master = max(masters, key=lambda event: (event.is_whole, _rank(event)), default=None)
    overrides = [event for event in same if event.is_whole and event.one("RECURRENCE-ID")]
    if master:
        for override in overrides:
            _inherit(override, master)
    return master if master and master.is_whole else None, overrides


def _inherit(override: Component, master: Component) -> None:
    """An override is as private as its series, and with the same people, unless it says something
    else."""
    people = ("ORGANIZER", "ATTENDEE")
    for name in ["CLASS"] if any(map(override.one, people)) else ["CLASS", *people]:
        override.properties.setdefault(name, master.all(name))


def _as_changed(
    master: Component, one: Moment, following: list[_Override], since: list[datetime]
) -> tuple[Component, Moment]:
    """As the last override says that speaks of all that follow it: as far from its own date."""
    before = bisect_right(since, one.local)
    if not before:
        return master, one
    change = following[before - 1]
    return change.event, change.start.moved(change.start.local + (one.local - change.original.local))


def _is_public(event: Component) -> bool:
    return event.value("CLASS").upper() in _PUBLIC


def _rank(event: Component) -> tuple[int, str]:
    return whole_number(event.value("SEQUENCE")), event.value("LAST-MODIFIED") or event.value("DTSTAMP")


def _status(event: Component) -> str:
    if event.method.upper() == "CANCEL":
        return "cancelled"
    return _STATUSES.get(event.value("STATUS").upper(), "confirmed")


def _sentence(event: Component, why: str) -> str:
    name = title(event.value("SUMMARY"))[:60] if _is_public(event) else ""
    return f"The event “{name}” could not be read: {why}." if name else f"An event could not be read: {why}."
