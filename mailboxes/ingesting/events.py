"""Events: one per occurrence and workspace, one copy per calendar resource that holds it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crm.statements import arrays, execute, fetch
from mailboxes.ingesting.addresses import Resolved, Sightings, resolve
from mailboxes.ingesting.identity import event_identity
from mailboxes.models import Mailbox
from mailboxes.parsing.values import ParsedEvent
from mailboxes.screening import Insiders, is_own


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A parsed and screened calendar resource. `read_until` is set where a series goes on."""

    provider_id: str
    version: str
    raw: bytes
    timezone: str
    events: tuple[ParsedEvent, ...]
    read_until: date | None


@dataclass(frozen=True, slots=True)
class StoredEvents:
    event_ids: list[int]
    address_ids: list[int]


def store_events(
    mailbox: Mailbox,
    items: Sequence[SourceItem],
    insiders: Insiders,
    *,
    own_emails: frozenset[str],
    now: datetime,
) -> StoredEvents:
    """Make the mailbox hold exactly these occurrences of these resources. Call inside a
    transaction that holds the workspace's lock."""
    if not items:
        return StoredEvents([], [])
    workspace_id = mailbox.workspace_id
    addresses = resolve(workspace_id, _sightings(items, now), insiders)
    sources = _upsert_sources(mailbox, items)
    event_ids = _ensure_events(workspace_id, items)
    changed = _upsert_copies(
        mailbox, items, own_emails, sources=sources, event_ids=event_ids, addresses=addresses.ids
    )
    changed |= _delete_copies_besides(items, sources, event_ids)
    elect(list(changed))
    _mark_contacted(items, own_emails, addresses)
    return StoredEvents(sorted(changed), sorted(addresses.ids.values()))


def _sightings(items: Iterable[SourceItem], now: datetime) -> Sightings:
    sightings = Sightings()
    for item in items:
        for event in item.events:
            at = min(event.starts_at, now)
            for one in event.attendees:
                sightings.add(one, at=at, own=False)
    return sightings


UPSERT_SOURCES = """
    INSERT INTO mailboxes_calendarsource AS s
        (workspace_id, mailbox_id, provider_id, version, raw, timezone, read_until)
    SELECT %(workspace)s, %(mailbox)s, u.* FROM unnest(%(provider_ids)s::text[],
        %(versions)s::text[], %(raws)s::bytea[], %(timezones)s::text[], %(untils)s::date[]) AS u
    ON CONFLICT (mailbox_id, provider_id) DO UPDATE SET version = excluded.version,
        raw = excluded.raw, timezone = excluded.timezone, read_until = excluded.read_until
    RETURNING provider_id, id
"""


def _upsert_sources(mailbox: Mailbox, items: Iterable[SourceItem]) -> dict[str, int]:
    rows = ((i.provider_id, i.version, i.raw, i.timezone, i.read_until) for i in items)
    columns = arrays(rows, "provider_ids", "versions", "raws", "timezones", "untils")
    return dict(fetch(UPSERT_SOURCES, workspace=mailbox.workspace_id, mailbox=mailbox.pk, **columns))


ENSURE_EVENTS = """
    WITH come AS (
        INSERT INTO mailboxes_calendarevent
            (workspace_id, identity, is_recurring, starts_at, ends_at, all_day, status, attendee_count)
        SELECT %(workspace)s, u.*, 0 FROM unnest(%(identities)s::bytea[], %(recurring)s::bool[],
            %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(all_day)s::bool[],
            %(statuses)s::text[]) AS u(identity)
        ORDER BY u.identity
        ON CONFLICT (workspace_id, identity) DO NOTHING
        RETURNING identity, id
    )
    SELECT identity, id FROM come
    UNION ALL
    SELECT identity, id FROM mailboxes_calendarevent
    WHERE workspace_id = %(workspace)s AND identity = ANY(%(identities)s::bytea[])
"""


def _ensure_events(workspace_id: int, items: Iterable[SourceItem]) -> dict[bytes, int]:
    by_identity = {event_identity(event): event for item in items for event in item.events}
    rows = (
        (identity, e.recurrence_id is not None, e.starts_at, e.ends_at, e.all_day, e.status)
        for identity, e in by_identity.items()
    )
    columns = arrays(rows, "identities", "recurring", "starts", "ends", "all_day", "statuses")
    found = fetch(ENSURE_EVENTS, workspace=workspace_id, **columns)
    return {bytes(identity): pk for identity, pk in found}


