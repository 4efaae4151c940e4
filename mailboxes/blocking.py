"""Block and unblock: hidden at once, taken away soon after, fetched back when the entry goes.

A message or event leaves the mailbox when anybody on it is blocked; other members' copies stay. Of
what was taken away only its id at the provider and the entry are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from crm.auditing import audit
from crm.locking import lock_workspace, take_turn
from crm.models import Member
from crm.statements import arrays, execute, fetch
from mailboxes.leasing import due_now
from mailboxes.listing import FIRST, fetching_again
from mailboxes.models import (
    BlocklistEntry,
    EventCopy,
    Mailbox,
    MailboxKind,
    MessageCopy,
    SkippedItem,
    SkipReason,
)
from mailboxes.progress import announce_hidden, announce_progress
from mailboxes.removing import PURGE_ITEMS, forget_events, remove_mail, take_away
from mailboxes.sharing.upkeep import end_requests_to

# Addresses that the entries (value, id) cover, and by which entry. Colleagues are never blocked.
_COVERED = """
    covered AS MATERIALIZED (
        SELECT a.id AS address_id, a.email, min(e.id) AS entry_id
        FROM unnest(%(values)s::text[], %(entries)s::bigint[]) AS e(value, id)
        JOIN crm_address a ON a.workspace_id = %(workspace)s AND NOT a.is_internal AND a.member_id IS NULL
         AND (a.email = e.value
              OR (strpos(e.value, '@') = 0
                  AND (split_part(a.email, '@', 2) = e.value
                       OR right(split_part(a.email, '@', 2), length(e.value) + 1) = '.' || e.value)))
        GROUP BY a.id, a.email
    )
"""

_MAIL_HITS = """
    SELECT c.id, min(covered.entry_id) AS entry_id FROM covered
    JOIN mailboxes_participant p ON p.address_id = covered.address_id
    JOIN mailboxes_messagecopy c ON c.message_id = p.message_id AND c.mailbox_id = %(mailbox)s
    GROUP BY c.id
"""

# Each copy by whom it names itself.
_EVENT_HITS = """
    SELECT c.id, min(covered.entry_id) AS entry_id FROM mailboxes_eventcopy c
    CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
    JOIN covered ON covered.address_id = (one->>'address')::bigint
    WHERE c.mailbox_id = %(mailbox)s
    GROUP BY c.id
"""

_MARK = """
    WITH {covered}, hit AS ({hits})
    UPDATE mailboxes_{table} c SET blocked_by_id = hit.entry_id FROM hit
    WHERE c.id = hit.id AND c.blocked_by_id IS NULL
"""

_COUNT = """
    WITH {covered}, hit AS ({hits})
    SELECT hit.entry_id, count(*) FROM hit GROUP BY hit.entry_id
"""

# A series is one event, as it is in what is remembered of what was taken away.
_COUNT_EVENTS = """
    WITH {covered}, hit AS ({hits}), source AS (
        SELECT min(hit.entry_id) AS entry_id FROM hit JOIN mailboxes_eventcopy c ON c.id = hit.id
        GROUP BY c.source_id
    )
    SELECT entry_id, count(*) FROM source GROUP BY entry_id
