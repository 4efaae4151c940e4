"""All that a workspace knows, with e-mail addresses in place of ids: two that know the same are equal."""

from collections import Counter
from typing import Any

from crm.statements import execute, fetch

Rows = Counter[tuple[Any, ...]]

# A message with a Message-ID is known by what is in it. One without is each mailbox's own.
_KEYS = """
    CREATE TEMP TABLE agreement_message AS
    SELECT m.id, CASE WHEN m.id_key IS NOT NULL THEN encode(m.identity, 'hex') ELSE (
        SELECT string_agg(b.address || ' ' || c.subject || ' ' || c.occurred_at, ', ')
        FROM mailboxes_messagecopy c JOIN mailboxes_mailbox b ON b.id = c.mailbox_id
        WHERE c.message_id = m.id) END AS key
    FROM mailboxes_emailmessage m WHERE m.workspace_id = %(workspace)s
"""
_MEMBER = "(SELECT u.email FROM crm_member x JOIN crm_user u ON u.id = x.user_id WHERE x.id = {})"
_PARTICIPANTS = """
    SELECT array_agg(ROW(p.role, p.position, a.email)::text ORDER BY p.role, p.position, a.email)
    FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id WHERE p.message_id = m.id
"""
_PARTIES = f"""
    SELECT array_agg(ROW(a.email, {_MEMBER.format("p.member_id")}, p.is_author)::text ORDER BY a.email)
    FROM intelligence_interactionparty p JOIN crm_address a ON a.id = p.address_id
    WHERE p.interaction_id = i.id
"""
# Of guests from outside, an answer is known in the organiser's calendar alone: with Graph and Exchange
# no other copy has it. Nothing depends on it.
_GUESTS = """
    SELECT array_agg(ROW(a.email, g.is_optional, g.is_organiser,
        CASE WHEN a.member_id IS NOT NULL THEN g.response END)::text ORDER BY a.email)
    FROM mailboxes_attendee g JOIN crm_address a ON a.id = g.address_id WHERE g.event_id = e.id
"""
_INSIGHT = ", ".join(
    f"i.{name}_at, {_MEMBER.format(f'i.{name}_member_id')}"
    for name in ("first_email", "last_email", "first_calendar", "last_calendar", "next_calendar")
)
_ALL_DAY = "i.first_calendar_all_day, i.last_calendar_all_day, i.next_calendar_all_day"

# Texts by their words: an mbox file has a blank line after each mail.
# By name. What was called off has no interaction and no line here: of some, Google, Exchange and an EXDATE
# leave nothing, others a cancelled event. One that only some call off is a difference still.
SECTIONS = {
    "messages": f"""
        SELECT k.key, m.occurred_at, m.is_contact, m.recipients, ({_PARTICIPANTS})::text
        FROM mailboxes_emailmessage m JOIN agreement_message k ON k.id = m.id
    """,
    "copies": """
        SELECT k.key, b.address, c.occurred_at, c.category, c.is_sent, c.subject, c.attachment_count,
            c.flags::text, md5(rtrim(t.text, E' \\n')), md5(t.html), t.attachments::text, t.bcc::text
        FROM mailboxes_messagecopy c JOIN agreement_message k ON k.id = c.message_id
        JOIN mailboxes_mailbox b ON b.id = c.mailbox_id JOIN mailboxes_messagecontent t ON t.copy_id = c.id
    """,
    "threads": """
        SELECT array_agg(k.key ORDER BY k.key)::text
        FROM mailboxes_emailmessage m JOIN agreement_message k ON k.id = m.id GROUP BY m.thread_id
    """,
    "events": f"""
        SELECT encode(e.identity, 'hex'), e.is_recurring, e.starts_at, e.ends_at, e.all_day, e.status,
            e.attendee_count, ({_GUESTS})::text
        FROM mailboxes_calendarevent e WHERE e.workspace_id = %(workspace)s AND e.status <> 'cancelled'
    """,
    "event copies": """
        SELECT encode(e.identity, 'hex'), b.address, c.is_organiser, a.email, c.title, c.location,
            c.starts_at, c.ends_at, c.all_day, c.status
        FROM mailboxes_eventcopy c JOIN mailboxes_calendarevent e ON e.id = c.event_id
        JOIN mailboxes_mailbox b ON b.id = c.mailbox_id LEFT JOIN crm_address a ON a.id = c.organiser_id
        WHERE c.workspace_id = %(workspace)s AND e.status <> 'cancelled' AND c.status <> 'cancelled'
    """,
    "interactions": f"""
        SELECT i.kind, coalesce(k.key, encode(e.identity, 'hex')), i.occurred_at,
            {_MEMBER.format("i.member_id")}, i.is_crowd, i.is_all_day, i.has_started, ({_PARTIES})::text
        FROM intelligence_interaction i LEFT JOIN agreement_message k ON k.id = i.message_id
        LEFT JOIN mailboxes_calendarevent e ON e.id = i.event_id WHERE i.workspace_id = %(workspace)s
    """,
    "companies": f"""
        SELECT (SELECT array_agg(d.domain ORDER BY d.domain)::text FROM crm_companydomain d
            WHERE d.company_id = r.id), r.name, {_INSIGHT}, {_ALL_DAY}, i.first_at, i.last_at,
            to_char(i.score, '9.999999999EEEE'), {_MEMBER.format("i.strongest_id")}
        FROM crm_company r JOIN intelligence_companyinsight i ON i.company_id = r.id
        WHERE r.workspace_id = %(workspace)s
    """,
    "people": f"""
        SELECT (SELECT array_agg(a.email ORDER BY a.email)::text FROM crm_address a WHERE a.person_id = r.id),
            r.name, {_INSIGHT}, {_ALL_DAY}, i.first_at, i.last_at, to_char(i.score, '9.999999999EEEE'),
            {_MEMBER.format("i.strongest_id")},
            (SELECT array_agg(d.domain ORDER BY d.domain)::text FROM crm_companydomain d
            WHERE d.company_id = r.company_id)
        FROM crm_person r JOIN intelligence_personinsight i ON i.person_id = r.id
        WHERE r.workspace_id = %(workspace)s
    """,
    "connections": f"""
        SELECT a.email, {_MEMBER.format("c.member_id")}, c.emails, c.meetings, c.last_at
        FROM intelligence_personconnection c JOIN crm_address a ON a.person_id = c.person_id
        WHERE c.workspace_id = %(workspace)s
    """,
    # An event of which nothing is left has no reason either.
    "skipped": """
        SELECT b.address, s.kind, k.reason, count(*) FROM mailboxes_skippeditem k
        JOIN mailboxes_syncstream s ON s.id = k.stream_id JOIN mailboxes_mailbox b ON b.id = s.mailbox_id
        WHERE k.workspace_id = %(workspace)s AND k.reason <> 'empty' GROUP BY 1, 2, 3
    """,
}


def dump(workspace_id: int) -> dict[str, Rows]:
    execute("DROP TABLE IF EXISTS agreement_message")
    execute(_KEYS, workspace=workspace_id)
    return {name: Counter(map(tuple, fetch(sql, workspace=workspace_id))) for name, sql in SECTIONS.items()}


def everything() -> list[Any]:
    """All rows with their versions, but for the state of the runs."""
    tables = fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^(crm|mailboxes|intelligence)_'"
        " AND c.relname <> 'mailboxes_syncstream' ORDER BY 1"
    )
    return [
        fetch(
            f"SELECT '{table}', md5(string_agg(t.xmin::text || t.*::text, '|' ORDER BY t.*::text)) FROM {table} t"
        )
        for (table,) in tables
    ]
