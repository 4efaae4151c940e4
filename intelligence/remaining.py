"""What of a timeline is still there to be shown: blocked mail, and that of a mailbox being removed, is
gone at once, its interactions only a little later."""

# Nearly always nothing is hidden, and then no interaction need be looked up.
HIDING = """
    hiding AS MATERIALIZED (SELECT (
        EXISTS (SELECT FROM mailboxes_mailbox b
                WHERE b.workspace_id = %(workspace)s AND b.state = 'removing')
        OR EXISTS (SELECT FROM mailboxes_messagecopy c
                   WHERE c.blocked_by_id IS NOT NULL AND c.workspace_id = %(workspace)s)
        OR EXISTS (SELECT FROM mailboxes_eventcopy c
                   WHERE c.blocked_by_id IS NOT NULL AND c.workspace_id = %(workspace)s)
    ) AS is_so)
"""

# Somebody still holds what the timeline's row `t` is about.
# (A scalar with LIMIT stays a probe of one index, whatever the statistics say.)
_HOLDS = """
    (SELECT true FROM intelligence_interaction i
     JOIN {copies} c ON c.{source} = i.{source} AND c.blocked_by_id IS NULL
     JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.state <> 'removing'
     WHERE i.id = t.interaction_id LIMIT 1) IS NOT NULL
"""
REMAINS = f"""(
    NOT (SELECT is_so FROM hiding)
    OR {_HOLDS.format(copies="mailboxes_messagecopy", source="message_id")}
    OR {_HOLDS.format(copies="mailboxes_eventcopy", source="event_id")}
)"""
