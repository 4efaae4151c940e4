"""The dialog in which members connect, edit and reconnect accounts on servers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from crm.models import Member
from mailboxes.accounts.connecting import connect_servers
from mailboxes.credentials import decrypt
from mailboxes.models import Mailbox, MailboxKind, MessageCopy, StreamKind, SyncStream
from mailboxes.running import run_now
from mailboxes.views import connecting as views
from tests.conftest import SignIn
from tests.desk import Desk
from tests.mailboxes import letters
from tests.servers import radicale as radicale_server
from tests.servers.dovecot import PASSWORD, Dovecot, MailUser, dovecot
from tests.servers.radicale import Radicale, event

HTMX = {"HTTP_HX_REQUEST": "true"}
SECRET = "SEEDED-SECRET"
FORM = {
    "address": "ada@halyard.example",
    "password": SECRET,
    "reads_mail": "on",
    "imap_host": "no-such-host.invalid",
    "security": "tls",
}


@pytest.fixture(scope="module")
def mail_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture(scope="module")
def event_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with radicale_server.radicale(tmp_path_factory.mktemp("radicale")) as server:
        ada = server.add_user("ada")
        ada.make_calendar("work")
        ada.put("work/one.ics", event("one"))
        yield server


@pytest.fixture
def user(mail_server: Dovecot, event_server: Radicale, settings: Any) -> Iterator[MailUser]:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{mail_server.port}", f"127.0.0.1:{event_server.port}"]
    user = mail_server.new_user()
    user.deliver(letters.letter(1).replace("\n", "\r\n").encode())
    yield user
    user.close()


def filled(user: MailUser, event_server: Radicale, **others: str) -> dict[str, str]:
    return {
        "address": "ada@halyard.example",
        "username": user.name,
        "password": PASSWORD,
        "reads_mail": "on",
        "imap_host": "127.0.0.1",
        "imap_port": str(user.server.port),
        "security": "none",
        "reads_calendar": "on",
        "caldav_url": event_server.url,
        "calendar_username": "ada",
        "calendar_password": radicale_server.PASSWORD,
        **others,
    }


def connected(member: Member) -> Mailbox:
    imap = {"host": "imap.halyard.example", "port": 993, "security": "tls", "username": "ada"}
    return connect_servers(
        member, address=member.user.email, imap=imap, passwords={"imap": SECRET}, aliases=["byron@x.example"]
    )


def shown(html: str) -> dict[str, str]:
    """What the fields of a form say."""
    found = {}
    for tag in re.findall(r"<input[^>]+>", html):
        name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and value:
            found[name[1]] = value[1]
    return found


# Servers


def test_new_servers_dialog_guesses_hosts_as_placeholders_alone(ada: Member, signed_in: SignIn) -> None:
    html = signed_in.as_(ada).get("/halyard/mailboxes/servers/new/", **HTMX).content.decode()

    fields = shown(html)
    assert fields["address"] == "ada@halyard.example"
    assert {"imap_host", "caldav_url", "password"} & set(fields) == set()
    assert 'placeholder="imap.halyard.example"' in html
    assert 'placeholder="https://halyard.example/"' in html
    assert '<option value="none"' not in html
    assert "<html" not in html


def test_new_servers_opened_alone_is_a_page(ada: Member, signed_in: SignIn) -> None:
    html = signed_in.as_(ada).get("/halyard/mailboxes/servers/new/").content.decode()

    assert html.count("<html") == 1
    assert shown(html)["address"] == "ada@halyard.example"


def test_unencrypted_is_offered_where_an_administrator_allows_networks(
    ada: Member, signed_in: SignIn, settings: Any
) -> None:
    browser = signed_in.as_(ada)
    refused = browser.post("/halyard/mailboxes/servers/", FORM | {"security": "none"}, **HTMX)
    settings.EGRESS_ALLOWED_NETWORKS = ["10.0.0.0/8"]

    offered = browser.get("/halyard/mailboxes/servers/new/", **HTMX)

    assert "none is not one of the available choices" in refused.content.decode()
    assert '<option value="none"' in offered.content.decode()


def test_connecting_reads_both_servers_and_closes_the_dialog(
    ada: Member, signed_in: SignIn, user: MailUser, event_server: Radicale
) -> None:
    response = signed_in.as_(ada).post("/halyard/mailboxes/servers/", filled(user, event_server), **HTMX)

    mailbox = Mailbox.objects.get(kind=MailboxKind.IMAP)
    assert (response.status_code, response.content) == (204, b"")
    assert json.loads(response["HX-Trigger"]) == {"accounts-changed": True}
    assert (mailbox.member, mailbox.address) == (ada, "ada@halyard.example")
    assert decrypt(mailbox.credential) == {"imap": PASSWORD, "caldav": radicale_server.PASSWORD}
    assert SyncStream.objects.filter(mailbox=mailbox, due_at__isnull=False).count() == 2
    run_now(mailbox.streams.get(kind=StreamKind.MAIL))
    assert list(MessageCopy.objects.values_list("subject", flat=True)) == ["SUBJECT1"]


def test_a_failure_is_named_by_server_and_step_and_keeps_all_but_the_passwords(
    ada: Member,
    signed_in: SignIn,
    user: MailUser,
    event_server: Radicale,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    form = filled(user, event_server, password=SECRET, aliases="byron@x.example")

    html = signed_in.as_(ada).post("/halyard/mailboxes/servers/", form, **HTMX).content.decode()

    assert "<b>Mail</b>" in html
    assert "Could not sign in." in html
    assert "Works: work" in html
    assert SECRET not in html
    assert radicale_server.PASSWORD not in html
    assert [one for one in (SECRET, radicale_server.PASSWORD) if one in caplog.text] == []
    assert shown(html)["imap_host"] == "127.0.0.1"
    assert ">byron@x.example</textarea>" in html
    assert Mailbox.objects.filter(kind=MailboxKind.IMAP).count() == 0


def test_refused_and_forged_addresses_get_one_text(ada: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)
    told = set()
    for host in ("127.0.0.1", "10.0.0.1", "2130706433", "169.254.169.254"):
        html = browser.post(
            "/halyard/mailboxes/servers/", FORM | {"imap_host": host}, **HTMX
        ).content.decode()
        told.add(re.search(r"Could not [^<]*", html)[0])  # type: ignore[index]

    assert told == {
        "Could not connect. This server&#x27;s address or port is not allowed here. "
        "An administrator can allow it."
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reads_mail": ""}, "Switch on mail, the calendar, or both."),
        ({"imap_host": ""}, "Name the mail server, perhaps imap.halyard.example."),
        ({"password": ""}, "Enter the password for mail."),
        ({"address": "nobody"}, "This is not an email address."),
        ({"aliases": "ada@x.example nobody"}, "“nobody” is not an email address."),
        ({"history_from": "2999-01-01"}, "This day is yet to come."),
        ({"address": "ben@halyard.example"}, "ben@halyard.example is the address of Ben here."),
        ({"aliases": "ben@halyard.example"}, "ben@halyard.example is the address of Ben here."),
        (
            {"reads_calendar": "on", "caldav_url": f"https://ada:{SECRET}@dav.example/"},
            "Leave the user name and password out of the calendar’s address.",
        ),
    ],
)
def test_what_cannot_be_right_is_said_before_anything_is_tried(
    ada: Member, signed_in: SignIn, change: dict[str, str], says: str
) -> None:
    html = signed_in.as_(ada).post("/halyard/mailboxes/servers/", FORM | change, **HTMX).content.decode()

    assert says in html
    assert SECRET not in html
    assert "Could not" not in html
    assert Mailbox.objects.filter(kind=MailboxKind.IMAP).count() == 0


def test_an_account_that_is_connected_is_offered_for_editing(ada: Member, signed_in: SignIn) -> None:
    mailbox = connected(ada)

    html = signed_in.as_(ada).post("/halyard/mailboxes/servers/", FORM, **HTMX).content.decode()

    assert "ada@halyard.example is connected already." in html
    assert f'hx-get="/halyard/mailboxes/{mailbox.pk}/account/"' in html


def test_below_pro_a_second_account_is_refused_before_the_form(desk: Desk, signed_in: SignIn) -> None:
    desk.workspace.plan = "plus"
    desk.workspace.save()
    browser = signed_in.as_(desk.members["ada"])

    asked = browser.get("/halyard/mailboxes/servers/new/", **HTMX).content.decode()
    posted = browser.post("/halyard/mailboxes/servers/", FORM, **HTMX).content.decode()

    for html in (asked, posted):
        assert "On the Plus plan a member connects one account" in html
        assert "password" not in html


def test_trying_often_has_to_wait(ada: Member, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_TRIES", 1)
    browser = signed_in.as_(ada)

    first, second = (browser.post("/halyard/mailboxes/servers/", FORM, **HTMX) for _ in range(2))

    assert "There is no server of that name" in first.content.decode()
    assert "Wait ten minutes" in second.content.decode()


# Edit and reconnect


def test_the_edit_dialog_shows_everything_but_the_secret(ada: Member, signed_in: SignIn) -> None:
    mailbox = connected(ada)

    html = signed_in.as_(ada).get(f"/halyard/mailboxes/{mailbox.pk}/account/", **HTMX).content.decode()

    fields = shown(html)
    assert SECRET not in html
    assert (fields["imap_host"], fields["imap_port"], fields["username"]) == (
        "imap.halyard.example",
        "993",
        "ada",
    )
    assert "password" not in fields
    assert ">byron@x.example</textarea>" in html


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["ben", "cleo"])
def test_somebody_elses_account_does_not_exist(
    ada: Member, cleo: Member, ben: Member, signed_in: SignIn, method: str, who: str
) -> None:
    mailbox = connected(ada)
    before = bytes(mailbox.credential)
    browser = signed_in.as_({"ben": ben, "cleo": cleo}[who])

    response = getattr(browser, method)(f"/halyard/mailboxes/{mailbox.pk}/account/", FORM, **HTMX)

    mailbox.refresh_from_db()
    assert (response.status_code, bytes(mailbox.credential)) == (404, before)


def test_an_empty_password_keeps_the_stored_one_and_a_switch_stops_the_calendar(
    ada: Member, signed_in: SignIn, user: MailUser, event_server: Radicale
) -> None:
    browser = signed_in.as_(ada)
    form = filled(user, event_server)
    browser.post("/halyard/mailboxes/servers/", form, **HTMX)
    mailbox = Mailbox.objects.get(kind=MailboxKind.IMAP)
    edited = {k: v for k, v in form.items() if k not in ("reads_calendar", "password", "calendar_password")}

    response = browser.post(f"/halyard/mailboxes/{mailbox.pk}/account/", edited, **HTMX)

    mailbox.refresh_from_db()
    assert response.status_code == 204
    assert decrypt(mailbox.credential) == {"imap": PASSWORD}
    assert mailbox.streams.get(kind=StreamKind.CALENDAR).due_at is None


@pytest.mark.parametrize(
    "change",
    [
        {"imap_host": "imap.evil.example"},
        {"security": "starttls"},
        {"imap_port": "143"},
        {"reads_mail": "", "reads_calendar": "on", "caldav_url": "https://evil.example/"},
    ],
)
def test_a_stored_password_is_never_sent_anywhere_else(
    ada: Member, signed_in: SignIn, change: dict[str, str]
) -> None:
    mailbox = connected(ada)
    before = (mailbox.settings, bytes(mailbox.credential))
    form = FORM | {"imap_host": "imap.halyard.example", "imap_port": "993", "username": "ada", "password": ""}

    html = (
        signed_in.as_(ada)
        .post(f"/halyard/mailboxes/{mailbox.pk}/account/", form | change, **HTMX)
        .content.decode()
    )

    mailbox.refresh_from_db()
    assert re.search(r"[Ee]nter the password for", html)
    assert "Could not" not in html
    assert (mailbox.settings, bytes(mailbox.credential)) == before


def test_another_user_name_is_asked_about(ada: Member, signed_in: SignIn) -> None:
    mailbox = connected(ada)
    form = FORM | {"username": "byron"}

    html = signed_in.as_(ada).post(f"/halyard/mailboxes/{mailbox.pk}/account/", form, **HTMX).content.decode()

    assert "So far this account was read as ada." in html
    assert 'name="is_same_account"' in html
    assert "Could not" not in html


def test_without_htmx_a_saved_account_leads_back_to_the_settings(
    ada: Member, signed_in: SignIn, user: MailUser, event_server: Radicale
) -> None:
    response = signed_in.as_(ada).post("/halyard/mailboxes/servers/", filled(user, event_server))

    assert (response.status_code, response["Location"]) == (302, "/halyard/settings/account/email-calendar/")
