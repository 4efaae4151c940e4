"""The IMAP provider against servers that are mean."""

import base64
import ssl
import time

import pytest

from mailboxes.providers.base import (
    AuthExpired,
    SetupWrong,
    TryLater,
)
from tests.servers.certificate import write_certificate
from tests.servers.scriptedimap import (
    Asked,
    HangUp,
    authenticate,
    everything,
    imap_server,
    literal,
    no,
)

LOGIN_ONLY = b"* CAPABILITY IMAP4rev1\r\n"


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        b"220 smtp.example.org ESMTP\r\n",
        b"\x00\xff\x16\x03\x01\r\n",
        b"* BYE too many of you\r\n",
        b"* OK " + b"x" * 2_000_000,
        b"\r\n",
    ],
)
def test_greeting_that_is_none_ends_the_attempt(greeting):
    with imap_server(greeting=greeting, capability=hang_up) as there:
        with pytest.raises(TryLater):
            everything(there.provider())

        assert "hunter2" not in there.heard.text.decode("latin-1")


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_server_that_asks_nobody_who_they_are_is_refused(security):
    with imap_server(greeting=b"* PREAUTH welcome back, Cleo\r\n") as there:
        with pytest.raises(SetupWrong, match="whose mail"):
            everything(there.provider(security=security))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[AUTHENTICATIONFAILED] no", AuthExpired),
        ("[ALERT] wrong: \0ada\0hunter2", AuthExpired),
        ("hunter2 is not it", AuthExpired),
        ("[UNAVAILABLE] hunter2 later", TryLater),
        ("[LIMIT] enough", TryLater),
        ("[INUSE] locked", TryLater),
        ("[ALERT] Too many simultaneous connections. (Failure)", TryLater),
        ("[PRIVACYREQUIRED] not like this", SetupWrong),
    ],
)
def test_refused_sign_in_says_what_to_do_and_nothing_secret(text, error):
    with imap_server(authenticate=no(text)) as there:
        with pytest.raises(error) as caught:
            everything(there.provider())

    assert type(caught.value) is error
    assert "hunter2" not in f"{caught.value!r}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "where", ["capability", "authenticate", "list", "status", "examine", "search", "fetch"]
)
@pytest.mark.parametrize(
    "answer",
    [
        b"* BYE hunter2 is out\r\n",
        b"* BYE hunter2 is out\r\nTAG OK done\r\n",
        b"hunter2\r\n",
        b"* \xff\xfe\x00 (((\r\nTAG \xff\r\n",
        b"* 1 FETCH (UID 1 BODY[] {99}\r\nhunter2",
    ],
)
def test_break_off_anywhere_is_tried_again_later(where, answer):
    def reply(asked: Asked) -> bytes:
        asked.say(answer.replace(b"TAG", asked.tag))
        raise HangUp

    with imap_server(**{where: reply}) as there:
        with pytest.raises(TryLater) as caught:
            everything(there.provider())

    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 BODY[] {10737418240}\r\n",
        b"* 1 FETCH (UID 1 BODY[] {%s}\r\n" % (b"9" * 5000),
        b'* LIST () "/" {10737418240}\r\n',
    ],
)
@pytest.mark.parametrize("where", ["list", "fetch"])
def test_announcement_of_gigabytes_is_not_waited_for(where, answer):
    with imap_server(**{where: answer}) as there:
        started = time.monotonic()
        with pytest.raises(TryLater):
            everything(there.provider())

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("piece", [b"* 1 EXISTS\r\n", b"* OK [ALERT] hello\r\n", b"+ \r\n", b"x", b"\r\n"])
@pytest.mark.parametrize("where", ["capability", "authenticate", "status", "fetch"])
def test_endless_answer_is_cut(where, piece):
    def reply(asked: Asked) -> bytes:
        while True:
            asked.say(piece * 1000)

    with imap_server(**{where: reply}) as there:
        started = time.monotonic()
        with pytest.raises(TryLater):
            everything(there.provider())

    assert time.monotonic() - started < 15


@pytest.mark.parametrize("where", ["capability", "authenticate", "list", "fetch"])
@pytest.mark.parametrize("start", [b"* OK ", b"* 1 FETCH (UID 1 BODY[] {1000}\r\n"])
def test_trickle_does_not_hold_a_worker(where, start):
    def reply(asked: Asked) -> bytes:
        asked.say(start)
        while True:
            time.sleep(0.05)
            asked.say(b"x")

    with imap_server(**{where: reply}) as there:
        started = time.monotonic()
        with pytest.raises(TryLater, match="too long"):
            everything(there.provider(answer_seconds=0.3))

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "answer", [b"* ESEARCH UID ALL 1:4294967295\r\n", b"* ESEARCH UID ALL 1:900000,1000000:1900000\r\n"]
)
def test_more_messages_than_any_folder_holds_are_not_counted_out(answer):
    with imap_server(capability=b"* CAPABILITY IMAP4rev1 AUTH=PLAIN ESEARCH\r\n", search=answer) as there:
        with pytest.raises(TryLater, match="more messages than can be read"):
            everything(there.provider())


