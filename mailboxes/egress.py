"""The one door for outgoing connections to servers that members name.

Names are resolved once, here, and refused by the address they lead to: `getaddrinfo` accepts
0177.0.0.1, 2130706433 and ①②⑦.0.0.1, so nothing can be told from the text. The connection then goes
to the address that was checked, while TLS and HTTP still name the host.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

import certifi
import httpcore
import httpx

from mailboxes.providers.base import ProviderError, ServerWrong, SetupWrong, TryLater, Unreachable

PORTS = frozenset({143, 443, 465, 587, 993})
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
# A backfill slice of a minute on a fast line fits; a server that never stops sending does not.
SESSION_BYTES = 2 * 1024**3
_TRIED_ADDRESSES = 4

REFUSED = "This server's address or port is not allowed here. An administrator can allow it."
UNKNOWN = "There is no server of that name. Check the spelling."

# Global by the registries, and still not the internet: cloud hosts' own services, documentation,
# and what Python 3.11 takes for global though it is not.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "3fff::/20", "64:ff9b:1::/48"),
    )
)
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_NAME = re.compile(r"[A-Za-z0-9_.:%-]{1,253}")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.IGNORECASE)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class NotAllowed(SetupWrong):
    """The address or port is not one we connect to. One text for all of them, so that nobody can
    map a network by reading refusals."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    network: Network
    ports: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Egress:
    """What an administrator allows beyond the public internet on the usual ports.

    `ports` are allowed everywhere; a network's own ports only inside it. `ca_file` holds further
    certificate authorities, as companies have for their own servers.
    """

    networks: tuple[AllowedNetwork, ...] = ()
    ports: frozenset[int] = frozenset()
    ca_file: str = ""
    session_bytes: int = SESSION_BYTES

    @classmethod
    def allowing(
        cls, networks: Iterable[str] = (), *, ports: Iterable[int] = (), ca_file: str = ""
    ) -> "Egress":
        """Networks as an administrator writes them: 10.0.0.0/8, 10.1.2.3:8443, [fd00::/8]:8443.
        Raises ValueError naming the one that cannot be read."""
        return cls(tuple(map(_allowed_network, networks)), frozenset(ports), ca_file)

    def resolve(self, host: str, port: int, *, private: bool = False) -> tuple[Address, ...]:
        """The addresses of a host that may be connected to; `private` = the administrator's
        networks only. Raises NotAllowed when there is none."""
        name = host_name(host)
        addresses = [ip for ip in _look_up(name, port) if self._allows(ip, port, private=private)]
        if not addresses:
            raise NotAllowed
        return tuple(addresses)

    def open_socket(self, host: str, port: int, *, private: bool = False) -> socket.socket:
        """A connection, not yet encrypted. Raises Unreachable when nobody answers."""
        failure: OSError | None = None
        for ip in self.resolve(host, port, private=private)[:_TRIED_ADDRESSES]:
            try:
                connection = socket.create_connection((str(ip), port), CONNECT_SECONDS)
            except OSError as error:
                failure = error
                continue
            connection.settimeout(READ_SECONDS)
            # What is sent in two pieces would wait for an acknowledgement in between.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        raise Unreachable(f"The server {host} does not answer on port {port}.") from failure

    def tls(self, protocol: Literal["http", "imap"]) -> ssl.SSLContext:
        """Verified, TLS 1.2 or newer."""
        return _tls(protocol, self.ca_file)

    def _allows(self, ip: Address, port: int, *, private: bool) -> bool:
        real = _unwrapped(ip)
        for one in self.networks:
            if (real in one.network or ip in one.network) and self._has_port(port, one.ports):
                return True
        return not private and _is_public(real) and self._has_port(port)

    def _has_port(self, port: int, more: frozenset[int] = frozenset()) -> bool:
        return port in PORTS or port in self.ports or port in more


class Meter:
    """How much a server may send: in a session, and in answer to one command or request.

    The time is measured too: a server that sends a byte every 29 s never runs into a timeout.
    """

    def __init__(self, session_bytes: int, *, answer_bytes: int, answer_seconds: float) -> None:
        self.session_left = session_bytes
        self._answer_bytes = answer_bytes
        self._answer_seconds = answer_seconds
        self.begin_answer()

    def begin_answer(self) -> None:
        self._answer_left = self._answer_bytes
        self._deadline = time.monotonic() + self._answer_seconds

    def count(self, size: int) -> None:
        self.session_left -= size
        self._answer_left -= size
        if self.session_left < 0 or self._answer_left < 0:
            raise TryLater("The server sent more than it was asked for.")
        if time.monotonic() > self._deadline:
            raise TryLater("The server takes too long to answer.")


