"""The values of iCalendar properties: moments, durations, texts, numbers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from mailboxes.parsing.icslines import Component, Property
from mailboxes.parsing.text import one_line

MAX_TITLE, MAX_TEXT = 1_000, 100_000
LATEST_YEAR = 2200

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?",
    re.IGNORECASE | re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


class BadValue(ValueError):
    """A value that means nothing; the message names it."""


class FindsZones(Protocol):
    floating: tzinfo

    def find(self, name: str) -> tzinfo: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """`local` is naive, in `zone`; of an all-day value it is midnight and the zone is UTC."""

    local: datetime
    zone: tzinfo
    is_date: bool

    @property
    def utc(self) -> datetime:
        return self.local.replace(tzinfo=self.zone).astimezone(UTC)

    def moved(self, local: datetime) -> "Moment":
        return Moment(local, self.zone, self.is_date)


@dataclass(frozen=True, slots=True)
class Length:
    """Whole days are counted on the calendar, the rest on the clock: a day may have 23 hours."""

    days: int = 0
    rest: timedelta = timedelta()

    def after(self, start: Moment) -> datetime:
        return start.moved(start.local + timedelta(days=self.days)).utc + self.rest


def moment(found: Property, zones: FindsZones, *, floating: tzinfo | None = None) -> Moment:
    """`floating` is the zone of a local time that names none. Raises BadValue."""
    return moment_of(found.value, found.parameters.get("TZID", ""), zones, floating=floating)


def moment_of(text: str, tzid: str, zones: FindsZones, *, floating: tzinfo | None = None) -> Moment:
    parts = _DATE.fullmatch(text.strip())
    if parts is None:
        raise BadValue(f"“{one_line(text, 40)}” is no date")
    try:
        local = datetime(int(parts[1]), int(parts[2]), int(parts[3]))  # noqa: DTZ001 (local on purpose)
        if not parts[4]:
            return Moment(_checked(local), UTC, True)
        # A leap second is still the same minute.
        local = local.replace(hour=int(parts[4]), minute=int(parts[5]), second=min(int(parts[6] or 0), 59))
    except ValueError as error:
        raise BadValue(f"“{one_line(text, 40)}” is no date") from error
    zone = UTC if parts[7] else zones.find(tzid) if tzid else floating or zones.floating
    return _in_range(Moment(_checked(local), zone, False))


def _checked(local: datetime) -> datetime:
    if local.year > LATEST_YEAR:
        raise BadValue(f"its date, {local.date()}, is out of range")
    return local


def _in_range(found: Moment) -> Moment:
    """The first hours of year 1 do not exist in every zone."""
    try:
        _ = found.utc
    except (OverflowError, ValueError) as error:
        raise BadValue(f"its date, {found.local.date()}, is out of range") from error
    return found


def moments(found: Iterable[Property], zones: FindsZones, floating: tzinfo) -> list[tuple[Moment, str]]:
    """All dates of RDATE or EXDATE, each with the second half of its period, if it is one. Bad ones
    are dropped."""
    kept = []
    for one in found:
        for text in one.value.split(","):
            starts, _, rest = text.partition("/")
            try:
                tzid = one.parameters.get("TZID", "")
                kept.append((moment_of(starts, tzid, zones, floating=floating), rest))
            except BadValue:
                continue
    return kept


def period_length(start: Moment, rest: str, zones: FindsZones) -> Length | None:
    """A period is written as start/end or start/duration; None when it is no period."""
    if not rest or start.is_date:
        return None
    if rest.strip(" +")[:1].upper() == "P":
        return duration(rest)
    try:
        end = moment_of(rest, "", zones, floating=start.zone)
    except BadValue:
        return None
    return Length(rest=max(end.utc - start.utc, timedelta()))


def length(event: Component, start: Moment, zones: FindsZones) -> Length:
    """How long it takes. What makes no sense takes no time, and a date at least a day."""
    if found := event.one("DTEND"):
        try:
            end = moment(found, zones, floating=start.zone)
        except BadValue:
            return Length(days=int(start.is_date))
        if start.is_date:
            return Length(days=max((end.local.date() - start.local.date()).days, 1))
        return Length(rest=max(end.utc - start.utc, timedelta()))
    said = duration(event.value("DURATION"))
    return Length(days=max(said.days + said.rest.days, 1)) if start.is_date else said


def duration(text: str) -> Length:
    parts = _DURATION.fullmatch(text.strip())
    if parts is None:
        return Length()
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return Length(7 * weeks + days, timedelta(hours=hours, minutes=minutes, seconds=seconds))


def title(text: str) -> str:
    return one_line(unescaped(text), MAX_TITLE)


def words(text: str) -> str:
    return _BREAKS.sub("\n", unescaped(text)[:MAX_TEXT]).strip()


def unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)


def whole_number(text: str) -> int:
    text = text.strip()
    return min(int(text), 2**31 - 1) if text.isascii() and text.isdigit() and len(text) < 20 else 0
