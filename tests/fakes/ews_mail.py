"""Mail at Exchange: what it shows of a message, and where a mailbox keeps it."""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from tests.fakes.ews_fields import Look
from tests.fakes.ews_soap import Element, t
from tests.fakes.ews_store import Item, Store, id_element

# What comes with a text/calendar part is another kind of item, by that part's method.
MEETINGS = {
    "request": ("MeetingRequest", "IPM.Schedule.Meeting.Request"),
    "reply": ("MeetingResponse", "IPM.Schedule.Meeting.Resp.Pos"),
    "cancel": ("MeetingCancellation", "IPM.Schedule.Meeting.Canceled"),
}
UNREAD_AT_FIRST = {"inbox", "junkemail"}
PREFIX = re.compile(r"^\s*(\w{1,3}:\s*)+")


@dataclass(kw_only=True)
class Mail(Item):
    raw: bytes
    received: datetime
    read: bool
    head: Message = field(init=False)

    def __post_init__(self) -> None:
        self.head = message_from_bytes(self.raw)

    @property
    def element(self) -> str:
        return self._kind()[0]

    @property
    def is_read(self) -> bool:
        return self.read

    def _kind(self) -> tuple[str, str]:
        parts = (part for part in self.head.walk() if part.get_content_type() == "text/calendar")
        methods = (str(part.get_param("method", "")).lower() for part in parts)
        return next((MEETINGS[one] for one in methods if one in MEETINGS), ("Message", "IPM.Note"))

    def values(self, owner: Store, look: Look) -> dict[str, Any]:
        return self._item_values(owner, look) | self._message_values(owner, look)

    def _item_values(self, owner: Store, look: Look) -> dict[str, Any]:
        folder = owner.folders[self.folder]
        body = self._body()
        return {
            "item:MimeContent": t("MimeContent", base64.b64encode(self.raw).decode(), CharacterSet="UTF-8"),
            "item:ItemId": id_element("ItemId", self.id, self.version),
            "item:ParentFolderId": id_element("ParentFolderId", folder.id, folder.version),
            "item:ItemClass": self._kind()[1],
            "item:Subject": text(self.head, "Subject"),
            "item:Sensitivity": _sensitivity(self.head),
            "item:Body": shown_body(body, look.shape.body_type),
            "item:DateTimeReceived": self.received,
            "item:Size": len(self.raw),
            "item:Importance": "Normal",
            "item:InReplyTo": text(self.head, "In-Reply-To"),
            "item:IsSubmitted": False,
            "item:IsDraft": folder.distinguished == "drafts",
            "item:IsFromMe": self._sender()[1].lower() in owner.addresses,
            "item:IsResend": False,
            "item:IsUnmodified": True,
            "item:InternetMessageHeaders": self._headers(),
            "item:DateTimeSent": self._sent(),
            "item:DateTimeCreated": self.created,
            "item:DisplayCc": self._display("Cc"),
            "item:DisplayTo": self._display("To"),
            "item:HasAttachments": any(part.get_filename() for part in self.head.walk()),
            "item:LastModifiedName": owner.name,
            "item:LastModifiedTime": self.modified,
            "item:IsAssociated": False,
            "item:ConversationId": id_element("ConversationId", self._conversation(), 0),
            "item:TextBody": shown_body(body, "Text", name="TextBody"),
        }

    def _message_values(self, owner: Store, look: Look) -> dict[str, Any]:
        name, address = self._sender()
        known = bool(name or address)
        who = {part: owner.person(part, name, address, only_name=look.listing) for part in ("Sender", "From")}
        lists = {"ToRecipients": "To", "CcRecipients": "Cc", "BccRecipients": "Bcc", "ReplyTo": "Reply-To"}
        people = {f"message:{part}": self._people(owner, part, header) for part, header in lists.items()}
        return people | {
            "message:Sender": who["Sender"] if known else None,
            "message:ConversationTopic": PREFIX.sub("", text(self.head, "Subject") or "") or None,
            "message:From": who["From"] if known else None,
            "message:InternetMessageId": text(self.head, "Message-ID"),
            "message:IsRead": self.read,
            "message:References": text(self.head, "References"),
        }

    def _sender(self) -> tuple[str, str]:
        return next(iter(addresses(self.head, "From")), ("", ""))

    def _people(self, owner: Store, element: str, header: str) -> Element | None:
        people = addresses(self.head, header)
        return t(element, *(owner.mailbox_of(*one) for one in people)) if people else None

    def _display(self, header: str) -> str:
        return "; ".join(name or address for name, address in addresses(self.head, header))

    def _headers(self) -> Element | None:
        pairs = [(name, text(self.head, name) or "") for name in dict.fromkeys(self.head.keys())]
        shown = (t("InternetMessageHeader", value, HeaderName=name) for name, value in pairs)
        return t("InternetMessageHeaders", *shown) if pairs else None

    def _sent(self) -> datetime:
        """What has no date that makes sense was sent when it came."""
        try:
            sent = parsedate_to_datetime(str(self.head["Date"]))
        except (TypeError, ValueError):
            return self.received
        return sent if sent.tzinfo else self.received

    def _conversation(self) -> str:
        first = (re.findall(r"<[^>]+>", f"{self.head['References']} {self.head['Message-ID']}") or [self.id])[
            0
        ]
        return base64.b64encode(f"conversation {first}".encode()).decode()

    def _body(self) -> tuple[str, str]:
        """The richest one: its type and its text."""
        found = {part.get_content_type(): part for part in self.head.walk() if not part.is_multipart()}
        for content, kind in (("text/html", "HTML"), ("text/plain", "Text")):
            if content in found:
                return kind, _decoded(found[content])
        return "Text", ""


