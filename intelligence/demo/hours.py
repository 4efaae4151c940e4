"""When people are at work, each where he lives."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from intelligence.demo.dice import Dice

_OPENS, _CLOSES, _LATEST = 8 * 60, 18 * 60 + 15, 22 * 60
_EVENING_MAIL = 0.04
_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31)})


class Hours:
    """Weekdays without holidays, and the day on which the demo is looked at: whoever opens it on a
    Sunday wants to see something happen too."""

    def __init__(self, day: date) -> None:
        self.day = day

    def is_open(self, day: date) -> bool:
        return day == self.day or _is_workday(day)

    def next_open(self, day: date) -> date:
        while not self.is_open(day):
            day += timedelta(days=1)
        return day

    def last_open(self, day: date) -> date:
        while not self.is_open(day):
            day -= timedelta(days=1)
        return day

    def at_work(self, moment: datetime, zone: str, dice: Dice) -> datetime:
        """That moment if somebody there is at work, or else the next morning."""
        local = moment.astimezone(zoneinfo(zone))
        minute = local.hour * 60 + local.minute
        if self.is_open(local.date()):
            if _OPENS <= minute < _CLOSES:
                return moment
            if _CLOSES <= minute < _LATEST and dice.chance(_EVENING_MAIL):
                return moment
        day = local.date() + timedelta(days=0 if minute < _OPENS else 1)
        morning = _OPENS + dice.between(2, 60) + dice.between(0, 80)
        return at(self.next_open(day), zone, morning)


def at(day: date, zone: str, minute: float) -> datetime:
    """A time of day there, in UTC, to the second."""
    seconds = int(minute * 60)
    clock = time(seconds // 3600, seconds // 60 % 60, seconds % 60)
    return datetime.combine(day, clock, tzinfo=zoneinfo(zone)).astimezone(UTC)


@cache
def zoneinfo(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)


@lru_cache(maxsize=4096)
def _is_workday(day: date) -> bool:
    if day.weekday() > 4 or (day.month, day.day) in _FIXED_HOLIDAYS:
        return False
    return (day - _easter(day.year)).days not in {-2, 1}


@cache
def _easter(year: int) -> date:
    """Easter Sunday, by the Gregorian computus."""
    century, rest = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
