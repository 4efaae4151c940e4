"""Mail and meetings between members and people outside: first who said something to whom and when, then
the rows that mailboxes would hold of it."""

from datetime import datetime

from crm.statements import execute, fetch
from intelligence.bench.shelf import MEMBERS

# Everybody outside who can be written to, colleagues beside one another.
REACHABLE = """
    CREATE TEMP TABLE library_reachable AS
    SELECT row_number() OVER (ORDER BY p.company_id NULLS LAST, p.id) - 1 AS n, a.id AS address_id,
           p.company_id, coalesce(p.company_id, p.id) AS side
    FROM crm_address a JOIN crm_person p ON p.id = a.person_id
    WHERE a.workspace_id = %(workspace)s
      AND (coalesce(p.company_id, p.id) %% 7 <> 0 OR p.company_id = %(large)s)
"""
KEEPERS = """
    CREATE TEMP TABLE library_keeper AS
    SELECT row_number() OVER (ORDER BY b.id) - 1 AS n, b.id AS mailbox_id, a.id AS address_id
    FROM mailboxes_mailbox b JOIN mailboxes_mailboxaddress o ON o.mailbox_id = b.id
    JOIN crm_address a ON a.id = o.address_id
    WHERE b.workspace_id = %(workspace)s
"""
# One in five is a meeting, some of those are to come. `other` is a colleague outside, `second` one of ours.
SAID = """
    INSERT INTO library_said (identity, is_meeting, at, outside, other, keeper, second, is_ours, words)
    SELECT decode(md5('said ' || %(begin)s + one.n), 'hex'), is_meeting,
           date_trunc('second', CASE WHEN is_meeting AND ahead < 0.05
               THEN %(now)s + (1 + ahead * 1200) * interval '1 day'
               ELSE %(now)s - interval '1 minute' - power(past, %(haste)s) * interval '1000 days' END),
           r.address_id, o.address_id, keeper.n,
           CASE WHEN aside < 0.15 THEN (keeper.n + 1) %% %(members)s END, ours < 0.45, r.n + one.n %% 13
    FROM (SELECT n, n %% 5 = 0 AS is_meeting, random() AS whom, random() AS past, random() AS ahead,
                 random() AS aside, random() AS ours, random() AS whose, random() AS also
          FROM generate_series(1, %(count)s) n) one
    JOIN library_reachable r ON r.n = %(first)s + floor(power(whom, %(skew)s) * %(reachable)s)::int
    LEFT JOIN library_reachable o ON o.n = r.n + 1 AND o.side = r.side AND also < 0.25
    CROSS JOIN LATERAL (
        SELECT (r.side + floor(whose * whose * %(spread)s)::int) %% %(members)s AS n OFFSET 0) keeper
"""
TABLE = """
    CREATE TEMP TABLE library_said (identity bytea, is_meeting bool, at timestamptz, outside bigint,
        other bigint, keeper bigint, second bigint, is_ours bool, words bigint)
"""
# Who is on it, the author first: 0 and 1 outside, 2 and 3 ours.
PRESENT = """
    CREATE TEMP TABLE library_present AS
    SELECT s.identity, s.is_meeting, s.at, who.place, who.is_author,
           coalesce(who.outside, k.address_id) AS address_id, k.mailbox_id
    FROM library_said s CROSS JOIN LATERAL (VALUES
        (0, s.outside, NULL::bigint, NOT s.is_ours), (1, s.other, NULL, false),
        (2, NULL, s.keeper, s.is_ours), (3, NULL, s.second, false)) who(place, outside, keeper, is_author)
    LEFT JOIN library_keeper k ON k.n = who.keeper
    WHERE coalesce(who.outside, who.keeper) IS NOT NULL
"""

