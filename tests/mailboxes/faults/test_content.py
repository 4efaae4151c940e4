"""All that is stored of mail and events, ids aside, to compare one reading with another. And that what
differs is told."""

import pytest

from crm.statements import fetch
from tests.desk import NOW, Desk, mail, meeting

pytestmark = pytest.mark.django_db

_MESSAGE = "JOIN mailboxes_emailmessage m ON m.id = {}.message_id"
_EVENT = "JOIN mailboxes_calendarevent e ON e.id = {}.event_id"
_INSIGHT = (
    "s.first_email_at, s.last_email_at, s.first_calendar_at, s.last_calendar_at, s.next_calendar_at, "
    "s.first_at, s.last_at, round(s.score::numeric, 9)"
)
_CONNECTION = "c.emails, c.meetings, c.last_at, round(c.score::numeric, 9)"
CONTENT = {
    "threads": "SELECT encode(key, 'hex') FROM mailboxes_thread",
    "messages": """SELECT encode(m.identity, 'hex'), encode(t.key, 'hex'), encode(m.id_key, 'hex'),
        encode(m.parent_key, 'hex'), m.occurred_at, m.is_contact, m.recipients
        FROM mailboxes_emailmessage m JOIN mailboxes_thread t ON t.id = m.thread_id""",
    "participants": f"""SELECT encode(m.identity, 'hex'), a.email, p.role, p.position, p.occurred_at
        FROM mailboxes_participant p {_MESSAGE.format("p")} JOIN crm_address a ON a.id = p.address_id""",
    "copies": f"""SELECT c.provider_id, encode(m.identity, 'hex'), c.occurred_at, c.category, c.is_sent,
        c.subject, c.attachment_count, c.size, c.flags, x.text, x.html, x.headers, x.attachments, x.bcc
        FROM mailboxes_messagecopy c {_MESSAGE.format("c")}
        JOIN mailboxes_messagecontent x ON x.copy_id = c.id""",
    "sources": """SELECT provider_id, version, encode(raw, 'escape'), timezone, read_until
        FROM mailboxes_calendarsource""",
    "events": """SELECT encode(e.identity, 'hex'), is_recurring, starts_at, ends_at, all_day, status,
        attendee_count FROM mailboxes_calendarevent e""",
    "event copies": f"""SELECT s.provider_id, encode(e.identity, 'hex'), c.is_organiser, o.email, c.title,
        c.location, c.description, c.conference_url, c.starts_at, c.ends_at, c.all_day, c.timezone,
        c.status, c.sequence, c.last_modified, (SELECT jsonb_agg((j - 'address') || jsonb_build_object(
            'email', a.email) ORDER BY a.email) FROM jsonb_array_elements(c.attendees) j
            JOIN crm_address a ON a.id = (j->>'address')::bigint)
        FROM mailboxes_eventcopy c {_EVENT.format("c")}
        JOIN mailboxes_calendarsource s ON s.id = c.source_id
        LEFT JOIN crm_address o ON o.id = c.organiser_id""",
    "attendees": f"""SELECT encode(e.identity, 'hex'), a.email, t.response, t.is_optional, t.is_organiser
        FROM mailboxes_attendee t {_EVENT.format("t")} JOIN crm_address a ON a.id = t.address_id""",
    "interactions": """SELECT i.kind, i.occurred_at, i.is_crowd, i.is_all_day, i.has_started, u.email,
        encode(coalesce(m.identity, e.identity), 'hex') FROM intelligence_interaction i
        LEFT JOIN mailboxes_emailmessage m ON m.id = i.message_id
        LEFT JOIN mailboxes_calendarevent e ON e.id = i.event_id
        LEFT JOIN crm_member b ON b.id = i.member_id LEFT JOIN crm_user u ON u.id = b.user_id""",
    "parties": """SELECT i.kind, i.occurred_at, a.email, p.is_author, p.member_id IS NOT NULL
        FROM intelligence_interactionparty p JOIN crm_address a ON a.id = p.address_id
        JOIN intelligence_interaction i ON i.id = p.interaction_id""",
    "person insights": f"""SELECT p.name, {_INSIGHT} FROM intelligence_personinsight s
        JOIN crm_person p ON p.id = s.person_id""",
    "company insights": f"""SELECT p.name, {_INSIGHT} FROM intelligence_companyinsight s
        JOIN crm_company p ON p.id = s.company_id""",
    "person connections": f"""SELECT p.name, {_CONNECTION} FROM intelligence_personconnection c
        JOIN crm_person p ON p.id = c.person_id""",
    "company connections": f"""SELECT p.name, {_CONNECTION} FROM intelligence_companyconnection c
        JOIN crm_company p ON p.id = c.company_id""",
    "addresses": """SELECT a.email, a.kind, a.is_internal, a.is_contacted, a.display_name, p.name
        FROM crm_address a LEFT JOIN crm_person p ON p.id = a.person_id""",
    "skipped": "SELECT provider_id, version, reason FROM mailboxes_skippeditem",
    "quarantined": "SELECT provider_id, reason FROM mailboxes_quarantineditem",
    "pending": "SELECT provider_id, is_removal, attempts FROM mailboxes_pendingitem",
}


def content() -> dict[str, list[str]]:
    rows = {name: fetch(statement) for name, statement in CONTENT.items()}
    rows["sources"] = [(*row[:2], _parts(row[2]), *row[3:]) for row in rows["sources"]]
    return {name: sorted(map(str, found)) for name, found in rows.items()}


def _parts(resource: str) -> list[str]:
    """In which order its exceptions are written is of no meaning."""
    return sorted(resource.replace("END:VCALENDAR\r\n", "").split("BEGIN:VEVENT"))


def unlike(found: dict[str, list[str]], wanted: dict[str, list[str]]) -> list[str]:
    """The first difference of each kind, for somebody to read."""
    told = []
    for name, rows in wanted.items():
        missing, extra = sorted(set(rows) - set(found[name])), sorted(set(found[name]) - set(rows))
        if found[name] != rows:
            told.append(
                f"{name}: {len(rows)} wanted, {len(found[name])} found; missing {missing[:1]}, extra {extra[:1]}"
            )
    return told


def test_one_letter_and_one_event_more_are_told(desk: Desk) -> None:
    one, two = (mail(f"{number}@x", "bob@acme.example", "ada@halyard.example") for number in (1, 2))
    desk.put("ada", one)
    before = content()

    desk.put("ada", two)
    desk.schedule("ada", meeting("e1", "ada@halyard.example", {"bob@acme.example": "accepted"}, at=NOW))

    told = [line.partition(":")[0] for line in unlike(content(), before)]
    assert unlike(before, before) == []
    assert {"messages", "copies", "sources", "events", "event copies", "interactions"} <= set(told)
    assert {"skipped", "quarantined", "pending"} & set(told) == set()
