"""iCalendar bytes → occurrences: a series' master and its overrides become one event for each time.

A normal resource is read here; one that looks built to hurt is read by the same code in the guard.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailboxes.parsing import guard
from mailboxes.parsing.icslines import Event, Stream, blocks, read_stream, unfolded
from mailboxes.parsing.icsvalues import (
    BadValue,
    Moment,
    Zones,
    attendees,
    check_range,
    conference_url,
    length,
    moment,
    organiser,
    title,
    whole_number,
    words,
    zone_name,
)
from mailboxes.parsing.recurrence import (
    Dates,
    RuleRefused,
    dates,
    is_series,
    is_sparse,
    original_start,
    window_end,
)
from mailboxes.parsing.text import one_line
from mailboxes.parsing.values import ParsedCalendar, ParsedEvent, Unparsable

MAX_UID = 1_000
_PUBLIC = frozenset({"", "PUBLIC"})
_STATUSES = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}

# Real resources are far below these; a hostile one has to exceed one.
_LARGE = 512 * 1024
_MANY_LINES = 8_000
_RULE = re.compile(rb"^RRULE[:;]([^\r\n]*)", re.MULTILINE | re.IGNORECASE)


def parse_calendar(
    raw: bytes, *, now: datetime, history_from: datetime | None, timezone: str
) -> ParsedCalendar:
    """Everything the resource says, up to a year after `now`. Raises Unparsable, and nothing else."""
    try:
        if is_suspicious(raw):
            return guard.run(
                "calendar", raw, ParsedCalendar, now=now, history_from=history_from, timezone=timezone
            )
        return read_calendar(raw, now=now, history_from=history_from, timezone=timezone)
    except Unparsable:
        raise
    except Exception as error:
        raise Unparsable("This calendar entry could not be read.") from error


def is_suspicious(raw: bytes) -> bool:
    if len(raw) > _LARGE or raw.count(b"\n") + raw.count(b"\r") > 2 * _MANY_LINES:
        return True
    rules = _RULE.findall(raw)
    return len(rules) > 50 or any(is_sparse(rule.decode("latin-1")) for rule in rules)


def read_calendar(
    payload: bytes, *, now: datetime, history_from: datetime | None, timezone: str
) -> ParsedCalendar:
    stream = read_stream(unfolded(payload))
    if not stream.events:
        raise Unparsable("There is no event in this calendar file.")
    reading = _Reading(stream, Zones(stream.zones, timezone), window_end(now), history_from)
    by_uid: dict[str, list[Event]] = {}
    for event in stream.events:
        by_uid.setdefault(_uid(event), []).append(event)
    for uid, same in by_uid.items():
        reading.read(uid, same)
    return reading.result()


def split_calendar(raw: bytes) -> list[tuple[str, bytes]]:
    """(UID, a calendar of its own) for every UID in an export: all its events, with the zones and
    the calendar's properties they need."""
    lines = re.split(r"\r\n|\r|\n", unfolded(raw))
    zones: dict[str, list[str]] = {}
    events: dict[str, list[list[str]]] = {}
    head: list[str] = []
    for _, name, block in blocks(lines):
        if name == "VEVENT":
            events.setdefault(_uid_of(block), []).append(block)
        elif name == "VTIMEZONE":
            zones.setdefault(_tzid_of(block), block)
        else:
            head = block
    if not events:
        raise Unparsable("There is no event in this calendar file.")
    return [(uid, _joined(head, zones, same)) for uid, same in events.items()]