class Mailbox(Store):
    """What happens to mail. Each of these is seen by the next synchronisation."""

    def deliver(
        self, raw: bytes, folder: str = "inbox", *, at: datetime | None = None, read: bool | None = None
    ) -> str:
        """The new message's id. `folder` is a distinguished name, a name or an id."""
        into, now = self.folder(folder), self.clock.now()
        unread = into.distinguished in UNREAD_AT_FIRST or not into.distinguished
        mail = Mail(
            id=self.new_id(),
            folder=into.id,
            version=self.next_version(),
            created=now,
            modified=now,
            raw=raw,
            received=at or now,
            read=(not unread) if read is None else read,
        )
        return self.store(mail)

    def mark_read(self, mail: str, *, read: bool = True) -> None:
        marked = self.mail(mail)
        marked.read, marked.read_version = read, self.next_version()

    def replace(self, mail: str, raw: bytes) -> None:
        """Its content is another one, as when somebody edits a draft."""
        changed = self.mail(mail)
        changed.raw, changed.head = raw, message_from_bytes(raw)
        self.touch(mail)

    def mail(self, id: str) -> Mail:
        found = self.item(id)
        assert isinstance(found, Mail)
        return found


def shown_body(body: tuple[str, str], wanted: str, *, name: str = "Body") -> Element:
    kind, content = body
    if wanted == "Text" and kind == "HTML":
        kind, content = "Text", re.sub(r"<[^>]+>", "", content)
    if wanted == "HTML" and kind == "Text":
        kind, content = "HTML", f"<html><body><div>{content}</div></body></html>"
    return t(name, content, BodyType=kind, IsTruncated="false")


def text(head: Message, name: str) -> str | None:
    """Decoded and in one line, whatever is in there."""
    if name not in head:
        return None
    try:
        value = str(make_header(decode_header(str(head[name]))))
    except (LookupError, ValueError):
        value = str(head[name])
    return re.sub(r"\r?\n\s*", " ", value).strip()


def addresses(head: Message, name: str) -> list[tuple[str, str]]:
    found = getaddresses([str(value) for value in head.get_all(name, [])])
    return [(_readable(shown), address) for shown, address in found if address]


def _readable(name: str) -> str:
    try:
        return str(make_header(decode_header(name)))
    except (LookupError, ValueError):
        return name


def _sensitivity(head: Message) -> str:
    known = {"personal": "Personal", "private": "Private", "company-confidential": "Confidential"}
    return known.get((text(head, "Sensitivity") or "").lower(), "Normal")


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return raw.decode("latin-1")
