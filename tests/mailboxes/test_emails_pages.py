"""The Emails tab, threads and messages as pages and fragments."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import AccessLevel, Company, Member
from mailboxes.models import AccessRequest, EmailMessage, Thread
from mailboxes.parsing.values import Attachment
from tests.conftest import SignIn
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@halyard.example", "Bob Hale <bob@acme.example>"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def thread(desk: Desk) -> Thread:
    letter = mail("1@x", ADA, BOB, subject="Floor plans")
    attached = Attachment("plans.pdf", "application/pdf", 2048)
    body = "Here they are.\n\nOn Monday Bob wrote:\n> Could you send them?\n> Thanks\n> Bob"
    desk.put("ada", replace(letter, text=body, attachments=(attached,)))
    return Thread.objects.get()


def emails_url() -> str:
    return f"/halyard/companies/{Company.objects.get().pk}/emails/"


def text(client: Client, url: str, **headers: str) -> str:
    response = client.get(url, **headers)  # type: ignore[arg-type]
    assert response.status_code == 200, url
    return response.content.decode()


def test_the_owner_reads_a_thread_beside_the_list(thread: Thread, ada: Member, signed_in: SignIn) -> None:
    page = text(signed_in.as_(ada), emails_url())

    assert f'data-thread="{thread.pk}" data-access="full"' in page
    assert "Floor plans" in page and "Here they are." in page and "plans.pdf" in page
    assert '<details class="quoted">' in page


def test_a_colleague_gets_a_lock_and_a_way_to_ask(thread: Thread, ben: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ben)

    for url in (emails_url(), f"/halyard/emails/{thread.pk}/", f"/halyard/emails/{thread.pk}/row/"):
        page = text(browser, url)
        assert 'data-access="metadata"' in page and "Request access" in page
        assert [one for one in ("Floor plans", "Here they are", "plans.pdf") if one in page] == []


def test_a_fragment_is_a_part_of_the_page(thread: Thread, ada: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)

    for url in (emails_url(), f"/halyard/emails/{thread.pk}/"):
        assert "<html" in text(browser, url)
        fragment = text(browser, url, **HTMX)
        assert "<html" not in fragment and "Floor plans" in fragment
        assert "<html" in text(browser, url, HTTP_HX_HISTORY_RESTORE_REQUEST="true", **HTMX)


def test_a_message_opens_and_folds(thread: Thread, ada: Member, ben: Member, signed_in: SignIn) -> None:
    message = EmailMessage.objects.get()
    url = f"/halyard/messages/{message.pk}/"

    assert "Here they are." in text(signed_in.as_(ada), url)
    assert "plans.pdf" not in text(signed_in.as_(ada), f"{url}?closed")
    assert 'data-access="metadata"' in text(signed_in.as_(ben), url)
    assert signed_in.as_(ada).get(f"{url}body/").headers["Content-Security-Policy"].startswith("sandbox ")
    assert signed_in.as_(ben).get(f"{url}body/").status_code == 404


def test_asking_answering_and_taking_back_over_the_wire(
    thread: Thread, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    owner, asker = signed_in.as_(ada), signed_in.as_(ben)
    url = f"/halyard/emails/{thread.pk}/access-requests/"

    assert "Full access" in text(asker, f"{url}new/", **HTMX)
    asked = asker.post(url, {"level": "3", "note": "For the review"}, **HTMX)  # type: ignore[arg-type]
    assert (asked.status_code, asked.headers["HX-Trigger"]) == (
        204,
        f'{{"thread-{thread.pk}-changed": true}}',
    )
    request = AccessRequest.objects.get()
    assert 'data-request="pending"' in text(asker, emails_url())
    assert "For the review" in text(owner, f"/halyard/emails/{thread.pk}/")
    answer = f"/halyard/access-requests/{request.pk}"
    assert asker.post(f"{answer}/approval/", {"level": "3", "scope": "thread"}).status_code == 404
    assert owner.post(f"{answer}/approval/", {"level": "9", "scope": "thread"}).status_code == 400
    assert owner.post(f"{answer}/approval/", {"level": "3", "scope": "record"}).status_code == 400
    plain = owner.post(f"{answer}/approval/", {"level": "3", "scope": "thread"})
    assert plain.headers["Location"] == f"/halyard/emails/{thread.pk}/"
    assert "Floor plans" in text(asker, emails_url())
    again = owner.post(f"{answer}/refusal/", **HTMX)  # type: ignore[arg-type]
    assert "approved already" in again.content.decode()

    saved = owner.post(f"/halyard/emails/{thread.pk}/access/", {"audience": "default"}, **HTMX)  # type: ignore[arg-type]

    assert saved.status_code == 204
    assert "Floor plans" not in text(asker, emails_url())


@pytest.mark.parametrize(
    "bad",
    [
        {"audience": "nobody"},
        {"audience": "selected", "member-1x": "3"},
        {"audience": "selected", "member-999999": "3"},
        {"audience": "workspace", "everyone": "1"},
        {"audience": "selected", "team-1": "4"},
    ],
)
def test_a_form_our_page_does_not_send_is_refused(
    thread: Thread, ada: Member, signed_in: SignIn, bad: dict[str, str]
) -> None:
    response = signed_in.as_(ada).post(f"/halyard/emails/{thread.pk}/access/", bad)

    assert response.status_code == 400


def test_manage_access_says_who_would_see_what_before_it_is_saved(
    thread: Thread, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    company = Company.objects.get()
    browser = signed_in.as_(ada)
    form = {"audience": "selected", f"member-{ben.pk}": str(AccessLevel.SUBJECT.value)}

    draft = browser.post(f"/halyard/companies/{company.pk}/access/draft/", form, **HTMX)  # type: ignore[arg-type]

    page = draft.content.decode()
    assert 'data-change="up"' in page and "new, was metadata only" in page
    assert "Floor plans" not in text(signed_in.as_(ben), emails_url())


@pytest.mark.parametrize("messages", [1, 3])
def test_pages_take_a_fixed_number_of_statements(
    desk: Desk, ada: Member, signed_in: SignIn, messages: int
) -> None:
    desk.put("ada", *(mail(f"{n}@x", ADA, BOB, references=("0@x",)) for n in range(messages)))
    desk.put("ada", *(mail(f"t{n}@x", ADA, BOB) for n in range(messages)))
    browser, thread = signed_in.as_(ada), Thread.objects.order_by("pk")[0]
    counts = {}
    for url in (emails_url(), f"/halyard/emails/{thread.pk}/", "/halyard/notifications/"):
        browser.get(url)
        with CaptureQueriesContext(connection) as captured:
            browser.get(url)
        counts[url.rpartition("/halyard/")[2].split("/")[0]] = len(captured)

    assert counts == {"companies": 13, "emails": 8, "notifications": 3}


def test_of_a_thread_that_is_open_in_part_the_rest_can_be_asked_for(
    thread: Thread, desk: Desk, ben: Member, signed_in: SignIn
) -> None:
    reply = mail("2@x", BOB, "ben@halyard.example", subject="Re: Floor plans")
    desk.put("ben", replace(reply, in_reply_to="1@x", references=("1@x",)))
    browser = signed_in.as_(ben)

    page = text(browser, f"/halyard/emails/{thread.pk}/")
    whole = text(signed_in.as_(desk.members["ada"]), f"/halyard/emails/{thread.pk}/")

    assert 'data-access="full"' in page
    assert "1 more message here is not shared with you" in page and "Request access" in page
    assert "1 more message here" in whole
