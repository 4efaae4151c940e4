"""What admins decide for everybody: when records are made, what colleagues see of a new mailbox, and
which domains are the workspace's own.

Every verb takes `by` and raises PermissionDenied for anybody but an active admin of the workspace.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from crm.addresses import host_in, is_freemail, is_public_suffix, registrable_domain
from crm.auditing import audit
from crm.locking import lock_workspace
from crm.mistakes import log_mistake
from crm.models import AccessLevel, Address, Company, CompanyDomain, InternalDomain, Member, Workspace
from crm.signals import records_changed
from crm.statements import execute, fetch
from crm.workspaces import require_admin
from mailboxes.leasing import MAY_BE_READ
from mailboxes.listing import FIRST, fetching_again
from mailboxes.matching import create_from_contact, missing_records
from mailboxes.models import FollowUp, FollowUpKind, Mailbox, MailboxAddress, MailboxKind, SkipReason
from mailboxes.organisers import follow_organisers
from mailboxes.removing import HAS_BEEN_CONTACTED
from mailboxes.rescreening import rescreen
from mailboxes.signals import communication_changed

logger = logging.getLogger(__name__)

BATCH = 500
# Longer than a task may run.
LOST_AFTER = timedelta(minutes=15)


class NotInternal(ValueError):
    """In words: why a domain cannot be the workspace's own."""


@dataclass(frozen=True, slots=True)
class Creation:
    automatic: bool
    enhanced: bool

    @classmethod
    def of(cls, workspace: Workspace) -> "Creation":
        return cls(workspace.automatic_creation, workspace.enhanced_creation)

    @property
    def rule(self) -> str:
        """Which of the two holds: enhanced on or off; nothing where no records are made."""
        if not self.automatic:
            return ""
        return "on" if self.enhanced else "off"

    def is_looser_than(self, other: "Creation") -> bool:
        """Does it make records that the other does not?"""
        return self.automatic and (not other.automatic or (other.enhanced and not self.enhanced))


def set_creation(workspace: Workspace, creation: Creation, *, by: Member) -> None:
    """A looser rule acts on stored mail too; a stricter one deletes nothing."""
    require_admin(by, workspace.pk)
    before = Creation.of(workspace)
    if creation == before:
        return
    with transaction.atomic():
        workspace.automatic_creation, workspace.enhanced_creation = creation.automatic, creation.enhanced
        workspace.save(update_fields=["automatic_creation", "enhanced_creation"])
        audit(
            "record_creation_set",
            by=by,
            automatic=int(creation.automatic),
            enhanced=int(creation.enhanced),
        )
        if creation.is_looser_than(before):
            follow_later(workspace, FollowUpKind.CREATION)


def preview_creation(workspace: Workspace, creation: Creation) -> tuple[int, int]:
    """Companies and people that a rule would make of stored mail."""
    if not creation.automatic:
        return 0, 0
    return missing_records(workspace.pk, enhanced=creation.enhanced)


def create_missing(workspace: Workspace) -> None:
    """Records for everybody in stored mail who should have one, in batches of addresses; for as long as the
    rule that asks for them holds."""
    last = 0
    while True:
        ids = list(
            Address.objects.filter(workspace=workspace, pk__gt=last, is_internal=False, person=None)
            .order_by("pk")
            .values_list("pk", flat=True)[:BATCH]
        )
        if not ids:
            return
        last = ids[-1]
        with transaction.atomic():
            lock_workspace(workspace.pk)
            workspace.refresh_from_db()
            created = create_from_contact(workspace, ids)
            communication_changed.send(
                sender=Mailbox,
                workspace_id=workspace.pk,
                company_ids=created.company_ids,
                person_ids=created.person_ids,
                now=timezone.now(),
            )


def set_default_level(workspace: Workspace, level: AccessLevel, *, by: Member) -> None:
    """For mailboxes connected from now on."""
    require_admin(by, workspace.pk)
    with transaction.atomic():
        workspace.default_level = level
        workspace.save(update_fields=["default_level"])
        audit("workspace_level_set", by=by, level=level)


