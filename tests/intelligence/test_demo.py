"""The demo's mail and calendars, before anything reads them."""

import email
import email.policy
import hashlib
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from crm.addresses import company_name, kind, registrable_domain
from intelligence.demo.building import STAGES, Account, Demo, Letter, build
from intelligence.demo.dice import Dice
from intelligence.demo.files import write
from intelligence.demo.hours import Hours, at
from intelligence.demo.scenes import scenes, template, told
from intelligence.demo.slots import Slots
from mailboxes.parsing.mail import parse_mail
from mailboxes.providers.archive.provider import ArchiveMail
from mailboxes.providers.base import FetchedMail

DAY = date(2026, 11, 24)  # a Tuesday
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

ELSEWHERE = """
from datetime import date
from hashlib import sha256
from intelligence.demo.building import build
found = sha256()
for account in build(date(2026, 11, 24), scale=0.05).accounts:
    for letter in account.mail:
        found.update(letter.raw)
    found.update("".join(account.calendars).encode())
print(found.hexdigest())
"""


@pytest.fixture(scope="module")
def demo() -> Demo:
    return build(DAY)


@pytest.fixture(scope="module")
def calendars(demo: Demo) -> dict[str, icalendar.Calendar]:
    return {one.member.email: icalendar.Calendar.from_ical(one.calendars[0]) for one in demo.accounts}


def digest(demo: Demo) -> str:
    found = hashlib.sha256()
    for account in demo.accounts:
        for letter in account.mail:
            found.update(letter.raw)
        found.update("".join(account.calendars).encode())
    return found.hexdigest()


def sample(demo: Demo) -> list[bytes]:
    """Every thirtieth copy, whoever holds it."""
    return [letter.raw for one in demo.accounts for letter in one.mail[::30]]


def occurrences(calendars: dict[str, icalendar.Calendar]) -> set[tuple[str, str]]:
    """What happens between two years ago and the next quarter, once for all calendars."""
    found = set()
    for calendar in calendars.values():
        for one in recurring_ical_events.of(calendar).between(DAY - timedelta(800), DAY + timedelta(90)):
            found.add((str(one["UID"]), str(one["DTSTART"].dt)))
    return found


# How much there is


def test_demo_is_as_large_as_promised(demo):
    messages = {letter.id for one in demo.accounts for letter in one.mail}

    assert len(demo.accounts) == 8
    assert 110 <= len(demo.companies) <= 130
    assert 550 <= len(demo.people) <= 650
    assert 10_000 <= len(messages) <= 15_000


def test_demo_has_fifteen_hundred_occurrences_up_to_some_weeks_ahead(calendars):
    starts = {uid_and_start[1][:10] for uid_and_start in occurrences(calendars)}

    assert len(occurrences(calendars)) >= 1_500
    assert {"2026-11-24", "2026-11-25"} <= starts
    assert sum(day > "2026-12-08" for day in starts) >= 10


def test_demo_reaches_back_two_years_and_up_to_the_last_half_hour(demo):
    moments = [letter.at for one in demo.accounts for letter in one.mail]

    assert min(moments) < NOW - timedelta(days=700)
    assert NOW - timedelta(minutes=30) < max(moments) < NOW


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2026, 12, 25), date(2027, 3, 28)])
def test_demo_is_alive_on_quiet_days_too(day):
    quiet = build(day)
    newest = max(letter.at for one in quiet.accounts for letter in one.mail)

    assert quiet.now - newest < timedelta(hours=2)


def test_every_person_is_somebody_and_has_been_heard_of(demo):
    mentioned = {
        address for one in demo.accounts for letter in one.mail for address in _addresses(letter.raw)
    }
    unheard = [one.email for one in demo.people if one.email not in mentioned]

    assert [one.email for one in demo.people if kind(one.email) != "human"] == []
    assert len({one.email for one in demo.people}) == len(demo.people)
    assert len(unheard) <= 10  # they are met later today


def _addresses(raw: bytes) -> set[str]:
    head = raw.partition(b"\n\n")[0].decode()
    return set(re.findall(r"<([^<>@\s]+@[^<>\s]+)>", head))


def test_every_kind_of_company_is_there(demo):
    assert {company.stage for company in demo.companies} == set(STAGES)


# Made up, and the same every time


def test_same_day_gives_the_same_bytes_and_another_day_does_not():
    small = [build(day, scale=0.1) for day in (DAY, DAY, DAY + timedelta(days=1))]

    first, again, other = map(digest, small)

    assert first == again
    assert first != other


def test_bytes_do_not_depend_on_the_order_of_sets():
    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
        text=True,
    )

    assert elsewhere.stdout.strip() == digest(build(DAY, scale=0.05))


