"""Teams: named groups of members, kept by the workspace's admins."""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from crm.auditing import audit
from crm.live import announce
from crm.locking import lock_workspace
from crm.models import Member, Team, TeamMembership
from crm.plain import tidied
from crm.workspaces import require_admin


class NameRefused(ValueError):
    """A team cannot be called this; the message says why."""


def create_team(name: str, *, by: Member) -> Team:
    require_admin(by, by.workspace_id)
    with transaction.atomic():
        lock_workspace(by.workspace_id)
        team = Team.objects.create(workspace_id=by.workspace_id, name=_free_name(name, by.workspace_id))
        audit("team_created", by=by, team=team.pk)
    return team


def rename_team(team: Team, name: str, *, by: Member) -> None:
    require_admin(by, team.workspace_id)
    with transaction.atomic():
        lock_workspace(team.workspace_id)
        fresh = _free_name(name, team.workspace_id, but=team)
        if fresh == team.name or not Team.objects.filter(pk=team.pk).update(name=fresh):
            return
        team.name = fresh
        audit("team_renamed", by=by, team=team.pk)


def delete_team(team: Team, *, by: Member) -> None:
    """What was shared with the team ends with it."""
    require_admin(by, team.workspace_id)
    with transaction.atomic():
        lock_workspace(team.workspace_id)
        pk = team.pk
        if Team.objects.filter(pk=pk).delete()[0]:
            audit("team_deleted", by=by, team=pk)
            announce(team.workspace_id, topics=["access"])


def join_team(team: Team, member: Member, *, by: Member) -> None:
    """Whoever is deactivated, or of another workspace, joins nothing."""
    require_admin(by, team.workspace_id)
    with transaction.atomic():
        lock_workspace(team.workspace_id)
        if not Member.objects.active().filter(pk=member.pk, workspace_id=team.workspace_id).exists():
            raise PermissionDenied
        _, is_new = TeamMembership.objects.get_or_create(
            workspace_id=team.workspace_id, team=team, member=member
        )
        if is_new:
            audit("team_joined", by=by, team=team.pk, member=member.pk)
            announce(team.workspace_id, topics=["access"])


def leave_team(team: Team, member: Member, *, by: Member) -> None:
    require_admin(by, team.workspace_id)
    with transaction.atomic():
        lock_workspace(team.workspace_id)
        if TeamMembership.objects.filter(team=team, member=member).delete()[0]:
            audit("team_left", by=by, team=team.pk, member=member.pk)
            announce(team.workspace_id, topics=["access"])


def _free_name(text: str, workspace_id: int, *, but: Team | None = None) -> str:
    name = tidied(text)
    longest = Team._meta.get_field("name").max_length or 0
    if not name or len(name) > longest:
        raise NameRefused(f"A team needs a name of at most {longest} characters.")
    same = Team.objects.filter(workspace_id=workspace_id, name__iexact=name)
    if any(team != but for team in same):
        raise NameRefused(f"There is a team called {name} already.")
    return name