def proposed_domains(workspace: Workspace) -> Sequence[str]:
    """Of connected mailboxes, where an admin has not said that they are the workspace's own."""
    own = MailboxAddress.objects.filter(workspace=workspace, address__is_freemail=False)
    known = InternalDomain.objects.filter(workspace=workspace).values("domain")
    return list(
        own.exclude(address__domain__in=known)
        .order_by("address__domain")
        .values_list("address__domain", flat=True)
        .distinct()
    )


@dataclass(frozen=True, slots=True)
class Loss:
    """What stored mail loses when a domain becomes the workspace's own. Mail of an archive does not come back
    by itself."""

    domain: str
    emails: int
    events: int
    companies: int
    people: int
    is_archived: bool

    def __bool__(self) -> bool:
        return any((self.emails, self.events, self.companies, self.people))


_LOSS = """
    WITH outside AS (
        SELECT id FROM crm_address a WHERE a.workspace_id = %(workspace)s AND a.domain = %(domain)s
          AND NOT a.is_internal
    ),
    message AS (
        SELECT DISTINCT p.message_id AS id FROM outside
        JOIN mailboxes_participant p ON p.address_id = outside.id
    ),
    lost AS (
        SELECT m.id FROM message m WHERE NOT EXISTS (
            SELECT FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id
            WHERE p.message_id = m.id AND a.domain <> %(domain)s
              AND NOT a.is_internal AND a.kind <> 'automated')
    ),
    event AS (
        SELECT DISTINCT t.event_id AS id FROM outside JOIN mailboxes_attendee t ON t.address_id = outside.id
    )
    SELECT (SELECT count(*) FROM lost),
           (SELECT count(*) FROM event e WHERE NOT EXISTS (
                SELECT FROM mailboxes_attendee t JOIN crm_address a ON a.id = t.address_id
                WHERE t.event_id = e.id AND a.domain <> %(domain)s
                  AND NOT a.is_internal AND a.kind <> 'automated')),
           (SELECT count(*) FROM crm_companydomain
            WHERE workspace_id = %(workspace)s AND domain = %(domain)s),
           (SELECT count(DISTINCT a.person_id) FROM outside JOIN crm_address a ON a.id = outside.id),
           EXISTS (SELECT FROM lost JOIN mailboxes_messagecopy c ON c.message_id = lost.id
                   JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.kind = %(archive)s)
"""


def preview_domain(workspace: Workspace, text: str) -> Loss:
    """What adding it would do. Raises NotInternal."""
    domain = _domain(text)
    known = {"workspace": workspace.pk, "domain": domain, "archive": MailboxKind.ARCHIVE}
    return Loss(domain, *fetch(_LOSS, **known)[0])


def add_internal_domain(workspace: Workspace, text: str, *, by: Member) -> str:
    """Mail among its addresses goes, and they are nobody's record. Raises NotInternal."""
    require_admin(by, workspace.pk)
    domain = _domain(text)
    with transaction.atomic():
        _, created = InternalDomain.objects.get_or_create(workspace=workspace, domain=domain)
        if created:
            audit("internal_domain_added", by=by, domain=domain)
            follow_later(workspace, FollowUpKind.INTERNAL_DOMAIN, domain)
    return domain


def remove_internal_domain(workspace: Workspace, domain: str, *, by: Member) -> None:
    require_admin(by, workspace.pk)
    with transaction.atomic():
        if InternalDomain.objects.filter(workspace=workspace, domain=domain).delete()[0]:
            audit("internal_domain_removed", by=by, domain=domain)
            follow_later(workspace, FollowUpKind.INTERNAL_DOMAIN, domain)


def _domain(text: str) -> str:
    host = host_in(text)
    if host is None:
        raise NotInternal(f"“{text.strip()}” is not a domain.")
    domain = registrable_domain(host)
    if is_public_suffix(domain):
        raise NotInternal(f"{domain} is not one organisation’s domain.")
    if is_freemail(domain):
        raise NotInternal(f"Anybody can have an address at {domain}, so it cannot be internal.")
    return domain


# Following the list, in stored mail

