import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from crm.models import Member
from mailboxes.correspondence.meetings import find_event
from tests.conftest import SignIn
from tests.desk import NOW, Desk
from tests.mailboxes.reviews import (
    ADA,
    BEN,
    BOB,
    HIDING,
    SOON,
    WEEK,
    answers,
    event,
    occurrences,
    review,
    shown,
)


@pytest.fixture
def page(ada: Member, signed_in: SignIn) -> "Page":
    return Page(signed_in.as_(ada))


class Page:
    """Ada's browser, in Lisbon."""

    def __init__(self, client: Client) -> None:
        self.client = client
        client.cookies["timezone"] = "Europe/Lisbon"

    def get(self, pk: int | None = None, *, headers: dict[str, str] | None = None) -> str:
        response = self.client.get(f"/halyard/events/{pk or event().pk}/", headers=headers)
        assert response.status_code == 200
        return response.content.decode()


def test_everybody_shows_the_answer_that_counts(desk: Desk, page: Page) -> None:
    four = {BOB: "accepted", ADA: "tentative", BEN: "declined", "cleo@halyard.example": "needs_action"}
    desk.schedule("ada", review(responses=four))

    html = page.get()

    people = re.findall(r'data-response="(\w+)".*?title="([^"]+)".*?attendee__answer">(\w+)<', html)
    assert sorted(people) == [
        ("accepted", BOB, "Accepted"),
        ("declined", BEN, "Declined"),
        ("needs_action", "cleo@halyard.example", "Awaiting"),
        ("tentative", ADA, "Tentative"),
    ]
    assert 'aria-label="1 accepted, 1 tentative, 1 declined, 1 awaiting"' in html


def test_times_are_the_readers_and_the_events_own(desk: Desk, page: Page) -> None:
    at = datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    desk.schedule("ada", review(at=at, timezone="America/New_York"))

    with time_machine.travel(NOW, tick=False):  # in another year it would be named
        html = page.get()

    # Lines end after a comma, not within a date or a time.
    assert "Wednesday\xa01\xa0July, 14:30\xa0–\xa015:30, 1\xa0h<" in html
    assert 'datetime="2026-07-01T13:30:00Z" title="Wed 1 Jul 2026, 14:30 – 15:30, Europe/Lisbon"' in html
    assert "09:30 – 10:30 in New York" in html


def test_without_words_an_event_still_has_a_name(desk: Desk, page: Page) -> None:
    desk.schedule("ada", review(title=""))

    assert f'<h1 id="event-{event().pk}-title">(no title)</h1>' in page.get()


@pytest.mark.parametrize(("status", "word"), [("cancelled", "Cancelled"), ("tentative", "Tentative")])
def test_what_may_not_take_place_is_said(desk: Desk, page: Page, status: str, word: str) -> None:
    desk.schedule("ada", review(status=status, responses={BOB: "accepted", ADA: "accepted"}))

    assert re.findall(r'<span class="tag"[^>]*>(\w+)</span>', page.get()) == [word]


def test_a_video_call_is_a_link_that_names_its_host(desk: Desk, page: Page) -> None:
    url = "https://meet.acme.example/abc?x=1&y=2"
    desk.schedule("ada", review(conference_url=url, location=url))

    html = page.get()

    links = re.findall(r'<a href="https://meet[^>]*>.*?</a>', html)
    assert links == [
        '<a href="https://meet.acme.example/abc?x=1&amp;y=2" target="_blank" rel="noopener noreferrer nofollow">'
        "Video call</a>"
    ]
    assert "Video call</a> on meet.acme.example" in html
    assert "i-pin" not in html.partition("<main")[2]


def test_a_description_is_text_with_links_and_no_markup(desk: Desk, page: Page) -> None:
    said = '<p>Plans &amp; dates</p><script>alert("x")</script><a href="https://a.example/n">the notes</a>'
    desk.schedule("ada", review(description=said, title="<i>Review</i>", location="<b>Room</b>"))

    html = page.get()

    link = '<a href="https://a.example/n" target="_blank" rel="noopener noreferrer nofollow">https://a.example/n</a>'
    assert f"Plans &amp; dates\n\nthe notes ({link})</p>" in html
    assert "alert(" not in html
    assert "&lt;i&gt;Review&lt;/i&gt;</h1>" in html
    assert "&lt;b&gt;Room&lt;/b&gt;" in html


