"""An account is named and can be read → a Mailbox with its streams due; later edited or reconnected."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from crm.auditing import audit
from crm.claiming import claim
from crm.locking import lock_workspace
from crm.models import Member
from crm.statements import execute
from mailboxes.accounts import uploads
from mailboxes.accounts.refusing import normalised, refuse, refuse_known, refuse_other_user
from mailboxes.accounts.trying import OFF, CannotConnect, Servers, known_servers, place_of
from mailboxes.credentials import encrypt
from mailboxes.listing import fetching_again
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
from mailboxes.progress import announce_progress

# No provider can read this cursor, so the next run lists everything and compares.
_VOID = "moved"


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
    identity: str = "",
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
            identity=identity,
            defaults={"default_level": member.workspace.default_level, "history_from": history_from},
        )
        if is_new:
            audit("mailbox_connected", by=member, owner=member, mailbox=mailbox.pk)
        _put(mailbox, settings, secrets, history_from=mailbox.history_from)
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
    servers = Servers(imap, caldav, passwords)
    return connect(
        member,
        kind=MailboxKind.IMAP,
        address=address,
        settings=servers.settings,
        aliases=aliases,
        secrets=servers.secrets,
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


@sensitive_variables("secrets")
def change(
    mailbox: Mailbox,
    settings: dict[str, Any],
    *,
    by: Member,
    aliases: Iterable[str] | None = None,
    secrets: Mapping[str, str] | None = None,
    history_from: date | None = None,
    read_again: Iterable[StreamKind] = (),
) -> None:
    """Edit an account, or with new `secrets` reconnect it; without `aliases` those stay. Of streams to
    `read_again`, all is listed and compared with what is stored. Raises CannotConnect."""
    mailbox.refuse_others(by)
    with transaction.atomic():
        lock_workspace(mailbox.workspace_id)
        mailbox.refresh_from_db()
        own = [normalised(email) for email in (mailbox.address, *(aliases or ()))]
        refuse(by, kind=MailboxKind(mailbox.kind), addresses=own)
        is_reconnected = mailbox.state == MailboxState.NEEDS_RECONNECT
        audit(
            "mailbox_reconnected" if is_reconnected else "mailbox_edited", by=by, owner=by, mailbox=mailbox.pk
        )
        before, state = mailbox.history_from, mailbox.state
        wanted = settings | switched_off(mailbox, settings)
        _put(mailbox, wanted, secrets, history_from=history_from)
        if secrets is None and state != MailboxState.ACTIVE:
            Mailbox.objects.filter(pk=mailbox.pk).update(state=state)
        if aliases is not None:
            _disown(mailbox, own)
            _own(mailbox, own)
        SyncStream.objects.filter(mailbox=mailbox, kind__in=list(read_again)).update(cursor=_VOID)
        _make_due(mailbox)
        _read_further_back(mailbox, before)


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
    mailbox.refuse_others(by)
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
        wanted = servers.settings | switched_off(mailbox, servers.settings)
        _put(mailbox, wanted, servers.secrets, history_from=history_from)
        _disown(mailbox, own)
        _own(mailbox, own)
        _make_due(mailbox)
        _read_further_back(mailbox, before)


def switched_off(mailbox: Mailbox, on: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a part that is not read any more, for whoever wants it back."""
    off = {name: known for name, known in known_servers(mailbox).items() if name not in on}
    return {OFF: off} if off else {}


@sensitive_variables("secrets")
def _put(
    mailbox: Mailbox,
    settings: dict[str, Any],
    secrets: Mapping[str, str] | None,
    *,
    history_from: date | None,
) -> None:
    is_same = (mailbox.settings, mailbox.history_from) == (settings, history_from)
    if secrets is None and is_same and mailbox.state == MailboxState.ACTIVE:
        return
    before = known_servers(mailbox)
    mailbox.settings, mailbox.history_from = settings, history_from
    mailbox.state = MailboxState.ACTIVE
    if secrets is not None:
        mailbox.credential = encrypt(dict(secrets))
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
    streams.update(failures=0, last_error="", failing_since=None, owner_told_at=None)
    streams.filter(kind__in=wanted).update(due_at=TransactionNow())
    streams.exclude(kind__in=wanted).update(due_at=None)
    announce_progress(mailbox.workspace_id)


def _streams(mailbox: Mailbox) -> list[StreamKind]:
    return [kind for kind in StreamKind if mailbox.reads(kind)]


_FETCH_WHAT_WAS_OLD = f"""
    WITH old AS (
        DELETE FROM mailboxes_skippeditem k USING mailboxes_syncstream s
        WHERE s.id = k.stream_id AND s.mailbox_id = %(mailbox)s AND k.reason = %(old)s
        RETURNING k.workspace_id, k.stream_id, k.provider_id, k.version
    )
    {fetching_again("SELECT * FROM old")}
"""

# A series that began before the limit is stored from the limit on.
_READ_SERIES_AGAIN = fetching_again("""
    SELECT c.workspace_id, s.id, c.provider_id, c.version
    FROM mailboxes_calendarsource c
    JOIN mailboxes_syncstream s ON s.mailbox_id = c.mailbox_id AND s.kind = 'calendar'
    WHERE c.mailbox_id = %(mailbox)s
""")


def _read_further_back(mailbox: Mailbox, before: date | None) -> None:
    """An earlier limit fetches what the old one left out; a later one takes nothing away."""
    after = mailbox.history_from
    if before and (after is None or after < before):
        execute(_FETCH_WHAT_WAS_OLD, mailbox=mailbox.pk, old=SkipReason.OLD, order=0)
        execute(_READ_SERIES_AGAIN, mailbox=mailbox.pk, order=0)
