from datetime import timedelta

import pytest

from crm.estimating import time_left
from tests.tuesday import NOW


@pytest.mark.parametrize(
    ("share", "seconds", "words"),
    [
        (0.5, 30, "less than a minute left"),
        (0.25, 20, "about 1 minute left"),
        (0.1, 60, "about 9 minutes left"),
        (0.01, 120, "about 3 hours left"),
        (0.0, 60, ""),
        (0.5, 1, ""),
        (1.2, 60, ""),
    ],
)
def test_time_left_goes_by_what_was_done(share: float, seconds: int, words: str) -> None:
    assert time_left(share, NOW - timedelta(seconds=seconds), NOW) == words


def test_nothing_is_said_of_what_has_not_begun() -> None:
    assert time_left(0.5, None, NOW) == ""
