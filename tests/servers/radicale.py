"""A real CalDAV server on loopback, and what a calendar program would do with it."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from mailboxes.egress import Egress
from tests.contracts.http import HTTP
from tests.servers.loopback import Heard, free_port, listening

PASSWORD = "secret für alle"
_CONFIGURATION = """
[server]
hosts = 127.0.0.1:{port}
max_connections = 20
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/data
[logging]
level = error
[reporting]
max_expand_occurrence = {events_per_report}
"""
_CALENDAR = """<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>
<d:displayname>{name}</d:displayname><c:calendar-timezone>{timezone}</c:calendar-timezone>
<c:supported-calendar-component-set>{components}</c:supported-calendar-component-set>
</d:prop></d:set></c:mkcalendar>"""
_TIMEZONE = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nBEGIN:VTIMEZONE\nTZID:{zone}\nBEGIN:STANDARD\n"
    "DTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n"
)


@dataclass
class Radicale:
    port: int
    folder: Path
    users: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def add_user(self, name: str) -> "CalendarUser":
        """Somebody without calendars. The server reads its list of users at every sign-in."""
        self.users.append(name)
        lines = "".join(f"{user}:{PASSWORD}\n" for user in self.users)
        (self.folder / "users").write_text(lines)
        return CalendarUser(self, name)

    def egress(self, *more_ports: int) -> Egress:
        return Egress.allowing([f"127.0.0.1:{port}" for port in (self.port, *more_ports)])


@dataclass
class CalendarUser:
    """`paths` are below the user's own collection: "work/one.ics"."""

    server: Radicale
    name: str

    @property
    def home(self) -> str:
        return f"/{self.name}/"

    def make_calendar(
        self, name: str, *, components: tuple[str, ...] = ("VEVENT",), title: str = "", zone: str = ""
    ) -> None:
        body = _CALENDAR.format(
            name=escape(title or name),
            timezone=_TIMEZONE.format(zone=zone) if zone else "",
            components="".join(f'<c:comp name="{one}"/>' for one in components),
        )
        self._ask("MKCALENDAR", f"{name}/", body.encode())

    def put(self, path: str, text: str) -> None:
        self._ask("PUT", path, text.encode(), {"Content-Type": "text/calendar; charset=utf-8"})

    def delete(self, path: str) -> None:
        """A resource, or with a slash at the end a whole calendar."""
        self._ask("DELETE", path)

    def forget_tokens(self) -> None:
        """Make the tokens given so far void. The server notices once something has changed."""
        for folder in (self.server.folder / "data").rglob("sync-token"):
            if self.name in folder.parts:
                shutil.rmtree(folder)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> None:
        auth = (self.name, PASSWORD)
        url = self.server.url + self.name + "/" + path
        HTTP.request(method, url, content=body, headers=headers, auth=auth).raise_for_status()


@contextmanager
def radicale(folder: Path, *, events_per_report: int = 10_000) -> Iterator[Radicale]:
    """A server with its data in `folder`. It refuses every report on more events than that."""
    server = Radicale(free_port(), folder)
    (folder / "users").write_text("")
    configuration = folder / "configuration"
    values = {"port": server.port, "folder": folder, "events_per_report": events_per_report}
    configuration.write_text(_CONFIGURATION.format(**values))
    command = [sys.executable, "-m", "radicale", "--config", str(configuration)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server.port, process)
        yield server
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def recording(server: Radicale) -> Iterator[Heard]:
    """A way to the server that hears everything said; see `requests`."""

    def talk(connection: socket.socket, heard: Heard) -> None:
        head = [heard.line(connection)]
        while (line := heard.line(connection)).strip():
            head.append(line)
        size = next((int(line[15:]) for line in head if line.lower().startswith(b"content-length:")), 0)
        body = b""
        while len(body) < size:
            body += connection.recv(size - len(body))
        kept = [line for line in head if not line.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", server.port)) as onward:
            onward.sendall(b"".join([*kept, b"Connection: close\r\n\r\n", body]))
            while data := onward.recv(65536):
                connection.sendall(data)

    with listening(talk) as heard:
        yield heard


def requests(heard: Heard) -> list[str]:
    """Method and path of each request, in order."""
    lines = (line.decode() for line in heard.lines if line.endswith(b" HTTP/1.1\r\n"))
    return [line.removesuffix(" HTTP/1.1\r\n") for line in lines]


def event(name: str, summary: str = "Meeting") -> str:
    return calendar(event_lines(name, summary))


def event_lines(name: str, summary: str = "Meeting") -> str:
    return (
        f"BEGIN:VEVENT\nUID:{name}\nDTSTAMP:20260101T000000Z\nDTSTART:20260105T100000\n"
        f"DURATION:PT1H\nSUMMARY:{summary}\nEND:VEVENT\n"
    )


def calendar(inside: str) -> str:
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//EN\n{inside}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def _wait(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "Radicale has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("Radicale does not answer")
