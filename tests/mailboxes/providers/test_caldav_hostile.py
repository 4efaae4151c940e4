"""The CalDAV provider against servers that are mean."""

import socket
import ssl
import time

import pytest

from mailboxes.egress import REFUSED, Egress
from mailboxes.providers.base import (
    AuthExpired,
    SetupWrong,
    TryLater,
    Unreadable,
)
from mailboxes.providers.caldav.provider import CalDavCalendar, Checked, check
from tests.servers.certificate import write_certificate
from tests.servers.loopback import Heard, listening
from tests.servers.scripteddav import (
    ABOUT,
    EVENT,
    IN_WORK,
    Asked,
    Server,
    answer,
    everything,
    has,
    ids,
    is_,
    item,
    multistatus,
    read_request,
    server,
    text,
)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("when", ["propfind_0", "propfind_1", "sync_collection"])
def test_redirect_to_another_server_is_refused_and_nothing_is_sent_there(host, when):
    with server() as other:
        location = f"Location: http://{host}:{other.heard.port}/ada/"
        with server(**{when: answer("301 Moved Permanently", b"", location)}) as there:
            provider = there.provider(ports=(other.heard.port,))

            with pytest.raises(SetupWrong, match=f"another one, http://{host}:{other.heard.port}"):
                list(provider.list_changes(""))

            assert other.heard.connections == 0
            assert b"Authorization: Basic" in there.heard.text


def test_event_that_redirects_elsewhere_is_left_and_nothing_is_sent_there():
    with server() as other:
        moved = answer("302 Found", b"", f"Location: http://localhost:{other.heard.port}/one.ics")
        with server(calendar_multiget=multistatus(), get=moved) as there:
            provider = there.provider(ports=(other.heard.port,))
            fetched = list(provider.fetch(ids("one.ics")))

        assert fetched == [
            Unreadable(IN_WORK + "one.ics", "The server says that this event is on another server.")
        ]
        assert other.heard.connections == 0


def test_server_that_the_first_one_points_to_is_offered():
    moved = answer("301 Moved Permanently", b"", "Location: https://user:pw@caldav.example.com/dav/?x=1")
    with server(propfind_0=moved) as there:
        checked = check(**there.account())

    assert checked == Checked(
        failed="find the calendars",
        problem="The server points to another one, https://caldav.example.com. "
        "If you trust it, enter https://caldav.example.com/dav/ instead.",
        elsewhere="https://caldav.example.com/dav/",
    )


@pytest.mark.parametrize("prop", ["c:calendar-home-set", "d:current-user-principal"])
def test_home_on_another_server_is_offered_and_not_asked(prop):
    with server() as other:
        href = f"<{prop}><d:href>http://localhost:{other.heard.port}/ada/</d:href></{prop}>"
        with server(propfind_0=multistatus(has("/", href))) as there:
            with pytest.raises(SetupWrong, match="points to another one"):
                list(there.provider(ports=(other.heard.port,)).list_changes(""))

        assert other.heard.connections == 0


def test_redirects_on_the_same_server_are_followed_three_times():
    def moved(asked: Asked) -> bytes:
        steps = {"/.well-known/caldav": "/1", "/1": "2", "/2": "/3"}
        step = steps.get(asked.path)
        return answer("307 Temporary Redirect", b"", f"Location: {step}") if step else ABOUT

    with server(propfind_0=moved) as there:
        listings = list(there.provider().list_changes(""))

    assert len(listings) == 1
    assert [asked.path for asked in there.asked[:4]] == ["/.well-known/caldav", "/1", "/2", "/3"]


def test_redirect_loop_ends():
    with server(propfind_0=answer("302 Found", b"", "Location: /again")) as there:
        with pytest.raises(SetupWrong, match="from one address to the next"):
            list(there.provider().list_changes(""))

        assert there.heard.connections == 4


