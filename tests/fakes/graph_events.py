"""A calendar at Microsoft: its events, series and their exceptions, and when each was changed or deleted."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from tests.fakes.faults import Clock, words
from tests.fakes.graph_delta import Source
from tests.fakes.graph_ics import Reader, Taken
from tests.fakes.graph_mailbox import named
from tests.fakes.graph_people import KINDS, NEVER, RESPONSES, Fields, person
from tests.fakes.graph_recurrence import complete, localized, starts, zone_of

SENSITIVITIES = words("normal personal private confidential")
SHOWN_AS = words("free tentative busy oof workingElsewhere unknown")
GIVEN = words(
    "subject body location locations attendees organizer sensitivity showAs isCancelled responseStatus iCalUId "
    "importance categories onlineMeeting isOnlineMeeting onlineMeetingProvider onlineMeetingUrl hideAttendees "
    "responseRequested allowNewTimeProposals isReminderOn reminderMinutesBeforeStart hasAttachments isDraft "
    "start end isAllDay recurrence transactionId"
)
HORIZON = timedelta(days=3660)
# How global object ids begin; eight digits that follow are the day of an occurrence.
GLOBAL = "040000008200E00074C5B7101A82E008"
FOREIGN = "7643616C2D55696401000000"


@dataclass
class Event:
    """`start` and `end` are aware; of whole days, midnights in `zone`. `fields` are as Graph shows them.
    Exceptions are kept by the wall clock time at which they were to start, in `exceptions` of the master;
    `original` is that time, of exceptions and occurrences."""

    id: str
    lasting: str
    fields: Fields
    start: datetime
    end: datetime
    zone: tzinfo
    zone_name: str
    all_day: bool
    created: datetime
    modified: datetime
    version: int
    recurrence: Fields | None = None
    exceptions: dict[datetime, "Event"] = field(default_factory=dict)
    cancelled: set[datetime] = field(default_factory=set)
    master: "Event | None" = None
    original: datetime | None = None
    excepted: bool = False

    @property
    def kind(self) -> str:
        if self.recurrence:
            return "seriesMaster"
        return ("exception" if self.excepted else "occurrence") if self.master else "singleInstance"

    @property
    def uid(self) -> str:
        """Of occurrences, it has their day in it: it is not their master's."""
        uid = str(self.fields["iCalUId"])
        return uid_of_day(uid, self.original.date()) if self.original else uid


