"""An account is named and can be read → a Mailbox with its streams due; later edited or reconnected."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.postgres.functions import TransactionNow
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from crm.addresses import normalise, without_tag
from crm.auditing import audit
from crm.claiming import claim
from crm.locking import lock_workspace
from crm.models import Address, Member
from crm.plans import ALLOWANCES, Plan, allowance
from crm.statements import execute, fetch
from mailboxes import uploads
from mailboxes.credentials import encrypt
from mailboxes.models import (
    CalendarSource,
    Mailbox,
    MailboxAddress,
    MailboxKind,
    MailboxState,
    SkipReason,
    StreamKind,
    SyncStream,
)
from mailboxes.owning import follow_own_addresses
from mailboxes.trying import OFF, CannotConnect, Servers, known_servers, place_of

__all__ = [
    "AddressTaken",
    "AnotherAccount",
    "CannotConnect",
    "OverPlan",
    "Servers",
    "change_servers",
    "connect",
    "connect_archive",
    "connect_servers",
    "normalised",
    "refuse",
    "refuse_known",
    "refuse_other_user",
    "refuse_over_plan",
]

SERVERS = {StreamKind.MAIL: "imap", StreamKind.CALENDAR: "caldav"}
# No provider can read this cursor, so the next run lists everything and compares.
_VOID = "moved"


class OverPlan(CannotConnect):
    """The workspace's plan allows no further mailbox."""


class AddressTaken(CannotConnect):
    """The address is another member's."""


class AnotherAccount(CannotConnect):
    """Reconnecting has to be the same account."""


@sensitive_variables("secrets")
def connect(
    member: Member,
    *,
    kind: MailboxKind,
    address: str,
    settings: dict[str, Any],
    aliases: Iterable[str] = (),
    secrets: Mapping[str, str] | None = None,
    history_from: date | None = None,
) -> Mailbox:
    """Make the mailbox, or bring the one there is up to date with new settings; all it has read is
    kept. The addresses become the member's: whoever calls has seen to it that they are. Raises
    CannotConnect, which is a ValueError."""
    own = [normalised(email) for email in (address, *aliases)]
    with transaction.atomic():
        lock_workspace(member.workspace_id)
        refuse(member, kind=kind, addresses=own)
        mailbox, is_new = Mailbox.objects.get_or_create(
            workspace_id=member.workspace_id,
            member=member,
            kind=kind,
            address=own[0],
            defaults={"default_level": member.workspace.default_level, "history_from": history_from},
        )
        if is_new:
            audit("mailbox_connected", by=member, owner=member, mailbox=mailbox.pk)
        _put(mailbox, settings, secrets)
        _own(mailbox, own)
        _make_due(mailbox)
    return mailbox


@sensitive_variables("passwords")
def connect_servers(
    member: Member,
    *,
    address: str,
    passwords: Mapping[str, str],
    imap: dict[str, Any] | None = None,
    caldav: dict[str, Any] | None = None,
    aliases: Iterable[str] = (),
    history_from: date | None = None,
    is_vouched_for: bool = False,
) -> Mailbox:
    """An IMAP account, a CalDAV account, or both; see `Servers`. An operator vouches for addresses
    that a member has only typed."""
    if not is_vouched_for:
        refuse_known(member, [normalised(email) for email in (address, *aliases)])
    return connect(
        member,
        kind=MailboxKind.IMAP,
        address=address,
        settings=Servers(imap, caldav).settings,
        aliases=aliases,
        secrets=passwords,
        history_from=history_from,
    )


def connect_archive(
    member: Member, *, address: str, files: Sequence[uploads.Accepted], aliases: Iterable[str] = ()
) -> Mailbox:
    """Make the archive of this address, or add to the one there is. All of it is listed again: what
    is stored stays as it is, and what was unblocked since comes back."""
    refuse_known(member, [normalised(email) for email in (address, *aliases)])
    with transaction.atomic():
        lock_workspace(member.workspace_id)
        kind = MailboxKind.ARCHIVE
        known = Mailbox.objects.owned_by(member).filter(kind=kind, address=normalised(address)).first()
        before = known.settings if known else {}
        mailbox = connect(member, kind=kind, address=address, settings=before, aliases=aliases)
        _end_runs(mailbox)
        SyncStream.objects.filter(mailbox=mailbox).update(cursor="", backfilled_at=None, total=0, done=0)
        mailbox.settings = uploads.keep(mailbox, files)
        mailbox.save(update_fields=["settings"])
    return mailbox


