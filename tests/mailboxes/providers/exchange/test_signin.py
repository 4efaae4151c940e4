"""Ways to an Exchange server: NTLM, and autodiscover that tells nobody else the password."""

import base64
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import spnego
from exchangelib.autodiscover import cache

from mailboxes.egress import Egress
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater
from mailboxes.providers.exchange.discovery import find_endpoint
from mailboxes.providers.exchange.errors import ONLINE
from mailboxes.providers.exchange.mail import ExchangeMail
from mailboxes.providers.exchange.protocol import Login
from tests.contracts.http import HTTP
from tests.fakes.exchange import Exchange, exchange
from tests.mailboxes.letters import letter
from tests.mailboxes.providers.exchange.rig import ADA, SECRET, USER, Connection, ids, listings, own, scripted

ENDPOINT = "https://mail.corp.example/EWS/Exchange.asmx"
Answered = tuple[int, Mapping[str, str], bytes]


# NTLM


class Ntlm:
    """In front of the fake: signs in connections as Windows does, and passes on what they say."""

    def __init__(self, fake: Exchange) -> None:
        self.fake, self.handshakes, self.users = fake, 0, set[str]()

    def __call__(self, connection: Connection, body: bytes) -> Answered:
        if connection.state and connection.state.complete:
            return self._passed_on(body)
        said = connection.headers.get("Authorization", "")
        if not said.startswith("NTLM "):
            return 401, {"WWW-Authenticate": "NTLM"}, b""
        if connection.state is None:
            connection.state, self.handshakes = spnego.server(protocol="ntlm"), self.handshakes + 1
        try:
            token = connection.state.step(base64.b64decode(said[5:]))
        except spnego.exceptions.SpnegoError:
            connection.state = None
            return 401, {"WWW-Authenticate": "NTLM"}, b""
        if connection.state.complete:
            self.users.add(connection.state.client_principal)
            return self._passed_on(body)
        return 401, {"WWW-Authenticate": f"NTLM {base64.b64encode(token).decode()}"}, b""

    def _passed_on(self, body: bytes) -> Answered:
        kind = {"Content-Type": "text/xml; charset=utf-8"}
        answer = HTTP.post(self.fake.url, content=body, headers=kind, auth=(USER, SECRET))
        return answer.status_code, kind, answer.content


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who may sign in, for the other side of NTLM."""
    users = tmp_path / "users"
    users.write_text("CORP:ada:secret\n:ada@corp.example:secret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))


def by_ntlm(url: str, username: str, password: str) -> ExchangeMail:
    return ExchangeMail(
        endpoint=f"{url}/EWS/Exchange.asmx",
        address=ADA,
        username=username,
        password=password,
        auth="ntlm",
        egress=Egress.allowing([urlsplit(url).netloc]),
    )


@pytest.mark.usefixtures("domain")
@pytest.mark.parametrize(
    ("username", "known_as"), [("CORP\\ada", "CORP\\ada"), ("ada@corp.example", "ada@corp.example")]
)
def test_ntlm_signs_in_once_for_a_connection(username: str, known_as: str) -> None:
    with exchange() as fake:
        one = fake.add_user(ADA, password=SECRET, username=USER).deliver(letter(1).encode())
        guard = Ntlm(fake)
        with scripted(guard) as url:
            found = ids(listings(by_ntlm(url, username, "secret")))

    assert [own(each) for each in found] == [one]
    assert (guard.handshakes, guard.users) == (1, {known_as})


@pytest.mark.usefixtures("domain")
def test_wrong_password_by_ntlm_asks_to_reconnect() -> None:
    with exchange() as fake, scripted(Ntlm(fake)) as url:
        with pytest.raises(AuthExpired, match="does not accept"):
            list(by_ntlm(url, "CORP\\ada", "wrong").list_changes(""))

        assert fake.log.calls == []


@pytest.mark.parametrize(
    ("auth", "offered", "name"), [("ntlm", "Basic realm=x", "NTLM"), ("basic", "NTLM", "Basic")]
)
def test_way_of_signing_in_that_is_not_offered_is_named(auth: str, offered: str, name: str) -> None:
    with scripted(lambda connection, body: (401, {"WWW-Authenticate": offered}, b"")) as url:
        mail = by_ntlm(url, "ada", "secret") if auth == "ntlm" else basic(url)

        with pytest.raises(SetupWrong, match=f"way of signing in .{name}."):
            list(mail.list_changes(""))


def basic(url: str) -> ExchangeMail:
    return ExchangeMail(
        endpoint=url,
        address=ADA,
        username="ada",
        password="secret",
        egress=Egress.allowing([urlsplit(url).netloc]),
    )


@pytest.mark.parametrize(
    ("location", "kind", "words"),
    [
        ("https://outlook.office365.com/EWS/Exchange.asmx", SetupWrong, "Microsoft button"),
        ("https://login.corp.example/owa/auth", TryLater, "not with Exchange Web Services"),
        ("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx", TryLater, "not with Exchange"),
    ],
)
def test_redirect_is_not_followed(location: str, kind: type, words: str) -> None:
    asked = []

    def talk(connection: Connection, body: bytes) -> Answered:
        asked.append(connection.path)
        return 302, {"Location": location, "Connection": "close"}, b""

    with scripted(talk) as url, pytest.raises(ProviderError) as caught:
        list(basic(url).list_changes(""))

    assert (type(caught.value), words in str(caught.value)) == (kind, True)
    assert asked == ["/EWS/Exchange.asmx"]


# Autodiscover


class Directory:
    """Of autodiscover. `asked` is what each request had for a password."""

    def __init__(self, user_response: str, *, challenge: str = 'Negotiate, Basic realm="x"') -> None:
        self.user_response, self.challenge = user_response, challenge
        self.asked: list[str] = []

    def __call__(self, connection: Connection, body: bytes) -> Answered:
        said = connection.headers.get("Authorization", "")
        self.asked.append(said)
        if not said:
            return 401, {"WWW-Authenticate": self.challenge}, b""
        if base64.b64decode(said.removeprefix("Basic ")) != f"{USER}:{SECRET}".encode():
            return 401, {"WWW-Authenticate": self.challenge}, b""
        return 200, {"Content-Type": "text/xml"}, settings(self.user_response).encode()


def settings(user_response: str) -> str:
    return f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response>
<ErrorCode>NoError</ErrorCode><ErrorMessage /><UserResponses><UserResponse>{user_response}</UserResponse>
</UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>"""


