"""The IMAP provider against servers that are mean, or merely odd."""

import base64
import ssl
import time
from datetime import UTC, datetime

import pytest

from mailboxes.providers.base import (
    AuthExpired,
    FetchedMail,
    Missing,
    SetupWrong,
    TryLater,
    Unreadable,
)
from mailboxes.providers.imap import check
from mailboxes.providers.imap_folders import Folder
from mailboxes.providers.rawmail import LARGEST_HEAD, LARGEST_MESSAGE
from tests.servers.certificate import write_certificate
from tests.servers.engine import Engine
from tests.servers.scriptedimap import (
    GREETING,
    RAW,
    VALIDITY,
    Asked,
    HangUp,
    authenticate,
    body,
    everything,
    facts,
    fetch,
    ids,
    imap_server,
    literal,
    no,
    sizes,
)

ARRIVED = datetime(2026, 1, 5, 10, tzinfo=UTC)
LOGIN_ONLY = b"* CAPABILITY IMAP4rev1\r\n"


def mail(uid: int) -> FetchedMail:
    return FetchedMail(ids(uid)[0], RAW[uid], len(RAW[uid]), ARRIVED)


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        b"220 smtp.example.org ESMTP\r\n",
        b"\x00\xff\x16\x03\x01\r\n",
        b"* BYE too many of you\r\n",
        b"* OK " + b"x" * 2_000_000,
        b"",
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
        b"* 1 FETCH (UID 1 FLAGS %s\r\nTAG OK done\r\n" % (b"(" * 100_000),
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


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 0 -1 4294967296 x 1 1 {3 99999999999999999999 2 (MODSEQ 9)\r\n",
        b"* SEARCH 2\r\n* SEARCH 1\r\n",
    ],
)
def test_search_gives_what_can_be_a_number(answer):
    with imap_server(search=answer) as there:
        assert sorted(item.provider_id for item in everything(there.provider())) == ids(1, 2)


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
        assert "DELETE" not in there.heard.text.decode()


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


def test_message_that_is_refused_is_unreadable_and_the_rest_goes_on():
    def bodies(asked: Asked) -> bytes:
        return b"".join(body(uid) for uid in asked.uids if uid != 2) + (
            no("[SERVERBUG] corrupted") if 2 in asked.uids else b""
        )

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    refused = Unreadable(ids(2)[0], "The mail server would not hand this message over.", len(RAW[2]))
    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), refused, mail(3)]


@pytest.mark.parametrize(
    "odd",
    [
        b"* 2 FETCH (UID 2 FLAGS ([x) BODY[] {3}\r\nabc)\r\n",
        b"* 2 FETCH (UID 2 BODY[] NIL)\r\n",
        b'* 2 FETCH (UID 2 BODY[] "")\r\n',
        b"* 2 FETCH (UID 2 BODY[])\r\n",
        b"* 2 FETCH (UID 2 BODY[] 5)\r\n",
    ],
)
def test_message_whose_answer_is_odd_is_unreadable_and_the_rest_goes_on(odd):
    def bodies(asked: Asked) -> bytes:
        return b"".join(odd if uid == 2 else body(uid) for uid in asked.uids)

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    garbled = Unreadable(ids(2)[0], "The mail server's answer for this message cannot be read.", len(RAW[2]))
    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), garbled, mail(3)]


def test_message_left_out_of_the_answer_has_gone():
    def bodies(asked: Asked) -> bytes:
        return b"* 9 FETCH (FLAGS (\\Seen))\r\n" + b"".join(body(uid) for uid in asked.uids if uid != 2)

    with imap_server(fetch=fetch(bodies)) as there:
        fetched = everything(there.provider())

    assert sorted(fetched, key=lambda one: one.provider_id) == [mail(1), Missing(ids(2)[0]), mail(3)]


def test_server_that_is_busy_makes_nothing_unreadable():
    with imap_server(fetch=fetch(lambda asked: no("[LIMIT] slow down"))) as there:
        with pytest.raises(TryLater, match="busy"):
            everything(there.provider())


def test_sizes_that_the_server_will_not_say_do_not_matter():
    bodies = fetch(lambda asked: b"".join(map(body, asked.uids)), sizes=lambda asked: no("no sizes"))
    with imap_server(fetch=bodies) as there:
        fetched = everything(there.provider())

    expected = [FetchedMail(ids(uid)[0], RAW[uid], len(RAW[uid]), None) for uid in (3, 2, 1)]
    assert fetched == expected


@pytest.mark.parametrize("size", [0, 10_000_000])
def test_sizes_that_are_wrong_do_not_matter(size):
    large = b"Subject: large\r\n\r\n" + b"x" * 5_000_000
    bodies = fetch(lambda asked: b"".join(body(uid, large) for uid in asked.uids), sizes=sizes(size))
    with imap_server(search=b"* SEARCH 1 2\r\n", fetch=bodies) as there:
        fetched = everything(there.provider())

    assert [(item.raw == large, item.size) for item in fetched] == [(True, len(large))] * 2


def test_huge_message_is_asked_for_its_head_only():
    head = b"Subject: huge\r\n\r\n"
    only_head = fetch(lambda asked: body(1, head, key=b"BODY[HEADER]<0>"), sizes=sizes(LARGEST_MESSAGE + 1))
    with imap_server(search=b"* SEARCH 1\r\n", fetch=only_head) as there:
        fetched = everything(there.provider())

        assert there.said[-1] == f"UID FETCH 1 (UID BODY.PEEK[HEADER]<0.{LARGEST_HEAD}>)"
    assert fetched == [FetchedMail(ids(1)[0], head, LARGEST_MESSAGE + 1, ARRIVED)]


def test_folder_numbered_anew_between_list_and_fetch_is_missing():
    numbers = iter([VALIDITY, VALIDITY + 1])

    def examine(asked: Asked) -> bytes:
        return b"* 3 EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % next(numbers)

    with imap_server(examine=examine) as there:
        fetched = everything(there.provider())

        assert [line for line in there.said if "BODY" in line] == []
    assert sorted(fetched, key=lambda one: one.provider_id) == [Missing(one) for one in ids(1, 2, 3)]


@pytest.mark.parametrize(
    "dates",
    [b"", b'INTERNALDATE "not a date"', b"INTERNALDATE NIL", b'INTERNALDATE "01-Jan-9999 00:00:00 +9999"'],
)
def test_dates_that_are_none_leave_the_message(dates):
    def answer(asked: Asked) -> bytes:
        if b"BODY" in asked.text:
            return b"".join(map(body, asked.uids))
        return b"".join(b"* %d FETCH (UID %d RFC822.SIZE 9 %s)\r\n" % (uid, uid, dates) for uid in asked.uids)

    with imap_server(fetch=answer) as there:
        fetched = everything(there.provider())

    assert [(item.raw, item.received_at) for item in fetched] == [(RAW[uid], None) for uid in (3, 2, 1)]


def hang_up(asked: Asked) -> bytes:
    raise HangUp