UPSERT_COPIES = """
    INSERT INTO mailboxes_eventcopy AS c (workspace_id, mailbox_id, source_id, event_id,
        is_organiser, organiser_id, title, location, description, conference_url, starts_at,
        ends_at, all_day, timezone, status, sequence, last_modified, attendees)
    SELECT %(workspace)s, %(mailbox)s, u.* FROM unnest(%(sources)s::bigint[], %(events)s::bigint[],
        %(own)s::bool[], %(organisers)s::bigint[], %(titles)s::text[], %(locations)s::text[],
        %(descriptions)s::text[], %(urls)s::text[], %(starts)s::timestamptz[],
        %(ends)s::timestamptz[], %(all_day)s::bool[], %(timezones)s::text[], %(statuses)s::text[],
        %(sequences)s::bigint[], %(modified)s::timestamptz[], %(attendees)s::jsonb[]) AS u
    ON CONFLICT (source_id, event_id) DO UPDATE SET is_organiser = excluded.is_organiser,
        organiser_id = excluded.organiser_id, title = excluded.title, location = excluded.location,
        description = excluded.description, conference_url = excluded.conference_url,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, all_day = excluded.all_day,
        timezone = excluded.timezone, status = excluded.status, sequence = excluded.sequence,
        last_modified = excluded.last_modified, attendees = excluded.attendees
    WHERE (c.is_organiser, c.organiser_id, c.title, c.location, c.description, c.conference_url,
           c.starts_at, c.ends_at, c.all_day, c.timezone, c.status, c.sequence, c.last_modified,
           c.attendees)
        IS DISTINCT FROM
          (excluded.is_organiser, excluded.organiser_id, excluded.title, excluded.location,
           excluded.description, excluded.conference_url, excluded.starts_at, excluded.ends_at,
           excluded.all_day, excluded.timezone, excluded.status, excluded.sequence,
           excluded.last_modified, excluded.attendees)
    RETURNING c.event_id
"""


KNOWN_ATTENDEES = """
    SELECT c.source_id, c.event_id, c.attendees FROM mailboxes_eventcopy c
    JOIN unnest(%(sources)s::bigint[], %(events)s::bigint[]) AS k(source, event)
      ON k.source = c.source_id AND k.event = c.event_id
"""


def _upsert_copies(
    mailbox: Mailbox,
    items: Iterable[SourceItem],
    own_emails: frozenset[str],
    *,
    sources: dict[str, int],
    event_ids: dict[bytes, int],
    addresses: dict[str, int],
) -> set[int]:
    held = {
        (sources[item.provider_id], event_ids[event_identity(event)]): event
        for item in items
        for event in item.events
    }
    known = _known_attendees([key for key, event in held.items() if event.is_partial])
    rows = {
        key: _copy_row(event, own_emails, addresses, known=known.get(key, ())) for key, event in held.items()
    }
    columns = arrays(
        ((*key, *row) for key, row in rows.items()),
        "sources", "events", "own", "organisers", "titles", "locations", "descriptions", "urls",
        "starts", "ends", "all_day", "timezones", "statuses", "sequences", "modified", "attendees",
    )  # fmt: skip
    changed = fetch(UPSERT_COPIES, workspace=mailbox.workspace_id, mailbox=mailbox.pk, **columns)
    return {row[0] for row in changed}


