"""One user's mail at Gmail: messages, labels, aliases, and the history of their changes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.fakes.faults import Clock

_NAMES = (
    "INBOX SENT DRAFT SPAM TRASH UNREAD STARRED IMPORTANT CHAT CATEGORY_PERSONAL CATEGORY_SOCIAL "
    "CATEGORY_PROMOTIONS CATEGORY_UPDATES CATEGORY_FORUMS"
)
SYSTEM_LABELS = tuple(_NAMES.split())
HISTORY = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
# Beyond what a float holds, and about to get one digit longer: neither arithmetic nor text orders these.
FIRST_HISTORY_ID = 99_999_999_999_999_950


@dataclass
class StoredMail:
    id: str
    thread: str
    raw: bytes
    labels: list[str]
    received: int
    history_id: int = 0

    @property
    def order(self) -> tuple[int, str]:
        return (self.received, self.id)

    @property
    def short(self) -> dict[str, str]:
        return {"id": self.id, "threadId": self.thread}


@dataclass
class Mailbox:
    """One user's mail. `enabled` is off for an account without Gmail."""

    email: str
    clock: Clock
    first_id: int
    enabled: bool = True
    mails: dict[str, StoredMail] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=lambda: {name: name for name in SYSTEM_LABELS})
    aliases: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    history_id: int = FIRST_HISTORY_ID
    oldest_history_id: int = FIRST_HISTORY_ID
    _threads: dict[str, str] = field(default_factory=dict)
    _delivered: int = 0

    def deliver(
        self,
        raw: bytes,
        *,
        labels: Sequence[str] = ("INBOX", "UNREAD"),
        at: datetime | None = None,
        thread: str = "",
    ) -> str:
        """The new mail's id. It joins the thread of a mail that it answers."""
        self._check_labels(labels)
        self._delivered += 1
        found = f"{self.first_id + self._delivered:016x}"
        received = int((at or self.clock.now()).timestamp() * 1000)
        head = head_of(raw)
        thread = thread or self._thread_of(head) or found
        self._threads.setdefault(str(head["Message-ID"]).strip(), thread)
        self.mails[found] = StoredMail(found, thread, raw, list(labels), received)
        self._record("messageAdded", self.mails[found])
        return found

    def relabel(self, mail: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        self._check_labels([*add, *remove])
        stored = self.mails[mail]
        added = [name for name in add if name not in stored.labels]
        removed = [name for name in remove if name in stored.labels]
        stored.labels = [name for name in stored.labels if name not in removed] + added
        if added:
            self._record("labelAdded", stored, labelIds=added)
        if removed:
            self._record("labelRemoved", stored, labelIds=removed)

    def trash(self, mail: str) -> None:
        self.relabel(mail, add=["TRASH"], remove=["INBOX"])

    def delete(self, mail: str) -> None:
        """For good."""
        self._record("messageDeleted", self.mails.pop(mail))

    def add_label(self, name: str) -> str:
        found = f"Label_{len(self.labels) - len(SYSTEM_LABELS) + 1}"
        self.labels[found] = name
        return found

    def add_alias(self, email: str, *, name: str = "", verified: bool = True) -> None:
        status = "accepted" if verified else "pending"
        one = {"sendAsEmail": email, "displayName": name, "replyToAddress": "", "signature": ""}
        self.aliases.append(one | {"treatAsAlias": True, "verificationStatus": status})

    def forget_history(self) -> None:
        """Cursors from before now are too old."""
        self.oldest_history_id = self.history_id
        self.history.clear()

    def repeat_history(self) -> None:
        """The last change is told again, under another id."""
        self.history_id += 1
        self.history.append(self.history[-1] | {"id": self.history_id})

    def _thread_of(self, head: Message) -> str:
        answered = re.findall(r"<[^>]+>", f"{head['In-Reply-To']} {head['References']}")
        return next((self._threads[one] for one in answered if one in self._threads), "")

    def _check_labels(self, labels: Sequence[str]) -> None:
        if unknown := set(labels) - set(self.labels):
            raise ValueError(f"No such labels: {sorted(unknown)}")

    def _record(self, kind: str, stored: StoredMail, **more: object) -> None:
        # Random gaps in the original; here by a rule, so that a failure can be repeated.
        self.history_id += 3 + len(self.history) % 4
        stored.history_id = self.history_id
        message = stored.short | ({"labelIds": list(stored.labels)} if stored.labels else {})
        told = {HISTORY[kind]: [{"message": message} | more], "messages": [stored.short]}
        self.history.append({"id": self.history_id, "kind": kind, "mail": stored, "told": told})


def head_of(raw: bytes) -> Message:
    return message_from_bytes(re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0] + b"\n\n")
