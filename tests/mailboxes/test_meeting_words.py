from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from mailboxes.correspondence.meeting_words import folded, meeting_host, plain, when
from tests.desk import NOW

LISBON_TIMES = [
    ("2026-11-24T14:00", "2026-11-24T14:45", "Today, Tuesday 24 November, 14:00 – 14:45, 45 min"),
    ("2026-11-25T10:30", "2026-11-25T12:00", "Tomorrow, Wednesday 25 November, 10:30 – 12:00, 1 h 30 min"),
    ("2026-11-23T10:30", "2026-11-23T10:30", "Yesterday, Monday 23 November, 10:30"),
    ("2026-12-01T22:00", "2026-12-02T00:00", "Tuesday 1 December, 22:00 – 00:00, 2 h"),
    ("2026-12-01T22:00", "2026-12-02T02:00", "Tuesday 1 December, 22:00 – Wednesday 2 December, 02:00"),
    ("2027-01-05T09:00", "2027-01-05T10:00", "Tuesday 5 January 2027, 09:00 – 10:00, 1 h"),
    # Clocks go back by an hour at 02:00.
    ("2026-10-25T00:30", "2026-10-25T02:30", "Sunday 25 October, 01:30 – 02:30, 2 h"),
]


@pytest.mark.parametrize(("start", "end", "words"), LISBON_TIMES)
def test_times_read_as_people_say_them(start: str, end: str, words: str) -> None:
    starts_at, ends_at = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))

    with timezone.override("Europe/Lisbon"):
        told = when(starts_at, ends_at, all_day=False, zone="Europe/Lisbon", now=NOW)

    assert told.words == words


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "Tuesday 1 December, all day"), (3, "Tuesday 1 December – Thursday 3 December, 3 days")],
)
def test_an_all_day_event_is_a_date_everywhere(zone: str, days: int, words: str) -> None:
    starts_at = datetime(2026, 12, 1, tzinfo=UTC)

    with timezone.override(zone):
        told = when(starts_at, starts_at + timedelta(days=days), all_day=True, zone="Asia/Tokyo", now=NOW)

    assert (told.words, told.month, told.day, told.machine) == (words, "Dec", 1, "2026-12-01")
    assert told.elsewhere == ""


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://meet.acme.example/abc", "meet.acme.example"),
        ("HTTP://Meet.Acme.Example:8443", "meet.acme.example"),
        ("https://meet.acme.example@evil.example/", ""),
        ("https://meet.acme.example\\@evil.example/", ""),
        ("https://evil.example/\nx", ""),
        ("javascript:alert(1)//https://meet.acme.example/", ""),
        ("ftp://meet.acme.example/", ""),
        ("", ""),
    ],
)
def test_only_an_address_of_the_web_is_a_video_call(url: str, host: str) -> None:
    assert meeting_host(url) == host


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("a < b and b > c\n<bob@acme.example>", "a < b and b > c\n<bob@acme.example>"),
        ("<b>Agenda</b>\none\ntwo", "Agenda\none\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ("<div>" * 300 + "deep", "deep"),
        ("<p>" + "x" * 19_990 + "<a href='https://cut.example/", "x" * 19_990),
    ],
)
def test_descriptions_are_read_as_text(said: str, text: str) -> None:
    assert plain(said) == text


def test_a_long_description_is_folded_between_words() -> None:
    text = "word " * 200

    first, rest = folded(text.strip())

    assert (first, rest) == (("word " * 100).strip(), ("word " * 100).strip())


def test_many_lines_are_folded_and_few_are_not() -> None:
    lines = [f"Line {n} of the agenda, a little longer" for n in range(20)]

    assert folded("\n".join(lines)) == ("\n".join(lines[:8]), "\n".join(lines[8:]))
    assert folded("\n".join(lines[:9])) == ("\n".join(lines[:9]), "")


def test_an_address_is_never_cut_in_two() -> None:
    address = f"https://a.example/{'x' * 900}"

    assert folded(f"Join: {address} now") == (f"Join: {address}", "now")
    assert folded(address) == (address, "")
