"""A calendar at Google: its events, what changed when, and the occurrences of a series."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from tests.fakes.faults import Clock, words

Fields = dict[str, Any]
EVENT_TYPES = words("default birthday focusTime fromGmail outOfOffice workingLocation")
VISIBILITIES = words("default public private confidential")
RESPONSES = words("needsAction declined tentative accepted")
GIVEN = words(
    "id summary description location colorId creator organizer start end endTimeUnspecified recurrence status "
    "transparency visibility iCalUID sequence attendees attendeesOmitted extendedProperties hangoutLink "
    "conferenceData anyoneCanAddSelf guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests privateCopy "
    "locked reminders source workingLocationProperties outOfOfficeProperties focusTimeProperties "
    "birthdayProperties attachments eventType"
)
# All that is left of a private event where its details are not for this reader.
NOT_PRIVATE = words(
    "kind etag id status htmlLink created updated start end endTimeUnspecified recurrence recurringEventId "
    "originalStartTime iCalUID sequence visibility transparency eventType"
)
# Series without an end are expanded this far from now.
HORIZON = timedelta(days=730)


@dataclass
class Event:
    """`bare` tombstones tell nothing but that the event is gone."""

    fields: Fields
    order: int
    version: int
    updated: datetime
    bare: bool = False

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def series(self) -> str:
        return str(self.fields.get("recurringEventId", ""))

    @property
    def cancelled(self) -> bool:
        return bool(self.fields["status"] == "cancelled")


@dataclass
class Calendar:
    """Fill it with `add`; `change`, `cancel` and the two for single occurrences are seen by the next
    incremental listing. `lost` are occurrences that a change of their series has done away with."""

    id: str
    summary: str
    owner: str
    clock: Clock
    zone: str = "Europe/Berlin"
    events: dict[str, Event] = field(default_factory=dict)
    lost: dict[str, Event] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    version: int = 1
    epoch: int = 0
    keeps_changes: timedelta = timedelta(days=28)

    def add(self, summary: str = "Meeting", **given: Any) -> str:
        """The new event's id. Fields are Google's; `start` and `end` may be written as text, a date or
        a date with time, which is then in the calendar's zone."""
        number = len(self.events) + 1
        fields = self._defaults(number) | {"summary": summary} | given
        fields |= {name: self._moment(fields[name]) for name in ("start", "end")}
        if fields["id"] in self.events:
            raise ValueError(f"There is already an event {fields['id']}")
        self._check(fields)
        self._store(fields, order=number)
        return str(fields["id"])

    def change(self, event: str, **given: Any) -> None:
        """`None` takes a field away."""
        stored = self.events[event]
        fields = {name: value for name, value in (stored.fields | given).items() if value is not None}
        fields |= {name: self._moment(fields[name]) for name in ("start", "end")}
        self._check(fields)
        before = self._one_by_one(stored)
        self._store(fields | {"sequence": fields["sequence"] + 1}, order=stored.order)
        self._lose(before, self.events[event])

    def cancel(self, event: str, *, keeps_details: bool = False) -> None:
        """Deleted; `keeps_details` is how it looks to the organiser."""
        stored = self.events[event]
        self._store(stored.fields | {"status": "cancelled"}, order=stored.order)
        self.events[event].bare = not keeps_details

    def move_occurrence(self, series: str, at: str, /, **given: Any) -> str:
        """The occurrence that was to start then becomes an exception; its id."""
        found = self._occurrence(series, at)
        fields = {name: value for name, value in found.items() if name != "recurrence"} | given
        fields |= {name: self._moment(fields[name]) for name in ("start", "end")}
        self._check(fields)
        known = self.events.get(fields["id"])
        self._store(fields, order=known.order if known else len(self.events) + 1)
        return str(fields["id"])

    def cancel_occurrence(self, series: str, at: str) -> str:
        event = self.move_occurrence(series, at)
        self.cancel(event)
        return event

    def purge(self, event: str) -> None:
        """Tombstones do not stay for ever."""
        del self.events[event]

    def leave_occurrences(self, series: str) -> None:
        """The calendar's owner was invited to the exceptions alone: they name a series he does not have."""
        del self.events[series]
        self.elsewhere.add(series)

    def expire_sync_tokens(self) -> None:
        self.epoch += 1

    def occurrences(self, master: Event, *, until: datetime | None = None) -> Iterator[Fields]:
        """Occurrences of a series as its rule has them, exceptions and cancellations aside."""
        first, last = master.fields["start"], master.fields["end"]
        whole_days = "date" in first
        length = self.instant(last) - self.instant(first)
        horizon = until or self.clock.now() + HORIZON
        for begins in _rule(master.fields["recurrence"], self._local(first)):
            start = _point(begins, first)
            if self.instant(start) >= horizon:
                return
            days = (
                (date.fromisoformat(last["date"]) - date.fromisoformat(first["date"]))
                if whole_days
                else length
            )
            end = _point(begins + days if whole_days else _later(begins, length), last)
            fields = {name: value for name, value in master.fields.items() if name != "recurrence"}
            stamp = _stamp(start, self.instant(start))
            fields |= {
                "id": f"{master.id}_{stamp}",
                "recurringEventId": master.id,
                "start": start,
                "end": end,
            }
            yield fields | {"originalStartTime": start}

    def instant(self, point: Fields) -> datetime:
        """Whole days begin at midnight in the calendar's zone."""
        if "dateTime" in point:
            return datetime.fromisoformat(point["dateTime"])
        return datetime.combine(date.fromisoformat(point["date"]), time(), ZoneInfo(self.zone))

    def _one_by_one(self, event: Event) -> dict[str, Fields]:
        """What a listing of single events shows of it, by id."""
        if "recurrence" not in event.fields:
            return {event.id: event.fields}
        return {fields["id"]: fields for fields in self.occurrences(event)}

    def _lose(self, before: dict[str, Fields], changed: Event) -> None:
        """What was there one by one and, by another rule or another hour, no longer is."""
        now = self._one_by_one(changed)
        self.lost = {name: event for name, event in self.lost.items() if name not in now}
        for name in before.keys() - now.keys():
            fields = before[name] | {"status": "cancelled"}
            self.lost[name] = Event(fields, changed.order, self.version, self.clock.now(), bare=True)
            if name in self.events and name != changed.id:
                self.cancel(name)

    def _occurrence(self, series: str, start: str) -> Fields:
        wanted = self._moment(start)
        found = self.occurrences(self.events[series], until=self.instant(wanted) + timedelta(days=1))
        same = (one for one in found if self.instant(one["start"]) == self.instant(wanted))
        occurrence = next(same, None)
        if occurrence is None:
            raise ValueError(f"{series} has no occurrence at {start}")
        return occurrence

    def _store(self, fields: Fields, *, order: int) -> None:
        self.version += 1
        self.events[fields["id"]] = Event(fields, order, self.version, self.clock.now())

    def _defaults(self, number: int) -> Fields:
        person = {"email": self.owner}
        return {
            "id": f"e{number:025d}",
            "status": "confirmed",
            "iCalUID": f"e{number:025d}.{self.owner.partition('@')[0]}@google.com",
            "sequence": 0,
            "created": timestamp(self.clock.now()),
            "creator": person,
            "organizer": {"email": self.id} if "@" in self.id else person,
            "eventType": "default",
            "reminders": {"useDefault": True},
            "start": "2026-01-05T10:00:00",
            "end": "2026-01-05T11:00:00",
        }

    def _moment(self, value: str | Fields) -> Fields:
        if not isinstance(value, str):
            return value
        if len(value) == 10:
            return {"date": value}
        at = datetime.fromisoformat(value)
        at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(self.zone))
        return {"dateTime": at.isoformat(), "timeZone": self.zone}

    def _local(self, start: Fields) -> datetime:
        """Where wall clocks show the same hour for each occurrence; days have no zone at all."""
        if "date" in start:
            return datetime.combine(date.fromisoformat(start["date"]), time())
        return datetime.fromisoformat(start["dateTime"]).astimezone(ZoneInfo(start["timeZone"]))

    def _check(self, fields: Fields) -> None:
        """A test that sets up what Google would never hold proves nothing."""
        made = words("created recurringEventId originalStartTime")
        if unknown := set(fields) - GIVEN - made:
            raise ValueError(f"Google's events have no {sorted(unknown)}")
        start, end = fields["start"], fields["end"]
        if ("date" in start) != ("date" in end) or self.instant(start) > self.instant(end):
            raise ValueError(f"Not a time: {start} to {end}")
        if "recurrence" in fields and "dateTime" in start and "timeZone" not in start:
            raise ValueError("A series needs a time zone")
        if fields["eventType"] not in EVENT_TYPES or fields.get("visibility", "default") not in VISIBILITIES:
            raise ValueError(f"Unknown type or visibility: {fields}")
        for one in fields.get("attendees", []):
            if one.get("responseStatus") not in RESPONSES or "email" not in one:
                raise ValueError(f"Not an attendee: {one}")


def timestamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _rule(lines: Sequence[str], start: datetime) -> Iterator[datetime]:
    return iter(rrulestr("\n".join(lines), dtstart=start, forceset=True))


def _later(begins: datetime, length: timedelta) -> datetime:
    """Hours really passed, also in the night in which the clocks change."""
    return (begins.astimezone(UTC) + length).astimezone(begins.tzinfo)


def _point(at: datetime, like: Fields) -> Fields:
    if "date" in like:
        return {"date": at.date().isoformat()}
    return {"dateTime": at.isoformat(), "timeZone": like["timeZone"]}


def _stamp(start: Fields, instant: datetime) -> str:
    if "date" in start:
        return str(start["date"]).replace("-", "")
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