def test_demo_does_not_change_from_one_version_of_python_to_the_next():
    dice = Dice("2026-11-24", "mail")

    rolls = [dice.whole(0, 99), dice.pick("abcdefgh"), dice.early(range(50)), dice.token()]

    assert rolls == [50, "h", 16, "da7c3ddfc720d824dad43c7a"]


def test_later_that_day_there_is_only_more(demo):
    later = build(DAY, now=NOW + timedelta(hours=8))
    before, after = ({m.id: m.raw for one in d.accounts for m in one.mail} for d in (demo, later))

    assert after.keys() > before.keys()
    assert {key: after[key] for key in before} == before


def test_all_domains_are_example_and_registrable(demo):
    texts = [
        letter.raw.replace(b"=\n", b"").replace(b"\n ", b"") for one in demo.accounts for letter in one.mail
    ]
    texts += [one.calendars[0].replace("\r\n ", "").encode() for one in demo.accounts]
    hosts = {host.rstrip(b".") for text in texts for host in re.findall(rb"@([a-z0-9.-]+)", text.lower())}
    hosts |= {host for text in texts for host in re.findall(rb"https?://([a-z0-9.-]+)", text.lower())}

    assert len(hosts) > 120
    assert [host for host in hosts if not host.endswith(b".example")] == []
    for company in demo.companies:
        assert registrable_domain(company.domain) == company.domain
        assert company_name(company.domain) == company.name


def test_no_two_threads_begin_alike(demo):
    openings = [
        parse_mail(letter.raw).text
        for account in demo.accounts
        for letter in account.mail
        if letter.sender == account.member.email
        and b"\nIn-Reply-To:" not in letter.raw
        and b"method=" not in letter.raw
    ]

    assert len(openings) > 1_000
    assert len(set(openings)) == len(openings)


# RFC 5322


def test_messages_are_read_without_a_defect(demo):
    letters = sample(demo)
    read = [email.message_from_bytes(raw, policy=email.policy.default) for raw in letters]
    parsed = [parse_mail(raw) for raw in letters]

    assert len(letters) > 500
    assert [one["Subject"] for one in read if any(part.defects for part in one.walk())] == []
    assert [one["Subject"] for one in read if any(value.defects for value in one.values())] == []
    assert [one.flags for one in parsed if one.flags] == []
    assert [one.subject for one in parsed] == [" ".join(one["Subject"].split()) for one in read]
    assert [one.message_id for one in parsed] == [one["Message-ID"].strip("<>") for one in read]


def test_messages_keep_to_the_limits_of_the_standard(demo):
    for raw in sample(demo):
        head, _, body = raw.partition(b"\n\n")
        assert b"\r" not in raw
        assert head.isascii()
        assert body.isascii()
        assert max(map(len, raw.split(b"\n"))) <= 998


def test_names_beyond_ascii_arrive_as_they_are_written(demo):
    tomas = next(one for one in demo.accounts if one.member.first_name == "Tomás")
    sent = next(letter.raw for letter in tomas.mail if letter.sender == "tomas@halyardstudio.example")

    read = email.message_from_bytes(sent, policy=email.policy.default)

    assert b"Tom\xc3\xa1s" not in sent
    assert read["From"].addresses == (Address("Tomás Vidal", "tomas", "halyardstudio.example"),)


def test_only_received_copies_say_how_they_came(demo):
    for account in demo.accounts:
        for letter in account.mail[::20]:
            was_sent = letter.sender == account.member.email
            assert letter.raw.startswith(b"Message-ID: ") == was_sent
            assert (b"\nReceived: " in letter.raw) == (not was_sent)


def test_every_sort_of_mail_is_there(demo):
    parsed = [parse_mail(letter.raw) for letter in demo.accounts[0].mail]

    assert {one.category for one in parsed} == {"contact", "bulk", "automatic", "bounce", "calendar"}
    assert any(one.attachments for one in parsed)
    assert any(one.html for one in parsed)
    assert max(len(one.references) for one in parsed) >= 4


def test_business_mail_is_written_in_business_hours(demo):
    office = [
        letter.at.astimezone(ZoneInfo(account.member.zone))
        for account in demo.accounts
        for letter in account.mail
        if letter.sender == account.member.email
        if letter.at.date() < DAY - timedelta(days=1)
        if b"\nAuto-Submitted:" not in letter.raw
    ]
    at_weekends = [one for one in office if one.weekday() > 4]
    at_night = [one for one in office if not 7 <= one.hour < 22]

    assert at_weekends == []
    assert len(at_night) < len(office) / 50


# iCalendar


def test_calendars_are_read_without_an_error(calendars):
    events = [event for calendar in calendars.values() for event in calendar.walk("VEVENT")]

    assert len(events) > 1_000
    assert [event["UID"] for event in events if event.errors] == []


