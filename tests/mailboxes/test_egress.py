import socket
import ssl
import threading
import time
from ipaddress import ip_address

import httpx
import pytest

from mailboxes import egress as door
from mailboxes.egress import REFUSED, Egress, Meter, NotAllowed, http_client, same_origin
from mailboxes.providers.base import SetupWrong, TryLater
from tests.servers.certificate import write_certificate
from tests.servers.loopback import Heard, answering, free_port, listening, response

SPELLINGS = [
    "127.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "①②⑦.0.0.1",
    "１２７.0.0.1",
    "[::ffff:127.0.0.1]",
    "::ffff:7f00:1",
    "[::1]",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "0",
    "0.0.0.0",
    "[::]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "ff02::1",
    "fe80::1",
    "fec0::1",
    "fd00:ec2::254",
    "2001:db8::1",
    "127.0.0.1\r\nA1 LOGOUT",
    "127.0.0.1\x00.example.com",
    "user@127.0.0.1",
    "127.0.0.1/..",
    "",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_inside_address_is_refused_in_the_same_words(spelling):
    with pytest.raises(NotAllowed) as caught:
        Egress().resolve(spelling, 993)

    assert str(caught.value) == REFUSED


def test_refused_spellings_connect_to_nothing(monkeypatch):
    with listening(lambda connection, heard: None) as heard:
        # The port is a usual one here, so that the address alone decides.
        monkeypatch.setattr(door, "PORTS", door.PORTS | {heard.port})
        for spelling in SPELLINGS:
            with pytest.raises(NotAllowed):
                Egress().open_socket(spelling, heard.port)
        for spelling in ("127.0.0.1", "0177.0.0.1", "2130706433", "127.1", "[::ffff:127.0.0.1]"):
            # httpx itself will have nothing to do with octal ones.
            with http_client(Egress()) as client, pytest.raises((NotAllowed, httpx.InvalidURL)):
                client.get(f"https://{spelling}:{heard.port}/")

        assert heard.connections == 0
        Egress.allowing(["127.0.0.1"]).open_socket("127.1", heard.port).close()
        _until(lambda: heard.connections == 1)


@pytest.mark.parametrize("port", [0, 22, 25, 80, 5432, 6379, 8000])
def test_only_ports_of_mail_and_https_are_allowed(port):
    with pytest.raises(NotAllowed):
        Egress().resolve("9.9.9.9", port)
    with pytest.raises(NotAllowed):
        Egress.allowing(["10.0.0.0/8"]).resolve("10.0.0.1", port)


@pytest.mark.parametrize("host", ["9.9.9.9", "2620:fe::fe", "[2620:fe::fe]", "64:ff9b::909:909"])
def test_public_addresses_are_allowed(host):
    assert Egress().resolve(host, 993) == (ip_address(host.strip("[]")),)


def test_an_administrators_network_is_allowed_with_its_own_ports():
    egress = Egress.allowing(["10.0.0.0/8", "192.168.1.2:8443", "[fd00::/8]:8443"], ports=[444])

    assert egress.resolve("10.9.9.9", 993)
    assert egress.resolve("::ffff:10.9.9.9", 993)
    assert egress.resolve("192.168.1.2", 8443)
    assert egress.resolve("fd00::1", 8443)
    assert egress.resolve("9.9.9.9", 444)
    for host, port in (
        ("10.9.9.9", 8443),
        ("192.168.1.3", 993),
        ("9.9.9.9", 8443),
        ("127.0.0.1", 993),
    ):
        with pytest.raises(NotAllowed):
            egress.resolve(host, port)


def test_private_means_the_administrators_networks_only():
    egress = Egress.allowing(["10.0.0.0/8"])

    assert egress.resolve("10.0.0.1", 143, private=True)
    with pytest.raises(NotAllowed):
        egress.resolve("9.9.9.9", 143, private=True)


@pytest.mark.parametrize("network", ["10.0.0.0/40", "example.com", "10.0.0.0/8:x", "[fd00::/8"])
def test_network_that_cannot_be_read_is_named(network):
    with pytest.raises(ValueError, match="is no network"):
        Egress.allowing([network])


@pytest.mark.parametrize("host", ["nosuch.invalid", "a" * 70 + ".example.com", "ü" * 70])
def test_unknown_host_is_a_mistake_of_the_owner(host):
    with pytest.raises(SetupWrong, match="no server of that name"):
        Egress().resolve(host, 993)


def test_server_that_does_not_answer_is_tried_later():
    port = free_port()

    with pytest.raises(TryLater, match="does not answer"):
        Egress.allowing([f"127.0.0.1:{port}"]).open_socket("127.0.0.1", port)


def test_http_goes_to_the_checked_address_and_names_the_host(tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    with listening(answering(response("200 OK", body=b"hello")), tls=context) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate))
        with http_client(egress) as client:
            body = client.get(f"https://localhost:{heard.port}/").read()

    assert body == b"hello"
    assert named == ["localhost"]
    assert f"Host: localhost:{heard.port}".encode() in heard.text