# Four messages with somebody make a thread.
LETTERS = """
    CREATE TEMP TABLE library_letter AS
    SELECT s.identity, s.at, s.words, 1 + (other IS NOT NULL)::int + (second IS NOT NULL)::int AS recipients,
           decode(md5(outside || ' ' || (nth - 1) / 4), 'hex') AS key
    FROM (SELECT *, row_number() OVER (PARTITION BY outside ORDER BY at, identity) AS nth
          FROM library_said WHERE NOT is_meeting) s
"""
THREADS = """
    INSERT INTO mailboxes_thread (workspace_id, key)
    SELECT %(workspace)s, key FROM library_letter GROUP BY key ORDER BY min(at)
"""
MESSAGES = """
    INSERT INTO mailboxes_emailmessage (workspace_id, identity, thread_id, id_key, occurred_at, is_contact,
        recipients)
    SELECT t.workspace_id, l.identity, t.id, l.identity, l.at, true, l.recipients
    FROM library_letter l JOIN mailboxes_thread t ON t.workspace_id = %(workspace)s AND t.key = l.key
    ORDER BY l.at
"""
PARTICIPANTS = """
    INSERT INTO mailboxes_participant (workspace_id, message_id, address_id, role, position, occurred_at,
        domain)
    SELECT m.workspace_id, m.id, a.id, CASE WHEN p.is_author THEN 1 WHEN p.place %% 2 = 0 THEN 3 ELSE 4 END,
           CASE WHEN p.place = 3 THEN 1 ELSE 0 END, m.occurred_at,
           CASE WHEN a.is_internal OR a.is_freemail THEN '' ELSE a.domain END
    FROM mailboxes_emailmessage m JOIN library_present p ON p.identity = m.identity
    JOIN crm_address a ON a.id = p.address_id
    WHERE m.workspace_id = %(workspace)s ORDER BY m.id
"""
COPIES = """
    INSERT INTO mailboxes_messagecopy (workspace_id, mailbox_id, message_id, provider_id, occurred_at,
        category, is_sent, subject, attachment_count, size, flags)
    SELECT m.workspace_id, p.mailbox_id, m.id, m.id::text, m.occurred_at, 'contact', p.is_author,
           {subject}, 0, 4000, '[]'
    FROM mailboxes_emailmessage m
    JOIN library_present p ON p.identity = m.identity AND p.mailbox_id IS NOT NULL
    JOIN library_letter l ON l.identity = m.identity
    WHERE m.workspace_id = %(workspace)s ORDER BY m.id
"""
CONTENTS = """
    INSERT INTO mailboxes_messagecontent (workspace_id, copy_id, text, html, headers, attachments, bcc)
    SELECT workspace_id, id, 'Thank you for the drawings, we will look at them on Monday.', '', '', '[]', '[]'
    FROM mailboxes_messagecopy WHERE workspace_id = %(workspace)s
"""

EVENTS = """
    INSERT INTO mailboxes_calendarevent (workspace_id, identity, is_recurring, starts_at, ends_at, all_day,
        status, attendee_count)
    SELECT %(workspace)s, identity, false, at, at + interval '1 hour', false, 'confirmed', count(*)
    FROM library_present WHERE is_meeting GROUP BY identity, at ORDER BY at
"""
CALENDARS = """
    INSERT INTO mailboxes_calendarsource (workspace_id, mailbox_id, provider_id, version, raw, timezone)
    SELECT %(workspace)s, mailbox_id, encode(identity, 'hex'), '1', '', 'UTC'
    FROM library_present WHERE is_meeting AND mailbox_id IS NOT NULL
"""
# A colleague who was asked along declines one in four.
INVITED = """
    CREATE TEMP TABLE library_invited AS
    SELECT e.id AS event_id, p.*,
           CASE WHEN p.is_author THEN 'accepted' WHEN p.place = 3 AND e.id %% 4 = 0 THEN 'declined'
                WHEN p.place = 0 AND e.id %% 5 = 0 THEN 'tentative' WHEN p.place = 1 THEN 'needs_action'
                ELSE 'accepted' END AS response
    FROM library_present p
    JOIN mailboxes_calendarevent e ON e.workspace_id = %(workspace)s AND e.identity = p.identity
    WHERE p.is_meeting
"""
EVENT_COPIES = """
    INSERT INTO mailboxes_eventcopy (workspace_id, mailbox_id, source_id, event_id, is_organiser,
        organiser_id, title, location, description, conference_url, starts_at, ends_at, all_day, timezone,
        status, sequence, attendees)
    SELECT s.workspace_id, s.mailbox_id, s.id, i.event_id, i.is_author, g.organiser_id, {subject}, '', '', '',
           i.at, i.at + interval '1 hour', false, 'UTC', 'confirmed', 0, g.attendees
    FROM library_invited i
    JOIN mailboxes_calendarsource s
      ON s.mailbox_id = i.mailbox_id AND s.provider_id = encode(i.identity, 'hex')
    JOIN (SELECT event_id, max(address_id) FILTER (WHERE is_author) AS organiser_id,
                 jsonb_agg(jsonb_build_object('address', address_id, 'name', '', 'response', response,
                     'optional', place = 3) ORDER BY NOT is_author, place) AS attendees
          FROM library_invited GROUP BY event_id) g ON g.event_id = i.event_id
    JOIN library_said l ON l.identity = i.identity
    ORDER BY i.event_id
"""
ATTENDEES = """
    INSERT INTO mailboxes_attendee (workspace_id, event_id, address_id, response, is_optional, is_organiser)
    SELECT %(workspace)s, event_id, address_id, response, place = 3, is_author
    FROM library_invited ORDER BY event_id
"""

