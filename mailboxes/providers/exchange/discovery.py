"""From an address to the endpoint of its Exchange server: autodiscover, in the cautious way.

Only hosts below the address's own domain are asked, encrypted, and told the password only when they
have asked for it. What else the protocol knows (redirects, SRV records, unencrypted hints) would let
others name the host that is told.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import requests
from exchangelib.properties import UserResponse
from exchangelib.services import GetUserSettings

from mailboxes.egress import UNKNOWN
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater
from mailboxes.providers.exchange.errors import ONLINE, is_online, offers, refusal
from mailboxes.providers.exchange.protocol import Login, discovery, explained, guarded

_PATH = "/autodiscover/autodiscover.svc"
_ENDPOINT_PATH = "/EWS/Exchange.asmx"
_NO_ENDPOINT = "This is no address of a server. Write https://mail.example.com/EWS/Exchange.asmx."
_NOT_FOUND = "No Exchange server was found for {domain}. Enter the address of its endpoint."
_POINTS_AWAY = "The Exchange server of {domain} points to {place}. Enter that, if you trust it."
_WANTED = ["external_ews_url", "internal_ews_url"]


def endpoint_url(text: str) -> str:
    """An endpoint as the owner writes it, be it only the name of the host. Raises SetupWrong."""
    text = text.strip()
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise SetupWrong(_NO_ENDPOINT) from None
    if parts.scheme not in {"https", "http"} or not host or parts.username or parts.password:
        raise SetupWrong(_NO_ENDPOINT)
    if is_online(host):
        raise SetupWrong(ONLINE)
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{port}{parts.path if parts.path not in {'', '/'} else _ENDPOINT_PATH}"


def find_endpoint(login: Login, places: Sequence[str] = ()) -> str:
    """Asks `places`, the usual ones unless they are named. Raises a ProviderError."""
    domain = login.address.rpartition("@")[2]
    if is_online(domain):
        raise SetupWrong(ONLINE)
    problems: list[ProviderError] = []
    for place in places or _usual_places(domain):
        try:
            if found := _ask(login, place):
                return found
        except AuthExpired:
            raise
        except ProviderError as problem:
            problems.append(problem)
    raise _worst(problems, domain)


def _usual_places(domain: str) -> list[str]:
    return [f"https://autodiscover.{domain}{_PATH}", f"https://{domain}{_PATH}"]


def _worst(problems: Sequence[ProviderError], domain: str) -> ProviderError:
    """A server that points elsewhere says more than one that does not answer, and what may go by is
    no reason to give up. That there is no host of a name is usual."""
    online = [one for one in problems if str(one) == ONLINE]
    away = [one for one in problems if isinstance(one, _PointsAway)]
    passing = [one for one in problems if isinstance(one, TryLater)]
    others = [one for one in problems if str(one) != UNKNOWN]
    return next(iter([*online, *away, *passing, *others]), SetupWrong(_NOT_FOUND.format(domain=domain)))


class _PointsAway(SetupWrong):
    pass


def _ask(login: Login, place: str) -> str:
    """The endpoint, empty when nobody there knows."""
    with explained(urlsplit(place).hostname or ""):
        if not _asks_for_password(login, place):
            return ""
        protocol = discovery(login, place)
        try:
            answer = GetUserSettings(protocol=protocol).get(users=[login.address], settings=_WANTED)
        finally:
            protocol.close()
        return _endpoint(answer, login)


def _asks_for_password(login: Login, place: str) -> bool:
    """Behind a company's name there may be just its web site, with somebody else."""
    with guarded(login, signed_in=False) as session:
        answer = session.post(place, data=b"")
    if answer.status_code == requests.codes.unauthorized:
        if not offers(answer.headers.get("WWW-Authenticate", ""), login.auth):
            raise refusal(answer, login.auth)
        return True
    if answer.is_redirect:
        problem = refusal(answer, login.auth)
        if str(problem) == ONLINE:
            raise problem
    return False


def _endpoint(answer: UserResponse, login: Login) -> str:
    domain = login.address.rpartition("@")[2]
    if away := answer.redirect_address or answer.redirect_url:
        host = away.rpartition("@")[2] if "://" not in away else urlsplit(away).hostname or ""
        if is_online(host):
            raise SetupWrong(ONLINE)
        raise _PointsAway(_POINTS_AWAY.format(domain=domain, place=host))
    named = list(_encrypted(answer))
    return endpoint_url(named[0]) if named else ""


def _encrypted(answer: UserResponse) -> Iterator[str]:
    for name in _WANTED:
        url = str((answer.user_settings or {}).get(name) or "")
        if url.startswith("https://"):
            yield url
