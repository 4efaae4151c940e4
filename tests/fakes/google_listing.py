"""Which events a listing of Google Calendar holds, in which order, and what each reader sees of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tests.fakes.google_events import NOT_PRIVATE, Calendar, Event, Fields, timestamp

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


@dataclass
class Entry:
    """A calendar in a user's list. Calendars may be in several, with different rights."""

    calendar: Calendar
    role: str
    version: int
    selected: bool = True
    hidden: bool = False
    primary: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class Row:
    """An event or an occurrence on its way into a listing."""

    fields: Fields
    order: int
    version: int
    updated: datetime
    cancelled: bool
    bare: bool

    @property
    def id(self) -> str:
        return str(self.fields["id"])


def row_of(event: Event) -> Row:
    return Row(event.fields, event.order, event.version, event.updated, event.cancelled, event.bare)


def rows_of(calendar: Calendar, params: Fields) -> Iterator[Row]:
    """Masters and exceptions, or all that happens, one by one."""
    for event in list(calendar.events.values()):
        if event.series:
            master = calendar.events.get(event.series)
            # With its series gone, or expanded, an exception is not listed by itself.
            is_alone = event.series in calendar.elsewhere
            if is_alone or (not params["singleEvents"] and master and not master.cancelled):
                yield row_of(event)
        elif params["singleEvents"] and "recurrence" in event.fields:
            yield from _expanded(calendar, event, until=params["timeMax"])
        else:
            yield row_of(event)
    if params["singleEvents"]:
        yield from map(row_of, list(calendar.lost.values()))


def _expanded(calendar: Calendar, master: Event, *, until: datetime | None) -> Iterator[Row]:
    for fields in calendar.occurrences(master, until=until):
        own = calendar.events.get(fields["id"], master)
        shown = fields if own is master else own.fields
        cancelled = master.cancelled or own.cancelled
        shown = shown | {"status": "cancelled"} if cancelled else shown
        version, updated = max((master.version, master.updated), (own.version, own.updated))
        yield Row(shown, master.order, version, updated, cancelled, master.bare or own.bare)


def is_wanted(row: Row, calendar: Calendar, params: Fields, since: int | None) -> bool:
    if since is not None:
        return row.version > since
    changed = params["updatedMin"] and row.updated >= params["updatedMin"]
    if params["updatedMin"] and not changed:
        return False
    exception = "recurringEventId" in row.fields and not params["singleEvents"]
    if row.cancelled and not (params["showDeleted"] or exception or changed):
        return False
    if params["iCalUID"] and row.fields["iCalUID"] != params["iCalUID"]:
        return False
    if params["eventTypes"] and row.fields["eventType"] not in params["eventTypes"]:
        return False
    searched = (row.fields.get(name, "") for name in ("summary", "description", "location"))
    if params["q"].casefold() not in " ".join(searched).casefold():
        return False
    return _in_window(row, calendar, params)


def _in_window(row: Row, calendar: Calendar, params: Fields) -> bool:
    low, high = params["timeMin"], params["timeMax"]
    times = [row.fields]
    if "recurrence" in row.fields and (low or high):
        master = Event(row.fields, row.order, row.version, row.updated)
        times = list(calendar.occurrences(master, until=high))
    spans = ((calendar.instant(one["start"]), calendar.instant(one["end"])) for one in times)
    return any((not low or end > low) and (not high or start < high) for start, end in spans)


def key_of(row: Row, calendar: Calendar, params: Fields, since: int | None) -> tuple[Any, str]:
    if since is not None or params["orderBy"] == "updated":
        return (row.version, row.id)
    if params["orderBy"] == "startTime":
        return (calendar.instant(row.fields["start"]).timestamp(), row.id)
    return (row.order, row.id)


def shown_to(row: Row, entry: Entry, params: Fields) -> Fields:
    if row.cancelled and row.bare:
        known = ("id", "status", "recurringEventId", "originalStartTime")
        return {name: row.fields[name] for name in known if name in row.fields}
    own = entry.calendar.id
    shown: Fields = {"kind": "calendar#event", "etag": f'"{row.version}"', **row.fields}
    shown |= {"htmlLink": f"https://www.google.com/calendar/event?eid={quote(row.id)}"}
    shown |= {"updated": timestamp(row.updated)}
    for name in ("creator", "organizer"):
        shown[name] = _marked(shown[name], own)
    if "attendees" in shown:
        shown |= _attendees([_marked(one, own) for one in shown["attendees"]], params["maxAttendees"])
    for name in ("start", "end", "originalStartTime"):
        if name in shown:
            shown[name] = _in_zone(shown[name], params["timeZone"] or ZoneInfo(entry.calendar.zone))
    private = shown.get("visibility") in {"private", "confidential"}
    if entry.role == "freeBusyReader" or (private and entry.role in {"reader", "writerWithoutPrivateAccess"}):
        hidden = {"visibility": "private"}
        return {name: value for name, value in shown.items() if name in NOT_PRIVATE} | hidden
    return shown


def _marked(person: Fields, calendar: str) -> Fields:
    return person | {"self": True} if person["email"] == calendar else person


def _attendees(attendees: list[Fields], at_most: int | None) -> Fields:
    """Where there are too many, only the participant is left."""
    if at_most is None or len(attendees) <= at_most:
        return {"attendees": attendees}
    own = [one for one in attendees if one.get("self")]
    return {"attendees": own, "attendeesOmitted": True}


def _in_zone(point: Fields, at: ZoneInfo) -> Fields:
    if "dateTime" not in point:
        return point
    return point | {"dateTime": datetime.fromisoformat(point["dateTime"]).astimezone(at).isoformat()}
