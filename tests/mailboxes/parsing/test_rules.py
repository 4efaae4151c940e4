"""Our expander against the one of dateutil, where that one is right and comes to an end.

It takes `BYDAY=1MO,TU` for days that are both, counts BYSETPOS of a first week from the start, counts the
weeks of the year before by the days of this one, and goes on for ever where a rule has no date: such rules
are not among these.
"""

from datetime import date, datetime, timedelta
from itertools import takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from mailboxes.parsing.rules import RuleRefused, expand, read_rule

LAST = date(2031, 12, 31)
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def listed(values: st.SearchStrategy[object], name: str, most: int = 4) -> st.SearchStrategy[str]:
    some = st.lists(values, min_size=1, max_size=most, unique=True)
    return st.just("") | some.map(lambda found: f";{name}=" + ",".join(map(str, found)))


def signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(-most, most).filter(bool)


def together(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


MONTHS = listed(st.integers(1, 12), "BYMONTH")
WEEKDAYS = listed(st.sampled_from(DAYS), "BYDAY")
COUNTED = listed(
    st.tuples(st.sampled_from([1, 2, -1, -2]), st.sampled_from(DAYS)).map("{0[0]}{0[1]}".format), "BYDAY"
)
INTERVAL = st.integers(1, 4).map(";INTERVAL={}".format)
COMMON = together(
    INTERVAL, listed(st.integers(0, 23), "BYHOUR", 2), st.sampled_from(DAYS).map(";WKST={}".format)
)
WEEKLY = together(st.just("FREQ=WEEKLY"), COMMON, WEEKDAYS, MONTHS)
MONTHLY = together(
    st.just("FREQ=MONTHLY"), COMMON, WEEKDAYS | COUNTED, listed(st.integers(-7, 7).filter(bool), "BYMONTHDAY")
)
YEARLY = together(st.just("FREQ=YEARLY"), COMMON, WEEKDAYS | COUNTED, MONTHS)
WEEKS = together(st.just("FREQ=YEARLY"), COMMON, WEEKDAYS, listed(st.integers(1, 51), "BYWEEKNO"))
YEAR_DAYS = together(st.just("FREQ=YEARLY"), COMMON, listed(signed(365), "BYYEARDAY"))
DAILY = together(st.just("FREQ=DAILY"), INTERVAL)
POSITIONED = together(
    st.just("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR"), INTERVAL, listed(signed(4), "BYSETPOS", 2)
)  # fmt: skip
STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)).map(
    lambda found: found.replace(microsecond=0)
)


@settings(max_examples=300, deadline=None)
@given(WEEKLY | MONTHLY | YEARLY | WEEKS | YEAR_DAYS | DAILY | POSITIONED, STARTS, st.integers(0, 20))
def test_rule_is_expanded_like_by_dateutil(text, start, count):
    counted = f"{text};COUNT={count}" if count else text
    days = start.replace(day=min(start.day, 28))

    found = list(expand(read_rule(counted, days), days, LAST))

    dates = takewhile(lambda local: local.date() <= LAST, rrulestr(text, dtstart=days))
    assert found == sorted({days, *dates})[: count or None]


def test_last_week_of_a_year_reaches_into_the_next():
    """Weeks that begin on Thursdays: that of 27 December 2029 is the 52nd, and has two days of January."""
    start = datetime(2029, 12, 1, 9)

    found = list(expand(read_rule("FREQ=YEARLY;WKST=TH;BYWEEKNO=52", start), start, date(2030, 6, 1)))

    assert [(one.month, one.day) for one in found[1:]] == [
        *((12, day) for day in range(27, 32)),
        (1, 1),
        (1, 2),
    ]


def test_rule_may_ask_for_counted_and_all_weekdays_at_once():
    start = datetime(2026, 11, 2, 9)

    found = list(expand(read_rule("FREQ=MONTHLY;BYDAY=-1FR,MO;COUNT=6", start), start, LAST))

    assert [one.day for one in found] == [2, 9, 16, 23, 27, 30]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYWEEKNO=53;BYYEARDAY=9",
        "FREQ=YEARLY;INTERVAL=999999999",
    ],
)
def test_rule_without_a_date_comes_to_an_end(text):
    start = datetime(2026, 11, 3, 9)

    assert list(expand(read_rule(text, start), start, date(2200, 1, 1))) == [start]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=HOURLY", "FREQ=MINUTELY", "FREQ=SECONDLY", "FREQ=FORTNIGHTLY", "COUNT=3", "", "nonsense",
        "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;BYHOUR=0,6,12,18;BYMINUTE=0,5,10,15,20,25,30", "FREQ=DAILY;BYHOUR=24",
        "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=YEARLY;BYEASTER=0", "FREQ=DAILY;BYMONTH=", "FREQ=DAILY;BYMONTH=1,,2",
    ],
)  # fmt: skip
def test_rule_that_is_too_frequent_or_no_rule_is_refused(text):
    with pytest.raises(RuleRefused):
        read_rule(text, datetime(2026, 11, 3, 9))


def test_rule_knows_no_time_between_its_days():
    start = datetime(2026, 11, 3, 9)

    found = list(expand(read_rule("FREQ=DAILY;BYHOUR=9,17;COUNT=4", start), start, LAST))

    assert found == [
        start,
        start + timedelta(hours=8),
        start + timedelta(hours=24),
        start + timedelta(hours=32),
    ]
