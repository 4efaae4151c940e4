"""What holds for all tests of who may see what."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from tests.desk import NOW


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What is refused on purpose, thousands of times, is not worth a line in the log each time."""
    logger = logging.getLogger("django")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    """The desk's own day, so that what comes later is later than what was shared before."""
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        yield