@sensitive_variables("servers")
def change_servers(
    mailbox: Mailbox,
    servers: Servers,
    *,
    by: Member,
    aliases: Iterable[str] = (),
    history_from: date | None = None,
    is_same_account: bool = False,
) -> None:
    """Edit an account, or reconnect it: what it has read stays, and reading goes on from there.
    Raises CannotConnect."""
    _refuse_others(mailbox, by)
    if mailbox.kind != MailboxKind.IMAP:
        raise CannotConnect("This account is on no server.")
    own = [normalised(email) for email in (mailbox.address, *aliases)]
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        mailbox.refresh_from_db()
        refuse(by, kind=MailboxKind.IMAP, addresses=own)
        refuse_known(by, own)
        refuse_other_user(mailbox, servers, is_same_account=is_same_account)
        is_reconnected = mailbox.state == MailboxState.NEEDS_RECONNECT
        audit(
            "mailbox_reconnected" if is_reconnected else "mailbox_edited", by=by, owner=by, mailbox=mailbox.pk
        )
        before = mailbox.history_from
        mailbox.history_from = history_from
        _put(mailbox, servers.settings | _switched_off(mailbox, servers), servers.passwords)
        _disown(mailbox, own)
        _own(mailbox, own)
        _make_due(mailbox)
        _read_further_back(mailbox, before)


def refuse_other_user(mailbox: Mailbox, servers: Servers, *, is_same_account: bool) -> None:
    """Raises AnotherAccount where the mail would be read as somebody else, unless the owner says
    that it is the same account under another name."""
    known = known_servers(mailbox).get("imap")
    if not known or not servers.imap or is_same_account:
        return
    if known["username"] != servers.imap["username"]:
        raise AnotherAccount(
            f"So far this account was read as {known['username']}. Another account is connected by itself; "
            "confirm below if this is the same one under a new user name."
        )


def refuse(member: Member, *, kind: MailboxKind, addresses: Sequence[str]) -> None:
    """Raises CannotConnect for what can be refused before anything is tried. The first of these
    normalised addresses is the account's own."""
    if not member.is_active:
        raise PermissionDenied
    same = Mailbox.objects.owned_by(member).filter(kind=kind, address=addresses[0]).first()
    if same and same.state == MailboxState.REMOVING:
        raise CannotConnect(f"{same.address} is still being removed. Try again in a few minutes.")
    if same is None:
        refuse_over_plan(member)
    _refuse_taken(member, addresses)


def refuse_over_plan(member: Member) -> None:
    """Raises OverPlan where no further mailbox may be connected. Those being removed do not count."""
    limit = allowance(member.workspace.plan).mailboxes_per_member
    connected = Mailbox.objects.owned_by(member).exclude(state=MailboxState.REMOVING).order_by("pk")
    addresses = [mailbox.address for mailbox in connected]
    if limit is None or len(addresses) < limit:
        return
    more = [plan.label for plan in Plan if _allows_more(plan, limit)]
    raise OverPlan(
        f"On the {Plan(member.workspace.plan).label} plan a member connects "
        f"{'one account' if limit == 1 else f'{limit} accounts'}, and yours is {', '.join(addresses)}. "
        f"{' and '.join(more)} allow more. Whoever runs this installation can change the plan."
    )


def _allows_more(plan: Plan, limit: int) -> bool:
    offered = ALLOWANCES[plan].mailboxes_per_member
    return offered is None or offered > limit


def _refuse_taken(member: Member, addresses: Sequence[str]) -> None:
    spellings = {*addresses, *map(without_tag, addresses)}
    claimed = Address.objects.filter(workspace_id=member.workspace_id, email__in=spellings)
    taken = claimed.exclude(member=member).select_related("member__user").filter(member__isnull=False).first()
    if taken and taken.member:
        raise AddressTaken(f"{taken.email} is the address of {taken.member.name} here.")


_KNOWN_TO_OTHERS = """
    SELECT a.email FROM crm_address a
    WHERE a.workspace_id = %(workspace)s AND a.email = ANY(%(emails)s)
      AND a.member_id IS NULL AND NOT a.is_internal
      AND (a.person_id IS NOT NULL
           OR EXISTS (SELECT FROM mailboxes_participant p
                      JOIN mailboxes_messagecopy c ON c.message_id = p.message_id
                      JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.member_id <> %(member)s
                      WHERE p.address_id = a.id)
           OR EXISTS (SELECT FROM mailboxes_eventcopy e
                      JOIN mailboxes_mailbox b ON b.id = e.mailbox_id AND b.member_id <> %(member)s
                      WHERE e.workspace_id = a.workspace_id
                        AND e.attendees @> jsonb_build_array(jsonb_build_object('address', a.id))))
    ORDER BY a.email
"""


def refuse_known(member: Member, addresses: Sequence[str]) -> None:
    """An address that a member claims turns everybody's mail with it into mail among colleagues, and
    that is deleted: so nobody claims a contact's by typing it. Raises AddressTaken."""
    confirmed = EmailAddress.objects.filter(user_id=member.user_id, verified=True)
    own = {normalise(email) for email in confirmed.values_list("email", flat=True)}
    typed = [email for email in addresses if email not in own]
    known = fetch(_KNOWN_TO_OTHERS, workspace=member.workspace_id, member=member.pk, emails=typed)
    if known:
        raise AddressTaken(
            f"{known[0][0]} is known here as somebody outside. If it is yours, confirm it under "
            "“Email addresses” in the account menu first, or ask whoever runs this installation."
        )


