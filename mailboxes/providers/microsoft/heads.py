"""The headers of a message too large to be read, from what Graph says of it."""

from collections.abc import Iterator, Mapping
from email.utils import format_datetime
from typing import Any

from mailboxes.providers.rawmail import named
from mailboxes.providers.webapi import instant

_PEOPLE = {"From": "from", "To": "toRecipients", "Cc": "ccRecipients", "Bcc": "bccRecipients"}
_TEXTS = {"Subject": "subject", "Message-ID": "internetMessageId"}
HEAD = ",".join(("internetMessageHeaders,receivedDateTime,sentDateTime", *_PEOPLE.values(), *_TEXTS.values()))


def headers_of(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was written here and never travelled has none, but its properties say the same."""
    found = message.get("internetMessageHeaders") or ()
    return [(one["name"], one["value"]) for one in found] or list(_properties(message))


def _properties(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, about in _PEOPLE.items():
        if people := ", ".join(_people(message.get(about) or ())):
            yield name, people
    for name, about in _TEXTS.items():
        if text := message.get(about):
            yield name, str(text)
    if sent := instant(message.get("sentDateTime")):
        yield "Date", format_datetime(sent)


def _people(found: Any) -> Iterator[str]:
    for one in [found] if isinstance(found, Mapping) else found:
        about = one.get("emailAddress") or {}
        if about.get("address"):
            yield named(str(about.get("name") or ""), str(about["address"]))
