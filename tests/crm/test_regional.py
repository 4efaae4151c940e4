"""Days and hours as they are written where the reader is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from crm import moments
from crm.models import Company, Member
from crm.regional import clock, day_words, region_of, written_for
from tests.conftest import SignIn
from tests.desk import Desk

DAY = date(2026, 11, 3)
AT = datetime(2026, 11, 3, 16, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "region"),
    [
        ("en-US,en;q=0.9,de-DE;q=0.8", "US"),
        ("en-GB", "GB"),
        ("zh-Hant-TW;q=0.9", "TW"),
        ("de", ""),
        ("*", ""),
        ("", ""),
        ("en-419, en-US", ""),
        ("x" * 10_000, ""),
    ],
)
def test_the_region_is_that_of_the_first_language(header: str, region: str) -> None:
    assert region_of(header) == region


@pytest.mark.parametrize(
    ("region", "words", "day", "hour"),
    [
        ("", "Tue 3 Nov 2026, 16:05", "3 November", "16:05"),
        ("GB", "Tue 3 Nov 2026, 16:05", "3 November", "16:05"),
        ("US", "Tue, Nov 3, 2026, 4:05 PM", "November 3", "4:05 PM"),
        ("AU", "Tue 3 Nov 2026, 4:05 PM", "3 November", "4:05 PM"),
    ],
)
def test_they_are_written_as_people_do_there(region: str, words: str, day: str, hour: str) -> None:
    with written_for(region):
        assert moments.absolute(AT) == words
        assert day_words(DAY, month="%B") == day
        assert clock(AT) == hour


@pytest.mark.parametrize(
    ("hour", "words"), [(0, "12:30 AM"), (11, "11:30 AM"), (12, "12:30 PM"), (23, "11:30 PM")]
)
def test_noon_and_midnight_are_twelve(hour: int, words: str) -> None:
    with written_for("US"):
        assert clock(AT.replace(hour=hour, minute=30)) == words


def test_what_is_to_come_and_what_is_near() -> None:
    with written_for("US"):
        assert moments.relative(AT + timedelta(days=20), AT) == "Nov 23, 4:05 PM"
        assert moments.on_message(AT - timedelta(days=400), AT) == "Mon, Sep 29, 2025, 4:05 PM"
        assert moments.in_list(AT - timedelta(days=40), AT) == "Sep 24"


@pytest.mark.django_db
def test_a_page_follows_the_browser(desk: Desk, ben: Member, signed_in: SignIn) -> None:
    client: Client = signed_in.as_(ben)
    url = "/halyard/companies/?filter=created:before:2026-11-03"
    Company.objects.create(workspace=desk.workspace, name="Acme", name_key="acme")

    here = client.get(url, headers={"Accept-Language": "en-GB"}).content.decode()
    there = client.get(url, headers={"Accept-Language": "en-US,en;q=0.9"}).content.decode()

    assert "3 Nov 2026" in here and "Nov 3, 2026" in there
    assert "Nov 3, 2026" not in here
