"""Items of an Exchange calendar → one iCalendar resource for each event or whole series."""

import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from exchangelib.fields import MONTHS, WEEKDAYS
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    EndDatePattern,
    NumberedPattern,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)

from mailboxes.providers import icswriting
from mailboxes.providers.exchange.asking import Appointment
from mailboxes.providers.icswriting import Answer, Event, Person, utc_text

_PRIVATE = frozenset({"Private", "Confidential"})
_ANSWERS: dict[str, Answer] = {
    "Accept": "ACCEPTED",
    "Organizer": "ACCEPTED",
    "Tentative": "TENTATIVE",
    "Decline": "DECLINED",
}
_DAYS = dict(zip(WEEKDAYS, ("MO", "TU", "WE", "TH", "FR", "SA", "SU"), strict=False)) | {
    "Day": "MO,TU,WE,TH,FR,SA,SU",
    "Weekday": "MO,TU,WE,TH,FR",
    "WeekendDay": "SA,SU",
}
# Months that are shorter have their last day instead, while in iCalendar they would have none.
_SHORTEST_MONTH = 28
_LAST = 5
# What Exchange makes of an event's UID (MS-OXOCAL §2.2.1.27), and of one that is not its own.
_OWN_UID = "040000008200e00074c5b7101a82e008"
_OTHERS_UID, _OTHERS_AT, _UID_AT = b"vCal-Uid", 40, 52


@dataclass(frozen=True, slots=True)
class Times:
    """How a series, or an event, tells its time. Without a zone it is in UTC."""

    zone: ZoneInfo | None
    all_day: bool

    def at(self, instant: datetime) -> date | datetime:
        plain = datetime.fromtimestamp(instant.timestamp(), self.zone or UTC)
        return self._day(plain) if self.all_day else plain

    def _day(self, midnight: datetime) -> date:
        """Of a zone that nobody knows, the midnight that is nearest."""
        return midnight.date() if self.zone else (midnight + timedelta(hours=12)).date()


def resource(
    series: Appointment,
    changed: Mapping[str, Appointment | None],
    *,
    addresses: Sequence[str],
    has_texts: bool,
) -> bytes:
    """`addresses` are the account's, the primary one first. `changed` are the occurrences that stand
    out, by their ids; None is one that is described by its time alone. Raises ValueError, TypeError or
    AttributeError for what no event looks like."""
    times = times_of(series)
    own = _event(series, addresses=addresses, has_texts=has_texts)
    whole = replace(own, recurrence_id=_original(series, times), rules=tuple(_rules(series, times)))
    return icswriting.resource([whole, *_overrides(series, changed, own, times, addresses, has_texts)])


def times_of(appointment: Appointment) -> Times:
    return Times(appointment.start_zone or appointment.end_zone, bool(appointment.item.is_all_day))


def _overrides(
    series: Appointment,
    changed: Mapping[str, Appointment | None],
    own: Event,
    times: Times,
    addresses: Sequence[str],
    has_texts: bool,
) -> Iterator[Event]:
    for found in series.item.modified_occurrences or ():
        about = changed.get(found.id)
        original = times.at(found.original_start)
        if about is None:
            start, end = times.at(found.start), times.at(found.end)
            yield replace(own, start=start, end=_after(start, end), recurrence_id=original)
            continue
        event = _event(about, addresses=addresses, has_texts=has_texts)
        # Whose meeting it is cannot differ, and an override says only what does.
        yield replace(
            event,
            uid=own.uid,
            recurrence_id=original,
            is_private=event.is_private or own.is_private,
            organiser=own.organiser,
            attendees=event.attendees or own.attendees,
        )


def _event(appointment: Appointment, *, addresses: Sequence[str], has_texts: bool) -> Event:
    item, times = appointment.item, times_of(appointment)
    start = times.at(item.start)
    end = replace(times, zone=appointment.end_zone or times.zone).at(item.end)
    organiser = _person(item.organizer, "ACCEPTED")
    people = list(_attendees(item))
    return Event(
        uid=_uid(item.uid),
        start=start,
        end=_after(start, end),
        status="CANCELLED" if item.is_cancelled else "CONFIRMED",
        is_private=item.sensitivity in _PRIVATE,
        title=item.subject or "",
        location=item.location or "",
        description=str((item.text_body if has_texts else item.body) or ""),
        sequence=max(item.appointment_sequence_number or 0, 0),
        modified=_instant(item.last_modified_time),
        organiser=organiser,
        attendees=tuple(_with_own_answer(people, organiser, item.my_response_type, addresses)),
    )


def _after(start: date | datetime, end: date | datetime) -> date | datetime:
    """All-day events take a day at least."""
    if not isinstance(start, datetime) and end <= start:
        return start + timedelta(days=1)
    return end


def _original(series: Appointment, times: Times) -> date | datetime | None:
    """Of one occurrence that somebody was invited to, without its series."""
    item = series.item
    return times.at(item.recurrence_id) if item.recurrence_id and not item.recurrence else None


# Who


