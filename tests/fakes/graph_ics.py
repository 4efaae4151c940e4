"""iCalendar resources in the words of Microsoft Graph."""

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from tests.fakes.graph_people import NEVER, Fields, attendee, person
from tests.fakes.graph_recurrence import localized, said_by_graph, starts, windows_name

# What icalendar's types say of properties is every kind that there is.
Component = Any
CUSTOM_ZONE = "tzone://Microsoft/Custom"
ANSWERS = {"ACCEPTED": "accepted", "TENTATIVE": "tentativelyAccepted", "DECLINED": "declined"}
CLASSES = {"": "normal", "PUBLIC": "normal", "CONFIDENTIAL": "confidential", "X-PERSONAL": "personal"}
NO_WORDS = ("RDATE", "EXRULE")


@dataclass
class Taken:
    """An event as `Calendar.add` takes it; of a series, exceptions and gaps by the wall clock times at
    which they were to start. `day` is of an occurrence whose series is not there."""

    given: Fields
    modified: datetime | None
    day: date | None = None
    exceptions: dict[datetime, "Taken"] = field(default_factory=dict)
    cancelled: set[datetime] = field(default_factory=set)


@dataclass
class Reader:
    """Reads for the owner of a calendar; what floats is in its zone."""

    owner: str
    zone: ZoneInfo

    def read(self, ics: bytes) -> Iterator[Taken]:
        by_uid: dict[str, list[Component]] = {}
        for event in icalendar.Calendar.from_ical(ics).walk("VEVENT"):
            by_uid.setdefault(str(event["UID"]), []).append(event)
        for events in by_uid.values():
            yield from self._series(events)

    def _series(self, events: list[Component]) -> Iterator[Taken]:
        overrides = [event for event in events if "RECURRENCE-ID" in event]
        masters = [event for event in events if "RECURRENCE-ID" not in event]
        for master in masters:
            yield self._master(master, overrides)
        for override in [] if masters else overrides:
            taken = self._one(override)
            at = override["RECURRENCE-ID"].dt
            taken.day = at.date() if isinstance(at, datetime) else at
            yield taken

    def _master(self, event: Component, overrides: list[Component]) -> Taken:
        if any(name in event for name in NO_WORDS) or isinstance(event.get("RRULE"), list):
            raise NotImplementedError("Graph's series have one rule and no more")
        taken = self._one(event)
        if "RRULE" not in event:
            return taken
        start, name = taken.given["start"]
        zone = start.tzinfo
        first = start.replace(tzinfo=None)
        taken.given["recurrence"] = said_by_graph(event["RRULE"], first, zone=zone, name=name)
        taken.cancelled = {self._original(at, first, zone) for at in _dates(event, "EXDATE")}
        for override in overrides:
            if "RANGE" in override["RECURRENCE-ID"].params:
                raise NotImplementedError("Graph's exceptions are of one occurrence")
            original = self._original(override["RECURRENCE-ID"].dt, first, zone)
            if original not in _until(starts(taken.given["recurrence"], first.time()), original):
                raise NotImplementedError(f"Graph's exceptions are of occurrences: {original}")
            taken.exceptions[original] = self._one(override)
        return taken

    def _original(self, at: date, first: datetime, zone: tzinfo) -> datetime:
        """By the wall clock of the series; a date alone is of the occurrence on that day."""
        if not isinstance(at, datetime):
            return datetime.combine(at, first.time())
        return at.astimezone(zone).replace(tzinfo=None) if at.tzinfo else at

    def _one(self, event: Component) -> Taken:
        start = event["DTSTART"].dt
        given = self._times(event, start) | _about(event) | self._people(event)
        modified = event.get("LAST-MODIFIED") or event.get("DTSTAMP")
        return Taken(given, modified.dt if modified else None)

    def _times(self, event: Component, start: date) -> Fields:
        all_day = not isinstance(start, datetime)
        length = event.get("DURATION")
        end = (
            event["DTEND"].dt
            if "DTEND" in event
            else start + (length.dt if length else timedelta(days=all_day))
        )
        times = {"start": self._moment(start), "end": self._moment(end)}
        return times | {"isAllDay": all_day, "recurrence": None}

    def _moment(self, at: date) -> tuple[datetime, str]:
        if not isinstance(at, datetime):
            return localized(datetime.combine(at, time()), self.zone), str(self.zone)
        if at.tzinfo is None:
            return localized(at, self.zone), str(self.zone)
        return at, _zone_name(at.tzinfo)

    def _people(self, event: Component) -> Fields:
        organizer = event.get("ORGANIZER")
        attendees = [_attendee(one) for one in _listed(event.get("ATTENDEE"))]
        host = person(_address(organizer), _name(organizer)) if organizer else person(self.owner)
        own = [one for one in attendees if one["emailAddress"]["address"].lower() == self.owner.lower()]
        response = own[0]["status"]["response"] if own else "none"
        response = "notResponded" if own and response == "none" else response
        if host["emailAddress"]["address"].lower() == self.owner.lower():
            response = "organizer"
        answered = {"responseStatus": {"response": response, "time": NEVER}}
        return {"organizer": host, "attendees": attendees} | answered


