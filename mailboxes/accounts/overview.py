"""A member's connected accounts, in the words and numbers of the settings page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from crm.estimating import time_left
from crm.models import Member
from crm.regional import clock
from crm.statements import execute, fetch
from mailboxes.leasing import MAY_BE_READ
from mailboxes.listing import LAST, fetching_again
from mailboxes.models import (
    CONSENTED,
    Mailbox,
    MailboxKind,
    MailboxState,
    SkippedItem,
    SkipReason,
    StreamKind,
    SyncStream,
)
from mailboxes.progress import begins, is_late

_LETTERED = frozenset({MailboxKind.GOOGLE, MailboxKind.MICROSOFT, MailboxKind.EXCHANGE})

_COUNTS = f"""
    SELECT b.id, mail.items, events.items, mail.oldest, mail.newest, aside.items, left_out.items
    FROM mailboxes_mailbox b
    CROSS JOIN LATERAL (
        SELECT count(*) AS items, min(c.occurred_at) AS oldest, max(c.occurred_at) AS newest
        FROM mailboxes_messagecopy c WHERE c.mailbox_id = b.id AND c.blocked_by_id IS NULL
    ) mail
    CROSS JOIN LATERAL (
        SELECT count(*) AS items
        FROM mailboxes_eventcopy e WHERE e.mailbox_id = b.id AND e.blocked_by_id IS NULL
    ) events
    CROSS JOIN LATERAL (
        SELECT count(*) AS items
        FROM mailboxes_syncstream s JOIN mailboxes_quarantineditem q ON q.stream_id = s.id
        WHERE s.mailbox_id = b.id
    ) aside
    CROSS JOIN LATERAL (
        SELECT count(*) AS items
        FROM mailboxes_syncstream s JOIN mailboxes_skippeditem k ON k.stream_id = s.id
        WHERE s.mailbox_id = b.id AND k.reason <> '{SkipReason.BLOCKED}'
    ) left_out
    WHERE b.id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a backfill has come."""

    done: int
    total: int
    # How long it will take; before it has begun, when that will be.
    left: str
    is_stalled: bool = False

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class Account:
    """`state` is ok, syncing, waiting, error or removing; `error` what went wrong, or what is waited for;
    `retry` when it is tried again."""

    pk: int
    address: str
    kind: MailboxKind
    state: str
    needs_reconnect: bool
    reads: Sequence[str]
    emails: int
    events: int
    since: datetime | None
    newest: datetime | None
    reading: Reading | None
    error: str
    retry: str
    checked: datetime | None
    left_out: int
    quarantined: int

    @property
    def is_archive(self) -> bool:
        return self.kind == MailboxKind.ARCHIVE

    @property
    def letter(self) -> str:
        """What stands for the provider; "" where an icon does."""
        return self.kind.label[0] if self.kind in _LETTERED else ""

    @property
    def is_consented(self) -> bool:
        """Reconnected at the provider rather than with a password."""
        return self.kind in CONSENTED

    @property
    def edit_url_name(self) -> str:
        if self.is_consented:
            return "mailboxes:consented_account"
        return "mailboxes:exchange_account" if self.kind == MailboxKind.EXCHANGE else "mailboxes:account"


def read_accounts(member: Member, *, now: datetime) -> list[Account]:
    """Oldest first, those being removed included, without one that goes while we look. A fixed number of
    statements."""
    boxes = list(Mailbox.objects.owned_by(member).order_by("pk"))
    ids = [box.pk for box in boxes]
    streams: dict[int, list[SyncStream]] = {}
    for stream in SyncStream.objects.filter(mailbox__in=ids).order_by("-kind"):
        streams.setdefault(stream.mailbox_id, []).append(stream)
    counts = {row[0]: row[1:] for row in fetch(_COUNTS, ids=ids)}
    return [_account(box, streams.get(box.pk, []), counts[box.pk], now) for box in boxes if box.pk in counts]


def _account(box: Mailbox, streams: list[SyncStream], counts: tuple, now: datetime) -> Account:
    emails, events, since, newest, aside, skipped = counts
    failing = next((stream for stream in streams if stream.last_error), None)
    reading = _reading(streams, now)
    checked = max((one.last_run_at for one in streams if one.last_run_at), default=None)
    return Account(
        pk=box.pk,
        address=box.address,
        kind=MailboxKind(box.kind),
        state=_state(box, failing, reading),
        needs_reconnect=box.state == MailboxState.NEEDS_RECONNECT,
        reads=[_scope(stream) for stream in streams if _is_on(box, stream)],
        emails=emails,
        events=events,
        since=since,
        newest=newest,
        reading=reading,
        error=failing.last_error if failing else "",
        retry=_retry(failing, now) if failing else "",
        checked=checked,
        left_out=skipped,
        quarantined=aside,
    )


def _state(box: Mailbox, failing: SyncStream | None, reading: Reading | None) -> str:
    if box.state == MailboxState.REMOVING:
        return "removing"
    if box.state == MailboxState.NEEDS_RECONNECT:
        return "error"
    if failing:
        # A provider's limits are no failure.
        return "error" if failing.failures else "waiting"
    return "syncing" if reading else "ok"


def _scope(stream: SyncStream) -> str:
    return "Email" if stream.kind == StreamKind.MAIL else "Calendar"


def _is_on(box: Mailbox, stream: SyncStream) -> bool:
    """An archive keeps both streams; one that is switched off elsewhere is never due."""
    if box.kind == MailboxKind.ARCHIVE:
        return bool(stream.backfilled_at or stream.due_at)
    return box.reads(stream.kind)


def _reading(streams: list[SyncStream], now: datetime) -> Reading | None:
    unread = [one for one in streams if one.backfilled_at is None and (one.due_at or one.lease_until)]
    if not unread:
        return None
    done, total = sum(one.done for one in unread), sum(one.total for one in unread)
    began = min((one.began_at for one in unread if one.began_at), default=None)
    due = min((one.due_at for one in unread if one.due_at), default=None)
    if not total:
        return Reading(done, total, begins(due, now), is_stalled=is_late(due, now))
    return Reading(done, total, time_left(done / total, began, now))


def _retry(stream: SyncStream, now: datetime) -> str:
    if stream.due_at is None:
        return ""
    if stream.due_at - now < timedelta(minutes=1):
        return "Trying again now"
    return f"Next try {clock(timezone.localtime(stream.due_at))}"


_TRY_AGAIN = f"""
    WITH again AS (
        DELETE FROM mailboxes_quarantineditem q USING mailboxes_syncstream s
        WHERE s.id = q.stream_id AND s.mailbox_id = %(mailbox)s
        RETURNING q.workspace_id, q.stream_id, q.provider_id, q.version
    ),
    due AS (
        UPDATE mailboxes_syncstream s SET due_at = now()
        WHERE s.id IN (SELECT stream_id FROM again) AND {MAY_BE_READ}
    )
    {fetching_again("SELECT * FROM again")}
"""


def try_again(mailbox: Mailbox, *, by: Member) -> None:
    """What could not be read is fetched once more: it may have been our mistake, mended since."""
    mailbox.refuse_others(by)
    execute(_TRY_AGAIN, mailbox=mailbox.pk, order=LAST)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Items of one kind that were read and not stored, by reason."""

    reason: str
    count: int


def left_out(mailbox: Mailbox) -> list[LeftOut]:
    """Those of the blocklist stand in the blocklist."""
    skipped = SkippedItem.objects.filter(stream__mailbox=mailbox).exclude(reason=SkipReason.BLOCKED)
    counted = skipped.values_list("reason").annotate(count=Count("pk")).order_by("-count")
    return [LeftOut(str(SkipReason(reason).label), count) for reason, count in counted]
