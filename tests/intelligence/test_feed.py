"""The Activity tab: filters, months and their counts, milestones, and what must not be in it."""

import re
from collections import Counter
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Company, Member
from intelligence.choosing import BadChoice, Choice, Kind, read_choice
from intelligence.entries import Entry
from intelligence.marks import read_marks
from intelligence.models import Interaction as StoredInteraction
from intelligence.recordkinds import COMPANY as STORED_COMPANY
from intelligence.timeline import Month, Timeline, read_timeline
from mailboxes.models import BlocklistEntry, MailboxState, MessageCopy
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail, meeting
from tests.intelligence.acme import ZONES, Acme
from tests.intelligence.naive import Interaction

pytestmark = pytest.mark.django_db

ADA, BEN, BOB = "ada@halyard.example", "ben@halyard.example", "bob@acme.example"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def acme_url() -> str:
    return f"/halyard/companies/{Company.objects.get().pk}/"


def everything(acme: Acme, choice: Choice) -> list[Timeline]:
    """All pages of it."""
    pages = [read_timeline(acme.member(), acme.page(), choice=choice)]
    while pages[-1].next_place:
        pages.append(read_timeline(acme.member(), acme.page(), pages[-1].next_place, choice))
    return pages


def entries(pages: list[Timeline]) -> list[Entry]:
    return [one for page in pages for month in page.months for one in month.entries if isinstance(one, Entry)]


def month_of(one: Interaction, zone: str) -> str:
    return f"{one.at.astimezone(UTC if one.all_day else ZoneInfo(zone)):%B %Y}"


def in_words(emails: int, meetings: int) -> str:
    counts = ((emails, "email"), (meetings, "meeting"))
    return ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counts if n)


def naive_counts(past: list[Interaction], zone: str) -> dict[str, str]:
    found = Counter((month_of(one, zone), one.kind) for one in past)
    return {month: in_words(found[month, "email"], found[month, "meeting"]) for month, _ in found}


# What is in it


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("kind", "kinds"), [("all", {"email", "meeting"}), ("emails", {"email"}), ("meetings", {"meeting"})]
)
@pytest.mark.parametrize("member", ["", "ben", "cleo"])
def test_feed_holds_what_was_asked_for_and_counts_whole_months(
    db: None, zone: str, kind: str, kinds: set[str], member: str
) -> None:
    acme = Acme()
    choice = Choice(Kind(kind), acme.member(member).pk if member else None)
    wanted = [one for one in acme.interactions(member=member) if one.kind in kinds]
    past, ahead = [one for one in wanted if one.at <= NOW], [one for one in wanted if one.at > NOW]

    with timezone.override(ZoneInfo(zone)):
        pages = everything(acme, choice)

    found = entries(pages)
    assert sorted((one.kind, one.at) for one in found) == sorted((one.kind, one.at) for one in past)
    assert [one.at for one in pages[0].upcoming] == sorted(one.at for one in ahead)
    months = [month for page in pages for month in page.months if any_entries(month)]
    assert {month.title: month.counts for month in months} == naive_counts(past, zone)


def any_entries(month: Month) -> bool:
    return any(isinstance(one, Entry) for one in month.entries)


@pytest.mark.parametrize(
    ("hours", "heads"), [(1, ["November 2026"]), (12, ["November 2026", "October 2026"])]
)
def test_month_that_goes_on_is_named_once(desk: Desk, ada: Member, hours: int, heads: list[str]) -> None:
    with time_machine.travel(NOW, tick=False):
        desk.put("ada", *(mail(f"{n}@x", ADA, BOB, at=NOW - n * hours * HOUR) for n in range(1, 61)))
        browser = client_of(ada)
        page = text(browser, acme_url())
        (rest,) = set(re.findall(r'hx-get="([^"]*after=[^"]*)"', page))
        page += text(browser, rest, {"HX-Request": "true"})

    assert re.findall(r'<h2 class="month__head">(\w+ \d+)', page) == heads
    assert page.count('data-kind="email"') == 60