@pytest.mark.parametrize(
    "href",
    [
        "/ada/private/one.ics",
        "/ada/work/../private/one.ics",
        "/ada/work/%2e%2e/private/one.ics",
        "/ada/work/%2E%2E%2Fprivate%2Fone.ics",
        "/ada/work/..%5Cprivate%5Cone.ics",
        "/ada/work/deeper/one.ics",
        "/ada/work/",
        "/ada/work",
        "/ada/workshop/one.ics",
        "//localhost/ada/work/one.ics",
        "http://localhost/ada/work/one.ics",
        "https://127.0.0.1/ada/work/one.ics",
        "one.ics",
        "/ada/work/one.ics?export",
        "http://[/ada/work/one.ics",
        "",
    ],
)
def test_href_outside_the_calendar_is_ignored(href):
    strange = [item(href, base=""), is_(href, "404 Not Found")]
    with server(
        sync_collection=multistatus(*strange, item("two.ics"), token="t1"),
        calendar_multiget=multistatus(text("spoof", href=href), text("two")),
    ) as there:
        provider = there.provider()
        listed = [one.provider_id for listing in provider.list_changes("") for one in listing.items]
        changed = list(provider.list_changes(there.cursor(token="t0")))
        fetched = list(provider.fetch(ids("two.ics")))

    assert listed == ids("two.ics")
    assert [(len(listing.items), list(listing.removed)) for listing in changed] == [(1, [])]
    assert [one.raw for one in fetched] == [EVENT.format("two").replace("\r\n", "\n").strip().encode()]


def test_spelling_of_an_href_does_not_matter():
    def spelled(asked: Asked) -> bytes:
        absolute = f"http://{asked.headers['host']}/ada/work/%c3%bc.ics"
        hrefs = ("/ada/work/a%40b.ics", "/%61da/work/a@c.ics", absolute)
        return multistatus(*(item(href, base="") for href in hrefs), token="t1")

    with server(sync_collection=spelled) as there:
        listings = list(there.provider().list_changes(""))

    assert [one.provider_id for one in listings[0].items] == ids("a%40b.ics", "a%40c.ics", "%C3%BC.ics")


def test_endless_listing_is_cut_off():
    def endless(asked: Asked) -> bytes:
        return answer("207 Multi-Status", b"<" + b"x" * 50 * 2**20)

    with server(propfind_1=endless) as there:
        started = time.monotonic()
        with pytest.raises(TryLater, match="more than it was asked for"):
            list(there.provider().list_changes(""))

    assert time.monotonic() - started < 5


def test_listing_that_says_no_size_is_cut_off():
    def endless(connection: socket.socket, heard: Heard) -> None:
        read_request(connection, heard)
        connection.sendall(b"HTTP/1.1 207 Multi-Status\r\n\r\n<d:multistatus xmlns:d='DAV:'>")
        for _ in range(800):
            connection.sendall(b"<d:response/>" * 5000)

    with listening(endless) as heard, pytest.raises(TryLater, match="more than it was asked for"):
        list(Server(heard, []).provider().list_changes(""))


def test_millions_of_empty_elements_are_refused():
    many = answer("207 Multi-Status", b"<d:multistatus xmlns:d='DAV:'>" + b"<a/>" * 4_000_000)
    with server(propfind_1=many) as there, pytest.raises(TryLater, match="too many parts"):
        list(there.provider().list_changes(""))


