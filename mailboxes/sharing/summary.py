"""Who sees how much of a member's own mail with a record or in a thread, and why; and what a change
would do. Pure, apart from `sources` and `colleagues` at the end, which ask the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crm.models import AccessLevel, Member, TeamMembership
from crm.statements import fetch
from mailboxes.levels import Copy, Given, Viewer, level
from mailboxes.models import AccessGrant, Mailbox
from mailboxes.reach import REACH, WITHIN
from mailboxes.sharing.granting import EVERYBODY, Grantee, Target

MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Source:
    """Copies that are alike to everybody who looks: a mailbox's default, and what else its owner has
    granted that concerns them, each with the words for why."""

    default_level: AccessLevel
    grants: Sequence[tuple[Given, str]]


@dataclass(frozen=True, slots=True)
class Colleague:
    pk: int
    name: str
    team_ids: frozenset[int]

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.pk, self.team_ids)


@dataclass(frozen=True, slots=True)
class Sight:
    """`change` is up, down or empty: what saving would do to this colleague."""

    pk: int
    name: str
    level: AccessLevel
    why: str
    change: str = ""
    is_you: bool = False

    @property
    def shown_as(self) -> str:
        return "You" if self.is_you else self.name


@dataclass(frozen=True, slots=True)
class LevelGroup:
    level: AccessLevel
    icon: str
    total: int
    shown: Sequence[Sight]

    @property
    def others(self) -> int:
        return self.total - len(self.shown)


ICONS = {AccessLevel.FULL: "unlock", AccessLevel.SUBJECT: "eye", AccessLevel.METADATA: "lock"}


def summarise_access(
    owner: Member,
    colleagues: Sequence[Colleague],
    sources: Sequence[Source],
    *,
    stored: Mapping[Grantee, AccessLevel],
    proposed: Mapping[Grantee, AccessLevel],
    team_names: Mapping[int, str],
) -> list[LevelGroup]:
    """Of every active member, by level, the highest first; whoever's sight would change leads."""
    you = Sight(owner.pk, owner.name, AccessLevel.FULL, "your mailbox", is_you=True)
    others = [
        _sight(one, owner.pk, sources, stored=stored, proposed=proposed, team_names=team_names)
        for one in colleagues
        if one.pk != owner.pk
    ]
    groups = []
    for grade in (AccessLevel.FULL, AccessLevel.SUBJECT, AccessLevel.METADATA):
        alike = [one for one in (you, *others) if one.level == grade]
        alike.sort(key=lambda one: (not one.is_you, not one.change, one.name.casefold()))
        groups.append(LevelGroup(grade, ICONS[grade], len(alike), alike[:MOST_SHOWN]))
    return groups


def _sight(
    colleague: Colleague,
    owner_id: int,
    sources: Sequence[Source],
    *,
    stored: Mapping[Grantee, AccessLevel],
    proposed: Mapping[Grantee, AccessLevel],
    team_names: Mapping[int, str],
) -> Sight:
    offered = _given(proposed, team_names, "")
    now = _levels(colleague, owner_id, sources, _given(stored, team_names, ""))
    then = _levels(colleague, owner_id, sources, offered)
    sight = Sight(colleague.pk, colleague.name, max(then), _why(colleague, max(then), sources, offered))
    if then == now:
        return sight
    is_more = sum(then) > sum(now)
    was = max(now).label.lower().split(" and ")[0]
    if max(then) == max(now):
        why = f"of {'more' if is_more else 'less'} than now"
    elif is_more and sight.why.startswith("in "):
        why = f"new, {sight.why}"
    else:
        why = f"new, was {was}" if is_more else f"was {was}"
    return replace(sight, why=why, change="up" if is_more else "down")


def _given(access: Mapping[Grantee, AccessLevel], team_names: Mapping[int, str], why: str) -> list:
    return [
        (Given(grade, one.member_id, one.team_id), _through(one, team_names) or why)
        for one, grade in access.items()
    ]


def _through(grantee: Grantee, team_names: Mapping[int, str]) -> str:
    if grantee == EVERYBODY:
        return "shared with everyone"
    return f"in {team_names.get(grantee.team_id, 'a team')}" if grantee.team_id else "shared here"


def _levels(
    colleague: Colleague, owner_id: int, sources: Sequence[Source], more: Sequence[tuple[Given, str]]
) -> list[AccessLevel]:
    """Of each source. An owner is told the highest: nobody sees more than he has read."""
    found = [
        level(
            colleague.viewer,
            Copy(owner_id, source.default_level, [grant for grant, _ in (*source.grants, *more)]),
        )
        for source in sources
    ]
    return [one or AccessLevel.METADATA for one in found] or [AccessLevel.METADATA]