SUBJECTS = """Drawings Contract Invoice Agenda Minutes Budget Quarterly Planning Delivery Samples Renewal
Audit Pricing Proposal Schedule Workshop Tender Survey Handover Prototype Catalogue Launch Referral"""
THINGS = """harbour bridge archive warehouse autumn winter roof garden station pipeline museum kitchen lobby
turbine crane ferry library tunnel mast canopy"""
SUBJECT = """
    (%(subjects)s::text[])[1 + l.words %% cardinality(%(subjects)s::text[])] || ' for the '
    || (%(things)s::text[])[1 + l.words / 7 %% cardinality(%(things)s::text[])] || ' ' || l.words %% 997
"""
MADE = ("said", "reachable", "keeper", "present", "letter", "invited")


class Postbag:
    """`large_id` is the company that `say_to_large` says something to."""

    def __init__(self, workspace_id: int, *, large_id: int, now: datetime) -> None:
        self.workspace_id, self.large_id, self.now = workspace_id, large_id, now
        self.said = 0
        execute("SELECT setseed(0.5)")
        for statement in (REACHABLE, KEEPERS, TABLE):
            self._run(statement)
        execute("CREATE INDEX ON library_reachable (n)")
        execute("ANALYZE library_reachable, library_keeper")

    def say_to_all(self, count: int) -> None:
        """Some more often than others, most of it lately; up to four members each, one of them most."""
        self._say(count, condition="true", skew=2, haste=2, spread=4)

    def say_to_large(self, count: int) -> None:
        """As much on one day as on another."""
        self._say(count, condition="company_id = %(large)s", skew=1, haste=1, spread=MEMBERS)

    def deliver(self) -> None:
        execute("ANALYZE library_said")
        self._run(PRESENT)
        self._run(LETTERS)
        execute("ANALYZE library_present, library_letter")
        for statement in (THREADS, MESSAGES, PARTICIPANTS, COPIES, CONTENTS, EVENTS, CALENDARS):
            self._run(statement)
        self._run(INVITED)
        execute("ANALYZE library_invited, mailboxes_calendarsource")
        self._run(EVENT_COPIES)
        self._run(ATTENDEES)
        execute(f"DROP TABLE {', '.join(f'library_{name}' for name in MADE)}")

    def _say(self, count: int, *, condition: str, skew: int, haste: int, spread: int) -> None:
        found = f"SELECT min(n), count(*) FROM library_reachable WHERE {condition}"
        first, reachable = fetch(found, large=self.large_id)[0]
        self._run(
            SAID,
            begin=self.said,
            count=count,
            first=first,
            reachable=reachable,
            skew=skew,
            haste=haste,
            spread=spread,
            members=MEMBERS,
        )
        self.said += count

    def _run(self, statement: str, **parameters: object) -> None:
        common = {
            "workspace": self.workspace_id,
            "large": self.large_id,
            "now": self.now,
            "subjects": SUBJECTS.split(),
            "things": THINGS.split(),
        }
        execute(statement.replace("{subject}", SUBJECT), **common, **parameters)
