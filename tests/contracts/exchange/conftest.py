from collections.abc import Iterator

import pytest

from tests.contracts.exchange.asking import ADA, NOON, cast
from tests.fakes.ews_calendar import Calendar
from tests.fakes.ews_mail import Mailbox
from tests.fakes.exchange import Exchange, exchange


@pytest.fixture
def fake() -> Iterator[Exchange]:
    with exchange() as fake:
        fake.clock.freeze(NOON)
        cast(fake)
        yield fake


@pytest.fixture
def box(fake: Exchange) -> Mailbox:
    return fake.mailbox(ADA)


@pytest.fixture
def calendar(fake: Exchange) -> Calendar:
    return fake.calendar(ADA)