@dataclass
class Calendar(Source):
    """Fill it with `add`; what happens afterwards is seen by the next round of a delta query. Ids may be
    those of occurrences: `change` makes an exception, `delete` leaves a gap. `shows_masters` is whether
    rounds tell of a series' master as well."""

    clock: Clock = field(default_factory=Clock)
    id: str = ""
    name: str = "Calendar"
    owner: str = ""
    owner_name: str = ""
    zone: str = "Europe/Berlin"
    default: bool = False
    shows_masters: bool = True
    events: dict[str, Event] = field(default_factory=dict)
    gone: dict[str, tuple[str, int]] = field(default_factory=dict)
    _issued: int = 0
    _views: dict[tuple[str, int, datetime, datetime], list[Event]] = field(default_factory=dict)

    def add(self, event: Fields | None = None, /, **more: Any) -> str:
        """The new event's immutable id. Properties are Graph's; `start` and `end` may be plain text, which
        is then in the calendar's zone."""
        given = (event or {}) | more
        _check(given)
        self._issued += 1
        number = f"{self.owner}:{self.id}"
        stored = self._made(
            given, named("AAMkAGE1", number, self._issued), named("AAkAGE1", number, self._issued)
        )
        self.events[stored.lasting] = stored
        return stored.lasting

    def change(self, id: str, **given: Any) -> None:
        """Exceptions whose occurrence the new pattern does not have are gone with it."""
        _check(given)
        event = self.find(id)
        if event.master:
            self._except(event, given)
            return
        made = self._made(self._given(event) | given, event.id, event.lasting)
        # Where the pattern or the hour is another one, Outlook starts afresh.
        if "recurrence" not in given and "start" not in given:
            made.exceptions, made.cancelled = event.exceptions, event.cancelled
        for exception in made.exceptions.values():
            exception.master = made
        made.created = event.created
        self.events[event.lasting] = made

    def cancel(self, id: str) -> None:
        """Called off by the organiser; the event stays, to be seen. A series is called off as a whole."""
        called_off = {"isCancelled": True, "showAs": "free"}
        self.change(id, **called_off)
        for exception in self.find(id).exceptions.values():
            exception.fields |= called_off

    def delete(self, id: str) -> None:
        event = self.find(id)
        if event.master and event.original:
            event.master.exceptions.pop(event.original, None)
            event.master.cancelled.add(event.original)
            self._touch(event.master)
            return
        del self.events[event.lasting]
        self.gone[event.id] = (event.lasting, self.changed())

    def import_ics(self, ics: bytes) -> list[str]:
        """Events of an iCalendar resource, as Graph would show them; those of a known UID are replaced.
        Their immutable ids. NotImplementedError for what Graph has no words for."""
        return [self._take(taken) for taken in Reader(self.owner, zone_of(self.zone)).read(ics)]

    def _take(self, taken: Taken) -> str:
        uid = taken.given["iCalUId"]
        taken.given["iCalUId"] = uid_of_day(uid, taken.day) if taken.day else uid
        known = (one for one in self.events.values() if one.fields["iCalUId"] == taken.given["iCalUId"])
        if (event := next(known, None)) is not None:
            self.change(event.lasting, **taken.given)
        id = event.lasting if event else self.add(taken.given)
        master = self.events[id]
        master.cancelled |= taken.cancelled
        for original, exception in taken.exceptions.items():
            self.lift(master, original, exception.given)
        master.modified = taken.modified or master.modified
        return id

    def forget_state(self, *, status: int = 410, code: str = "SyncStateNotFound") -> None:
        self.forget(status=status, code=code)

    # What is in it.

    def find(self, id: str) -> Event:
        """By either id: an event, or an occurrence of a series. KeyError where there is none."""
        for event in self.events.values():
            if id in {event.id, event.lasting}:
                return event
            if event.recurrence and id[:-12] in {event.id[:-4], event.lasting[:-4]}:
                found = (one for one in self.instances(event) if id in {one.id, one.lasting})
                if (one := next(found, None)) is not None:
                    return one
        raise KeyError(id)

    def instances(self, event: Event, *, until: datetime | None = None) -> Iterator[Event]:
        """The event itself or, of a series, all occurrences that begin before then, exceptions included."""
        if not event.recurrence:
            yield event
            return
        length, horizon = event.end - event.start, until or self.clock.now() + HORIZON
        for start in starts(event.recurrence, event.start.astimezone(event.zone).time()):
            begins = localized(start, event.zone)
            if begins >= horizon:
                break
            if start not in event.cancelled and start not in event.exceptions:
                yield self._occurrence(event, start, begins, length)
        # Wherever they were to start, they may have been moved to before the horizon.
        yield from (one for one in event.exceptions.values() if one.start < horizon)

    def within(self, event: Event, begin: datetime, end: datetime) -> list[Event]:
        """What of it a view of this time shows, in order. Asked for again page by page, it is remembered."""
        key = (event.lasting, event.version, begin, end)
        if key not in self._views:
            found = self.instances(event, until=end)
            shown = [one for one in found if one.start < end and (one.end > begin or one.start >= begin)]
            self._views[key] = sorted(shown, key=lambda one: one.start)
        return self._views[key]

    def lift(self, master: Event, original: datetime, given: Fields) -> None:
        """An exception of the occurrence that was to start then by the wall clock."""
        length = master.end - master.start
        self._except(self._occurrence(master, original, localized(original, master.zone), length), given)

    def _occurrence(self, master: Event, start: datetime, begins: datetime, length: timedelta) -> Event:
        ends = begins + length
        if master.all_day:
            days = (
                master.end.astimezone(master.zone).date() - master.start.astimezone(master.zone).date()
            ).days
            ends = localized(start + timedelta(days=days), master.zone)
        stamp = hashlib.sha256(start.isoformat().encode()).hexdigest()[:6]
        return replace(
            master,
            id=f"{master.id[:-4]}{stamp}EAAA==",
            lasting=f"{master.lasting[:-4]}{stamp}EAAA==",
            start=begins,
            end=ends.astimezone(UTC).astimezone(master.zone),
            recurrence=None,
            exceptions={},
            cancelled=set(),
            master=master,
            original=start,
        )

    def _except(self, event: Event, given: Fields) -> None:
        master, original = event.master, event.original
        assert master and original
        made = self._made(self._given(event) | given, event.id, event.lasting)
        made.master, made.original, made.excepted, made.recurrence = master, original, True, None
        made.created = event.created
        master.exceptions[original] = made
        self._touch(master)

    def _touch(self, event: Event) -> None:
        event.version, event.modified = self.changed(), self.clock.now()

    def _given(self, event: Event) -> Fields:
        """As `add` takes it."""
        times = {
            name: {
                "dateTime": at.astimezone(event.zone).replace(tzinfo=None).isoformat(),
                "timeZone": event.zone_name,
            }
            for name, at in (("start", event.start), ("end", event.end))
        }
        recurrence = {"recurrence": event.recurrence} if event.recurrence else {}
        return event.fields | times | recurrence | {"isAllDay": event.all_day}

    def _made(self, given: Fields, id: str, lasting: str) -> Event:
        start, zone_name = self._moment(given.get("start", "2026-01-05T10:00:00"))
        end, _ = self._moment(given.get("end", "2026-01-05T11:00:00"))
        all_day = given.get("isAllDay", False)
        if start > end or (all_day and {start.time().isoformat(), end.time().isoformat()} != {"00:00:00"}):
            raise ValueError(f"Not a time: {start} to {end}")
        kept = {name: value for name, value in given.items() if name not in ONE_BY_ONE}
        fields = self._usual(lasting, given) | kept
        now = self.clock.now()
        zone = start.tzinfo
        assert zone
        made = Event(id, lasting, fields, start, end, zone, zone_name, all_day, now, now, self.changed())
        if given.get("recurrence"):
            made.recurrence = complete(given["recurrence"])
        return made

    def _moment(self, given: str | Fields | tuple[datetime, str]) -> tuple[datetime, str]:
        """With the name of its zone. Importing, both are known already."""
        if isinstance(given, tuple):
            return given
        if isinstance(given, str):
            return localized(datetime.fromisoformat(given), zone_of(self.zone)), self.zone
        at = datetime.fromisoformat(given["dateTime"][:26].removesuffix("Z"))
        return localized(at, zone_of(given["timeZone"])), given["timeZone"]

    def _usual(self, lasting: str, given: Fields) -> Fields:
        organizer = given.get("organizer", person(self.owner, self.owner_name))
        own = organizer["emailAddress"]["address"].lower() == self.owner.lower()
        response = "organizer" if own else "none"
        return {
            "subject": "Meeting",
            "body": {"contentType": "html", "content": ""},
            "location": {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"},
            "locations": [],
            "attendees": [],
            "organizer": organizer,
            "sensitivity": "normal",
            "showAs": "busy",
            "isCancelled": False,
            "responseStatus": {"response": response, "time": NEVER},
            "iCalUId": _global_id(lasting, self.owner),
            "importance": "normal",
            "categories": [],
            "onlineMeeting": None,
            "isOnlineMeeting": False,
            "onlineMeetingProvider": "unknown",
            "onlineMeetingUrl": None,
            "hideAttendees": False,
            "responseRequested": True,
            "allowNewTimeProposals": True,
            "isReminderOn": True,
            "reminderMinutesBeforeStart": 15,
            "hasAttachments": False,
            "isDraft": False,
            "transactionId": None,
        }


ONE_BY_ONE = words("start end isAllDay recurrence")


def uid_of_day(uid: str, day: date) -> str:
    """The global object id of one day of a series; what is not one already is wrapped into one."""
    stamp = f"{day.year:04X}{day.month:02X}{day.day:02X}"
    if uid.startswith(GLOBAL):
        return uid[: len(GLOBAL)] + stamp + uid[len(GLOBAL) + 8 :]
    data = bytes.fromhex(FOREIGN) + uid.encode() + b"\0"
    return f"{GLOBAL}{stamp}{'0' * 32}{len(data).to_bytes(4, 'little').hex()}{data.hex()}".upper()


def _global_id(lasting: str, owner: str) -> str:
    digest = hashlib.sha256(f"{owner}:{lasting}".encode()).hexdigest().upper()
    return f"{GLOBAL}00000000{digest[:16]}{'0' * 16}10000000{digest[16:48]}"


def _check(given: Fields) -> None:
    """A test that sets up what Graph would never show proves nothing."""
    if unknown := set(given) - GIVEN:
        raise ValueError(f"Graph's events have no {sorted(unknown)}")
    if given.get("sensitivity", "normal") not in SENSITIVITIES or given.get("showAs", "busy") not in SHOWN_AS:
        raise ValueError(f"Unknown sensitivity or status: {given}")
    for one in given.get("attendees", []):
        if one["status"]["response"] not in RESPONSES or one["type"] not in KINDS:
            raise ValueError(f"Not an attendee: {one}")
