from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.lookup import find_workspace
from crm.models import Role
from crm.workspaces import NotAnAddress, add_member


class Command(BaseCommand):
    help = "Add somebody to a workspace; run again, it brings role and password up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("email")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER)
        parser.add_argument("--password", help="without one they cannot sign in yet")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = find_workspace(options["slug"])
        try:
            member = add_member(
                workspace, options["email"], role=Role(options["role"]), password=options["password"]
            )
        except NotAnAddress as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{member.user.email} is {member.get_role_display().lower()} of {workspace.name}.")
