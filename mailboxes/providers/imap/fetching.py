"""Messages of one opened IMAP folder, in batches of bounded size; what is wrong with one of them
stays with that one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailboxes.providers.base import Fetched, FetchedMail, Missing, Unreadable
from mailboxes.providers.imap.answers import Values
from mailboxes.providers.imap.connection import Connection
from mailboxes.providers.imap.listing import date_of
from mailboxes.providers.rawmail import LARGEST_HEAD, LARGEST_MESSAGE, head_of, moment

_FACTS = "(UID RFC822.SIZE INTERNALDATE)"
_WHOLE = "(UID BODY.PEEK[])"
_HEAD = f"(UID BODY.PEEK[HEADER]<0.{LARGEST_HEAD}>)"
_FACTS_BATCH = 500
_BATCH_BYTES = 8 * 2**20
_BATCH_MESSAGES = 100
# Some servers only guess how large a message is, and one of a batch may be far off.
_SLACK = LARGEST_MESSAGE + 4 * 2**20
_REFUSED = "The mail server did not hand this message over."


@dataclass(frozen=True, slots=True)
class _Facts:
    """`size` is None where the server would not say."""

    size: int | None = None
    received_at: datetime | None = None

    @property
    def most(self) -> int:
        return LARGEST_MESSAGE if self.size is None else self.size


def messages(connection: Connection, ids: Mapping[int, str]) -> Iterator[Fetched]:
    """One answer for each UID, under its provider id."""
    uids = sorted(ids, reverse=True)
    for start in range(0, len(uids), _FACTS_BATCH):
        batch = sorted(uids[start : start + _FACTS_BATCH])
        facts = _facts(connection, batch)
        yield from (Missing(ids[uid]) for uid in batch if uid not in facts)
        for group in _groups(facts):
            yield from _group(connection, ids, group, facts)


def _facts(connection: Connection, uids: Sequence[int]) -> dict[int, _Facts]:
    """Without those that are gone for certain."""
    found, is_whole = connection.fetch(uids, _FACTS)
    facts = {
        uid: _Facts(_size(values), moment(date_of(values.get(b"INTERNALDATE"))))
        for uid, values in found.items()
    }
    unsaid = {} if is_whole else {uid: _Facts() for uid in uids}
    return unsaid | {uid: facts[uid] for uid in uids if uid in facts}


def _groups(facts: Mapping[int, _Facts]) -> Iterator[list[int]]:
    """Newest first. A huge message, which is cut, is a group of its own."""
    group: list[int] = []
    size = 0
    for uid in sorted(facts, reverse=True):
        more = facts[uid].most
        if group and (size + more > _BATCH_BYTES or len(group) == _BATCH_MESSAGES):
            yield group
            group, size = [], 0
        group.append(uid)
        size += more
    if group:
        yield group


def _group(
    connection: Connection, ids: Mapping[int, str], group: Sequence[int], facts: Mapping[int, _Facts]
) -> Iterator[Fetched]:
    found: dict[int, Values] = {}
    if len(group) > 1:
        largest = 2 * sum(facts[uid].most for uid in group) + _SLACK
        found, _ = connection.fetch(sorted(group), _WHOLE, largest=largest)
    for uid in group:
        raw = found.get(uid, {}).get(b"BODY[]")
        if isinstance(raw, bytes) and raw:
            yield _mail(ids[uid], raw, facts[uid])
        else:
            yield _alone(connection, uid, ids[uid], facts[uid])


def _alone(connection: Connection, uid: int, provider_id: str, facts: _Facts) -> Fetched:
    is_huge = facts.most > LARGEST_MESSAGE
    found, is_whole = connection.fetch([uid], _HEAD if is_huge else _WHOLE, largest=facts.most + _SLACK)
    values = found.get(uid)
    raw = values and values.get(b"BODY[HEADER]<0>" if is_huge else b"BODY[]")
    if isinstance(raw, bytes) and raw:
        return _mail(provider_id, raw, facts, is_cut=is_huge)
    if values is None and is_whole:
        return Missing(provider_id)
    return Unreadable(provider_id, _REFUSED, facts.size or 0)


def _mail(provider_id: str, raw: bytes, facts: _Facts, *, is_cut: bool = False) -> FetchedMail:
    size = max(facts.most, len(raw)) if is_cut else len(raw)
    if len(raw) > LARGEST_MESSAGE:
        raw = head_of(raw)
    return FetchedMail(provider_id, raw, size, facts.received_at)


def _size(values: Values) -> int | None:
    size = values.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else None
