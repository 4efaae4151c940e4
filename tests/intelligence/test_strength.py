"""The formula beside plain loops: what a day counts for, and when a tie falls."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intelligence.strength import GRADES, fading, grade, growth, landmark_threshold, next_drop, weight

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("contacts", "met", "wrote", "expected"),
    [
        (1, False, False, 0.75),
        (1, False, True, 1.0),
        (1, True, True, 2.0),
        (16, False, True, 2.0),
        (16, True, False, 4.0),
    ],
)
def test_weight_is_what_the_formula_gives_by_hand(
    contacts: int, met: bool, wrote: bool, expected: float
) -> None:
    assert weight(contacts, met=met, wrote=wrote) == expected


def test_half_is_left_after_thirty_days() -> None:
    assert [fading(days) for days in (0, 30, 60)] == [1.0, 0.5, 0.25]


@given(st.floats(0.0, 400.0), st.integers(-400, 400))
def test_next_drop_is_the_first_day_of_a_lower_grade(strength: float, days: int) -> None:
    today = TODAY + days * DAY
    score = strength * growth(today)
    current = grade(score, today)

    found = next_drop(score, today)

    day = today
    while current and current.threshold and grade(score, day) == current:
        day += DAY
    assert found == ((day, grade(score, day)) if day > today else None)


@pytest.mark.parametrize("level", [one for one in GRADES if one.threshold])
@pytest.mark.parametrize("days", range(0, 400, 7))
def test_next_drop_holds_on_the_very_edge(level: object, days: int) -> None:
    edge = landmark_threshold(level.threshold, TODAY + days * DAY)  # type: ignore[attr-defined]

    found = next_drop(edge, TODAY + days * DAY)

    assert found is not None
    assert found[0] == TODAY + (days + 1) * DAY


def test_nobody_falls_who_has_never_been_in_touch() -> None:
    assert next_drop(None, TODAY) is None
    assert next_drop(0.0, TODAY) is None