_MARK_INTERNAL = """
    UPDATE crm_address SET is_internal = true, person_id = NULL
    WHERE workspace_id = %(workspace)s AND domain = %(domain)s AND NOT is_internal
    RETURNING id
"""
_PEOPLE_AT = """
    SELECT DISTINCT a.person_id, n.company_id FROM crm_address a JOIN crm_person n ON n.id = a.person_id
    WHERE a.workspace_id = %(workspace)s AND a.domain = %(domain)s AND NOT a.is_internal
"""
_MARK_OUTSIDE = f"""
    UPDATE crm_address a
    SET is_internal = false, is_contacted = a.kind <> 'automated' AND {HAS_BEEN_CONTACTED}
    WHERE a.workspace_id = %(workspace)s AND a.domain = %(domain)s AND a.is_internal AND a.member_id IS NULL
    RETURNING a.id
"""
# What was left out as being among colleagues may be no longer.
_FETCH_AGAIN = f"""
    WITH again AS (
        DELETE FROM mailboxes_skippeditem k USING mailboxes_syncstream s, mailboxes_mailbox b
        WHERE k.workspace_id = %(workspace)s AND k.reason = %(reason)s AND s.id = k.stream_id
          AND b.id = s.mailbox_id AND b.state <> 'removing' AND b.kind <> %(archive)s
        RETURNING k.workspace_id, k.stream_id, k.provider_id, k.version
    ),
    due AS (
        UPDATE mailboxes_syncstream s SET due_at = now()
        WHERE s.id IN (SELECT stream_id FROM again) AND {MAY_BE_READ}
    )
    {fetching_again("SELECT * FROM again")}
"""


def follow_internal_domain(workspace: Workspace, domain: str) -> None:
    """Bring addresses, records and stored mail in line with whether the domain is on the list."""
    with transaction.atomic():
        lock_workspace(workspace.pk)
        now = timezone.now()
        common = {"workspace": workspace.pk, "domain": domain}
        if InternalDomain.objects.filter(workspace=workspace, domain=domain).exists():
            people = fetch(_PEOPLE_AT, **common)
            companies = _companies_at(workspace, domain) | {company for _, company in people}
            ids = [row[0] for row in fetch(_MARK_INTERNAL, **common)]
            rescreen(workspace.pk, ids, now=now)
            records_changed.send(
                sender=Company,
                workspace_id=workspace.pk,
                person_ids=[person for person, _ in people],
                company_ids=sorted(companies - {None}),
            )
        else:
            ids = [row[0] for row in fetch(_MARK_OUTSIDE, **common)]
            rescreen(workspace.pk, ids, now=now)
            created = create_from_contact(workspace, ids)
            communication_changed.send(
                sender=Mailbox,
                workspace_id=workspace.pk,
                company_ids=created.company_ids,
                person_ids=created.person_ids,
                now=now,
            )
            execute(
                _FETCH_AGAIN,
                workspace=workspace.pk,
                reason=SkipReason.INTERNAL,
                archive=MailboxKind.ARCHIVE,
                order=FIRST,
            )


def _companies_at(workspace: Workspace, domain: str) -> set[int | None]:
    """Those that lose the domain."""
    at = CompanyDomain.objects.filter(workspace=workspace, domain=domain)
    found: set[int | None] = set(at.values_list("company_id", flat=True))
    at.delete()
    return found


# What has been decided and is still to be done


def follow_later(workspace: Workspace, kind: FollowUpKind, domain: str = "") -> None:
    """By a worker. Call inside the transaction of what is to be followed."""
    from mailboxes.tasks import follow_up

    made = FollowUp.objects.create(workspace=workspace, kind=kind, domain=domain)
    transaction.on_commit(lambda: follow_up.delay(made.pk), robust=True)


def follow_up(pk: int) -> None:
    """Safe to call again, also where it was interrupted."""
    found = FollowUp.objects.select_related("workspace").filter(pk=pk).first()
    if found is None:
        return
    match found.kind:
        case FollowUpKind.CREATION:
            create_missing(found.workspace)
        case FollowUpKind.ORGANISERS:
            follow_organisers(found.workspace)
        case _:
            follow_internal_domain(found.workspace, found.domain)
    found.delete()


def follow_up_lost(now: datetime) -> None:
    """What a lost task or a dead worker has left undone. What goes wrong with one stops no other."""
    old = FollowUp.objects.filter(created_at__lt=now - LOST_AFTER)
    for pk in old.order_by("pk").values_list("pk", flat=True):
        try:
            follow_up(pk)
        except Exception as error:
            log_mistake(logger, f"following up {pk}", error)
