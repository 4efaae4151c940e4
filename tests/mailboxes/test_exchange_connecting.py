"""A member connects a mailbox on an Exchange server with the form, edits and reconnects it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from crm.models import Member
from mailboxes.credentials import decrypt
from mailboxes.models import EventCopy, Mailbox, MessageCopy, SyncStream
from tests.conftest import SignIn
from tests.fakes.exchange import Exchange, exchange
from tests.mailboxes.consentrig import places, read
from tests.mailboxes.letters import EVENT, letter, stream_of

pytestmark = pytest.mark.django_db
ADA, PASSWORD = "ada@halyard.example", "s3cret-of-ada"
FORM = "/halyard/mailboxes/exchange/"


@pytest.fixture
def fake(settings: Any) -> Iterator[Exchange]:
    with exchange() as fake:
        settings.EGRESS_ALLOWED_NETWORKS = places(fake.url)
        fake.add_user(ADA, password=PASSWORD, username="CORP\\ada")
        fake.mailbox(ADA).deliver(letter(1).encode(), "inbox")
        ics = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{EVENT.format(n=25)}END:VCALENDAR\r\n"
        fake.calendar(ADA).import_ics(ics.encode())
        yield fake


@pytest.fixture
def browser(ada: Member, signed_in: SignIn) -> Client:
    return signed_in.as_(ada)


def filled(fake: Exchange, **more: str | list[str]) -> dict[str, str | list[str]]:
    return {
        "address": ADA,
        "endpoint": fake.url,
        "username": "CORP\\ada",
        "password": PASSWORD,
        "auth": "basic",
        "reads_mail": "on",
        "reads_calendar": "on",
        **more,
    }


def connected(fake: Exchange, browser: Client, **more: str) -> Mailbox:
    done = browser.post(FORM, filled(fake, **more))
    assert done.status_code == 302, done.content.decode()
    return Mailbox.objects.get(kind="exchange")


def all_ticked(browser: Client, url: str, *, besides: str = "") -> dict[str, str | list[str]]:
    choices = browser.get(url).context["form"].choices
    return {
        "folders": [one.id for one in choices.mail if one.name != besides],
        "calendars": [one.id for one in choices.calendars],
    }


def test_a_mailbox_is_connected_and_read(fake: Exchange, browser: Client) -> None:
    mailbox = connected(fake, browser)

    read(mailbox)

    assert set(mailbox.settings) == {"mail", "calendar"}
    assert PASSWORD not in str(mailbox.settings)
    assert list(MessageCopy.objects.values_list("subject", flat=True)) == ["SUBJECT1"]
    assert list(EventCopy.objects.values_list("title", flat=True)) == ["MEETING25"]
    assert [stream.last_error for stream in SyncStream.objects.filter(mailbox=mailbox)] == ["", ""]


def test_a_wrong_password_is_named_and_nothing_is_saved(fake: Exchange, browser: Client) -> None:
    page = browser.post(FORM, filled(fake, password="wrong-one")).content.decode()

    assert "Could not sign in." in page
    assert "wrong-one" not in page
    assert not Mailbox.objects.filter(kind="exchange").exists()


def test_exchange_online_is_pointed_to_microsoft(fake: Exchange, browser: Client) -> None:
    page = browser.post(FORM, filled(fake, endpoint="https://outlook.office365.com/EWS/Exchange.asmx"))

    assert "Microsoft" in page.content.decode()
    assert not Mailbox.objects.filter(kind="exchange").exists()


def test_a_service_account_reads_the_mailbox_of_the_address(fake: Exchange, browser: Client) -> None:
    fake.add_service_account("CORP\\svc", "svc-secret", may_impersonate=True)

    mailbox = connected(fake, browser, username="CORP\\svc", password="svc-secret", impersonate="on")
    read(mailbox)

    assert MessageCopy.objects.count() == 1


def test_a_new_password_at_the_server_asks_to_reconnect(fake: Exchange, browser: Client) -> None:
    mailbox = connected(fake, browser)
    read(mailbox)
    cursor = stream_of(mailbox).cursor
    fake.account("CORP\\ada").password = "another"
    read(mailbox)
    mailbox.refresh_from_db()
    before = mailbox.state

    url = f"/halyard/mailboxes/{mailbox.pk}/exchange-account/"
    empty = browser.post(url, filled(fake, password=""))
    done = browser.post(url, filled(fake, password="another"))

    mailbox.refresh_from_db()
    assert (before, mailbox.state, done.status_code) == ("needs_reconnect", "active", 302)
    assert "Could not sign in." in empty.content.decode()
    assert stream_of(mailbox).cursor == cursor
    assert decrypt(mailbox.credential) == {"mail": "another", "calendar": "another"}


def test_a_stored_password_goes_nowhere_else(fake: Exchange, browser: Client) -> None:
    mailbox = connected(fake, browser)

    url = f"/halyard/mailboxes/{mailbox.pk}/exchange-account/"

    page = browser.post(
        url,
        filled(fake, password="", endpoint="https://evil.example/EWS/Exchange.asmx")
        | all_ticked(browser, url),
    )

    assert "Enter the password." in page.content.decode()


def test_a_folder_that_is_unticked_is_taken_away(fake: Exchange, browser: Client) -> None:
    fake.mailbox(ADA).add_folder("Clients")
    fake.mailbox(ADA).deliver(letter(2).encode(), "Clients")
    mailbox = connected(fake, browser)
    read(mailbox)
    before = MessageCopy.objects.count()
    url = f"/halyard/mailboxes/{mailbox.pk}/exchange-account/"
    ticked = all_ticked(browser, url, besides="Clients")

    browser.post(url, filled(fake, password="", **ticked))
    read(mailbox)

    assert (before, list(MessageCopy.objects.values_list("subject", flat=True))) == (2, ["SUBJECT1"])
    assert EventCopy.objects.count() == 1


def test_what_is_switched_off_is_not_read_and_comes_back(fake: Exchange, browser: Client) -> None:
    mailbox = connected(fake, browser)
    url = f"/halyard/mailboxes/{mailbox.pk}/exchange-account/"
    whole = filled(fake, password="") | all_ticked(browser, url)
    without = {name: value for name, value in whole.items() if name != "reads_calendar"}

    browser.post(url, without)
    off = stream_of(mailbox, "calendar").due_at
    browser.post(url, whole | {"password": PASSWORD})

    assert off is None
    assert stream_of(mailbox, "calendar").due_at is not None


def test_the_stored_password_is_kept_whichever_part_is_switched_off(fake: Exchange, browser: Client) -> None:
    mailbox = connected(fake, browser)
    url = f"/halyard/mailboxes/{mailbox.pk}/exchange-account/"
    whole = filled(fake, password="") | all_ticked(browser, url)
    without = {name: value for name, value in whole.items() if name != "reads_mail"}

    assert [browser.post(url, form).status_code for form in (without, without, whole)] == [302, 302, 302]

    mailbox.refresh_from_db()
    assert set(mailbox.settings) == {"mail", "calendar"}