def _why(
    colleague: Colleague,
    grade: AccessLevel,
    sources: Sequence[Source],
    more: Sequence[tuple[Given, str]],
) -> str:
    if any(source.default_level >= grade for source in sources):
        return "your default"
    for grant, why in (*(one for source in sources for one in source.grants), *more):
        if grant.level >= grade and grant.is_for(colleague.viewer):
            return why
    return "your default"


def colleagues(owner: Member) -> list[Colleague]:
    """The active members of the owner's workspace. Two statements."""
    teams: dict[int, set[int]] = {}
    memberships = TeamMembership.objects.filter(workspace_id=owner.workspace_id)
    for member_id, team_id in memberships.values_list("member_id", "team_id"):
        teams.setdefault(member_id, set()).add(team_id)
    members = Member.objects.active().filter(workspace_id=owner.workspace_id).select_related("user")
    return [Colleague(one.pk, one.name, frozenset(teams.get(one.pk, ()))) for one in members.order_by("pk")]


# The owner's copies in a thread, each with the grants on records that cover it.
_COPIES_IN_THREAD = """
    SELECT DISTINCT c.mailbox_id, ARRAY(
        SELECT DISTINCT g.id FROM mailboxes_participant p
        JOIN mailboxes_grantcoverage v
          ON v.workspace_id = %(workspace)s
         AND (v.address_id = p.address_id OR (v.domain = p.domain AND v.domain <> ''))
        JOIN mailboxes_accessgrant g ON g.id = v.grant_id AND g.owner_id = %(owner)s
        WHERE p.message_id = c.message_id ORDER BY g.id)
    FROM mailboxes_messagecopy c
    JOIN mailboxes_emailmessage m ON m.id = c.message_id
    JOIN mailboxes_mailbox b ON b.id = c.mailbox_id
    WHERE m.thread_id = %(thread)s AND b.member_id = %(owner)s AND b.state <> 'removing'
      AND c.blocked_by_id IS NULL
"""

# The owner's messages with a record.
_OWN_WITH_RECORD = """
    WITH reach AS ({reach})
    SELECT {what} FROM mailboxes_mailbox b
    JOIN mailboxes_messagecopy c ON c.mailbox_id = b.id AND c.blocked_by_id IS NULL
    JOIN mailboxes_participant p ON p.message_id = c.message_id
    JOIN reach ON {within}
    WHERE b.member_id = %(owner)s AND b.state <> 'removing'
"""


def count_own(owner: Member, target: Target) -> int:
    """The owner's own messages with a record."""
    return _own(owner, target, "count(DISTINCT c.message_id)")[0][0]


def _own(owner: Member, target: Target, what: str) -> list[tuple]:
    statement = _OWN_WITH_RECORD.format(reach=REACH[target.name], within=WITHIN, what=what)
    return fetch(statement, record=target.row.pk, owner=owner.pk)


def sources(owner: Member, target: Target, *, team_names: Mapping[int, str]) -> list[Source]:
    """What decides besides the grants on the target itself. A mailbox that holds nothing of a record has no
    say, unless none does."""
    boxes = {box.pk: box for box in Mailbox.objects.owned_by(owner).connected()}
    grants = list(AccessGrant.objects.given_by(owner).select_related("company", "person"))
    of_box = {pk: [_labelled(g, team_names) for g in grants if g.mailbox_id == pk] for pk in boxes}
    if target.name != "thread":
        holding = {row[0] for row in _own(owner, target, "DISTINCT b.id")} if target.record_kind else set()
        return [
            Source(AccessLevel(box.default_level), of_box[pk])
            for pk, box in boxes.items()
            if pk in holding or not holding
        ]
    by_pk = {grant.pk: grant for grant in grants}
    rows = fetch(_COPIES_IN_THREAD, thread=target.row.pk, owner=owner.pk, workspace=owner.workspace_id)
    return [
        Source(
            AccessLevel(boxes[box].default_level),
            [*of_box[box], *(_labelled(by_pk[pk], team_names) for pk in covering)],
        )
        for box, covering in rows
    ]


def _labelled(grant: AccessGrant, team_names: Mapping[int, str]) -> tuple[Given, str]:
    record = grant.company or grant.person
    where = (
        f"with {record.name}" if record else "Account settings" if grant.team_id else "from Account settings"
    )
    team = f"{team_names.get(grant.team_id, 'a team')}, " if grant.team_id else ""
    return Given(AccessLevel(grant.level), grant.member_id, grant.team_id), f"{team}{where}"


def access_of(grants: Iterable[AccessGrant]) -> dict[Grantee, AccessLevel]:
    """The most that each is given."""
    by_level = sorted(grants, key=lambda grant: grant.level)
    return {Grantee.of(grant): AccessLevel(grant.level) for grant in by_level}
