"""The Calendar tab: what is to come, what has been, and how both go on."""

import re
from datetime import timedelta

import pytest
import time_machine

from crm.models import Company, Member
from crm.record_pages import record_page
from crm.records import COMPANY
from intelligence.agenda import read_agenda
from intelligence.timeline import Month
from mailboxes.models import Attendee, EventCopy
from tests.desk import NOW, Desk, mail, meeting
from tests.intelligence.test_feed import acme_url, client_of, statements, text

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@halyard.example", "bob@acme.example"
DAY = timedelta(days=1)


def meet(desk: Desk, *days: int) -> None:
    for day in days:
        people = {BOB: "accepted", ADA: "accepted"}
        desk.schedule("ada", meeting(f"m{day}", ADA, people, at=NOW + day * DAY))


def times(months: list[Month]) -> list[int]:
    return [round((one.at - NOW) / DAY) for month in months for one in month.entries]


def test_both_lists_go_on_to_their_ends(desk: Desk, ada: Member) -> None:
    meet(desk, *range(1, 46), *range(-120, 0))
    page = record_page(ada, COMPANY, Company.objects.get().pk, now=NOW)

    first = read_agenda(ada, page)
    coming, past, pages = times(list(first.coming)), times(list(first.past)), 0
    later, after = first.next_coming, first.next_place
    while later or after:
        more = read_agenda(ada, page, coming=later) if later else read_agenda(ada, page, place=after)
        coming, past = coming + times(list(more.coming)), past + times(list(more.past))
        later, after = (more.next_coming, after) if later else ("", more.next_place)
        pages += 1

    assert coming == list(range(1, 46))
    assert past == list(range(-1, -121, -1))
    assert pages == 4


def test_months_are_named_once_and_counted_whole(desk: Desk, ada: Member) -> None:
    meet(desk, *range(1, 30), *range(-60, 0))

    with time_machine.travel(NOW, tick=False):
        browser = client_of(ada)
        page = text(browser, f"{acme_url()}calendar/")
        found = re.findall(r'hx-get="([^"]*(?:later|after)=[^"]*)"', page)
        rest = "".join(text(browser, url, {"HX-Request": "true"}) for url in found)

    heads = re.findall(r'<h3 class="month__head">(\w+ \d+)(?: <span>([^<]*)</span>)?', page + rest)
    assert heads == [
        ("November 2026", ""),
        ("December 2026", ""),
        ("November 2026", "23 meetings"),
        ("October 2026", "31 meetings"),
        ("September 2026", "6 meetings"),
    ]
    assert (page + rest).count('data-kind="meeting"') == 89


def test_row_says_how_long_how_and_who_comes(desk: Desk, ada: Member) -> None:
    meet(desk, -9, -2)
    EventCopy.objects.update(conference_url="https://meet.acme.example/abc")
    Attendee.objects.filter(address__email=BOB).update(response="declined")

    html = text(client_of(ada), f"{acme_url()}calendar/")

    row = html[html.index('data-kind="meeting"') :].partition("</article>")[0]
    assert re.findall(r'class="quiet">([^<]+)<', row) == ["60 min, video"]
    assert re.findall(r'class="avatar-stack" title="([^"]+)"', row) == ["Ada"]
    assert re.findall(r'avatar-stack__more">([^<]+)<', row) == ["1 accepted, 1 declined"]
    assert 'href="#i-video"' in row


def test_mail_is_not_in_a_calendar(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))

    html = text(client_of(ada), f"{acme_url()}calendar/")

    assert "No meetings yet" in html
    assert 'data-kind="email"' not in html


@pytest.mark.parametrize("query", ["?after=nonsense", "?later=nonsense"])
def test_calendar_refuses_a_place_that_it_did_not_make(desk: Desk, ada: Member, query: str) -> None:
    meet(desk, -1)

    assert client_of(ada).get(f"{acme_url()}calendar/{query}").status_code == 400


@pytest.mark.parametrize("many", [1, 3])
def test_calendar_takes_a_fixed_number_of_statements(desk: Desk, ada: Member, many: int) -> None:
    meet(desk, *range(1, many + 1), *range(-many, 0))

    with time_machine.travel(NOW, tick=False):
        assert statements(client_of(ada), f"{acme_url()}calendar/") == 12
