"""What grants and requests owe to changes elsewhere: members who leave, records that become one,
mailboxes and mail that go."""

from django.db.models import F

from crm.live import announce
from crm.models import Member
from crm.statements import execute, fetch
from mailboxes.leasing import due_now
from mailboxes.models import AccessGrant, AccessRequest, MailboxKind, RequestedOwner, SyncStream
from mailboxes.sharing.requesting import end_requests_of, forget_owners

# Where the owner has granted both records to the same colleagues, the lower level holds for both:
# a merge widens nobody's grant.
_JOIN_GRANTS = """
    WITH pair AS (
        SELECT gone.id AS gone, kept.id AS kept, least(gone.level, kept.level) AS level
        FROM mailboxes_accessgrant gone JOIN mailboxes_accessgrant kept
          ON kept.owner_id = gone.owner_id AND kept.{record}_id = %(into)s
         AND kept.member_id IS NOT DISTINCT FROM gone.member_id
         AND kept.team_id IS NOT DISTINCT FROM gone.team_id
        WHERE gone.{record}_id = %(record)s
    ),
    lowered AS (
        UPDATE mailboxes_accessgrant g SET level = pair.level FROM pair WHERE g.id = pair.kept
    )
    INSERT INTO mailboxes_grantcoverage (workspace_id, grant_id, address_id, domain)
    SELECT v.workspace_id, pair.kept, v.address_id, v.domain
    FROM pair JOIN mailboxes_grantcoverage v ON v.grant_id = pair.gone
    ON CONFLICT DO NOTHING
"""

_MOVE_GRANTS = """
    UPDATE mailboxes_accessgrant g SET {record}_id = %(into)s
    WHERE g.{record}_id = %(record)s AND NOT EXISTS (
        SELECT FROM mailboxes_accessgrant kept
        WHERE kept.owner_id = g.owner_id AND kept.{record}_id = %(into)s
          AND kept.member_id IS NOT DISTINCT FROM g.member_id
          AND kept.team_id IS NOT DISTINCT FROM g.team_id)
"""


def follow_merge(kind_name: str, record_id: int, into_id: int) -> None:
    """What was granted with one record is granted with the other, for the addresses it covered."""
    for statement in (_JOIN_GRANTS, _MOVE_GRANTS):
        execute(statement.format(record=kind_name), record=record_id, into=into_id)
    AccessRequest.objects.filter(**{f"{kind_name}_id": record_id}).update(**{f"{kind_name}_id": into_id})


def end_membership(member: Member) -> None:
    """Grants by and to somebody end with his time here, what he asked for with them, and the
    reading of his mailboxes."""
    AccessGrant.objects.filter(owner=member).delete()
    AccessGrant.objects.filter(member=member).delete()
    end_requests_of(member)
    waiting = RequestedOwner.objects.filter(owner=member, request__state="pending")
    forget_owners(
        list(waiting.values_list("request__thread_id", flat=True)), workspace_id=member.workspace_id
    )
    announce(member.workspace_id, topics=["access"])
    SyncStream.objects.filter(mailbox__member=member).update(epoch=F("epoch") + 1, due_at=None)


def resume_reading(member: Member) -> None:
    """An archive that has been read rests."""
    resting = SyncStream.objects.filter(mailbox__member=member, due_at=None)
    read = {"mailbox__kind": MailboxKind.ARCHIVE, "backfilled_at__isnull": False}
    due_now(resting.exclude(**read).values_list("pk", flat=True))


_LEFT_WITHOUT_MAIL = """
    DELETE FROM mailboxes_accessgrant g
    WHERE g.owner_id = %(owner)s AND (
        (g.thread_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM mailboxes_emailmessage m
            JOIN mailboxes_messagecopy c ON c.message_id = m.id
            JOIN mailboxes_mailbox b ON b.id = c.mailbox_id
            WHERE m.thread_id = g.thread_id AND b.member_id = g.owner_id AND b.id <> %(mailbox)s))
        OR NOT EXISTS (SELECT FROM mailboxes_mailbox b WHERE b.member_id = g.owner_id AND b.id <> %(mailbox)s)
    )
"""


def forget_mailbox(mailbox_id: int, owner_id: int) -> None:
    """Grants that opened nothing but what this mailbox held."""
    execute(_LEFT_WITHOUT_MAIL, owner=owner_id, mailbox=mailbox_id)


_ASKED_OF = """
    SELECT DISTINCT r.thread_id FROM mailboxes_accessrequest r
    JOIN mailboxes_requestedowner o ON o.request_id = r.id
    WHERE r.state = 'pending' AND o.owner_id = %(owner)s
"""


def end_requests_to(owner_id: int, *, workspace_id: int) -> None:
    """After mail of this owner has gone: he answers only for what he still holds. Call inside a transaction
    that holds the workspace's lock, as owners answer meanwhile."""
    threads = [row[0] for row in fetch(_ASKED_OF, owner=owner_id)]
    forget_owners(threads, workspace_id=workspace_id)