@dataclass(slots=True)
class _Reading:
    """What has been read so far of one resource."""

    stream: Stream
    zones: Zones
    until: datetime
    since: datetime | None
    events: list[ParsedEvent] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    private: int = 0
    goes_on: bool = False

    def read(self, uid: str, same: Iterable[Event]) -> None:
        """All events of one UID: at most one master, and overrides of single occurrences."""
        master: Event | None = None
        overrides: list[Event] = []
        for event in same:
            if event.one("RECURRENCE-ID"):
                overrides.append(event)
            elif master is None or _is_newer(event, master):
                master = event
        try:
            self._read_series(uid, master, overrides)
        except BadValue as error:
            self.errors.append(_sentence(master, str(error)))

    def result(self) -> ParsedCalendar:
        return ParsedCalendar(
            events=tuple(self.events),
            errors=tuple(self.errors[:50]),
            private=self.private,
            goes_on=self.goes_on,
            flags=tuple(sorted(self.flags)),
        )

    def _read_series(self, uid: str, master: Event | None, overrides: list[Event]) -> None:
        start = self._start(master) if master else None
        changed = self._overrides(overrides, start)
        class_of_master = master.value("CLASS") if master else ""
        if master and start:
            self._read_master(uid, master, start, changed)
        for original, (event, moved) in sorted(changed.items(), key=lambda item: item[0]):
            if "CLASS" not in event.properties:
                event.properties["CLASS"] = master.all("CLASS") if master and class_of_master else []
            if self._is_inside(moved):
                self._keep(uid, event, moved, original)

    def _read_master(
        self, uid: str, master: Event, start: Moment, changed: dict[datetime, tuple[Event, Moment]]
    ) -> None:
        if not is_series(master):
            if self._is_inside(start):
                self._keep(uid, master, start, None)
            return
        found = self._dates(master, start)
        self.goes_on |= found.goes_on
        following = _following(changed)
        for one in found.starts:
            if one.utc in changed:
                continue
            event, moved = _as_changed(one, following, master)
            self._keep(uid, event, moved, one.utc)

    def _dates(self, master: Event, start: Moment) -> Dates:
        try:
            found = dates(master, start, zones=self.zones, since=self.since, until=self.until)
        except RuleRefused:
            self.flags.add("rule_refused")
            return Dates([start] if self._is_inside(start) else [])
        if found.is_cut:
            self.flags.add("series_cut")
        return found

    def _overrides(
        self, overrides: list[Event], start: Moment | None
    ) -> dict[datetime, tuple[Event, Moment]]:
        changed: dict[datetime, tuple[Event, Moment]] = {}
        for event in overrides:
            try:
                recurrence = event.one("RECURRENCE-ID")
                original = original_start(moment(recurrence, self.zones), start)  # type: ignore[arg-type]
                moved = self._start(event)
            except BadValue as error:
                self.errors.append(_sentence(event, str(error)))
                continue
            if original not in changed or _is_newer(event, changed[original][0]):
                changed[original] = (event, moved)
        return changed

    def _start(self, event: Event) -> Moment:
        found = event.one("DTSTART")
        if found is None:
            raise BadValue("it says no date")
        start = moment(found, self.zones)
        check_range(start)
        return start

    def _is_inside(self, start: Moment) -> bool:
        """A single event counts whenever it is; the window is for what repeats."""
        return self.since is None or start.utc >= self.since

    def _keep(self, uid: str, event: Event, start: Moment, recurrence: datetime | None) -> None:
        self._flag_cuts(event)
        if event.value("CLASS").strip().upper() not in _PUBLIC:
            self.private += 1
            return
        by = organiser(event)
        starts_at = start.utc
        self.events.append(
            ParsedEvent(
                uid=uid,
                recurrence_id=recurrence,
                organiser=by,
                title=title(event.value("SUMMARY")),
                location=title(event.value("LOCATION")),
                description=words(event.value("DESCRIPTION")),
                conference_url=conference_url(event),
                starts_at=starts_at,
                ends_at=starts_at + length(event, self._start(event), self.zones),
                all_day=start.is_date,
                timezone=zone_name(start.zone),
                status=self._status(event),
                sequence=whole_number(event.value("SEQUENCE")),
                last_modified=self._last_modified(event),
                attendees=attendees(event, by),
            )
        )

    def _flag_cuts(self, event: Event) -> None:
        if "ATTENDEE" in event.cut:
            self.flags.add("attendees_cut")
        if event.cut & {"RDATE", "EXDATE", "LINE"}:
            self.flags.add("dates_cut")

    def _status(self, event: Event) -> str:
        if self.stream.head.value("METHOD").strip().upper() == "CANCEL":
            return "cancelled"
        return _STATUSES.get(event.value("STATUS").strip().upper(), "confirmed")

    def _last_modified(self, event: Event) -> datetime | None:
        for name in ("LAST-MODIFIED", "DTSTAMP"):
            if found := event.one(name):
                try:
                    return moment(found, self.zones).utc
                except (BadValue, OverflowError):
                    continue
        return None


def _following(
    changed: dict[datetime, tuple[Event, Moment]],
) -> list[tuple[datetime, Event, timedelta]]:
    """Overrides of this and all that follows, with by how much they move the start."""
    return [
        (original, event, moved.utc - original)
        for original, (event, moved) in sorted(changed.items(), key=lambda item: item[0])
        if (found := event.one("RECURRENCE-ID"))
        and found.parameters.get("RANGE", "").upper() == "THISANDFUTURE"
    ]


def _as_changed(
    one: Moment, following: list[tuple[datetime, Event, timedelta]], master: Event
) -> tuple[Event, Moment]:
    event, moved = master, one
    for original, changed, shift in following:
        if one.utc >= original:
            event, moved = changed, one.moved(one.local + shift)
    return event, moved


def _is_newer(event: Event, other: Event) -> bool:
    def rank(one: Event) -> tuple[int, str]:
        return whole_number(one.value("SEQUENCE")), one.value("LAST-MODIFIED") or one.value("DTSTAMP")

    return rank(event) > rank(other)


def _sentence(event: Event | None, why: str) -> str:
    name = title(event.value("SUMMARY"))[:60] if event else ""
    return f"The event “{name}” could not be read: {why}." if name else f"An event could not be read: {why}."


def _uid(event: Event) -> str:
    """Events without one are known by what they say."""
    if uid := one_line(event.value("UID"), MAX_UID):
        return uid
    said = repr(sorted((name, [one.value for one in found]) for name, found in event.properties.items()))
    return f"content:{hashlib.sha256(said.encode()).hexdigest()[:32]}"


# Cutting an export


def _uid_of(block: list[str]) -> str:
    depth = 0
    for line in block:
        keyword = line[:6].upper()
        depth += keyword == "BEGIN:"
        depth -= keyword[:4] == "END:"
        is_own = depth == 1 and line[:4].upper() in {"UID:", "UID;"}
        if is_own and (uid := one_line(line.partition(":")[2], MAX_UID)):
            return uid
    return f"content:{hashlib.sha256(chr(10).join(block).encode()).hexdigest()[:32]}"


def _tzid_of(block: list[str]) -> str:
    return next((line.partition(":")[2].strip() for line in block if line[:4].upper() == "TZID"), "")


def _joined(head: list[str], zones: dict[str, list[str]], events: list[list[str]]) -> bytes:
    used = {
        found.strip('"')
        for block in events
        for line in block
        for found in re.findall(r';TZID=("[^"]*"|[^;:"]*)', line[:200], re.IGNORECASE)
    }
    lines = ["BEGIN:VCALENDAR", *head]
    for name, zone in zones.items():
        lines += zone if name in used else []
    for block in events:
        lines += block if block[-1][:4].upper() == "END:" else [*block, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()
