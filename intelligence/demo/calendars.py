"""Appointments as iCalendar: the copy in one member's calendar, or the text of an invitation."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from intelligence.demo.appointments import ACCEPTED, DECLINED, WAITING, Appointment, Change
from intelligence.demo.cast import HOME, Someone
from intelligence.demo.hours import zoneinfo

_UTC, _LOCAL, _DAY = "%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"
_OCTETS = 73
# Hours from UTC in winter, and which of the two rules for summer time, if any.
_ZONES = {
    "Europe/Lisbon": (0, "europe"),
    "Europe/London": (0, "europe"),
    "Europe/Dublin": (0, "europe"),
    "Europe/Stockholm": (1, "europe"),
    "Europe/Copenhagen": (1, "europe"),
    "Europe/Oslo": (1, "europe"),
    "Europe/Berlin": (1, "europe"),
    "Europe/Zurich": (1, "europe"),
    "Europe/Amsterdam": (1, "europe"),
    "Europe/Paris": (1, "europe"),
    "Europe/Madrid": (1, "europe"),
    "Europe/Rome": (1, "europe"),
    "Europe/Warsaw": (1, "europe"),
    "Africa/Lagos": (1, ""),
    "Asia/Kolkata": (5.5, ""),
    "Asia/Singapore": (8, ""),
    "Asia/Tokyo": (9, ""),
    "America/New_York": (-5, "america"),
    "America/Chicago": (-6, "america"),
    "America/Vancouver": (-8, "america"),
}


def calendar(member: Someone, appointments: Sequence[Appointment], *, now: datetime) -> str:
    """Everything in a member's calendar, as an export would write it."""
    zones = sorted({one.organiser.zone for one in appointments})
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{HOME}//Calendar//EN", "CALSCALE:GREGORIAN"]
    lines += [f"X-WR-CALNAME:{_text(member.name)}", f"X-WR-TIMEZONE:{member.zone}"]
    for zone in zones:
        lines += _zone(zone)
    for one in appointments:
        lines += _events(one, member, now)
    return _folded([*lines, "END:VCALENDAR"])


def invitation(one: Appointment, method: str, *, at: datetime, answering: Someone | None = None) -> str:
    """The calendar part of a mail about the first occurrence or the whole series."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{one.organiser.domain}//Calendar//EN"]
    body = _event(one, answering or one.organiser, stamp=at, is_answer=answering is not None)
    return _folded([*head, f"METHOD:{method}", *_zone(one.organiser.zone), *body, "END:VCALENDAR"])


def _events(one: Appointment, member: Someone, now: datetime) -> Iterator[str]:
    yield from _event(one, member, stamp=now)
    for change in one.changes:
        yield from _event(one, member, stamp=now, change=change)


def _event(
    one: Appointment,
    reader: Someone,
    *,
    stamp: datetime,
    change: Change | None = None,
    is_answer: bool = False,
) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{one.uid}"
    yield f"DTSTAMP:{min(stamp, one.created + timedelta(hours=1)):{_UTC}}"
    yield f"CREATED:{one.created:{_UTC}}"
    yield f"LAST-MODIFIED:{one.created:{_UTC}}"
    yield f"SEQUENCE:{one.sequence + (1 if change and change.start != change.original else 0)}"
    yield from _when(one, change)
    if change is None:
        yield from _repetition(one)
    yield f"SUMMARY:{_text((change and change.title) or one.title)}"
    if one.description:
        yield f"DESCRIPTION:{_text(one.description)}"
    yield from _where(one)
    yield f"STATUS:{'CANCELLED' if change and change.is_cancelled else one.status}"
    if one.is_private:
        yield "CLASS:PRIVATE"
    yield "TRANSP:" + ("TRANSPARENT" if one.whole_days else "OPAQUE")
    yield from _attendees(one, reader, change=change, is_answer=is_answer)
    yield "END:VEVENT"


def _when(one: Appointment, change: Change | None) -> Iterator[str]:
    if one.whole_days:
        first = one.start.date()
        yield f"DTSTART;VALUE=DATE:{first:{_DAY}}"
        yield f"DTEND;VALUE=DATE:{first + timedelta(days=one.whole_days):{_DAY}}"
        return
    start = change.start if change else one.start
    yield f"DTSTART;{_moment(start, one)}"
    yield f"DTEND;{_moment(start + one.length, one)}"
    if change:
        yield f"RECURRENCE-ID;{_moment(change.original, one)}"


def _repetition(one: Appointment) -> Iterator[str]:
    if not one.weeks:
        return
    interval = f";INTERVAL={one.weeks}" if one.weeks > 1 else ""
    yield f"RRULE:FREQ=WEEKLY{interval}" + (f";UNTIL={_last(one.until):{_UTC}}" if one.until else "")
    for skipped in one.skipped:
        yield f"EXDATE;{_moment(skipped, one)}"


def _last(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def _moment(at: datetime, one: Appointment) -> str:
    zone = one.organiser.zone
    return f"TZID={zone}:{at.astimezone(zoneinfo(zone)):{_LOCAL}}"


def _where(one: Appointment) -> Iterator[str]:
    if one.video:
        yield f"CONFERENCE;VALUE=URI;FEATURE=VIDEO;LABEL=Video call:{one.video}"
        yield f"URL:{one.video}"
    if place := one.location or one.room or ("Video call" if one.video else ""):
        yield f"LOCATION:{_text(place)}"


def _attendees(one: Appointment, reader: Someone, *, change: Change | None, is_answer: bool) -> Iterator[str]:
    """An invited member's copy knows his own answer and the organiser's; the organiser's knows all."""
    if not one.answers:
        return
    yield f"ORGANIZER;{_name(one.organiser)}:mailto:{one.organiser.email}"
    if is_answer:
        yield _attendee(reader, one.answers[reader])
        return
    yield _attendee(one.organiser, DECLINED if change and one.organiser in change.absent else ACCEPTED)
    for number, (someone, answer) in enumerate(one.answers.items()):
        if reader is not one.organiser and reader is not someone:
            answer = WAITING if int(one.uid[0], 16) % 2 else answer
        elif change and someone in change.absent:
            answer = DECLINED
        yield _attendee(someone, answer, optional=number > 2)
    if one.room:
        local = one.room.lower().replace(" ", "-")
        yield (
            f'ATTENDEE;CUTYPE=ROOM;ROLE=NON-PARTICIPANT;PARTSTAT=ACCEPTED;CN="{one.room}"'
            f":mailto:{local}@rooms.{HOME}"
        )


