"""Calendars as they are in the world: meetings, series with what became of their occurrences, whole
days, private matters, in several zones. Only what all providers can say; the same seed writes the same.

Left out, as Graph and Exchange have no word for it: meetings that are tentative as a whole, RDATE, rules of
other kinds, an organiser who does not come, classes of privacy that nobody has defined.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from tests.agreement.mails import ALIASES, HOME, MEMBERS, NOW, Author, Who, member_of

ZONES = ("Europe/Berlin", "America/New_York", "Europe/Lisbon", "UTC")
TITLES = ("Roof review", "Jour fixe", "Déjeuner; à deux", "Kick-off, phase 2", "見積もり", "Workshop")
PLACES = ("", "Room 4", "Café Müller, Köln", "https://meet.example/abc")
ANSWERS = ("ACCEPTED", "ACCEPTED", "TENTATIVE", "NEEDS-ACTION", "DECLINED")
# All that both the plain and the unusual providers have words for, by how a series of it begins.
RULES: dict[str, Callable[[date], str]] = {
    "daily": lambda day: "FREQ=DAILY",
    "every third day": lambda day: "FREQ=DAILY;INTERVAL=3",
    "weekly": lambda day: f"FREQ=WEEKLY;BYDAY={_code(day)}",
    "twice a week": lambda day: f"FREQ=WEEKLY;WKST=MO;BYDAY={_code(day)},{_code(day + timedelta(days=2))}",
    "every second week": lambda day: (
        f"FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY={_code(day)},{_code(day + timedelta(days=1))}"
    ),
    "monthly": lambda day: f"FREQ=MONTHLY;BYMONTHDAY={day.day}",
    "every second month": lambda day: f"FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY={day.day}",
    "nth weekday": lambda day: f"FREQ=MONTHLY;BYDAY={(day.day + 6) // 7}{_code(day)}",
    "nth weekday by position": lambda day: f"FREQ=MONTHLY;BYDAY={_code(day)};BYSETPOS={(day.day + 6) // 7}",
    "yearly": lambda day: f"FREQ=YEARLY;BYMONTH={day.month};BYMONTHDAY={day.day}",
    "yearly weekday": lambda day: (
        f"FREQ=YEARLY;BYMONTH={day.month};BYDAY={_code(day)};BYSETPOS={(day.day + 6) // 7}"
    ),
}
FREQUENT = {"daily", "every third day"}


@dataclass(frozen=True)
class Guest:
    who: Who
    answer: str = "NEEDS-ACTION"
    kind: str = ""  # or "optional", "room"


@dataclass(frozen=True)
class Entry:
    """A VEVENT. `original` is of an override."""

    start: date
    end: date
    title: str
    place: str
    guests: Sequence[Guest]
    rule: str = ""
    gaps: Sequence[date] = ()
    original: date | None = None
    status: str = ""
    secret: str = ""


@dataclass(frozen=True)
class Plan:
    """One UID. `secret_for` are members in whose calendar it is private."""

    uid: str
    organiser: Who
    zone: str
    entries: Sequence[Entry]
    secret_for: str = ""
    sequence: int = 0

    @property
    def holders(self) -> list[str]:
        guests = [guest.who for guest in self.entries[0].guests]
        names = {member_of(one.email) for one in (self.organiser, *guests)}
        return [name for name in MEMBERS if name in names]

    def text(self, name: str) -> str:
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Elsewhere//EN",
            *VTIMEZONES.get(self.zone, "").split(),
        ]
        for entry in self.entries:
            secret = entry.secret or ("PRIVATE" if name == self.secret_for else "")
            lines += _vevent(self, replace(entry, secret=secret))
        return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


@dataclass
class Planner:
    rng: random.Random
    author: Author = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.author = Author(self.rng)

    def plan(self) -> Plan:
        self.number += 1
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        plan = kind(self)
        organised_here = bool(member_of(plan.organiser.email))
        # Where an outsider organises, an attendee's copy cannot tell what the other members answered.
        others = [name for name in plan.holders if name != member_of(plan.organiser.email)]
        if organised_here and others and self.rng.random() < 0.08:
            plan = replace(plan, secret_for=self.rng.choice(others))
        return plan

    def people(self) -> tuple[Who, list[Guest]]:
        """Who asks, and who is asked; the organiser is not always among the guests."""
        ours, theirs = self.author.members(), self.author.outsiders()
        is_ours = self.rng.random() < 0.55
        organiser = ours[0] if is_ours else theirs[0]
        asked = [one for one in (*ours, *theirs) if one != organiser]
        guests = [self._guest(one) for one in asked]
        if self.rng.random() < 0.7:
            guests.insert(0, Guest(organiser, "ACCEPTED"))
        if self.rng.random() < 0.2:
            guests.append(Guest(Who(f"room4@resource.{HOME}", "Room 4"), "ACCEPTED", "room"))
        return organiser, guests

    def _guest(self, who: Who) -> Guest:
        name = member_of(who.email)
        if name and self.rng.random() < 0.1:
            who = Who(ALIASES[name], who.name)
        kind = "optional" if self.rng.random() < 0.15 else ""
        return Guest(who, self.rng.choice(ANSWERS), kind)

    def day(self) -> date:
        """Within a year and a half back and half a year ahead; on a day that every month has."""
        day = NOW.date() + timedelta(days=self.rng.randint(-550, 180))
        return day.replace(day=min(day.day, 28))

    def entry(self, day: date, guests: Sequence[Guest], zone: str, **more: object) -> Entry:
        at = datetime.combine(
            day, time(self.rng.randint(8, 18), self.rng.choice([0, 15, 30])), ZoneInfo(zone)
        )
        length = timedelta(minutes=self.rng.choice([15, 45, 60, 90, 180]))
        usual = {"start": at, "end": at + length, "title": self.title(), "place": self.rng.choice(PLACES)}
        return Entry(**(usual | {"guests": guests} | more))  # type: ignore[arg-type]

    def whole_days(self, day: date, guests: Sequence[Guest], *, days: int = 1, **more: object) -> Entry:
        end = day + timedelta(days=days)
        return Entry(day, end, self.title(), self.rng.choice(PLACES), guests, **more)  # type: ignore[arg-type]

    def title(self) -> str:
        return f"{self.rng.choice(TITLES)} {self.number}"

    def made(self, organiser: Who, zone: str, *entries: Entry) -> Plan:
        uid = f"{self.number}-{self.rng.getrandbits(64):x}@{self.rng.choice(['acme.example', 'google.com'])}"
        return Plan(uid, organiser, zone, entries, sequence=self.rng.randint(0, 3))


def plans(count: int, *, seed: int) -> list[Plan]:
    planner = Planner(random.Random(seed))
    return [planner.plan() for _ in range(count)]


# What is planned


def _meeting(planner: Planner) -> Plan:
    organiser, guests = planner.people()
    zone = planner.rng.choice(ZONES)
    return planner.made(organiser, zone, planner.entry(planner.day(), guests, zone))


def _called_off(planner: Planner) -> Plan:
    plan = _meeting(planner)
    return replace(plan, entries=[replace(plan.entries[0], status="CANCELLED")])


def _secret(planner: Planner) -> Plan:
    plan = planner.rng.choice([_meeting, _series])(planner)
    secret = planner.rng.choice(["PRIVATE", "CONFIDENTIAL"])
    return replace(plan, entries=[replace(one, secret=secret) for one in plan.entries])


def _days(planner: Planner) -> Plan:
    organiser, guests = planner.people()
    days = planner.rng.choice([1, 1, 2, 5])
    return planner.made(organiser, "UTC", planner.whole_days(planner.day(), guests, days=days))


def _alone(planner: Planner) -> Plan:
    """Nobody is asked but the owner, or colleagues."""
    ours = planner.author.members()
    guests = [Guest(one, "ACCEPTED") for one in ours]
    return planner.made(ours[0], "UTC", planner.entry(planner.day(), guests, "UTC"))


def _with_robots(planner: Planner) -> Plan:
    ours = planner.author.members()
    robot = Guest(Who("no-reply@acme.example"), "ACCEPTED")
    guests = [*(Guest(one, "ACCEPTED") for one in ours), robot]
    return planner.made(ours[0], "UTC", planner.entry(planner.day(), guests, "UTC"))


def _series(planner: Planner) -> Plan:
    organiser, guests = planner.people()
    zone, rng = planner.rng.choice(ZONES), planner.rng
    kind, first = _beginning(planner)
    if rng.random() < 0.2:
        master = planner.whole_days(first, guests, days=1 if kind in FREQUENT else rng.choice([1, 2]))
        zone = "UTC"
    else:
        master = planner.entry(first, guests, zone)
    master = replace(master, rule=_bounded(planner, kind, master))
    first_ones = list(islice(occurrences(master), 12))
    chosen = rng.sample(first_ones, min(len(first_ones), rng.choice([0, 0, 1, 2, 4])))
    gaps = [one for one in chosen if rng.random() < 0.3]
    overrides = [_override(planner, master, at) for at in chosen if at not in gaps]
    return planner.made(organiser, zone, replace(master, gaps=gaps), *overrides)


def _beginning(planner: Planner) -> tuple[str, date]:
    """A series begins with its first occurrence, in the first four weeks of a month and before Friday."""
    kind, first = planner.rng.choice(list(RULES)), planner.day()
    if kind in FREQUENT:
        first = NOW.date() - timedelta(days=planner.rng.randint(0, 90))
    while first.weekday() > 2 or first.day > 28:
        first -= timedelta(days=1)
    return kind, first


def _bounded(planner: Planner, kind: str, master: Entry) -> str:
    rule, rng = RULES[kind](_day(master.start)), planner.rng
    bound = rng.choice(["", "COUNT", "UNTIL"])
    if bound == "COUNT":
        return f"{rule};COUNT={rng.randint(2, 30)}"
    if bound == "UNTIL":
        last = list(islice(occurrences(replace(master, rule=rule)), rng.randint(2, 20)))[-1]
        later = last + timedelta(hours=rng.choice([0, 3])) if isinstance(last, datetime) else last
        return f"{rule};UNTIL={_utc(later) if isinstance(later, datetime) else f'{later:%Y%m%d}'}"
    # Every day for ever is a thousand events, and says no more than a month of them.
    return f"{rule};COUNT=40" if kind in FREQUENT and rng.random() < 0.7 else rule


def _override(planner: Planner, master: Entry, at: date) -> Entry:
    length, rng = master.end - master.start, planner.rng
    plain = replace(master, start=at, end=at + length, original=at, rule="")
    what = rng.choice(["moved", "renamed", "cancelled", "answered", "secret", "longer"])
    if what == "moved" and isinstance(at, datetime):
        hours = timedelta(hours=rng.choice([-2, -1, 1, 3]))
        return replace(plain, start=at + hours, end=at + hours + length)
    if what == "longer" and isinstance(at, datetime):
        return replace(plain, end=plain.end + timedelta(hours=1))
    if what == "cancelled":
        return replace(plain, status="CANCELLED")
    if what == "secret":
        return replace(plain, secret="PRIVATE")
    if what == "answered":
        return replace(plain, guests=[_declining(one) for one in plain.guests])
    return replace(plain, title=f"{plain.title} (new)", place="Elsewhere")


def _declining(guest: Guest) -> Guest:
    """Members who are asked, for once, do not come."""
    is_asked = member_of(guest.who.email) and guest.answer != "ACCEPTED"
    return replace(guest, answer="DECLINED") if is_asked else guest


def occurrences(master: Entry) -> list[date]:
    """When the rule has them, for three years at most."""
    start = master.start
    naive = start.replace(tzinfo=None) if isinstance(start, datetime) else datetime.combine(start, time())
    zone = start.tzinfo if isinstance(start, datetime) else UTC
    rule = ";".join(part for part in master.rule.split(";") if not part.startswith("UNTIL"))
    found = islice(rrulestr(rule, dtstart=naive), 1100)
    aware = (one.replace(tzinfo=zone) for one in found)
    until = _until(master.rule)
    kept = [one for one in aware if until is None or one <= until]
    return list(kept) if isinstance(start, datetime) else [one.date() for one in kept]


def _until(rule: str) -> datetime | None:
    said = next((part[6:] for part in rule.split(";") if part.startswith("UNTIL=")), "")
    if not said:
        return None
    form = "%Y%m%dT%H%M%SZ" if said.endswith("Z") else "%Y%m%d"
    return datetime.strptime(said, form).replace(tzinfo=UTC)


KINDS: dict[Callable[[Planner], Plan], int] = {
    _meeting: 30, _series: 35, _days: 10, _called_off: 5, _secret: 8, _alone: 6, _with_robots: 3,
}  # fmt: skip


# How it is written down


def _vevent(plan: Plan, entry: Entry) -> list[str]:
    lines = ["BEGIN:VEVENT", f"UID:{plan.uid}", "DTSTAMP:20261001T080000Z", f"SEQUENCE:{plan.sequence}"]
    if entry.original is not None:
        lines.append(_moment("RECURRENCE-ID", entry.original))
    lines += [_moment("DTSTART", entry.start), _moment("DTEND", entry.end)]
    lines += [f"RRULE:{entry.rule}"] if entry.rule else []
    lines += [_moment("EXDATE", gap) for gap in entry.gaps]
    lines += [f"SUMMARY:{_escaped(entry.title)}"]
    lines += [f"LOCATION:{_escaped(entry.place)}"] if entry.place else []
    lines += [f"STATUS:{entry.status}"] if entry.status else []
    lines += [f"CLASS:{entry.secret}"] if entry.secret else []
    lines.append(f'ORGANIZER;CN="{plan.organiser.name}":mailto:{plan.organiser.email}')
    return [*lines, *map(_attendee, entry.guests), "END:VEVENT"]


def _attendee(guest: Guest) -> str:
    kind = {"room": ";CUTYPE=ROOM", "optional": ";ROLE=OPT-PARTICIPANT"}.get(guest.kind, "")
    name = f';CN="{guest.who.name}"' if guest.who.name else ""
    return f"ATTENDEE{name}{kind};PARTSTAT={guest.answer}:mailto:{guest.who.email}"


def _moment(name: str, at: date) -> str:
    if not isinstance(at, datetime):
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    if str(at.tzinfo) == "UTC":
        return f"{name}:{_utc(at)}"
    return f"{name};TZID={at.tzinfo}:{at:%Y%m%dT%H%M%S}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _day(at: date) -> date:
    return at.date() if isinstance(at, datetime) else at


def _code(day: date) -> str:
    return ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[day.weekday()]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> str:
    return "\r\n ".join(line[at : at + 60] for at in range(0, len(line), 60))


def _zone_text(zone: str, winter: str, summer: str, rules: tuple[str, str]) -> str:
    def part(kind: str, before: str, after: str, rule: str) -> str:
        times = f"DTSTART:19700101T020000\nTZOFFSETFROM:{before}\nTZOFFSETTO:{after}\nRRULE:{rule}"
        return f"BEGIN:{kind}\n{times}\nEND:{kind}\n"

    parts = part("DAYLIGHT", winter, summer, rules[0]) + part("STANDARD", summer, winter, rules[1])
    return f"BEGIN:VTIMEZONE\nTZID:{zone}\n{parts}END:VTIMEZONE"


_EUROPE = ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU")
_AMERICA = ("FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU")
VTIMEZONES = {
    "Europe/Berlin": _zone_text("Europe/Berlin", "+0100", "+0200", _EUROPE),
    "Europe/Lisbon": _zone_text("Europe/Lisbon", "+0000", "+0100", _EUROPE),
    "America/New_York": _zone_text("America/New_York", "-0500", "-0400", _AMERICA),
}
