"""Events as Microsoft Graph tells them → one iCalendar resource for each event or series."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from mailboxes.parsing.icsuids import occurrence_day
from mailboxes.providers import icswriting
from mailboxes.providers.icswriting import Answer, Event, Person
from mailboxes.providers.webapi import instant

Fields = Mapping[str, Any]

SELECT = (
    "id,type,iCalUId,changeKey,seriesMasterId,subject,body,location,start,end,isAllDay,isCancelled,"
    "sensitivity,organizer,attendees,responseStatus,isOrganizer,onlineMeeting,onlineMeetingUrl,recurrence,"
    "originalStart,originalStartTimeZone,lastModifiedDateTime"
)
SELECT_SERIES = f"{SELECT},occurrenceId,cancelledOccurrences,exceptionOccurrences"
PREFER = 'outlook.timezone="UTC", outlook.body-content-type="text"'
_PRIVATE = frozenset({"private", "confidential"})
_ANSWERS: dict[str, Answer] = {
    "accepted": "ACCEPTED",
    "organizer": "ACCEPTED",
    "declined": "DECLINED",
    "tentativelyAccepted": "TENTATIVE",
}
_DAYS = {
    name: name[:2].upper()
    for name in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}


def resource(event: Fields, own: Collection[str]) -> bytes:
    """The iCalendar text of a single event, or of a master with its exceptions. `own` are the account's
    addresses: an attendee's copy has only his own answer. Raises ValueError, KeyError or TypeError for
    what no event looks like."""
    if event.get("type") != "seriesMaster":
        zone = _zone(event)
        return icswriting.resource([_event(event, own, zone=zone, original=_invited_to(event, zone))])
    zone = _zone(event)
    start = _moment(event, "start", zone)
    skipped = [_skipped(one, start) for one in event.get("cancelledOccurrences") or ()]
    rules = [rule(event["recurrence"], start), *(_exdate(one) for one in skipped if one)]
    master = _event(event, own, zone=zone, rules=rules)
    changed = [
        _event(
            {**event, "recurrence": None, **one},
            own,
            zone=zone,
            uid=str(event["iCalUId"]),
            original=_original(one, start),
        )
        for one in event.get("exceptionOccurrences") or ()
    ]
    return icswriting.resource([master, *changed])


def rule(recurrence: Fields, start: date | datetime) -> str:
    """A pattern and its range as an RRULE. Raises KeyError or ValueError for one that is none."""
    pattern, limits = recurrence["pattern"], recurrence["range"]
    parts = [*_RULES[pattern["type"]](pattern), f"INTERVAL={int(pattern.get('interval') or 1)}"]
    if limits["type"] == "numbered":
        parts.append(f"COUNT={int(limits['numberOfOccurrences'])}")
    elif limits["type"] == "endDate":
        parts.append(f"UNTIL={_until(date.fromisoformat(limits['endDate']), start)}")
    return "RRULE:" + ";".join(parts)


def _event(
    event: Fields,
    own: Collection[str],
    *,
    zone: ZoneInfo,
    rules: Sequence[str] = (),
    uid: str = "",
    original: date | datetime | None = None,
) -> Event:
    start, end = _moment(event, "start", zone), _moment(event, "end", zone)
    if not isinstance(start, datetime) and end <= start:
        end = start + timedelta(days=1)
    organiser = _person(event.get("organizer") or {})
    return Event(
        uid=uid or str(event["iCalUId"]),
        start=start,
        end=end,
        recurrence_id=original,
        rules=rules,
        status="CANCELLED" if event.get("isCancelled") else "CONFIRMED",
        is_private=event.get("sensitivity") in _PRIVATE,
        title=str(event.get("subject") or ""),
        location=str((event.get("location") or {}).get("displayName") or ""),
        description=str((event.get("body") or {}).get("content") or ""),
        conference_url=_conference(event),
        modified=instant(event.get("lastModifiedDateTime")),
        organiser=organiser,
        attendees=_attendees(event, own),
    )


def _attendees(event: Fields, own: Collection[str]) -> tuple[Person, ...]:
    mine = _ANSWERS.get(str((event.get("responseStatus") or {}).get("response")), "NEEDS-ACTION")
    found = []
    for one in event.get("attendees") or ():
        said = str((one.get("status") or {}).get("response"))
        answer = _ANSWERS.get(said, "NEEDS-ACTION")
        person = _person(
            one,
            answer=mine if _address(one).casefold() in own and answer == "NEEDS-ACTION" else answer,
            is_optional=one.get("type") == "optional",
            is_thing=one.get("type") == "resource",
        )
        if person:
            found.append(person)
    return tuple(found)


def _person(one: Fields, **more: Any) -> Person | None:
    name = str((one.get("emailAddress") or {}).get("name") or "")
    return Person(email=_address(one), name=name, **more) if "@" in _address(one) else None


def _address(one: Fields) -> str:
    return str((one.get("emailAddress") or {}).get("address") or "")


def _conference(event: Fields) -> str:
    return str((event.get("onlineMeeting") or {}).get("joinUrl") or event.get("onlineMeetingUrl") or "")


# Times


def _zone(event: Fields) -> ZoneInfo:
    """Where the event was made: a series goes by the wall clock there. The zone of its recurrence may be
    the one that we asked for."""
    limits = ((event.get("recurrence") or {}).get("range")) or {}
    for name in (event.get("originalStartTimeZone"), limits.get("recurrenceTimeZone")):
        try:
            return ZoneInfo(WINDOWS_TO_OLSON.get(str(name), str(name)))
        except (ValueError, OSError, KeyError):
            continue
    return ZoneInfo("UTC")


def _moment(event: Fields, name: str, zone: ZoneInfo) -> date | datetime:
    """Of an all-day event the date as it stands: it has no zone, whatever is said."""
    text = str(event[name]["dateTime"])
    if event.get("isAllDay"):
        return date.fromisoformat(text[:10])
    at = datetime.fromisoformat(text[:26])
    return at.replace(tzinfo=UTC).astimezone(zone)


def _invited_to(event: Fields, zone: ZoneInfo) -> date | datetime | None:
    """Which occurrence of its series a single event is, where somebody was invited to that alone: its id
    ([MS-OXOCAL] 2.2.1.27) has the day in it."""
    day = occurrence_day(str(event["iCalUId"]))
    if day is None:
        return None
    start = _moment(event, "start", zone)
    if event.get("originalStart"):
        return _original(event, start)
    return datetime.combine(day, start.timetz()) if isinstance(start, datetime) else day


def _original(occurrence: Fields, start: date | datetime) -> date | datetime:
    """When an exception was to be: said in UTC, or by its day."""
    if said := instant(occurrence.get("originalStart")):
        if not isinstance(start, datetime):
            return said.date()
        return said.astimezone(start.tzinfo)
    found = _skipped(str(occurrence["occurrenceId"]), start)
    if found is None:
        raise ValueError("no original start")
    return found


def _skipped(occurrence_id: str, start: date | datetime) -> date | datetime | None:
    """OID.<id of the series>.<day>: the occurrence of that day, at the hour of the series."""
    try:
        day = date.fromisoformat(occurrence_id.rpartition(".")[2])
    except ValueError:
        return None
    if not isinstance(start, datetime):
        return day
    return datetime.combine(day, start.timetz())


def _exdate(at: date | datetime) -> str:
    if not isinstance(at, datetime):
        return f"EXDATE;VALUE=DATE:{at:%Y%m%d}"
    return f"EXDATE:{icswriting.utc_text(at)}"


def _until(last: date, start: date | datetime) -> str:
    if not isinstance(start, datetime):
        return f"{last:%Y%m%d}"
    return icswriting.utc_text(datetime.combine(last, time(23, 59, 59), start.tzinfo))


# Patterns


def _days(pattern: Fields) -> str:
    return "BYDAY=" + ",".join(_DAYS[str(day).casefold()] for day in pattern["daysOfWeek"])


def _day_of_month(pattern: Fields) -> list[str]:
    """In a month that is too short, Outlook takes its last day."""
    day = int(pattern["dayOfMonth"])
    if day <= 28:
        return [f"BYMONTHDAY={day}"]
    return ["BYMONTHDAY=" + ",".join(map(str, range(28, day + 1))), "BYSETPOS=-1"]


def _nth(pattern: Fields) -> list[str]:
    return [_days(pattern), f"BYSETPOS={_INDEX[str(pattern.get('index') or 'first')]}"]


def _weekly(pattern: Fields) -> list[str]:
    first = _DAYS[str(pattern.get("firstDayOfWeek") or "sunday").casefold()]
    return ["FREQ=WEEKLY", _days(pattern), f"WKST={first}"]


_RULES = {
    "daily": lambda pattern: ["FREQ=DAILY"],
    "weekly": _weekly,
    "absoluteMonthly": lambda pattern: ["FREQ=MONTHLY", *_day_of_month(pattern)],
    "relativeMonthly": lambda pattern: ["FREQ=MONTHLY", *_nth(pattern)],
    "absoluteYearly": lambda pattern: [
        "FREQ=YEARLY",
        f"BYMONTH={int(pattern['month'])}",
        *_day_of_month(pattern),
    ],
    "relativeYearly": lambda pattern: ["FREQ=YEARLY", f"BYMONTH={int(pattern['month'])}", *_nth(pattern)],
}
