"""An archive of numbered letters from Bob at Acme to Ada, and the stream that reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from crm.models import Member
from crm.statements import execute
from mailboxes.accounts.connecting import connect
from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream

EVENT = (
    "BEGIN:VEVENT\r\nUID:meeting-{n}@acme.example\r\nDTSTAMP:20261101T090000Z\r\nDTSTART:202611{n:02}T100000Z\r\n"
    "DTEND:202611{n:02}T110000Z\r\nSUMMARY:MEETING{n}\r\nORGANIZER:mailto:bob@acme.example\r\n"
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@halyard.example\r\nEND:VEVENT\r\n"
)


def letter(
    number: int,
    *,
    body: str = "Hello.",
    subject: str = "",
    day: int = 1,
    hour: int = 0,
    sender: str = "Bob Doe <bob@acme.example>",
) -> str:
    return (
        f"Message-ID: <m{number}@acme.example>\nDate: {day:02} Nov 2026 {hour:02}:{number % 60:02}:00 +0000\n"
        f"From: {sender}\nTo: Ada <ada@halyard.example>\n"
        f"Subject: {subject or f'SUBJECT{number}'}\n\n{body}\n"
    )


def write_mbox(path: Path, *letters: str) -> Path:
    path.write_text("".join(f"From bob@acme.example Sun Nov  1 10:00:00 2026\n{one}\n" for one in letters))
    return path


def write_ics(path: Path, *numbers: int, extra: str = "") -> Path:
    events = "".join(EVENT.format(n=number) for number in numbers)
    path.write_text(
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Acme//EN\r\n{extra}{events}END:VCALENDAR\r\n",
        newline="",
    )
    return path


def archive(member: Member, *, mbox: Path | None = None, ics: Path | None = None) -> Mailbox:
    return connect(
        member,
        kind=MailboxKind.ARCHIVE,
        address=member.user.email,
        settings={"mbox": [str(mbox)] if mbox else [], "ics": [str(ics)] if ics else []},
    )


def stream_of(mailbox: Mailbox, kind: str = StreamKind.MAIL) -> SyncStream:
    return SyncStream.objects.select_related("mailbox__workspace").get(mailbox=mailbox, kind=kind)


def expire_leases() -> None:
    """As if minutes had passed since their holders died."""
    execute("UPDATE mailboxes_syncstream SET lease_until = now() - interval '1 second', due_at = now()")


class Died(BaseException):
    """The worker is gone: nothing in the product may catch this."""


@contextmanager
def dying_at(number: int) -> Iterator[list[int]]:
    """The process dies at its n-th statement; yields a list that counts them."""
    seen: list[int] = []

    def count(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(len(seen) + 1)
        if seen[-1] == number:
            raise Died
        return run(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


@contextmanager
def dying_of(words: str) -> Iterator[None]:
    """The process dies whenever a statement would carry these words."""

    def look(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if words in repr(params):
            raise Died
        return run(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