BOMBS = {
    "entities": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;&b;&b;</x>',
    "file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "outside": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
    "cut": '<d:multistatus xmlns:d="DAV:"><d:response>',
    "page": "<!doctype html><html><p>Sign in</html>",
    "binary": "\x00\x01\x02",
    "empty": "",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_xml_that_is_a_bomb_or_none_at_all_is_refused(bomb):
    garbage = answer("207 Multi-Status", BOMBS[bomb])
    with server(propfind_1=garbage) as there, pytest.raises(TryLater, match="no proper XML"):
        list(there.provider().list_changes(""))


def test_deep_xml_is_refused():
    deep = answer("207 Multi-Status", "<d:multistatus xmlns:d='DAV:'>" + "<a>" * 100_000)
    with server(propfind_1=deep) as there, pytest.raises(TryLater, match="too many parts"):
        list(there.provider().list_changes(""))


def test_compressed_answer_is_refused():
    packed = answer(
        "401 Unauthorized", b"\x1f\x8b", "Content-Encoding: gzip", 'WWW-Authenticate: Digest realm="x"'
    )
    with server(propfind_0=packed) as there, pytest.raises(TryLater, match="compressed"):
        list(there.provider().list_changes(""))


@pytest.mark.parametrize(
    ("status", "words"),
    [("404 Not Found", "No calendars found at 127.0.0.1"), ("403 Forbidden", "403 Forbidden” for /")],
)
def test_server_without_calendars_is_a_mistake_of_the_owner(status, words):
    with server(propfind_0=answer(status)) as there, pytest.raises(SetupWrong, match=words):
        list(there.provider().list_changes(""))


def test_web_page_in_place_of_an_answer_means_no_calendars():
    with server(propfind_0=answer("200 OK", BOMBS["page"])) as there:
        with pytest.raises(SetupWrong, match="No calendars found"):
            list(there.provider().list_changes(""))


def test_digest_is_spoken_where_it_is_asked_for():
    def digest(asked: Asked) -> bytes:
        if asked.headers.get("authorization", "").startswith('Digest username="ada"'):
            return ABOUT
        challenge = 'WWW-Authenticate: Digest realm="dav", nonce="abc", qop="auth", algorithm=SHA-256'
        return answer("401 Unauthorized", b"", challenge)

    with server(propfind_0=digest) as there:
        listings = list(there.provider().list_changes(""))

    kinds = [asked.headers.get("authorization", "none").split(" ")[0] for asked in there.asked]
    assert len(listings) == 1
    assert kinds == ["Basic", "none", "Digest", "Digest", "Digest"]


@pytest.mark.parametrize(
    "challenge", ["Digest realm=x", 'Digest realm="x", nonce="y", algorithm=ROT13', "Digest x"]
)
def test_unknown_way_of_signing_in_is_named(challenge):
    refused = answer("401 Unauthorized", b"", f"WWW-Authenticate: {challenge}")
    with server(propfind_0=refused) as there, pytest.raises(SetupWrong, match="do not know"):
        list(there.provider().list_changes(""))


def test_password_that_is_no_longer_accepted_asks_to_reconnect():
    refused = answer("401 Unauthorized", b"", "WWW-Authenticate: Basic realm=x")
    with server(calendar_multiget=refused) as there, pytest.raises(AuthExpired):
        everything(there.provider())


@pytest.mark.parametrize(
    ("url", "username", "password"),
    [
        ("https://dav.example.com/\r\nX: y", "ada", "secret"),
        ("https://dav.example.com/", "ada\r\nX: y", "secret"),
        ("https://dav.example.com/", "ada", "secret\x00"),
        ("https://dav.example.com/", "", "secret"),
        ("https://ada:secret@dav.example.com/", "ada", "secret"),
        ("ftp://dav.example.com/", "ada", "secret"),
        ("https://dav.example.com/%2e%2e/b", "ada", "secret"),
        ("https://dav.example.com:port/", "ada", "secret"),
        ("https://" + "a/" * 2000, "ada", "secret"),
        ("", "ada", "secret"),
    ],
)
def test_account_that_cannot_be_sent_is_refused_at_once(url, username, password):
    with pytest.raises(SetupWrong):
        CalDavCalendar(url=url, username=username, password=password, egress=Egress())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0177.0.0.1", "2130706433", "0x7f.1", "①②⑦.0.0.1", "[::1]", "localhost", "10.0.0.1"]
)
def test_addresses_inside_are_refused_in_the_same_words(host):
    checked = check(url=f"https://{host}/", username="ada", password="secret", egress=Egress())

    assert checked == Checked(failed="find the calendars", problem=REFUSED)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("localhost:{port}", "/.well-known/caldav"),
        ("ada@localhost:{port}", "/.well-known/caldav"),
        (" https://localhost:{port}/dav ", "/dav"),
        ("LOCALHOST:{port}/dav/ada/?a=b#c", "/dav/ada/"),
    ],
)
def test_address_is_read_as_a_member_writes_it(tmp_path, written, path):
    certificate, key = write_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    asked: list[Asked] = []

    def talk(connection: socket.socket, heard: Heard) -> None:
        asked.append(read_request(connection, heard))
        connection.sendall(answer("404 Not Found"))

    with listening(talk, tls=tls) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate))
        url = written.format(port=heard.port)
        checked = check(url=url, username="ada", password="secret", egress=egress)

    assert checked == Checked(
        failed="find the calendars", problem="No calendars found at localhost. Check the address."
    )
    assert asked[0].path == path


def test_password_is_not_sent_unencrypted_outside_the_administrators_networks():
    with server() as there:
        egress = Egress(ports=frozenset({there.heard.port}))

        checked = check(**there.account(egress=egress))

        assert checked == Checked(failed="find the calendars", problem=REFUSED)
        assert there.heard.connections == 0
