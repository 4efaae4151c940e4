"""The details of a record: twelve months at a glance, who knows it, why, and how much is on each tab."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from crm.models import Company, Member
from crm.tables.columns import Look
from crm.tables.page import members_of
from intelligence.connections import Tie, ties
from intelligence.counterparts import counterparts
from intelligence.explaining import FEW_DAYS, MOST_DAYS, Explanation, explain
from intelligence.models import CompanyConnection
from intelligence.pulse import Pulse, read_pulse
from intelligence.recordkinds import COMPANY
from intelligence.strength import today_score
from mailboxes.models import SyncStream
from tests.desk import NOW, Desk, mail, meeting
from tests.intelligence.acme import ZONES, Acme
from tests.intelligence.test_feed import acme_url, client_of, statements, text

pytestmark = pytest.mark.django_db

ADA, BEN, BOB = "ada@halyard.example", "ben@halyard.example", "bob@acme.example"
DAY = timedelta(days=1)
TODAY = NOW.date()


def pulse_of(company: Company) -> Pulse:
    return read_pulse(COMPANY, company.pk, workspace_id=company.workspace_id, now=NOW)


def look(desk: Desk) -> Look:
    return Look(NOW, members_of(desk.workspace.pk), "halyard")


def found_ties(desk: Desk) -> dict[str, Tie]:
    return {tie.face.name: tie for tie in ties(COMPANY, Company.objects.get().pk, look(desk))}


def why(desk: Desk, member: Member, company: Company | None = None) -> Explanation:
    found = explain(COMPANY, (company or Company.objects.get()).pk, member.pk, look(desk))
    assert found is not None
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_a_date_is_told_as_one_everywhere(desk: Desk, zone: str) -> None:
    day = NOW.replace(hour=0, minute=0) - 9 * DAY
    desk.schedule("ada", meeting("m", ADA, {ADA: "accepted", BOB: "accepted"}, at=day, all_day=True))

    with timezone.override(ZoneInfo(zone)):
        (met,) = found_ties(desk)["Ada"].ways
        assert met.title == f"Met {day:%a} {day.day} {day:%b %Y}"
        assert met.words == f"met {day.day} {day:%b}"


# Whom it was with


def test_a_time_knows_whom_outside_it_was_with(desk: Desk, ada: Member, dan: Member) -> None:
    invited = {ADA: "accepted", "eve@birch.example": "accepted", BOB: "needs_action"}
    desk.put("ada", mail("1@x", "Bob Bell <bob@acme.example>", [ADA, "eve@birch.example"], at=NOW - 9 * DAY))
    desk.put("ada", mail("2@x", ADA, "Cy Roe <cy@acme.example>", at=NOW - 2 * DAY))
    desk.schedule("ada", meeting("m", ADA, invited, at=NOW + DAY))
    acme, birch = (Company.objects.get(domains__domain=f"{name}.example") for name in ("acme", "birch"))

    found = {name: counterparts(COMPANY, one.pk, workspace_id=one.workspace_id)
             for name, one in (("acme", acme), ("birch", birch))}  # fmt: skip

    assert found["acme"] == {"first_email": "Bob Bell", "last_email": "Cy Roe", "next_calendar": "Bob Bell"}
    assert found["birch"] == {"first_email": "Eve", "last_email": "Eve", "next_calendar": "Eve"}
    url = f"/halyard/companies/{acme.pk}/outside/"
    assert client_of(ada).get(url).json() == found["acme"]
    assert client_of(dan).get(url).status_code == 404


# The chart


@pytest.mark.parametrize("zone", ZONES)
def test_pulse_adds_up_to_what_was_said_each_week(db: None, zone: str) -> None:
    acme = Acme()
    with timezone.override(ZoneInfo(zone)):
        pulse = pulse_of(acme.company)

    weeks: dict[date, list[str]] = {bar.monday: [] for bar in pulse.bars}
    for one in acme.interactions():
        day = one.at.astimezone(UTC if one.all_day else ZoneInfo(zone)).date()
        monday = day - timedelta(days=day.weekday())
        if one.at <= NOW and monday in weeks:
            weeks[monday].append(one.kind)
    assert {bar.monday: (bar.tally.emails, bar.tally.meetings) for bar in pulse.bars} == {
        monday: (kinds.count("email"), kinds.count("meeting")) for monday, kinds in weeks.items()
    }
    assert (pulse.emails, pulse.meetings) == (
        sum(kinds.count("email") for kinds in weeks.values()),
        sum(kinds.count("meeting") for kinds in weeks.values()),
    )
    assert list(weeks)[-1] <= NOW.astimezone(ZoneInfo(zone)).date() < list(weeks)[-1] + 7 * DAY
    assert len(weeks) == 52


@pytest.mark.parametrize("emails", [1, 9, 80])
def test_pulse_never_grows_out_of_its_frame(desk: Desk, emails: int) -> None:
    desk.put("ada", *(mail(f"{n}@x", ADA, BOB) for n in range(emails)))
    desk.schedule("ada", meeting("m", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW - DAY))

    bars = [bar for bar in pulse_of(Company.objects.get()).bars if bar.tally.words]

    assert [bar.title for bar in bars] == [
        f"Week of 23 Nov 2026: {emails} email{'s' if emails > 1 else ''}, 1 meeting"
    ]
    assert float(bars[0].cal_y) >= 0
    assert float(bars[0].mail_y) + float(bars[0].mail_height) == 46
    assert float(bars[0].cal_y) + float(bars[0].cal_height) < float(bars[0].mail_y)


def test_pulse_names_every_third_month(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))

    assert [label.words for label in pulse_of(Company.objects.get()).labels] == ["Dec", "Mar", "Jun", "Sep"]


def test_pulse_can_be_read_as_a_table(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB), mail("2@x", BOB, ADA, at=NOW - 30 * DAY))

    with time_machine.travel(NOW, tick=False):
        html = text(client_of(ada), acme_url())

    rows = re.findall(r'<tr><th scope="row">([^<]+)</th><td>(\d+)</td><td>(\d+)</td></tr>', html)
    assert rows == [("23 Nov 2026", "1", "0"), ("19 Oct 2026", "1", "0")]


# Who knows them


def test_tie_says_when_each_way_was_last(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - 3 * DAY), mail("2@x", ADA, BOB, at=NOW - 9 * DAY))
    desk.put(
        "ada", mail("3@x", BOB, ADA, at=NOW - 1 * DAY), mail("4@x", BOB, ADA, cc=[BEN], at=NOW - 20 * DAY)
    )
    desk.schedule("ada", meeting("m", ADA, {BOB: "declined", ADA: "accepted"}, at=NOW - 16 * DAY))
    desk.schedule("ada", meeting("n", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW + DAY))

    ways = {name: {way.words: way.at for way in tie.ways} for name, tie in found_ties(desk).items()}

    assert ways == {
        "Ada": {
            "wrote Sat": NOW - 3 * DAY,
            "heard Mon": NOW - DAY,
            "met 8 Nov": NOW - 16 * DAY,
        },
        "Ben": {"heard 4 Nov": NOW - 20 * DAY},
    }


def test_crowds_and_what_others_wrote_are_no_way_of_being_in_touch(desk: Desk) -> None:
    crowd = [f"desk{n}@halyard.example" for n in range(26)]
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - 30 * DAY))
    desk.put("ada", mail("2@x", BOB, [ADA, *crowd], at=NOW - 2 * DAY))
    desk.put("ada", mail("3@x", BEN, [ADA, BOB], at=NOW - 2 * DAY))

    ways = {name: [way.words for way in tie.ways] for name, tie in found_ties(desk).items()}

    assert ways == {"Ada": ["wrote 25 Oct"], "Ben": ["wrote Sun"]}


def test_former_members_are_not_named_but_may_be_asked_for(desk: Desk, ada: Member, ben: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))
    desk.put("ben", mail("2@x", BEN, BOB))
    Member.objects.filter(pk=ben.pk).update(is_active=False)

    html = text(client_of(ada), acme_url())

    knows = html[html.index('class="knows"') : html.index("</ol>", html.index('class="knows"'))]
    assert ("Ada" in knows, "Ben" in knows) == (True, False)
    assert f"?member={ben.pk}" in html


# Why


def test_days_add_up_to_the_stored_score(db: None) -> None:
    acme = Acme(letters=300, meetings=40)
    stored = dict(CompanyConnection.objects.filter(company=acme.company).values_list("member_id", "score"))

    for member in (acme.member(name) for name in ("ada", "ben", "cleo")):
        found = why(acme.office.desk, member, acme.company)
        score = today_score(stored[member.pk], TODAY)
        assert abs(found.factor * found.total - score) < 1e-9
        assert found.strength == score
        assert abs(sum(one.today for one in found.days) + found.older_total - found.total) < 1e-9
    assert len(why(acme.office.desk, acme.member(), acme.company).days) == MOST_DAYS


def test_each_day_says_what_happened_and_what_it_counts(desk: Desk, ada: Member) -> None:
    crowd = [f"desk{n}@halyard.example" for n in range(26)]
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - 30 * DAY), mail("2@x", BOB, ADA, at=NOW - 30 * DAY))
    desk.put(
        "ada", mail("3@x", BOB, ADA, at=NOW - 2 * DAY), mail("4@x", BOB, [ADA, *crowd], at=NOW - 3 * DAY)
    )
    desk.schedule("ada", meeting("m", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW))

    found = why(desk, ada)

    assert [
        (one.on, one.way, one.happened, round(one.weight, 3), round(one.today, 3)) for one in found.days
    ] == [
        (TODAY, "Met", "1 meeting", 2.0, 2.0),
        (TODAY - 2 * DAY, "Heard", "1 email", 0.75, 0.716),
        (TODAY - 3 * DAY, "In a crowd", "1 email", 0.0, 0.0),
        (TODAY - 30 * DAY, "Wrote", "2 emails", 1.189, 0.595),
    ]
    assert (found.grade.word, found.is_one_way, found.lately, found.met_lately) == ("Good", False, 2, 1)


def test_one_way_is_said_and_halves(desk: Desk, ada: Member, ben: Member) -> None:
    desk.put("ada", *(mail(f"{n}@x", ADA, BOB, at=NOW - n * DAY) for n in range(3)))
    desk.put("ben", mail("9@x", BOB, BEN, at=NOW))
    url = f"{acme_url()}strength/?member="

    with time_machine.travel(NOW, tick=False):
        wrote, heard = (text(client_of(ada), f"{url}{one.pk}") for one in (ada, ben))

    assert why(desk, ada).factor == 0.5
    assert "One way only: never answered" in wrote
    assert "One way only: heard from, never written to" in heard


def test_reasons_say_when_the_grade_falls_and_open_alone_and_in_place(desk: Desk, ada: Member) -> None:
    desk.put("ada", *(mail(f"{n}@x", ADA, BOB, at=NOW - n * DAY) for n in range(70)))
    desk.put("ada", mail("h@x", BOB, ADA, at=NOW))
    url = f"{acme_url()}strength/?member={ada.pk}"

    with time_machine.travel(NOW, tick=False):
        page, part = text(client_of(ada), url), text(client_of(ada), url, {"HX-Request": "true"})
        counts = statements(client_of(ada), url, {"HX-Request": "true"})

    found = why(desk, ada)
    assert found.drops_on is not None
    assert found.drops_to is not None
    assert f"it will be <b>{found.drops_to.word.lower()}</b> on" in part
    assert f'datetime="{found.drops_on:%Y-%m-%d}"' in part
    assert f"and 10 more days add</td><td>{found.older_total:.2f}" in page
    assert page.count('<tr><th scope="row"><time') == MOST_DAYS
    assert f'strength/?member={ada.pk}">60 more days</a> add' in part
    assert part.count('scope="row"') == FEW_DAYS
    assert ("<main" in page, "<main" in part) == (True, False)
    assert 'id="reasons"' in page
    assert counts == 7


@pytest.mark.parametrize("member", ["", "x", "999999", "nobody"])
def test_reasons_of_nobody_do_not_exist(desk: Desk, ada: Member, ben: Member, member: str) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))

    asked = str(ben.pk) if member == "nobody" else member
    assert client_of(ada).get(f"{acme_url()}strength/?member={asked}").status_code == 404


# Parts that refresh themselves


def test_details_are_the_nine_in_their_order(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB), mail("2@x", BOB, ADA))
    browser = client_of(ada)

    part = text(browser, f"{acme_url()}details/", {"HX-Request": "true"})

    assert re.findall(r'data-attribute="(\w+)".*?<span title="[^"]+">([^<]+)<', part) == [
        ("connection_strength", "Connection strength"),
        ("strongest_connection", "Strongest connection"),
        ("last_interaction", "Last interaction"),
        ("first_interaction", "First interaction"),
        ("next_calendar_interaction", "Next calendar"),
        ("last_calendar_interaction", "Last calendar"),
        ("first_calendar_interaction", "First calendar"),
        ("last_email_interaction", "Last email"),
        ("first_email_interaction", "First email"),
    ]
    assert f'data-live="company:{Company.objects.get().pk}"' in part
    assert part.count("<dt>") == 18
    assert statements(browser, f"{acme_url()}details/", {"HX-Request": "true"}) == 7


@pytest.mark.parametrize("kind", ["companies", "people"])
def test_tabs_are_counted_after_the_page(desk: Desk, ada: Member, kind: str) -> None:
    desk.put("ada", mail("1@x", ADA, BOB), mail("2@x", BOB, ADA), mail("3@x", ADA, "eve@acme.example"))
    for days in (-9, -2, 5):
        event = meeting(f"m{days}", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW + days * DAY)
        desk.schedule("ada", event)
    company = Company.objects.get()
    pk = company.pk if kind == "companies" else company.people.get(name="Bob").pk
    url = f"/halyard/{kind}/{pk}/counts/?tab=calendar/"

    html = text(client_of(ada), url, {"HX-Request": "true"})

    tabs = re.findall(
        r'href="[^"]+"( aria-current="page")?>(\w+)(?: <span class="count">(\d+)</span>)?<', html
    )
    counts = {label: count for _, label, count in tabs}
    assert counts["Emails"] == {"companies": "3", "people": "2"}[kind]
    assert counts["Calendar"] == "3"
    assert [label for current, label, _ in tabs if current] == ["Calendar"]


@pytest.mark.parametrize(("backfilled_at", "is_said"), [(None, True), (NOW, False)])
def test_details_say_that_mail_is_still_being_read(
    desk: Desk, ada: Member, backfilled_at: datetime | None, is_said: bool
) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))
    SyncStream.objects.update(total=10, done=3, due_at=NOW, backfilled_at=backfilled_at)

    html = text(client_of(ada), f"{acme_url()}details/", {"HX-Request": "true"})

    assert ("first interactions may still move earlier" in html) == is_said
