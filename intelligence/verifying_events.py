"""Does every event show the copy that speaks for it, and everybody's own answer? And what is kept beside
messages and companies because tables ask for it, is it so?

Written apart from `ingesting.events`, from the copies alone: whose a copy is follows from addresses. The
stored flag counts only for an alias that its member has given up since, as what was read before stays.
"""

from collections.abc import Iterator
from typing import Any

from crm.statements import fetch

# ada+shop@ is ada@; a leading plus is part of the name.
UNTAGGED = r"regexp_replace({email}, '^([^@])([^+@]*)\+[^@]*@', '\1\2@')"

COPIES = f"""
    WITH copy AS (
        SELECT c.*, m.member_id, owner.is_active AND (EXISTS (
            SELECT FROM mailboxes_mailboxaddress ma
            JOIN crm_address own ON own.id = ma.address_id
            WHERE ma.mailbox_id = c.mailbox_id
              AND own.email IN (org.email, {UNTAGGED.format(email="org.email")}))
            OR (c.is_organiser AND org.member_id = m.member_id)) AS is_own
        FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        JOIN crm_member owner ON owner.id = m.member_id
        LEFT JOIN crm_address org ON org.id = c.organiser_id
        WHERE c.workspace_id = %(workspace)s
    ),
    shown AS (
        SELECT DISTINCT ON (event_id) * FROM copy
        ORDER BY event_id, is_own DESC, sequence DESC, last_modified DESC NULLS LAST, mailbox_id, id
    ),
    answer AS (
        SELECT DISTINCT ON (copy.event_id, a.id) copy.event_id, a.id AS address_id, one->>'response' AS said
        FROM copy CROSS JOIN LATERAL jsonb_array_elements(copy.attendees) one
        JOIN crm_address a ON a.id = (one->>'address')::bigint AND a.member_id = copy.member_id
        ORDER BY copy.event_id, a.id, copy.sequence DESC, copy.last_modified DESC NULLS LAST, copy.id
    )
"""

MOMENTS = f"""
    {COPIES}
    SELECT coalesce(e.id, s.event_id), 'event', row(s.starts_at, s.ends_at, s.all_day, s.status)::text,
           row(e.starts_at, e.ends_at, e.all_day, e.status)::text
    FROM shown s FULL JOIN (SELECT * FROM mailboxes_calendarevent WHERE workspace_id = %(workspace)s) e
      ON e.id = s.event_id
    WHERE (s.starts_at, s.ends_at, s.all_day, s.status)
        IS DISTINCT FROM (e.starts_at, e.ends_at, e.all_day, e.status)
"""

ANSWERS = f"""
    {COPIES},
    wanted AS (
        SELECT s.event_id, (one->>'address')::bigint AS address_id,
               coalesce(answer.said, one->>'response') AS response,
               coalesce((one->>'address')::bigint = s.organiser_id, false) AS is_organiser
        FROM shown s CROSS JOIN LATERAL jsonb_array_elements(s.attendees) one
        LEFT JOIN answer
          ON answer.event_id = s.event_id AND answer.address_id = (one->>'address')::bigint
    )
    SELECT coalesce(w.event_id, t.event_id), 'answer', w::text, row(t.address_id, t.response)::text
    FROM wanted w FULL JOIN (SELECT * FROM mailboxes_attendee WHERE workspace_id = %(workspace)s) t
      ON t.event_id = w.event_id AND t.address_id = w.address_id
    WHERE (w.response, w.is_organiser) IS DISTINCT FROM (t.response, t.is_organiser)
"""

SENT = f"""
    SELECT c.id, 'is_sent', (NOT c.is_sent)::text, c.is_sent::text
    FROM mailboxes_messagecopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
    WHERE c.workspace_id = %(workspace)s AND c.is_sent <> EXISTS (
        SELECT FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id
        WHERE p.message_id = c.message_id AND p.role = 1 AND (EXISTS (
            SELECT FROM mailboxes_mailboxaddress ma JOIN crm_address own ON own.id = ma.address_id
            WHERE ma.mailbox_id = c.mailbox_id
              AND own.email IN (a.email, {UNTAGGED.format(email="a.email")}))
            OR (c.is_sent AND a.member_id = m.member_id)))
"""

# Whose company mail belongs to is looked up by it.
DOMAINS = """
    SELECT p.message_id, 'domain', w.domain, p.domain
    FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id
    CROSS JOIN LATERAL (SELECT CASE WHEN a.is_internal OR a.is_freemail THEN '' ELSE a.domain END) w(domain)
    WHERE p.workspace_id = %(workspace)s AND p.domain <> w.domain
"""

# It stands in a column of the table.
PEOPLE = """
    SELECT c.id, 'people', count(p.id)::text, c.people_count::text
    FROM crm_company c LEFT JOIN crm_person p ON p.company_id = c.id
    WHERE c.workspace_id = %(workspace)s GROUP BY c.id HAVING count(p.id) <> c.people_count
"""

CHECKS = (("event", MOMENTS), ("event", ANSWERS), ("copy", SENT), ("message", DOMAINS), ("company", PEOPLE))


def event_differences(workspace_id: int) -> Iterator[tuple[str, Any, str, str, str]]:
    """(what, its id, which answer, should be, is) for each that is wrong."""
    for kind, statement in CHECKS:
        for row in fetch(statement, workspace=workspace_id):
            yield kind, *row
