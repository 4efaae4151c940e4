"""What commands are told by name, found or refused in plain words."""

from django.core.management.base import CommandError

from crm.models import Member, Workspace


def find_workspace(slug: str) -> Workspace:
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise CommandError(f"There is no workspace “{slug}”.")
    return workspace


def find_member(slug: str, email: str) -> Member:
    members = Member.objects.select_related("workspace", "user")
    member = members.filter(workspace=find_workspace(slug), user__email=email.strip().lower()).first()
    if member is None:
        raise CommandError(f"{email} is not a member of “{slug}”.")
    return member
