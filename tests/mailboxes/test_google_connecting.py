"""A member connects a Google account: consent there, confirmation here, reconnecting, and what is
refused on the way."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from crm.models import Member, Notification
from mailboxes.credentials import decrypt
from mailboxes.models import Mailbox, MailboxState, MessageCopy, SyncStream
from tests.conftest import SignIn
from tests.fakes.google import Google
from tests.fakes.google_grants import AUTH
from tests.mailboxes.consentrig import answer_of, connected, google_set_up, read
from tests.mailboxes.letters import letter, stream_of

pytestmark = pytest.mark.django_db
SETTINGS = "/halyard/settings/account/email-calendar/"


@pytest.fixture
def fake() -> Iterator[Google]:
    with google_set_up() as fake:
        fake.add_user("ada@halyard.example", name="Ada Lovelace")
        yield fake


@pytest.fixture
def browser(ada: Member, signed_in: SignIn) -> Client:
    return signed_in.as_(ada)


def mailboxes() -> list[tuple[str, str]]:
    return list(Mailbox.objects.filter(kind="google").values_list("address", "state"))


def test_an_account_is_shown_before_it_is_linked(fake: Google, browser: Client) -> None:
    fake.mailbox("ada@halyard.example").add_alias("ada.l@halyard.example")
    fake.consents("ada@halyard.example")

    back = browser.get(answer_of(browser, "halyard"))
    page = browser.get(back["Location"]).content.decode()

    assert "Connect ada@halyard.example?" in page
    assert "ada.l@halyard.example" in page
    assert mailboxes() == []


def test_a_confirmed_account_is_linked_and_due(fake: Google, browser: Client, ada: Member) -> None:
    fake.mailbox("ada@halyard.example").add_alias("ada.l@halyard.example")
    fake.mailbox("ada@halyard.example").add_alias("pending@halyard.example", verified=False)

    mailbox = connected(fake, browser, ada)

    assert mailboxes() == [("ada@halyard.example", "active")]
    assert mailbox.identity == f"https://accounts.google.com {fake.grants.users[mailbox.address].sub}"
    assert mailbox.own_emails() == {"ada@halyard.example", "ada.l@halyard.example"}
    assert set(
        SyncStream.objects.filter(mailbox=mailbox, due_at__isnull=False).values_list("kind", flat=True)
    ) == {
        "mail",
        "calendar",
    }
    assert set(decrypt(mailbox.credential)) == {"access", "expires_at", "refresh"}


def test_the_question_asks_for_no_more_than_reading(fake: Google, browser: Client) -> None:
    away = browser.post("/halyard/mailboxes/consents/google/")

    asked = {name: values[0] for name, values in parse_qs(urlsplit(away["Location"]).query).items()}
    assert set(asked["scope"].split()) == {
        "openid",
        "email",
        f"{AUTH}gmail.readonly",
        f"{AUTH}calendar.events.readonly",
        f"{AUTH}calendar.calendarlist.readonly",
    }
    assert (asked["access_type"], asked["code_challenge_method"]) == ("offline", "S256")


def test_a_box_left_empty_is_explained_and_the_rest_can_be_read(
    fake: Google, browser: Client, ada: Member
) -> None:
    fake.consents("ada@halyard.example", without=(f"{AUTH}gmail.readonly",))

    back = browser.get(answer_of(browser, "halyard"))
    page = browser.get(back["Location"]).content.decode()
    browser.post(back["Location"], {"reads_mail": "on", "reads_calendar": "on"})

    assert "Google was not allowed to let us read the mail." in page
    assert list(SyncStream.objects.filter(mailbox__kind="google").values_list("kind", flat=True)) == [
        "calendar"
    ]


def test_cancelling_at_google_connects_nothing(fake: Google, browser: Client) -> None:
    fake.declines()

    page = browser.get(answer_of(browser, "halyard"))

    assert page.status_code == 400
    assert "You did not allow it at Google" in page.content.decode()
    assert mailboxes() == []


def test_an_account_that_is_not_confirmed_leaves_nothing(fake: Google, browser: Client) -> None:
    fake.consents("ada@halyard.example")
    back = browser.get(answer_of(browser, "halyard"))

    browser.post("/halyard/mailboxes/consents/google/refusal/")
    again = browser.post(back["Location"], {"reads_mail": "on"})

    assert again["Location"] == SETTINGS
    assert mailboxes() == []


def test_the_session_holds_no_token_in_clear(fake: Google, browser: Client) -> None:
    fake.consents("ada@halyard.example")

    browser.get(answer_of(browser, "halyard"))

    tokens = [*fake.grants.access, *fake.grants.refresh]
    assert len(tokens) >= 2
    assert [token for token in tokens if token in str(dict(browser.session))] == []


# Answers that nobody asked for.


def test_an_answer_without_its_question_connects_nothing(
    fake: Google, browser: Client, ben: Member, signed_in: SignIn
) -> None:
    fake.consents("ada@halyard.example")
    answer = answer_of(browser, "halyard")
    state = parse_qs(urlsplit(answer).query)["state"][0]
    refused = [
        browser.get("/accounts/connections/google/callback/?code=1"),
        browser.get("/accounts/connections/google/callback/?code=1&state=wrong"),
        signed_in.as_(ben).get(answer),
        browser.get(f"/accounts/connections/microsoft/callback/?code=1&state={state}"),
        Client().get(answer),
    ]

    assert [page.status_code for page in refused] == [400, 400, 400, 400, 302]
    assert refused[-1]["Location"].startswith("/accounts/login/")
    assert mailboxes() == []


def test_an_answer_counts_once(fake: Google, browser: Client) -> None:
    fake.consents("ada@halyard.example")
    answer = answer_of(browser, "halyard")

    first, second = browser.get(answer), browser.get(answer)

    assert (first.status_code, second.status_code) == (302, 400)


def test_another_members_address_is_refused(
    fake: Google, ben: Member, signed_in: SignIn, ada: Member
) -> None:
    fake.consents("ada@halyard.example")
    browser = signed_in.as_(ben)
    back = browser.get(answer_of(browser, "halyard"))

    page = browser.post(back["Location"], {"reads_mail": "on"})

    assert "ada@halyard.example is the address of Ada here." in page.content.decode()
    assert mailboxes() == []


# Reconnecting.


def test_a_revoked_account_asks_once_to_reconnect(fake: Google, browser: Client, ada: Member) -> None:
    mailbox = connected(fake, browser, ada)
    fake.revoke(mailbox.address)
    fake.log.clear()

    read(mailbox)

    mailbox.refresh_from_db()
    assert mailbox.state == MailboxState.NEEDS_RECONNECT
    assert Notification.objects.filter(member=ada, kind="needs_reconnect").count() == 1
    assert len(fake.log.of("POST", "/token")) == 1


def test_reconnecting_goes_on_where_it_stopped(fake: Google, browser: Client, ada: Member) -> None:
    mailbox = connected(fake, browser, ada)
    read(mailbox)
    cursor = stream_of(mailbox).cursor
    fake.revoke(mailbox.address)
    read(mailbox)

    done = browser.get(answer_of(browser, "halyard", mailbox=mailbox))

    mailbox.refresh_from_db()
    assert (done["Location"], mailbox.state, stream_of(mailbox).cursor) == (SETTINGS, "active", cursor)
    assert [counts.quarantined for counts in read(mailbox)] == [0, 0]
    assert stream_of(mailbox).last_error == ""


def test_reconnecting_as_somebody_else_is_refused(fake: Google, browser: Client, ada: Member) -> None:
    mailbox = connected(fake, browser, ada)
    before = bytes(mailbox.credential)
    fake.add_user("other@halyard.example")
    fake.consents("other@halyard.example")

    page = browser.get(answer_of(browser, "halyard", mailbox=mailbox))

    mailbox.refresh_from_db()
    assert page.status_code == 400
    assert "You signed in as other@halyard.example" in page.content.decode()
    assert bytes(mailbox.credential) == before


def test_connecting_the_same_account_again_updates_it(fake: Google, browser: Client, ada: Member) -> None:
    first = connected(fake, browser, ada)
    read(first)

    again = connected(fake, browser, ada)

    assert (again.pk, Mailbox.objects.filter(kind="google").count()) == (first.pk, 1)
    assert stream_of(again).cursor == stream_of(first).cursor


# Who is offered what.


def test_members_see_no_provider_that_is_not_set_up(browser: Client, cleo: Member, signed_in: SignIn) -> None:
    admin = signed_in.as_(cleo)

    member_sees = browser.get(SETTINGS).content.decode()
    admin_sees = admin.get(SETTINGS).content.decode()
    steps = admin.get("/halyard/mailboxes/consents/google/new/").content.decode()

    assert "Google" not in member_sees
    assert "Set up Google" in admin_sees
    assert "http://127.0.0.1:8000/accounts/connections/google/callback/" in steps
    assert browser.get("/halyard/mailboxes/consents/google/new/").status_code == 404


# Choosing what is read.


def test_what_is_unticked_is_taken_away(fake: Google, browser: Client, ada: Member) -> None:
    mail = fake.mailbox("ada@halyard.example")
    mail.deliver(letter(1).encode(), labels=["INBOX"])
    mail.deliver(letter(2).encode(), labels=["INBOX", "CATEGORY_UPDATES"])
    mailbox = connected(fake, browser, ada)
    read(mailbox)
    before = MessageCopy.objects.filter(mailbox=mailbox).count()
    form = browser.get(f"/halyard/mailboxes/{mailbox.pk}/consented-account/").content.decode()
    folders = ["CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_FORUMS"]

    browser.post(
        f"/halyard/mailboxes/{mailbox.pk}/consented-account/",
        {"reads_mail": "on", "reads_calendar": "on", "folders": folders, "calendars": [mailbox.address]},
    )
    read(mailbox)

    assert "Updates" in form
    mailbox.refresh_from_db()
    assert mailbox.settings == {"mail": {"left_out": ["CATEGORY_UPDATES"]}, "calendar": {}}
    assert (before, MessageCopy.objects.filter(mailbox=mailbox).count()) == (2, 1)


def test_nobody_at_home_is_said_without_a_server_of_googles(
    fake: Google, browser: Client, ada: Member, settings: Any
) -> None:
    mailbox = connected(fake, browser, ada)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings.GOOGLE_MAIL_URL = settings.GOOGLE_CALENDAR_URL = f"http://127.0.0.1:{port}"
    settings.EGRESS_ALLOWED_NETWORKS = [*settings.EGRESS_ALLOWED_NETWORKS, f"127.0.0.1:{port}"]

    page = browser.get(f"/halyard/mailboxes/{mailbox.pk}/consented-account/").content.decode()

    assert "Google does not answer at the moment. Folders and calendars" in page
    assert str(port) not in page
