"""Let colleagues see more of one's own mail, and take it back.

Every function takes who does it (`by`) and raises PermissionDenied itself. A grant opens its
owner's own copies and nobody else's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from crm.auditing import audit
from crm.live import announce
from crm.locking import lock_workspace
from crm.models import AccessLevel, Member, Team
from crm.records import RECORD_TYPES, RecordType
from crm.statements import arrays, execute
from mailboxes.models import AccessGrant, Mailbox, Thread
from mailboxes.reach import Reach, reach_of, thread_reaches


@dataclass(frozen=True, slots=True)
class Grantee:
    """A member, a team, or (with neither) everybody in the workspace."""

    member_id: int | None = None
    team_id: int | None = None

    @classmethod
    def of(cls, grant: AccessGrant) -> "Grantee":
        return cls(grant.member_id, grant.team_id)


EVERYBODY = Grantee()
Access = Mapping[Grantee, AccessLevel]


@dataclass(frozen=True, slots=True)
class Target:
    """What is opened: `name` is mailbox, company, person or thread, `row` the row of that table."""

    name: str
    row: Any

    def fields(self) -> dict[str, Any]:
        return {f"{self.name}_id": self.row.pk}

    @property
    def record_kind(self) -> RecordType | None:
        return RECORD_TYPES.get(self.name)

    def reach(self) -> Reach:
        """What a grant on a record covers if it is made now; of a thread, which it is and when something was
        last moved into it."""
        if self.name == "thread":
            return thread_reaches([self.row.pk])[self.row.pk]
        return reach_of(self.name, self.row.pk) if self.record_kind else ()


def record_target(record: Any) -> Target:
    return Target(type(record).__name__.lower(), record)


def mailbox_target(mailbox: Mailbox) -> Target:
    return Target("mailbox", mailbox)


def thread_target(thread: Thread) -> Target:
    return Target("thread", thread)


def grants_on(target: Target, *, by: Member) -> list[AccessGrant]:
    """The member's own."""
    return list(
        AccessGrant.objects.given_by(by)
        .filter(**target.fields())
        .select_related("member__user", "team")
        .order_by("pk")
    )


def _whole(grants: Iterable[AccessGrant]) -> dict[Grantee, AccessGrant]:
    return {Grantee.of(grant): grant for grant in grants if grant.of_messages is None}


class ChangedMeanwhile(Exception):
    """What is shared is no longer what the member was shown."""


def as_seen(grants: Iterable[AccessGrant], reach: Reach) -> str:
    """What a form was filled in from: the same as long as nothing is granted, taken back or changed, nobody
    gives the record another address or domain, and the thread is not joined with another."""
    stored = ",".join(f"{grant.pk}:{grant.level}" for grant in sorted(grants, key=lambda one: one.pk))
    return f"{stored};{sha256(repr(reach).encode()).hexdigest()[:16]}"


def refuse_unseen(seen: str | None, grants: Iterable[AccessGrant], reach: Reach) -> None:
    """Raises ChangedMeanwhile. `seen` is None where there was nothing to look at."""
    if seen is not None and seen != as_seen(grants, reach):
        raise ChangedMeanwhile


def set_access(target: Target, access: Access, *, by: Member, seen: str | None = None) -> None:
    """Make the member's grants on this exactly these, provided that all still is as `seen`. Raises
    ChangedMeanwhile."""
    with transaction.atomic():
        lock_for(by)
        _check(target, access, by)
        grants, reach = grants_on(target, by=by), target.reach()
        refuse_unseen(seen, grants, reach)
        stored = _whole(grants)
        for grant in grants:
            if Grantee.of(grant) not in access:
                _delete(grant, by)
            elif grant.of_messages is not None:  # what comes now is of the whole thread
                grant.delete()
        for grantee, level in access.items():
            _put(target, grantee, level, by=by, stored=stored.get(grantee), reach=reach)


def open_further(target: Target, grantee: Grantee, level: AccessLevel, *, by: Member) -> None:
    """Grant this much or leave what is more already; other grants stay as they are. With a record, it holds
    for all that the record has by now."""
    with transaction.atomic():
        lock_for(by)
        _check(target, {grantee: level}, by)
        reach = target.reach()
        stored = _whole(grants_on(target, by=by)).get(grantee)
        if stored is None or stored.level < level or target.name == "thread":
            most = max(level, AccessLevel(stored.level)) if stored else level
            _put(target, grantee, most, by=by, stored=stored, reach=reach)
        if stored and target.record_kind:
            _extend(stored, reach, by)


def revoke(grant: AccessGrant, *, by: Member) -> None:
    _refuse_others(grant.owner_id, grant.workspace_id, by)
    with transaction.atomic():
        lock_for(by)
        if AccessGrant.objects.filter(pk=grant.pk).exists():
            _delete(grant, by)


def confirm(grant: AccessGrant, *, by: Member) -> None:
    """Let a grant on a record cover what the record has by now."""
    _refuse_others(grant.owner_id, grant.workspace_id, by)
    with transaction.atomic():
        lock_for(by)
        if record := grant.company or grant.person:
            _extend(grant, record_target(record).reach(), by)