def test_all_day_event_stands_under_its_own_month_everywhere(
    desk: Desk, ada: Member, signed_in: SignIn
) -> None:
    first = NOW.replace(month=10, day=1, hour=0)
    desk.schedule("ada", meeting("fair", ADA, {BOB: "accepted", ADA: "accepted"}, at=first, all_day=True))
    desk.put("ada", mail("1@x", ADA, BOB, at=first + timedelta(hours=2)))
    browser = signed_in.as_(ada)
    browser.cookies["timezone"] = "America/Los_Angeles"

    html = text(browser, acme_url())

    heads = re.findall(r'<h2 class="month__head">(\w+ \d+)(?: <span>([^<]*)</span>)?', html)
    assert [head for head in heads if head[1]] == [
        ("October 2026", "1 meeting"),
        ("September 2026", "1 email"),
    ]


# Milestones


def test_marks_are_where_naive_counting_puts_them(db: None) -> None:
    acme = Acme(letters=230, meetings=120)
    times = dict(StoredInteraction.objects.values_list("pk", "occurred_at"))

    found = read_marks(STORED_COMPANY, acme.company.pk, workspace_id=acme.company.workspace_id, now=NOW)

    by_label = {label: times[pk] for pk, labels in found.items() for label in labels}
    assert by_label == naive_marks(acme.interactions())


def naive_marks(everything: list[Interaction]) -> dict[str, object]:
    past = sorted((one for one in everything if one.at <= NOW), key=lambda one: one.at)
    emails = [one.at for one in past if one.kind == "email"]
    meetings = [one.at for one in past if one.kind == "meeting"]
    assert len(emails) > 100
    assert len(meetings) > 100
    return {
        "First-ever interaction": past[0].at,
        "Last interaction": past[-1].at,
        "First email": emails[0],
        "First calendar interaction": meetings[0],
        "Next calendar interaction": min(one.at for one in everything if one.at > NOW),
        "100th email": emails[99],
        **{f"{n}th meeting": meetings[n - 1] for n in (10, 50, 100)},
    }


def test_milestones_show_only_what_is_marked(db: None) -> None:
    acme = Acme()
    marks = read_marks(STORED_COMPANY, acme.company.pk, workspace_id=acme.company.workspace_id, now=NOW)

    (page,) = everything(acme, Choice(Kind.MILESTONES))

    assert {one.pk for one in [*entries([page]), *page.upcoming]} == set(marks)
    assert {month.counts for month in page.months} == {""}
    created = [one for month in page.months for one in month.entries if not isinstance(one, Entry)]
    assert [one.noun for one in created] == ["Company"]


def test_equal_instants_name_the_meeting_first_and_last(desk: Desk, ada: Member) -> None:
    at = NOW - 3 * DAY
    desk.put("ada", mail("1@x", ADA, BOB, at=at))
    desk.schedule("ada", meeting("m", ADA, {BOB: "accepted", ADA: "accepted"}, at=at))
    company = Company.objects.get()
    kinds = dict(StoredInteraction.objects.values_list("pk", "kind"))

    found = read_marks(STORED_COMPANY, company.pk, workspace_id=company.workspace_id, now=NOW)

    assert {kinds[pk]: list(labels) for pk, labels in found.items()} == {
        1: ["First email"],
        2: ["First-ever interaction", "Last interaction", "First calendar interaction"],
    }


def test_first_of_all_is_told_in_a_sentence(desk: Desk, ada: Member, ben: Member, signed_in: SignIn) -> None:
    desk.put("ada", mail("1@x", ADA, "Bob Doe <bob@acme.example>", subject="Secret plans", at=NOW - 5 * DAY))
    desk.schedule("ada", meeting("m", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW - 2 * DAY))

    own, others = (text(signed_in.as_(one), acme_url()) for one in (ada, ben))

    assert "You wrote to Bob Doe" in own
    assert "Ada wrote to Bob Doe" in others
    assert others.count("Also the first email.") == 1
    assert "Ada met Bob Doe, 60 min" in others
    assert ("Secret plans" in own, "Secret plans" in others) == (True, False)


# What must not be in it


@pytest.mark.parametrize("hide", ["block", "remove"])
def test_hidden_mail_is_neither_shown_nor_counted_nor_marked(desk: Desk, ben: Member, hide: str) -> None:
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - 40 * DAY), mail("2@x", BOB, ADA, at=NOW - 3 * DAY))
    desk.put("ben", mail("3@x", BEN, BOB, at=NOW - 2 * DAY))
    box = desk.mailboxes["ada"]
    if hide == "block":
        entry = BlocklistEntry.objects.create(workspace=desk.workspace, mailbox=box, value="acme.example")
        MessageCopy.objects.filter(mailbox=box).update(blocked_by=entry)
    else:
        type(box).objects.filter(pk=box.pk).update(state=MailboxState.REMOVING)

    with time_machine.travel(NOW, tick=False):
        html = text(client_of(ben), acme_url())

    assert html.count('data-kind="email"') == 1
    assert re.findall(r"<span>(\d+ emails?[^<]*)</span>", html) == ["1 email"]
    assert "You wrote to Bob" in html
    assert "1 email and 0 meetings" in html


