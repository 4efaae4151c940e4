"""The fake of Exchange: which of iCalendar's rules it can say, and how."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.ews_fields import Look
from tests.fakes.ews_recurrence import Rule
from tests.fakes.ews_soap import Element, local

BERLIN = ZoneInfo("Europe/Berlin")
# A Tuesday, the second of its month.
TUESDAY = datetime(2026, 1, 13, 10)


def said(rule: str, start: datetime = TUESDAY) -> list[tuple[str, dict[str, str]]]:
    element: Element = Rule(rule, start, BERLIN).element(Look())
    return [(local(part), {local(one): one.text for one in part}) for part in element]


@pytest.mark.parametrize(
    ("rule", "pattern", "values"),
    [
        ("FREQ=DAILY", "Daily", {"Interval": "1"}),
        ("FREQ=DAILY;INTERVAL=3", "Daily", {"Interval": "3"}),
        ("FREQ=WEEKLY", "Weekly", {"Interval": "1", "DaysOfWeek": "Tuesday", "FirstDayOfWeek": "Monday"}),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH,TU;WKST=SU",
            "Weekly",
            {"Interval": "2", "DaysOfWeek": "Tuesday Thursday", "FirstDayOfWeek": "Sunday"},
        ),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            "Weekly",
            {
                "Interval": "1",
                "DaysOfWeek": "Monday Tuesday Wednesday Thursday Friday",
                "FirstDayOfWeek": "Monday",
            },
        ),
        ("FREQ=MONTHLY", "AbsoluteMonthly", {"Interval": "1", "DayOfMonth": "13"}),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=13", "AbsoluteMonthly", {"Interval": "3", "DayOfMonth": "13"}),
        (
            "FREQ=MONTHLY;BYDAY=2TU",
            "RelativeMonthly",
            {"Interval": "1", "DaysOfWeek": "Tuesday", "DayOfWeekIndex": "Second"},
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2",
            "RelativeMonthly",
            {"Interval": "1", "DaysOfWeek": "Tuesday", "DayOfWeekIndex": "Second"},
        ),
        ("FREQ=YEARLY", "AbsoluteYearly", {"DayOfMonth": "13", "Month": "January"}),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=13", "AbsoluteYearly", {"DayOfMonth": "13", "Month": "January"}),
        (
            "FREQ=YEARLY;BYMONTH=1;BYDAY=2TU",
            "RelativeYearly",
            {"DaysOfWeek": "Tuesday", "DayOfWeekIndex": "Second", "Month": "January"},
        ),
        ("FREQ=YEARLY;INTERVAL=2", "AbsoluteMonthly", {"Interval": "24", "DayOfMonth": "13"}),
    ],
)
def test_rules_become_patterns(rule: str, pattern: str, values: dict[str, str]) -> None:
    assert said(rule) == [
        (f"{pattern}Recurrence", values),
        ("NoEndRecurrence", {"StartDate": "2026-01-13+01:00"}),
    ]


@pytest.mark.parametrize(
    ("rule", "start", "values"),
    [
        (
            "FREQ=MONTHLY;BYDAY=-1FR",
            datetime(2026, 1, 30, 10),
            {"DaysOfWeek": "Friday", "DayOfWeekIndex": "Last"},
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1",
            datetime(2026, 1, 1, 10),
            {"DaysOfWeek": "Weekday", "DayOfWeekIndex": "First"},
        ),
        (
            "FREQ=MONTHLY;BYDAY=SU,SA;BYSETPOS=-1",
            datetime(2026, 1, 31, 10),
            {"DaysOfWeek": "WeekendDay", "DayOfWeekIndex": "Last"},
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", datetime(2026, 1, 31, 10), {"DayOfMonth": "31"}),
        ("FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", datetime(2026, 1, 30, 10), {"DayOfMonth": "30"}),
    ],
)
def test_ends_of_months_have_their_own_words(rule: str, start: datetime, values: dict[str, str]) -> None:
    assert said(rule, start)[0][1] == {"Interval": "1"} | values


def test_ends_are_numbers_or_the_day_of_the_last_one() -> None:
    numbered = said("FREQ=DAILY;COUNT=7")[1]
    in_utc = said("FREQ=WEEKLY;UNTIL=20260403T080000Z")[1]
    just_before = said("FREQ=WEEKLY;UNTIL=20260331T075959Z")[1]
    by_day = said("FREQ=WEEKLY;UNTIL=20260331")[1]

    start = {"StartDate": "2026-01-13+01:00"}
    assert numbered == ("NumberedRecurrence", start | {"NumberOfOccurrences": "7"})
    assert in_utc == ("EndDateRecurrence", start | {"EndDate": "2026-03-31+02:00"})
    assert just_before == ("EndDateRecurrence", start | {"EndDate": "2026-03-24+01:00"})
    assert by_day == just_before


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=SECONDLY;COUNT=2",
        "FREQ=DAILY;BYHOUR=10",
        "FREQ=DAILY;INTERVAL=2;BYDAY=TU",
        "FREQ=DAILY;INTERVAL=1000",
        "FREQ=DAILY;COUNT=1000",
        "FREQ=WEEKLY;INTERVAL=100",
        "FREQ=WEEKLY;BYDAY=2TU",
        "FREQ=WEEKLY;BYDAY=MO",
        "FREQ=WEEKLY;BYMONTH=1",
        "FREQ=MONTHLY;BYMONTHDAY=13,20",
        "FREQ=MONTHLY;BYDAY=TU",
        "FREQ=MONTHLY;BYDAY=2TU,4TU",
        "FREQ=MONTHLY;BYDAY=TU,WE;BYSETPOS=3",
        "FREQ=MONTHLY;BYDAY=TU;BYMONTHDAY=13",
        "FREQ=MONTHLY;BYDAY=-3TU",
        "FREQ=YEARLY;BYMONTH=1,2;BYMONTHDAY=13",
        "FREQ=YEARLY;BYWEEKNO=3;BYDAY=TU",
        "FREQ=YEARLY;BYYEARDAY=13",
        "FREQ=YEARLY;INTERVAL=9",
    ],
)
def test_what_exchange_cannot_say_is_refused(rule: str) -> None:
    with pytest.raises(NotImplementedError):
        Rule(rule, TUESDAY, BERLIN)


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("FREQ=MONTHLY", datetime(2026, 1, 31, 10)),
        ("FREQ=MONTHLY;BYMONTHDAY=29", datetime(2026, 1, 29, 10)),
        ("FREQ=YEARLY", datetime(2024, 2, 29, 10)),
        ("FREQ=YEARLY;INTERVAL=2", datetime(2024, 2, 29, 10)),
    ],
)
def test_days_that_some_months_lack_mean_something_else_there(rule: str, start: datetime) -> None:
    with pytest.raises(NotImplementedError):
        Rule(rule, start, BERLIN)


def test_occurrences_keep_to_the_clock_on_the_wall() -> None:
    moments = list(Rule("FREQ=WEEKLY;COUNT=12", TUESDAY, BERLIN).moments())

    assert moments == [TUESDAY + timedelta(weeks=one) for one in range(12)]