def _known_attendees(keys: list[tuple[int, int]]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Who takes part in copies of which a provider left somebody out: he need not be gone."""
    if not keys:
        return {}
    found = fetch(KNOWN_ATTENDEES, **arrays(keys, "sources", "events"))
    return {(source, event): json.loads(attendees) for source, event, attendees in found}


def _copy_row(
    event: ParsedEvent,
    own_emails: frozenset[str],
    addresses: dict[str, int],
    *,
    known: Iterable[dict[str, Any]] = (),
) -> tuple[object, ...]:
    organiser = event.organiser.email if event.organiser else None
    attendees = {one["address"]: one for one in known} | {
        addresses[one.email]: {
            "address": addresses[one.email],
            "name": one.name,
            "response": one.response,
            "optional": one.optional,
        }
        for one in event.attendees
    }
    return (
        organiser is not None and is_own(organiser, own_emails),
        addresses.get(organiser) if organiser else None,
        event.title,
        event.location,
        event.description,
        event.conference_url,
        event.starts_at,
        event.ends_at,
        event.all_day,
        event.timezone,
        event.status,
        event.sequence,
        event.last_modified,
        json.dumps(list(attendees.values())),
    )


DELETE_BESIDES = """
    DELETE FROM mailboxes_eventcopy c
    WHERE c.source_id = ANY(%(sources)s)
      AND NOT EXISTS (
          SELECT FROM unnest(%(kept_sources)s::bigint[], %(kept_events)s::bigint[]) AS k(s, e)
          WHERE k.s = c.source_id AND k.e = c.event_id)
    RETURNING c.event_id
"""


def _delete_copies_besides(
    items: Iterable[SourceItem], sources: dict[str, int], event_ids: dict[bytes, int]
) -> set[int]:
    kept = (
        (sources[item.provider_id], event_ids[event_identity(event)])
        for item in items
        for event in item.events
    )
    columns = arrays(kept, "kept_sources", "kept_events")
    gone = fetch(DELETE_BESIDES, sources=list(sources.values()), **columns)
    return {row[0] for row in gone}


# Shown and counted: the organiser's copy if that mailbox is connected, else the highest SEQUENCE,
# then LAST-MODIFIED, then the lowest mailbox. Nobody reads the calendar of somebody who has left.
ELECTED = """
    SELECT DISTINCT ON (c.event_id) c.* FROM mailboxes_eventcopy c
    JOIN mailboxes_mailbox b ON b.id = c.mailbox_id
    JOIN crm_member owner ON owner.id = b.member_id
    WHERE c.event_id = ANY(%(ids)s)
    ORDER BY c.event_id, c.is_organiser AND owner.is_active DESC, c.sequence DESC,
             c.last_modified DESC NULLS LAST, c.mailbox_id, c.id
"""

DELETE_HELD_BY_NOBODY = """
    WITH gone AS (
        DELETE FROM mailboxes_calendarevent e WHERE e.id = ANY(%(ids)s)
        AND NOT EXISTS (SELECT FROM mailboxes_eventcopy c WHERE c.event_id = e.id)
        RETURNING e.id
    )
    DELETE FROM mailboxes_attendee t USING gone WHERE t.event_id = gone.id
"""

SHOW_ELECTED = f"""
    UPDATE mailboxes_calendarevent e
    SET starts_at = c.starts_at, ends_at = c.ends_at, all_day = c.all_day, status = c.status,
        attendee_count = jsonb_array_length(c.attendees)
    FROM ({ELECTED}) c WHERE c.event_id = e.id
      AND (e.starts_at, e.ends_at, e.all_day, e.status, e.attendee_count)
          IS DISTINCT FROM (c.starts_at, c.ends_at, c.all_day, c.status, jsonb_array_length(c.attendees))
    RETURNING e.id
"""

# A member's own answer comes from his own copy, whatever the organiser's says and whichever of his
# addresses was invited.
SHOW_ATTENDEES = f"""
    WITH elected AS ({ELECTED}),
    own AS (
        SELECT DISTINCT ON (c.event_id, a.id) c.event_id, a.id AS address_id,
               one->>'response' AS response
        FROM mailboxes_eventcopy c
        JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
        JOIN crm_address a ON a.id = (one->>'address')::bigint AND a.member_id = m.member_id
        WHERE c.event_id = ANY(%(ids)s)
        ORDER BY c.event_id, a.id, c.sequence DESC, c.last_modified DESC NULLS LAST, c.id
    ),
    fresh AS (
        SELECT e.workspace_id, e.event_id, (one->>'address')::bigint AS address_id,
               coalesce(own.response, one->>'response') AS response,
               (one->>'optional')::bool AS is_optional,
               coalesce((one->>'address')::bigint = e.organiser_id, false) AS is_organiser
        FROM elected e CROSS JOIN LATERAL jsonb_array_elements(e.attendees) one
        LEFT JOIN own ON own.event_id = e.event_id AND own.address_id = (one->>'address')::bigint
    ),
    gone AS (
        DELETE FROM mailboxes_attendee t WHERE t.event_id = ANY(%(ids)s)
        AND NOT EXISTS (SELECT FROM fresh f
                        WHERE f.event_id = t.event_id AND f.address_id = t.address_id)
        RETURNING t.event_id
    ),
    come AS (
        INSERT INTO mailboxes_attendee AS t
            (workspace_id, event_id, address_id, response, is_optional, is_organiser)
        SELECT * FROM fresh
        ON CONFLICT (event_id, address_id) DO UPDATE SET response = excluded.response,
            is_optional = excluded.is_optional, is_organiser = excluded.is_organiser
        WHERE (t.response, t.is_optional, t.is_organiser)
            IS DISTINCT FROM (excluded.response, excluded.is_optional, excluded.is_organiser)
        RETURNING t.event_id
    )
    SELECT event_id FROM gone UNION SELECT event_id FROM come
"""


def elect(event_ids: list[int]) -> set[int]:
    """Bring events in line with the copy that speaks for each; those nobody holds go. Returns those of which
    something else is shown."""
    if not event_ids:
        return set()
    execute(DELETE_HELD_BY_NOBODY, ids=event_ids)
    return {row[0] for show in (SHOW_ELECTED, SHOW_ATTENDEES) for row in fetch(show, ids=event_ids)}


def _mark_contacted(items: Iterable[SourceItem], own_emails: frozenset[str], addresses: Resolved) -> None:
    """Inviting somebody to a meeting says as much as writing to him."""
    addresses.mark_contacted(
        one.email
        for item in items
        for event in item.events
        if event.organiser and is_own(event.organiser.email, own_emails)
        for one in event.attendees
    )
