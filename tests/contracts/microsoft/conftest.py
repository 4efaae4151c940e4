from collections.abc import Iterator

import pytest

from tests.contracts.microsoft.asking import ADA, BEN, EVE, NOON
from tests.fakes.graph_events import Calendar
from tests.fakes.graph_mailbox import Mailbox
from tests.fakes.microsoft import CALENDAR, MAIL, Microsoft, microsoft


@pytest.fixture
def fake() -> Iterator[Microsoft]:
    """Ada and Ben, who is her administrator, and Eve of another organisation."""
    with microsoft() as fake:
        fake.clock.freeze(NOON)
        fake.add_user(ADA, name="Ada Lovelace")
        fake.add_user(BEN, admin=True)
        fake.add_user(EVE)
        yield fake


@pytest.fixture
def mailbox(fake: Microsoft) -> Mailbox:
    return fake.mailbox(ADA)


@pytest.fixture
def calendar(fake: Microsoft) -> Calendar:
    return fake.calendar(ADA)


@pytest.fixture
def token(fake: Microsoft) -> str:
    """To Ada's mail and calendars."""
    return fake.grant(ADA, *MAIL, *CALENDAR).access_token