def test_every_sort_of_meeting_is_there(calendars):
    events = [event for calendar in calendars.values() for event in calendar.walk("VEVENT")]
    answers = {str(one.params["PARTSTAT"]) for event in events for one in _attendees(event)}
    rooms = {str(one.params["CUTYPE"]) for event in events for one in _attendees(event)}

    assert answers == {"ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"}
    assert rooms == {"INDIVIDUAL", "ROOM"}
    for name in ("RRULE", "EXDATE", "RECURRENCE-ID", "CONFERENCE"):
        assert any(name in event for event in events), name
    assert any(event["STATUS"] == "CANCELLED" for event in events)
    assert any(event.get("CLASS") == "PRIVATE" for event in events)
    assert any(not isinstance(event["DTSTART"].dt, datetime) for event in events)
    assert any("RECURRENCE-ID" in one and one["RECURRENCE-ID"].dt != one["DTSTART"].dt for one in events)


def _attendees(event: icalendar.Event) -> list[icalendar.vCalAddress]:
    found = event.get("ATTENDEE", [])
    return found if isinstance(found, list) else [found]


def test_meeting_lies_in_the_calendar_of_every_member_invited(calendars):
    uids = {
        who: {str(event["UID"]) for event in calendar.walk("VEVENT")} for who, calendar in calendars.items()
    }
    invited = set().union(*map(_invitations, calendars.values()))
    members = {(uid, who) for uid, who in invited if who in calendars}

    assert len(members) > 500
    assert [(uid, who) for uid, who in sorted(members) if uid not in uids[who]] == []


def _invitations(calendar: icalendar.Calendar) -> set[tuple[str, str]]:
    """Which UID stands in it for which attendee."""
    return {
        (str(event["UID"]), str(one).removeprefix("mailto:"))
        for event in calendar.walk("VEVENT")
        for one in _attendees(event)
    }


# Files


def test_mbox_gives_back_every_message_as_it_was(demo, tmp_path):
    account = demo.accounts[0]

    archive = ArchiveMail(mbox=write(account, tmp_path)["mbox"])
    listed = [item.provider_id for page in archive.list_changes("") for item in page.items]
    fetched = [one.raw for one in archive.fetch(listed) if isinstance(one, FetchedMail)]

    assert sorted(raw.rstrip(b"\n") for raw in fetched) == sorted(
        letter.raw.rstrip(b"\n") for letter in account.mail
    )


def test_mbox_line_that_begins_with_from_is_quoted(demo, tmp_path):
    letter = demo.accounts[0].mail[0]
    spoken = letter.raw.partition(b"\n\n")[0] + b"\n\nFrom Monday on it rains.\n>From now on too.\n"
    account = Account(demo.accounts[0].member, (Letter("x", NOW, "a@b.example", spoken),), ("",))

    [path] = write(account, tmp_path)["mbox"]
    text = Path(path).read_bytes()

    assert text.startswith(b"From a@b.example Tue Nov 24 09:00:00 2026\n")
    assert text.endswith(b"\n\n>From Monday on it rains.\n>>From now on too.\n\n")


# Material


def test_every_scene_can_be_told_in_every_field():
    fields = ("wayfinding", "packaging", "digital", "brand", "exhibition", "supply")
    audiences = ("client", "prospect", "silent", "supplier", "dormant", "cold", "internal")
    names = {"us": "Ada", "us2": "Ben", "them": "Eve", "them2": "Kai"}
    spoken = [
        told(text, Slots(field, DAY, Dice(scene.name), **names), Dice(scene.name))
        for audience in audiences
        for field in fields
        for scene in scenes(audience, field)
        for text in (scene.subject, *(turn.text for turn in scene.turns))
    ]

    assert len(spoken) > 1_000
    assert [text for text in spoken if not text or set("[]{}|") & set(text)] == []


def test_template_takes_one_of_each_choice_and_begins_sentences_in_capitals():
    slots = Slots("brand", DAY, Dice(1), thing="posters", place="the foyer")

    assert told(template("{thing} are here. [{place}|{place}]  is full."), slots, Dice(1)) == (
        "Posters are here. The foyer is full."
    )


def test_work_waits_for_the_next_morning_and_leaves_out_holidays():
    hours, lisbon = Hours(DAY), "Europe/Lisbon"

    late_on_friday = hours.at_work(at(date(2026, 11, 20), lisbon, 23 * 60), lisbon, Dice(1))
    before_christmas = hours.at_work(at(date(2026, 12, 23), lisbon, 23 * 60), lisbon, Dice(1))
    on_good_friday = hours.at_work(at(date(2026, 4, 3), lisbon, 600), lisbon, Dice(1))

    assert late_on_friday.date() == date(2026, 11, 23)
    assert before_christmas.date() == date(2026, 12, 28)
    assert on_good_friday.date() == date(2026, 4, 7)
