"""Reading iCalendar into what Exchange would hold after a delivery or an import."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from icalendar import Calendar as Components

from tests.fakes.ews_meetings import Attendee, Meeting
from tests.fakes.ews_recurrence import Rule
from tests.fakes.ews_store import Store

Event = Any  # a value of its is one of thirty types
CLASSES = {"": "Normal", "PUBLIC": "Normal", "X-PERSONAL": "Personal"} | {
    "PRIVATE": "Private",
    "CONFIDENTIAL": "Confidential",
}
ANSWERS = {"ACCEPTED": "Accept", "DECLINED": "Decline", "TENTATIVE": "Tentative"}
BUSY = {"FREE": "Free", "TENTATIVE": "Tentative", "BUSY": "Busy", "OOF": "OOF"} | {
    "WORKINGELSEWHERE": "WorkingElsewhere"
}
RESOURCES = {"RESOURCE", "ROOM"}


@dataclass
class Series:
    """One UID: a meeting, and of a series its rule, what was deleted of it, and what was changed."""

    meeting: Meeting
    rule: Rule | None = None
    deleted: set[datetime] = field(default_factory=set)
    changed: dict[datetime, Meeting] = field(default_factory=dict)


def read(ics: bytes, owner: Store) -> list[Series]:
    """In the order in which their UIDs first appear."""
    components = Components.from_ical(ics)
    cancelled = str(components.get("METHOD", "")).upper() == "CANCEL"
    by_uid: dict[str, list[Event]] = {}
    for event in components.walk("VEVENT"):
        by_uid.setdefault(str(event["UID"]), []).append(event)
    return [one for events in by_uid.values() for one in _series(events, owner, cancelled)]


def _series(events: list[Event], owner: Store, cancelled: bool) -> list[Series]:
    masters = [event for event in events if "RECURRENCE-ID" not in event]
    overrides = [event for event in events if "RECURRENCE-ID" in event]
    if not masters:
        # Invited to some occurrences only: each stands for itself.
        return [Series(_meeting(event, owner, cancelled)) for event in overrides]
    master = _meeting(masters[-1], owner, cancelled)
    series = Series(master, _rule(masters[-1], master))
    series.deleted = set(_excluded(masters[-1], series))
    for event in overrides:
        _override(series, event, owner, cancelled)
    return [series]


def _override(series: Series, event: Event, owner: Store, cancelled: bool) -> None:
    if "RANGE" in event["RECURRENCE-ID"].params:
        raise NotImplementedError("Exchange has no exceptions for this and all that follow")
    changed = _meeting(event, owner, cancelled)
    original = changed.recurrence_id
    assert original
    if original not in occurrences(series, until=original):
        raise ValueError(f"The series has no occurrence at {original}")
    if changed.cancelled and changed.organised_by(owner):
        series.deleted.add(original)
    else:
        series.changed[original] = changed


def occurrences(series: Series, *, until: datetime) -> list[datetime]:
    """When the rule has them, deleted and changed ones included, up to a moment."""
    assert series.rule
    found = []
    for moment in series.rule.moments():
        at = moment.replace(tzinfo=series.meeting.start.tzinfo).astimezone(UTC)
        if at > until:
            break
        found.append(at)
    return found


def _meeting(event: Event, owner: Store, cancelled: bool) -> Meeting:
    start, all_day = event["DTSTART"].dt, not isinstance(event["DTSTART"].dt, datetime)
    zone = _zone(start, owner)
    recurrence_id = event["RECURRENCE-ID"].dt if "RECURRENCE-ID" in event else None
    attendees = tuple(_attendee(one) for one in _several(event.get("ATTENDEE")))
    organizer = event.get("ORGANIZER")
    return Meeting(
        uid=str(event["UID"]),
        start=_moment(start, zone),
        end=_moment(_end(event, start), zone),
        subject=str(event.get("SUMMARY", "")),
        body=_body(event),
        location=str(event.get("LOCATION", "")),
        all_day=all_day,
        sensitivity=_sensitivity(event),
        busy=_busy(event),
        organizer=(str(organizer.params.get("CN", "")), _address(organizer)) if organizer else None,
        attendees=attendees,
        categories=tuple(str(one) for group in _several(event.get("CATEGORIES")) for one in group.cats),
        sequence=int(event.get("SEQUENCE", 0)),
        stamp=event["DTSTAMP"].dt if "DTSTAMP" in event else None,
        cancelled=cancelled or str(event.get("STATUS", "")).upper() == "CANCELLED",
        recurrence_id=_moment(recurrence_id, zone).astimezone(UTC) if recurrence_id else None,
    )


def _rule(event: Event, meeting: Meeting) -> Rule | None:
    if "RDATE" in event or isinstance(event.get("RRULE"), list):
        raise NotImplementedError("Exchange has one rule for a series, and no dates besides")
    if "RRULE" not in event:
        return None
    zone = meeting.start.tzinfo
    assert zone
    return Rule(event["RRULE"].to_ical().decode(), meeting.start.replace(tzinfo=None), zone)


def _excluded(event: Event, series: Series) -> list[datetime]:
    """What is no occurrence is no deletion either."""
    zone = series.meeting.start.tzinfo
    assert zone
    named = [one.dt for group in _several(event.get("EXDATE")) for one in group.dts]
    alike = [one for one in named if isinstance(one, datetime) != series.meeting.all_day]
    moments = [_moment(one, zone).astimezone(UTC) for one in alike]
    if not series.rule or not moments:
        return []
    real = set(occurrences(series, until=max(moments)))
    return [one for one in moments if one in real]


def _zone(start: date, owner: Store) -> tzinfo:
    return (start.tzinfo if isinstance(start, datetime) else None) or owner.zone


def _moment(at: date, zone: tzinfo) -> datetime:
    if not isinstance(at, datetime):
        return datetime.combine(at, time(), zone)
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _end(event: Event, start: date) -> date:
    if "DTEND" in event:
        end: date = event["DTEND"].dt
        return end
    if "DURATION" in event:
        length: timedelta = event["DURATION"].dt
        return start + length
    return start if isinstance(start, datetime) else start + timedelta(days=1)


def _body(event: Event) -> tuple[str, str]:
    if "X-ALT-DESC" in event:
        return "HTML", str(event["X-ALT-DESC"])
    return "Text", str(event.get("DESCRIPTION", ""))


def _sensitivity(event: Event) -> str:
    named = str(event.get("CLASS", "")).upper()
    if named not in CLASSES:
        raise NotImplementedError(f"Exchange has no sensitivity for CLASS:{named}")
    return CLASSES[named]


def _busy(event: Event) -> str:
    if "X-MICROSOFT-CDO-BUSYSTATUS" in event:
        return BUSY[str(event["X-MICROSOFT-CDO-BUSYSTATUS"]).upper()]
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        return "Free"
    return "Tentative" if str(event.get("STATUS", "")).upper() == "TENTATIVE" else "Busy"


def _attendee(value: Any) -> Attendee:
    params = {name: str(value.params.get(name, "")).upper() for name in ("CUTYPE", "ROLE", "PARTSTAT")}
    optional = "optional" if params["ROLE"] == "OPT-PARTICIPANT" else "required"
    role = "resource" if params["CUTYPE"] in RESOURCES else optional
    response = ANSWERS.get(params["PARTSTAT"], "Unknown")
    return Attendee(_address(value), str(value.params.get("CN", "")), role, response)


def _address(value: Any) -> str:
    return str(value).partition(":")[2] if str(value).lower().startswith("mailto:") else str(value)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