def test_an_occurrence_leads_to_the_ones_before_and_after(desk: Desk, ada: Member, page: Page) -> None:
    first, second, third = occurrences(desk, "ada", 0, 1, 2)
    desk.schedule("ada", replace(review(at=SOON + WEEK), uid="another"))

    found = [find_event(ada, pk, now=NOW) for pk in (first, second, third)]

    neighbours = [(one.previous and one.previous.pk, one.next and one.next.pk) for one in found]
    assert neighbours == [(None, second), (first, third), (second, None)]
    html = page.get(second)
    assert "Part of a series" in html
    assert (
        f'<a rel="prev" href="/halyard/events/{first}/" aria-label="Previous: Wed 25 Nov 2026, 09:00">'
        in html
    )
    assert f'<a rel="next" href="/halyard/events/{third}/" aria-label="Next: Wed 9 Dec 2026, 09:00">' in html


@HIDING
def test_of_a_hidden_copy_nothing_is_left(desk: Desk, ada: Member, page: Page, hide: Any) -> None:
    secret = {BOB: "declined", ADA: "declined", BEN: "declined", "eve@secret.example": "accepted"}
    desk.schedule(
        "ben",
        review(
            sequence=9,
            responses=secret,
            at=SOON + WEEK,
            title="Secret title",
            location="Secret place",
            description="Secret words",
            conference_url="https://secret.example/",
            status="tentative",
            timezone="Asia/Tokyo",
        ),
    )
    desk.schedule("ada", review())
    assert page.get().lower().count("secret") > 5

    hide(desk, "ben")

    html = page.get()
    assert "secret" not in html.lower()
    assert "Tokyo" not in html
    assert '<span class="tag"' not in html
    one = shown(ada)
    assert (one.title, one.when.machine) == ("Review", "2026-11-25T09:00:00Z")
    assert answers(one) == {BOB: "accepted", ADA: "accepted", BEN: "tentative"}


def test_an_event_of_another_workspace_is_as_missing_as_none(
    desk: Desk, ada: Member, dan: Member, signed_in: SignIn
) -> None:
    desk.schedule("ada", review())
    client = signed_in.as_(dan)

    theirs = client.get(f"/elsewhere/events/{event().pk}/")
    none = client.get(f"/elsewhere/events/{event().pk + 1000}/")
    huge = client.get(f"/elsewhere/events/{10**30}/")

    assert [one.status_code for one in (theirs, none, huge)] == [404, 404, 404]
    assert theirs.content == none.content == huge.content
    assert client.get(f"/halyard/events/{event().pk}/").content == none.content


def test_it_opens_in_place_and_as_a_page(desk: Desk, page: Page) -> None:
    desk.schedule("ada", review())
    root = f'<article class="act event" id="event-{event().pk}" data-event="{event().pk}"'

    card = page.get(headers={"HX-Request": "true"})
    restored = page.get(headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})

    assert card.strip().startswith(f"<title>Review · Halyard</title>\n{root}")
    assert "<h3" in card and "<html" not in card
    for whole in (restored, page.get()):
        assert "<title>Review · Halyard</title>" in whole
        assert whole.count("data-event=") == whole.count(root) == 1


def test_reading_is_all_one_can_do(desk: Desk, page: Page) -> None:
    desk.schedule("ada", review())

    assert page.client.post(f"/halyard/events/{event().pk}/").status_code == 405


def test_its_page_is_brought_up_to_date_as_a_page(desk: Desk, page: Page) -> None:
    desk.schedule("ada", review())

    assert 'id="main"' in page.get(headers={"HX-Request": "true", "HX-Target": "main"})
    assert 'id="main"' not in page.get(headers={"HX-Request": "true"})
