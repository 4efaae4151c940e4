"""Recurrence as Exchange can say it, out of iCalendar's rules.

What it cannot say is refused here, and not rounded to something near.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr

from tests.fakes.ews_fields import Look
from tests.fakes.ews_soap import Element, t

DAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday",
    "SU": "Sunday",
}  # fmt: skip
CODES = tuple(DAYS)
SETS = {
    frozenset(CODES): "Day",
    frozenset(CODES[:5]): "Weekday",
    frozenset(CODES[5:]): "WeekendDay",
} | {frozenset([code]): name for code, name in DAYS.items()}
INDEXES = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", -1: "Last"}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
ALLOWED = {
    "DAILY": {"INTERVAL", "BYDAY"},
    "WEEKLY": {"INTERVAL", "BYDAY", "WKST"},
    "MONTHLY": {"INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "WKST"},
    "YEARLY": {"INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "BYMONTH", "WKST"},
}
MOST = 999


@dataclass(frozen=True)
class Rule:
    """`text` is the value of an RRULE; `start` is on the clocks of the series, which have no zone here."""

    text: str
    start: datetime
    zone: tzinfo

    def __post_init__(self) -> None:
        unknown = set(self.parts) - ALLOWED.get(self.frequency, set()) - {"FREQ", "COUNT", "UNTIL"}
        if self.frequency not in ALLOWED or unknown:
            raise NotImplementedError(f"Exchange cannot say {self.text}")
        if next(self.moments(), None) != self.start:
            raise NotImplementedError(f"A series begins with its first occurrence: {self.start}, {self.text}")
        self._pattern()
        if self.bounded and len(list(islice(self.moments(), MOST + 1))) > MOST:
            raise NotImplementedError(f"At most {MOST} occurrences: {self.text}")

    @property
    def parts(self) -> dict[str, str]:
        return dict(part.split("=", 1) for part in self.text.upper().split(";"))

    @property
    def frequency(self) -> str:
        return self.parts["FREQ"]

    @property
    def bounded(self) -> bool:
        return bool({"COUNT", "UNTIL"} & self.parts.keys())

    def moments(self) -> Iterator[datetime]:
        """By the clocks of the series: the same hour, winter and summer."""
        return iter(rrulestr(self._naive_text(), dtstart=self.start))

    def element(self, look: Look) -> Element:
        return t("Recurrence", self._pattern(), self._range(look))

    def _naive_text(self) -> str:
        """An end given in UTC has to be on the clocks of the series too."""
        until = self.parts.get("UNTIL", "")
        if not until.endswith("Z"):
            return self.text
        at = datetime.strptime(until, "%Y%m%dT%H%M%S%z").astimezone(self.zone)
        return ";".join(
            f"UNTIL={at:%Y%m%dT%H%M%S}" if one.upper().startswith("UNTIL") else one
            for one in self.text.split(";")
        )

    def _range(self, look: Look) -> Element:
        first = self.start.replace(tzinfo=self.zone)
        start = t("StartDate", look.day(first))
        if "COUNT" in self.parts:
            return t("NumberedRecurrence", start, t("NumberOfOccurrences", self.parts["COUNT"]))
        if "UNTIL" in self.parts:
            *_, last = self.moments()
            return t("EndDateRecurrence", start, t("EndDate", look.day(last.replace(tzinfo=self.zone))))
        return t("NoEndRecurrence", start)

    def _pattern(self) -> Element:
        return {
            "DAILY": self._daily,
            "WEEKLY": self._weekly,
            "MONTHLY": self._monthly,
            "YEARLY": self._yearly,
        }[self.frequency]()

    def _daily(self) -> Element:
        if "BYDAY" in self.parts:
            if self.interval > 1:
                raise NotImplementedError(f"Exchange cannot say {self.text}")
            return self._weekly()
        return t("DailyRecurrence", t("Interval", str(self._at_most(MOST))))

    def _weekly(self) -> Element:
        days = " ".join(DAYS[code] for code in CODES if code in self._weekdays())
        first = t("FirstDayOfWeek", DAYS[self.parts.get("WKST", "MO")])
        return t("WeeklyRecurrence", t("Interval", str(self._at_most(99))), t("DaysOfWeek", days), first)

    def _monthly(self, months: int = 1, longest: int = 31) -> Element:
        interval = t("Interval", str(self._at_most(99 // months) * months))
        if "BYDAY" in self.parts:
            return t("RelativeMonthlyRecurrence", interval, *self._relative())
        return t("AbsoluteMonthlyRecurrence", interval, t("DayOfMonth", str(self._day(longest))))

    def _yearly(self) -> Element:
        """Every second year is, with Exchange, every 24 months."""
        months = self.parts.get("BYMONTH", str(self.start.month))
        if not months.isdigit():
            raise NotImplementedError(f"Exchange cannot say {self.text}")
        longest = (date(2024, int(months) % 12 + 1, 1) - timedelta(days=1)).day
        if self.interval > 1:
            return self._monthly(12, longest)
        month = t("Month", MONTHS[int(months) - 1])
        if "BYDAY" in self.parts:
            return t("RelativeYearlyRecurrence", *self._relative(), month)
        return t("AbsoluteYearlyRecurrence", t("DayOfMonth", str(self._day(longest))), month)

    @property
    def interval(self) -> int:
        return int(self.parts.get("INTERVAL", 1))

    def _at_most(self, limit: int) -> int:
        if self.interval > limit:
            raise NotImplementedError(f"Exchange has no interval this long: {self.text}")
        return self.interval

    def _weekdays(self) -> list[str]:
        named = self.parts.get("BYDAY", CODES[self.start.weekday()]).split(",")
        if not set(named) <= set(CODES):
            raise NotImplementedError(f"Exchange cannot say {self.text}")
        return named

    def _relative(self) -> list[Element]:
        """“2TU”, or some days with a position among them."""
        named = self.parts["BYDAY"].split(",")
        days = frozenset(one[-2:] for one in named)
        numbers = {one[:-2] for one in named} - {""}
        position = self.parts.get("BYSETPOS") or (numbers.pop() if len(named) == 1 and numbers else "")
        if "BYMONTHDAY" in self.parts or numbers or days not in SETS or not position.lstrip("+-").isdigit():
            raise NotImplementedError(f"Exchange cannot say {self.text}")
        if int(position) not in INDEXES:
            raise NotImplementedError(f"Exchange counts to four, or takes the last: {self.text}")
        return [t("DaysOfWeek", SETS[days]), t("DayOfWeekIndex", INDEXES[int(position)])]

    def _day(self, longest: int) -> int:
        """With Exchange a day that a month does not have is its last one, with iCalendar it is none.

        So the 31st has to be given as -1, and the 30th as the last of 28, 29, 30.
        """
        days = [int(one) for one in self.parts.get("BYMONTHDAY", str(self.start.day)).split(",")]
        position = self.parts.get("BYSETPOS", "")
        if days == [-1] and position in {"", "-1", "1"}:
            return longest
        if position == "-1" and days == list(range(28, days[-1] + 1)) and len(days) > 1:
            return days[-1]
        if position or len(days) > 1 or not 1 <= days[0] <= self._always(longest):
            raise NotImplementedError(f"Exchange cannot say {self.text}")
        return days[0]

    def _always(self, longest: int) -> int:
        """The last day that every month in question has."""
        if self.frequency == "MONTHLY":
            return 28
        return 28 if longest == 29 else longest


def occurrence_info(
    name: str, identity: Any, times: tuple[datetime, datetime, datetime], look: Look
) -> Element:
    start, end, original = (look.moment(at) for at in times)
    return t(name, identity, t("Start", start), t("End", end), t("OriginalStart", original))
