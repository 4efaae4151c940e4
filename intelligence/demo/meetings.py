"""What stands in the calendars: series with their exceptions, single meetings, whole days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from intelligence.demo.appointments import (
    ACCEPTED,
    DECLINED,
    TENTATIVE,
    WAITING,
    Appointment,
    Change,
)
from intelligence.demo.cast import HOME, Company, Someone, same
from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours, at, zoneinfo
from intelligence.demo.material import rows
from intelligence.demo.scenes import template, told
from intelligence.demo.slots import Slots

_ROOMS = ("Harbour room", "Loft", "Small room", "Workshop")
_ANSWERS = (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, TENTATIVE, DECLINED, WAITING)
_MINUTES = (540, 570, 600, 630, 660, 690, 780, 810, 840, 870, 900, 930, 960)
_SKIPPED, _CANCELLED, _MOVED, _ABSENT = 0.05, 0.09, 0.16, 0.3
_OUTSIDE, _CALLED_OFF, _HAS_ROOM = 0.25, 0.06, 0.3


class Diary:
    """Meetings with a company."""

    def __init__(self, company: Company, dice: Dice, hours: Hours) -> None:
        self._company, self._dice, self._hours = company, dice, hours

    def series(self, *, first: date, until: date | None, seen_until: date, weeks: int) -> Appointment:
        """Every so many weeks; what happens to single ones is known up to `seen_until`."""
        monday = first - timedelta(days=first.weekday())
        day = self._hours.next_open(monday + timedelta(days=self._dice.whole(0, 4)))
        one = self._appointment("series", day)
        one.weeks, one.until = weeks, until
        for start in occurrences(one, seen_until):
            self._disturb(one, start)
        return one

    def single(self, day: date, *, kind: str = "single") -> Appointment:
        dice = self._dice
        one = self._appointment(kind, day)
        if dice.chance(_CALLED_OFF):
            one.status, one.sequence = "CANCELLED", 1
        elif dice.chance(0.1):
            one.sequence = 2
        return one

    def whole_days(self, day: date) -> Appointment:
        one = self._appointment("whole days", day)
        one.start = at(day, "UTC", 0)
        one.whole_days = self._dice.whole(1, 2)
        return one

    def private(self, day: date) -> Appointment:
        one = self._appointment("private", day)
        one.is_private = True
        return one

    def _appointment(self, kind: str, day: date) -> Appointment:
        dice = self._dice
        ours, theirs = self._party()
        organiser = theirs[0] if kind != "private" and dice.chance(_OUTSIDE) else ours[0]
        guests = [one for one in (*ours, *theirs) if one is not organiser]
        row = dice.pick(rows("meetings", kind))
        title, description, place = self._words((row[0], *row[2:4]), day, them=theirs[0])
        start = self._start(day, row[4] if len(row) > 4 else "")
        has_room = dice.chance(_HAS_ROOM)
        return Appointment(
            uid=f"{dice.token()}@{organiser.domain}",
            title=title,
            description=description,
            organiser=organiser,
            answers={one: dice.pick(_ANSWERS) if n else ACCEPTED for n, one in enumerate(guests)},
            start=start,
            minutes=int(row[1]),
            created=self._created(start),
            location=place,
            room=dice.pick(_ROOMS) if has_room and not place else "",
            video="" if has_room or place else f"https://meet.{HOME}/{dice.token()[:10]}",
        )

    def _start(self, day: date, clock: str) -> datetime:
        minute = self._dice.pick(_MINUTES)
        if clock:
            hour, _, minutes = clock.partition(":")
            minute = int(hour) * 60 + int(minutes)
        return at(day, self._company.team[0].zone, minute)

    def _created(self, start: datetime) -> datetime:
        """Some days before, and what lies ahead is known by now."""
        dice, today = self._dice, at(self._hours.day, "UTC", 0)
        return min(start, today) - timedelta(minutes=dice.whole(2, 18) * 1440 + dice.whole(0, 400))

    def _party(self) -> tuple[list[Someone], list[Someone]]:
        dice, company = self._dice, self._company
        us = dice.early(company.team[:2])
        ours = [us, *dice.some(same(company.team, us), dice.pick((0, 0, 1, 1, 1, 2)))]
        them = dice.early(company.people)
        theirs = [them, *dice.some(same(company.people, them), dice.pick((0, 0, 1, 1, 2, 3)))]
        return ours, theirs

    def _words(self, texts: tuple[str, ...], day: date, *, them: Someone) -> tuple[str, str, str]:
        """Title, description and place."""
        company = self._company
        names = {"company": company.name, "city": company.city, "them": them.first_name}
        slots = Slots(company.trade, day, self._dice, **names)
        title, description, *place = (told(template(text), slots, self._dice) for text in texts)
        return title, description, "".join(place)

    def _disturb(self, one: Appointment, start: datetime) -> None:
        """Holidays fall out; now and then a meeting is called off, moved, or somebody is missing."""
        dice, fate = self._dice, self._dice.between(0, 1)
        if not self._hours.is_open(start.date()) or fate < _SKIPPED:
            one.skipped.append(start)
        elif fate < _CANCELLED:
            one.changes.append(Change(start, start, is_cancelled=True))
        elif fate < _MOVED:
            later = start + timedelta(hours=dice.pick((1, 2, 3, 24)))
            one.changes.append(Change(start, later))
        elif fate < _ABSENT:
            one.changes.append(Change(start, start, absent=(dice.pick(one.people),)))


def occurrences(one: Appointment, until: date) -> Iterator[datetime]:
    """Starts of a series by the organiser's clock, including what was skipped."""
    zone = zoneinfo(one.organiser.zone)
    local = one.start.astimezone(zone)
    end = min(until, one.until) if one.until else until
    while local.date() <= end:
        yield local.astimezone(UTC)
        if not one.weeks:
            return
        local += timedelta(weeks=one.weeks)
