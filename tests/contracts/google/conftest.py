from collections.abc import Iterator

import pytest

from tests.contracts.google.asking import ADA, BEN, NOON
from tests.fakes.gmail_mailbox import Mailbox
from tests.fakes.google import CALENDAR, MAIL, Google, google
from tests.fakes.google_events import Calendar


@pytest.fixture
def fake() -> Iterator[Google]:
    with google() as fake:
        fake.clock.freeze(NOON)
        fake.add_user(ADA, name="Ada Lovelace")
        fake.add_user(BEN)
        yield fake


@pytest.fixture
def box(fake: Google) -> Mailbox:
    return fake.mailbox(ADA)


@pytest.fixture
def calendar(fake: Google) -> Calendar:
    return fake.calendar(ADA)


@pytest.fixture
def token(fake: Google) -> str:
    """To Ada's mail and calendars."""
    return fake.grant(ADA, *MAIL, *CALENDAR).access_token