def test_line_breaks_in_credentials_are_never_sent():
    with imap_server() as there:
        for name, password in [
            ("ada\r\nA1 LOGOUT", "x"),
            ("ada", "x\nA1 LOGOUT"),
            ("ada", "x\0y"),
            ("", "x"),
        ]:
            with pytest.raises(SetupWrong, match="cannot be sent"):
                there.provider(username=name, password=password)

        assert there.heard.connections == 0


def test_line_breaks_in_folder_names_are_never_sent():
    evil = b"x\r\nA1 DELETE INBOX"
    lines = b"".join(b'* LIST () "/" %s\r\n' % literal(name) for name in (evil, b"a\nb", b"a\0b", b'q"\\'))
    with imap_server(list=b'* LIST () "/" INBOX\r\n' + lines) as there:
        everything(there.provider())

        assert [line for line in there.said if line.startswith("EXAMINE")] == [
            'EXAMINE "INBOX"',
            'EXAMINE "q\\"\\\\"',
            'EXAMINE "INBOX"',
            'EXAMINE "q\\"\\\\"',
        ]
        assert "DELETE INBOX" not in there.heard.text.decode()


@pytest.mark.parametrize(
    ("username", "password"), [('a"b\\c d', 'p" LOGOUT \\'), ("ädä", "pässwörd ✓"), ("ada", "{3}")]
)
def test_credentials_arrive_as_they_are(username, password):
    with imap_server() as plain, imap_server(capability=LOGIN_ONLY) as login:
        everything(plain.provider(username=username, password=password))
        everything(login.provider(username=username, password=password))

    assert base64.b64decode(plain.said[2]).decode().split("\0") == ["", username, password]
    quoted = [one.replace("\\", "\\\\").replace('"', '\\"') for one in (username, password)]
    assert login.said[1].encode("latin-1").decode() == 'LOGIN "{}" "{}"'.format(*quoted)


def test_secret_is_given_once():
    def twice(asked: Asked) -> bytes:
        authenticate(asked)
        authenticate(asked)
        return no("[AUTHENTICATIONFAILED] cancelled")

    with imap_server(authenticate=twice) as there:
        with pytest.raises(AuthExpired):
            everything(there.provider())

        assert there.said[3] == "*"


def test_password_waits_for_encryption_where_the_server_wants_it():
    with imap_server(capability=b"* CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS\r\n") as there:
        with pytest.raises(SetupWrong, match="over an encrypted connection only"):
            everything(there.provider())

        assert there.said[:1] == ["CAPABILITY"]
        assert [line for line in there.said if line.startswith(("LOGIN", "AUTH"))] == []


@pytest.mark.parametrize(
    "replies",
    [
        {},
        {"capability": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n", "starttls": no("not today")},
        {"capability": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n", "starttls": b"TAG BAD what\r\n"},
    ],
)
def test_missing_encryption_is_never_done_without(replies):
    with imap_server(**replies) as there:
        with pytest.raises(SetupWrong, match="does not offer STARTTLS"):
            everything(there.provider(security="starttls"))

        assert [line for line in there.said if line.startswith(("LOGIN", "AUTH"))] == []


def test_what_was_said_before_encryption_is_forgotten(tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    injected = b'* LIST () "/" Injected\r\n* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n'

    def start_tls(asked: Asked) -> bytes:
        asked.say(injected + asked.tag + b" OK go\r\n" + injected)
        with context.wrap_socket(asked.connection, server_side=True) as secure:
            while line := asked.heard.line(secure):
                tag, _, text = line.strip().partition(b" ")
                if text.startswith(b"AUTHENTICATE"):
                    secure.sendall(b"+ \r\n")
                    asked.heard.line(secure)
                said = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" if text == b"CAPABILITY" else b""
                said += b'* LIST () "/" INBOX\r\n' if text.startswith(b"LIST") else b""
                secure.sendall(said + tag + b" OK done\r\n")
        raise HangUp

    offer = b"* CAPABILITY IMAP4rev1 STARTTLS\r\n"
    with imap_server(capability=offer, starttls=start_tls) as there:
        egress = type(there.account()["egress"]).allowing(
            [f"127.0.0.1:{there.heard.port}"], ca_file=str(certificate)
        )
        provider = there.provider(host="localhost", security="starttls", egress=egress)

        assert provider.folders() == (("INBOX",), 0)


def hang_up(asked: Asked) -> bytes:
    raise HangUp