def _refuse_others(mailbox: Mailbox, by: Member) -> None:
    if not (by.is_active and mailbox.member_id == by.pk and mailbox.workspace_id == by.workspace_id):
        raise PermissionDenied


def _switched_off(mailbox: Mailbox, servers: Servers) -> dict[str, Any]:
    off = {name: known for name, known in known_servers(mailbox).items() if name not in servers.settings}
    return {OFF: off} if off else {}


@sensitive_variables("secrets")
def _put(mailbox: Mailbox, settings: dict[str, Any], secrets: Mapping[str, str] | None) -> None:
    is_same = (mailbox.settings, mailbox.state) == (settings, MailboxState.ACTIVE)
    if secrets is None and is_same:
        return
    before = known_servers(mailbox)
    mailbox.settings, mailbox.state = settings, MailboxState.ACTIVE
    if secrets is not None:
        needed = {name: secret for name, secret in secrets.items() if name in settings}
        mailbox.credential = encrypt(needed)
    mailbox.save(update_fields=["settings", "state", "credential", "history_from"])
    _end_runs(mailbox)
    if before.get("caldav") and settings.get("caldav"):
        _follow_calendar(mailbox, before["caldav"], settings["caldav"])


def _end_runs(mailbox: Mailbox) -> None:
    """A run under way signs in as it was told before: it loses its lease, and the next one begins."""
    SyncStream.objects.filter(mailbox=mailbox).update(epoch=F("epoch") + 1, lease_until=None)


def _follow_calendar(mailbox: Mailbox, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Sync tokens and versions are one server's words to one user. Elsewhere the same word may mean
    something else, so all is listed and read again, and what is not there goes. With IMAP the
    numbers carry UIDVALIDITY, which says by itself when they mean nothing any more."""
    if place_of("caldav", before) != place_of("caldav", after):
        SyncStream.objects.filter(mailbox=mailbox, kind=StreamKind.CALENDAR).update(cursor=_VOID)
        CalendarSource.objects.filter(mailbox=mailbox).update(version="")


def _own(mailbox: Mailbox, own: Sequence[str]) -> None:
    mailbox.claim(claim(mailbox.member, own))
    follow_own_addresses(mailbox, now=timezone.now())


def _disown(mailbox: Mailbox, own: Sequence[str]) -> None:
    """An alias that is given up: what is read from now on is not the owner's own for coming from there."""
    MailboxAddress.objects.filter(mailbox=mailbox).exclude(address__email__in=own).delete()


def _make_due(mailbox: Mailbox) -> None:
    """A stream whose server is switched off stays, with all that is known, and is not read."""
    wanted = _streams(mailbox)
    for kind in wanted:
        SyncStream.objects.get_or_create(workspace_id=mailbox.workspace_id, mailbox=mailbox, kind=kind)
    streams = SyncStream.objects.filter(mailbox=mailbox)
    streams.filter(kind__in=wanted).update(due_at=TransactionNow(), failures=0, last_error="")
    streams.exclude(kind__in=wanted).update(due_at=None, failures=0, last_error="")


def _streams(mailbox: Mailbox) -> list[StreamKind]:
    if mailbox.kind == MailboxKind.ARCHIVE:
        return list(StreamKind)
    return [kind for kind, server in SERVERS.items() if server in mailbox.settings]


_FETCH_WHAT_WAS_OLD = """
    WITH old AS (
        DELETE FROM mailboxes_skippeditem k USING mailboxes_syncstream s
        WHERE s.id = k.stream_id AND s.mailbox_id = %(mailbox)s AND k.reason = %(old)s
        RETURNING k.workspace_id, k.stream_id, k.provider_id, k.version
    )
    INSERT INTO mailboxes_pendingitem
        (workspace_id, stream_id, provider_id, version, "order", is_removal, attempts)
    SELECT workspace_id, stream_id, provider_id, version, 0, false, 0 FROM old
    ON CONFLICT (stream_id, provider_id) DO NOTHING
"""

# A series that began before the limit is stored from the limit on.
_READ_SERIES_AGAIN = """
    INSERT INTO mailboxes_pendingitem
        (workspace_id, stream_id, provider_id, version, "order", is_removal, attempts)
    SELECT c.workspace_id, s.id, c.provider_id, c.version, 0, false, 0
    FROM mailboxes_calendarsource c
    JOIN mailboxes_syncstream s ON s.mailbox_id = c.mailbox_id AND s.kind = 'calendar'
    WHERE c.mailbox_id = %(mailbox)s
    ON CONFLICT (stream_id, provider_id) DO NOTHING
"""


def _read_further_back(mailbox: Mailbox, before: date | None) -> None:
    """An earlier limit fetches what the old one left out; a later one takes nothing away."""
    after = mailbox.history_from
    if before and (after is None or after < before):
        execute(_FETCH_WHAT_WAS_OLD, mailbox=mailbox.pk, old=SkipReason.OLD)
        execute(_READ_SERIES_AGAIN, mailbox=mailbox.pk)


def normalised(email: str) -> str:
    address = normalise(email)
    if address is None:
        raise CannotConnect(f"“{email}” is not an e-mail address.")
    return address