def _attendee(someone: Someone, answer: str, *, optional: bool = False) -> str:
    role = "OPT-PARTICIPANT" if optional else "REQ-PARTICIPANT"
    rsvp = ";RSVP=TRUE" if answer == WAITING else ""
    said = f"ROLE={role};PARTSTAT={answer}{rsvp}"
    return f"ATTENDEE;CUTYPE=INDIVIDUAL;{said};{_name(someone)}:mailto:{someone.email}"


def _name(someone: Someone) -> str:
    return f'CN="{someone.name}"'


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(lines: Sequence[str]) -> str:
    return "".join(_fold(line) + "\r\n" for line in lines)


def _fold(line: str) -> str:
    """Lines of at most 75 octets; a letter is never cut in two."""
    if len(line) <= _OCTETS and line.isascii():
        return line
    rows, row, size = [], "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > _OCTETS:
            rows.append(row)
            row, size = "", 0
        row += letter
        size += octets
    return "\r\n ".join((*rows, row))


# Time zones


def _zone(name: str) -> list[str]:
    winter, rule = _ZONES[name]
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    if not rule:
        lines += _observance("STANDARD", "19700101T000000", winter, winter)
    elif rule == "europe":
        spring, autumn = f"{int(winter) + 1:02}", f"{int(winter) + 2:02}"
        lines += _observance("DAYLIGHT", f"19960331T{spring}0000", winter, winter + 1, "3;BYDAY=-1SU")
        lines += _observance("STANDARD", f"19961027T{autumn}0000", winter + 1, winter, "10;BYDAY=-1SU")
    else:
        lines += _observance("DAYLIGHT", "20070311T020000", winter, winter + 1, "3;BYDAY=2SU")
        lines += _observance("STANDARD", "20071104T020000", winter + 1, winter, "11;BYDAY=1SU")
    return [*lines, "END:VTIMEZONE"]


def _observance(kind: str, start: str, before: float, after: float, rule: str = "") -> list[str]:
    lines = [f"BEGIN:{kind}", f"DTSTART:{start}"]
    if rule:
        lines.append(f"RRULE:FREQ=YEARLY;BYMONTH={rule}")
    return [*lines, f"TZOFFSETFROM:{_offset(before)}", f"TZOFFSETTO:{_offset(after)}", f"END:{kind}"]


def _offset(hours: float) -> str:
    minutes = int(abs(hours) * 60)
    return f"{'-' if hours < 0 else '+'}{minutes // 60:02}{minutes % 60:02}"
