"""Requests through the door: refused addresses, redirects, environment, limits."""

import hashlib
import socket
import ssl
import threading

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from mailboxes import egress as door
from mailboxes.egress import REFUSED, Egress, NotAllowed, connection_problem
from mailboxes.egress_requests import AnswerTooLarge, GuardedAdapter, GuardedSession, guarded_session
from mailboxes.providers.base import ProviderError, SetupWrong, TryLater, Unreachable
from tests.servers.certificate import write_certificate
from tests.servers.loopback import Heard, answering, free_port, listening, response

SPELLINGS = [
    "127.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "[::ffff:127.0.0.1]",
    "[::1]",
    "[64:ff9b::7f00:1]",
    "localhost",
    "localhost.",
    "0",
]


def problem_of(session: requests.Session, url: str, **options: object) -> ProviderError:
    with pytest.raises(requests.ConnectionError) as caught:
        session.get(url, **options)  # type: ignore[arg-type]
    return connection_problem(caught.value, "the host")


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_every_spelling_of_an_inside_address_is_refused_in_the_same_words(monkeypatch, scheme):
    with listening(lambda connection, heard: None) as heard:
        # The port is a usual one here, so that the address alone decides.
        monkeypatch.setattr(door, "PORTS", door.PORTS | {heard.port})
        session = guarded_session(Egress())

        problems = [problem_of(session, f"{scheme}://{one}:{heard.port}/") for one in SPELLINGS]

        assert {(type(one), str(one)) for one in problems} == {(NotAllowed, REFUSED)}
        assert heard.connections == 0


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "/elsewhere"])
def test_redirect_is_not_followed_and_nobody_is_told_the_password(target):
    with listening(answering(response("200 OK"))) as other:
        location = f"Location: {target.format(port=other.port)}"
        with listening(answering(response("302 Found", location))) as heard:
            session = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}", f"127.0.0.1:{other.port}"]))
            answer = session.get(f"http://127.0.0.1:{heard.port}/", auth=("ada", "secret"))

        assert answer.status_code == 302
        assert (heard.connections, other.connections) == (1, 0)
        assert b"Authorization: Basic" in heard.text


def test_tls_goes_to_the_checked_address_and_names_the_host(tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    with listening(answering(response("200 OK", body=b"hello")), tls=context) as heard:
        egress = Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate))

        body = guarded_session(egress).get(f"https://localhost:{heard.port}/").content

    assert body == b"hello"
    assert named == ["localhost"]
    assert f"Host: localhost:{heard.port}".encode() in heard.text


def test_ntlm_finds_the_certificate_it_binds_itself_to(tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(answering(response("401 Unauthorized", body=b"no")), tls=context) as heard:
        session = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=str(certificate)))

        answer = session.get(f"https://localhost:{heard.port}/", stream=True)

        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).digest()
        assert HttpNtlmAuth("ada", "secret")._get_server_cert(answer) == digest


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example.com"])
def test_certificate_must_be_trusted_and_for_this_host_whatever_the_caller_says(tmp_path, name):
    certificate, key = write_certificate(tmp_path, name=name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ca_file = str(certificate) if name != "localhost" else ""
    with listening(answering(response("200 OK")), tls=context) as heard:
        session = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}"], ca_file=ca_file))

        problem = problem_of(session, f"https://localhost:{heard.port}/", verify=False)

        assert isinstance(problem, SetupWrong)
        assert "certificate of localhost cannot be trusted" in str(problem)
        assert heard.lines == []


def test_unencrypted_http_needs_the_administrators_network():
    with listening(answering(response("200 OK"))) as heard:
        refused = problem_of(guarded_session(Egress(ports=frozenset({80}))), "http://93.184.215.14/")
        within = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}"]))
        allowed = within.get(f"http://127.0.0.1:{heard.port}/")

        assert (type(refused), allowed.status_code, heard.connections) == (NotAllowed, 200, 1)


def test_nothing_of_the_environment_is_used(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    with listening(answering(response("200 OK"))) as proxy, listening(answering(response("200 OK"))) as heard:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        session = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}"]))

        session.get(f"http://127.0.0.1:{heard.port}/", proxies={"http": f"http://127.0.0.1:{proxy.port}"})

        assert (proxy.connections, heard.connections) == (0, 1)
        assert b"Authorization" not in heard.text
        assert b"Accept-Encoding: identity" in heard.text


def test_server_that_does_not_answer_is_tried_later():
    port = free_port()

    problem = problem_of(guarded_session(Egress.allowing([f"127.0.0.1:{port}"])), f"http://127.0.0.1:{port}/")

    assert (type(problem), str(problem)) == (
        Unreachable,
        f"The server 127.0.0.1 does not answer on port {port}.",
    )


def test_compressed_answer_is_not_taken():
    bomb = response("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8b")
    with listening(answering(bomb)) as heard:
        session = guarded_session(Egress.allowing([f"127.0.0.1:{heard.port}"]))

        with pytest.raises(requests.ConnectionError, match="compresses"):
            session.get(f"http://127.0.0.1:{heard.port}/")


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("start", [HEAD + b"\r\n", HEAD], ids=["body", "headers"])
def test_answer_that_never_ends_is_cut_off(start):
    def talk(connection: socket.socket, heard: Heard) -> None:
        while heard.line(connection).strip():
            pass
        connection.sendall(start)
        while True:
            connection.sendall(b"x: " + b"x" * 50_000 + b"\r\n")

    with listening(talk) as heard:
        adapter = GuardedAdapter(Egress.allowing([f"127.0.0.1:{heard.port}"]), answer_bytes=300_000)
        with pytest.raises(requests.RequestException) as caught:
            GuardedSession(adapter).get(f"http://127.0.0.1:{heard.port}/")

    problem = connection_problem(caught.value, "the host")
    assert (type(problem), str(problem)) == (AnswerTooLarge, "The server sent more than it was asked for.")


def test_answer_that_drips_is_cut_off():
    def talk(connection: socket.socket, heard: Heard) -> None:
        while heard.line(connection).strip():
            pass
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.05)

    with listening(talk) as heard:
        adapter = GuardedAdapter(Egress.allowing([f"127.0.0.1:{heard.port}"]), answer_seconds=0.3)
        with pytest.raises(requests.RequestException) as caught:
            GuardedSession(adapter).get(f"http://127.0.0.1:{heard.port}/")

    problem = connection_problem(caught.value, "the host")
    assert (type(problem), str(problem)) == (TryLater, "The server takes too long to answer.")