def test_what_http_speaks_is_not_offered_to_mail_servers(tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    spoken: list[str | None] = []

    def talk(connection: ssl.SSLSocket, heard: Heard) -> None:
        spoken.append(connection.selected_alpn_protocol())
        answering(response("200 OK"))(connection, heard)

    with listening(talk, tls=context) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate))
        with http_client(egress) as client:
            client.get(f"https://localhost:{heard.port}/")
        plain = egress.open_socket("localhost", heard.port)
        with egress.tls("imap").wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"\r\n")
            connection.recv(1)

    assert spoken == ["http/1.1", None]


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example.com"])
def test_certificate_must_be_trusted_and_for_this_host(tmp_path, name):
    certificate, key = write_certificate(tmp_path, name=name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ca_file = str(certificate) if name != "localhost" else ""
    with listening(answering(response("200 OK")), tls=context) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=ca_file)
        with http_client(egress) as client, pytest.raises(httpx.ConnectError) as caught:
            client.get(f"https://localhost:{heard.port}/")

        problem = door.connection_problem(caught.value, "localhost")
        assert isinstance(problem, SetupWrong)
        assert "certificate of localhost cannot be trusted" in str(problem)
        assert heard.lines == []


def test_unencrypted_http_needs_the_administrators_network():
    public = "93.184.215.14"
    everywhere = Egress(ports=frozenset({80}))
    assert [str(ip) for ip in everywhere.resolve(public, 80)] == [public]
    with http_client(everywhere) as client, pytest.raises(NotAllowed):
        client.get(f"http://{public}/")  # nobody is asked

    with listening(answering(response("200 OK"))) as heard:
        with http_client(Egress.allowing([f"127.0.0.1:{heard.port}"])) as client:
            assert client.get(f"http://127.0.0.1:{heard.port}/").status_code == 200


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", "http://localhost:{port}/"])
def test_redirect_is_not_followed_and_nobody_is_told_the_password(target):
    with listening(answering(response("200 OK"))) as other:
        location = f"Location: {target.format(port=other.port)}"
        with listening(answering(response("302 Found", location))) as heard:
            egress = Egress.allowing([f"127.0.0.1:{heard.port}", f"127.0.0.1:{other.port}"])
            with http_client(egress, auth=httpx.BasicAuth("ada", "secret")) as client:
                answer = client.get(f"http://127.0.0.1:{heard.port}/")

        assert answer.status_code == 302
        assert other.connections == 0
        assert b"Authorization" in heard.text


def test_same_origin_compares_scheme_host_and_port():
    base = httpx.URL("https://dav.example.com/a")

    assert same_origin(base, httpx.URL("https://DAV.example.com:443/b"))
    for other in (
        "http://dav.example.com/a",
        "https://dav.example.com:8443/a",
        "https://example.com/a",
        "https://dav.example.com.evil.example/a",
    ):
        assert not same_origin(base, httpx.URL(other))


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with listening(answering(response("200 OK"))) as proxy, listening(answering(response("200 OK"))) as heard:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        with http_client(Egress.allowing([f"127.0.0.1:{heard.port}"])) as client:
            client.get(f"http://127.0.0.1:{heard.port}/")

        assert proxy.connections == 0


def test_answer_and_session_are_capped_in_bytes():
    meter = Meter(1000, answer_bytes=600, answer_seconds=60)
    meter.count(600)
    meter.begin_answer()
    meter.count(300)

    with pytest.raises(TryLater, match="more than it was asked for"):
        meter.count(101)


def test_answer_is_capped_in_time():
    meter = Meter(1000, answer_bytes=600, answer_seconds=0.01)
    threading.Event().wait(0.02)

    with pytest.raises(TryLater, match="too long"):
        meter.count(1)


def test_http_server_that_never_stops_is_cut_off():
    def talk(connection: socket.socket, heard: Heard) -> None:
        while heard.line(connection).strip():
            pass
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with listening(talk) as heard:
        egress = Egress(Egress.allowing([f"127.0.0.1:{heard.port}"]).networks, session_bytes=1_000_000)
        with http_client(egress) as client, pytest.raises(TryLater):
            client.get(f"http://127.0.0.1:{heard.port}/")


def _until(is_true) -> None:
    deadline = time.monotonic() + 5
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_true()
