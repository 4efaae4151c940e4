"""RFC 5322 bytes -> one plain value. Whatever arrives is kept as far as it can be read.

A normal message is read here; one that looks built to hurt is read by the same code in the guard.
"""

import mimetypes
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mailboxes.parsing import guard, headers, text
from mailboxes.parsing.category import categorise
from mailboxes.parsing.prescan import MAX_MESSAGE, is_suspicious
from mailboxes.parsing.structure import Part, file_name, leaves
from mailboxes.parsing.values import Attachment, ParsedMail, Unparsable

# Parts that belong to the envelope of a message, and nobody thinks of as attachments.
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_REPORTS = frozenset(
    {
        "message/delivery-status",
        "message/disposition-notification",
        "text/rfc822-headers",
        "text/calendar",
    }
)
_ENCLOSED_HEADERS = 16 * 1024
_LINE_END = re.compile(r"\r\n?")

Renderer = Callable[[str], str]


def parse_mail(raw: bytes) -> ParsedMail:
    """Raises Unparsable, and nothing else."""
    raw = raw.lstrip(b"\r\n")
    try:
        if len(raw) > MAX_MESSAGE:
            return _parse_huge(raw)
        return guard.run("mail", raw, ParsedMail) if is_suspicious(raw) else read_mail(raw)
    except Unparsable:
        raise
    except Exception as error:
        raise Unparsable("This message could not be read.") from error


def _parse_huge(raw: bytes) -> ParsedMail:
    """Headers only: there is nothing else of a message this size that we would keep."""
    headers_end, _ = headers.find_body(raw)
    block = raw[: min(headers_end, headers.MAX_SEARCHED)]
    parsed = guard.run("mail", block, ParsedMail) if is_suspicious(block) else read_mail(block)
    return replace(parsed, flags=tuple(sorted({*parsed.flags, "too_large"})))


def read_mail(raw: bytes, render: Renderer | None = None) -> ParsedMail:
    """The same without limits on time and memory. `render` makes text of difficult HTML."""
    headers_end, body = headers.find_body(raw)
    fields, block, flags = headers.split_fields(raw[:headers_end])
    if not fields:
        raise Unparsable("This is not an email: it has no headers.")
    parts = list(leaves(raw, body, fields, flags)) if body < len(raw) else []
    plain, html = _bodies(parts, flags, render or _render_guarded)
    sender = headers.addresses(fields, "from", flags) or headers.addresses(fields, "sender", flags)
    subject = headers.subject(fields)
    return ParsedMail(
        message_id=headers.message_id(fields, flags),
        in_reply_to=headers.in_reply_to(fields),
        references=headers.references(fields),
        sender=sender,
        reply_to=headers.addresses(fields, "reply-to", flags),
        to=headers.addresses(fields, "to", flags),
        cc=headers.addresses(fields, "cc", flags),
        bcc=headers.addresses(fields, "bcc", flags),
        date=headers.date(fields),
        received=headers.received(fields),
        subject=subject,
        category=categorise(fields, parts, subject),
        headers=block,
        text=plain,
        html=html,
        attachments=tuple(_attachments(parts)),
        flags=tuple(sorted(flags)),
    )


# Bodies


def _bodies(parts: Sequence[Part], flags: set[str], render: Renderer) -> tuple[str, str]:
    html = _body(parts, "text/html", "", flags)
    plain = _LINE_END.sub("\n", _body(parts, "text/plain", "\n\n", flags))
    if len(plain) > text.MAX_TEXT:
        plain = plain[: text.MAX_TEXT]
        flags.add("text_cut")
    hard = text.is_too_hard(html)
    if html and not plain.strip():
        plain = text.strip_tags(html) if hard else _rendered(html, render)
    if hard:
        flags.add("text_cut")
    return plain, "" if hard else html


def _body(parts: Sequence[Part], content_type: str, joint: str, flags: set[str]) -> str:
    return joint.join(_decoded(part, flags) for part in _body_parts(parts, content_type))


def _decoded(part: Part, flags: set[str]) -> str:
    # One more than is kept shows that there is more; UTF-32 takes four bytes for a character.
    data = part.content(4 * text.MAX_TEXT + 4)
    decoded, guessed = text.decode(data, part.parameters.get("charset", ""))
    if guessed:
        flags.add("charset_guessed")
    return decoded


def _rendered(html: str, render: Renderer) -> str:
    try:
        return (render if text.is_suspicious(html) else text.render_html)(html)
    except (Unparsable, MemoryError, RecursionError, ValueError):
        return text.strip_tags(html)


def _render_guarded(html: str) -> str:
    return guard.run("html", html.encode(), str)


def _body_parts(parts: Sequence[Part], content_type: str) -> list[Part]:
    """What is read, not opened. Some senders give even their body a file name: better than nothing."""
    inline = [
        part for part in parts if part.content_type == content_type and part.disposition != "attachment"
    ]
    unnamed = [part for part in inline if not part.file_name]
    return _one_of_each_group(unnamed) or inline[:1]


def _one_of_each_group(parts: Sequence[Part]) -> list[Part]:
    first = {part.group: part for part in reversed(parts)}
    return [part for part in parts if not part.group or first[part.group] is part]


# Attachments


def _attachments(parts: Sequence[Part]) -> Iterator[Attachment]:
    bodies = {id(part) for kind in ("text/plain", "text/html") for part in _body_parts(parts, kind)}
    for part in parts:
        if id(part) not in bodies and _is_attachment(part):
            yield Attachment(_attachment_name(part), part.content_type, part.size())


def _is_attachment(part: Part) -> bool:
    if part.content_type in _SIGNATURES:
        return False
    if part.disposition == "attachment":
        return True
    if part.parent_type == "multipart/related" and "content-id" in part.fields:
        return False  # a picture in the text
    return bool(part.file_name) or part.content_type not in {"text/plain", "text/html", *_REPORTS}


def _attachment_name(part: Part) -> str:
    if part.file_name:
        return part.file_name
    if part.content_type != "message/rfc822":
        return "unnamed" + (mimetypes.guess_extension(part.content_type) or "")
    enclosed = part.raw[part.start : min(part.end, part.start + _ENCLOSED_HEADERS)]
    end, _ = headers.find_headers(enclosed, 0, len(enclosed))
    return file_name(headers.subject(headers.split_fields(enclosed[:end])[0])[:200] or "message") + ".eml"