class GuardedTransport(httpx.BaseTransport):
    """HTTP through the door. Unencrypted only inside the administrator's networks."""

    def __init__(
        self, egress: Egress, *, answer_bytes: int = 64 * 1024**2, answer_seconds: float = 120.0
    ) -> None:
        self._meter = Meter(egress.session_bytes, answer_bytes=answer_bytes, answer_seconds=answer_seconds)
        self._encrypted = _http_transport(_Backend(egress, self._meter))
        self._plain = _http_transport(_Backend(egress, self._meter, private=True))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._meter.begin_answer()
        is_encrypted = request.url.scheme == "https"
        return (self._encrypted if is_encrypted else self._plain).handle_request(request)

    def close(self) -> None:
        self._encrypted.close()
        self._plain.close()


def http_client(egress: Egress, *, auth: httpx.Auth | None = None) -> httpx.Client:
    """Follows no redirects, knows no proxies, takes no compressed answers (they are bombs as easily
    as pages)."""
    return httpx.Client(
        transport=GuardedTransport(egress),
        auth=auth,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    def origin(url: httpx.URL) -> tuple[str, str, int | None]:
        return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)

    return origin(one) == origin(other)


def host_name(host: str) -> str:
    """A host as it is resolved, sent and checked: ASCII, no brackets, no final dot. Raises NotAllowed
    for what no host name contains (a line break would be a command of its own)."""
    name = host.strip(" ").removeprefix("[").removesuffix("]").rstrip(".")
    if name and not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise SetupWrong(UNKNOWN) from error
    if not _NAME.fullmatch(name):
        raise NotAllowed
    return name


def connection_problem(error: BaseException, host: str) -> ProviderError:
    """Why a connection failed, in words for the mailbox's owner."""
    for cause in _causes(error):
        if isinstance(cause, ProviderError):
            return cause
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message
            return ServerWrong(f"The certificate of {host} cannot be trusted: {reason}.")
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return ServerWrong(f"{host} does not speak TLS on this port, or only an outdated one.")
    return Unreachable(f"The connection to {host} failed. It will be tried again.")


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _look_up(name: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN and not name.endswith(".invalid"):
            raise TryLater(f"The name {name} cannot be looked up at the moment.") from error
        # Which spellings of a number are addresses depends on the system; the answer should not.
        is_number = ":" in name or _NUMERIC.fullmatch(name.rpartition(".")[2])
        raise NotAllowed if is_number else ServerWrong(UNKNOWN) from error
    except (UnicodeError, OSError, OverflowError) as error:
        raise ServerWrong(UNKNOWN) from error
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))


def _unwrapped(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour or ip
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _is_public(ip: Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in never for never in _NEVER)


@cache
def _tls(protocol: str, ca_file: str) -> ssl.SSLContext:
    """The system's authorities and, as small containers have none, Mozilla's: 50 ms to read them. Not one for
    all protocols: libraries of HTTP write into theirs what is spoken (ALPN), and a mail server may mind."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _allowed_network(entry: str) -> AllowedNetwork:
    bracketed = re.fullmatch(r"\[(.+)\](?::(\d+))?", entry)
    plain = re.fullmatch(r"([\d./]+)(?::(\d+))?", entry)
    found = bracketed or plain
    network, port = (found[1], found[2]) if found else (entry, None)
    try:
        ports = frozenset({int(port)} if port else ())
        return AllowedNetwork(ipaddress.ip_network(network, strict=False), ports)
    except ValueError as error:
        raise ValueError(f"“{entry}” is no network. Write 10.0.0.0/8 or 10.1.2.3:8443.") from error


class _Stream(httpcore.NetworkStream):
    """httpcore's own stream, metered."""

    def __init__(self, inner: httpcore.NetworkStream, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, timeout)
        self._meter.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that have been checked. httpcore names the host in TLS by itself."""

    def __init__(self, egress: Egress, meter: Meter, *, private: bool = False) -> None:
        self.egress = egress
        self._meter = meter
        self._private = private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for ip in self.egress.resolve(host, port, private=self._private)[:_TRIED_ADDRESSES]:
            try:
                stream = httpcore.SyncBackend().connect_tcp(str(ip), port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Stream(stream, self._meter)
        raise Unreachable(f"The server {host} does not answer on port {port}.") from failure


def _http_transport(backend: _Backend) -> httpx.HTTPTransport:
    """httpx gives no way to name a network backend; its transport only wraps a pool of httpcore's,
    which does."""
    context = backend.egress.tls("http")
    transport = httpx.HTTPTransport(verify=context, trust_env=False)
    transport._pool = httpcore.ConnectionPool(ssl_context=context, max_connections=4, network_backend=backend)
    return transport