def confirm_all(target: Target, *, by: Member, seen: str | None = None) -> None:
    """The same for all that the member shares of a record. Raises ChangedMeanwhile."""
    with transaction.atomic():
        lock_for(by)
        grants, reach = grants_on(target, by=by), target.reach()
        refuse_unseen(seen, grants, reach)
        for grant in grants:
            _extend(grant, reach, by)


def set_default_level(mailbox: Mailbox, level: AccessLevel, *, by: Member) -> None:
    """What everybody in the workspace sees of a mailbox."""
    mailbox.refuse_others(by)
    with transaction.atomic():
        lock_for(by)
        if Mailbox.objects.filter(pk=mailbox.pk).exclude(default_level=level).update(default_level=level):
            audit("default_level_set", by=by, owner=by, mailbox=mailbox.pk, level=level)
            announce(mailbox.workspace_id, topics=["access"])
    mailbox.default_level = level


def lock_for(by: Member) -> None:
    """Two pages that save at once wait for each other, and for mail that moves what is shared to another
    thread (see ingesting.threads). Raises PermissionDenied for somebody who was deactivated meanwhile; check
    everything else afterwards."""
    lock_workspace(by.workspace_id)
    if not Member.objects.active().filter(pk=by.pk).exists():
        raise PermissionDenied


def _check(target: Target, access: Access, by: Member) -> None:
    owner_id = target.row.member_id if target.name == "mailbox" else by.pk
    _refuse_others(owner_id, target.row.workspace_id, by)
    if any(level <= AccessLevel.METADATA for level in access.values()):
        raise ValueError("Everybody sees metadata; a grant is for more.")
    if target.name == "mailbox" and EVERYBODY in access:
        raise ValueError("What everybody sees of a mailbox is its default level.")
    members = {one.member_id for one in access if one.member_id}
    teams = {one.team_id for one in access if one.team_id}
    known_members = Member.objects.active().filter(workspace_id=by.workspace_id, pk__in=members)
    known_teams = Team.objects.filter(workspace_id=by.workspace_id, pk__in=teams)
    if known_members.count() != len(members) or known_teams.count() != len(teams) or by.pk in members:
        raise PermissionDenied


def _refuse_others(owner_id: int, workspace_id: int, by: Member) -> None:
    if not (by.is_active and by.pk == owner_id and by.workspace_id == workspace_id):
        raise PermissionDenied


def _put(
    target: Target,
    grantee: Grantee,
    level: AccessLevel,
    *,
    by: Member,
    stored: AccessGrant | None,
    reach: Reach,
) -> None:
    if stored and stored.level == level and target.name != "thread":
        return
    if stored is None:
        stored = AccessGrant.objects.create(
            workspace_id=by.workspace_id,
            owner=by,
            member_id=grantee.member_id,
            team_id=grantee.team_id,
            level=level,
            created_at=Now(),
            **target.fields(),
        )
        if target.record_kind:
            _cover(stored, reach)
    else:
        _raise_or_lower(stored, level)
    audit("shared", by=by, owner=by, level=level, **_named(stored))
    _tell(stored)


def _raise_or_lower(grant: AccessGrant, level: AccessLevel) -> None:
    """A thread's owner, saying so again, means the thread as it is now: by the clock that says when mail was
    moved into it, which is the database's."""
    changes: dict[str, Any] = {"level": level}
    if grant.thread_id:
        changes["created_at"] = Now()
    AccessGrant.objects.filter(pk=grant.pk).update(**changes)


def _delete(grant: AccessGrant, by: Member) -> None:
    audit("unshared", by=by, owner=by, **_named(grant))
    AccessGrant.objects.filter(pk=grant.pk).delete()
    _tell(grant)


def _tell(grant: AccessGrant) -> None:
    """Open pages look again at what they may show."""
    announce(grant.workspace_id, topics=["access"])


def _named(grant: AccessGrant) -> dict[str, int | None]:
    names = ("mailbox", "company", "person", "thread", "member", "team")
    return {name: getattr(grant, f"{name}_id") for name in names}


_COVER = """
    INSERT INTO mailboxes_grantcoverage (workspace_id, grant_id, domain, address_id)
    SELECT %(workspace)s, %(grant)s, reach.domain, reach.address_id
    FROM unnest(%(domains)s::text[], %(addresses)s::bigint[]) AS reach(domain, address_id)
    ON CONFLICT DO NOTHING
"""


def _cover(grant: AccessGrant, reach: Reach) -> None:
    values = arrays(reach, "domains", "addresses")
    execute(_COVER, workspace=grant.workspace_id, grant=grant.pk, **values)


def _extend(grant: AccessGrant, reach: Reach, by: Member) -> None:
    _cover(grant, reach)
    audit("grant_extended", by=by, owner=by, grant=grant.pk, **_named(grant))
    _tell(grant)
