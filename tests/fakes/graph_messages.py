"""A message and a folder as Microsoft Graph shows them."""

import hashlib
import html
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from tests.fakes.faults import words
from tests.fakes.graph_api import Fields
from tests.fakes.graph_mailbox import Folder, Mailbox, StoredMail, head_of

FOLDER = words(
    "id displayName parentFolderId childFolderCount unreadItemCount totalItemCount isHidden sizeInBytes"
)
USUAL = words(
    "id createdDateTime lastModifiedDateTime changeKey categories receivedDateTime sentDateTime hasAttachments "
    "internetMessageId subject bodyPreview importance parentFolderId conversationId conversationIndex "
    "isDeliveryReceiptRequested isReadReceiptRequested isRead isDraft webLink inferenceClassification body sender "
    "from toRecipients ccRecipients bccRecipients replyTo flag"
)
# Only where they are selected.
ON_REQUEST = words("internetMessageHeaders uniqueBody")
MESSAGE = USUAL | ON_REQUEST
CONTENT = words("body bodyPreview uniqueBody")


def timestamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def etag(text: str) -> str:
    return 'W/"' + change_key(text) + '"'


def change_key(text: str) -> str:
    return "CQAAABYA" + hashlib.sha256(text.encode()).hexdigest()[:20]


def folder_shown(mailbox: Mailbox, folder: Folder) -> Fields:
    mails = list(mailbox.within(folder.id))
    return {
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent,
        "childFolderCount": sum(not one.hidden for one in mailbox.children(folder.id)),
        "unreadItemCount": sum(not mail.is_read for mail in mails),
        "totalItemCount": len(mails),
        "sizeInBytes": sum(len(mail.raw) for mail in mails),
        "isHidden": folder.hidden,
    }


def message_shown(mail: StoredMail, *, immutable: bool, text: bool) -> Fields:
    """All that may be selected; drafts and sent mail have no internet headers."""
    message = message_from_bytes(mail.raw)
    state = f"{mail.lasting}:{mail.folder}:{mail.version}"
    shown: Fields = {"@odata.etag": etag(state), "id": mail.lasting if immutable else mail.id}
    shown |= _about(mail, message, state) | _people(message) | _content(message, text=text)
    if mail.transported:
        headers = head_of(mail.raw).items()
        shown["internetMessageHeaders"] = [{"name": name, "value": _text(value)} for name, value in headers]
    return shown


def _about(mail: StoredMail, message: Message, state: str) -> Fields:
    return {
        "createdDateTime": timestamp(mail.received),
        "lastModifiedDateTime": timestamp(mail.modified),
        "changeKey": change_key(state),
        "categories": [],
        "receivedDateTime": timestamp(mail.received),
        "sentDateTime": timestamp(_sent(message) or mail.received),
        "hasAttachments": any(part.get_content_disposition() == "attachment" for part in message.walk()),
        "internetMessageId": _text(message["Message-ID"]) or None,
        "subject": _text(message["Subject"]),
        "importance": {"1": "high", "5": "low"}.get(str(message["X-Priority"])[:1], "normal"),
        "parentFolderId": mail.folder,
        "conversationId": f"AAQkAGI2{mail.thread[8:]}",
        "conversationIndex": "AQHX",
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": "Disposition-Notification-To" in message,
        "isRead": mail.is_read,
        "isDraft": mail.is_draft,
        "webLink": f"https://outlook.office365.com/owa/?ItemID={mail.id}&viewmodel=ReadMessageItem",
        "inferenceClassification": "focused",
        "flag": {"flagStatus": "notFlagged"},
    }


def _people(message: Message) -> Fields:
    author = _recipients(message, "From")
    sender = _recipients(message, "Sender") or author
    return {
        "sender": sender[0] if sender else None,
        "from": author[0] if author else None,
        "toRecipients": _recipients(message, "To"),
        "ccRecipients": _recipients(message, "Cc"),
        "bccRecipients": _recipients(message, "Bcc"),
        "replyTo": _recipients(message, "Reply-To"),
    }


def _recipients(message: Message, name: str) -> list[Fields]:
    pairs = getaddresses([_text(value) for value in message.get_all(name, [])])
    return [
        {"emailAddress": {"name": who or address, "address": address}} for who, address in pairs if address
    ]


def _content(message: Message, *, text: bool) -> Fields:
    """HTML unless text is asked for, whatever the message has."""
    kinds = {"text/html": "", "text/plain": ""}
    for part in message.walk():
        kind = part.get_content_type()
        if kind in kinds and not kinds[kind] and part.get_content_disposition() != "attachment":
            kinds[kind] = _decoded(part)
    plain = kinds["text/plain"] or html.unescape(re.sub(r"<[^>]+>", "", kinds["text/html"]))
    rich = kinds["text/html"] or f"<html><body>{html.escape(plain)}</body></html>"
    kind, content = ("text", plain) if text else ("html", rich)
    body = {"contentType": kind, "content": content}
    return {"body": body, "uniqueBody": body, "bodyPreview": plain.strip()[:255]}


def _decoded(part: Message) -> str:
    data = part.get_payload(decode=True)
    raw = data if isinstance(data, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def _sent(message: Message) -> datetime | None:
    """Without a zone, it is UTC's time; where it is out of bounds, none."""
    try:
        at = parsedate_to_datetime(str(message["Date"]))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _text(value: object) -> str:
    """Unfolded and decoded, as far as it can be."""
    flat = re.sub(r"\r?\n\s*", " ", str(value or "")).strip()
    try:
        return str(make_header(decode_header(flat)))
    except (ValueError, LookupError, MessageError):
        return flat
