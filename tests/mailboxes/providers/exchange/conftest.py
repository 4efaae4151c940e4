from collections.abc import Iterator

import pytest

from tests.fakes.ews_calendar import Calendar
from tests.fakes.ews_mail import Mailbox
from tests.fakes.exchange import Exchange, exchange
from tests.mailboxes.providers.exchange.rig import ADA, SECRET, USER


@pytest.fixture
def fake() -> Iterator[Exchange]:
    with exchange() as fake:
        aliases = ("a.lovelace@corp.example",)
        fake.add_user(ADA, password=SECRET, username=USER, name="Ada Lovelace", aliases=aliases)
        yield fake


@pytest.fixture
def box(fake: Exchange) -> Mailbox:
    return fake.mailbox(ADA)


@pytest.fixture
def calendar(fake: Exchange) -> Calendar:
    return fake.calendar(ADA)
