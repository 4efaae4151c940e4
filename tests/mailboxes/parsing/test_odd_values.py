"""What senders write that no standard has, and what they mean by it."""

from datetime import UTC, datetime

import pytest

from mailboxes.parsing.calendar import parse_calendar
from mailboxes.parsing.headers import addresses, date
from mailboxes.parsing.icsuids import occurrence_day
from mailboxes.parsing.text import decode
from mailboxes.providers.icswriting import Event, resource

NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("Mon, 1 Jan 2024 10:00:00 -0800", 18),
        ("Mon, 1 Jan 2024 10:00:00 -08:00", 18),
        ("Mon, 1 Jan 2024 10:00:00 GMT-0800", 18),
        ("Mon, 1 Jan 2024 10:00:00 UTC+02:00", 8),
        ("Mon, 1 Jan 2024 10:00:00 -0800 (PST)", 18),
        ("Mon, 1 Jan 2024 10:00:00 GMT", 10),
        ("Mon, 1 Jan 2024 10:00:00 -0000", 10),
    ],
)
def test_a_zone_is_read_however_it_is_written(written: str, hour: int) -> None:
    assert date({"date": [written]}) == datetime(2024, 1, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a@x.com b@y.com", ["a@x.com", "b@y.com"]),
        ('"unbalanced <jane@acme.com>, b@y.com', ["jane@acme.com", "b@y.com"]),
        ("undisclosed-recipients:;", []),
        ("Friends: a@x.com, b@y.com;", ["a@x.com", "b@y.com"]),
    ],
)
def test_broken_lists_keep_the_addresses_they_have(written: str, found: list[str]) -> None:
    assert [one.email for one in addresses({"to": [written]}, "to", set())] == found


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("windows-874", "สวัสดี"),
        ("windows-31j", "こんにちは"),
        ("x-sjis", "こんにちは"),
        ("x-gbk", "你好"),
        ("gb_2312-80", "你好"),
        ("x-euc-jp", "こんにちは"),
        ("windows1252", "naïve “quotes”"),
        ("windows1251", "Привет"),
    ],
)
def test_charsets_are_known_by_the_names_they_go_by(charset: str, text: str) -> None:
    codec = {
        "windows-874": "cp874", "windows-31j": "cp932", "x-sjis": "cp932", "x-gbk": "gbk",
        "gb_2312-80": "gb2312", "x-euc-jp": "euc_jp", "windows1252": "cp1252", "windows1251": "cp1251",
    }[charset]  # fmt: skip

    assert decode(text.encode(codec), charset) == (text, False)


@pytest.mark.parametrize("said", ["(UTC+01:00) Amsterdam, Berlin", "(UTC+01:00) Amsterdam\\, Berlin"])
@pytest.mark.parametrize("asked", ["(UTC+01:00) Amsterdam, Berlin", "(UTC+01:00) Amsterdam\\, Berlin"])
def test_a_zone_with_a_comma_in_its_name_is_found(said: str, asked: str) -> None:
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\n"
        f"TZID:{said}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0200\r\n"
        "TZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f'DTSTART;TZID="{asked}":20240701T100000\r\nSUMMARY:One\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
    )

    (event,) = parse_calendar(text.encode(), now=NOW, history_from=None, timezone="UTC").events

    assert event.starts_at == datetime(2024, 7, 1, 8, tzinfo=UTC)


def test_a_meeting_link_survives_with_its_commas() -> None:
    url = "https://meet.example/j/1;pwd=abc,def?x=1"
    event = Event(uid="1", start=NOW, end=NOW, conference_url=url)

    (read,) = parse_calendar(resource([event]), now=NOW, history_from=None, timezone="UTC").events

    assert read.conference_url == url


def test_the_day_of_an_occurrence_is_in_its_id() -> None:
    head = "040000008200E00074C5B7101A82E008"

    assert str(occurrence_day(f"{head}07E80108" + "00" * 20)) == "2024-01-08"
    assert occurrence_day(f"{head}00000000" + "00" * 20) is None
    assert occurrence_day(f"{head}07E80D63" + "00" * 20) is None
    assert occurrence_day("somebody@example") is None