def _attendees(item: Any) -> Iterator[Person]:
    yield from _people(item.required_attendees)
    yield from (replace(one, is_optional=True) for one in _people(item.optional_attendees))
    yield from (replace(one, is_thing=True) for one in _people(item.resources))


def _people(attendees: Any) -> Iterator[Person]:
    for one in attendees or ():
        if person := _person(one.mailbox, _ANSWERS.get(one.response_type, "NEEDS-ACTION")):
            yield person


def _person(mailbox: Any, answer: Answer) -> Person | None:
    """None for people whose address only the directory could tell, as when they have left."""
    email = (mailbox.email_address or "") if mailbox else ""
    if "@" not in email or email.startswith("/"):
        return None
    return Person(email, mailbox.name or "", answer)


def _with_own_answer(
    people: list[Person], organiser: Person | None, own: str | None, addresses: Sequence[str]
) -> Iterator[Person]:
    """The copy of an invited person knows nobody's answer but his own, and keeps that elsewhere,
    whichever of his addresses was invited. Who was invited as one of a list stands nowhere else
    either."""
    answer, wanted = _ANSWERS.get(own or ""), {address.casefold() for address in addresses}
    is_named = organiser is not None and organiser.email.casefold() in wanted
    for one in people:
        is_own = one.email.casefold() in wanted
        is_named |= is_own
        yield replace(one, answer=answer) if is_own and answer else one
    if answer and own != "Organizer" and not is_named:
        yield Person(addresses[0], answer=answer)


# When


def _rules(series: Appointment, times: Times) -> Iterator[str]:
    recurrence = series.item.recurrence
    if not recurrence:
        return
    yield f"RRULE:{_pattern(recurrence.pattern)}{_end(recurrence.boundary, times)}"
    for gone in series.item.deleted_occurrences or ():
        at = times.at(gone.start)
        yield f"EXDATE:{utc_text(at)}" if isinstance(at, datetime) else f"EXDATE;VALUE=DATE:{at:%Y%m%d}"


def _pattern(pattern: Any) -> str:
    match pattern:
        case DailyPattern():
            return f"FREQ=DAILY;INTERVAL={_interval(pattern)}"
        case WeeklyPattern():
            days = ",".join(_DAYS[WEEKDAYS[day - 1]] for day in pattern.weekdays)
            first = _DAYS[WEEKDAYS[(pattern.first_day_of_week or 1) - 1]]
            return f"FREQ=WEEKLY;INTERVAL={_interval(pattern)};BYDAY={days};WKST={first}"
        case AbsoluteMonthlyPattern():
            return f"FREQ=MONTHLY;INTERVAL={_interval(pattern)};{_day(pattern)}"
        case RelativeMonthlyPattern():
            return f"FREQ=MONTHLY;INTERVAL={_interval(pattern)};{_weekday(pattern)}"
        case AbsoluteYearlyPattern():
            return f"FREQ=YEARLY;BYMONTH={_month(pattern)};{_day(pattern)}"
        case RelativeYearlyPattern():
            return f"FREQ=YEARLY;BYMONTH={_month(pattern)};{_weekday(pattern)}"
    raise ValueError("a rule of no known kind")


def _interval(pattern: Any) -> int:
    return int(pattern.interval or 1)


def _month(pattern: Any) -> int:
    if not 1 <= pattern.month <= len(MONTHS):
        raise ValueError("no month")
    return int(pattern.month)


def _day(pattern: Any) -> str:
    day = int(pattern.day_of_month)
    if day <= _SHORTEST_MONTH:
        return f"BYMONTHDAY={day}"
    days = ",".join(map(str, range(_SHORTEST_MONTH, day + 1)))
    return f"BYMONTHDAY={days};BYSETPOS=-1"


def _weekday(pattern: Any) -> str:
    number = -1 if pattern.week_number == _LAST else int(pattern.week_number)
    return f"BYDAY={_DAYS[WEEKDAYS[pattern.weekday - 1]]};BYSETPOS={number}"


def _end(boundary: Any, times: Times) -> str:
    """The last day counts, wherever on earth that is."""
    if isinstance(boundary, NumberedPattern):
        return f";COUNT={int(boundary.number)}"
    if not isinstance(boundary, EndDatePattern):
        return ""
    day = boundary.end
    if times.all_day:
        return f";UNTIL={day:%Y%m%d}"
    return f";UNTIL={utc_text(datetime.combine(day, time.max, times.zone or UTC))}"


def _instant(at: Any) -> datetime | None:
    return datetime.fromtimestamp(at.timestamp(), UTC) if at else None


# What it is known by


def _uid(said: str | None) -> str:
    """As its organiser's own server has it. Exchange wraps foreign ones, and puts the day of an
    occurrence among the digits of its own."""
    uid = said or ""
    if not uid.lower().startswith(_OWN_UID):
        return uid
    try:
        raw = binascii.unhexlify(uid)
    except (binascii.Error, ValueError):
        return uid
    if raw[_OTHERS_AT:].startswith(_OTHERS_UID):
        return raw[_UID_AT:].rstrip(b"\0").decode("utf-8", "replace") or uid
    return f"{uid[:32]}00000000{uid[40:]}"