"""

_TOUCHED = """
    WITH {covered},
    party AS (
        SELECT other.address_id FROM ({mail}) hit JOIN mailboxes_messagecopy c ON c.id = hit.id
        JOIN mailboxes_participant other ON other.message_id = c.message_id
        UNION
        SELECT (one->>'address')::bigint FROM ({events}) hit JOIN mailboxes_eventcopy c ON c.id = hit.id
        CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
    )
    SELECT count(DISTINCT coalesce(d.company_id, n.company_id)), count(DISTINCT a.person_id)
    FROM party JOIN crm_address a ON a.id = party.address_id
    LEFT JOIN crm_person n ON n.id = a.person_id
    LEFT JOIN crm_companydomain d ON d.workspace_id = a.workspace_id AND d.domain = a.domain
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What blocking would hide: by value, and how many records have values worked out again."""

    by_value: dict[str, tuple[int, int]]
    companies: int
    people: int

    @property
    def emails(self) -> int:
        return sum(emails for emails, _ in self.by_value.values())

    @property
    def events(self) -> int:
        return sum(events for _, events in self.by_value.values())


def preview(mailbox: Mailbox, values: Sequence[str], *, by: Member) -> Effect:
    """An item that several values would hide is counted with the first."""
    mailbox.refuse_others(by)
    entries = list(enumerate(values))
    parameters = _parameters(mailbox, [(value, number) for number, value in entries])
    emails = dict(fetch(_COUNT.format(covered=_COVERED, hits=_MAIL_HITS), **parameters))
    events = dict(fetch(_COUNT_EVENTS.format(covered=_COVERED, hits=_EVENT_HITS), **parameters))
    touched = _TOUCHED.format(covered=_COVERED, mail=_MAIL_HITS, events=_EVENT_HITS)
    companies, people = fetch(touched, **parameters)[0]
    by_value = {value: (emails.get(number, 0), events.get(number, 0)) for number, value in entries}
    return Effect(by_value, companies, people)


def block(mailbox: Mailbox, values: Sequence[str], *, by: Member) -> None:
    """`values` as `blocklists.read_entries` gives them. Safe to call twice."""
    mailbox.refuse_others(by)
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        BlocklistEntry.objects.bulk_create(
            (BlocklistEntry(workspace_id=mailbox.workspace_id, mailbox=mailbox, value=one) for one in values),
            ignore_conflicts=True,
        )
        audit("blocked", by=by, owner=by, mailbox=mailbox.pk, entries=len(values))
        hide_blocked(mailbox)
        announce_hidden(mailbox.workspace_id)
        transaction.on_commit(lambda: _purge_soon(mailbox.pk), robust=True)


def unblock(entry: BlocklistEntry, *, by: Member) -> None:
    """What the entry kept out is fetched again, unless another entry keeps it out. An archive has
    nothing to fetch from: it takes in what is uploaded again."""
    mailbox = entry.mailbox
    mailbox.refuse_others(by)
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        if not BlocklistEntry.objects.filter(pk=entry.pk).exists():
            return
        if mailbox.kind != MailboxKind.ARCHIVE:
            execute(_FETCH_AGAIN, entry=entry.pk, order=FIRST)
            due_now(set(SkippedItem.objects.filter(entry=entry).values_list("stream_id", flat=True)))
        SkippedItem.objects.filter(entry=entry).delete()
        BlocklistEntry.objects.filter(pk=entry.pk).delete()
        audit("unblocked", by=by, owner=by, mailbox=mailbox.pk)
        # What was not yet taken away is there again, unless another entry hides it too.
        hide_blocked(mailbox)
        announce_hidden(mailbox.workspace_id)


_FETCH_AGAIN = fetching_again("""
    SELECT k.workspace_id, k.stream_id, k.provider_id, k.version
    FROM mailboxes_skippeditem k WHERE k.entry_id = %(entry)s
""")


def hide_blocked(mailbox: Mailbox) -> None:
    """Mark what the mailbox's entries cover. Call inside a transaction that holds the workspace's lock."""
    entries = list(BlocklistEntry.objects.filter(mailbox=mailbox).values_list("value", "pk"))
    if entries:
        parameters = _parameters(mailbox, entries)
        execute(_MARK.format(covered=_COVERED, hits=_MAIL_HITS, table="messagecopy"), **parameters)
        execute(_MARK.format(covered=_COVERED, hits=_EVENT_HITS, table="eventcopy"), **parameters)


def _parameters(mailbox: Mailbox, entries: Sequence[tuple[str, int]]) -> dict[str, object]:
    columns = arrays(entries, "values", "entries")
    return {"mailbox": mailbox.pk, "workspace": mailbox.workspace_id, **columns}


def _purge_soon(mailbox_id: int) -> None:
    from mailboxes.tasks import purge_blocked

    purge_blocked.delay(mailbox_id)


# Taking away

_BLOCKED_MAIL = """
    SELECT provider_id, blocked_by_id FROM mailboxes_messagecopy
    WHERE mailbox_id = %(mailbox)s AND blocked_by_id = ANY(%(entries)s) ORDER BY id LIMIT %(limit)s
"""

_BLOCKED_SOURCES = """
    SELECT c.source_id, min(c.blocked_by_id) FROM mailboxes_eventcopy c
    WHERE c.mailbox_id = %(mailbox)s AND c.blocked_by_id = ANY(%(entries)s)
    GROUP BY c.source_id ORDER BY c.source_id LIMIT %(limit)s
