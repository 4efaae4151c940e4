"""A calendar event as a member reads it: of the copies that are left to show, the one that speaks.

Events have no levels: whatever somebody's calendar holds is everybody's to read. But a copy that is
on its owner's blocklist, or in a mailbox being removed, is gone at once, and everything that only it
said with it; what was stored from it may follow a little later.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import BigAutoField
from django.http import Http404
from django.utils import timezone
from django.utils.html import Urlizer
from django.utils.safestring import SafeString

from crm import cells, moments
from crm.models import Member
from crm.records import COMPANY, PERSON
from crm.statements import fetch
from mailboxes.ingesting.events import ELECTED
from mailboxes.models import EventStatus, Response
from mailboxes.parsing.text import is_suspicious, is_too_hard, render_html, strip_tags

# `c` a copy, `m` its mailbox.
IS_LEFT = "c.blocked_by_id IS NULL AND m.state <> 'removing'"

# More calendars than these need not be asked what else is in the series.
SERIES_SOURCES = 5

# Under the table's own name, so that the usual election is held among the copies that are left.
SHOWN = f"""
    WITH mailboxes_eventcopy AS (
        SELECT c.*, m.member_id FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.event_id = ANY(%(ids)s) AND c.workspace_id = %(workspace)s AND {IS_LEFT}
    )
    SELECT c.id, c.title, c.location, c.description, c.conference_url, c.starts_at, c.ends_at,
           c.all_day, c.timezone, c.status, e.is_recurring,
           EXISTS (SELECT FROM mailboxes_eventcopy o WHERE o.member_id = %(viewer)s),
           ARRAY(SELECT o.source_id FROM mailboxes_eventcopy o
                 ORDER BY o.id <> c.id, o.id LIMIT {SERIES_SOURCES})
    FROM ({ELECTED}) c JOIN mailboxes_calendarevent e ON e.id = c.event_id
"""

# The answers that count are stored, unless a copy that is hidden may be where one came from. Then
# they are what they will be once it is purged: a member's own from his own copy, else the shown one's.
GUESTS = f"""
    WITH own AS (
        SELECT DISTINCT ON (a.id) a.id AS address_id, one->>'response' AS response
        FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        CROSS JOIN LATERAL jsonb_array_elements(c.attendees) one
        JOIN crm_address a ON a.id = (one->>'address')::bigint AND a.member_id = m.member_id
        WHERE c.event_id = %(event)s AND {IS_LEFT}
        ORDER BY a.id, c.sequence DESC, c.last_modified DESC NULLS LAST, c.id
    ),
    stored AS (
        SELECT t.address_id, t.response FROM mailboxes_attendee t
        WHERE t.event_id = %(event)s AND NOT EXISTS (
            SELECT FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
            WHERE c.event_id = %(event)s AND NOT ({IS_LEFT}))
    )
    SELECT a.id, a.email, coalesce(nullif(u.name, ''), u.email, p.name, nullif(g.one->>'name', ''), a.email),
           coalesce(stored.response, own.response, g.one->>'response'), (g.one->>'optional')::bool,
           coalesce(a.id = c.organiser_id, false), a.is_internal OR a.member_id IS NOT NULL,
           a.member_id, p.id, f.id, f.name, CASE WHEN a.is_freemail THEN '' ELSE a.domain END
    FROM mailboxes_eventcopy c
    CROSS JOIN LATERAL jsonb_array_elements(c.attendees) WITH ORDINALITY AS g(one, place)
    JOIN crm_address a ON a.id = (g.one->>'address')::bigint
    LEFT JOIN stored ON stored.address_id = a.id
    LEFT JOIN own ON own.address_id = a.id
    LEFT JOIN crm_member w ON w.id = a.member_id LEFT JOIN crm_user u ON u.id = w.user_id
    LEFT JOIN crm_person p ON p.id = a.person_id
    LEFT JOIN crm_companydomain d ON d.workspace_id = a.workspace_id AND d.domain = a.domain
    LEFT JOIN crm_company f ON f.id = coalesce(p.company_id, d.company_id)
    WHERE c.id = %(copy)s
    ORDER BY g.place
"""

# A calendar's resource holds one series. The times are its own, not the event's, which a hidden
# copy may have set.
NEIGHBOURS = f"""
    WITH occurrence AS (
        SELECT c.event_id, c.starts_at, c.all_day
        FROM mailboxes_eventcopy c JOIN mailboxes_mailbox m ON m.id = c.mailbox_id
        WHERE c.source_id = ANY(%(sources)s) AND c.event_id <> %(event)s AND {IS_LEFT}
    )
    (SELECT false, o.* FROM occurrence o WHERE (o.starts_at, o.event_id) < (%(at)s, %(event)s)
     ORDER BY o.starts_at DESC, o.event_id DESC LIMIT 1)
    UNION ALL
    (SELECT true, o.* FROM occurrence o WHERE (o.starts_at, o.event_id) > (%(at)s, %(event)s)
     ORDER BY o.starts_at, o.event_id LIMIT 1)
"""

# In the order in which a host reads them.
ANSWERS = (Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED, Response.NEEDS_ACTION)
