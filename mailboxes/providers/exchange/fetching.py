"""Messages of an Exchange mailbox as RFC 5322, in batches of bounded size; what is wrong with one of
them stays with that one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from mailboxes.egress_requests import AnswerTooLarge
from mailboxes.providers.base import Fetched, FetchedMail, Missing, Unreadable
from mailboxes.providers.exchange import asking
from mailboxes.providers.exchange.errors import NoAccess, NotThere, ServerProblem
from mailboxes.providers.exchange.session import Session
from mailboxes.providers.rawmail import LARGEST_HEAD, LARGEST_MESSAGE, head_of, named

_FACTS_BATCH = 100
_BATCH_BYTES = 8 * 2**20
_BATCH_MESSAGES = 20
_NOT_CONVERTED = "The Exchange server could not hand over this message ({code})."
_NO_ACCESS = "The Exchange server does not let this user read this message."
_NO_TEXT = "The Exchange server handed over no text for this message."
_BREAKS = re.compile(r"\s*[\r\n]+\s*")
_PEOPLE = {"From": "author", "To": "to_recipients", "Cc": "cc_recipients", "Bcc": "bcc_recipients"}
_TEXTS = {
    "Subject": "subject",
    "Message-ID": "message_id",
    "In-Reply-To": "in_reply_to",
    "References": "references",
}


@dataclass(frozen=True, slots=True)
class _One:
    """A message to fetch: our id, the server's, and how large the server says it is."""

    provider_id: str
    id: str
    size: int


def messages(session: Session, ids: Mapping[str, str], sizes: Mapping[str, int]) -> Iterator[Fetched]:
    """One answer for each of `ids`, which are the server's ids by ours. `sizes` are those that are
    known already."""
    unknown = [one for one in ids if one not in sizes]
    known = [_One(one, id, sizes[one]) for one, id in ids.items() if one in sizes]
    for group in _groups(known):
        yield from _fetch(session, group)
    for start in range(0, len(unknown), _FACTS_BATCH):
        batch = [_One(one, ids[one], 0) for one in unknown[start : start + _FACTS_BATCH]]
        measured: list[_One] = []
        yield from _measure(session, batch, measured)
        for group in _groups(measured):
            yield from _fetch(session, group)


def _measure(session: Session, batch: Sequence[_One], measured: list[_One]) -> Iterator[Fetched]:
    found = session.items([one.id for one in batch], asking.MAIL_MODEL, asking.SIZE_FIELDS)
    for one, item in zip(batch, found, strict=True):
        if isinstance(item, Exception):
            yield _without(one, item)
        else:
            measured.append(_One(one.provider_id, one.id, item.size or 0))


def _groups(some: Sequence[_One]) -> Iterator[list[_One]]:
    """In their order. A huge message, which is cut, is a group of its own."""
    group: list[_One] = []
    size = 0
    for one in some:
        if group and (size + one.size > _BATCH_BYTES or len(group) == _BATCH_MESSAGES):
            yield group
            group, size = [], 0
        group.append(one)
        size += one.size
    if group:
        yield group


def _fetch(session: Session, group: Sequence[_One]) -> Iterator[Fetched]:
    """Sizes are what a message takes at Exchange, and as text it may be far larger."""
    is_huge = group[0].size > LARGEST_MESSAGE
    fields = asking.HEAD_FIELDS if is_huge else asking.MAIL_FIELDS
    try:
        found = session.items([one.id for one in group], asking.MAIL_MODEL, fields)
    except AnswerTooLarge:
        if is_huge:
            raise
        yield from _fetch_smaller(session, group)
        return
    yield from _read(group, found, is_huge=is_huge)


def _fetch_smaller(session: Session, group: Sequence[_One]) -> Iterator[Fetched]:
    if len(group) == 1:
        yield from _fetch(session, [replace(group[0], size=LARGEST_MESSAGE + 1)])
        return
    for one in group:
        yield from _fetch(session, [one])


def _read(group: Sequence[_One], found: Sequence[Any], *, is_huge: bool) -> Iterator[Fetched]:
    refused: Exception | None = None
    for one, item in zip(group, found, strict=True):
        try:
            if isinstance(item, Exception):
                yield _without(one, item)
            else:
                yield _head(one, item) if is_huge else _whole(one, item)
        except _Refused as error:
            # The others of this batch are there.
            refused = error.args[0]
    if refused:
        raise refused


class _Refused(Exception):
    pass


def _without(one: _One, problem: Exception) -> Fetched:
    """What the exception in place of an item means. Raises _Refused when it is about more than this
    item."""
    if isinstance(problem, NotThere):
        return Missing(one.provider_id)
    if isinstance(problem, ServerProblem):
        return Unreadable(one.provider_id, _NOT_CONVERTED.format(code=problem.code), one.size)
    if isinstance(problem, NoAccess):
        return Unreadable(one.provider_id, _NO_ACCESS, one.size)
    raise _Refused(problem)


def _whole(one: _One, item: Any) -> Fetched:
    raw = item.mime_content
    if not raw:
        return Unreadable(one.provider_id, _NO_TEXT, one.size)
    size = len(raw)
    if size > LARGEST_MESSAGE:
        # Attachments take more room as text than where Exchange keeps them.
        raw = head_of(raw)
    return FetchedMail(one.provider_id, raw, size, _instant(item.datetime_received))


def _head(one: _One, item: Any) -> Fetched:
    """Of a huge message the headers alone. What was written here and never travelled has none, but
    its properties say the same."""
    headers = [(found.name, found.value) for found in getattr(item, "headers", None) or () if found.name]
    lines = [f"{name}: {_one_line(value or '')}" for name, value in headers or _properties(item)]
    raw = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")[:LARGEST_HEAD]
    return FetchedMail(one.provider_id, raw, one.size, _instant(item.datetime_received))


def _properties(item: Any) -> Iterator[tuple[str, str]]:
    for name, about in _PEOPLE.items():
        found = getattr(item, about, None) or ()
        people = found if isinstance(found, list | tuple) else [found]
        if shown := ", ".join(
            named(one.name or "", one.email_address) for one in people if one.email_address
        ):
            yield name, shown
    for name, about in _TEXTS.items():
        if text := getattr(item, about, None):
            yield name, str(text)
    if sent := _instant(getattr(item, "datetime_sent", None)):
        yield "Date", format_datetime(sent)


def _instant(at: Any) -> datetime | None:
    """Plain, rather than exchangelib's own kind of moment."""
    return datetime.fromtimestamp(at.timestamp(), UTC) if at else None


def _one_line(value: str) -> str:
    return _BREAKS.sub(" ", value)
