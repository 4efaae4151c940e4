"""Events as Google Calendar tells them (API v3) → one iCalendar resource for each series."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from mailboxes.providers import icswriting
from mailboxes.providers.icswriting import Answer, Event, Person, Status
from mailboxes.providers.webapi import instant

Fields = Mapping[str, Any]

# The rest is about the owner's day, not about other people.
KINDS = frozenset({"default", "fromGmail"})
_PRIVATE = frozenset({"private", "confidential"})
_ANSWERS: dict[str, Answer] = {
    "accepted": "ACCEPTED",
    "declined": "DECLINED",
    "tentative": "TENTATIVE",
    "needsAction": "NEEDS-ACTION",
}
_STATUSES: dict[str, Status] = {
    "confirmed": "CONFIRMED",
    "tentative": "TENTATIVE",
    "cancelled": "CANCELLED",
}


# Ids may have 1,024 characters; no event's own begins like this.
LONG, _LONGEST = "long:", 400


def series_of(event: Fields) -> str:
    """The id of the event that this one is an occurrence of, else its own; a digest of one that is too
    long."""
    id = str(event.get("recurringEventId") or event["id"])
    return id if len(id) <= _LONGEST else LONG + sha256(id.encode()).hexdigest()


def is_part(event: Fields) -> bool:
    """An occurrence of a series that differs from it, or is all that somebody was invited to."""
    return bool(event.get("recurringEventId"))


def is_wanted(event: Fields) -> bool:
    return event.get("eventType", "default") in KINDS


def version_of(events: Iterable[Fields]) -> str:
    """Changes with any of the events, and with nothing else."""
    parts = sorted(f"{event['id']} {event.get('etag', '')}" for event in events)
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def resource(events: Sequence[Fields]) -> bytes:
    """The iCalendar text of an event, or of a series' master and its exceptions. Raises ValueError,
    KeyError or TypeError for what no event looks like."""
    master = next((one for one in events if not is_part(one)), None)
    read = [_event(one, master) for one in events if not _is_bare(one)]
    skipped = [_cancelled(one, master) for one in events if _is_bare(one) and one.get("originalStartTime")]
    return icswriting.resource([*read, *(one for one in skipped if one)])


def _is_bare(event: Fields) -> bool:
    """Of what was cancelled there is often nothing left but its id."""
    return event.get("status") == "cancelled" and not ("start" in event and "iCalUID" in event)


def _event(event: Fields, master: Fields | None) -> Event:
    start, end = _moment(event["start"]), _moment(event["end"])
    if not isinstance(start, datetime) and end <= start:
        end = start + timedelta(days=1)
    organiser = event.get("organizer") or {}
    return Event(
        uid=str(event["iCalUID"]),
        start=start,
        end=end,
        recurrence_id=_original(event),
        rules=tuple(map(str, event.get("recurrence", ()))),
        status=_STATUSES.get(event.get("status", ""), "CONFIRMED"),
        is_private=_is_private(event) or bool(master and _is_private(master)),
        title=str(event.get("summary", "")),
        location=str(event.get("location", "")),
        description=str(event.get("description", "")),
        conference_url=_conference(event),
        sequence=int(event.get("sequence", 0)),
        modified=instant(event.get("updated")),
        organiser=_person(organiser) if organiser.get("email") else None,
        attendees=tuple(_person(one) for one in event.get("attendees", ()) if one.get("email")),
        is_partial=bool(event.get("attendeesOmitted")),
    )


def _cancelled(event: Fields, master: Fields | None) -> Event | None:
    """An occurrence that was taken out of its series, as the series would have had it."""
    if master is None:
        return None
    start = _moment(event["originalStartTime"])
    length = _moment(master["end"]) - _moment(master["start"])
    whole = _event({**master, "recurrence": ()}, None)
    return Event(
        uid=whole.uid,
        start=start,
        end=start + length,
        recurrence_id=_original(event),
        status="CANCELLED",
        is_private=whole.is_private,
        title=whole.title,
        sequence=whole.sequence,
        modified=instant(event.get("updated")) or whole.modified,
        organiser=whole.organiser,
        attendees=whole.attendees,
    )


def _original(event: Fields) -> date | datetime | None:
    found = event.get("originalStartTime")
    return _moment(found) if found and event.get("recurringEventId") else None


def _is_private(event: Fields) -> bool:
    return event.get("visibility") in _PRIVATE


def _moment(point: Fields) -> date | datetime:
    """In its own zone where it names one, as rules go by the wall clock."""
    if "date" in point:
        return date.fromisoformat(point["date"])
    at = datetime.fromisoformat(point["dateTime"])
    if at.tzinfo is None:
        return at.replace(tzinfo=_zone(point) or UTC)
    return at.astimezone(_zone(point) or UTC)


def _zone(point: Fields) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(point["timeZone"]))
    except (KeyError, ValueError, OSError):
        return None


def _person(one: Fields) -> Person:
    return Person(
        email=str(one["email"]),
        name=str(one.get("displayName", "")),
        answer=_ANSWERS.get(one.get("responseStatus", ""), "NEEDS-ACTION"),
        is_optional=bool(one.get("optional")),
        is_thing=bool(one.get("resource")),
    )


def _conference(event: Fields) -> str:
    points = (event.get("conferenceData") or {}).get("entryPoints") or []
    videos = [str(one.get("uri", "")) for one in points if one.get("entryPointType") == "video"]
    return next(iter(videos), str(event.get("hangoutLink", "")))
