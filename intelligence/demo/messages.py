"""One message as the people in it see it, before it becomes bytes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from intelligence.demo.cast import Someone


@dataclass(frozen=True, slots=True)
class Attached:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """`text` is what was newly written, without what is quoted below it. `extra` are further header
    lines, `calendar` the method and text of an invitation, `keepers` the members whose mailboxes
    hold a copy if From, To and Cc do not say so."""

    token: str
    at: datetime
    sender: Someone
    to: tuple[Someone, ...]
    subject: str
    text: str
    cc: tuple[Someone, ...] = ()
    parent: "Message | None" = None
    attached: tuple[Attached, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    calendar: tuple[str, str] | None = None
    has_html: bool = False
    quotes: bool = False
    pictures: int = 0
    keepers: tuple[Someone, ...] = ()

    @property
    def id(self) -> str:
        if self.sender.program == "office":
            return f"{self.token.upper()}@EX{int(self.token[:2], 16) % 4}.{self.sender.domain}"
        return f"{self.token}@mail.{self.sender.domain}"

    @property
    def ancestors(self) -> list[str]:
        """Ids from the first message of the thread to this one."""
        found, message = [], self.parent
        while message:
            found.append(message.id)
            message = message.parent
        return found[::-1]

    def copies(self) -> tuple[Someone, ...]:
        """The members in whose mailboxes it lies."""
        involved = self.keepers or tuple(one for one in (self.sender, *self.to, *self.cc) if one.is_member)
        return tuple(dict.fromkeys(involved))


def digest(text: str) -> bytes:
    """Bytes that look like a file's content and depend on nothing but the text."""
    return b"".join(hashlib.sha256(f"{text}/{n}".encode()).digest() for n in range(9))
