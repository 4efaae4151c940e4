"""What the slots of a template stand for, drawn when first asked for and then the same."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache

from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours
from intelligence.demo.material import sections

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NUMBERS = ("two", "three", "four", "five", "six", "eight")
_FROM_FIELD = ("project", "thing", "place", "remark", "detail")


class Slots(Mapping[str, str]):
    """For a conversation that begins on that day. `Thing` is `thing` with a capital, `thing2`
    another thing."""

    def __init__(self, field: str, day: date, dice: Dice, **given: str) -> None:
        self._field = vocabulary(field)
        self._day, self._dice = day, dice
        self._known = dict(given)

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._capital(name) if name[0].isupper() else self._drawn(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def _capital(self, name: str) -> str:
        value = self[name.lower()]
        return value[:1].upper() + value[1:]

    def _drawn(self, name: str) -> str:
        kind = name.rstrip("23")
        if kind in _FROM_FIELD:
            return self._another(kind)
        return _DRAWN[name](self._day, self._dice)

    def _another(self, kind: str) -> str:
        taken = {value for name, value in self._known.items() if name.rstrip("23") == kind}
        return self._dice.pick([value for value in self._field[kind] if value not in taken])


@cache
def vocabulary(field: str) -> dict[str, tuple[str, ...]]:
    found = dict(line.split(": ", 1) for line in sections("fields")[field])
    return {kind: tuple(text.split(" | ")) for kind, text in found.items()}


def spoken_date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _weekday(day: date, dice: Dice) -> str:
    soon = Hours(date.min).next_open(day + timedelta(days=dice.whole(2, 5)))
    return _DAYS[soon.weekday()]


def _date(day: date, dice: Dice) -> str:
    return spoken_date(Hours(date.min).next_open(day + timedelta(days=dice.whole(8, 20))))


def _month(day: date, dice: Dice) -> str:
    return _MONTHS[(day.month + dice.whole(0, 2)) % 12]


def _time(day: date, dice: Dice) -> str:
    return f"{dice.whole(9, 16)}:{dice.pick(('00', '30'))}"


def _amount(day: date, dice: Dice) -> str:
    return f"{dice.whole(5, 180) * 100:,}"


_DRAWN: dict[str, Callable[[date, Dice], str]] = {
    "day": _weekday,
    "weekday": _weekday,
    "day2": _date,
    "month": _month,
    "time": _time,
    "time2": _time,
    "amount": _amount,
    "n": lambda day, dice: str(dice.whole(2, 9)),
    "weeks": lambda day, dice: dice.pick(_NUMBERS),
    "version": lambda day, dice: f"{dice.whole(1, 6)}.{dice.whole(1, 9)}",
    "number": lambda day, dice: str(dice.whole(10400, 98700)),
}