def test_locked_mail_shows_who_and_when_whatever_is_asked_for(desk: Desk, ben: Member) -> None:
    desk.put("ada", mail("1@x", BOB, ADA, subject="Locked words", at=NOW - 9 * DAY), mail("2@x", ADA, BOB))
    browser = client_of(ben)

    for query in ("", "?kind=emails", "?kind=milestones", f"?member={desk.members['ada'].pk}"):
        html = text(browser, acme_url() + query)
        assert (query, html.count('data-kind="email"'), "Locked words" in html) == (query, 2, False)


@pytest.mark.parametrize("query", ["?kind=letters", "?member=999999", "?member=x", "?after=nonsense"])
def test_feed_refuses_what_does_not_exist(desk: Desk, ada: Member, query: str) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))

    assert client_of(ada).get(acme_url() + query).status_code == 400


def test_choice_says_itself_as_in_an_address() -> None:
    assert Choice().query() == ""
    assert Choice(Kind.EMAILS, 3).query() == "?kind=emails&member=3"
    assert Choice(Kind.EMAILS, 3).query(kind=Kind.ALL) == "?member=3"
    assert read_choice({"kind": "meetings", "member": "3"}, {3}) == Choice(Kind.MEETINGS, 3)
    with pytest.raises(BadChoice):
        read_choice({"member": "4"}, {3})


# How it is asked for


def test_fragment_is_the_feed_alone_and_says_when_something_is_new(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))
    browser, headers = client_of(ada), {"HX-Request": "true", "HX-Target": "feed"}

    with time_machine.travel(NOW, tick=False):
        once, again = (text(browser, acme_url(), headers) for _ in range(2))
        desk.put("ada", mail("2@x", BOB, ADA, at=NOW - timedelta(hours=1)))
        changed = text(browser, acme_url(), headers)

    states = [re.findall(r'id="feed"[^>]*data-state="(\w+)"', html) for html in (once, again, changed)]
    assert "<main" not in once
    assert states[0] == states[1] != states[2]


def test_no_contact_says_what_will_appear(desk: Desk, ada: Member) -> None:
    desk.put("ada", mail("1@x", ADA, BOB))
    desk.trash("ada", "1@x")
    Company.objects.update(created_at=NOW + DAY)

    html = text(client_of(ada), f"{acme_url()}?kind=emails")

    assert "No emails" in html
    assert "No contact yet." in html


@pytest.mark.parametrize("many", [1, 3])
def test_feed_takes_a_fixed_number_of_statements(desk: Desk, ada: Member, many: int) -> None:
    desk.put("ada", *(mail(f"{n}@x", ADA, BOB, at=NOW - n * 20 * DAY) for n in range(1, many + 1)))
    for n in range(many):
        for days in (-3 * n - 1, 3 * n + 1):
            event = meeting(f"m{n}{days}", ADA, {BOB: "accepted", ADA: "accepted"}, at=NOW + days * DAY)
            desk.schedule("ada", event)
    browser, htmx = client_of(ada), {"HX-Request": "true", "HX-Target": "feed"}

    asked = {
        "all": "",
        "emails": "?kind=emails",
        "milestones": "?kind=milestones",
        "member": f"?member={ada.pk}",
    }
    with time_machine.travel(NOW, tick=False):
        counts = {name: statements(browser, acme_url() + query) for name, query in asked.items()}
        counts["fragment"] = statements(browser, acme_url(), htmx)

    assert counts == {"all": 13, "emails": 12, "milestones": 12, "member": 13, "fragment": 12}


def statements(browser: Client, url: str, headers: dict[str, str] | None = None) -> int:
    browser.get(url, headers=headers)
    with CaptureQueriesContext(connection) as captured:
        browser.get(url, headers=headers)
    return len(captured)


def client_of(member: Member) -> Client:
    return SignIn().as_(member)


def text(browser: Client, url: str, headers: dict[str, str] | None = None) -> str:
    response = browser.get(url, headers=headers)
    assert response.status_code == 200
    return response.content.decode()
