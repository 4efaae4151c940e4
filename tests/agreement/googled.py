"""An iCalendar resource as Google would hold it after the invitation or the import
(https://developers.google.com/workspace/calendar/api/v3/reference/events)."""

from datetime import date, datetime, timedelta
from typing import Any

import icalendar

from tests.fakes.google_events import Calendar

Fields = dict[str, Any]
ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
SECRET = {"PRIVATE": "private", "CONFIDENTIAL": "confidential"}


def put(calendar: Calendar, text: str, *, own: frozenset[str]) -> None:
    """`own` are the addresses of the calendar's owner."""
    events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    master: Any = next(one for one in events if "RECURRENCE-ID" not in one)
    stored = calendar.add(**_about(master, own), **_rules(master))
    for gap in _gaps(master):
        calendar.cancel_occurrence(stored, _text(gap))
    for override in (one for one in events if "RECURRENCE-ID" in one):
        _except(calendar, stored, override, own)
    if _is_off(master):
        # Guests are left with an empty husk, the organiser with what it was.
        calendar.cancel(stored, keeps_details=_address(master["ORGANIZER"]) in own)


def _except(calendar: Calendar, series: str, override: Any, own: frozenset[str]) -> None:
    at = _text(override["RECURRENCE-ID"].dt)
    if _is_off(override):
        calendar.cancel_occurrence(series, at)
    else:
        calendar.move_occurrence(series, at, **_about(override, own))


def _rules(master: Any) -> Fields:
    known = {"iCalUID": str(master["UID"])}
    if "RRULE" not in master:
        return known
    return known | {"recurrence": [f"RRULE:{master['RRULE'].to_ical().decode()}"]}


def _about(event: Any, own: frozenset[str]) -> Fields:
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start + timedelta(days=1)
    organizer = _person(event["ORGANIZER"], own)
    return {
        "summary": str(event.get("SUMMARY", "")),
        "location": str(event.get("LOCATION", "")),
        "start": _moment(start),
        "end": _moment(end),
        "sequence": int(event.get("SEQUENCE", 0)),
        "visibility": SECRET.get(str(event.get("CLASS", "")), "default"),
        "organizer": organizer,
        "attendees": [
            _attendee(one, own) | _hosts(one, organizer) for one in _several(event.get("ATTENDEE"))
        ],
    }


def _attendee(one: Any, own: frozenset[str]) -> Fields:
    answer = ANSWERS.get(str(one.params.get("PARTSTAT", "")), "needsAction")
    optional = {"optional": True} if one.params.get("ROLE") == "OPT-PARTICIPANT" else {}
    thing = {"resource": True} if one.params.get("CUTYPE") in {"ROOM", "RESOURCE"} else {}
    return _person(one, own) | {"responseStatus": answer} | optional | thing


def _person(one: Any, own: frozenset[str]) -> Fields:
    name = str(one.params.get("CN", ""))
    said = {"email": _address(one)} | ({"displayName": name} if name else {})
    return said | ({"self": True} if _address(one) in own else {})


def _hosts(one: Any, organizer: Fields) -> Fields:
    return {"organizer": True} if _address(one) == organizer["email"] else {}


def _moment(at: date) -> Fields:
    if not isinstance(at, datetime):
        return {"date": at.isoformat()}
    return {"dateTime": at.isoformat(), "timeZone": str(at.tzinfo)}


def _text(at: date) -> str:
    return at.isoformat()


def _gaps(event: Any) -> list[date]:
    return [one.dt for group in _several(event.get("EXDATE")) for one in group.dts]


def _is_off(event: Any) -> bool:
    return str(event.get("STATUS", "")) == "CANCELLED"


def _address(one: Any) -> str:
    return str(one).removeprefix("mailto:")


def _several(found: Any) -> list[Any]:
    return [] if found is None else found if isinstance(found, list) else [found]
