"""Members and teams in a form: who is shared with, who can be added, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.http import QueryDict

from crm.models import AccessLevel, Team
from mailboxes.sharing.granting import Access, Grantee
from mailboxes.sharing.summary import Colleague

GRANTABLE = [(level, level.label) for level in (AccessLevel.SUBJECT, AccessLevel.FULL)]
_LONGEST_ID = 18


class BadAccess(ValueError):
    """A form that our page does not send."""


@dataclass(frozen=True, slots=True)
class Sharee:
    """`key` names it in a form: `member-5` or `team-2`."""

    key: str
    pk: int
    name: str
    note: str
    level: AccessLevel
    is_team: bool


class Candidate(NamedTuple):
    """Somebody or a team that can still be added, by the same key."""

    key: str
    pk: int
    name: str


def posted_access(posted: QueryDict) -> dict[Grantee, AccessLevel]:
    """Members and teams with their levels, one more of them added or taken away. Raises BadAccess."""
    access = {
        read_grantee(key): read_level(value)
        for key, value in posted.items()
        if key.startswith(("member-", "team-"))
    }
    if added := posted.get("add", ""):
        access.setdefault(read_grantee(added), AccessLevel.FULL)
    if removed := posted.get("remove", ""):
        access.pop(read_grantee(removed), None)
    return access


def read_grantee(key: str) -> Grantee:
    name, _, number = key.partition("-")
    if name not in ("member", "team") or not number.isdecimal() or len(number) > _LONGEST_ID:
        raise BadAccess
    return Grantee(member_id=int(number)) if name == "member" else Grantee(team_id=int(number))


def read_level(value: object) -> AccessLevel:
    found = next((level for level, _ in GRANTABLE if str(level.value) == value), None)
    if found is None:
        raise BadAccess
    return found


def sharees_of(access: Access, everyone: Sequence[Colleague], teams: Sequence[Team]) -> list[Sharee]:
    by_member = {one.pk: one for one in everyone}
    by_team = {team.pk: team for team in teams}
    found = []
    for one, level in access.items():
        if one.team_id in by_team:
            team = by_team[one.team_id]
            names = [colleague.name for colleague in everyone if team.pk in colleague.team_ids]
            note = ", ".join(names) or "Nobody is in it yet"
            found.append(Sharee(f"team-{team.pk}", team.pk, team.name, note, level, True))
        elif one.member_id in by_member:
            colleague = by_member[one.member_id]
            in_teams = ", ".join(team.name for team in teams if team.pk in colleague.team_ids)
            note = f"Member of {in_teams}" if in_teams else "Member"
            found.append(Sharee(f"member-{colleague.pk}", colleague.pk, colleague.name, note, level, False))
    return found


def options_for(
    access: Access, everyone: Sequence[Colleague], teams: Sequence[Team], *, besides: Grantee
) -> Mapping[str, list[Candidate]]:
    """Who can still be added, by kind."""
    return {
        "Teams": [
            Candidate(f"team-{team.pk}", team.pk, team.name)
            for team in teams
            if Grantee(team_id=team.pk) not in access
        ],
        "Members": [
            Candidate(f"member-{one.pk}", one.pk, one.name)
            for one in sorted(everyone, key=lambda one: one.name.casefold())
            if Grantee(member_id=one.pk) not in (*access, besides)
        ],
    }