"""

_DELETE_EVENT_COPIES = """
    DELETE FROM mailboxes_eventcopy
    WHERE source_id = ANY(%(sources)s) AND blocked_by_id IS NOT NULL RETURNING event_id
"""

# What is left of a series is kept without the text it came in, which names everybody.
_EMPTY_SOURCES = """
    UPDATE mailboxes_calendarsource SET raw = '' WHERE id = ANY(%(sources)s) AND raw <> ''
"""
_DELETE_SOURCES = """
    DELETE FROM mailboxes_calendarsource s WHERE s.id = ANY(%(sources)s)
    AND NOT EXISTS (SELECT FROM mailboxes_eventcopy c WHERE c.source_id = s.id)
"""

_REMEMBER_MAIL = """
    INSERT INTO mailboxes_skippeditem (workspace_id, stream_id, provider_id, version, reason, entry_id)
    SELECT s.workspace_id, s.id, u.provider_id, '', %(reason)s, u.entry
    FROM mailboxes_syncstream s, unnest(%(ids)s::text[], %(by)s::bigint[]) AS u(provider_id, entry)
    WHERE s.mailbox_id = %(mailbox)s AND s.kind = 'mail'
    ON CONFLICT (stream_id, provider_id) DO UPDATE SET reason = excluded.reason, entry_id = excluded.entry_id
"""

_REMEMBER_SOURCES = """
    INSERT INTO mailboxes_skippeditem (workspace_id, stream_id, provider_id, version, reason, entry_id)
    SELECT s.workspace_id, s.id, source.provider_id, source.version, %(reason)s, u.entry
    FROM unnest(%(sources)s::bigint[], %(by)s::bigint[]) AS u(source, entry)
    JOIN mailboxes_calendarsource source ON source.id = u.source
    JOIN mailboxes_syncstream s ON s.mailbox_id = source.mailbox_id AND s.kind = 'calendar'
    ON CONFLICT (stream_id, provider_id) DO UPDATE SET reason = excluded.reason, entry_id = excluded.entry_id
"""


def purge_all_blocked() -> None:
    """In all mailboxes: what a lost task or a dead worker has left hidden."""
    for copies in (MessageCopy.objects, EventCopy.objects):
        hidden = copies.filter(blocked_by__isnull=False).order_by().values_list("mailbox_id", flat=True)
        for mailbox in Mailbox.objects.filter(pk__in=hidden.distinct()).order_by("pk"):
            take_away(mailbox, purge_blocked)


def purge_blocked(mailbox: Mailbox, *, now: datetime | None = None) -> None:
    """Take away what is hidden, in batches. Interrupted, it goes on where it stopped. Without `now` values
    are those of the moment of each batch. Raises Taken."""
    while _purge_batch(mailbox, now):
        pass
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        end_requests_to(mailbox.member_id, workspace_id=mailbox.workspace_id)


def _purge_batch(mailbox: Mailbox, now: datetime | None) -> bool:
    with transaction.atomic():
        take_turn(mailbox.pk)
        lock_workspace(mailbox.workspace_id)
        now = now or timezone.now()
        entries = list(BlocklistEntry.objects.filter(mailbox=mailbox).values_list("pk", flat=True))
        common = {"mailbox": mailbox.pk, "entries": entries, "limit": PURGE_ITEMS}
        mail = fetch(_BLOCKED_MAIL, **common)
        sources = fetch(_BLOCKED_SOURCES, **common)
        if mail:
            execute(
                _REMEMBER_MAIL, mailbox=mailbox.pk, reason=SkipReason.BLOCKED, **arrays(mail, "ids", "by")
            )
            remove_mail(mailbox, [row[0] for row in mail], now=now)
        if sources:
            execute(_REMEMBER_SOURCES, reason=SkipReason.BLOCKED, **arrays(sources, "sources", "by"))
            ids = [row[0] for row in sources]
            gone = fetch(_DELETE_EVENT_COPIES, sources=ids)
            execute(_EMPTY_SOURCES, sources=ids)
            execute(_DELETE_SOURCES, sources=ids)
            forget_events(mailbox, {row[0] for row in gone}, now=now)
        if mail or sources:
            announce_progress(mailbox.workspace_id)
    return bool(mail or sources)