def naming(**urls: str) -> str:
    told = (
        f"<UserSetting><Name>{name}</Name><Value>{url}</Value></UserSetting>" for name, url in urls.items()
    )
    return f"<ErrorCode>NoError</ErrorCode><UserSettings>{''.join(told)}</UserSettings>"


def login(*places: str, password: str = SECRET, auth: str = "basic", address: str = ADA) -> Login:
    egress = Egress.allowing([urlsplit(one).netloc for one in places])
    return Login("", address, USER, password, auth, False, egress)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where exchangelib would put down what autodiscover has found."""
    monkeypatch.setattr(cache, "AUTODISCOVER_PERSISTENT_STORAGE", tmp_path / "shelf" / "cache")
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


def test_server_is_found_by_the_address_and_nothing_is_put_down(shelf: Path) -> None:
    directory = Directory(
        naming(ExternalEwsUrl=ENDPOINT, InternalEwsUrl="https://mail.corp.local/EWS/Exchange.asmx")
    )
    with scripted(directory) as place:
        found = find_endpoint(login(place), [place])

    assert found == ENDPOINT
    assert [bool(said) for said in directory.asked] == [False, True]
    assert (list(shelf.iterdir()), len(cache.autodiscover_cache)) == ([], 0)


def test_internal_address_is_what_is_left_without_an_encrypted_external_one() -> None:
    told = naming(ExternalEwsUrl="http://mail.corp.example/", InternalEwsUrl=ENDPOINT)
    with scripted(Directory(told)) as place:
        found = find_endpoint(login(place), [place])

    assert found == ENDPOINT


def test_web_site_that_asks_for_no_password_is_told_none() -> None:
    asked = []

    def site(connection: Connection, body: bytes) -> Answered:
        asked.append(connection.headers.get("Authorization"))
        return 200, {}, b"<html>Welcome</html>"

    directory = Directory(naming(ExternalEwsUrl=ENDPOINT))
    with scripted(site) as first, scripted(directory) as second:
        found = find_endpoint(login(first, second), [first, second])

    assert (found, asked) == (ENDPOINT, [None])


def test_redirect_of_autodiscover_is_not_followed() -> None:
    directory = Directory(naming(ExternalEwsUrl=ENDPOINT))
    with scripted(directory) as other, scripted(lambda *_: (302, {"Location": other}, b"")) as place:
        with pytest.raises(SetupWrong, match=r"No Exchange server was found for corp\.example"):
            find_endpoint(login(place, other), [place])

    assert directory.asked == []


AWAY = {
    "redirect of the web server": "https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc",
    "another address": "<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>ada@corp.mail.onmicrosoft.com</RedirectTarget>",
    "another url": "<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://outlook.office365.com/autodiscover/autodiscover.svc</RedirectTarget>",
    "endpoint": naming(ExternalEwsUrl="https://outlook.office365.com/EWS/Exchange.asmx"),
}  # fmt: skip


@pytest.mark.parametrize("how", AWAY)
def test_mailbox_at_microsoft_is_pointed_to_the_microsoft_button(how: str) -> None:
    told = AWAY[how]
    talk = (lambda *_: (302, {"Location": told}, b"")) if told.startswith("https") else Directory(told)
    with scripted(talk) as place, pytest.raises(SetupWrong) as caught:
        find_endpoint(login(place), [place])

    assert str(caught.value) == ONLINE


def test_other_place_is_named_rather_than_gone_to() -> None:
    told = "<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://mail.elsewhere.example/a.svc</RedirectTarget>"
    with (
        scripted(Directory(told)) as place,
        pytest.raises(SetupWrong, match=r"points to mail\.elsewhere\.example"),
    ):
        find_endpoint(login(place), [place])


def test_password_that_is_refused_is_not_tried_elsewhere() -> None:
    first, second = Directory(""), Directory(naming(ExternalEwsUrl=ENDPOINT))
    with scripted(first) as one, scripted(second) as other, pytest.raises(AuthExpired):
        find_endpoint(login(one, other, password="wrong"), [one, other])

    assert (len(first.asked), second.asked) == (2, [])


def test_way_of_signing_in_has_to_be_offered_before_a_password_is_told() -> None:
    directory = Directory("", challenge="Basic realm=x")
    with scripted(directory) as place, pytest.raises(SetupWrong, match="way of signing in .NTLM."):
        find_endpoint(login(place, auth="ntlm"), [place])

    assert directory.asked == [""]


def test_inside_addresses_are_refused_to_autodiscover_too() -> None:
    directory = Directory(naming(ExternalEwsUrl=ENDPOINT))
    with scripted(directory) as place, pytest.raises(SetupWrong, match="not allowed here"):
        find_endpoint(login(), [place])

    assert directory.asked == []


def test_address_at_microsoft_asks_nobody() -> None:
    with pytest.raises(SetupWrong) as caught:
        find_endpoint(login(address="ada@outlook.com"))

    assert str(caught.value) == ONLINE
