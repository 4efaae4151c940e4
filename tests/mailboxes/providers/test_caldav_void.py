"""A position that cannot be read: start over, and forget what lies in calendars that are gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailboxes.providers.base import CursorExpired
from mailboxes.providers.caldav.provider import CalDavCalendar
from tests.servers.radicale import PASSWORD, Radicale, event, radicale


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Radicale]:
    with radicale(tmp_path) as running:
        yield running


def test_starting_over_ends_with_everything_there_is(server: Radicale) -> None:
    ada = server.add_user("ada")
    for name in ("work", "private"):
        ada.make_calendar(name)
        ada.put(f"{name}/{name}.ics", event(name))
    provider = CalDavCalendar(url=server.url, username="ada", password=PASSWORD, egress=server.egress())

    with pytest.raises(CursorExpired):
        list(provider.list_changes("nonsense"))
    listings = list(provider.list_changes(""))

    *each, whole = listings
    assert [len(listing.items) for listing in each] == [1, 1]
    assert whole.snapshot_of == ""
    assert {item.provider_id for item in whole.items} == {
        item.provider_id for one in each for item in one.items
    }