def _about(event: Component) -> Fields:
    place, words = str(event.get("LOCATION", "")), str(event.get("DESCRIPTION", ""))
    location = {"displayName": place, "locationType": "default", "uniqueIdType": "private", "uniqueId": place}
    status = str(event.get("STATUS", "")).upper()
    return {
        "iCalUId": str(event["UID"]),
        "subject": str(event.get("SUMMARY", "")),
        "body": {"contentType": "html", "content": f"<html><body>{html.escape(words)}</body></html>"},
        "location": location,
        "locations": [location] if place else [],
        "isCancelled": status == "CANCELLED",
        "showAs": _shown_as(event, status),
        # What is not known is private, says iCalendar.
        "sensitivity": CLASSES.get(str(event.get("CLASS", "")).upper(), "private"),
        "categories": [str(one) for one in getattr(event.get("CATEGORIES"), "cats", [])],
    }


def _shown_as(event: Component, status: str) -> str:
    outlook = {"OOF": "oof", "WORKINGELSEWHERE": "workingElsewhere", "TENTATIVE": "tentative"}
    named = outlook.get(str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper())
    if named:
        return named
    if str(event.get("TRANSP", "OPAQUE")).upper() == "TRANSPARENT":
        return "free"
    return "tentative" if status == "TENTATIVE" else "busy"


def _attendee(one: Any) -> Fields:
    kind = (
        "optional"
        if one.params.get("ROLE", "").upper() in {"OPT-PARTICIPANT", "NON-PARTICIPANT"}
        else "required"
    )
    if one.params.get("CUTYPE", "").upper() in {"ROOM", "RESOURCE"}:
        kind = "resource"
    response = ANSWERS.get(one.params.get("PARTSTAT", "").upper(), "none")
    return attendee(_address(one), response, name=_name(one), kind=kind)


def _address(one: Any) -> str:
    text = str(one)
    return text[7:] if text.lower().startswith("mailto:") else text


def _name(one: Any) -> str:
    return str(one.params.get("CN", ""))


def _listed(found: Any) -> list[Any]:
    return [] if found is None else found if isinstance(found, list) else [found]


def _dates(event: Component, name: str) -> Iterator[date]:
    return (one.dt for dates in _listed(event.get(name)) for one in dates.dts)


def _until(found: Iterator[datetime], last: datetime) -> Iterator[datetime]:
    for at in found:
        if at > last:
            return
        yield at


def _zone_name(zone: tzinfo) -> str:
    if zone is UTC:
        return "UTC"
    return windows_name(zone.key) if isinstance(zone, ZoneInfo) else CUSTOM_ZONE
